"""The diagnosis of a network: intervene, roll out, measure the damage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rnnschur import interventions as families
from rnnschur import metrics
from rnnschur.batch import Batch
from rnnschur.criterion import Criterion
from rnnschur.determinacy import determinacy
from rnnschur.evaluation import evaluate
from rnnschur.interventions import Intervention
from rnnschur.network import Network
from rnnschur.resampling import Resampling
from rnnschur.simulator import simulated


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
        Of the samples of sequences and of the rounded copies; not negative.

    Returns
    -------
    pandas.DataFrame
        One row an alpha and ablation, of networks with several recurrent matrices one a matrix as
        well: matrix, alpha, threshold and leading (rows of the sector R), the other labels of
        `rnnschur.interventions.couplings`, the columns of `evaluate` with intervals, those of
        `Criterion.distances` and of `rnnschur.determinacy`, and verdict (`Criterion.verdicts`).

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
    couplings = families.make("couplings", {"alphas": tuple(np.atleast_1d(alphas).tolist())})
    changes = couplings.of(network)
    rows = measured(network, changes, batch, metrics.metric(metric), engine, seed)
    return (criterion or Criterion()).judged(rows)


def measured(
    network: Network,
    couplings: Iterable[Intervention],
    batch: Batch,
    metric: metrics.Metric,
    engine: str,
    seed: int,
) -> pd.DataFrame:
    """Return what `diagnose` does, before it is judged: rows and what they can be trusted for.

    Parameters
    ----------
    network : Network
    couplings : iterable of Intervention
        Of the family of couplings.
    batch, metric, engine
        As for `rnnschur.evaluation.evaluate`.
    seed : int
        As for `diagnose`.
    """
    resampling = Resampling.of(batch.sequences, seed)
    rows = evaluate(network, couplings, batch, metric, engine, resampling)
    trust = determinacy(network, rows, seed)
    return pd.concat([trust, rows.drop(columns=trust.columns, errors="ignore")], axis=1)
