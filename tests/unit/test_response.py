"""Linear response against small changes that are made, for cells of every kind."""

from functools import partial

import numpy as np
import pytest
import torch

from rnnschur import METRICS, Batch, Intervention, Network, evaluate
from rnnschur.cells import make
from rnnschur.cells.tanh import Cell as Tanh
from rnnschur.response import acting, response

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
    found = response(network, BATCH, 1000, np.random.default_rng(1))
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


@pytest.mark.filterwarnings("error")
def test_outputs_that_do_not_vary_have_no_unit():
    still = NETWORKS["relu"].replace({"W_hy": np.zeros((2, N))})
    found = response(still, BATCH, 1, np.random.default_rng(0))
    assert np.isnan(found.difference(np.eye(N)))
    assert np.isnan(found.curvature(np.eye(N), np.eye(N))).all()


def test_what_scores_of_classes_have_in_common_does_not_count():
    network = plain("tanh")
    weights = {**network.weights, "W_hy": RNG.standard_normal((3, N))}
    network = Network("tanh", weights)
    labels = RNG.integers(0, 3, (4, 5, 1))
    batch = Batch(BATCH.inputs, labels, mask=RNG.integers(0, 2, (4, 5)))
    change = 1e-6 * RNG.standard_normal((N, N))
    made = Intervention("a little", {"W_hh": network.weights["W_hh"] + change}, 0.0)
    rows = evaluate(network, [made], batch, METRICS["accuracy"])
    found = response(network, batch, 4000, np.random.default_rng(1))
    assert found.difference(change) == pytest.approx(rows["rollout_difference"][0], rel=0.05)
    # The same scores with something large in common: the same classes.
    common = RNG.standard_normal((1, N))
    loud = network.replace({"W_hy": network.weights["W_hy"] + 10 * common})
    again = response(loud, batch, 1, np.random.default_rng(1))
    once = response(network, batch, 1, np.random.default_rng(1))
    assert again.variation == pytest.approx(once.variation, rel=1e-9)
    np.testing.assert_allclose(again.adjoint, once.adjoint, atol=1e-9)
    assert again.difference(change) == pytest.approx(once.difference(change), rel=1e-6)


def test_a_curvature_in_parts_is_the_same(monkeypatch):
    found = response(NETWORKS["gru"], BATCH, 2, np.random.default_rng(0))
    whole = found.curvature(np.eye(N), np.eye(N))
    monkeypatch.setattr("rnnschur.response.MEMORY", 2 * 2 * 8 * N * N)  # two sequences
    np.testing.assert_allclose(found.curvature(np.eye(N), np.eye(N)), whole, rtol=1e-12)


class Written(Tanh):
    """A tanh layer that writes its product in one of many ways."""

    def steps(self, weights, inputs, xp=np):
        hidden = weights["h0"]
        for x in inputs:
            hidden = xp.tanh(self.sent(weights["W_hh"], hidden, xp) + x @ weights["W_xh"].mT)
            yield hidden


def written(sent):
    """Return a network whose cell sends W_hh h as `sent` says."""
    kind = type("Cell", (Written,), {"sent": lambda self, W, h, xp: sent(W, h, xp)})
    weights = {name: NETWORKS["tanh"].weights[name] for name in ("W_hh", "W_xh", "W_hy", "h0")}
    return Network(kind(), weights)


GAINS = torch.from_numpy(np.random.default_rng(5).uniform(0.5, 1, N))


@pytest.mark.parametrize(
    "sent",
    [
        lambda W, h, xp: h @ (0.5 * (0.5 * W.mT)),
        lambda W, h, xp: h @ (W.mT * 0.5 * GAINS),
        lambda W, h, xp: h @ (GAINS[:, None] * W).mT * 0.5,
        lambda W, h, xp: xp.matmul(h, (W * 2).mT * 0.5),
    ],
)
def test_every_way_to_scale_a_product_is_seen(sent):
    network = written(sent)
    found = response(network, BATCH, 2, np.random.default_rng(0))
    W = torch.tensor(network.weights["W_hh"], requires_grad=True)
    weights = {n: torch.from_numpy(w) for n, w in network.weights.items()} | {"W_hh": W}
    outputs = network.cell.outputs(weights, torch.from_numpy(BATCH.inputs), BATCH.onset, torch)
    rng, change = np.random.default_rng(0), RNG.standard_normal((N, N))
    for adjoint in found.adjoint:  # the derivative by the weight is that of all products
        signs = (rng.integers(0, 2, outputs.shape) * 2.0 - 1) * BATCH.mask[..., None]
        (expected,) = torch.autograd.grad(outputs, W, torch.from_numpy(signs), retain_graph=True)
        gained = np.einsum("btn,btm->nm", adjoint, found.acting)
        np.testing.assert_allclose(gained, expected.numpy(), rtol=1e-9, atol=1e-12)
    assert found.difference(change) > 0


@pytest.mark.parametrize(
    "sent",
    [
        lambda W, h, xp: h @ W.swapaxes(-1, -2),
        lambda W, h, xp: h @ (W.mT / 2),
        lambda W, h, xp: xp.einsum("...n,mn->...m", h, W),
        lambda W, h, xp: h @ (W * GAINS).mT,  # gains of the sources
        lambda W, h, xp: (h @ W.mT) + (h @ W.mT),
    ],
)
def test_a_product_that_is_not_seen_is_refused(sent):
    network = written(sent)
    words = r"^W_hh is seen in (0|18) products in 9 steps; allowed: one a step, states @ W_hh.mT"
    for asked in (partial(response, projections=1, rng=np.random.default_rng(0)), acting):
        with pytest.raises(ValueError, match=words):
            asked(network, BATCH)
