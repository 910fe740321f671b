"""Sequences to run a network on, and what it should answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnschur.arrays import real_array

#: What initial states are called, and of an LSTM initial memories.
STARTS = ("h0", "c0")


@dataclass(frozen=True, eq=False)
class Batch:
    """Input sequences and their targets, time first.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (T, B, inputs)
        B sequences of T steps.
    targets : numpy.ndarray, shape (T - onset, B, outputs), optional
        What the outputs should be from step `onset` on; without them a network can only be
        compared with itself.
    onset : int, optional
        First step that is compared with a target, counted from 0; by default the targets are
        those of the last steps, and without targets all steps count.
    mask : numpy.ndarray, shape (T - onset, B), optional
        1 where an output counts and 0 where it does not; by default all count.
    h0, c0 : numpy.ndarray, shape (N,) or (B, N), optional
        Initial state, and of an LSTM initial memory, one for all sequences or one for each; by
        default the network's own.

    Raises
    ------
    ValueError
        If an array is not real and three-dimensional, or the shapes do not fit together, or the
        mask leaves nothing; the message names the array, its shape and what is allowed.

    Examples
    --------
    >>> batch = Batch(inputs=np.zeros((10, 4, 2)), targets=np.zeros((3, 4, 1)))
    >>> batch.steps, batch.sequences, batch.onset  # the targets are those of the last steps
    (10, 4, 7)
    """

    inputs: np.ndarray
    targets: np.ndarray | None = None
    onset: int | None = None
    mask: np.ndarray | None = None
    h0: np.ndarray | None = None
    c0: np.ndarray | None = None

    def __post_init__(self):
        arrays = {"inputs": real_array(self.inputs, "inputs", 3)}
        if self.targets is not None:
            arrays["targets"] = real_array(self.targets, "targets", 3)
        for name, array in arrays.items():
            if 0 in array.shape:
                raise ValueError(f"{name} have shape {array.shape}; allowed: no axis of length 0")
        inputs, targets = arrays["inputs"], arrays.get("targets")
        steps, sequences = inputs.shape[:2]
        onset = self.onset
        if onset is None:
            onset = 0 if targets is None else steps - len(targets)
        if not isinstance(onset, int | np.integer) or isinstance(onset, bool):
            raise ValueError(f"onset is {onset!r}; allowed: a whole number")
        if targets is None and not 0 <= onset < steps:
            raise ValueError(f"onset is {onset}; allowed: from 0 to {steps - 1}, the last step")
        if targets is not None and (
            not 0 <= onset < steps or targets.shape[:2] != (steps - onset, sequences)
        ):
            raise ValueError(
                f"targets have shape {targets.shape}"
                + ("" if self.onset is None else f" and onset is {onset}")
                + f"; allowed with inputs of shape {inputs.shape}: up to {steps} steps, those from "
                f"the onset on, and {sequences} sequences"
            )
        arrays |= {"onset": int(onset), "mask": self._mask(steps - onset, sequences)}
        arrays |= {name: self._start(name, sequences) for name in STARTS}
        for name, value in arrays.items():
            object.__setattr__(self, name, value)

    def _mask(self, steps: int, sequences: int) -> np.ndarray | None:
        """Return the mask as truths."""
        if self.mask is None:
            return None
        mask = real_array(self.mask, "mask")
        if mask.shape != (steps, sequences):
            raise ValueError(
                f"mask has shape {mask.shape}; allowed: ({steps}, {sequences}), the steps from the "
                "onset on and the sequences"
            )
        if not np.isin(mask, (0, 1)).all():
            raise ValueError("mask has entries other than 0 and 1; allowed: 1 where outputs count")
        if not mask.any():
            raise ValueError("mask is 0 everywhere; allowed: 1 where outputs count, at least once")
        return mask == 1

    def _start(self, name: str, sequences: int) -> np.ndarray | None:
        """Return initial states, all of them finite."""
        if getattr(self, name) is None:
            return None
        start = real_array(getattr(self, name), name)
        one = start.ndim == 2 and len(start) == sequences
        if not (start.ndim == 1 or one) or start.size == 0:
            raise ValueError(
                f"{name} has shape {start.shape}; allowed: (units,) or ({sequences}, units), one "
                "for each sequence"
            )
        if not np.isfinite(start).all():
            raise ValueError(f"{name} has entries that are not finite")
        return start

    @property
    def starts(self) -> dict[str, np.ndarray]:
        """The initial states that come with the sequences, by name."""
        found = {name: getattr(self, name) for name in STARTS}
        return {name: start for name, start in found.items() if start is not None}

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self.inputs.shape[0]

    @property
    def sequences(self) -> int:
        """Number of sequences B."""
        return self.inputs.shape[1]

    def part(self, some: slice) -> Batch:
        """Return some of the sequences as a batch, without a second look at their values."""
        here = {"inputs": self.inputs[:, some]}
        for name in ("targets", "mask"):
            array = getattr(self, name)
            here[name] = None if array is None else array[:, some]
        here |= {name: s if s.ndim == 1 else s[some] for name, s in self.starts.items()}
        part = object.__new__(Batch)
        vars(part).update(vars(self), **here)
        return part

    def halves(self) -> tuple[Batch, Batch]:
        """Return every second sequence and the others, of two sequences or more.

        Examples
        --------
        >>> batch = Batch(inputs=np.arange(3.0).reshape(1, 3, 1))
        >>> [half.inputs.ravel().tolist() for half in batch.halves()]
        [[1.0], [0.0, 2.0]]
        """
        return self.part(slice(1, None, 2)), self.part(slice(0, None, 2))

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        """Return the sequences of several batches as one batch, in their order.

        Parameters
        ----------
        batches : sequence of Batch
            At least one.

        Raises
        ------
        ValueError
            If they differ in their steps, in the onset, in the sizes of inputs, targets or initial
            states, or in which of these and of a mask they have.

        Examples
        --------
        >>> batches = [Batch(np.zeros((10, count, 2))) for count in (3, 4)]
        >>> Batch.joined(batches).sequences
        7
        """
        for name, of in _ALIKE.items():
            found = list(dict.fromkeys(map(of, batches)))
            if len(found) > 1:
                raise ValueError(
                    f"batches to be joined have {name} {found[0]} and {found[1]}; allowed: the same"
                )
        if len(batches) == 1:
            return batches[0]
        arrays = {
            name: np.concatenate([getattr(batch, name) for batch in batches], axis=1)
            for name in ("inputs", "targets", "mask")
            if getattr(batches[0], name) is not None
        }
        for name, start in batches[0].starts.items():
            each = [
                np.broadcast_to(batch.starts[name], (batch.sequences, start.shape[-1]))
                for batch in batches
            ]
            arrays[name] = np.concatenate(each)
        return cls(onset=batches[0].onset, **arrays)

    def sequence(self, index: int) -> Batch:
        """Return one of the sequences as a batch of its own."""
        return Batch(**vars(self.part(slice(index, index + 1))))

    def summed(self, array: np.ndarray) -> np.ndarray:
        """Return the sums of an array (..., T - onset, B) over the steps that count, (..., B)."""
        return np.sum(array if self.mask is None else np.where(self.mask, array, 0), axis=-2)

    def counted(self, array: np.ndarray) -> np.ndarray:
        """Return what counts of an array (..., T - onset, B, outputs).

        Returns
        -------
        numpy.ndarray, shape (..., T - onset, B, outputs) or (..., M, 1, outputs)
            The array itself without a mask. With one, the M outputs that it leaves, as if they
            were one sequence: all measures are means over steps and sequences.

        Raises
        ------
        ValueError
            If the array does not have the steps and sequences of the mask.
        """
        if self.mask is None:
            return array
        if np.shape(array)[-3:-1] != self.mask.shape:
            raise ValueError(
                f"outputs have shape {np.shape(array)}; allowed with a mask: (..., steps, "
                f"sequences, outputs), {self.mask.shape} of steps and sequences"
            )
        return array[..., self.mask, :][..., None, :]


#: What batches to be joined have in common.
_ALIKE = {
    "steps": lambda batch: batch.steps,
    "onset": lambda batch: batch.onset,
    "inputs": lambda batch: batch.inputs.shape[-1],
    "targets": lambda batch: None if batch.targets is None else batch.targets.shape[-1],
    "mask": lambda batch: batch.mask is not None,
    "initial states": lambda batch: tuple((n, s.shape[-1]) for n, s in batch.starts.items()),
}
