"""Arrays that callers hand in: what is accepted, and powers of two that keep squares in range."""

from __future__ import annotations

import numpy as np

ALLOWED = "real dense arrays of float16, float32, float64, integers or booleans"
SAFE_EXPONENT = 400  # entries within 2 ** +-400 have squares, and sums of them, well in range


def real_array(array, name: str, ndim: int | None = None) -> np.ndarray:
    """Array of single or double precision, or ValueError in one line.

    Nothing is dropped on the way: no imaginary part, mask or digit of extended precision.

    Parameters
    ----------
    array : array_like
        Numbers, nested lists, arrays, data frames, or tensors of PyTorch on any device, with or
        without a gradient.  NaN and infinity pass.
    name : str
        What the messages call it.
    ndim : int, optional
        Number of dimensions it must have; by default any.

    Returns
    -------
    ndarray
        float32 and float64 as they are, without a copy where possible; float16 and bfloat16 as
        float32, exactly; integers and booleans as float64, integers beyond 2 ** 53 rounded.

    Raises
    ------
    ValueError
        If `array` is masked, or cannot be read as an array (ragged, sparse, on no device).
    ValueError
        If its entries are complex, of extended precision or not numbers; objects are not.
    ValueError
        If it has another number of dimensions.

    Examples
    --------
    >>> real_array([[True, False]], "mask")
    array([[1., 0.]])
    """
    kind = type(array).__name__
    if isinstance(array, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array; allowed: {ALLOWED}")
    try:
        if hasattr(array, "detach") and hasattr(array, "cpu"):
            array = array.detach().cpu()
            if array.is_floating_point() and array.element_size() < 4:
                array = array.float()  # numpy has no bfloat16
        array = np.asarray(array)
    except (RuntimeError, TypeError, ValueError) as error:
        cause = str(error).partition("\n")[0]
        raise ValueError(
            f"{name} is not an array but {kind}: {cause}; allowed: {ALLOWED}"
        ) from None
    dtype = array.dtype
    if dtype.kind == "c":
        raise ValueError(f"{name} is complex: dtype {dtype}; allowed: {ALLOWED}")
    if dtype.kind not in "biuf":
        raise ValueError(f"{name} is not numeric: dtype {dtype}, {kind}; allowed: {ALLOWED}")
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise ValueError(f"{name} is of extended precision: dtype {dtype}; allowed: {ALLOWED}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} has shape {array.shape}; allowed: {ndim} dimensions")
    single = dtype.kind == "f" and dtype.itemsize < 8
    return array.astype(np.float32 if single else np.float64, copy=False)


def real_square(matrix, name: str) -> np.ndarray:
    """Square matrix of single or double precision, or ValueError in one line.

    Parameters
    ----------
    matrix : array_like, shape (N, N), N >= 1
        NaN and infinity pass.
    name : str
        What the messages call it.

    Returns
    -------
    ndarray, shape (N, N), float32 or float64
        As :func:`real_array`.

    Raises
    ------
    ValueError
        As :func:`real_array`.
    ValueError
        If `matrix` is empty or not square.
    """
    matrix = real_array(matrix, name)
    if matrix.size == 0:
        raise ValueError(f"{name} is empty: shape {matrix.shape}; allowed: (N, N), N >= 1")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} is not square: shape {matrix.shape}; allowed: (N, N)")
    return matrix


def finite_square(matrix, name: str) -> np.ndarray:
    """Finite square matrix of double precision, or ValueError in one line.

    Parameters
    ----------
    matrix : array_like, shape (N, N), N >= 1
    name : str
        What the messages call it.

    Returns
    -------
    ndarray, shape (N, N), float64
        Without a copy where possible.

    Raises
    ------
    ValueError
        As :func:`real_square`.
    ValueError
        If `matrix` has a NaN or an infinite entry.
    """
    matrix = real_square(matrix, name)
    if np.isnan(matrix).any():
        raise ValueError(f"{name} has a NaN entry; allowed: finite numbers")
    if np.isinf(matrix).any():
        raise ValueError(f"{name} has an infinite entry; allowed: finite numbers")
    return matrix.astype(np.float64, copy=False)


def in_range(*arrays: np.ndarray) -> tuple:
    """Arrays, times one power of two if squares of their entries may leave the range of float64.

    A power of two changes no digit of what stays in range, so ratios of norms come out as they
    would without bounds on the exponent.  Arrays of ordinary size are handed back as they are.

    Parameters
    ----------
    *arrays : ndarray

    Returns
    -------
    *arrays : ndarray
        The same, or scaled to a largest entry in [1/2, 1).
    exponent : int
        Of the power of two taken out; 0 for the same.
    """
    largest = np.max([np.max(np.abs(array), initial=0.0) for array in arrays])
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) <= SAFE_EXPONENT:
        return *arrays, 0
    return *(np.ldexp(array, -exponent) for array in arrays), exponent


def restored(values, exponent: int):
    """Values times a power of two, infinite without a warning where they leave the range."""
    with np.errstate(over="ignore"):
        return np.ldexp(values, exponent)
