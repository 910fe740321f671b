"""Layers with biases and initial states, and the readouts of every cell."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import Batch, Criterion, Network, cells, interventions
from rnnschur.evaluation import evaluate
from rnnschur.metrics import metric
from rnnschur.streams import generator

OPTIONS = {"leaky": {"a": 0.3, "place": "currents", "nonlinearity": "tanh", "readout": "tanh"}}


def draw(cell, rng, sizes=(2, 6, 3), optional=True):
    """Return weights of a cell, optional ones too, but for constraints and a second step."""
    inputs, width, outputs = sizes
    size = {"unit": width, "gate": width, "input": inputs, "output": outputs}
    known = cell.known if optional else cell.axes
    return {
        name: rng.standard_normal([size[axis] for axis in axes]) / np.sqrt(width)
        for name, axes in known.items()
        if name not in (*cells.CONSTRAINTS, "a")
    }


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from(["tanh", "relu"]), st.booleans())
def test_layers_agree_with_nn_rnn(seed, nonlinearity, bias):
    rng = np.random.default_rng(seed)
    cell, layer = (
        cells.make(nonlinearity),
        torch.nn.RNN(3, 7, nonlinearity=nonlinearity, bias=bias, dtype=torch.float64),
    )
    weights = {"W_hh": layer.weight_hh_l0, "W_xh": layer.weight_ih_l0}
    if bias:
        weights["b_h"] = layer.bias_ih_l0 + layer.bias_hh_l0
    weights = {name: weight.detach().numpy() for name, weight in weights.items()}
    inputs, h0 = rng.standard_normal((100, 4, 3)), rng.standard_normal((4, 7))
    for given_state in (None, h0[0], h0):
        start = {} if given_state is None else {"h0": given_state}
        state = torch.from_numpy(np.broadcast_to(start.get("h0", 0 * h0), (1, 4, 7)).copy())
        with torch.no_grad():
            expected = layer(torch.from_numpy(inputs), state)[0].numpy()
        found = cell.states(weights | start, inputs)
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_a_linear_layer_is_a_power_of_its_matrix():
    rng = np.random.default_rng(0)
    weights = draw(cells.make("linear"), rng) | {"b_h": np.zeros(6)}
    states = cells.make("linear").states(weights, np.zeros((30, 1, 2)))
    for step in (0, 4, 29):
        expected = np.linalg.matrix_power(weights["W_hh"], step + 1) @ weights["h0"]
        np.testing.assert_allclose(states[step, 0], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", cells.CELLS)
def test_readouts_of_every_cell(name):
    rng = np.random.default_rng(1)
    for options in ({}, {"output": "sigmoid", "early": True}, {"readout": "relu"}):
        cell = cells.make(name, **({"a": 0.3} if name == "leaky" else {}), **options)
        weights, inputs = draw(cell, rng), rng.standard_normal((9, 4, 2))
        states = cell.states(weights, inputs)
        if options.get("early"):
            first = np.broadcast_to(weights["h0"], (1, 4, 6))
            states = np.concatenate([first, states[:-1]])
        states = np.maximum(states, 0) if options.get("readout") else states
        expected = states @ weights["W_hy"].T + weights["b_y"]
        expected = 1 / (1 + np.exp(-expected)) if options.get("output") else expected
        np.testing.assert_allclose(cell.outputs(weights, inputs, 3), expected[3:], rtol=1e-12)
        tensors = {n: torch.from_numpy(w).requires_grad_() for n, w in weights.items()}
        found = cell.outputs(tensors, torch.from_numpy(inputs), 3, xp=torch)
        np.testing.assert_allclose(found.detach().numpy(), expected[3:], rtol=1e-12)
        found.sum().backward()
        assert all(torch.isfinite(tensor.grad).all() for tensor in tensors.values())


@pytest.mark.parametrize("name", cells.CELLS)
def test_many_matrices_are_many_rollouts(name):
    """Whatever recurrent weights come as stacks, one or several of them."""
    rng = np.random.default_rng(2)
    cell = cells.make(name, **OPTIONS.get(name, {}))
    inputs = rng.standard_normal((9, 4, 2))
    for optional in (True, False):
        weights = draw(cell, rng, optional=optional)
        for changed in [*((w,) for w in cell.recurrent), cell.recurrent]:
            stacks = {n: rng.standard_normal((3, 6, 6)) for n in changed}
            states = cell.states({**weights, **stacks}, inputs)
            assert states.shape == (3, 9, 4, 6)
            together = cell.outputs({**weights, **stacks}, inputs, 2)
            for k in range(3):
                alone = {**weights, **{n: stack[k] for n, stack in stacks.items()}}
                expected = cell.states(alone, inputs)
                np.testing.assert_allclose(states[k], expected, rtol=1e-11, atol=1e-13)
                expected = cell.outputs(alone, inputs, 2)
                np.testing.assert_allclose(together[k], expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", cells.CELLS)
def test_no_states_are_kept_for_the_outputs(name):
    cell = cells.make(name, **OPTIONS.get(name, {}))
    weights, inputs = draw(cell, np.random.default_rng(2)), np.zeros((300, 40, 2))
    tracemalloc.start()
    states = cell.states(weights, inputs)
    tracemalloc.reset_peak()
    kept = tracemalloc.get_traced_memory()[0]
    cell.outputs(weights, inputs, 290)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - kept < 0.8 * states.nbytes


@pytest.mark.parametrize("name", cells.CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_networks_of_every_cell_keep_their_precision_and_own_initial_states(name, dtype):
    rng = np.random.default_rng(3)
    cell = cells.make(name, **OPTIONS.get(name, {}))
    weights = {n: w.astype(dtype) for n, w in draw(cell, rng).items()}
    network, h0 = Network(cell, weights), rng.standard_normal((4, 6))
    inputs = rng.standard_normal((9, 4, 2))
    own, one, each = (network.outputs(Batch(inputs, h0=h)) for h in (None, h0[0], h0))
    assert own.dtype == one.dtype == each.dtype == dtype
    np.testing.assert_array_equal(own, network.outputs(Batch(inputs, h0=weights["h0"])))
    limit = 3e-6 * np.abs(each).max()
    np.testing.assert_allclose(each[:, 0], one[:, 0], rtol=0, atol=limit)
    for k in range(4):
        single = network.outputs(Batch(inputs[:, [k]], h0=h0[[k]]))
        np.testing.assert_allclose(each[:, [k]], single, rtol=0, atol=limit)
    fast = network.outputs(Batch(inputs, h0=h0), "fast")
    np.testing.assert_array_equal(fast, each)  # the kernel knows no initial state


@pytest.mark.parametrize("name", cells.CELLS)
def test_initial_states_of_the_sequences_move_with_a_symmetry(name):
    rng = np.random.default_rng(4)
    cell = cells.make(name, **OPTIONS.get(name, {}))
    network = Network(cell, draw(cell, rng))
    batch = Batch(rng.standard_normal((9, 20, 2)), h0=2 * rng.standard_normal((20, 6)))
    changes = list(interventions.make("symmetries", {}).of(network, None, partial(generator, 4)))
    table = evaluate(network, changes, batch, metric("fvu")).set_index("control")
    exact, rotation = table["rollout_difference"]
    assert exact < 1e-12
    assert (rotation < 1e-12) == (name == "linear")
    words = {"linear": "change of basis", "relu": "permutation and scales"}
    assert table.index[0] == words.get(name, "permutation and flips")


def test_the_kernel_is_asked_for_no_more_than_it_knows():
    rng = np.random.default_rng(0)
    weights = draw(cells.make("tanh"), rng, optional=False)
    batch = Batch(rng.standard_normal((9, 4, 2)))
    for options in ({"output": "sigmoid"}, {"readout": "relu"}, {"early": True}):
        network = Network(cells.make("tanh", **options), weights)
        np.testing.assert_array_equal(network.outputs(batch, "fast"), network.outputs(batch))
        assert np.abs(network.outputs(batch) - Network("tanh", weights).outputs(batch)).max() > 0.01


def test_initial_states_that_do_not_fit_are_named():
    rng = np.random.default_rng(0)
    network = Network("tanh", draw(cells.make("tanh"), rng))
    with pytest.raises(ValueError, match=r"^h0 has shape \(4, 5\); allowed: 6 units"):
        network.outputs(Batch(np.zeros((9, 4, 2)), h0=np.zeros((4, 5))))


def test_a_network_that_runs_away_is_named_and_one_that_is_cut_is_fragile():
    rng = np.random.default_rng(0)
    weights = {"W_hh": 40 * np.eye(2), "W_xh": np.ones((2, 1)), "W_hy": np.ones((1, 2))}
    batch = Batch(np.abs(rng.standard_normal((300, 4, 1))))
    with pytest.raises(ValueError, match=r"^the intact network's outputs have a NaN or infinite"):
        evaluate(Network("relu", weights), [], batch, metric("fvu"))
    calm = Network("relu", {**weights, "W_hh": 0.5 * np.eye(2)})
    wild = interventions.Intervention("wild", {"W_hh": weights["W_hh"]}, 1.0)
    difference = evaluate(calm, [wild], batch, metric("fvu"))["rollout_difference"]
    assert not np.isfinite(difference).any()
    assert Criterion().verdict(difference, [1.0]) == ["fragile"]
