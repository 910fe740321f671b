"""What is accepted as a real array, what is refused, and the power of two that keeps squares in."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnschur.arrays import (
    SAFE_EXPONENT,
    finite_square,
    in_range,
    real_array,
    real_square,
    restored,
)
from rnnschur.batch import Batch
from rnnschur.cells.base import CellBase
from rnnschur.coordinates import symmetries
from rnnschur.coordinates.nonnormality import (
    commutator_norm,
    describe,
    eigenvector_condition,
    numerical_abscissa,
    transient_gain,
)
from rnnschur.coordinates.schur import (
    OrderedSchur,
    backward_error,
    frobenius,
    ordered_real_schur,
    orthogonality_error,
    shuffle_blocks,
)
from rnnschur.coordinates.sectors import Sectors, masked, removed_mass
from rnnschur.network import Network

VALUES = np.array([[1.0, 0.0], [2.0, 1.0]])
BITS = VALUES.astype(bool)

ACCEPTED = {
    "float64": (VALUES, np.float64),
    "float32": (VALUES.astype(np.float32), np.float32),
    "float16": (VALUES.astype(np.float16), np.float32),
    "other byte order": (VALUES.astype(VALUES.dtype.newbyteorder()), np.float64),
    "int8": (VALUES.astype(np.int8), np.float64),
    "uint64": (VALUES.astype(np.uint64), np.float64),
    "lists": (VALUES.tolist(), np.float64),
    "lists of int": ([[1, 0], [2, 1]], np.float64),
    "matrix": (scipy.sparse.csr_matrix(VALUES).todense(), np.float64),
    "frame": (pd.DataFrame(VALUES), np.float64),
    "frame of int": (pd.DataFrame({"a": [1, 2], "b": [0, 1]}), np.float64),
    "tensor": (torch.tensor(VALUES), np.float64),
    "tensor with gradient": (torch.tensor(VALUES, requires_grad=True), np.float64),
    "parameter": (torch.nn.Parameter(torch.tensor(VALUES).float()), np.float32),
    "tensor bfloat16": (torch.tensor(VALUES, dtype=torch.bfloat16), np.float32),
    "tensor float16": (torch.tensor(VALUES, dtype=torch.float16), np.float32),
    "tensor int": (torch.tensor(VALUES).long(), np.float64),
}
REFUSED = {
    "complex": (VALUES + 0j, "is complex: dtype complex128"),
    "complex tensor": (torch.tensor(VALUES, dtype=torch.complex64), "is complex: dtype complex64"),
    "frame of objects": (pd.DataFrame(VALUES, dtype=object), "not numeric: dtype object"),
    "frame with a missing value": (
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0, 1]}),
        "not numeric: dtype object, DataFrame",
    ),
    "frame of text": (pd.DataFrame({"a": ["1", "2"], "b": ["0", "1"]}), "not numeric"),
    "text": ("matrix", "not numeric: dtype <U6"),
    "digits as text": ([["1", "0"], ["2", "1"]], "not numeric: dtype <U1"),
    "integers too long": ([[10**30]], "not numeric: dtype object"),
    "times": (np.zeros((2, 2), "m8[s]"), "not numeric: dtype timedelta64"),
    "records": (np.zeros(2, [("a", float)]), "not numeric: dtype"),
    "None": (None, "not numeric: dtype object, NoneType"),
    "ragged": ([[1.0, 2.0], [3.0]], "not an array but list"),
    "sparse": (scipy.sparse.csr_array(VALUES), "not numeric: dtype object, csr_array"),
    "sparse tensor": (torch.tensor(VALUES).to_sparse(), "not an array but Tensor"),
    "tensor without data": (torch.zeros((2, 2), device="meta"), "not an array but Tensor"),
    "masked": (np.ma.array(VALUES, mask=BITS), "masked array"),
}
if np.finfo(np.longdouble).bits > 64:
    REFUSED["longdouble"] = (VALUES.astype(np.longdouble), "extended precision: dtype")

FORM = ordered_real_schur(VALUES)
WEIGHTS = {"W_xh": np.ones((2, 3)), "W_hh": VALUES, "W_hy": np.ones((1, 2))}
FLIP = {"permutation": [1, 0], "signs": [1, -1]}
TURN = {"rotation": np.eye(2)}
FACTORS = {"matrix": np.eye(2), "Q": np.eye(2), "T": np.eye(2)}


def permute_and_flip(W_xh, W_hh, W_hy, permutation, signs):
    weights = {"W_xh": W_xh, "W_hh": W_hh, "W_hy": W_hy}
    return symmetries.permute_and_flip(weights, CellBase.axes, permutation, signs)


def rotate(W_xh, W_hh, W_hy, rotation):
    weights = {"W_xh": W_xh, "W_hh": W_hh, "W_hy": W_hy}
    return symmetries.rotate(weights, CellBase.axes, rotation)


def replaced(function, arguments, name):
    """The function of one argument, the others as they are."""
    return lambda array: function(**arguments | {name: array})


#: Everywhere that the package takes a matrix.
ENTRIES = {
    "ordered_real_schur": ("matrix", ordered_real_schur),
    "from_factors Q": ("Q", lambda a: OrderedSchur.from_factors(a, np.eye(2))),
    "from_factors T": ("T", lambda a: OrderedSchur.from_factors(np.eye(2), a)),
    "frobenius": ("matrix", frobenius),
    "orthogonality_error": ("Q", orthogonality_error),
    "shuffle_blocks": ("borders", lambda a: shuffle_blocks(FORM, a, np.random.default_rng(0))),
    "numerical_abscissa": ("matrix", numerical_abscissa),
    "transient_gain": ("matrix", transient_gain),
    "commutator_norm": ("matrix", commutator_norm),
    "eigenvector_condition": ("matrix", eigenvector_condition),
    "describe": ("matrix", lambda a: describe(a, FORM)),
    "masked": ("mask", lambda a: masked(FORM, a)),
    "removed_mass": ("mask", lambda a: removed_mass(FORM, a)),
    "Sectors.of": ("matrix", lambda a: Sectors.of(a, 0.9)),
    "Network": ("W_hh", lambda a: Network("tanh", {**WEIGHTS, "W_hh": a})),
    "Batch": ("inputs", lambda a: Batch(a, np.zeros((1, 1, 1)))),
}
ENTRIES |= {f"error {n}": (n, replaced(backward_error, FACTORS, n)) for n in FACTORS}
for name in WEIGHTS:
    ENTRIES[f"flip {name}"] = (name, replaced(permute_and_flip, WEIGHTS | FLIP, name))
    ENTRIES[f"rotate {name}"] = (name, replaced(rotate, WEIGHTS | TURN, name))
ENTRIES |= {f"flip {n}": (n, replaced(permute_and_flip, WEIGHTS | FLIP, n)) for n in FLIP}
ENTRIES["rotate rotation"] = ("rotation", replaced(rotate, WEIGHTS | TURN, "rotation"))


@pytest.mark.parametrize("kind", ACCEPTED)
def test_accepted(kind):
    array, dtype = ACCEPTED[kind]
    found = real_array(array, "W")
    assert type(found) is np.ndarray
    assert found.dtype == dtype and found.dtype.isnative
    assert np.array_equal(found, VALUES)


def test_booleans_are_numbers():
    for bits in (BITS, BITS.tolist(), torch.tensor(BITS), pd.DataFrame(BITS)):
        found = real_array(bits, "mask")
        assert found.dtype == np.float64
        assert np.array_equal(found, [[1, 0], [1, 1]])


def test_half_precision_is_exact():
    """Every float16, and every bfloat16, is a float32."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    assert np.array_equal(real_array(halves, "W"), halves, equal_nan=True)
    patterns = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    brain = patterns.view(torch.bfloat16)
    assert np.array_equal(real_array(brain, "W"), brain.double().numpy(), equal_nan=True)


def test_not_finite_numbers_pass():
    assert np.array_equal(real_array([np.nan, np.inf], "W"), [np.nan, np.inf], equal_nan=True)


def test_arrays_are_not_copied_or_changed():
    array = np.asfortranarray(VALUES)
    assert real_array(array, "W") is array
    assert finite_square(array, "W") is array


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("entry", ENTRIES)
def test_refused_in_one_line_wherever_a_matrix_is_taken(entry, kind):
    (name, function), (array, message) = ENTRIES[entry], REFUSED[kind]
    with pytest.raises(ValueError, match=rf"^{name} .*{message}.*; allowed: real dense") as found:
        function(array)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("array", "ndim"), [(1.0, 2), ([1.0], 2), (np.zeros((2, 2, 2)), 2), ([[1.0]], 1)]
)
def test_number_of_dimensions(array, ndim):
    with pytest.raises(ValueError, match=rf"^W has shape .*; allowed: {ndim} dimensions"):
        real_array(array, "W", ndim)
    assert real_array(array, "W", np.ndim(array)).shape == np.shape(array)


def test_square_matrices():
    for shape in ((), (4,), (2, 3), (2, 2, 2)):
        with pytest.raises(ValueError, match=r"^W is not square: shape .*; allowed: \(N, N\)"):
            real_square(np.zeros(shape), "W")
    for shape in ((0,), (0, 0), (0, 3)):
        with pytest.raises(ValueError, match=r"^W is empty: shape .*; allowed: \(N, N\), N >= 1"):
            real_square(np.zeros(shape), "W")
    assert real_square([[np.nan]], "W").shape == (1, 1)
    for value, message in ((np.nan, "a NaN"), (np.inf, "an infinite"), (-np.inf, "an infinite")):
        with pytest.raises(ValueError, match=f"^W has {message} entry; allowed: finite numbers"):
            finite_square([[1.0, value], [0.0, 1.0]], "W")
    assert finite_square(VALUES.astype(np.float32), "W").dtype == np.float64


def test_arrays_of_ordinary_size_stay_the_same():
    ordinary = VALUES * 2.0 ** (SAFE_EXPONENT - 2), VALUES, np.zeros((2, 2)), np.zeros((0, 2))
    first, second, third, fourth, exponent = in_range(*ordinary)
    assert exponent == 0
    assert all(a is b for a, b in zip(ordinary, (first, second, third, fourth), strict=True))


@given(st.integers(-1074, 1023), st.integers(0, 2**32 - 1))
def test_other_arrays_are_scaled_exactly(shift, seed):
    array = np.ldexp(np.random.default_rng(seed).uniform(-1, 1, (3, 3)), shift)
    scaled, exponent = in_range(array)
    assert np.array_equal(restored(scaled, exponent), array)
    if exponent:
        assert 0.5 <= np.abs(scaled).max() < 1
    squares = np.sum(scaled**2)
    assert 0 < squares < np.inf or not array.any()


def test_common_power_of_two():
    large, small, exponent = in_range(np.array([2.0**900]), np.array([3.0 * 2.0**890]))
    assert exponent == 901
    assert large == 0.5 and small == 3 * 2.0**-11


def test_restored_beyond_the_range_is_infinite():
    assert restored(np.array([1.0, -1.0]), 2000).tolist() == [np.inf, -np.inf]
    assert restored(1.0, -2000) == 0
