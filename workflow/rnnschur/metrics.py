"""What a network does, in numbers: accuracy, FVU, rollout difference, sensitivity.

Outputs have shape (..., T - onset, B, outputs); leading axes, such as one entry an ablation, are
kept in the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np

from rnnschur.arrays import in_range, real_array
from rnnschur.batch import Batch

_AXES = (-3, -2, -1)

#: A number counts as reached within this distance in accuracy, and this factor elsewhere.
ACCURACY_TOLERANCE = 0.03
FACTOR_TOLERANCE = 1.5


def replay_accuracy(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    r"""Fraction of generated elements that have the sign of their target.

    .. math:: \mathrm{accuracy} = \mathrm{mean}[\,\hat y\, y > 0\,]

    Chance is 0.5 for targets of -1 and +1; less means that the replay comes back with its signs
    turned. An output that is not a number counts as wrong.

    Parameters
    ----------
    outputs : array_like, shape (..., T, B, outputs)
    targets : array_like, shape (T, B, outputs)

    Returns
    -------
    numpy.ndarray of float64, shape (...)

    Raises
    ------
    ValueError
        If the shapes do not fit together.
    """
    outputs, targets = _aligned(outputs, targets)
    return np.mean(outputs * targets > 0, axis=_AXES)


def fvu(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    r"""Fraction of variance unexplained (paper).

    .. math:: \mathrm{FVU} = \mathrm{E}\|\hat y - y\|^2 / \mathrm{E}\|y - \bar y\|^2

    The mean :math:`\bar y` of each output is taken over all steps and sequences. 0 is perfect, 1
    is as good as the mean, and there is no upper bound.

    Parameters
    ----------
    outputs : array_like, shape (..., T, B, outputs)
    targets : array_like, shape (T, B, outputs)

    Returns
    -------
    numpy.ndarray of float64, shape (...)

    Raises
    ------
    ValueError
        If the shapes do not fit together, or no target varies: the FVU is then undefined.
    """
    outputs, targets = _aligned(outputs, targets)
    if _constant(targets):
        raise ValueError("the FVU is undefined: no target varies over steps and sequences")
    difference = outputs - targets
    if difference.dtype == np.float64:  # squares of single precision stay in range
        difference, targets, _ = in_range(difference, targets)
    with np.errstate(over="ignore", divide="ignore"):  # infinite for a network that ran away
        # One network after the other: the squares stay in the cache.
        apart = difference.reshape(-1, *targets.shape)
        error = [np.mean(np.square(d, dtype=np.float64), axis=_AXES) for d in apart]
        error = np.reshape(error, difference.shape[:-3])
        return error / np.mean(np.var(targets, axis=(0, 1), dtype=np.float64))


def accuracy(outputs: np.ndarray, labels: np.ndarray, border: float = 0.0) -> np.ndarray:
    r"""Fraction of steps whose largest output is that of the label.

    .. math:: \mathrm{accuracy} = \mathrm{mean}[\arg\max_k \hat y_k = y]

    A step with an output that is not a number counts as wrong; of equal outputs the first is the
    largest. One output alone says 1 above the border, and 0 otherwise.

    Parameters
    ----------
    outputs : array_like, shape (..., T, B, K)
        Scores of K classes.
    labels : array_like, shape (T, B, 1)
        Whole numbers from 0 to K - 1; of one output 0 and 1.
    border : float
        Of one output: 0 for a logit, 0.5 for a probability.

    Returns
    -------
    numpy.ndarray of float64, shape (...)

    Raises
    ------
    ValueError
        If the shapes do not fit together, or a label is none of these numbers.
    """
    outputs, labels = real_array(outputs, "outputs"), real_array(labels, "labels")
    if labels.ndim != 3 or outputs.ndim < 3 or labels.shape != (*outputs.shape[-3:-1], 1):
        raise ValueError(
            f"outputs have shape {outputs.shape}, labels {labels.shape}; "
            "allowed: (..., steps, sequences, classes) and (steps, sequences, 1)"
        )
    width = outputs.shape[-1]
    classes = max(width, 2)
    wrong = ~np.isin(labels, np.arange(classes))
    if wrong.any():
        raise ValueError(
            f"labels have the entry {labels[wrong][0]:g}; allowed: whole numbers from 0 to "
            f"{classes - 1}, since the number of outputs is {width}"
        )
    return np.mean(_right(outputs, labels, border), axis=(-2, -1))


def _right(outputs: np.ndarray, labels: np.ndarray, border: float) -> np.ndarray:
    """Tell at which steps the class of the outputs is that of the label."""
    one = outputs.shape[-1] == 1
    found = outputs[..., 0] > border if one else np.argmax(outputs, -1)
    return (found == labels[..., 0]) & ~np.isnan(outputs).any(-1)


def largest_share(labels: np.ndarray) -> float:
    """Return the share of the label that is there most often, the chance level of `accuracy`.

    Parameters
    ----------
    labels : array_like, not empty
    """
    labels = real_array(labels, "labels")
    return float(np.unique(labels, return_counts=True)[1].max() / labels.size)


def rollout_difference(outputs: np.ndarray, intact: np.ndarray) -> np.ndarray:
    r"""Distance between the rollouts of two networks on the same inputs.

    .. math:: d_D(f, g) = \sqrt{\mathrm{E}\|g - f\|^2 / \mathrm{E}\|f - \bar f\|^2}

    Here f is the intact network, g the ablated one, and the mean runs over the steps and
    sequences of the task distribution D. 0 is the same function on D; 1 is a difference as
    large as the intact rollout's own variation. The paper leaves the distance open; this is our
    choice: it has no units and does not look at the targets.

    Where the intact outputs do not vary, identical outputs have the distance 0 and others are
    infinitely far.

    Parameters
    ----------
    outputs : array_like, shape (..., T, B, outputs)
    intact : array_like, shape (T, B, outputs)

    Returns
    -------
    numpy.ndarray of float64, shape (...)

    Raises
    ------
    ValueError
        If the shapes do not fit together.
    """
    outputs, intact = _aligned(outputs, intact)
    if not _constant(intact):
        return np.sqrt(fvu(outputs, intact))
    # Outputs that differ by less than their own rounding are the same constant.
    apart = np.abs(outputs - intact)
    same = np.all(apart <= _extent(intact)[1], axis=_AXES)
    broken = np.any(np.isnan(apart), axis=_AXES)
    return np.where(same, 0.0, np.where(broken, np.nan, np.inf))


def sensitivity(damage: np.ndarray, removed_mass: np.ndarray) -> np.ndarray:
    r"""Damage per unit of removed Schur mass (paper: S of Delta T).

    .. math:: S = \mathrm{damage} / (\|\Delta T\|_F / \|T\|_F)

    Not a number where nothing was removed. That the mass is the ratio of norms, and not its
    square, is inferred from the magnitudes that the paper prints.

    Parameters
    ----------
    damage, removed_mass : array_like of one shape

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    damage, mass = np.asarray(damage, np.float64), np.asarray(removed_mass, np.float64)
    if damage.shape != mass.shape:
        raise ValueError(
            f"damage has shape {damage.shape}; allowed: that of the mass, {mass.shape}"
        )
    return np.divide(damage, mass, out=np.full(mass.shape, np.nan), where=mass > 0)


def _signs(outputs, targets, batch: Batch):
    """Return the parts of `replay_accuracy` at every step of every sequence."""
    return np.mean(outputs * targets > 0, axis=-1), np.ones(targets.shape[:2])


def _squares(outputs, targets, batch: Batch):
    """Return the parts of `fvu` at every step of every sequence.

    The mean of the targets is that of all sequences: the variance is least about it, so that to
    first order another mean would not change the ratio.
    """
    centred = targets - np.mean(batch.counted(targets), axis=(0, 1), dtype=np.float64)
    difference, centred, _ = in_range(np.asarray(outputs - targets, np.float64), centred)
    return np.mean(np.square(difference), axis=-1), np.mean(np.square(centred), axis=-1)


def _classes(outputs, labels, batch: Batch, border: float = 0.0):
    """Return the parts of `accuracy` at every step of every sequence."""
    return _right(outputs, labels, border).astype(np.float64), np.ones(labels.shape[:2])


@dataclass(frozen=True)
class Metric:
    """A measure of a task's behaviour, and all that is known of it.

    Attributes
    ----------
    name : str
    label : str
        For people, on an axis.
    function : callable
        ``function(outputs, targets)``, with leading axes kept.
    terms : callable
        ``terms(outputs, targets, batch)``: what every step of every sequence adds to numerator,
        shape (..., T, B), and denominator, shape (T, B), of the measure.
    worse : int
        +1 where more is worse, -1 where less is worse.
    reference : tuple of float and str
        The value of a network that knows nothing, and what it is called; NaN where it depends on
        the sequences (see `chance`).
    best : float
        The value of a perfect network; no value is better.
    absolute : bool
        Whether two values are compared by their difference; by their ratio otherwise.
    labels : bool
        Whether targets are labels of classes and outputs their scores.

    Examples
    --------
    >>> batch = Batch(inputs=np.zeros((2, 1, 1)), targets=[[[1.0]], [[-1.0]]])
    >>> float(METRICS["replay_accuracy"](np.array([[[0.3]], [[0.2]]]), batch))  # one sign is right
    0.5
    """

    name: str
    label: str
    function: Callable[[np.ndarray, np.ndarray], np.ndarray]
    terms: Callable[[np.ndarray, np.ndarray, Batch], tuple[np.ndarray, np.ndarray]]
    worse: int
    reference: tuple[float, str]
    best: float
    absolute: bool
    labels: bool = False

    def __call__(self, outputs: np.ndarray, batch: Batch) -> np.ndarray:
        """Return the measure of `outputs` on what counts of a batch, as float64.

        NaN where the batch has no targets.
        """
        if batch.targets is None:
            return np.full(np.shape(outputs)[:-3], np.nan)
        return self.function(batch.counted(outputs), batch.counted(batch.targets))

    def of(self, output: str) -> Metric:
        """Return the measure for outputs that go through a function, by its name.

        Where this is a sigmoid, one output alone is a probability, and says 1 above 0.5.
        """
        if not self.labels or "sigmoid" not in output:
            return self
        function, terms = (partial(made, border=0.5) for made in (self.function, self.terms))
        return replace(self, function=function, terms=terms)

    def chance(self, batch: Batch) -> float:
        """Return the value of a network that knows nothing but how often labels are there."""
        if not self.labels or batch.targets is None:
            return self.reference[0]
        return largest_share(batch.counted(batch.targets))

    def difference(self, outputs: np.ndarray, intact: np.ndarray, batch: Batch) -> np.ndarray:
        """Return the `rollout_difference` on what counts of a batch.

        What all scores of a step have in common decides no class, and is taken out.
        """
        outputs, intact = self._compared(batch.counted(outputs), batch.counted(intact))
        return rollout_difference(outputs, intact)

    def parts(self, outputs: np.ndarray, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return what each sequence adds to numerator and denominator of the measure.

        Parameters
        ----------
        outputs : numpy.ndarray, shape (..., T - onset, B, outputs)
        batch : Batch

        Returns
        -------
        numpy.ndarray, shape (..., B)
        numpy.ndarray, shape (B,)
            The ratio of their sums is the measure; NaN where the batch has no targets.
        """
        if batch.targets is None:
            nothing = np.full((*outputs.shape[:-3], outputs.shape[-2]), np.nan)
            return nothing, np.full(outputs.shape[-2], np.nan)
        return self._summed(self.terms, outputs, batch.targets, batch)

    def difference_parts(self, outputs, intact, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of the square of `difference`."""
        return self._summed(_squares, *self._compared(outputs, intact), batch)

    @staticmethod
    def _summed(terms, outputs, targets, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that ran away
            part, whole = terms(outputs, targets, batch)
        return batch.summed(part), batch.summed(whole)

    def _compared(self, outputs, intact) -> tuple[np.ndarray, np.ndarray]:
        """Return outputs without what scores of classes have in common."""
        if not self.labels or outputs.shape[-1] == 1:
            return outputs, intact
        return outputs - outputs.mean(-1, keepdims=True), intact - intact.mean(-1, keepdims=True)

    def damage(self, delta):
        """Return a change of the measure as damage: positive where the network got worse."""
        return self.worse * delta + 0.0  # no negative zero

    def learned(self, value, threshold):
        """Tell whether a value is at `threshold` or better; one that is undefined is not."""
        return self.worse * (value - threshold) <= 0

    def misfit(self, ours, published) -> np.ndarray:
        """Return the distance from a published value in units of what counts as reached.

        The difference in units of 0.03 for an accuracy, otherwise as `relative_misfit`.
        """
        if not self.absolute:
            return relative_misfit(ours, published)
        ours, published = np.asarray(ours, dtype=float), np.asarray(published, dtype=float)
        return np.abs(ours - published) / ACCURACY_TOLERANCE

    @property
    def tolerance(self) -> str:
        """What counts as reached, in words."""
        return f"within {ACCURACY_TOLERANCE}" if self.absolute else RELATIVE_TOLERANCE


def relative_misfit(ours, published) -> np.ndarray:
    r"""Distance of a positive number from a published one, in units of what counts as reached.

    .. math:: |\ln(\mathrm{ours} / \mathrm{published})| / \ln 1.5

    At most 1 is reached. Infinite where a ratio has no logarithm.
    """
    ours, published = np.asarray(ours, dtype=float), np.asarray(published, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(np.where(ours > 0, ours, 0) / published)
    return np.abs(ratio) / np.log(FACTOR_TOLERANCE)


RELATIVE_TOLERANCE = f"within a factor {FACTOR_TOLERANCE}"

#: The measures by name.
METRICS = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                "replay_accuracy", "replay accuracy", replay_accuracy, _signs,
                worse=-1, reference=(0.5, "chance"), best=1.0, absolute=True,
            ),
            Metric(
                "fvu", "FVU", fvu, _squares,
                worse=+1, reference=(1.0, "as good as the mean"), best=0.0, absolute=False,
            ),
            Metric(
                "accuracy", "accuracy", accuracy, _classes,
                worse=-1, reference=(np.nan, "largest share of a label"), best=1.0, absolute=True,
                labels=True,
            ),
        )
    }
)  # fmt: skip


def metric(name: str) -> Metric:
    """Return the measure of the given name.

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.
    """
    if name not in METRICS:
        raise ValueError(f"metric is {name!r}; allowed: {', '.join(METRICS)}")
    return METRICS[name]


def _aligned(outputs, targets) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays, or raise ValueError unless they fit together without broadcasting."""
    outputs, targets = real_array(outputs, "outputs"), real_array(targets, "targets")
    if targets.ndim != 3 or outputs.shape[-3:] != targets.shape or targets.size == 0:
        raise ValueError(
            f"outputs have shape {outputs.shape}, what they are compared with {targets.shape}; "
            "allowed: (..., steps, sequences, outputs) and (steps, sequences, outputs), not empty"
        )
    return outputs, targets


def _extent(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of each output over steps and sequences, and the rounding at its largest."""
    # Step by step and then over sequences: numpy is slow where the axis that stays is a short one.
    low, high = array.min(axis=0).min(axis=0), array.max(axis=0).max(axis=0)
    return high - low, np.finfo(array.dtype).eps * np.maximum(np.abs(low), np.abs(high))


def _constant(array: np.ndarray) -> bool:
    """Tell whether no output varies over steps and sequences by more than its own rounding."""
    extent, rounding = _extent(array)
    return bool(np.all(extent <= rounding))
