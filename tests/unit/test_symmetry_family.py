"""The family of symmetries: what must leave a rollout as it is, and what must not."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from rnnschur import interventions
from rnnschur.batch import Batch
from rnnschur.cells import CellBase
from rnnschur.evaluation import evaluate
from rnnschur.metrics import metric
from rnnschur.network import Network
from rnnschur.streams import generator


@dataclass(frozen=True)
class Rectified(CellBase):
    """A layer whose nonlinearity is not odd."""

    def states(self, weights, inputs, xp=np):
        hidden = xp.zeros_like(inputs[0] @ weights["W_xh"].mT)
        states = []
        for x in inputs:
            hidden = xp.maximum(hidden @ weights["W_hh"].mT + x @ weights["W_xh"].mT, 0)
            states.append(hidden)
        return xp.stack(states, -3)


@dataclass(frozen=True)
class Linear(CellBase):
    """A layer without a nonlinearity."""

    odd = True

    def states(self, weights, inputs, xp=np):
        hidden = xp.zeros_like(inputs[0] @ weights["W_xh"].mT)
        states = []
        for x in inputs:
            hidden = hidden @ weights["W_hh"].mT + x @ weights["W_xh"].mT
            states.append(hidden)
        return xp.stack(states, -3)


@pytest.fixture(scope="module")
def parts():
    """Return weights, and sequences of which the outputs count from step 3 on."""
    W_hh = np.random.default_rng(0).standard_normal((8, 8)) / 2
    rng = np.random.default_rng(0)
    weights = {
        "W_hh": W_hh,
        "W_xh": rng.standard_normal((8, 2)),
        "W_hy": rng.standard_normal((3, 8)),
    }
    rng = np.random.default_rng(1)
    return weights, Batch(rng.standard_normal((12, 30, 2)), rng.standard_normal((9, 30, 3)))


def changes(network, seed=1):
    family = interventions.make("symmetries", {})
    return list(family.of(network, None, partial(generator, seed)))


def run(cell, parts, dtype=np.float64):
    weights, batch = parts
    network = Network(cell, {name: w.astype(dtype) for name, w in weights.items()})
    return evaluate(network, changes(network), batch, metric("fvu")).set_index("control")


def test_symmetries_change_nothing_and_rotations_do(parts):
    table = run("tanh", parts)
    assert table.loc["permutation and flips", "rollout_difference"] < 1e-12
    assert table.loc["rotation", "rollout_difference"] > 0.05
    assert (table[["moduli_change", "departure_change"]] < 1e-12).all(axis=None)


def test_single_precision_is_kept(parts):
    table = run("tanh", parts, np.float32)
    difference = table.loc["permutation and flips", "rollout_difference"]
    assert 0 < difference < 1e-5  # rounding, of single precision
    assert (table[["moduli_change", "departure_change"]] < 1e-6).all(axis=None)


def test_signs_stay_where_the_nonlinearity_is_not_odd(parts):
    table = run(Rectified(), parts)
    assert list(table.index) == ["permutation", "rotation"]
    assert table.loc["permutation", "rollout_difference"] < 1e-12
    assert table.loc["rotation", "rollout_difference"] > 0.05
    network = Network(Rectified(), parts[0])
    (moved, _) = changes(network)
    for name, weight in network.weights.items():
        np.testing.assert_array_equal(np.sort(moved.changes[name], None), np.sort(weight, None))


def test_a_rotation_is_a_symmetry_of_a_linear_network(parts):
    assert (run(Linear(), parts)["rollout_difference"] < 1e-12).all()


def test_labels_and_mass_are_those_of_the_change(parts):
    network = Network("tanh", parts[0])
    W = network.weights["W_hh"]
    symmetry, rotation = changes(network)
    for change in (symmetry, rotation):
        assert change.labels["control"] == change.removed
        assert set(change.changes) == set(network.weights)
        moved = change.changes["W_hh"]
        assert change.mass == pytest.approx(np.linalg.norm(moved - W) / np.linalg.norm(W))
    moved = np.abs(symmetry.changes["W_hh"])
    np.testing.assert_array_equal(np.sort(moved, None), np.sort(np.abs(W), None))
    # Units move and are flipped, each in all of the weights together.
    permuted = [
        np.argmin(np.abs(np.abs(W_x) - np.abs(parts[0]["W_xh"])).sum(1))
        for W_x in symmetry.changes["W_xh"]
    ]
    assert sorted(permuted) == list(range(8)) and permuted != list(range(8))


def test_the_source_decides_what_is_drawn(parts):
    network = Network("tanh", parts[0])
    first, again, other = changes(network), changes(network), changes(network, seed=2)
    for one, same, another in zip(first, again, other, strict=True):
        assert one.changes["W_hh"].tobytes() == same.changes["W_hh"].tobytes()
        assert one.changes["W_hh"].tobytes() != another.changes["W_hh"].tobytes()


def test_a_network_without_recurrence_has_no_changes():
    zero = {"W_hh": np.zeros((3, 3)), "W_xh": np.ones((3, 1)), "W_hy": np.ones((1, 3))}
    for change in changes(Network("tanh", zero)):
        numbers = change.mass, change.labels["moduli_change"], change.labels["departure_change"]
        assert numbers == (0, 0, 0)
