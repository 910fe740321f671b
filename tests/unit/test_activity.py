"""Activity on networks whose answer is known: which part of a coupling does something, and why."""

from functools import partial

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import METRICS, Batch, Network, evaluate, interventions
from rnnschur.cells import make
from rnnschur.coordinates.activity import PARTS, parts, principal_axes, sector_energy
from rnnschur.streams import generator

RNG = np.random.default_rng(0)
INPUTS = RNG.standard_normal((12, 40, 2))


def family(**options):
    return interventions.make("activity", options)


def changes(network, batch, **options):
    return list(family(**options).of(network, batch, partial(generator, 1)))


def measured(network, batch, **options):
    """Return a table of a network, judged by the sequences that its parts were chosen on."""
    rows = evaluate(network, changes(network, batch, **options), batch, METRICS["fvu"])
    return rows.set_index(["removed", "part"]).sort_index()


# One unit in R, three in C; the one coupling goes from unit 2 to unit 1, both of C. The input
# drives unit 0 and some units of C, the output reads unit 0 and some units of C.
DRIVEN_AND_READ = {
    "nothing reaches it": ([1], [1]),
    "it computes": ([2], [1]),
    "nothing sees it": ([2], [2]),
}


def hand_built(driven, read, cell="tanh", basis=None):
    W_hh = np.diag([0.95, 0.5, 0.4, 0.3])
    W_hh[1, 2] = 0.6
    W_xh, W_hy = np.zeros((4, 2)), np.zeros((2, 4))
    W_xh[0, 0], W_xh[driven, 1] = 0.5, 0.5
    W_hy[0, 0], W_hy[1, read] = 1, 1
    Q = np.eye(4) if basis is None else basis
    return Network(cell, {"W_hh": Q @ W_hh @ Q.T, "W_xh": Q @ W_xh, "W_hy": W_hy @ Q.T})


ROTATION = scipy.linalg.qr(RNG.standard_normal((4, 4)))[0]


@pytest.mark.parametrize(
    ("cell", "basis"), [("tanh", None), ("linear", None), ("linear", ROTATION)]
)
def test_three_reasons_are_told_apart(cell, basis):
    tables = {}
    for reason, (driven, read) in DRIVEN_AND_READ.items():
        table = measured(hand_built(driven, read, cell, basis), Batch(INPUTS), energy=1 - 1e-9)
        assert set(table.index.get_level_values("removed")) == {"CC"}
        tables[reason] = table.loc["CC"]
    shown = ["removed_mass", "rollout_difference", "first_order"]
    mass, d, first = ({r: t[column] for r, t in tables.items()} for column in shown)
    (whole,) = {round(m["whole"], 9) for m in mass.values()}
    assert whole > 0.3

    unused = "nothing reaches it"
    assert mass[unused]["active"] < 1e-9 and mass[unused]["inactive"] == pytest.approx(whole)
    assert mass[unused]["visible"] == pytest.approx(whole)
    assert (d[unused] < 1e-9).all() and (first[unused] < 1e-9).all()

    unseen = "nothing sees it"
    assert mass[unseen]["visible"] < 1e-9 and mass[unseen]["invisible"] == pytest.approx(whole)
    assert mass[unseen]["active"] == pytest.approx(whole)
    assert (d[unseen] < 1e-9).all() and (first[unseen] < 1e-9).all()

    computes = "it computes"
    assert mass[computes]["active and visible"] == pytest.approx(whole)
    assert d[computes]["whole"] > 0.1
    assert d[computes]["active and visible"] == pytest.approx(d[computes]["whole"])
    assert mass[computes]["rest"] < 1e-9 and d[computes]["rest"] < 1e-9


@pytest.fixture(scope="module")
def weak():
    """Return a network whose couplings are small, and its one output at the last step."""
    T = np.diag(np.linspace(1, 0.5, 12)) + 1e-5 * np.triu(RNG.standard_normal((12, 12)), 1)
    Q = scipy.linalg.qr(RNG.standard_normal((12, 12)))[0]
    weights = {"W_hh": Q @ T @ Q.T, "W_xh": RNG.standard_normal((12, 2))}
    network = Network("tanh", weights | {"W_hy": RNG.standard_normal((1, 12))})
    return network, Batch(INPUTS, onset=11)


def test_small_parts_do_what_linear_response_foretells(weak):
    # A single output: its sign does not matter, and one projection is exact.
    table = measured(*weak, minimum_mass=0, energy=0.8, projections=1, sequences=40)
    assert len(table) == 3 * len(PARTS)
    assert (table["rollout_difference"] > 1e-9).all()
    np.testing.assert_allclose(table["first_order"], table["rollout_difference"], rtol=1e-2)


def test_couplings_of_little_mass_are_left_out(weak):
    assert changes(*weak) == []
    masses = {
        i.removed: i.mass for i in changes(*weak, minimum_mass=0) if i.labels["part"] == "whole"
    }
    bound = np.mean(sorted(masses.values())[:2])
    left = {i.removed for i in changes(*weak, minimum_mass=bound)}
    assert left == {name for name, mass in masses.items() if mass > bound} and len(left) == 2


def test_without_sequences_to_choose_on_nothing_is_chosen(weak):
    assert changes(weak[0], None) == []


def test_the_number_of_axes_is_that_of_the_directions_in_use():
    network = hand_built([1], [1], "linear", ROTATION)
    labels = changes(network, Batch(INPUTS), energy=1 - 1e-9)[0].labels
    assert (labels["acting_axes"], labels["seen_axes"]) == (2, 3)  # unit 2 is seen through unit 1
    assert changes(network, Batch(INPUTS), energy=0.1)[0].labels["acting_axes"] == 1


def gated(layer):
    torch.manual_seed(0)
    return Network.from_torch(layer(2, 8).double(), torch.nn.Linear(8, 2).double())


def leaky(**options):
    weights = {"W_hh": RNG.standard_normal((8, 8)), "W_xh": RNG.standard_normal((8, 2))}
    return Network(make("leaky", **options), weights | {"W_hy": RNG.standard_normal((1, 8))})


@pytest.mark.parametrize(
    "network",
    [gated(torch.nn.GRU), gated(torch.nn.LSTM), leaky(a=0.4), leaky(a=0.4, place="currents")],
    ids=["gru", "lstm", "leaky", "currents"],
)
def test_the_whole_part_is_the_ablation_of_every_matrix(network):
    ablations = {
        (i.labels.get("matrix"), i.removed): i
        for i in interventions.make("couplings", {}).of(network)
    }
    batch = Batch(INPUTS, onset=4)
    found = [i for i in changes(network, batch) if i.labels["part"] == "whole"]
    assert {i.labels.get("matrix") for i in found} == {m for m, _ in ablations} - {"all"}
    for whole in found:
        ablation = ablations[whole.labels.get("matrix"), whole.removed]
        assert whole.mass == pytest.approx(ablation.mass, rel=1e-6)
        for name, weight in whole.changes.items():
            np.testing.assert_allclose(weight, ablation.changes[name], atol=1e-12)


def test_energies_are_those_of_a_decay():
    weights = {"W_hh": np.diag([0.9, 0.5]), "W_xh": np.array([[2.0], [1.0]])}
    network = Network("linear", weights | {"W_hy": np.ones((1, 2))})
    inputs = np.zeros((6, 3, 1))
    inputs[0] = [[1], [-1], [2]]
    table = family().energies(network, Batch(inputs, onset=2))
    t = np.arange(6)
    R, C = 4 * 2 * 0.9 ** (2 * t), 2 * 0.5 ** (2 * t)  # the mean square of the inputs is 2
    np.testing.assert_allclose(table["energy"], R + C)
    np.testing.assert_allclose(table["R"], R / (R + C))
    np.testing.assert_allclose(table["C"], C / (R + C))
    assert table["phase"].tolist() == ["input"] * 2 + ["answer"] * 4
    assert table["step"].tolist() == t.tolist()
    still = family().energies(network, Batch(0 * inputs))
    assert (still["energy"] == 0).all() and still[["R", "C"]].isna().all(axis=None)


def test_energies_know_initial_states_that_come_with_the_sequences():
    weights = {"W_hh": np.diag([0.9, 0.5]), "W_xh": np.zeros((2, 1)), "W_hy": np.ones((1, 2))}
    batch = Batch(np.zeros((2, 3, 1)), h0=np.array([[0.0, 2.0]] * 3))
    table = family().energies(Network("linear", weights), batch)
    assert table["energy"].tolist() == [1, 0.25] and table["C"].tolist() == [1, 1]


def test_energies_of_several_matrices_say_of_which():
    table = family().energies(gated(torch.nn.GRU), Batch(INPUTS))
    assert list(table["matrix"].unique()) == ["W_hn", "W_hr", "W_hz"] and len(table) == 36
    np.testing.assert_allclose(table["R"] + table["C"], 1)


def test_sector_energy_is_that_of_the_projections():
    states, Q = RNG.standard_normal((3, 5, 4)), ROTATION
    found = sector_energy(states, Q, 1)
    projector = np.outer(Q[:, 0], Q[:, 0])
    for step in range(3):
        R = np.mean([np.linalg.norm(projector @ h) ** 2 for h in states[step]])
        C = np.mean([np.linalg.norm(h - projector @ h) ** 2 for h in states[step]])
        np.testing.assert_allclose(found[step], [R, C])


@given(st.integers(0, 2**32), st.integers(1, 6), st.floats(0.01, 1))
def test_principal_axes_are_the_fewest_that_hold_the_energy(seed, rank, energy):
    rng = np.random.default_rng(seed)
    vectors = (rng.standard_normal((30, rank)) @ rng.standard_normal((rank, 6))).reshape(5, 6, 6)
    axes = principal_axes(vectors, energy)
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-12)
    total = np.sum(vectors**2)
    assert np.sum((vectors @ axes) ** 2) >= energy * total * (1 - 1e-9)
    # One axis fewer holds too little, even of the best: those of the singular vectors.
    best = scipy.linalg.svd(vectors.reshape(-1, 6))[1] ** 2
    assert best[: axes.shape[1] - 1].sum() < energy * total * (1 + 1e-9)
    assert axes.shape[1] <= 6 and (energy > 1 - 1e-9 or axes.shape[1] <= rank)


def test_vectors_of_zeros_have_no_axes():
    assert principal_axes(np.zeros((4, 3)), 0.99).shape == (3, 0)
    assert principal_axes(np.eye(3)[:2], 1).shape == (3, 2)


@given(st.integers(0, 2**32), st.integers(0, 5), st.integers(0, 5))
def test_parts_add_up_and_are_orthogonal(seed, k, m):
    rng = np.random.default_rng(seed)
    change = rng.standard_normal((5, 5))
    acting, seen = (scipy.linalg.qr(rng.standard_normal((5, 5)))[0][:, :n] for n in (k, m))
    found = parts(change, acting, seen)
    assert tuple(found) == PARTS
    for one, other in (("active", "inactive"), ("visible", "invisible")):
        np.testing.assert_allclose(found[one] + found[other], change, atol=1e-12)
        assert abs(np.sum(found[one] * found[other])) < 1e-10
    # A part that does something acts on the axes, and sends to those that are seen.
    np.testing.assert_allclose(found["active"] @ acting, change @ acting, atol=1e-12)
    np.testing.assert_allclose(found["inactive"] @ acting, 0, atol=1e-12)
    np.testing.assert_allclose(seen.T @ found["invisible"], 0, atol=1e-12)
    both = seen.T @ change @ acting
    np.testing.assert_allclose(seen.T @ found["active and visible"] @ acting, both, atol=1e-12)
    np.testing.assert_allclose(seen.T @ found["rest"] @ acting, 0, atol=1e-12)
    assert np.linalg.norm(found["active and visible"]) == pytest.approx(np.linalg.norm(both))
