"""Statistics over networks: one network is one observation."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import scipy  # statistics take a second to import: only where they are used

from rnnschur import streams

#: The numbers, about, that are summed at once; draws, two bytes each, are kept whole.
AT_ONCE = 2**22


@dataclass(frozen=True)
class Bootstrap:
    """Bootstrap intervals of means over networks, each from a random stream of its own.

    Attributes
    ----------
    confidence : float
        Coverage, such as 0.95.
    resamples : int
        Bootstrap samples.
    study_seed : int
        Seed of the whole study.
    """

    confidence: float
    resamples: int
    study_seed: int

    def interval(self, values, *name: str | int) -> tuple[float, float]:
        """Return the interval of the mean of some values.

        Bias-corrected and accelerated (Efron 1987; `scipy.stats.bootstrap`). Values that are equal
        to rounding give an interval of no width, fewer than two values none (NaN): resampling says
        nothing there.

        Parameters
        ----------
        values : array_like, shape (n,)
            One number a network, all finite.
        *name : str or int
            Name of the random stream.

        Returns
        -------
        low, high : float
        """
        values = np.asarray(values, dtype=float)
        if len(values) < 2:
            return np.nan, np.nan
        scale = np.max(np.abs(values))
        if np.ptp(values) <= 1e-12 * scale:
            return float(values.min()), float(values.max())
        # Scaled, so that the cubes in the acceleration of tiny values do not vanish.
        interval = scipy.stats.bootstrap(
            (values / scale,),
            np.mean,
            confidence_level=self.confidence,
            n_resamples=self.resamples,
            rng=streams.generator(self.study_seed, *name),
        ).confidence_interval
        return float(interval.low * scale), float(interval.high * scale)

    def nested(self, values, sets, *name: str | int) -> tuple[float, float]:
        r"""Return the interval of the mean over networks and over the held-out sets of each.

        Networks are drawn with replacement, and of each of them, whenever it is drawn, its sets
        (Davison and Hinkley 1997, section 3.8). A drawn network with the value :math:`v_i` on all
        its sequences and :math:`v_{is}` on set s contributes

        .. math:: v_i + \frac{1}{m} \sum_{s^*} v_{is^*} - \frac{1}{m} \sum_s v_{is}

        which of a mean is the mean over the sets that were drawn, and of a ratio of means, as the
        FVU is, that of all their sequences to first order. Bias-corrected and accelerated, as
        `interval` is; the acceleration is that of the networks.

        Where each network has sets of its own, its value carries their draw already, so that
        `interval` covers it, too; drawing them again counts it twice. This interval is the safe
        one of the two, wider by up to a factor of :math:`\sqrt 2`, next to nothing where networks
        differ by more than their sets do.

        Parameters
        ----------
        values : array_like, shape (n,)
            One number a network, of all its sequences, all finite.
        sets : array_like, shape (n, m)
            The same number on each of its held-out sets.
        *name : str or int
            Name of the random stream.

        Returns
        -------
        low, high : float
            NaN for fewer than two networks or sets, and where a set has no finite number.
        """
        values, sets = np.asarray(values, dtype=float), np.asarray(sets, dtype=float)
        n, m = sets.shape
        if n < 2 or m < 2 or not np.isfinite(sets).all():
            return np.nan, np.nan
        scale = max(np.max(np.abs(values)), np.max(np.abs(sets)))
        if max(np.ptp(values), np.max(np.ptp(sets, axis=1))) <= 1e-12 * scale:
            return float(values.min()), float(values.max())
        values, sets = values / scale, sets / scale
        # The networks that `interval` draws, so that the two differ by the sets alone.
        networks = streams.generator(self.study_seed, *name).integers(0, n, (self.resamples, n))
        rng = streams.generator(self.study_seed, *name, "sets")
        drawn = rng.integers(m, size=(self.resamples, n, m), dtype=np.uint16)
        off = (sets - sets.mean(axis=1, keepdims=True)) / m
        means = np.empty(self.resamples)
        for some in np.array_split(np.arange(self.resamples), -(-drawn.size // AT_ONCE)):
            moved = off.take(m * networks[some, :, None] + drawn[some]).sum(axis=2)
            means[some] = np.mean(values[networks[some]] + moved, axis=1)
        means = np.round(means, 12)  # ties, in units of scale
        if np.ptp(values) <= 1e-12:  # nothing to accelerate by
            low, high = np.quantile(means, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        else:
            low, high = scipy.stats.bootstrap(
                (values,),
                np.mean,
                confidence_level=self.confidence,
                n_resamples=0,
                bootstrap_result=SimpleNamespace(bootstrap_distribution=means),
            ).confidence_interval
        return float(low * scale), float(high * scale)

    def share(self, agree) -> tuple[float, float]:
        """Return the exact binomial interval of a share: resampling says nothing of 0 or 1."""
        agree = np.asarray(agree, dtype=bool)
        test = scipy.stats.binomtest(int(np.sum(agree)), len(agree))
        interval = test.proportion_ci(self.confidence, "exact")
        return float(interval.low), float(interval.high)


def holm(p) -> np.ndarray:
    r"""Return p values of several comparisons, adjusted so that they hold together (Holm 1979).

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\{1, (m - j + 1)\, p_{(j)}\}

    with the m p values in increasing order. Where those of at most 0.05 are called significant, the
    probability of one false call or more is at most 0.05, however the comparisons depend on each
    other.

    Parameters
    ----------
    p : array_like, shape (m,)
        NaN is no comparison, and stays.

    Returns
    -------
    ndarray, shape (m,)

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = np.array(p, dtype=float)
    order = np.argsort(adjusted, kind="stable")[: np.count_nonzero(~np.isnan(adjusted))]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * adjusted[order]), 1)
    return adjusted


def summarize(
    table: pd.DataFrame,
    by: list[str],
    quantities: list[str],
    bootstrap: Bootstrap,
    sets: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return mean, spread and bootstrap interval of each quantity in each group of networks.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a network within a group.
    by : list of str
        Columns that define a group.
    quantities : list of str
        Columns to summarise. Values that are not finite are left out and counted.
    bootstrap : Bootstrap
    sets : pandas.DataFrame, optional
        The same with a row a network and held-out set, by seed and set, and those of the quantities
        that depend on sequences.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, then quantity, networks (how many have a finite value), mean, sd (sample
        standard deviation, n - 1), minimum, median, maximum, low and high (the interval), and with
        `sets` also sets_low and sets_high (`Bootstrap.nested`).
    """
    if sets is not None:
        measured = [quantity for quantity in quantities if quantity in sets]
        sets = sets.pivot(index=[*by, "seed"], columns="set", values=measured)
    rows = []
    for group, members in table.groupby(by, sort=False, dropna=False):
        for quantity in quantities:
            values = members[quantity].to_numpy(dtype=float)
            finite = np.isfinite(values)
            values = values[finite]
            some = len(values) > 0
            rows.append(
                (*group, quantity, len(values))
                + (np.mean(values) if some else np.nan,)
                + (np.std(values, ddof=1) if len(values) > 1 else np.nan,)
                + (tuple(np.quantile(values, [0, 0.5, 1])) if some else (np.nan,) * 3)
                + bootstrap.interval(values, "bootstrap", *group, quantity)
            )
            if sets is None:
                continue
            both = (np.nan, np.nan)
            if some and quantity in measured:
                each = sets.loc[group, quantity].loc[members.loc[finite, "seed"]]
                both = bootstrap.nested(values, each, "bootstrap", *group, quantity)
            rows[-1] += both
    statistic = ["networks", "mean", "sd", "minimum", "median", "maximum", "low", "high"]
    statistic += [] if sets is None else ["sets_low", "sets_high"]
    return pd.DataFrame(rows, columns=[*by, "quantity", *statistic])


#: What is summarised of ablations, and of networks.
ABLATION_QUANTITIES = ["value", "delta", "removed_mass", "removed_share", "sensitivity"]
ABLATION_QUANTITIES += ["rollout_difference"]
NETWORK_QUANTITIES = ["value", "first_perfect", "spectral_radius", "leading"]
NETWORK_QUANTITIES += ["mass_RR", "mass_CR", "mass_CC", "departure", "commutator"]
NETWORK_QUANTITIES += ["numerical_abscissa", "transient_gain", "scaled_gain"]
NETWORK_QUANTITIES += ["eigenvector_condition", "schur_condition"]
