"""Linear response against small changes that are made, for cells of every kind."""

import numpy as np
import pytest
import torch

from rnnschur import METRICS, Batch, Intervention, Network, evaluate
from rnnschur.cells import make
from rnnschur.response import response

RNG = np.random.default_rng(0)
N = 12


def gated(layer):
    torch.manual_seed(0)
    return Network.from_torch(layer(3, N).double(), torch.nn.Linear(N, 2).double())


def plain(cell, **options):
    weights = {"W_hh": RNG.standard_normal((N, N)) / 4, "W_xh": RNG.standard_normal((N, 3))}
    weights |= {"W_hy": RNG.standard_normal((2, N)), "b_h": RNG.standard_normal(N)}
    return Network(make(cell, **options), weights | {"h0": RNG.standard_normal(N)})


NETWORKS = {
    "tanh": plain("tanh"),
    "relu": plain("relu"),
    "leaky": plain("leaky", a=0.3),
    "currents": plain("leaky", a=0.3, place="currents"),
    "gru": gated(torch.nn.GRU),
    "lstm": gated(torch.nn.LSTM),
}
BATCH = Batch(RNG.standard_normal((9, 5, 3)), onset=6, mask=RNG.integers(0, 2, (3, 5)))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_small_change_does_what_is_foretold(name):
    network = NETWORKS[name]
    weight = network.cell.recurrent[0]
    found = response(network, BATCH, 4000, np.random.default_rng(1))
    change = 1e-6 * RNG.standard_normal((N, N))
    made = Intervention("a little", {weight: network.weights[weight] + change}, 0.0)
    measured = evaluate(network, [made], BATCH, METRICS["fvu"])["rollout_difference"][0]
    assert found.difference(change) == pytest.approx(measured, rel=0.05)


def test_one_output_needs_no_mean_over_signs():
    network = plain("tanh")
    network = Network("tanh", {**network.weights, "W_hy": network.weights["W_hy"][:1]})
    batch = Batch(BATCH.inputs, onset=8)
    change = 1e-6 * RNG.standard_normal((N, N))
    moved = network.replace({"W_hh": network.weights["W_hh"] + change}).outputs(batch)
    intact = network.outputs(batch)
    expected = np.sqrt(np.sum((moved - intact) ** 2) / np.sum((intact - intact.mean()) ** 2))
    found = response(network, batch, 1, np.random.default_rng(0))
    assert found.difference(change) == pytest.approx(expected, rel=1e-4)


def test_the_curvature_of_an_entry_is_the_difference_that_it_makes():
    found = response(NETWORKS["tanh"], BATCH, 3, np.random.default_rng(0))
    left, right = (np.linalg.qr(RNG.standard_normal((N, N)))[0] for _ in range(2))
    curvature = found.curvature(left, right)
    for i, j in [(0, 0), (3, 7), (11, 2)]:
        entry = np.outer(left[:, i], right[:, j])
        assert curvature[i, j] == pytest.approx(found.difference(entry) ** 2, rel=1e-9)


def test_outputs_that_do_not_vary_have_no_unit():
    still = NETWORKS["relu"].replace({"W_hy": np.zeros((2, N))})
    with pytest.raises(ValueError, match=r"^the intact outputs do not vary over steps"):
        response(still, BATCH, 1, np.random.default_rng(0))
