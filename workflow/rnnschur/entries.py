"""What code makes of a tensor of a file: the keys of an entry of ``network.yaml``, and arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnschur.constraints import MAGNITUDES
from rnnschur.options import Options, is_number, option


def flag(default: bool) -> object:
    """Declare a key that is true or false."""
    return option("true or false", lambda value: isinstance(value, bool), default)


def a_name(default=None, allowed: str = "a name, or null") -> object:
    """Declare a key that is a name, or null for none."""
    return option(allowed, lambda value: isinstance(value, str | None), default)


def one_of(words: tuple[str, ...], default) -> object:
    """Declare a key that is one of some words."""
    return option(", ".join(words), lambda v: v is default or v in words, default)


def _is_list(value) -> bool:
    return isinstance(value, list) and len(value) > 0


def _is_span(value) -> bool:
    """Tell whether a value is a first index and the one after the last."""
    whole = _is_list(value) and all(type(v) is int and v >= 0 for v in value)
    return value is None or (whole and len(value) == 2 and value[0] < value[1])


@dataclass(frozen=True)
class Entry(Options):
    """Where a weight comes from, and what makes it the one that acts, in this order."""

    tensor: str | None = a_name()
    sum: object = option("a list of entries", lambda v: v is None or _is_list(v), None)
    factors: object = option(
        "two entries m and n, for m n^T", lambda v: v is None or (_is_list(v) and len(v) == 2), None
    )
    identity: bool = flag(False)
    index: int | None = option("a whole number", lambda v: v is None or type(v) is int, None)
    transpose: bool = flag(False)
    rows: object = option("[first, after the last]", _is_span, None)
    columns: object = option("[first, after the last]", _is_span, None)
    magnitude: str = one_of(MAGNITUDES, "as given")
    mask: object = option("an entry", lambda v: v is None or isinstance(v, str | dict), None)
    signs: object = option(
        "an entry, or the number of excitatory units, which come first",
        lambda v: v is None or isinstance(v, str | dict) or (type(v) is int and v >= 0),
        None,
    )
    scale: object = option(
        "a number, 1/N, the name of a tensor, or a list of these",
        lambda v: isinstance(v, str) or is_number(v) or _is_list(v),
        1,
    )
    add: float = option("a number", is_number, 0)


#: Keys that say where an entry starts, one of which it has.
SOURCES = ("tensor", "sum", "factors", "identity")


def unscaled(given):
    """Return an entry without what may depend on the number of units."""
    if isinstance(given, dict):
        free = ("scale", "mask", "signs", "magnitude", "identity")
        return {key: unscaled(value) for key, value in given.items() if key not in free}
    return [unscaled(part) for part in given] if isinstance(given, list) else given


def sliced(array: np.ndarray, span: list[int], axis: int, name: str) -> np.ndarray:
    """Return some rows or columns of an array."""
    if array.ndim <= axis or span[1] > array.shape[axis]:
        raise ValueError(f"{name} are {span}, the shape {array.shape}; allowed: within the shape")
    return array[span[0] : span[1]] if axis == 0 else array[:, span[0] : span[1]]


def scaled(array: np.ndarray, factor) -> np.ndarray:
    """Return an array times a number, or times one for each of its rows or columns."""
    factor = np.asarray(factor, np.float64)
    if factor.size == 1:
        return array * factor.reshape(())
    factor = factor.squeeze()
    fitting = [axis for axis, length in enumerate(array.shape) if factor.shape == (length,)]
    if len(fitting) != 1:
        raise ValueError(
            f"scale has shape {factor.shape}, what it multiplies {array.shape}; allowed: one "
            "number, or one for each row or each column, if there are not as many of both"
        )
    return array * (factor[:, None] if fitting == [0] and array.ndim == 2 else factor)


def fitted(array: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
    """Return an array with as many axes as a weight has, where only axes of length 1 differ."""
    if len(axes) == 1 and array.size == max(array.shape, default=0):
        return array.ravel()
    if len(axes) == 2 and array.ndim == 1:
        return array[:, None] if axes[1] == "input" else array[None]
    while array.ndim > len(axes) and 1 in array.shape:
        array = array.squeeze(array.shape.index(1))
    return array


def fits(shape: tuple[int, ...], expected: list[int | None]) -> bool:
    """Tell whether a shape has the lengths that are known."""
    known = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(e in (None, s) for s, e in known)
