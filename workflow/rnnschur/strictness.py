r"""How much worse a score may be that has not changed, from how far outputs may move.

An accuracy and an FVU of 0.02 are not the same: what they have in common is the rollout difference
d (`rnnschur.metrics.rollout_difference`) that brings them about. With f the intact outputs, g those
of the ablated network and y the targets, and in units of the standard deviation of f,

.. math:: d^2 = \mathrm{E}\|g - f\|^2

*FVU.* The errors add up, but for what the movement has to do with the error that was there:

.. math:: \mathrm{FVU}_g - \mathrm{FVU}_f = d^2 + 2\, \mathrm{E}\langle f - y,\, g - f \rangle,
          \qquad |\ldots| \le 2 d \sqrt{\mathrm{FVU}_f}

where f varies as much as y (less, and both terms are smaller).

*Accuracy.* Where all f are one standard deviation from zero, as the outputs of a network that
answers -1 or +1, a sign is lost only where g - f is that large and points to the other side. So far
is no larger share than d² (Markov); half of it, where movements to either side are as frequent.
"""

import numpy as np

#: What expressions call the damage of a score that is as good as unchanged, by metric.
UNCHANGED = {"replay_accuracy": "unchanged_accuracy", "fvu": "unchanged_fvu"}


def expected(metric: str, d):
    """Return the damage of outputs that move by d, whatever they and the targets are.

    That of an FVU is expected where the movement has nothing to do with the error; that of an
    accuracy is the most, where movements to either side are as frequent.

    Parameters
    ----------
    metric : str
        ``replay_accuracy`` or ``fvu``.
    d : array_like
        Rollout difference.

    Raises
    ------
    ValueError
        For another metric: the class of the largest output has no such bound.

    Examples
    --------
    >>> expected("replay_accuracy", 0.1), expected("fvu", 0.1)  # doctest: +ELLIPSIS
    (0.005..., 0.01...)
    """
    return d**2 * _known(metric, {"replay_accuracy": 0.5, "fvu": 1.0})


def most(metric: str, d, intact):
    """Return the largest damage of outputs that move by d, however they move.

    Parameters
    ----------
    metric, d
        As for `expected`.
    intact : array_like
        The FVU of the intact network; of an accuracy it does not matter.

    Raises
    ------
    ValueError
        As `expected`.
    """
    along_the_error = _known(metric, {"replay_accuracy": False, "fvu": True})
    return d**2 + (2 * d * np.sqrt(intact) if along_the_error else 0.0)


def unchanged(strictness: float) -> dict[str, float]:
    """Return the bounds that expressions may name, of one strictness, by name.

    Parameters
    ----------
    strictness : float
        The d that counts as no change.
    """
    return {name: expected(metric, strictness) for metric, name in UNCHANGED.items()}


def _known(metric: str, factors: dict):
    if metric not in factors:
        raise ValueError(f"metric is {metric!r}; allowed: {', '.join(factors)}")
    return factors[metric]
