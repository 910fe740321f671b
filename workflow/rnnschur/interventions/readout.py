"""The readout fitted again after an ablation: is the information gone, or only where it is?

The paper keeps the readout as it was trained. An ablation may move what the states hold to where
that readout does not look, and another linear readout would find it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.linalg

from rnnschur.batch import Batch
from rnnschur.interventions import couplings
from rnnschur.interventions.base import FamilyBase, Intervention
from rnnschur.metrics import METRICS
from rnnschur.network import Network
from rnnschur.options import positive, real, whole

#: Penalties that are tried, in units of the mean eigenvalue of the states' second moment.
PENALTIES = 10.0 ** np.arange(-10, 1)


@dataclass(frozen=True)
class Family(FamilyBase):
    r"""Every subset of RR, CR and CC removed, with the readout as it was and fitted again.

    Fitted by `ridge` on sequences that do not judge, to the targets, for networks whose outputs
    are linear in what they read; there are no rows without targets to fit, of outputs that go
    through a function, of labels of classes, or where there is a single sequence to fit. The intact
    network's readout is fitted again too (``none``): what it reaches is what a linear readout can.

    What an ablation leaves, the column ``kept``, with d the rollout difference:

    ========================  ====================================================================
    ``function``              :math:`d \le \epsilon` with the readout as it was
    ``information``           not that, but with fitted readouts the damage, against the intact
                              network's fitted one, is at most :math:`\epsilon^2`: of the variance
                              or of the elements, what outputs that differ by
                              :math:`d = \epsilon` lose of the variance
    ``neither``               otherwise
    ========================  ====================================================================

    Parameters
    ----------
    alpha : float
        Threshold between the sectors.
    epsilon : float
        Largest rollout difference of a stabilizer.
    sequences : int
        How many of the sequences to fit on are used.
    folds : int
        Parts of these sequences, each of which judges penalties once.
    """

    chooses = True

    alpha: float = positive(1, default=0.9)
    epsilon: float = real(0, 10, default=0.1)
    sequences: int = whole(2, default=256)
    folds: int = whole(2, default=4)

    def of(self, network, fit, stream=None) -> Iterator[Intervention]:
        """Yield every ablation twice.

        Labels are those of `rnnschur.interventions.couplings`, then readout (``fixed`` or
        ``refitted``) and penalty, in the units of `PENALTIES`, NaN of a readout that is fixed. A
        network that runs away keeps its readout.
        """
        linear = network.cell.output == "linear"
        if fit is None or fit.targets is None or not linear:
            return
        if fit.targets.shape[-1] != network.sizes["output"]:  # labels
            return
        fit = fit.part(slice(self.sequences))
        if fit.sequences < 2:  # nothing is left to choose the penalty by
            return
        for ablation in couplings.Family(alphas=(self.alpha,)).of(network):
            refitted, penalty = self._refitted(network, ablation.changes, fit)
            for readout, more, chosen in (("fixed", {}, np.nan), ("refitted", refitted, penalty)):
                labels = {**ablation.labels, "readout": readout, "penalty": chosen}
                changes = {**ablation.changes, **more}
                yield Intervention(ablation.removed, changes, ablation.mass, labels)

    def _refitted(self, network: Network, changes, fit: Batch):
        """Return the weights of a fitted readout, and its penalty."""
        states = _read(network, changes, fit)
        if not np.isfinite(states).all():
            return {}, np.nan
        parts = [slice(k, None, self.folds) for k in range(min(self.folds, fit.sequences))]
        pairs = [
            (fit.part(part).counted(states[:, part]), fit.part(part).counted(fit.targets[:, part]))
            for part in parts
        ]
        weights, bias, penalty = ridge(pairs, "b_y" in network.weights)
        return {"W_hy": weights} | ({} if bias is None else {"b_y": bias}), penalty

    def summary(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the column kept, none of labels: a readout is fitted to values."""
        if rows.empty or METRICS[rows["metric"].iloc[0]].labels:
            return rows.iloc[:0]
        key = [name for name in ("matrix", "removed") if name in rows]
        fixed, refitted = (
            rows[rows["readout"] == readout].set_index(key) for readout in ("fixed", "refitted")
        )
        intact = refitted.loc[refitted.index.get_level_values("removed") == "none", "value"].iloc[0]
        damage = METRICS[rows["metric"].iloc[0]].damage(refitted["value"] - intact)
        kept = np.select(
            [fixed["rollout_difference"] <= self.epsilon, damage <= self.epsilon**2],
            ["function", "information"],
            "neither",
        )
        return rows.join(pd.Series(kept, fixed.index, name="kept"), on=key)


def _read(network: Network, changes, batch: Batch) -> np.ndarray:
    """Return what the readout of a changed network weighs, (T - onset, B, N)."""
    weights = {**network.weights, **network.changed(changes)}
    weights = {name: weight for name, weight in weights.items() if name != "b_y"}
    identity = np.eye(network.sizes["unit"], dtype=network.dtype)
    return Network(network.cell, {**weights, "W_hy": identity}).outputs(batch)


def ridge(parts, intercept: bool) -> tuple[np.ndarray, np.ndarray | None, float]:
    r"""Fit a linear readout by ridge regression, its penalty chosen by cross-validation.

    .. math:: \min_{V, b} \frac{1}{n} \sum_i \|y_i - V h_i - b\|^2
              + \lambda\, \frac{\operatorname{tr} S}{N}\, \|V\|_F^2,
              \qquad S = \frac{1}{n} \sum_i (h_i - \bar h)(h_i - \bar h)^\top

    For each :math:`\lambda` of `PENALTIES` each part is judged by the readout that the others give,
    and that of the least error of all together is taken, the largest where several tie. Parts hold
    whole sequences: steps of one sequence tell too much of each other to judge each other. All of
    it follows from second moments.

    Parameters
    ----------
    parts : sequence of (array_like, array_like)
        States (..., N) and targets (..., outputs) of two parts or more.
    intercept : bool
        Whether there is a b, which no penalty holds; otherwise b and :math:`\bar h` are 0.

    Returns
    -------
    V : numpy.ndarray, shape (outputs, N), float64
    b : numpy.ndarray, shape (outputs,), or None
    penalty : float
        :math:`\lambda`.

    References
    ----------
    A. E. Hoerl and R. W. Kennard, Ridge regression: biased estimation for nonorthogonal problems,
    Technometrics 12 (1970).

    Examples
    --------
    >>> h = np.random.default_rng(0).standard_normal((4, 50, 3))
    >>> V, b, penalty = ridge([(part, 2 * part[:, :1] + 1) for part in h], True)
    >>> V.round(6) + 0.0, b.round(6), penalty
    (array([[2., 0., 0.]]), array([1.]), np.float64(1e-10))
    """
    moments = np.array([_moments(*part) for part in parts])
    units = np.shape(parts[0][0])[-1]
    total = moments.sum(axis=0)
    errors = np.zeros(len(PENALTIES))
    for judge in moments:
        for index, fitted in enumerate(_solutions(total - judge, units, intercept)):
            errors[index] += _error(judge, fitted, units)
    best = len(PENALTIES) - 1 - int(np.argmin(errors[::-1]))
    fitted = _solutions(total, units, intercept)[best]
    return fitted[1:].T, fitted[0] if intercept else None, PENALTIES[best]


def _moments(states, targets) -> np.ndarray:
    """Return the sums of products of 1, states and targets with each other."""
    states, targets = (np.asarray(a, np.float64) for a in (states, targets))
    columns = [states.reshape(-1, states.shape[-1]), targets.reshape(-1, targets.shape[-1])]
    columns = np.column_stack([np.ones(len(columns[0])), *columns])
    return columns.T @ columns


def _solutions(moments: np.ndarray, units: int, intercept: bool) -> list[np.ndarray]:
    """Return b and V of every penalty, each (1 + N, outputs)."""
    count, sums, answers = moments[0, 0], moments[0, 1 : 1 + units], moments[0, 1 + units :]
    second, cross = moments[1 : 1 + units, 1 : 1 + units], moments[1 : 1 + units, 1 + units :]
    if intercept:
        second = second - np.outer(sums, sums) / count
        cross = cross - np.outer(sums, answers) / count
    values, vectors = scipy.linalg.eigh(second)
    unit = max(np.trace(second) / units, np.finfo(float).tiny)
    found = []
    for penalty in PENALTIES * unit:
        V = vectors @ ((vectors.T @ cross) / (np.maximum(values, 0) + penalty)[:, None])
        b = (answers - sums @ V) / count if intercept else np.zeros(len(answers))
        found.append(np.vstack([b, V]))
    return found


def _error(moments: np.ndarray, fitted: np.ndarray, units: int) -> float:
    """Return the sum of squared errors of a readout on the part that the moments are of."""
    joined = np.vstack([fitted, -np.eye(fitted.shape[1])])
    return float(np.einsum("ik,ij,jk->", joined, moments, joined))
