"""Rotations, and how nonlinear a network is, against what is known of both."""

from functools import partial

import numpy as np
import pytest
import torch

from rnnschur import METRICS, Batch, Network, evaluate, interventions
from rnnschur.cells import make
from rnnschur.linearity import activation, nonlinearity
from rnnschur.streams import generator

RNG = np.random.default_rng(0)
N = 8
BATCH = Batch(RNG.standard_normal((12, 30, 2)), RNG.standard_normal((9, 30, 3)))


def network(cell="tanh", scale=1.0, **more):
    """Return a network whose units receive inputs of some size."""
    weights = {
        "W_hh": np.random.default_rng(1).standard_normal((N, N)) / 4,
        "W_xh": scale * np.random.default_rng(2).standard_normal((N, 2)),
        "W_hy": np.random.default_rng(3).standard_normal((3, N)),
    }
    return Network(cell, weights | more)


def family(**options):
    return interventions.make("rotations", options)


def rotated(net, batch=BATCH, fit=BATCH, **options):
    made = family(**options)
    rows = evaluate(net, made.of(net, fit, partial(generator, 1)), batch, METRICS["fvu"])
    return rows, made.summary(rows)


def test_rotations_are_symmetries_of_linear_networks_only():
    rows, _ = rotated(network("linear"))
    assert len(rows) == 20 and (rows["rollout_difference"] < 1e-12).all()
    assert (rows["nonlinearity"] == 0).all()
    rows, _ = rotated(network("tanh"))
    assert (rows["rollout_difference"] > 0.05).all() and (rows["nonlinearity"] > 0.01).all()


def test_small_states_make_a_network_nearly_linear():
    found = [rotated(network(scale=s))[1].iloc[0] for s in (1e-3, 1e-2, 1)]
    for column in ("mean_state", "nonlinearity", "rollout_difference"):
        values = [row[column] for row in found]
        assert values == sorted(values)
    # tanh z = z - z^3 / 3: a difference of second order in the size of the states.
    ratio = found[1]["rollout_difference"] / found[0]["rollout_difference"]
    assert ratio == pytest.approx(100, rel=0.01)


def test_the_summary_is_one_row_of_medians_and_extremes():
    rows, summary = rotated(network(), draws=5)
    (row,) = summary.to_dict("records")
    d = rows["rollout_difference"]
    assert row["rollout_difference"] == sorted(d)[2] == np.median(d)
    assert (row["rollout_difference_min"], row["rollout_difference_max"]) == (min(d), max(d))
    assert row["value"] == np.median(rows["value"]) and row["damage"] == np.median(rows["damage"])
    assert row["removed"] == "rotation" and "draw" not in row
    broken = rows.assign(rollout_difference=[np.nan, *d[1:]])
    assert family().summary(broken)["rollout_difference"].isna().all()


def test_initial_states_go_along():
    batch = Batch(BATCH.inputs, BATCH.targets, h0=RNG.standard_normal((30, N)))
    assert (rotated(network("linear"), batch)[0]["rollout_difference"] < 1e-12).all()


def test_more_draws_leave_the_others_as_they_are():
    few, many = (rotated(network(), draws=n)[0] for n in (2, 4))
    assert few.equals(many[:2]) and many["rollout_difference"].nunique() == 4


def test_without_sequences_or_with_gates_nothing_is_said_of_the_nonlinearity():
    torch.manual_seed(0)
    gru = Network.from_torch(torch.nn.GRU(2, N).double(), torch.nn.Linear(N, 3).double())
    for net, fit in ((gru, BATCH), (network(), None)):
        _, summary = rotated(net, fit=fit, draws=2)
        assert summary[["mean_state", "nonlinearity"]].isna().all(axis=None)
        assert summary["rollout_difference"].notna().all()
    assert activation(gru, BATCH) is None


def test_one_unit_without_recurrence_has_a_closed_form():
    one = np.ones((1, 1))
    net = Network("tanh", {"W_hh": 0 * one, "W_xh": one, "W_hy": one})
    inputs = np.array([0.5, 2.0]).reshape(2, 1, 1)
    z, f = activation(net, Batch(inputs))
    np.testing.assert_allclose(z, inputs)
    # The squared sine of the angle between z and f(z).
    t = np.tanh([0.5, 2])
    expected = (0.5 * t[1] - 2 * t[0]) ** 2 / ((0.5**2 + 2**2) * (t @ t))
    assert nonlinearity(z, f) == pytest.approx(expected)


def test_gaussian_closed_forms():
    z = np.random.default_rng(4).standard_normal((500, 400))
    assert nonlinearity(z, z) == 0
    assert nonlinearity(z, np.maximum(z, 0)) == pytest.approx(0.5, abs=0.01)
    assert nonlinearity(z, np.sign(z)) == pytest.approx(1 - 2 / np.pi, abs=0.01)
    assert nonlinearity(z, z**2) == pytest.approx(1, abs=1e-3)
    assert nonlinearity(0.05 * z, np.tanh(0.05 * z)) == pytest.approx(2 / 3 * 0.05**4, rel=0.05)
    assert np.isnan(nonlinearity(z, 0 * z)) and nonlinearity(0 * z, z) == 1


LEAKY = [
    {"place": place, "bias": bias} for place in ("before", "after", "currents")
    for bias in ("inside", "outside")
]  # fmt: skip


@pytest.mark.parametrize("options", LEAKY, ids=lambda o: "-".join(o.values()))
@pytest.mark.parametrize("f", ["tanh", "relu"])
def test_states_of_a_leaky_layer_follow_from_what_its_nonlinearity_gives(options, f):
    b, h0 = RNG.standard_normal(N), RNG.standard_normal(N)
    a = RNG.uniform(0.1, 0.9, N)
    net = network(make("leaky", nonlinearity=f, **options), b_h=b, h0=h0, a=a)
    states = net.cell.states(net.weights, BATCH.inputs)
    before = np.concatenate([np.broadcast_to(h0, (1, 30, N)), states[:-1]])
    _, given = activation(net, BATCH)
    outside = b if options["bias"] == "outside" else 0
    if options["place"] == "before":
        expected = (1 - a) * before + a * (given + outside)
    elif options["place"] == "after":
        expected = given + outside
    else:
        drive = given @ net.weights["W_hh"].T + BATCH.inputs @ net.weights["W_xh"].T + outside
        expected = (1 - a) * before + a * drive
    np.testing.assert_allclose(states, expected, atol=1e-12)


@pytest.mark.parametrize("cell", ["tanh", "relu", "linear"])
def test_the_states_of_a_layer_are_what_its_nonlinearity_gives(cell):
    for more in ({}, {"b_h": RNG.standard_normal(N)}, {"h0": RNG.standard_normal(N)}):
        net = network(cell, **more)
        _, given = activation(net, BATCH)
        np.testing.assert_allclose(given, net.cell.states(net.weights, BATCH.inputs), atol=1e-12)
    batch = Batch(BATCH.inputs, h0=RNG.standard_normal((30, N)))
    states = net.cell.states(net.weights | batch.starts, BATCH.inputs)
    np.testing.assert_allclose(activation(net, batch)[1], states, atol=1e-12)
