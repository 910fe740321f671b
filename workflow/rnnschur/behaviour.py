"""What a network does, in numbers: accuracy, FVU, rollout difference, sensitivity.

Outputs have shape (..., T, B, outputs) and targets (T, B, outputs); leading axes, such as one
entry an ablation, are kept in the result.
"""

import numpy as np

_AXES = (-3, -2, -1)


def replay_accuracy(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    r"""Fraction of generated elements that have the sign of their target.

    .. math:: \mathrm{accuracy} = \mathrm{mean}[\,\hat y\, y > 0\,]

    Chance is 0.5 for targets of -1 and +1; less means that the replay comes back with its signs
    turned. An output that is not a number counts as wrong.
    """
    return np.mean(outputs * targets > 0, axis=_AXES)


def fvu(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    r"""Fraction of variance unexplained (paper).

    .. math:: \mathrm{FVU} = \mathrm{E}\|\hat y - y\|^2 / \mathrm{E}\|y - \bar y\|^2

    The mean :math:`\bar y` of each output is taken over all steps and sequences. 0 is perfect, 1
    is as good as the mean, and there is no upper bound.
    """
    error = np.mean(np.square(outputs - targets, dtype=np.float64), axis=_AXES)
    return error / np.mean(np.var(targets, axis=(0, 1), dtype=np.float64))


#: The measures of a task's behaviour by name: function, and +1 where more is worse, -1 where
#: less is worse.
METRICS = {"replay_accuracy": (replay_accuracy, -1), "fvu": (fvu, +1)}


def measure(metric: str, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the measure with the given name of `outputs` against `targets`, as float64."""
    return METRICS[metric][0](outputs, targets)


def damage(metric: str, delta: np.ndarray) -> np.ndarray:
    """Return a change of the measure as damage: positive where the network got worse.

    The damage is `delta` itself for FVU (a rise) and `-delta` for accuracy (a loss).
    """
    return METRICS[metric][1] * delta + 0.0  # no negative zero


def rollout_difference(outputs: np.ndarray, intact: np.ndarray) -> np.ndarray:
    r"""Distance between the rollouts of two networks on the same inputs.

    .. math:: d_D(f, g) = \sqrt{\mathrm{E}\|g - f\|^2 / \mathrm{E}\|f - \bar f\|^2}

    Here f is the intact network, g the ablated one, and the mean runs over the steps and
    sequences of the task distribution D. 0 is the same function on D; 1 is a difference as
    large as the intact rollout's own variation. The paper leaves the distance open; this is our
    choice: it has no units and does not look at the targets.
    """
    return np.sqrt(fvu(outputs, intact))


def sensitivity(damage: np.ndarray, removed_mass: np.ndarray) -> np.ndarray:
    r"""Damage per unit of removed Schur mass (paper: S of Delta T).

    .. math:: S = \mathrm{damage} / (\|\Delta T\|_F / \|T\|_F)

    Not a number where nothing was removed. That the mass is the ratio of norms, and not its
    square, is inferred from the magnitudes that the paper prints.
    """
    mass = np.asarray(removed_mass, dtype=np.float64)
    return np.divide(damage, mass, out=np.full(mass.shape, np.nan), where=mass > 0)


def has_learned(metric, value, threshold) -> np.ndarray:
    """Tell which networks have learned: an intact measure at `threshold` or better.

    Parameters
    ----------
    metric : sequence of str
        Measure of each network.
    value, threshold : array_like
        Its value, and the least accuracy or largest FVU of a network that counts as trained.
    """
    sign = np.array([METRICS[name][1] for name in metric], dtype=float)
    return sign * (np.asarray(value, dtype=float) - np.asarray(threshold, dtype=float)) <= 0
