"""Where one more network would fall, and whether the paper's number could be it."""

import numpy as np
import scipy  # statistics take a second to import: only where they are used


def interval(values, accuracy: bool, resolution: float, confidence: float) -> tuple[float, float]:
    r"""Return the prediction interval for one more network.

    .. math::

        g^{-1}\left(\bar z \pm t_{(1 + c) / 2,\, n - 1}\; s \sqrt{1 + 1 / n}\right),
        \qquad z_i = g(x_i)

    with the mean and the standard deviation (n - 1) of z. One more network lies in it with
    probability c where z is normal (Hahn and Meeker, Statistical Intervals, 1991). g is the logit
    of an accuracy, and the logarithm of anything else.

    The logit of 1 and the logarithm of what is not positive do not exist, and nobody can tell
    0.9999 from a published 1.00. So values nearer to 0, or to an accuracy of 1, than `resolution`
    count as that far from it, and what is added to an FVU, if it is negative, counts as
    `resolution`. A bound that near has no end: it becomes 0 or 1 for an accuracy, and minus
    infinity for anything else. Equal values give an interval of no width.

    Parameters
    ----------
    values : array_like, shape (n,)
        One number a network.
    accuracy : bool
        Whether they are accuracies.
    resolution : float
        Half a unit of the last digit that the paper prints, above 0.
    confidence : float
        Coverage, such as 0.95.

    Returns
    -------
    low, high : float
        NaN for fewer than two networks, or if one of them is infinite.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return np.nan, np.nan
    ends = (resolution, 1 - resolution) if accuracy else (resolution, np.inf)
    to, back = (scipy.special.logit, scipy.special.expit) if accuracy else (np.log, np.exp)
    z = to(np.clip(values, *ends))
    t = scipy.stats.t.ppf((1 + confidence) / 2, len(z) - 1)
    reach = t * np.std(z, ddof=1) * np.sqrt(1 + 1 / len(z))
    with np.errstate(over="ignore"):
        low, high = back(z.mean() - reach), back(z.mean() + reach)
    rounding = 1e-9 * resolution
    if low <= ends[0] + rounding:
        low = 0.0 if accuracy else -np.inf
    if high >= ends[1] - rounding:
        high = 1.0 if accuracy else np.inf
    return float(low), float(high)


def inside(published: float, resolution: float, low: float, high: float) -> bool:
    """Tell whether some number that the paper prints so lies in an interval; NaN is none."""
    return bool(low - resolution <= published <= high + resolution)
