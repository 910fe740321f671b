"""Statistics over networks: one network is one observation."""

import numpy as np
import pandas as pd
from scipy import stats

from rnnschur import streams


def bootstrap_interval(
    values: np.ndarray, confidence: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Bootstrap interval of the mean over networks.

    Bias-corrected and accelerated (Efron 1987; `scipy.stats.bootstrap`). Values that are equal to
    rounding give an interval of no width, fewer than two values none (NaN): resampling says
    nothing there.

    Parameters
    ----------
    values : array_like, shape (n,)
        One number a network, all finite.
    confidence : float
        Coverage, such as 0.95.
    resamples : int
        Bootstrap samples.
    rng : numpy.random.Generator

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
    interval = stats.bootstrap(
        (values / scale,), np.mean, confidence_level=confidence, n_resamples=resamples, rng=rng
    ).confidence_interval
    return float(interval.low * scale), float(interval.high * scale)


def summarize(
    table: pd.DataFrame,
    by: list[str],
    quantities: list[str],
    confidence: float,
    resamples: int,
    study_seed: int,
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

    Returns
    -------
    pandas.DataFrame
        Columns `by`, then quantity, networks (how many have a finite value), mean, sd (sample
        standard deviation, n - 1), minimum, median, maximum, low and high (the interval).
    """
    rows = []
    for group, members in table.groupby(by, sort=False, dropna=False):
        for quantity in quantities:
            values = members[quantity].to_numpy(dtype=float)
            values = values[np.isfinite(values)]
            rng = streams.generator(study_seed, "bootstrap", *group, quantity)
            low, high = bootstrap_interval(values, confidence, resamples, rng)
            some = len(values) > 0
            rows.append(
                (*group, quantity, len(values))
                + (np.mean(values) if some else np.nan,)
                + (np.std(values, ddof=1) if len(values) > 1 else np.nan,)
                + (tuple(np.quantile(values, [0, 0.5, 1])) if some else (np.nan,) * 3)
                + (low, high)
            )
    statistic = ["networks", "mean", "sd", "minimum", "median", "maximum", "low", "high"]
    return pd.DataFrame(rows, columns=[*by, "quantity", *statistic])
