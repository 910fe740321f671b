"""A network beside what its authors' code answers, and what may be wrong where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import chain, combinations, permutations

import numpy as np

from rnnschur.batch import Batch
from rnnschur.cells.base import Gated
from rnnschur.description import Description
from rnnschur.network import Network
from rnnschur.trials import AXES, Trials

#: Largest difference that passes, in standard deviations of an output, by the precision in which
#: the reference was computed.
TOLERANCES = {"float32": 1e-3, "float64": 1e-5}

#: What is enough to find the cause of a difference: steps, and sequences.
STEPS, SEQUENCES = 100, 4

#: How long a cause is looked for, in seconds.
PATIENCE = 30

#: What is tried as a cause, for a message.
SUSPECTS = "transposition, order of gates, place of the nonlinearity, nonlinearity, order of axes"


def differences(network: Network, trials: Trials) -> np.ndarray:
    """Return how far the outputs are from the reference, one number an output.

    Root mean square over steps and sequences, in units of the standard deviation of the reference,
    computed in double precision. An output that does not vary is in units of its size, or of 1
    where it is 0.

    Raises
    ------
    ValueError
        If the reference has another shape than the outputs.
    """
    batch, reference = trials.batch, trials.outputs
    width = network.sizes["output"]
    steps, sequences = batch.steps, batch.sequences
    if len(reference) > steps or reference.shape[1] > sequences or reference.shape[2] != width:
        raise ValueError(
            f"outputs have shape {reference.shape}; allowed: up to {steps} steps, the last, up to "
            f"{sequences} sequences, the first, and {width} outputs"
        )
    double = {name: weight.astype(np.float64) for name, weight in network.weights.items()}
    run = _first(batch, steps, reference.shape[1])
    found = Network(network.cell, double).outputs(run)[steps - len(reference) :]
    reference = reference.astype(np.float64)
    unit = reference.std((0, 1))
    size = np.abs(reference).max((0, 1))
    constant = unit <= np.finfo(np.float32).eps * size
    unit = np.where(constant, np.where(size > 0, size, 1), unit)
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.sqrt(np.mean(np.square(found - reference), (0, 1))) / unit
    return np.where(np.isfinite(found), found, np.inf)


def cause(description: Description, tolerance: float) -> str | None:
    """Return, in words, the change of a description that makes its network fit, if one does.

    One change is tried, then two together.

    Raises
    ------
    TimeoutError
        If none was found in `PATIENCE` seconds and there are more to try.
    """
    began = time.monotonic()
    single = list(_suspects(description))
    alone = ("gate_order", "output", "data")
    paired = [s for s in single if not s[0].startswith(alone) and not s[0].endswith("swapped")]
    pairs = (
        (f"{one[0]} and {two[0]}", {**one[1], **two[1]})
        for one, two in combinations(paired, 2)
        if not {*one[1]} & {*two[1]}
    )
    for words, changes in chain(single, pairs):
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError
        try:
            changed = replace(description, keys=_changed(description.keys, changes))
            if differences(changed.network(), _short(changed.trials())).max() <= tolerance:
                return words
        except ValueError:  # no network, or none for these trials
            continue
    return None


def _short(trials: Trials) -> Trials:
    """Return some steps of some sequences."""
    reference = trials.outputs[:STEPS, :SEQUENCES]
    steps = trials.batch.steps - len(trials.outputs) + len(reference)
    batch = _first(trials.batch, steps, reference.shape[1])
    return Trials(batch, reference, trials.precision)


def _first(batch: Batch, steps: int, sequences: int) -> Batch:
    """Return the inputs of the first steps and sequences."""
    starts = {n: s if s.ndim == 1 else s[:sequences] for n, s in batch.starts.items()}
    return Batch(batch.inputs[:steps, :sequences], **starts)


def _changed(keys: Mapping, changes: Mapping[tuple[str, ...], object]) -> dict:
    """Return keys with some replaced, each by its path."""
    changed = dict(keys)
    for (first, *rest), value in changes.items():
        changed[first] = _changed(changed.get(first, {}), {tuple(rest): value}) if rest else value
    return changed


def _suspects(description: Description) -> Iterator[tuple[str, dict]]:
    """Yield the usual mistakes: in words, and the keys that would put each right, by path."""
    keys, cell = description.keys, description.cell()
    weights = {name: entry for name, entry in keys["weights"].items() if entry is not None}
    for name in weights:
        if name.startswith("W_") or name in ("kernel", "recurrent"):
            entry = weights[name] if isinstance(weights[name], dict) else {"tensor": weights[name]}
            other = not entry.get("transpose", False)
            words = f"weights: {name}: transpose: {str(other).lower()}"
            yield words, {("weights", name): {**entry, "transpose": other}}
    if isinstance(cell, Gated):
        now = keys.get("gate_order") or cell.order
        for order in map("".join, permutations(cell.order)):
            if order != now:
                yield f"gate_order: {order}", {("gate_order",): order}
    if hasattr(cell, "reset"):
        other = "keeps" if keys.get("update_gate") == "renews" else "renews"
        yield f"update_gate: {other}", {("update_gate",): other}
    if "c0" in cell.optional:
        other = 0 if keys.get("forget_bias") else 1
        yield f"forget_bias: {other}", {("forget_bias",): other}
    for key in fields(cell):
        value, words = getattr(cell, key.name), key.metadata["allowed"].split(", ")
        if key.name == "a":
            if value not in (None, 1):
                yield f"a: {1 - value:g}", {("a",): 1 - value, ("dt",): None, ("tau",): None}
        elif key.name == "early":
            yield f"early: {str(not value).lower()}", {("early",): not value}
        else:
            for word in words:
                if word != value:
                    yield f"{key.name}: {word}", {(key.name,): word}
    axes = (keys["data"].get("axes") or " ".join(AXES)).split()
    swap = {"steps": "sequences", "sequences": "steps"}
    axes = " ".join(swap.get(word, word) for word in axes)
    yield f"data: axes: {axes}", {("data", "axes"): axes}
    for one, two in combinations([n for n in weights if n.startswith(("W_", "b_", "h0"))], 2):
        yield (
            f"weights: {one} and {two} swapped",
            {("weights", one): weights[two], ("weights", two): weights[one]},
        )
