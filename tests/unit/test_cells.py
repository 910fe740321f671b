"""The reference forward pass against the recurrent layer of PyTorch, and what a cell tells."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import cells
from rnnschur.coordinates.symmetries import random_rotation

CELL = cells.make("tanh")
#: A cell of each kind, with what it cannot do without.
OPTIONS = {"leaky": {"a": 0.3}}
EVERY = {name: cells.make(name, **OPTIONS.get(name, {})) for name in cells.CELLS}


def draw(rng, inputs, width, outputs, matrices=()):
    return {
        "W_xh": rng.standard_normal((width, inputs)),
        "W_hh": rng.standard_normal((*matrices, width, width)) / np.sqrt(width),
        "W_hy": rng.standard_normal((outputs, width)),
    }


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 5), st.integers(1, 7), st.data())
def test_agrees_with_nn_rnn(seed, steps, batch, width, data):
    onset = data.draw(st.integers(0, steps - 1))
    rng = np.random.default_rng(seed)
    weights = draw(rng, 2, width, 3)
    inputs = rng.standard_normal((steps, batch, 2))
    layer = torch.nn.RNN(2, width, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(weights["W_xh"]))
        layer.weight_hh_l0.copy_(torch.from_numpy(weights["W_hh"]))
        states, _ = layer(torch.from_numpy(inputs))
    expected = states.numpy()[onset:] @ weights["W_hy"].T
    outputs = CELL.outputs(weights, inputs, onset)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-13)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    outputs = CELL.outputs(tensors, torch.from_numpy(inputs), onset, xp=torch)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-13)
    found = CELL.states(weights, inputs)
    np.testing.assert_allclose(found, states.numpy(), rtol=1e-12, atol=1e-13)
    compiled = CELL.compiled(weights, inputs, onset)
    np.testing.assert_allclose(compiled, expected, rtol=1e-12, atol=1e-13)


def test_several_matrices_are_several_rollouts():
    rng = np.random.default_rng(0)
    weights = draw(rng, 2, 5, 3, (4,))
    inputs = rng.standard_normal((6, 2, 2))
    for outputs in (CELL.outputs, CELL.compiled):
        together = outputs(weights, inputs, 2)
        assert together.shape == (4, 4, 2, 3)
        for one, matrix in zip(together, weights["W_hh"], strict=True):
            alone = outputs({**weights, "W_hh": matrix}, inputs, 2)
            np.testing.assert_allclose(one, alone, rtol=1e-13)


def test_first_step_sees_no_recurrence():
    rng = np.random.default_rng(0)
    weights = draw(rng, 2, 5, 3)
    inputs = rng.standard_normal((1, 4, 2))
    np.testing.assert_allclose(
        CELL.outputs(weights, inputs)[0],
        np.tanh(inputs[0] @ weights["W_xh"].T) @ weights["W_hy"].T,
        rtol=1e-13,
    )


def test_gradients_reach_every_weight():
    rng = np.random.default_rng(0)
    weights = {
        name: torch.from_numpy(array).requires_grad_() for name, array in draw(rng, 2, 5, 3).items()
    }
    inputs = torch.from_numpy(rng.standard_normal((6, 4, 2)))
    CELL.outputs(weights, inputs, 2, xp=torch).square().sum().backward()
    assert all(weight.grad.abs().min() > 0 for weight in weights.values())


@pytest.mark.parametrize("name", cells.CELLS)
def test_shapes_and_matrices_of_every_cell(name):
    cell = EVERY[name]
    shapes = cell.shapes(inputs=2, width=5, outputs=3)
    assert shapes.keys() == cell.axes.keys()
    words = {axis for axes in cell.known.values() for axis in axes}
    assert words <= {"unit", "gate", "input", "output"}
    assert not cell.axes.keys() & cell.optional.keys()
    assert set(cell.recurrent) <= cell.axes.keys()
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    assert cell.states(weights, rng.standard_normal((6, 4, 2))).shape == (6, 4, 5)
    assert cell.outputs(weights, rng.standard_normal((6, 4, 2)), 1).shape == (5, 4, 3)
    # What a diagnosis decomposes is square, and what is written back is what was decomposed.
    matrices = cell.matrices(weights)
    headline = next(iter(matrices.values()))
    assert headline.write_back(headline.matrix).keys() == {cell.recurrent[0]}
    for recurrent in matrices.values():
        assert recurrent.matrix.shape == (5, 5)
        changed = {**weights, **recurrent.write_back(2 * recurrent.matrix)}
        assert {n: w.shape for n, w in changed.items()} == shapes
        again = cell.matrices(changed)
        changes = [n for n in matrices if not np.array_equal(again[n].matrix, matrices[n].matrix)]
        assert [matrices[n] for n in changes] == [recurrent]
        np.testing.assert_allclose(again[changes[0]].matrix, 2 * recurrent.matrix, rtol=1e-12)
        # What does not change is not rounded either.
        for name, weight in recurrent.write_back(recurrent.matrix).items():
            np.testing.assert_array_equal(weight, weights[name])


def test_shapes_of_the_papers_cell():
    assert CELL.shapes(2, 5, 3) == {"W_hh": (5, 5), "W_xh": (5, 2), "W_hy": (3, 5)}
    assert CELL.recurrent == ("W_hh",) and CELL.odd


@pytest.mark.parametrize("name", cells.CELLS)
@pytest.mark.parametrize("seed", range(3))
def test_symmetries_leave_outputs_and_rotations_do_not(name, seed):
    cell, rng = EVERY[name], np.random.default_rng(seed)
    shapes = cell.shapes(inputs=2, width=5, outputs=3)
    size = {"unit": 5, "gate": 5, "input": 2, "output": 3}
    shapes |= {n: tuple(size[a] for a in axes) for n, axes in cell.optional.items() if n != "a"}
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    inputs = rng.standard_normal((6, 4, 2))
    expected = cell.outputs(weights, inputs)
    moved = cell.symmetry(weights | {"basis": np.eye(5)}, rng)
    assert not np.allclose(moved[cell.recurrent[0]], weights[cell.recurrent[0]])
    np.testing.assert_allclose(cell.outputs(moved, inputs), expected, rtol=1e-9, atol=1e-12)
    # The basis is what became of the states.
    states = cell.states(weights, inputs) @ moved["basis"].T
    np.testing.assert_allclose(cell.states(moved, inputs), states, rtol=1e-9, atol=1e-12)
    rotated = cell.rotated(weights, random_rotation(5, rng))
    difference = np.abs(cell.outputs(rotated, inputs) - expected).max()
    assert difference < 1e-9 if name == "linear" else difference > 1e-2
    for name, weight in weights.items():
        assert np.linalg.norm(rotated[name]) == pytest.approx(np.linalg.norm(weight))


def test_signs_are_flipped_only_where_the_nonlinearity_is_odd():
    class Even(type(CELL)):
        odd = False

    weights = {name: np.abs(w) for name, w in draw(np.random.default_rng(0), 2, 5, 3).items()}
    for cell, signs in ((CELL, {-1, 1}), (Even(), {1})):
        found = [cell.symmetry(weights, np.random.default_rng(seed))["W_xh"] for seed in range(9)]
        assert set(np.unique(np.sign(found))) == signs


def test_a_cell_or_option_that_is_not_there_is_named():
    assert "tanh" in cells.CELLS and "base" not in cells.CELLS
    with pytest.raises(ValueError, match=r"cell is 'gruu'; allowed: .*tanh"):
        cells.make("gruu")
    with pytest.raises(ValueError, match="bias is unknown; allowed: output, readout, early"):
        cells.make("tanh", bias=True)
