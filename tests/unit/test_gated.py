"""Gated cells against PyTorch's and the equations of other libraries, and their matrices."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import Batch, Network, cells, diagnose, interventions
from rnnschur.coordinates.sectors import SUBSETS, Sectors

LAYERS = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
GATED = tuple(LAYERS)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def draw(name, rng, bias=True, sizes=(2, 6, 3)):
    """Return a layer of PyTorch, whose weights are drawn, and the same weights for a cell."""
    inputs, width, outputs = sizes
    layer = LAYERS[name](inputs, width, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.from_numpy(rng.standard_normal(parameter.shape) / width**0.5))
    biases = (layer.bias_ih_l0, layer.bias_hh_l0) if bias else ()
    cell = type(cells.make(name))
    weights = cell.unpacked(layer.weight_ih_l0, layer.weight_hh_l0, biases)
    return layer, weights | {"W_hy": rng.standard_normal((outputs, width))}


@settings(max_examples=20)
@given(
    st.integers(0, 2**32), st.sampled_from(GATED), st.booleans(), st.booleans(), st.integers(1, 9)
)
def test_agrees_with_pytorch(seed, name, bias, started, width):
    rng = np.random.default_rng(seed)
    layer, weights = draw(name, rng, bias, (2, width, 3))
    cell, inputs = cells.make(name), rng.standard_normal((100, 4, 2))
    state = {}
    if started:
        state = {key: rng.standard_normal((4, width)) for key in ("h0", "c0")}
    tensors = [torch.from_numpy(s[None].copy()) for s in state.values()]
    start = None if not started else tensors[0] if name == "gru" else tuple(tensors)
    with torch.no_grad():
        expected = layer(torch.from_numpy(inputs), start)[0].numpy()
    found = cell.states(weights | state, inputs)
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("name", "order"), [("gru", "zrn"), ("lstm", "ifog"), ("lstm", "igfo"), ("lstm", "iofg")]
)
def test_gates_in_any_order_are_the_same_network(name, order):
    rng = np.random.default_rng(0)
    cell = type(cells.make(name))
    kernel, recurrent = rng.standard_normal((24, 2)), rng.standard_normal((24, 6))
    count = len(order)
    kernel, recurrent = kernel[: 6 * count], recurrent[: 6 * count]
    biases = rng.standard_normal((2, 6 * count))
    place = {gate: slice(6 * i, 6 * i + 6) for i, gate in enumerate(cell.order)}
    moved = [np.concatenate([a[place[g]] for g in order]) for a in (kernel, recurrent, *biases)]
    for used in range(3):
        expected = cell.unpacked(kernel, recurrent, biases[:used])
        found = cell.unpacked(moved[0], moved[1], moved[2 : 2 + used], order)
        assert found.keys() == expected.keys() <= {*cell().known}
        for weight in expected:
            np.testing.assert_array_equal(found[weight], expected[weight])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.ones((18, 2)), np.ones((18, 6)), (), "rzh"), "^order is 'rzh'; allowed: the letters"),
        ((np.ones((2, 18)), np.ones((18, 6))), r"^kernel has shape \(2, 18\); allowed: 18 rows"),
        ((np.ones((18, 2)), np.ones((6, 18))), r"^recurrent has shape \(6, 18\); allowed: 54 rows"),
        ((np.ones((18, 2)), np.ones((18, 6)), [np.ones(6)]), r"^bias has shape \(6,\); allowed"),
    ],
)
def test_arrays_that_are_not_those_of_the_gates_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        type(cells.make("gru")).unpacked(*arguments)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("gate", ["sigmoid", "hard_sigmoid_keras2"])
def test_a_reset_before_the_product_and_an_update_gate_the_other_way_round(inverted, gate):
    """As in Cho et al. (2014), early Keras and Haiku: r * h in the product."""
    rng = np.random.default_rng(1)
    _, w = draw("gru", rng)
    inputs, hidden = rng.standard_normal((100, 4, 2)), np.zeros((4, 6))
    f = {"sigmoid": sigmoid, "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0, 1)}[gate]
    expected = []
    for x in inputs:
        r = f(x @ w["W_xr"].T + hidden @ w["W_hr"].T + w["b_r"])
        z = f(x @ w["W_xz"].T + hidden @ w["W_hz"].T + w["b_z"])
        n = np.tanh(x @ w["W_xn"].T + (r * hidden) @ w["W_hn"].T + w["b_n"] + w["b_hn"])
        hidden = z * n + (1 - z) * hidden if inverted else (1 - z) * n + z * hidden
        expected.append(hidden)
    if inverted:
        w |= {name: -w[name] for name in ("W_xz", "W_hz", "b_z")}
    found = cells.make("gru", reset="before", gate=gate).states(w, inputs)
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()
    after = cells.make("gru", gate=gate).states(w, inputs)
    assert np.abs(after - expected).max() > 1e-2


def test_negating_a_gate_leaves_its_couplings():
    rng = np.random.default_rng(2)
    W = rng.standard_normal((9, 9))
    for names in ((), ("RR",), ("CR",), ("CC",), ("RR", "CC")):
        cut = []
        for sign in (1, -1):
            sectors = Sectors.of(sign * W, 0.7)
            cut.append(sign * sectors.without(sectors.mask(*names))[0])
        np.testing.assert_allclose(*cut, atol=1e-12)


@pytest.mark.parametrize("name", GATED)
def test_rows_are_those_of_each_matrix_alone_and_of_all_together(name):
    rng = np.random.default_rng(3)
    _, weights = draw(name, rng)
    network = Network(name, weights)
    batch = Batch(rng.standard_normal((20, 30, 2)), rng.standard_normal((20, 30, 3)))
    table = diagnose(network, batch, alphas=(0.9, 0.5))
    matrices = network.cell.recurrent
    assert table["matrix"].unique().tolist() == [*matrices, "all"]
    assert len(table) == (len(matrices) + 1) * 2 * 9
    assert matrices[0] == {"gru": "W_hn", "lstm": "W_hg"}[name]
    rows = table.set_index(["matrix", "alpha", "removed"])
    assert rows.index.is_unique
    norms = {m: np.linalg.norm(weights[m]) for m in matrices}
    for alpha, subset in itertools.product((0.9, 0.5), SUBSETS):
        names = [] if subset == "none" else subset.split("+")
        cut, removed = {}, 0.0
        for matrix in matrices:
            sectors = Sectors.of(weights[matrix], alpha)
            cut[matrix], mass = sectors.without(sectors.mask(*names))
            row = rows.loc[matrix, alpha, subset]
            assert row["removed_mass"] == pytest.approx(mass) and row["leading"] == sectors.size
            changed = network.replace({matrix: cut[matrix]})
            expected = network_difference(network, changed, batch)
            assert row["rollout_difference"] == pytest.approx(expected, abs=1e-12)
            removed += (mass * norms[matrix]) ** 2
        row = rows.loc["all", alpha, subset]
        pooled = np.sqrt(removed / sum(norm**2 for norm in norms.values()))
        assert row["removed_mass"] == pytest.approx(pooled)
        expected = network_difference(network, network.replace(cut), batch)
        assert row["rollout_difference"] == pytest.approx(expected, abs=1e-12)
        assert row["leading"] == sum(Sectors.of(weights[m], alpha).size for m in matrices)
    for matrix in (*matrices, "all"):
        off = matrices if matrix == "all" else [matrix]
        changed = network.replace({m: 0 * weights[m] for m in off})
        row = rows.loc[matrix, 0.9, "recurrence"]
        expected = network_difference(network, changed, batch)
        assert row["rollout_difference"] == pytest.approx(expected) and row["removed_mass"] == 1
    assert (rows.xs("none", level="removed")["rollout_difference"] == 0).all()
    expected = {matrix: {"as parametrised"} for matrix in (*matrices, "all")}
    expected[matrices[0]] = {"fixed"}
    assert rows.groupby("matrix")["gauge"].agg(set).to_dict() == expected


def network_difference(network, changed, batch):
    intact, outputs = network.outputs(batch), changed.outputs(batch)
    variance = np.mean((intact - intact.mean(axis=(0, 1))) ** 2)
    return np.sqrt(np.mean((outputs - intact) ** 2) / variance)


@pytest.mark.parametrize("name", GATED)
def test_signs_are_a_symmetry_that_only_the_candidate_does_not_notice(name):
    rng = np.random.default_rng(4)
    _, weights = draw(name, rng)
    network = Network(name, weights)
    signs = np.array([1, -1, 1, 1, -1, -1])
    moved = Network(name, network.cell.scaled(weights, signs))
    batch = Batch(rng.standard_normal((20, 30, 2)), rng.standard_normal((20, 30, 3)))
    np.testing.assert_allclose(moved.outputs(batch), network.outputs(batch), rtol=1e-12)
    family = interventions.make("couplings", {"alphas": [0.7]})
    masses = [
        {(i.labels["matrix"], i.removed): i.mass for i in family.of(n)} for n in (network, moved)
    ]
    for matrix in network.cell.recurrent:
        same = [np.isclose(masses[0][matrix, s], masses[1][matrix, s]) for s in SUBSETS]
        assert all(same) == (matrix == network.cell.recurrent[0])
