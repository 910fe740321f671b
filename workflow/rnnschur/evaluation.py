"""Measurement of interventions: the one way from interventions to rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, starmap

import numpy as np
import pandas as pd

from rnnschur.batch import Batch
from rnnschur.interventions import Intervention
from rnnschur.metrics import Metric, sensitivity
from rnnschur.network import Network
from rnnschur.resampling import Resampling

#: Memory that the networks that are measured together may take, in bytes.
MEMORY = 2**26


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
    equal ones once. One that asks for more sequences than there are is left out.

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
    views = [(slice(None), judge)]
    (table,) = _tables(network, interventions, views, metric, engine, resampling)
    return table


def evaluate_sets(
    network: Network,
    interventions: Iterable[Intervention],
    sets: Sequence[Batch],
    metric: Metric,
    engine: str = "reference",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure a network under each intervention on several sets of sequences, and on all together.

    Every network is rolled out once, on all sequences.

    Parameters
    ----------
    network, interventions, metric, engine
        As for `evaluate`.
    sets : sequence of Batch
        Independent sequences that judge, K sets that can be joined (`Batch.joined`).

    Returns
    -------
    pooled, by_set : pandas.DataFrame
        What `evaluate` returns for the joined sequences; and the same for each set alone, one row
        an intervention and set, with the column set, from 0 to K - 1. Neither difference nor FVU
        of all sequences is the mean over sets, whose outputs and targets vary by more or less.

    Raises
    ------
    ValueError
        As `evaluate` and `Batch.joined`.

    Examples
    --------
    >>> from rnnschur import METRICS
    >>> rng, one = np.random.default_rng(0), np.ones((1, 1))
    >>> network = Network("linear", {"W_hh": 0 * one, "W_xh": one, "W_hy": one})
    >>> sets = [Batch(rng.standard_normal((20, 30, 1))) for _ in range(2)]
    >>> half = Intervention("half of the readout", {"W_hy": one / 2}, mass=0.5)
    >>> pooled, by_set = evaluate_sets(network, [half], sets, METRICS["fvu"])
    >>> len(pooled), by_set["set"].tolist()
    (1, [0, 1])
    """
    ends = np.cumsum([0, *(one.sequences for one in sets)]).tolist()
    views = [(slice(None), Batch.joined(sets))]
    views += zip(starmap(slice, pairwise(ends)), sets, strict=True)
    pooled, *tables = _tables(network, interventions, views, metric, engine)
    by_set = pd.concat(tables).sort_index(kind="stable")  # by intervention, then by set
    number = np.tile(np.arange(len(sets)), len(pooled))
    by_set.insert(by_set.columns.get_loc("removed") + 1, "set", number)
    return pooled, by_set.reset_index(drop=True)


def evaluate_shifts(
    network: Network,
    interventions: Iterable[Intervention],
    batches: Mapping[str, Batch],
    metric: Metric,
    engine: str = "reference",
) -> pd.DataFrame:
    """Measure a network under each intervention on several distributions of sequences.

    Parameters
    ----------
    network, interventions, metric, engine
        As for `evaluate`.
    batches : mapping of str to Batch
        Sequences of each distribution, by its name.

    Returns
    -------
    pandas.DataFrame
        What `evaluate` returns for each of them, in their order, after the column shift, their
        name. Everything is against the intact network on the same sequences; where that runs away,
        as it may on sequences that it was not trained on, all numbers of the shift are NaN.

    Raises
    ------
    ValueError
        As `evaluate`, but for outputs that are not finite; or if an intervention has a label
        ``shift``.

    Examples
    --------
    >>> from rnnschur import METRICS
    >>> one, rng = np.ones((1, 1)), np.random.default_rng(0)
    >>> network = Network("linear", {"W_hh": one / 2, "W_xh": one, "W_hy": one})
    >>> batches = {"short": Batch(one[None]), "long": Batch(rng.standard_normal((9, 5, 1)))}
    >>> nothing = Intervention("recurrence", {"W_hh": 0 * one}, mass=1.0)
    >>> rows = evaluate_shifts(network, [nothing], batches, METRICS["fvu"])
    >>> rows["shift"].tolist(), (rows["rollout_difference"] > 0).tolist()
    (['short', 'long'], [False, True])
    """
    interventions = list(interventions)
    tables = []
    for name, batch in batches.items():
        finite = np.isfinite(network.outputs(batch, engine)).all()
        if finite or not np.isfinite(batch.inputs).all():  # the latter are refused
            rows = evaluate(network, interventions, batch, metric, engine)
        else:
            nothing = dict.fromkeys(("value", "rollout_difference", "removed_mass"), np.nan)
            said = [{**i.labels, "removed": i.removed} | nothing for i in interventions]
            rows = _table(said, np.nan, metric, network)
        rows.insert(0, "shift", name)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def _tables(
    network: Network,
    interventions: Iterable[Intervention],
    views: Sequence[tuple[slice, Batch]],
    metric: Metric,
    engine: str,
    resampling: Resampling | None = None,
) -> list[pd.DataFrame]:
    """Return a table for each view of the sequences; the first view is of all of them."""
    judge = views[0][1]
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

    def measured(outputs):
        """Return what each of several rollouts measures, in every view."""
        found = [
            _measured(outputs[..., part, :], intact[..., part, :], batch, metric, resampling)
            for part, batch in views
        ]
        return list(zip(*found, strict=True))

    (reference,) = measured(intact[None])
    known, rows = {(): reference}, []
    interventions = (i for i in interventions if i.least <= judge.sequences)
    for group in _groups(interventions, _at_once(network, judge)):
        keys = [_key(network, intervention) for intervention in group]
        fresh = {k: i for k, i in zip(keys, group, strict=True) if k not in known}
        for stack in _stacks(network, fresh):
            outputs = _rolled_out(network, [fresh[key] for key in stack], judge, engine)
            known |= zip(stack, measured(outputs), strict=True)
        rows += [
            ({**i.labels, "removed": i.removed, "removed_mass": i.mass}, known[key])
            for key, i in zip(keys, group, strict=True)
        ]
    return [
        _table([said | found[view] for said, found in rows], intact_one["value"], metric, network)
        for view, intact_one in enumerate(reference)
    ]


def _table(rows: list[dict], intact: float, metric: Metric, network: Network) -> pd.DataFrame:
    """Return rows as a table, with what follows from the value of the intact network."""
    if not rows:
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.DataFrame(rows).assign(metric=metric.name)
    table["delta"] = table["value"] - intact
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
    """Return digests of what an intervention changes, nothing for what it leaves as it was.

    With them, what it adds. Digests, since the weights of thousands of them take gigabytes.
    """
    taken = sorted({*intervention.labels} & {*_COLUMNS, "set"})
    if taken:
        raise ValueError(f"{intervention.removed}: label {taken[0]!r} is a column of the table")
    precise = network.changed(intervention.changes)
    for name, weight in precise.items():
        if weight.shape != network.weights[name].shape or not np.isfinite(weight).all():
            raise ValueError(
                f"{intervention.removed}: {name} has shape {weight.shape} or entries that are not "
                f"finite; allowed: {network.weights[name].shape}, finite numbers"
            )
    changed = [
        (name, hashlib.blake2b(weight).digest())
        for name, weight in sorted(precise.items())
        if not np.array_equal(weight, network.weights[name])
    ]
    return (*changed, *([intervention.added] if intervention.added else []))


def _stacks(network: Network, fresh: dict) -> Iterator[list]:
    """Yield the keys of interventions that are rolled out and measured together."""
    together: dict[tuple, list] = {}
    for key, intervention in fresh.items():
        names = _stacked(network, intervention)
        together.setdefault(names, []).append(key)
    yield from together.values()


def _stacked(network: Network, intervention: Intervention) -> tuple[str, ...]:
    """Return the weights that can be stacks, none where an intervention changes anything else."""
    plain = intervention.added is None and set(intervention.changes) <= {*network.cell.recurrent}
    return tuple(sorted(intervention.changes)) if plain else ()


def _rolled_out(
    network: Network, group: list[Intervention], judge: Batch, engine: str
) -> np.ndarray:
    """Return the outputs of a group of interventions, stacked."""
    names = _stacked(network, group[0])
    if names and len(group) > 1:
        stacks = {name: np.stack([i.changes[name] for i in group]) for name in names}
        return network.outputs(judge, engine, stacks)
    return np.stack([_alone(network, one, judge, engine) for one in group])


def _alone(network: Network, intervention: Intervention, judge: Batch, engine: str) -> np.ndarray:
    """Return the outputs of an intervention of any kind."""
    if intervention.basis is not None:
        moved = {name: start @ intervention.basis.T for name, start in judge.starts.items()}
        judge = replace(judge, **moved)
    added = {"added": intervention.added(judge)} if intervention.added else {}
    return network.outputs(judge, engine, intervention.changes, **added)


def _measured(
    outputs, intact, judge: Batch, metric: Metric, resampling: Resampling | None
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
