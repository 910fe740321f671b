"""The usual mistakes in a ``network.yaml``: in words, and the keys that would put each right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import combinations, permutations, product
from typing import NamedTuple

from rnnschur.cells import CONSTRAINTS, CellBase
from rnnschur.cells.base import Gated
from rnnschur.cells.leaky import PLACES
from rnnschur.constraints import MAGNITUDES
from rnnschur.description import Description
from rnnschur.layout import Layout
from rnnschur.nonlinearities import NONLINEARITIES
from rnnschur.trials import AXES

#: What is tried, for a message.
SUSPECTS = (
    "transposition, order of gates, place of the nonlinearity, nonlinearity, time step, biases, "
    "masks and signs, order of axes"
)

#: How many tensors that may be one weight are tried beside another mistake.
FEW = 4

#: Cells that are one nonlinearity each, without an option to say another.
LAYERS = ("tanh", "relu", "linear")

Path = tuple[str, ...]


class Suspect(NamedTuple):
    """A mistake that may have been made.

    Attributes
    ----------
    words : str
        The keys that would put it right, as a message says it.
    changes : dict of tuple of str to object
        The same by the path of each key; None takes one away.
    paired : bool
        Whether it is tried together with another one.
    """

    words: str
    changes: dict[Path, object]
    paired: bool = True


def suspects(description: Description) -> Iterator[Suspect]:
    """Yield what may be wrong with a description that can be read."""
    case = _Case.of(description)
    for mistakes in MISTAKES:
        yield from mistakes(case)


@dataclass(frozen=True)
class _Case:
    """A description, taken apart for those who look for mistakes in it.

    Attributes
    ----------
    keys : mapping
        Of the description.
    weights : mapping
        The keys of ``weights`` that have a value.
    cell : CellBase
    sizes : mapping of str to int
        Numbers of units, inputs and outputs.
    unused : mapping of str to int
        Tensors of the file that are no weights as yet, and how many entries each has.
    pairs : mapping of str to list
        The two entries of a bias that has two.
    """

    keys: Mapping
    weights: Mapping
    cell: CellBase
    sizes: Mapping[str, int]
    unused: Mapping[str, int]
    pairs: Mapping[str, list]

    @classmethod
    def of(cls, description: Description) -> _Case:
        """Take a description apart."""
        keys, cell = description.keys, description.cell()
        layout = Layout(description, cell)
        sizes, first = layout.network().sizes, 0 if description.member is None else 1
        unused = {
            name: math.prod(array.shape[first:])
            for name, array in layout.stored().items()
            if name not in layout.used and hasattr(array, "shape")
        }
        weights = {name: entry for name, entry in keys["weights"].items() if entry is not None}
        said = layout.entries()
        biases = {name: said.get(name) for name in ("bias", "b_h")}
        biases = {n: b.get("sum") if isinstance(b, dict) else b for n, b in biases.items()}
        pairs = {n: b for n, b in biases.items() if isinstance(b, list) and len(b) == 2}
        return cls(keys, weights, cell, sizes, unused, pairs)

    def entry(self, name: str) -> dict:
        """Return what is said of a weight, as keys; none where a layer stands for it."""
        given = self.weights.get(name, {})
        return given if isinstance(given, dict) else {"tensor": given}

    def named(self, *begin: str) -> list[str]:
        """Return the weights whose names begin so, but for those that come from no tensor."""
        names = [n for n in self.weights if n.startswith(begin)]
        return [name for name in names if not self.entry(name).get("identity")]

    @property
    def rows(self) -> int | None:
        """Length of an array that has all gates in a row, if there may be one."""
        packed = isinstance(self.cell, Gated) and {"kernel", "layer"} & {*self.weights}
        return len(self.cell.order) * self.sizes["unit"] if packed else None


def _transposed(case: _Case) -> Iterator[Suspect]:
    """Matrices the other way round, one or all that are likely to go together."""
    names = case.named("W_", "kernel", "recurrent")
    together = [n for n in names if n in case.cell.recurrent]
    groups = [[name] for name in names]
    groups += [group for group in (together, names) if len(group) > 1 and group not in groups]
    for group in groups:
        now = {bool(case.entry(name).get("transpose")) for name in group}
        if len(now) == 1:
            other = not now.pop()
            words = f"weights: {', '.join(group)}: transpose: {str(other).lower()}"
            changes = {("weights", n): {**case.entry(n), "transpose": other} for n in group}
            yield Suspect(words, changes)


def _gates(case: _Case) -> Iterator[Suspect]:
    """Other gates, and what code does to them."""
    if not isinstance(case.cell, Gated):
        return
    now = case.keys.get("gate_order") or case.cell.order
    if case.rows is not None:
        for order in map("".join, permutations(case.cell.order)):
            if order != now:
                yield Suspect(f"gate_order: {order}", {("gate_order",): order})
    else:
        for one, two in combinations(case.cell.order, 2):
            parts = [p for p in ("W_x", "W_h", "b_") if {p + one, p + two} & {*case.weights}]
            yield Suspect(
                f"weights: gates {one} and {two} swapped",
                {("weights", p + g): case.weights.get(p + h)
                 for p in parts for g, h in ((one, two), (two, one))},
            )  # fmt: skip
    if hasattr(case.cell, "reset"):
        other = "keeps" if case.keys.get("update_gate") == "renews" else "renews"
        yield Suspect(f"update_gate: {other}", {("update_gate",): other})
        given = {"b_n", "b_hn"} & {*case.weights}
        if len(given) == 1:
            (one,) = given
            (two,) = {"b_n", "b_hn"} - given
            moved = {("weights", one): None, ("weights", two): case.weights[one]}
            yield Suspect(f"weights: {two} in place of {one}", moved)
    if "c0" in case.cell.optional:
        other = 0 if case.keys.get("forget_bias") else 1
        yield Suspect(f"forget_bias: {other}", {("forget_bias",): other})
    biases = case.weights.get("bias")
    if isinstance(biases, list) and len(biases) == 2:
        yield Suspect("weights: bias: the two swapped", {("weights", "bias"): biases[::-1]})


def _options(case: _Case) -> Iterator[Suspect]:
    """Other options of the cell: nonlinearities and their place, readout, reset."""
    for key in fields(case.cell):
        value, words = getattr(case.cell, key.name), key.metadata["allowed"].split(", ")
        if key.name == "early":
            yield Suspect(f"early: {str(not value).lower()}", {("early",): not value})
        elif key.name != "a":
            for word in words:
                if word != value:
                    change = {(key.name,): word}
                    yield Suspect(f"{key.name}: {word}", change, paired=key.name != "output")


def _together(case: _Case) -> Iterator[Suspect]:
    """Three options at once, which are another convention."""
    usual = []
    if hasattr(case.cell, "place"):
        usual = [
            {"place": place, "nonlinearity": f, "readout": f if place == "currents" else "linear"}
            for place in PLACES
            for f in NONLINEARITIES
        ]
    if hasattr(case.cell, "reset") and case.rows is not None:
        usual = [{"gate_order": "zrn", "reset": "before", "update_gate": "renews"}]  # Haiku's
    for options in usual:
        now = {name: case.keys.get(name, getattr(case.cell, name, None)) for name in options}
        if not {*now.items()} & {*options.items()}:
            words = ", ".join(f"{name}: {value}" for name, value in options.items())
            changes = {(name,): value for name, value in options.items()}
            yield Suspect(words, changes, paired=False)


def _cells(case: _Case) -> Iterator[Suspect]:
    """Another nonlinearity, where the name of the cell says it."""
    name = case.keys["cell"]
    if name in LAYERS:
        for other in LAYERS:
            if other != name:
                yield Suspect(f"cell: {other}", {("cell",): other})
        for f in NONLINEARITIES:
            if f not in LAYERS:
                changes = {("cell",): "leaky", ("a",): 1, ("nonlinearity",): f}
                yield Suspect(f"cell: leaky, a: 1, nonlinearity: {f}", changes)


def _time_step(case: _Case) -> Iterator[Suspect]:
    """Another step, or one that the code does not multiply by."""
    a = getattr(case.cell, "a", None)
    if "a" in case.weights:
        changes = {("weights", "a"): {"sum": [{**case.entry("a")}], "scale": -1, "add": 1}}
        yield Suspect("weights: a: 1 less what the file has", changes)
    if a in (None, 1):
        return
    for value in (1 - a, -math.expm1(-a), 1):
        changes = {("a",): value, ("dt",): None, ("tau",): None}
        yield Suspect(f"a: {value:.12g}", changes)
    yield _scaled(case, f"{1 / a:.12g}", ["W_xh"])
    before = case.cell.place == "before"
    names = ["W_hh", "W_hy"] if before else ["W_hh", "W_xh", *case.named("b_h")]
    yield _scaled(case, f"{1 / a:.12g}", names)


def steps(description: Description) -> Iterator[tuple[float, Callable[[float], Suspect]]]:
    """Yield a number that says the time step, where there is one, and what another one changes."""
    keys, weights = description.keys, description.keys["weights"]
    if weights.get("tau") is not None:
        yield keys["dt"], lambda dt: Suspect(f"dt: {dt:.12g}", {("dt",): dt})
    elif getattr(description.cell(), "a", None) is not None:
        none = {("dt",): None, ("tau",): None}
        a = description.cell().a
        yield a, lambda a: Suspect(f"a: {a:.12g}", {("a",): a, **none})


def _scales(case: _Case) -> Iterator[Suspect]:
    """Products of two factors that are divided by the number of units."""
    if "factors" in case.entry("W_hh"):
        for name in ("W_hh", "W_hy"):
            yield _scaled(case, "1/N", [name])


def _scaled(case: _Case, factor: str, names: list[str]) -> Suspect:
    """Weights times one more factor."""
    words, changes = [], {}
    for name in names:
        entry = case.entry(name)
        scale = entry.get("scale", 1)
        scale = [s for s in (scale if isinstance(scale, list) else [scale]) if s != 1]
        scale.append(factor if factor == "1/N" else float(factor))
        changes["weights", name] = {**entry, "scale": scale}
        shown = [*map(str, scale[:-1]), factor]
        words.append(f"{name}: scale: " + (f"[{', '.join(shown)}]" if shown[1:] else factor))
    return Suspect(f"weights: {', '.join(words)}", changes)


def _magnitudes(case: _Case) -> Iterator[Suspect]:
    """Raw weights that code makes positive, or not."""
    for name in case.named("W_"):
        entry = case.entry(name)
        if entry.get("signs") is not None or entry.get("mask") is not None:
            now = entry.get("magnitude") or "as given"
            for other in ("as given", "absolute", "rectified"):
                if other != now:
                    changes = {("weights", name): {**entry, "magnitude": other}}
                    yield Suspect(f"weights: {name}: magnitude: {other}", changes)


def _forgotten(case: _Case) -> Iterator[Suspect]:
    """Masks of connections, and signs of units, that lie in the file and are not named."""
    rows = {"W_hh": "unit", "W_xh": "unit", "W_hy": "output"}
    columns = {"W_hh": "unit", "W_xh": "input", "W_hy": "unit"}
    for name in (name for name in rows if name in case.named("W_")):
        entry, width = case.entry(name), case.sizes[columns[name]]
        lengths = {"mask": [case.sizes[rows[name]] * width], "signs": [width, width**2]}
        found = {
            key: [n for n, length in case.unused.items() if length in allowed]
            for key, allowed in lengths.items()
            if entry.get(key) is None
        }
        for mask, signs in product(*([None, *found.get(key, [])] for key in lengths)):
            if (mask or signs) and mask != signs:
                added = {key: t for key, t in (("mask", mask), ("signs", signs)) if t}
                for magnitude in MAGNITUDES if signs else MAGNITUDES[:1]:
                    more = added | ({} if magnitude == MAGNITUDES[0] else {"magnitude": magnitude})
                    changes = {("weights", name): {**entry, **more}}
                    words = ", ".join(f"{key}: {value}" for key, value in more.items())
                    yield Suspect(f"weights: {name}: {words}", changes, paired=False)


def _axes(case: _Case) -> Iterator[Suspect]:
    """Steps and sequences swapped."""
    axes = (case.keys["data"].get("axes") or " ".join(AXES)).split()
    swap = {"steps": "sequences", "sequences": "steps"}
    if "sequences" in axes:
        axes = " ".join(swap.get(word, word) for word in axes)
        yield Suspect(f"data: axes: {axes}", {("data", "axes"): axes})


def _biases(case: _Case) -> Iterator[Suspect]:
    """Biases and initial states that were left out, or that code does not use."""
    lengths = {
        name: (case.sizes["output" if axes == ("output",) else "unit"],)
        for name, axes in case.cell.optional.items()
        if name not in (*CONSTRAINTS, "a")
    }
    if case.rows is not None:
        apart = {name: lengths[name] for name in ("h0", "c0", "b_y") if name in lengths}
        lengths = {"bias": (case.rows, 2 * case.rows), **apart}
    for name, allowed in lengths.items():
        for alone in case.pairs.get(name, ()):
            shown = alone if isinstance(alone, str) else alone.get("tensor", alone)
            changes = {("weights", name): alone, ("weights", "ignore"): ["*"]}
            yield Suspect(f"weights: {name}: {shown}", changes)
        if name in case.weights:
            changes = {("weights", name): None, ("weights", "ignore"): ["*"]}
            yield Suspect(f"weights: {name}: null", changes)
        else:
            yield from _left_out(case, name, allowed)


def _left_out(case: _Case, name: str, lengths: tuple[int, ...]) -> Iterator[Suspect]:
    """Tensors that may be a weight which is not there."""
    fitting = [tensor for tensor, length in case.unused.items() if length in lengths]
    for tensor in fitting:  # an optimizer leaves many
        changes = {("weights", name): tensor}
        yield Suspect(f"weights: {name}: {tensor}", changes, paired=len(fitting) <= FEW)
    if name in ("bias", "b_h") and len(fitting) <= FEW:  # one of the inputs and one of the states
        pairs = permutations(fitting, 2) if name == "bias" else combinations(fitting, 2)
        for two in map(list, pairs):
            entry = two if name == "bias" else {"sum": two}
            words = ", ".join(two)
            words = f"[{words}]" if name == "bias" else f"{{sum: [{words}]}}"
            yield Suspect(f"weights: {name}: {words}", {("weights", name): entry})


def _swapped(case: _Case) -> Iterator[Suspect]:
    """Two weights, each under the name of the other."""
    for one, two in combinations(case.named("W_", "b_", "h0"), 2):
        changes = {("weights", a): case.weights[b] for a, b in ((one, two), (two, one))}
        yield Suspect(f"weights: {one} and {two} swapped", changes, paired=False)


#: In the order in which they are tried.
MISTAKES = (
    _transposed,
    _gates,
    _options,
    _together,
    _cells,
    _time_step,
    _axes,
    _biases,
    _magnitudes,
    _forgotten,
    _scales,
    _swapped,
)
