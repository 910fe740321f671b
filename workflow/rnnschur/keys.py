"""What a ``network.yaml`` says: its cell and that cell's options, and the files beside it.

What a key means to a user stands in ``docs/your-network.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Self

import numpy as np

from rnnschur import documents, formats
from rnnschur.cells import CELLS, CellBase
from rnnschur.cells.base import Gated
from rnnschur.metrics import METRICS
from rnnschur.options import is_number, load
from rnnschur.torch_layers import WRAPPED

#: Numbers that YAML 1.1 takes for text, since they have no point.
EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")

#: What wraps names in a state dict and is no part of the model: DataParallel and torch.compile.
WRAPPERS = re.compile(rf"(^|\.)(?:{'|'.join(WRAPPED)})\.")


@dataclass(frozen=True, eq=False)
class Keys:
    """The keys of a ``network.yaml``.

    Attributes
    ----------
    path : pathlib.Path
        Files that it names are beside it.
    keys : mapping
    files : dict
        What was read already, by the name of the file.
    member : tuple of int, optional
        Which network of a stack this is about, from 0, and of how many.
    """

    path: Path
    keys: Mapping
    files: dict[str, dict] = field(default_factory=dict)
    member: tuple[int, int] | None = None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file.

        Raises
        ------
        ValueError
            If it is not there or no mapping in YAML, its cell is unknown, or a key; the message
            names the file, the key, and what is allowed.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path} is not there; allowed: a network.yaml")
        keys = _numbers(documents.read(path))
        if not isinstance(keys, dict):
            raise ValueError(f"{path} holds a {type(keys).__name__}; allowed: keys and values")
        if (text := documents.strange(keys)) is not None:
            raise ValueError(
                f"{path} holds {text!r}; allowed: text of one line that can be printed"
            )
        return cls(path, keys)

    def refusal(self, key: str, fault) -> ValueError:
        """Return an error that names the file and the key."""
        return ValueError(f"{self.path}: {key}: {fault}" if key else f"{self.path}: {fault}")

    def arrays(self, name: str) -> dict[str, object]:
        """Return the arrays of a file beside this one, read once."""
        if not name.isprintable():
            raise self.refusal("file", f"{name!r}; allowed: the name of a file")
        if name not in self.files:
            found = formats.arrays(self.path.parent / name)
            plain = {WRAPPERS.sub(r"\1", key): array for key, array in found.items()}
            self.files[name] = plain if len(plain) == len(found) else found
        return self.files[name]

    def cell(self) -> CellBase:
        """Return the cell with its options."""
        name = self.keys.get("cell")
        try:
            kind = load("cell", "rnnschur.cells", CELLS, name).Cell
        except ValueError as error:
            raise self.refusal("", error) from None
        options = {key.name for key in fields(kind)}
        own = {"cell", "weights", "data", "metric"}
        own |= {"dt", "tau"} if "a" in options else set()
        own |= {"gate_order"} if issubclass(kind, Gated) else set()
        own |= {"update_gate"} if "reset" in options else set()
        own |= {"forget_bias"} if "c0" in kind.optional else set()
        for key in self.keys:
            if key not in own | options:
                allowed = ", ".join(sorted(own | options))
                raise self.refusal("", f"{key} is unknown; allowed with {name}: {allowed}")
        given = {k: v for k, v in self.keys.items() if k in options and v is not None}
        given |= self._step("a" in given)
        try:
            return kind.checked(given)
        except ValueError as error:
            raise self.refusal("", error) from None

    def _step(self, given: bool) -> dict[str, float]:
        """Return the step in units of the time constant, where dt and tau say it."""
        dt, tau = self.keys.get("dt"), self.keys.get("tau")
        if (given and (dt, tau) != (None, None)) or (tau is not None and dt is None):
            raise self.refusal("", "a is given twice or dt missing; allowed: a, or dt and tau")
        for name, value in (("dt", dt), ("tau", tau)):
            if value is not None and not (is_number(value) and value > 0):
                raise self.refusal("", f"{name} is {value!r}; allowed: a number above 0")
        return {} if tau is None else {"a": dt / tau}

    def metric(self) -> str | None:
        """Return the name of the measure, or None where none is given."""
        name = self.keys.get("metric")
        if name is not None and not (isinstance(name, str) and name in METRICS):
            raise self.refusal("", f"metric is {name!r}; allowed: {', '.join(METRICS)}")
        return name

    def own(self, array: np.ndarray, name: str) -> np.ndarray:
        """Return what an array of a stack holds of this network; the array itself where it is one.

        Raises
        ------
        ValueError
            If the first axis is not that of the networks of the stack.
        """
        if self.member is None:
            return array
        number, count = self.member
        if array.ndim == 0 or len(array) != count:
            raise ValueError(
                f"{name} has shape {array.shape}; allowed in a stack: an axis of its {count} "
                "networks first"
            )
        return array[number]


def _numbers(value):
    """Return keys as they are, but for numbers that YAML takes for text."""
    if isinstance(value, dict):
        return {str(name): _numbers(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_numbers(entry) for entry in value]
    return float(value) if isinstance(value, str) and EXPONENT.fullmatch(value) else value
