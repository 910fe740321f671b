"""Measurement of interventions: the one way from interventions to rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from rnnschur.batch import Batch
from rnnschur.interventions import Intervention
from rnnschur.metrics import Metric, sensitivity
from rnnschur.network import Network
from rnnschur.resampling import Resampling

#: Memory that the networks that are measured together may take, in bytes.
MEMORY = 2**28


def evaluate(
    network: Network,
    interventions: Iterable[Intervention],
    judge: Batch,
    metric: Metric,
    engine: str = "reference",
    resampling: Resampling | None = None,
) -> pd.DataFrame:
    """Measure a network under each intervention: the one way from interventions to rows.

    Those that change recurrent weights only are taken together, as many as `MEMORY` allows, and
    equal ones once.

    Parameters
    ----------
    network : Network
    interventions : iterable of Intervention
    judge : Batch
        The sequences that judge; none of the interventions may have been chosen on them.
    metric : Metric
    engine : {"reference", "fast"}
        See `Network.outputs`.
    resampling : Resampling, optional
        Samples of the sequences: value, damage and rollout_difference get the ends of an interval.

    Returns
    -------
    pandas.DataFrame
        One row an intervention, in their order: its labels, removed, metric, value, delta (value
        minus the intact network's), damage (delta, positive where worse), removed_mass,
        removed_share (its square), sensitivity (damage per removed mass) and rollout_difference,
        the three with intervals followed by their ends, such as value_low and value_high; of a
        network from a file also checked, how it compares with its authors' code. Without targets,
        what is derived from value is NaN.

    Raises
    ------
    ValueError
        If the sequences do not fit the network, or have entries that are not finite, or the
        outputs of the intact network are not.
    ValueError
        If an intervention changes a weight to another shape or to entries that are not finite, or
        has a label that is a column of the table.

    Examples
    --------
    >>> from rnnschur import METRICS
    >>> rng, one = np.random.default_rng(0), np.ones((1, 1))
    >>> network = Network("linear", {"W_hh": 0 * one, "W_xh": one, "W_hy": one})
    >>> batch = Batch(rng.standard_normal((20, 30, 1)))
    >>> nothing = Intervention("readout off", {"W_hy": 0 * one}, mass=1.0)
    >>> float(evaluate(network, [nothing], batch, METRICS["fvu"])["rollout_difference"].round(1)[0])
    1.0
    """
    arrays = {"inputs": judge.inputs}
    if judge.targets is not None:
        arrays["targets"] = judge.counted(judge.targets)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} have a NaN or infinite entry; allowed: finite numbers")
    intact = network.outputs(judge, engine)
    if not np.isfinite(intact).all():
        raise ValueError(
            "the intact network's outputs have a NaN or infinite entry; allowed: a network that "
            "does not run away"
        )
    metric = metric.of(network.cell.output)
    measure = partial(_measured, intact=intact, judge=judge, metric=metric, resampling=resampling)
    (reference,) = measure(intact[None])
    known, rows = {(): reference}, []
    for group in _groups(interventions, _at_once(network, judge)):
        keys = [_key(network, intervention) for intervention in group]
        fresh = {k: i for k, i in zip(keys, group, strict=True) if k not in known}
        for stack in _stacks(network, fresh):
            outputs = _rolled_out(network, [fresh[key] for key in stack], judge, engine)
            known |= zip(stack, measure(outputs), strict=True)
        rows += [
            {**i.labels, "removed": i.removed, "metric": metric.name, "removed_mass": i.mass}
            | known[key]
            for key, i in zip(keys, group, strict=True)
        ]
    if not rows:
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.DataFrame(rows)
    table["delta"] = table["value"] - reference["value"]
    table["damage"] = metric.damage(table["delta"])
    table["removed_share"] = table["removed_mass"] ** 2
    table["sensitivity"] = sensitivity(table["damage"], table["removed_mass"])
    columns = [end for name in _COLUMNS for end in (name, *_ends(name)) if end in table]
    labels = [name for name in table if name not in columns]
    table = table[[*labels, *columns]]
    return table if network.checked is None else table.assign(checked=network.checked)


_COLUMNS = ["removed", "metric", "value", "delta", "damage", "removed_mass", "removed_share"]
_COLUMNS += ["sensitivity", "rollout_difference"]


def _at_once(network: Network, judge: Batch) -> int:
    """Return how many networks may be measured together, by the doubles that each takes.

    Changed weights come in double precision, and measures make some arrays of the outputs.
    """
    weights = sum(network.weights[name].size for name in network.cell.recurrent)
    outputs = judge.steps * judge.sequences * network.sizes["output"]
    return max(1, MEMORY // (8 * (weights + 4 * outputs)))


def _groups(interventions: Iterable[Intervention], size: int) -> Iterator[list[Intervention]]:
    """Yield the interventions in groups of at most `size`, without drawing more than that."""
    group = []
    for intervention in interventions:
        group.append(intervention)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _key(network: Network, intervention: Intervention) -> tuple:
    """Return the bytes of what an intervention changes, nothing for what it leaves as it was."""
    taken = sorted({*intervention.labels} & {*_COLUMNS})
    if taken:
        raise ValueError(f"{intervention.removed}: label {taken[0]!r} is a column of the table")
    precise = network.changed(intervention.changes)
    for name, weight in precise.items():
        if weight.shape != network.weights[name].shape or not np.isfinite(weight).all():
            raise ValueError(
                f"{intervention.removed}: {name} has shape {weight.shape} or entries that are not "
                f"finite; allowed: {network.weights[name].shape}, finite numbers"
            )
    return tuple(
        (name, weight.tobytes())
        for name, weight in sorted(precise.items())
        if weight.tobytes() != network.weights[name].tobytes()
    )


def _stacks(network: Network, fresh: dict) -> Iterator[list]:
    """Yield the keys of interventions that can be rolled out together."""
    together: dict[tuple, list] = {}
    for key, intervention in fresh.items():
        names = tuple(sorted(intervention.changes))
        if set(names) <= set(network.cell.recurrent):
            together.setdefault(names, []).append(key)
        else:
            yield [key]
    yield from together.values()


def _rolled_out(
    network: Network, group: list[Intervention], judge: Batch, engine: str
) -> np.ndarray:
    """Return the outputs of a group of interventions, stacked."""
    if len(group) == 1:
        if group[0].basis is not None:
            moved = {name: start @ group[0].basis.T for name, start in judge.starts.items()}
            judge = replace(judge, **moved)
        return network.outputs(judge, engine, group[0].changes)[None]
    stacks = {name: np.stack([i.changes[name] for i in group]) for name in group[0].changes}
    return network.outputs(judge, engine, stacks)


def _measured(
    outputs, *, intact, judge: Batch, metric: Metric, resampling: Resampling | None
) -> list[dict[str, float]]:
    """Return value and rollout difference of each of several rollouts, with intervals if asked."""
    values, differences = metric(outputs, judge), metric.difference(outputs, intact, judge)
    rows = [
        {"value": value, "rollout_difference": difference}
        for value, difference in zip(values, differences, strict=True)
    ]
    if resampling is None:
        return rows
    parts, whole = metric.parts(outputs, judge)
    damage = metric.worse * (parts - metric.parts(intact, judge)[0])
    apart, spread = metric.difference_parts(outputs, intact, judge)
    for k, row in enumerate(rows):
        row |= zip(_ends("value"), resampling.interval(parts[k], whole), strict=True)
        row |= zip(_ends("damage"), resampling.interval(damage[k], whole), strict=True)
        ends = np.sqrt(resampling.interval(apart[k], spread)).tolist()
        row |= zip(_ends("rollout_difference"), ends, strict=True)
    return rows


def _ends(name: str) -> tuple[str, str]:
    """Return the columns of an interval."""
    return f"{name}_low", f"{name}_high"
