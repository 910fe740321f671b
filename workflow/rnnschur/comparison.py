"""A network beside what its authors' code answers, and what may be wrong where they differ."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from rnnschur.batch import Batch
from rnnschur.description import Description
from rnnschur.network import Network
from rnnschur.suspects import suspects
from rnnschur.trials import Trials

#: Largest difference that passes, in standard deviations of an output, by the precision in which
#: the reference was computed.
TOLERANCES = {"float32": 1e-3, "float64": 1e-5}

#: What is enough to find the cause of a difference: steps, and sequences.
STEPS, SEQUENCES = 100, 4

#: So many first steps tell of most networks that they do not fit.
HEAD = 10

#: How long a cause is looked for, in seconds.
PATIENCE = 30


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
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.sqrt(np.mean(np.square(found - reference), (0, 1), np.float64))
        found /= _unit(reference)
    return np.where(np.isfinite(found), found, np.inf)


def _unit(reference: np.ndarray) -> np.ndarray:
    """Return what differences of each output are measured in."""
    reference = reference.astype(np.float64)
    deviation, size = reference.std((0, 1)), np.abs(reference).max((0, 1))
    constant = deviation <= np.finfo(np.float32).eps * size
    return np.where(constant, np.where(size > 0, size, 1), deviation)


def cause(description: Description, tolerance: float) -> str | None:
    """Return, in words, the change of a description that makes its network fit, if one does.

    Of all single changes the one that fits best; if none does, the first two that do together.

    Raises
    ------
    TimeoutError
        If none was found in `PATIENCE` seconds and there are more to try.
    """
    began, trials = time.monotonic(), description.trials()
    short, head = _short(trials), _short(trials, HEAD)
    # All steps together are no further apart than allowed only if the first ones are not so either.
    bound = tolerance * np.sqrt(len(short.outputs) / len(head.outputs))
    bound = bound * _unit(short.outputs) / _unit(head.outputs)

    def apart(changes: Mapping[tuple[str, ...], object]) -> float:
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError
        changed = replace(description, keys=_changed(description.keys, changes))
        moved = any(path[0] == "data" for path in changes)
        try:
            network = changed.network()
            if not moved and (differences(network, head) > bound).any():
                return np.inf
            return differences(network, _short(changed.trials()) if moved else short).max()
        except ValueError:  # no network, or none for these trials
            return np.inf

    single, best, words = list(suspects(description)), tolerance, None
    try:
        for suspect in single:
            found = apart(suspect.changes)
            if found <= best:
                best, words = found, suspect.words
        if words is None:
            for one, two in combinations([suspect for suspect in single if suspect.paired], 2):
                apiece = not {*one.changes} & {*two.changes}
                if apiece and apart({**one.changes, **two.changes}) <= tolerance:
                    return f"{one.words} and {two.words}"
    except TimeoutError:
        if words is None:
            raise
    return words


def _short(trials: Trials, count: int = STEPS) -> Trials:
    """Return the first steps of some sequences that have a reference."""
    reference = trials.outputs[:count, :SEQUENCES]
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
