"""The leaky cell: its three equations step by step, closed forms, sectors of the step matrix."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import Batch, Network, cells, diagnose, interventions
from rnnschur.cells.leaky import BIASES, PLACES
from rnnschur.coordinates.sectors import Sectors

FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "linear": lambda x: x,
}


def draw(rng, width=6):
    return {
        "W_hh": 1.2 * rng.standard_normal((width, width)) / np.sqrt(width),
        "W_xh": rng.standard_normal((width, 2)),
        "W_hy": rng.standard_normal((3, width)),
    }


def steps(weights, inputs, a, place, f, bias):
    """Return the states as the equations say, a sequence and a step at a time."""
    W, U = weights["W_hh"], weights["W_xh"]
    b, h0 = weights["b_h"], weights["h0"]
    states = np.empty((*inputs.shape[:2], len(W)))
    for sequence in range(inputs.shape[1]):
        h = h0 if h0.ndim == 1 else h0[sequence]
        for t, u in enumerate(inputs[:, sequence]):
            if place == "before":
                inside = f(W @ h + U @ u + b)
                h = (1 - a) * h + a * (inside if bias == "inside" else f(W @ h + U @ u) + b)
            elif place == "after":
                if bias == "inside":
                    h = f((1 - a) * h + a * (W @ h + U @ u + b))
                else:
                    h = f((1 - a) * h + a * (W @ h + U @ u)) + b
            elif bias == "inside":
                h = (1 - a) * h + a * (W @ f(h + b) + U @ u)
            else:
                h = (1 - a) * h + a * (W @ f(h) + U @ u + b)
            states[t, sequence] = h
    return states


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("nonlinearity", FUNCTIONS)
def test_states_are_those_of_the_equations(place, bias, nonlinearity):
    rng = np.random.default_rng(0)
    weights = draw(rng) | {"b_h": rng.standard_normal(6)}
    weights["W_hh"] /= 2 if nonlinearity in ("relu", "softplus", "linear") else 1
    inputs, h0 = rng.standard_normal((100, 3, 2)), rng.standard_normal((3, 6))
    default = (bias == "outside") == (place == "currents")
    for a, start in itertools.product((0.1, rng.uniform(0.05, 1, 6)), (h0[0], h0)):
        options = {"place": place, "nonlinearity": nonlinearity, "bias": bias}
        more = {"h0": start}
        if np.ndim(a):
            more["a"] = a
        else:
            options["a"] = a
        given_weights = weights | more
        expected = steps(given_weights, inputs, a, place, FUNCTIONS[nonlinearity], bias)
        cell = cells.make("leaky", **options)
        found = cell.states(given_weights, inputs)
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()
        if default:  # the bias stands beside the input unless told otherwise
            same = replace(cell, bias=None).states(given_weights, inputs)
            np.testing.assert_array_equal(same, found)
        # An activity is the nonlinearity of all that it acts on.
        read = replace(cell, readout=nonlinearity).outputs(given_weights, inputs)
        inside = (place, bias) == ("currents", "inside") and nonlinearity != "linear"
        seen = FUNCTIONS[nonlinearity](expected + weights["b_h"] if inside else expected)
        np.testing.assert_allclose(read, seen @ weights["W_hy"].T, rtol=1e-9, atol=1e-11)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from(["tanh", "relu"]))
def test_a_step_of_a_whole_time_constant_is_nn_rnn(seed, nonlinearity):
    rng = np.random.default_rng(seed)
    layer = torch.nn.RNN(2, 6, nonlinearity=nonlinearity, dtype=torch.float64)
    weights = {"W_hh": layer.weight_hh_l0, "W_xh": layer.weight_ih_l0}
    weights["b_h"] = layer.bias_ih_l0 + layer.bias_hh_l0
    weights = {name: weight.detach().numpy() for name, weight in weights.items()}
    inputs = rng.standard_normal((100, 4, 2))
    with torch.no_grad():
        expected = layer(torch.from_numpy(inputs))[0].numpy()
    for place in ("before", "after"):
        cell = cells.make("leaky", a=1, place=place, nonlinearity=nonlinearity)
        found = cell.states(weights, inputs)
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("place", PLACES)
def test_a_linear_leaky_layer_is_a_power_of_its_step_matrix_and_tends_to_an_exponential(place):
    rng = np.random.default_rng(1)
    weights = draw(rng) | {"h0": rng.standard_normal(6)}
    tau = rng.uniform(0.5, 2, 6)
    generator = (weights["W_hh"] - np.eye(6)) / tau[:, None]
    expected, errors = scipy.linalg.expm(generator) @ weights["h0"], []
    for count in (100, 200):
        given_weights = weights | {"a": 1 / (count * tau)}
        cell = cells.make("leaky", place=place, nonlinearity="linear")
        last = cell.states(given_weights, np.zeros((count, 1, 2)))[-1, 0]
        step = cell.matrices(given_weights)["step"].matrix
        power = np.linalg.matrix_power(step, count) @ weights["h0"]
        np.testing.assert_allclose(last, power, rtol=1e-10)
        errors.append(np.linalg.norm(last - expected))
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)  # of first order


def test_removal_is_that_of_the_step_matrix_and_mass_that_of_the_weight():
    rng = np.random.default_rng(2)
    weights = draw(rng, 12)
    W = weights["W_hh"]
    for a in (np.full(12, 0.1), rng.uniform(0.05, 0.5, 12)):
        more = {"a": a} if np.ptp(a) else {}
        cell = cells.make("leaky", **({} if more else {"a": 0.1}))
        network = Network(cell, weights | more)
        step = np.eye(12) + np.diag(a) @ (W - np.eye(12))
        sectors = Sectors.of(step, 0.9 ** a.mean())
        assert 0 < sectors.size < 12
        for change in interventions.make("couplings", {}).of(network):
            names = [] if change.removed == "none" else change.removed.split("+")
            removed = step - sectors.without(sectors.mask(*names))[0]
            expected = W - removed / a[:, None]
            np.testing.assert_allclose(change.changes["W_hh"], expected, rtol=0, atol=1e-12)
            mass = np.linalg.norm(expected - W) / np.linalg.norm(W)
            assert change.mass == pytest.approx(mass, rel=1e-10, abs=1e-13)
            assert change.labels["leading"] == sectors.size
            assert change.labels["threshold"] == pytest.approx(0.9 ** a.mean())
            if not names:
                assert change.changes["W_hh"].tobytes() == W.tobytes()


def test_with_one_time_constant_the_couplings_are_those_of_the_weight():
    """For a a step matrix has the Schur vectors of W, so that all of T goes as it would in W."""
    rng = np.random.default_rng(3)
    weights = draw(rng, 8)
    masses = {}
    for a in (1.0, 0.2, 0.02):
        network = Network(cells.make("leaky", a=a), weights)
        *_, every = interventions.make("couplings", {"alphas": [1e-9]}).of(network)
        masses[a] = every.mass
    # In R alone, the order of blocks is by |1 + a (lambda - 1)|: mass may trade with 2 x 2 blocks.
    eigenvalues = np.linalg.eigvals(weights["W_hh"])
    bound = np.sqrt(1 - np.sum(np.abs(eigenvalues) ** 2) / np.linalg.norm(weights["W_hh"]) ** 2)
    for mass in masses.values():
        assert 0 < mass <= bound + 1e-12


def test_the_size_of_the_sector_is_told_at_finer_steps():
    rng = np.random.default_rng(4)
    weights, tau = draw(rng, 30), rng.uniform(0.5, 2, 30)

    def labels(a):
        network = Network("leaky", weights | {"a": a})
        return next(iter(interventions.make("couplings", {"alphas": [0.6]}).of(network))).labels

    for a in (0.4 / tau, 0.1 / tau, 0.02 / tau):
        found = labels(a)
        assert found["leading_half"] == labels(a / 2)["leading"]
        assert found["leading_quarter"] == labels(a / 4)["leading"]
    # In the limit the sector holds the eigenvalues within log(1 / alpha) of the largest real part.
    fine = labels(1e-4 / tau)
    rates = np.linalg.eigvals((weights["W_hh"] - np.eye(30)) / tau[:, None]).real
    bound = rates.max() - np.log(1 / 0.6) * np.mean(1 / tau)
    assert fine["leading"] == fine["leading_quarter"] == np.count_nonzero(rates >= bound)


def test_a_time_constant_is_given_once_and_in_range():
    rng = np.random.default_rng(0)
    weights = draw(rng)
    for cell, more, words in (
        ("leaky", {}, "^a is missing; allowed: a number in "),
        (cells.make("leaky", a=0.1), {"a": np.full(6, 0.1)}, "^a is given twice; allowed: "),
        ("leaky", {"a": np.full(6, 1.5)}, "^a has entries from 1.5 to 1.5; allowed: numbers in "),
        ("leaky", {"a": np.zeros(6)}, "^a has entries from 0.0 to 0.0"),
        ("leaky", {"a": np.full(5, 0.1)}, r"^a has shape \(5,\); allowed: \(units\) = \(6,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            Network(cell, weights | more)
    for options, words in (
        ({"a": 0}, r"^a is 0; allowed: a number in \(0, 1\]"),
        ({"place": "rate"}, "^place is 'rate'; allowed: before, after, currents"),
        ({"nonlinearity": "softmax"}, "^nonlinearity is 'softmax'; allowed: linear, tanh, relu"),
        ({"bias": "both"}, "^bias is 'both'; allowed: inside, outside"),
    ):
        with pytest.raises(ValueError, match=words):
            cells.make("leaky", **options)


def test_a_diagnosis_of_a_leaky_network_reads_like_any_other():
    rng = np.random.default_rng(5)
    network = Network(cells.make("leaky", a=0.2, place="currents", readout="tanh"), draw(rng, 10))
    table = diagnose(network, Batch(rng.standard_normal((40, 20, 2))), alphas=(0.9, 0.5))
    assert len(table) == 16 and (table["matrix"] == "step").all() and "gauge" not in table
    assert table["value"].isna().all() and table["rollout_difference"].notna().all()
    assert (table.query("removed == 'none'")["rollout_difference"] == 0).all()
    assert list(table)[:5] == ["matrix", "alpha", "threshold", "leading", "gap"]
    assert list(table)[5:7] == ["leading_half", "leading_quarter"]
    np.testing.assert_allclose(table["threshold"], table["alpha"] ** 0.2)
