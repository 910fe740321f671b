"""Networks: weights that do not fit are named, and what is computed does not depend on dtype."""

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
import torch

from rnnschur import Batch, Network, cells, diagnose, interventions
from rnnschur.cells import ENGINES
from rnnschur.coordinates.schur import ordered_real_schur

SHAPES = {"W_hh": (4, 4), "W_xh": (4, 2), "W_hy": (3, 4)}


def weights(seed=0, dtype=np.float64, **changes):
    """Return weights of four units, two inputs and three outputs, some of them replaced."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}
    return {**drawn, **changes}


def batch(inputs=2, steps=9, onset=2, seed=1):
    rng = np.random.default_rng(seed)
    return Batch(
        rng.standard_normal((steps, 5, inputs)), rng.standard_normal((steps - onset, 5, 3))
    )


def refusal(function, *arguments):
    """Return the line with which something is refused."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the caller looks at the message
        function(*arguments)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


@pytest.mark.parametrize("name", SHAPES)
def test_a_weight_that_is_missing_or_unknown_is_named(name):
    given = weights()
    message = refusal(Network, "tanh", {n: w for n, w in given.items() if n != name})
    assert message == f"{name} is missing; allowed: W_hh, W_xh, W_hy"
    message = refusal(Network, "tanh", {**given, "b_hh": np.zeros(4)})
    assert message == ("b_hh is unknown; allowed: W_hh, W_xh, W_hy, b_h, h0, b_y, mask_hh, sign_h")
    assert "W_hh is missing" in refusal(Network, "tanh", {})


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("W_hh", (4, 3), "W_hh has shape (4, 3); allowed: (units, units) = (4, 4)"),
        ("W_hh", (3, 3), "W_xh has shape (4, 2); allowed: (units, inputs) = (3, 2)"),
        ("W_hh", (1, 1), "W_xh has shape (4, 2); allowed: (units, inputs) = (1, 2)"),
        ("W_hh", (2, 4, 4), "W_hh has shape (2, 4, 4); allowed: 2 dimensions"),
        ("W_hh", (), "W_hh has shape (); allowed: 2 dimensions"),
        ("W_xh", (2, 4), "W_xh has shape (2, 4); allowed: (units, inputs) = (4, 4)"),
        ("W_xh", (1, 2), "W_xh has shape (1, 2); allowed: (units, inputs) = (4, 2)"),
        ("W_xh", (4,), "W_xh has shape (4,); allowed: 2 dimensions"),
        ("W_hy", (4, 3), "W_hy has shape (4, 3); allowed: (outputs, units) = (4, 4)"),
        ("W_hy", (3, 1), "W_hy has shape (3, 1); allowed: (outputs, units) = (3, 4)"),
        ("W_hy", (4,), "W_hy has shape (4,); allowed: 2 dimensions"),
        ("W_hh", (0, 0), "W_hh has shape (0, 0)"),
        ("W_xh", (4, 0), "W_xh has shape (4, 0)"),
        ("W_hy", (0, 4), "W_hy has shape (0, 4)"),
    ],
)
def test_a_weight_of_the_wrong_shape_is_named(name, shape, words):
    message = refusal(Network, "tanh", weights(**{name: np.zeros(shape)}))
    assert message.startswith(words)
    turned = shape in ((2, 4), (4, 3)) and name != "W_hh"
    assert message.endswith("; its transpose would fit") == turned


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_weight_that_is_not_finite_is_named(name, entry, dtype):
    given = weights(dtype=dtype)
    given[name][-1, 0] = entry
    assert refusal(Network, "tanh", given) == f"{name} has entries that are not finite"


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda array: array * 1j, "is complex"),
        (lambda array: array.astype(object), "is not numeric"),
        (lambda array: array.astype(str), "is not numeric"),
        (lambda array: array.astype(np.longdouble), "is of extended precision"),
        (lambda array: np.ma.masked_array(array, array > 0), "is a masked array"),
        (lambda array: [[1.0], [1.0, 2.0]], "is not an array but list"),
        (lambda array: None, "is not numeric"),
        (lambda array: torch.tensor(array).to_sparse(), "is not an array but Tensor"),
    ],
)
def test_a_weight_that_is_no_array_of_numbers_is_named(name, make, words):
    given = weights()
    message = refusal(Network, "tanh", {**given, name: make(given[name])})
    assert message.startswith(f"{name} {words}") and "; allowed: " in message


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (np.ndarray.tolist, np.float64),
        (lambda array: array, np.float64),
        (lambda array: array.astype(int), np.float64),
        (lambda array: array.astype(np.int8), np.float64),
        (lambda array: array.astype(bool), np.float64),
        (lambda array: array.astype(np.float32), np.float32),
        (lambda array: array.astype(np.float16), np.float32),
        (np.asfortranarray, np.float64),
        (pd.DataFrame, np.float64),
        (lambda array: torch.tensor(array, requires_grad=True), np.float64),
        (lambda array: torch.tensor(array, dtype=torch.float32), np.float32),
        (lambda array: torch.tensor(array, dtype=torch.bfloat16), np.float32),
    ],
)
def test_weights_of_any_kind_become_one_precision(make, dtype):
    rng = np.random.default_rng(0)
    given = {name: rng.integers(2, size=shape).astype(float) for name, shape in SHAPES.items()}
    network = Network("tanh", {name: make(array) for name, array in given.items()})
    assert network.dtype == dtype
    for name, array in given.items():
        found = network.weights[name]
        assert type(found) is np.ndarray and found.dtype == dtype and found.flags.c_contiguous
        np.testing.assert_array_equal(found, array)
    for engine in ENGINES:
        outputs = network.outputs(batch(), engine)
        assert outputs.dtype == dtype
        expected = Network("tanh", given).outputs(batch())
        # Weights of 0 and 1 amplify the rounding of float32 from step to step.
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)
    # One weight of another kind is enough for double precision, and for no more.
    for name in given if dtype == np.float32 else ():
        mixed = {n: make(array) for n, array in given.items()} | {name: given[name].astype(int)}
        assert {w.dtype for w in Network("tanh", mixed).weights.values()} == {np.dtype(float)}


def test_sizes_cell_and_headline():
    network = Network("tanh", weights())
    assert network.sizes == {"unit": 4, "input": 2, "output": 3}
    assert list(network.weights) == ["W_hh", "W_xh", "W_hy"]
    assert network.cell == cells.make("tanh")
    name, recurrent = network.headline
    assert name == "W_hh" and recurrent.matrix is network.weights["W_hh"]
    assert refusal(Network, "tan", weights()).startswith("cell is 'tan'; allowed: ")
    with pytest.raises(FrozenInstanceError):
        network.cell = "tanh"


@pytest.mark.parametrize("kind", [float, int, bool, np.uint8, np.float32])
def test_a_shift_of_whole_numbers_loses_nothing_with_its_couplings(kind):
    """A permutation is normal; in whole numbers the ablated matrix would be cut to zeros."""
    shift = np.roll(np.eye(3), 1, axis=0).astype(kind)
    given = {"W_hh": shift, "W_xh": np.eye(3, 1, dtype=kind), "W_hy": np.eye(1, 3, dtype=kind)}
    rng = np.random.default_rng(0)
    sequences = Batch(rng.integers(-1, 2, (12, 20, 1)), rng.standard_normal((10, 20, 1)))
    table = diagnose(Network("tanh", given), sequences)
    limit = 1e-6 if kind is np.float32 else 1e-14
    assert (table["rollout_difference"] < limit).all() and (table["removed_mass"] < limit).all()
    assert (table["verdict"] == "negligible").all()


@pytest.mark.parametrize("kind", [float, int, np.int8])
def test_whole_numbers_are_ablated_as_real_ones(kind):
    matrix = np.array([[1, 1], [2, 0]], kind)
    given = {"W_hh": matrix, "W_xh": np.eye(2, 1, dtype=kind), "W_hy": np.eye(1, 2, dtype=kind)}
    network = Network("tanh", given)
    *_, every = interventions.make("couplings", {}).of(network)
    assert every.removed == "RR+CR+CC"
    expected = [[0.5, 1.5], [1.5, 0.5]]  # eigenvalues 2 and -1, their vectors at right angles
    np.testing.assert_allclose(every.changes["W_hh"], expected, rtol=0, atol=1e-14)
    replaced = network.replace(every.changes)
    np.testing.assert_allclose(replaced.weights["W_hh"], expected, rtol=0, atol=1e-14)


def test_the_schur_form_is_computed_once_and_may_be_given():
    network = Network("tanh", weights())
    form = network.schur()
    assert network.schur("W_hh") is form and network.forms == {"W_hh": form}
    expected = ordered_real_schur(weights()["W_hh"])
    np.testing.assert_array_equal(form.T, expected.T)
    np.testing.assert_array_equal(form.Q, expected.Q)
    assert Network("tanh", weights(), {"W_hh": form}).schur() is form
    # That of one network is not that of the next.
    assert Network("tanh", weights(seed=1)).schur() is not form


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_replaced_weights_have_the_precision_of_the_network(dtype):
    network = Network("tanh", weights(dtype=dtype))
    form, before = network.schur(), {name: w.copy() for name, w in network.weights.items()}
    for change in (np.full((4, 4), 0.1), np.eye(4, dtype=int), np.ones((4, 4), np.float32)):
        replaced = network.replace({"W_hh": change})
        assert replaced.dtype == dtype and replaced.cell == network.cell
        np.testing.assert_array_equal(replaced.weights["W_hh"], change.astype(dtype))
        for name in ("W_xh", "W_hy"):
            np.testing.assert_array_equal(replaced.weights[name], before[name])
        # The old form is not that of the new matrix.
        assert not replaced.forms and replaced.schur() is not form
    assert network.schur() is form
    for name, weight in before.items():
        np.testing.assert_array_equal(network.weights[name], weight)
    assert network.replace({}).weights.keys() == network.weights.keys()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"W": np.eye(4)}, "W is unknown; allowed: W_hh, W_xh, W_hy"),
        ({"W_xh": np.ones((1, 2))}, "W_xh has shape (1, 2)"),
        ({"W_hh": np.ones((2, 4, 4))}, "W_hh has shape (2, 4, 4)"),
        ({"W_hh": np.full((4, 4), np.nan)}, "W_hh has entries that are not finite"),
    ],
)
def test_replaced_weights_must_fit(changes, words):
    assert refusal(Network("tanh", weights()).replace, changes).startswith(words)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("inputs", [1, 3])
def test_inputs_of_another_width_are_named(engine, inputs):
    network, wrong = Network("tanh", weights()), batch(inputs)
    message = refusal(network.outputs, wrong, engine)
    assert message.startswith(f"inputs have shape (9, 5, {inputs}); allowed: (steps, sequences, 2)")
    assert message == refusal(diagnose, network, wrong, "fvu", (0.9,), None, engine)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_engines_compute_the_same(dtype):
    network, sequences = Network("tanh", weights(dtype=dtype)), batch()
    reference, fast = (network.outputs(sequences, engine) for engine in ("reference", "fast"))
    assert reference.shape == fast.shape == (7, 5, 3) and reference.dtype == fast.dtype == dtype
    tolerance = 3e-6 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(fast, reference, rtol=0, atol=tolerance)
    expected = network.cell.outputs(network.weights, sequences.inputs.astype(dtype), 2)
    np.testing.assert_array_equal(reference, expected)
    np.testing.assert_array_equal(network.outputs(sequences), reference)  # by default
    for wrong in ("quick", "", None):
        message = refusal(network.outputs, sequences, wrong)
        assert message == f"engine is {wrong!r}; allowed: fast, reference"


def test_a_cell_without_compiled_code_is_rolled_out_by_its_equation():
    class Plain(type(cells.make("tanh"))):
        compiled = None

    network, sequences = Network(Plain(), weights()), batch()
    outputs = [network.outputs(sequences, engine) for engine in ENGINES]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("engine", ENGINES)
def test_changes_hold_for_one_rollout(engine):
    network, sequences = Network("tanh", weights(dtype=np.float32)), batch()
    intact = network.outputs(sequences, engine)
    other = weights(seed=5)
    for name, change in other.items():
        changed = network.outputs(sequences, engine, {name: change})
        assert changed.dtype == np.float32 and not np.allclose(changed, intact)
        np.testing.assert_array_equal(
            changed, network.replace({name: change}).outputs(sequences, engine)
        )
    np.testing.assert_array_equal(network.outputs(sequences, engine), intact)
    stack = np.stack([network.weights["W_hh"], other["W_hh"], 0 * other["W_hh"]])
    together = network.outputs(sequences, engine, {"W_hh": stack})
    assert together.shape == (3, 7, 5, 3)
    singly = [network.replace({"W_hh": w}).outputs(sequences, engine) for w in stack]
    np.testing.assert_allclose(together, singly, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"W": np.eye(3)}, "W is unknown; allowed: W_hh, W_xh, W_hy"),
        ({"W_xh": np.ones((1, 2))}, r"W_xh has shape \(1, 2\); allowed: \(3, 2\)"),
        ({"W_hy": np.ones((2, 4, 3))}, r"W_hy has shape \(2, 4, 3\); allowed: \(4, 3\)"),
        ({"W_hh": np.ones((2, 3, 4))}, r"W_hh has shape \(2, 3, 4\); allowed: \(3, 3\)"),
        ({"W_hh": np.ones((3, 3)) + 0j}, "W_hh is complex"),
    ],
)
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_changes_that_do_not_fit_are_named(changes, words, engine):
    shapes = {"W_hh": (3, 3), "W_xh": (3, 2), "W_hy": (4, 3)}
    network = Network("tanh", {name: np.ones(shape) for name, shape in shapes.items()})
    batch = Batch(np.ones((5, 6, 2)), np.ones((5, 6, 4)))
    with pytest.raises(ValueError, match=f"^{words}") as refused:
        network.outputs(batch, engine, changes)
    assert "\n" not in str(refused.value)


def test_a_change_beyond_single_precision_is_not_finite():
    single = {name: np.ones((1, 1), np.float32) for name in ("W_hh", "W_xh", "W_hy")}
    with pytest.raises(ValueError, match="W_hh has entries that are not finite"):
        Network("tanh", single).replace({"W_hh": [[1e300]]})
