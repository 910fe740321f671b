"""Architectures: the distribution of each start, and what training may not change."""

import numpy as np
import pytest
import torch
from scipy import stats

from rnnschur import architectures, cells
from rnnschur.architectures import STARTS, Architecture
from rnnschur.training.module import build


def network(architecture, width=64, seed=0):
    generator = torch.Generator()
    generator.manual_seed(seed)
    return build(architectures.of(architecture), (3, width, 2), generator)


@pytest.mark.parametrize("architecture", STARTS)
def test_shapes_and_reproducibility(architecture):
    first, again, other = (network(architecture, seed=seed) for seed in (1, 1, 2))
    for name, shape in (("W_hh", (64, 64)), ("W_xh", (64, 3)), ("W_hy", (2, 64))):
        weight = getattr(first, name)
        assert weight.shape == shape and weight.dtype == torch.float32
        assert torch.equal(weight, getattr(again, name))
        assert not torch.equal(weight, getattr(other, name))


@pytest.mark.parametrize(
    ("architecture", "law"),
    [("default", stats.uniform(-1 / 8, 2 / 8)), ("normal", stats.norm(0, 1 / 8))],
)
def test_distribution_of_independent_starts(architecture, law):
    entries = network(architecture).W_hh.detach().numpy().ravel()
    assert stats.kstest(entries, law.cdf).pvalue > 1e-3


def test_input_and_readout_weights_are_uniform_and_only_the_first_are_scaled():
    plain, scaled = (
        build(architectures.of("orthogonal"), (64, 64, 64), torch.Generator().manual_seed(0), scale)
        for scale in (1.0, 3.0)
    )
    for weight, width in ((plain.W_xh, 1 / 8), (plain.W_hy, 1 / 8), (scaled.W_xh, 3 / 8)):
        law = stats.uniform(-width, 2 * width)
        assert stats.kstest(weight.detach().numpy().ravel(), law.cdf).pvalue > 1e-3
    assert torch.equal(plain.W_hy, scaled.W_hy) and torch.equal(plain.W_hh, scaled.W_hh)


@pytest.mark.parametrize("architecture", ["orthogonal", "cayley"])
def test_orthogonal_starts(architecture):
    W = network(architecture).W_hh.detach().numpy().astype(float)
    np.testing.assert_allclose(W @ W.T, np.eye(64), atol=1e-5)


def test_orthogonal_starts_are_uniform_over_the_group():
    # The trace of a uniformly drawn orthogonal matrix is nearly standard normal.
    traces = [torch.trace(network("orthogonal", 32, seed).W_hh).item() for seed in range(300)]
    assert stats.kstest(traces, "norm").pvalue > 1e-3


def test_normal_matrix_starts_normal_with_the_spectrum_of_a_gaussian_matrix():
    moduli = []
    for seed in range(20):
        W = network("normal_matrix", seed=seed).W_hh.detach().numpy().astype(float)
        np.testing.assert_allclose(W @ W.T, W.T @ W, atol=1e-5)
        moduli.extend(np.abs(np.linalg.eigvals(W)))
    # The circular law: moduli have the density 2 r on (0, 1). A few lie outside at this size.
    assert np.mean(np.square(moduli)) == pytest.approx(0.5, abs=0.03)
    assert np.median(moduli) == pytest.approx(0.5**0.5, abs=0.03)


def test_default_agrees_with_the_recurrent_layer_of_pytorch():
    torch.manual_seed(0)
    theirs = torch.nn.RNN(3, 64, bias=False)
    ours = network("default")
    assert (
        stats.ks_2samp(
            theirs.weight_hh_l0.detach().numpy().ravel(), ours.W_hh.detach().numpy().ravel()
        ).pvalue
        > 1e-3
    )
    assert (
        stats.ks_2samp(
            theirs.weight_ih_l0.detach().numpy().ravel(), ours.W_xh.detach().numpy().ravel()
        ).pvalue
        > 1e-3
    )


def test_cayley_stays_orthogonal_and_the_others_do_not():
    for architecture in ("orthogonal", "cayley"):
        model = network(architecture)
        adam = torch.optim.Adam(model.parameters(), lr=0.01)
        before = model.W_hh.detach().clone()
        for _ in range(20):
            adam.zero_grad()
            model(torch.ones(4, 2, 3)).square().sum().backward()
            adam.step()
        W = model.W_hh.detach()
        drift = torch.linalg.norm(W @ W.T - torch.eye(64)).item()
        assert torch.linalg.norm(W - before) > 0.1
        assert (drift < 1e-4) == (architecture == "cayley")


def test_unknown_architecture_is_named():
    with pytest.raises(ValueError, match="architecture is 'lstm'; allowed: cayley, "):
        network("lstm")


def test_unknown_cell_is_named():
    with pytest.raises(ValueError, match=r"cell is 'lstn'; allowed: .*tanh"):
        build(Architecture("lstn", "default"), (3, 8, 2), torch.Generator())


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("gru", "^cell is 'gru', its recurrent weights W_hn, W_hr, W_hz; allowed to be trained: W"),
        ("leaky", "^a is missing; allowed: "),
    ],
)
def test_cells_that_no_start_fills_are_named(cell, words):
    with pytest.raises(ValueError, match=words):
        build(Architecture(cell, "default"), (3, 8, 2), torch.Generator())
    for trained in ("relu", "linear"):
        network = build(Architecture(trained, "orthogonal"), (3, 8, 2), torch.Generator())
        assert network(torch.ones(4, 2, 3)).shape == (4, 2, 2)


def test_a_start_is_an_architecture_of_the_tanh_cell():
    assert {architectures.of(name) for name in STARTS} == {("tanh", name) for name in STARTS}
    assert network("default").cell == cells.make("tanh")
