"""The section ``data`` of a ``network.yaml``: sequences, and the outputs of its authors' code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rnnschur.arrays import real_array
from rnnschur.batch import STARTS, Batch
from rnnschur.entries import a_name, one_of
from rnnschur.keys import Keys
from rnnschur.layout import ARRAYS
from rnnschur.options import Options, option

AXES = ("steps", "sequences", "features")
PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class Data(Options):
    """The keys of ``data``."""

    file: str = option("the name of a file", lambda value: isinstance(value, str))
    axes: str = option(
        f"two or three of {', '.join(AXES)}, in their order, a blank between",
        lambda v: isinstance(v, str) and _is_order(v.split()),
        " ".join(AXES),
    )
    inputs: str | None = a_name("inputs")
    targets: str | None = a_name("targets")
    mask: str | None = a_name("mask")
    h0: str | None = a_name("h0")
    c0: str | None = a_name("c0")
    outputs: str | None = a_name("outputs")
    onset: int | None = option("a whole number", lambda v: v is None or type(v) is int, None)
    precision: str | None = one_of(PRECISIONS, None)


def _is_order(words: list[str]) -> bool:
    """Tell whether words are axes, each once, steps and one more at least."""
    return len(words) >= 2 and "steps" in words and len({*words} & {*AXES}) == len(words)


class Trials(NamedTuple):
    """Data of a network: sequences, and what its authors' code answers, where that is known."""

    batch: Batch
    outputs: np.ndarray | None
    precision: str | None


def trials(said: Keys) -> Trials:
    """Return the data that a ``network.yaml`` names.

    Raises
    ------
    ValueError
        If a key or an array is not what it must be; the message names the file, the array or key,
        what was found and what is allowed.
    """
    given = said.keys.get("data")
    if not isinstance(given, dict):
        raise said.refusal("data", "missing; allowed: a file with inputs, and what it holds")
    try:
        data = Data.checked(given)
    except ValueError as error:
        raise said.refusal("data", error) from None
    path, stored = said.path.parent / data.file, said.arrays(data.file)
    found = {}
    for name in ARRAYS:
        key = getattr(data, name)
        if key in stored:
            try:
                found[name] = real_array(stored[key], key)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
        elif name in given and key is not None:
            raise ValueError(f"{path}: {key} is missing; it holds {', '.join(stored)}")
    if "inputs" not in found:
        raise ValueError(f"{path}: inputs is missing; it holds {', '.join(stored)}")
    try:
        if "outputs" in found:
            found["outputs"] = said.own(found["outputs"], "outputs")
        found = _arranged(found, data.axes.split(), path.suffix == ".mat")
        _finite(found)
        outputs = found.pop("outputs", None)
        batch = Batch(onset=data.onset, **found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    precision = data.precision or (None if outputs is None else str(outputs.dtype))
    return Trials(batch, outputs, precision)


def _arranged(found: dict, axes: list[str], matlab: bool) -> dict[str, np.ndarray]:
    """Return arrays, inputs first, with their axes in the order steps, sequences, features."""
    arranged = {}
    for name, array in found.items():
        if name in STARTS:
            arranged[name] = _start(array, name, axes, arranged["inputs"].shape[1], matlab)
            continue
        words = list(axes)
        # One feature may be left out, but of inputs; MATLAB drops a last axis of length 1.
        bare = [word for word in words if word != "features"]
        without = name != "inputs" and array.ndim == len(bare) < len(words)
        if without and matlab and "sequences" in bare:
            without = array.shape[bare.index("sequences")] == arranged["inputs"].shape[1]
        if without:
            words = bare
        elif matlab and array.ndim == len(words) - 1:
            array = array[..., None]
        if array.ndim != len(words):
            orders = [axes, bare] if name != "inputs" and bare != axes else [axes]
            allowed = " or ".join(f"({', '.join(order)})" for order in orders)
            if name != "inputs" and array.shape == (arranged["inputs"].shape[1],):
                allowed += ", of length 1 in steps where there is one a sequence"
            raise ValueError(f"{name} has shape {array.shape}; allowed: {allowed}")
        for word in AXES:
            if word not in words:
                array, words = array[..., None], [*words, word]
        array = array.transpose([words.index(word) for word in AXES])
        if name == "mask":
            if not np.array_equal(array, np.broadcast_to(array[..., :1], array.shape)):
                raise ValueError("mask differs between features; allowed: one for all outputs")
            array = array[..., 0]
        arranged[name] = np.ascontiguousarray(array)
    return arranged


def _start(
    array: np.ndarray, name: str, axes: list[str], sequences: int, matlab: bool
) -> np.ndarray:
    """Return initial states, (units,) or (sequences, units)."""
    while array.ndim > 1 and len(array) == 1:  # one for all sequences, or PyTorch's axis of layers
        array = array[0]
    if array.ndim == 2 and array.shape[1] == 1 and (matlab or len(array) != sequences):
        return array[:, 0]  # a column
    words = ["units" if word == "features" else word for word in axes if word != "steps"]
    if array.ndim == 2 and words == ["units", "sequences"]:
        if array.shape[1] != sequences:
            raise ValueError(f"{name} has shape {array.shape}; allowed: ({', '.join(words)})")
        return np.ascontiguousarray(array.T)
    return array


def _finite(found: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError where something that counts is not a finite number."""
    for name, array in found.items():
        counted = array
        if name == "targets" and "mask" in found and found["mask"].shape == array.shape[:2]:
            counted = array[found["mask"] != 0]
        if not np.isfinite(counted).all():
            raise ValueError(f"{name} has a NaN or infinite entry; allowed: finite numbers")
