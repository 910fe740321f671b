"""The section ``weights`` of a ``network.yaml``: which tensor of a file is which weight."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from rnnschur.arrays import real_array
from rnnschur.batch import STARTS
from rnnschur.cells import CellBase
from rnnschur.cells.base import Gated
from rnnschur.constraints import effective
from rnnschur.entries import SOURCES, Entry, fits, fitted, scaled, sliced, unscaled
from rnnschur.keys import WRAPPERS, Keys
from rnnschur.network import Network
from rnnschur.options import is_number

#: What may lie in a file of data, whose keys in `network.yaml` have these names.
ARRAYS = ("inputs", "targets", "mask", *STARTS, "outputs")

#: So many tensors that are named nowhere are listed; an optimizer leaves many.
SHOWN = 8

UPDATE_GATES = ("keeps", "renews")

#: Tensors that say that a recurrent layer of PyTorch is more than one layer in one direction.
BEYOND = {
    r"(weight|bias)_(ih|hh)_l\d+_reverse$": "two directions; allowed: one",
    r"(weight|bias)_(ih|hh)_l[1-9]\d*$": "several layers; allowed: one",
    r"weight_hr_l\d+$": "a projection (proj_size); allowed: none",
}


@dataclass(frozen=True, eq=False)
class Layout:
    """The section ``weights`` of a ``network.yaml``, read for a cell.

    Attributes
    ----------
    said : Keys
    cell : CellBase
    used : set of str
        Tensors that were asked for so far.
    """

    said: Keys
    cell: CellBase
    used: set[str] = field(default_factory=set)

    def network(self) -> Network:
        """Return the network.

        Raises
        ------
        ValueError
            If a key or a tensor is not what it must be, or a tensor of the file is named nowhere;
            the message names the file, tensor or key, what was found and what is allowed.
        """
        given = self.said.keys.get("weights")
        if not isinstance(given, dict) or not isinstance(given.get("file"), str):
            raise self.said.refusal(
                "weights", "file is missing; allowed: a file, and which of its tensors is which"
            )
        known, keys = self.known, self.entries()
        for name in keys:
            if name not in known:
                raise self.refusal(name, f"unknown; allowed: {', '.join(known)}")
        ignored = keys.get("ignore", [])
        if not isinstance(ignored, list) or not all(isinstance(name, str) for name in ignored):
            raise self.refusal("ignore", f"{ignored!r}; allowed: a list of names, * for any text")
        arrays = self._in_rows(keys) if {"kernel", "recurrent"} & {*keys} else {}
        for name in (*self.cell.known, *(["tau"] if "tau" in known else [])):
            if name in keys:
                arrays[name] = self._weight(keys[name], name)
        arrays = {**self._constraints(keys.get("W_hh")), **arrays}
        self._settle(arrays)
        cell = self._with_step(arrays)
        self._check(arrays, keys)
        self._refuse_extra(ignored)
        try:
            return Network(cell, arrays)
        except ValueError as error:
            raise self.said.refusal("weights", error) from None

    def networks(self) -> int:
        """Return how many networks a stack holds: the first axis of every tensor.

        Raises
        ------
        ValueError
            If it is not the same for all.
        """
        ignored = self.said.keys["weights"].get("ignore") or []
        shapes = {name: tuple(getattr(a, "shape", ())) for name, a in self.stored().items()}
        ignored = [*ignored, *self._data()]
        named = {WRAPPERS.sub(r"\1", text) for text in _texts(self.entries(), skipped="ignore")}
        shapes = {
            n: s
            for n, s in shapes.items()
            if n in named or not any(fnmatchcase(n, i) for i in ignored)
        }
        if len({shape[:1] for shape in shapes.values()} | {()}) != 2:
            found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise self.refusal(
                "stacked", f"{self._path} holds {found}; allowed: as many networks in each, first"
            )
        return next(iter(shapes.values()))[0]

    def refusal(self, key: str, fault) -> ValueError:
        """Return an error that names the file, the key and what is wrong."""
        return self.said.refusal(f"weights: {key}", fault)

    @property
    def known(self) -> tuple[str, ...]:
        """The keys that may be there."""
        packed = ("kernel", "recurrent", "bias") if isinstance(self.cell, Gated) else ()
        tau = ("tau",) if "a" in self.cell.optional else ()
        own = ("file", "prefix", "ignore", "stacked", "layer", "linear")
        return (*own, *packed, *self.cell.known, *tau)

    @property
    def file(self) -> str:
        """The name of the file of the weights."""
        return self.said.keys["weights"]["file"]

    def stored(self) -> dict[str, object]:
        """Return the tensors of the file, those below the prefix by the rest of their names."""
        prefix = self.said.keys["weights"].get("prefix") or ""
        if not isinstance(prefix, str):
            raise self.refusal("prefix", f"{prefix!r}; allowed: how names in the file begin")
        prefix, arrays = WRAPPERS.sub(r"\1", prefix), self.said.arrays(self.file)
        below = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        if not below:
            raise self.refusal("prefix", f"no tensor of {self._path} begins with {prefix!r}")
        others = {n: a for n, a in arrays.items() if not n.startswith(prefix)}
        both = [name for name in others if name in below]
        if both:
            raise self.refusal(
                "prefix", f"{self._path} holds {both[0]} and {prefix}{both[0]}; allowed: no prefix"
            )
        return below | others

    @property
    def _path(self) -> Path:
        return self.said.path.parent / self.file

    def entries(self) -> dict[str, object]:
        """Return the keys that have a value, and those that names of layers stand for."""
        given = self.said.keys["weights"]
        given = {name: value for name, value in given.items() if value is not None}
        return {**self._of_layers(given), **given}

    def _of_layers(self, given: Mapping) -> dict[str, object]:
        """Return the entries that the names of layers of PyTorch stand for."""
        entries, stored = {}, self.stored()
        for key in ("layer", "linear"):
            if key in given and not isinstance(given[key], str):
                raise self.refusal(key, f"{given[key]!r}; allowed: the name of a layer of PyTorch")
        if "layer" in given:
            prefix = f"{given['layer']}." if given["layer"] else ""
            # A layer, unless it is a cell: also where its weight is raw, or below a prefix.
            raw, inner = f"{prefix}parametrizations.weight_hh_l0.", f"{prefix}weight_hh_l0"
            layers = [n for n in stored if n.startswith(raw) or n.endswith(inner)]
            end = "_l0" if layers and f"{prefix}weight_hh" not in stored else ""
            biases = [f"{prefix}bias_{side}{end}" for side in ("ih", "hh")]
            packed = isinstance(self.cell, Gated)
            names = ("kernel", "recurrent", "bias") if packed else ("W_xh", "W_hh", "b_h")
            weights = [f"{prefix}weight_{side}{end}" for side in ("ih", "hh")]
            entries = dict(zip(names, weights, strict=False))
            if all(name in stored for name in biases):
                entries[names[2]] = biases if packed else {"sum": biases}
        if "linear" in given:
            prefix = f"{given['linear']}." if given["linear"] else ""
            entries["W_hy"] = f"{prefix}weight"
            if f"{prefix}bias" in stored:
                entries["b_y"] = f"{prefix}bias"
        return entries

    def _in_rows(self, keys: Mapping) -> dict[str, np.ndarray]:
        """Return the weights of every gate, from arrays that hold all gates in a row."""
        for name in ("kernel", "recurrent"):
            if name not in keys:
                raise self.refusal(name, "missing; allowed: both kernel and recurrent")
        kernel, recurrent = (
            fitted(self._entry(keys[name], name), ("gate", "input"))
            for name in ("kernel", "recurrent")
        )
        biases = self._biases(keys.get("bias") or [], len(self.cell.order) * recurrent.shape[-1])
        order = self.said.keys.get("gate_order") or self.cell.order
        try:
            return self.cell.unpacked(kernel, recurrent, biases, order)
        except (ValueError, TypeError) as error:
            fault = str(error).replace("order", "gate_order", 1)
            packed = fault.startswith(("kernel has shape", "recurrent has shape"))
            hint = self._turned(kernel, recurrent) if packed else ""
            raise self.said.refusal("weights", f"{self._path}: {fault}{hint}") from None

    def _biases(self, given, rows: int) -> list[np.ndarray]:
        """Return one bias or two: a list, or one tensor with both, in two rows or end to end."""
        given = given if isinstance(given, list) else [given]
        if len(given) > 2:
            raise self.refusal("bias", f"{len(given)} entries; allowed: one or two")
        biases = [fitted(self._entry(entry, "bias"), ("gate",)) for entry in given]
        if len(biases) == 1 and biases[0].shape in ((2, rows), (2 * rows,)):
            return list(biases[0].reshape(2, rows))
        return biases

    def _turned(self, kernel: np.ndarray, recurrent: np.ndarray) -> str:
        """Say so where arrays of all gates would fit the other way round."""
        rows = len(self.cell.order) * min(recurrent.shape)
        turned = [array.shape[1:] == (rows,) for array in (recurrent, kernel)]
        return "; transpose: true would fit" if any(turned) else ""

    def _settle(self, arrays: dict[str, np.ndarray]) -> None:
        """Apply what code does to weights: time constants, a forget bias, another update gate."""
        keys, units = self.said.keys, arrays.get(self.cell.recurrent[0], np.empty(0)).shape[-1:]
        if "b_h" in arrays and arrays["b_h"].shape in ((2, *units), (2 * sum(units),)):
            arrays["b_h"] = arrays["b_h"].reshape(2, *units).sum(0)  # of inputs and of states
        if "tau" in arrays:
            given = {name for name in ("a", "dt", "tau") if keys.get(name) is not None}
            if given != {"dt"} or "a" in arrays:
                raise self.refusal("tau", "needs dt, and neither a nor another tau beside it")
            tau = arrays.pop("tau").astype(np.float64)
            if not np.all(tau > 0):
                raise self.refusal("tau", f"has the entry {np.min(tau):g}; allowed: above 0")
            arrays["a"] = keys["dt"] / tau
        forget = keys.get("forget_bias") or 0
        if not is_number(forget):
            raise self.said.refusal("", f"forget_bias is {forget!r}; allowed: a number")
        if forget:
            bias = arrays.get("b_f", np.zeros(len(arrays.get("W_hf", ())), np.float32))
            arrays["b_f"] = bias + np.asarray(forget, bias.dtype)
        update = keys.get("update_gate") or UPDATE_GATES[0]
        if update not in UPDATE_GATES:
            raise self.said.refusal(
                "", f"update_gate is {update!r}; allowed: {', '.join(UPDATE_GATES)}"
            )
        if update == "renews":
            if "sigmoid" not in self.cell.gate:
                raise self.said.refusal(
                    "", f"update_gate is {update!r}, gate {self.cell.gate!r}; allowed: a sigmoid"
                )
            for name in ("W_xz", "W_hz", "b_z"):
                if name in arrays:
                    arrays[name] = -arrays[name]

    def _with_step(self, arrays: dict[str, np.ndarray]) -> CellBase:
        """Return the cell, which takes the step where the file has one for all units."""
        if "a" not in arrays or arrays["a"].size != 1 or self.cell.a is not None:
            return self.cell
        options = {n: value for n, value in asdict(self.cell).items() if value is not None}
        try:
            return type(self.cell).checked({**options, "a": float(arrays.pop("a").item())})
        except ValueError as error:
            raise self.said.refusal("weights", error) from None

    def _refuse_extra(self, ignored: list[str]) -> None:
        """Raise ValueError for tensors of the file that are neither named nor ignored."""
        named = self.used | self._data()
        extra = [n for n in self.stored() if n not in named]
        extra = [n for n in extra if not any(fnmatchcase(n, pattern) for pattern in ignored)]
        for name in extra:
            for pattern, fault in BEYOND.items():
                if re.search(pattern, name):
                    raise ValueError(f"{self._path} holds {name}: {fault}")
        if extra:
            more = f" and {len(extra) - SHOWN} more" if len(extra) > SHOWN else ""
            raise ValueError(
                f"{self._path} holds {', '.join(extra[:SHOWN])}{more}, which {self.said.path} does "
                "not name; allowed: tensors that are named under weights, or listed under ignore"
            )

    def _data(self) -> set[str]:
        """Return the arrays that `data` names, where it is in the same file."""
        data = self.said.keys.get("data")
        if not isinstance(data, dict) or data.get("file") != self.file:
            return set()
        arrays = {name: data.get(name, name) for name in ARRAYS}
        return {name for name in arrays.values() if isinstance(name, str)}

    def _check(self, arrays: Mapping[str, np.ndarray], keys: Mapping) -> None:
        """Raise ValueError, naming the tensor, where a weight is not as large as the units say."""
        for name in self.cell.axes:
            if name not in arrays:
                raise self.refusal(name, f"missing; {self._path} holds {', '.join(self.stored())}")
        units = arrays[self.cell.recurrent[0]].shape[-1]
        for name, array in arrays.items():
            words = ["unit" if word == "gate" else word for word in self.cell.known[name]]
            expected = [units if word == "unit" else None for word in words]
            if not fits(array.shape, expected):
                entry = keys.get(name, keys.get("tau", "") if name == "a" else "")
                tensor = entry.get("tensor") if isinstance(entry, dict) else entry
                allowed = ", ".join(
                    str(length or f"{word}s") for word, length in zip(words, expected, strict=True)
                )
                hint = "; transpose: true would fit" if fits(array.shape[::-1], expected) else ""
                raise self.refusal(
                    name,
                    f"{tensor or 'it'} of {self._path} has shape {array.shape}; "
                    f"allowed: ({allowed}{',' if len(words) == 1 else ''}){hint}",
                )

    def _weight(self, given, name: str) -> np.ndarray:
        """Return a weight of the cell."""
        axes = {**self.cell.known, "tau": ("gate",)}[name]
        return fitted(self._entry(given, name), axes)

    def _constraints(self, given) -> dict[str, np.ndarray]:
        """Return what the mask and the signs of the recurrent weight say of it."""
        found = {}
        if isinstance(given, dict) and "mask_hh" in self.cell.known:
            if given.get("mask") is not None:
                mask = self._entry(given["mask"], "W_hh: mask")
                found["mask_hh"] = (mask != 0).astype(np.float32)
            if given.get("signs") is not None and given.get("magnitude", "as given") != "as given":
                signs = self._signs(given["signs"], np.empty(self._units()), "W_hh")
                found["sign_h"] = np.sign(signs)
        return found

    def _tensor(self, name: str, key: str) -> np.ndarray:
        """Return a tensor of the file."""
        name, stored = WRAPPERS.sub(r"\1", name), self.stored()
        if name not in stored:
            raise self.refusal(key, f"{name} is not in {self._path}, {_hint(name, stored)}")
        self.used.add(name)
        try:
            array = real_array(stored[name], name)
        except ValueError as error:
            raise ValueError(f"{self._path}: {error}") from None
        array = self.said.own(array, name)
        if not np.isfinite(array).all():
            raise ValueError(
                f"{self._path}: {name} has a NaN or infinite entry; allowed: finite numbers"
            )
        return array

    def _entry(self, given, key: str) -> np.ndarray:
        """Return the array that an entry describes."""
        given = {"tensor": given} if isinstance(given, str) else given
        if not isinstance(given, dict):
            raise self.refusal(key, f"{given!r}; allowed: the name of a tensor, or keys")
        try:
            entry = Entry.checked(given)
        except ValueError as error:
            raise self.refusal(key, error) from None
        sources = [name for name in SOURCES if getattr(entry, name)]
        if len(sources) != 1:
            raise self.refusal(
                key, f"{' and '.join(sources) or 'no source'}; allowed: one of {', '.join(SOURCES)}"
            )
        try:
            return self._made(entry, key)
        except (ValueError, IndexError) as error:
            if str(error).startswith((str(self.said.path), str(self._path))):
                raise
            raise self.refusal(key, error) from None

    def _made(self, entry: Entry, key: str) -> np.ndarray:
        """Carry out what an entry says."""
        array = self._source(entry, key)
        array = array if entry.index is None else array[entry.index]
        array = array.T if entry.transpose else array
        if entry.rows is not None:
            array = sliced(array, entry.rows, 0, "rows")
        if entry.columns is not None:
            array = sliced(array, entry.columns, 1, "columns")
        if entry.mask is not None or entry.signs is not None or entry.magnitude != "as given":
            mask = None if entry.mask is None else self._entry(entry.mask, f"{key}: mask")
            signs = None if entry.signs is None else self._signs(entry.signs, array, key)
            array = effective(array, mask, signs, entry.magnitude)
        for factor in entry.scale if isinstance(entry.scale, list) else [entry.scale]:
            if factor != 1:
                array = scaled(array, self._factor(factor, key))
        return array + np.float64(entry.add) if entry.add else array

    def _source(self, entry: Entry, key: str) -> np.ndarray:
        """Return the array that an entry starts from."""
        if entry.tensor:
            return self._tensor(entry.tensor, key)
        if entry.identity:
            return np.eye(self._units(), dtype=np.float32)
        parts = [self._entry(part, key).astype(np.float64) for part in entry.sum or entry.factors]
        if entry.factors:
            m, n = (part[:, None] if part.ndim == 1 else part for part in parts)
            return m @ n.T
        for part in parts:
            if part.shape != parts[0].shape:
                raise ValueError(f"sum of shapes {parts[0].shape} and {part.shape}; allowed: one")
        return sum(parts)

    def _units(self) -> int:
        """Return the number of units, as the recurrent weight says it."""
        keys, name = self.entries(), self.cell.recurrent[0]
        return self._entry(unscaled(keys.get(name, keys.get("recurrent"))), name).shape[-1]

    def _signs(self, given, array: np.ndarray, key: str) -> np.ndarray:
        """Return the signs of the units that the columns of a weight leave."""
        if isinstance(given, int):
            return np.where(np.arange(array.shape[-1]) < given, 1.0, -1.0).astype(array.dtype)
        signs = self._entry(given, f"{key}: signs")
        if signs.ndim == 2 and min(signs.shape) > 1:  # some keep them as a diagonal matrix
            if not np.array_equal(signs, np.diag(np.diag(signs))):
                raise ValueError("signs are a matrix that is not diagonal; allowed: one a unit")
            signs = np.diag(signs)
        return signs.ravel()

    def _factor(self, factor, key: str):
        """Return one factor of a scale."""
        if factor == "1/N":
            return 1 / self._units()
        if is_number(factor):
            return factor
        return self._entry(factor, f"{key}: scale").astype(np.float64)


def _texts(value, skipped: str = "") -> Iterator[str]:
    """Yield all text of entries, among which are the names of their tensors."""
    if isinstance(value, str):
        yield value
    parts = value if isinstance(value, list) else []
    if isinstance(value, Mapping):
        parts = [part for key, part in value.items() if key != skipped]
    for part in parts:
        yield from _texts(part)


def _hint(name: str, stored: Mapping) -> str:
    """Say what a file holds instead of a tensor."""
    head, _, last = name.rpartition(".")
    raw = f"{head}.parametrizations.{last}.original".lstrip(".")
    if any(n.startswith(raw) for n in stored):
        return (
            f"which holds {raw}: name that, and what the code makes of it, with magnitude, mask, "
            "signs and scale"
        )
    inside = [n for n in stored if n.endswith(f".{name}")]
    if inside:
        return f"which holds {inside[0]}; allowed: prefix: {inside[0].removesuffix(name)}"
    return f"which holds {', '.join(stored)}"
