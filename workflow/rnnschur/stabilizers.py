"""The criterion: does an ablation leave the network's behaviour on its task alone?

An ablation is an epsilon-stabilizer on the task distribution D when the rollout difference
d_D(f_W, f_W~) is at most epsilon; where it also removes mass that is not negligible, the paper
calls it a candidate approximate invariance. The verdicts keep these apart.
"""

import numpy as np

VERDICTS = ("stabilizer", "negligible", "intermediate", "fragile")


def verdict(
    rollout_difference: np.ndarray,
    removed_mass: np.ndarray,
    epsilon: float,
    minimum_mass: float,
    fragile: float,
) -> np.ndarray:
    """Judge ablations by their rollout difference and removed mass.

    Parameters
    ----------
    rollout_difference, removed_mass : array_like
        See `rnnschur.behaviour.rollout_difference` and `rnnschur.sectors.removed_mass`.
    epsilon : float
        Largest rollout difference of a stabilizer.
    minimum_mass : float
        Least removed mass that is not negligible.
    fragile : float
        Rollout difference from which an ablation is fragile, larger than `epsilon`.

    Returns
    -------
    numpy.ndarray of str
        ``stabilizer`` (difference at most epsilon, mass not negligible: a candidate invariance),
        ``negligible`` (difference at most epsilon, but hardly anything was removed), ``fragile``
        (difference of at least `fragile`, or not a number) or ``intermediate``.
    """
    difference = np.asarray(rollout_difference)
    safe = difference <= epsilon
    heavy = np.asarray(removed_mass) >= minimum_mass
    return np.select(
        [safe & heavy, safe, difference < fragile],
        ["stabilizer", "negligible", "intermediate"],
        default="fragile",
    )
