"""The diagnosis of a network: intervene, roll out, measure the damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rnnschur import interventions as families
from rnnschur import metrics, streams
from rnnschur.batch import Batch
from rnnschur.criterion import Criterion
from rnnschur.determinacy import determinacy
from rnnschur.evaluation import evaluate
from rnnschur.interventions.base import ALL, RECURRENCE
from rnnschur.network import Network
from rnnschur.resampling import Resampling
from rnnschur.simulator import simulated

#: In how many random gauges couplings are removed as well, where scales or signs of units are free.
GAUGES = 20


def diagnose(
    network: Network | ArrayLike,
    batch: Batch | Callable,
    metric: str = "fvu",
    alphas: float | Sequence[float] = 0.9,
    criterion: Criterion | None = None,
    engine: str = "reference",
    seed: int = 0,
) -> pd.DataFrame:
    """Remove every subset of a network's couplings, and judge each (paper).

    Input and readout weights stay as they are and nothing is retrained. Beside each judgement
    stands what it can be trusted for: an interval over sequences, the distance to each bound, and
    whether the sectors depend on the rounding of the weights.

    Parameters
    ----------
    network : Network or array_like, shape (N, N)
        A network, or the recurrent matrix of any simulator.
    batch : Batch or callable
        Held-out sequences of the task; without targets, only the rollout difference is told. With
        a matrix, a function that takes one and returns what the simulator then does, shape
        (steps, sequences, outputs); see `rnnschur.simulator.simulated`.
    metric : str
        One of `rnnschur.METRICS`.
    alphas : float or sequence of float
        Thresholds on the eigenvalue modulus, relative to the spectral radius.
    criterion : Criterion, optional
        Bounds of the verdicts, by default those of the study.
    engine : {"reference", "fast"}
        See `Network.outputs`.
    seed : int
        Of the samples of sequences, of the rounded copies and of the gauges; not negative.

    Returns
    -------
    pandas.DataFrame
        One row an alpha and ablation, of networks with several recurrent matrices one a matrix as
        well: matrix, alpha, threshold and leading (rows of the sector R), the other labels of
        `rnnschur.interventions.couplings`, the columns of `evaluate` with intervals, those of
        `Criterion.distances` and of `rnnschur.determinacy`, and verdict (`Criterion.verdicts`).
        Where scales or signs of units are free (`rnnschur.interventions.gauges`), also those of
        `gauge_ranges`, which take several times as long as the rest.

    Raises
    ------
    ValueError
        For a metric, threshold or engine that is not allowed, or sequences that do not fit the
        network.

    Examples
    --------
    >>> matrix = np.array([[0.9, 0.5], [0.0, 0.3]])
    >>> drive = np.random.default_rng(0).standard_normal((20, 30, 2))
    >>> def outputs(matrix):
    ...     states = [np.zeros((30, 2))]
    ...     for step in drive:
    ...         states.append(np.tanh(states[-1] @ matrix.T + step))
    ...     return states
    >>> diagnose(matrix, outputs).loc[2, ["removed", "verdict"]].tolist()
    ['CR', 'intermediate']
    """
    if callable(batch):
        network, batch = simulated(network, batch)
    alphas = tuple(np.atleast_1d(alphas).tolist())
    rows = measured(network, alphas, batch, metrics.metric(metric), engine, seed)
    return (criterion or Criterion()).judged(rows)


def controls(
    network: Network,
    batch: Batch,
    metric: str = "fvu",
    alphas: float | Sequence[float] = 0.9,
    engine: str = "reference",
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Do to a network what every other family of interventions does, a table each.

    Parameters
    ----------
    network, batch, metric, engine, seed
        As for `diagnose`; a network, not a simulator.
    alphas : float or sequence of float
        Thresholds between the sectors. Families of which all depends on one are asked at each,
        others once.

    Returns
    -------
    dict of str to pandas.DataFrame
        By the name of the family in `rnnschur.interventions`, the columns of `evaluate` or of the
        family's summary, and before them alpha, of families that are asked at each. None of those
        that other sequences judge (`FamilyBase.shifted`): there is one batch, of which a family
        that chooses on sequences takes half (`FamilyBase.split`).

    Raises
    ------
    ValueError
        As `diagnose`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weights = {"W_hh": rng.standard_normal((8, 8)) / 3, "W_xh": rng.standard_normal((8, 2))}
    >>> network = Network("tanh", {**weights, "W_hy": rng.standard_normal((1, 8))})
    >>> batch = Batch(rng.standard_normal((20, 30, 2)))
    >>> found = controls(network, batch)["symmetries"].set_index("control")["rollout_difference"]
    >>> (found > 1e-6).to_dict()
    {'permutation and flips': False, 'rotation': True}
    """
    alphas, tables = tuple(np.atleast_1d(alphas).tolist()), {}
    for name in families.FAMILIES:
        if name == "couplings":
            continue
        parts = []
        for alpha in alphas:
            family = families.make(name, {}, {"alpha": alpha, "alphas": alphas})
            if family.shifted:  # there is one batch
                break
            fit, judge = family.split(None, batch)
            changes = family.of(network, fit, partial(streams.generator, seed, name))
            rows = family.summary(evaluate(network, changes, judge, metrics.metric(metric), engine))
            if not hasattr(family, "alpha"):
                parts = [rows]
                break
            parts.append(rows if "alpha" in rows else rows.assign(alpha=alpha))
        if parts:
            tables[name] = pd.concat(parts, ignore_index=True)
    return tables


def measured(
    network: Network,
    alphas: Sequence[float],
    batch: Batch,
    metric: metrics.Metric,
    engine: str,
    seed: int,
) -> pd.DataFrame:
    """Return what `diagnose` does, before it is judged: rows and what they can be trusted for.

    Parameters
    ----------
    network : Network
    alphas : sequence of float
    batch, metric, engine
        As for `rnnschur.evaluation.evaluate`.
    seed : int
        As for `diagnose`.
    """
    resampling = Resampling.of(batch.sequences, seed)
    couplings = families.make("couplings", {"alphas": alphas})
    rows = evaluate(network, couplings.of(network), batch, metric, engine, resampling)
    trust = determinacy(network, rows, seed)
    idle = _idle(network, rows.assign(matrix=trust["matrix"]), batch, metric, engine)
    trust["determined"] &= idle == ""
    said = idle.where(rows["removed"] != "none", _remarks(rows, network, batch, metric))
    trust["note"] = [
        "; ".join(filter(None, pair)) for pair in zip(trust["note"], said, strict=True)
    ]
    rows = pd.concat([trust, rows.drop(columns=trust.columns, errors="ignore")], axis=1)
    if "gauge" not in rows:
        return rows
    family = families.make("gauges", {"alphas": alphas, "draws": GAUGES})
    equivalent = family.of(network, None, partial(streams.generator, seed, "gauges"))
    ranges = gauge_ranges(evaluate(network, equivalent, batch, metric, engine))
    if "matrix" not in ranges:
        ranges.insert(0, "matrix", rows["matrix"].iloc[0])
    return rows.merge(ranges, "left", ["matrix", "alpha", "removed"])


def _idle(
    network: Network, rows: pd.DataFrame, batch: Batch, metric: metrics.Metric, engine: str
) -> pd.Series:
    """Return what to note on rows that remove something on which the outputs do not depend.

    On no row of a matrix but where all of them, and the matrix as a whole, leave every output
    exactly as it was: one step from h0 = 0, say, or a simulator that does not use its matrix.
    """
    notes = pd.Series("", rows.index)
    for name, group in rows.groupby("matrix", sort=False):
        removing = group[group["removed_mass"] > 0]
        if removing.empty or (removing["rollout_difference"] != 0).any():
            continue
        if not (group["removed"] == RECURRENCE).any():
            nothing = {weight: 0 * network.weights[weight] for weight in network.cell.recurrent}
            without = [families.Intervention(RECURRENCE, nothing, 1.0)]
            if evaluate(network, without, batch, metric, engine)["rollout_difference"][0] != 0:
                continue
        what = {ALL: "the recurrence", "step": "W_hh"}.get(name, name)
        notes[removing.index] = f"the outputs do not depend on {what}"
    return notes


def _remarks(
    rows: pd.DataFrame, network: Network, batch: Batch, metric: metrics.Metric
) -> pd.Series:
    """Return what to note on the intact network: whether it does what the targets say."""
    value, chance = rows["value"] - rows["delta"], metric.chance(batch)
    said = f"does not do what the targets say: no better than {chance:.3g}, {metric.reference[1]}"
    poor = (metric.worse * (value - chance) >= 0) & (value != metric.best)
    notes = pd.Series(np.where(poor, said, ""), rows.index)
    if batch.targets is None or metric.labels or network.sizes["output"] > 1:
        return notes
    if np.isin(batch.counted(batch.targets), (0, 1)).all():
        labels = "targets are 0 and 1: if they are labels, the metric is accuracy"
        notes = notes.map(lambda note: f"{note}; {labels}" if note else labels)
    return notes


def gauge_ranges(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how far the couplings of one network depend on how it is written down.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of the family `rnnschur.interventions.gauges`, as `rnnschur.evaluation.evaluate` returns
        them.

    Returns
    -------
    pandas.DataFrame
        A row an ablation, by matrix (where there are several), alpha and removed; of leading,
        removed_mass, value and rollout_difference the smallest and the largest over random gauges
        (``_gauge_low``, ``_gauge_high``), and the balanced one's where there is one
        (``_balanced``).
    """
    key = [name for name in ("matrix", "alpha", "removed") if name in rows]
    columns = ["leading", "removed_mass", "value", "rollout_difference"]
    random, balanced = (rows[rows["gauge"] == name] for name in ("random", "balanced"))
    groups = random.groupby(key, sort=False)[columns]
    parts = [groups.min().add_suffix("_gauge_low"), groups.max().add_suffix("_gauge_high")]
    if len(balanced):
        parts.append(balanced.set_index(key)[columns].add_suffix("_balanced"))
    return pd.concat(parts, axis=1).reset_index()
