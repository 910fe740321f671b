"""A network beside what its authors' code answers, and what may be wrong where they differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from rnnschur.arrays import real_array
from rnnschur.batch import Batch
from rnnschur.description import Description
from rnnschur.network import Network
from rnnschur.suspects import steps, suspects
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
    return _pooled(_apart(network, trials), (0, 1))


def check(network: Network, batch: Batch, outputs: ArrayLike) -> Network:
    """Compare a network with what your own code answers, and return it with what that said.

    Parameters
    ----------
    network : Network
    batch : Batch
    outputs : array_like, shape (steps, sequences, outputs)
        The reference, of all steps or the last ones, of all sequences or the first ones; in single
        precision where it was computed so.

    Returns
    -------
    Network
        The same, but that its `checked`, and with it every table, says how far they are apart.

    Raises
    ------
    ValueError
        If the reference has another shape than the outputs, or differs by more than 1e-3 (single
        precision) or 1e-5 (double) standard deviations.

    Examples
    --------
    >>> one, inputs = np.ones((1, 1)), np.ones((3, 2, 1))
    >>> network = Network("linear", {"W_hh": one, "W_xh": one, "W_hy": one})
    >>> check(network, Batch(inputs), np.cumsum(inputs, axis=0)).checked
    "within 0.0e+00 standard deviations of its authors' code, allowed 1e-05"
    """
    name, reference = "outputs", real_array(outputs, "outputs", 3)
    if 0 in reference.shape:
        raise ValueError(f"{name} have shape {reference.shape}; allowed: no axis of length 0")
    if not np.isfinite(reference).all():
        raise ValueError(f"{name} have a NaN or infinite entry; allowed: finite numbers")
    trials = Trials(batch, reference, str(reference.dtype))
    found, tolerance = differences(network, trials), TOLERANCES[trials.precision]
    if found.max() > tolerance:
        raise ValueError(misfit(network, trials, _turned(network, trials, tolerance)))
    return Network(network.cell, network.weights, network.forms, agreement(found, tolerance))


def agreement(found: np.ndarray, tolerance: float) -> str:
    """Return how a network compares with its authors' code, where it passes."""
    return (
        f"within {found.max():.1e} standard deviations of its authors' code, allowed {tolerance:g}"
    )


def misfit(network: Network, trials: Trials, reason: str) -> str:
    """Say how far a network is from the reference, where that begins, and why it may be."""
    apart, tolerance = _apart(network, trials), TOLERANCES[trials.precision]
    found = ", ".join(f"{difference:.2g}" for difference in _pooled(apart, (0, 1)))
    first = np.argmax(_pooled(apart, 1).max(-1) > tolerance)
    wrong = np.sum(_pooled(apart, 0).max(-1) > tolerance)
    return (
        f"outputs differ from the reference by {found} standard deviations, from step "
        f"{trials.batch.steps - len(apart) + first} on, in {wrong} of {apart.shape[1]} sequences; "
        f"allowed: {tolerance:g}; {reason}"
    )


def _turned(network: Network, trials: Trials, tolerance: float) -> str:
    """Say whether a network fits where steps and sequences are swapped."""
    batch, outputs = trials.batch, trials.outputs
    for swapped in (("outputs",), ("inputs",), ("inputs", "outputs")):
        with suppress(ValueError):  # of other shapes
            given = batch.inputs.swapaxes(0, 1) if "inputs" in swapped else batch.inputs
            answer = outputs.swapaxes(0, 1) if "outputs" in swapped else outputs
            other = Trials(Batch(given, **batch.starts), answer, trials.precision)
            if differences(network, other).max() <= tolerance:
                what = " and ".join(swapped)
                return f"it fits with the first two axes of {what} swapped: steps come first"
    return "it does not fit with steps and sequences swapped either"


def _apart(network: Network, trials: Trials) -> np.ndarray:
    """Return outputs less reference, (steps, sequences, outputs), in units of `_unit`."""
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
        return (found - reference) / _unit(reference)


def _pooled(apart: np.ndarray, axes) -> np.ndarray:
    """Return root mean squares over axes, infinite for what ran away."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.sqrt(np.mean(np.square(apart), axes))
    return np.where(np.isfinite(found), found, np.inf)


def _unit(reference: np.ndarray) -> np.ndarray:
    """Return what differences of each output are measured in."""
    reference = reference.astype(np.float64)
    deviation, size = reference.std((0, 1)), np.abs(reference).max((0, 1))
    constant = deviation <= np.finfo(np.float32).eps * size
    return np.where(constant, np.where(size > 0, size, 1), deviation)


def cause(description: Description, tolerance: float) -> str | None:
    """Return, in words, the change of a description that makes its network fit, if one does.

    Of all single changes the one that fits best, of equal ones the first; if none does, the first
    two that do together.

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

    def changed(changes: Mapping[tuple[str, ...], object]) -> Description:
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError
        return replace(description, keys=_changed(description.keys, changes))

    def begun(changes: Mapping[tuple[str, ...], object]) -> float:
        try:
            return differences(changed(changes).network(), head).max()
        except ValueError:  # no network
            return np.inf

    def apart(changes: Mapping[tuple[str, ...], object]) -> float:
        other, moved = changed(changes), any(path[0] == "data" for path in changes)
        try:
            network = other.network()
            if not moved and (differences(network, head) > bound).any():
                return np.inf
            return differences(network, _short(other.trials()) if moved else short).max()
        except ValueError:  # no network, or none for these trials
            return np.inf

    single, best, words = list(suspects(description)), np.nextafter(tolerance, np.inf), None
    try:
        for suspect in single:
            found = apart(suspect.changes)
            if found < best:
                best, words = found, suspect.words
        if words is None:
            words = _step(description, begun, apart, tolerance)
        if words is None:
            for one, two in combinations([suspect for suspect in single if suspect.paired], 2):
                both = {**one.changes, **two.changes}
                agree = {**two.changes, **one.changes} == both
                new = both not in (one.changes, two.changes)
                if agree and new and apart(both) <= tolerance:
                    return f"{one.words} and {two.words}"
    except TimeoutError:
        if words is None:
            raise
    return words


def _step(
    description: Description, begun: Callable, apart: Callable, tolerance: float
) -> str | None:
    """Return the time step that makes a network fit, in words, if one does.

    The one with the least difference over the first steps: of factors that are far apart, and then
    between the neighbours of the best.
    """
    for now, made in steps(description):
        sizes = np.log(now * np.logspace(-6, 6, 61))
        found = [begun(made(np.exp(size)).changes) for size in sizes]
        best = int(np.argmin(found))
        low, high = sizes[max(best - 1, 0)], sizes[min(best + 1, len(sizes) - 1)]
        for _ in range(60):  # thirds: the least difference is a sharp one
            one, two = low + (high - low) / 3, high - (high - low) / 3
            if begun(made(np.exp(one)).changes) < begun(made(np.exp(two)).changes):
                high = two
            else:
                low = one
        size = float(np.exp(low))
        for digits in (2, 4, 6, 8, 10):
            suspect = made(float(f"{size:.{digits}g}"))
            if apart(suspect.changes) <= tolerance:
                return suspect.words
    return None


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
