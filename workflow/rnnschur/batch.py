"""Sequences to run a network on, and what it should answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnschur.arrays import real_array


@dataclass(frozen=True, eq=False)
class Batch:
    """Input sequences and their targets, time first.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (T, B, inputs)
        B sequences of T steps.
    targets : numpy.ndarray, shape (T - onset, B, outputs)
        What the outputs should be from step `onset` on.
    onset : int, optional
        First step that is compared with a target, counted from 0; by default the targets are
        those of the last steps.

    Raises
    ------
    ValueError
        If an array is not real and three-dimensional, or the shapes do not fit together; the
        message names the array, its shape and what is allowed.
    """

    inputs: np.ndarray
    targets: np.ndarray
    onset: int | None = None

    def __post_init__(self):
        inputs, targets = (real_array(getattr(self, n), n, 3) for n in ("inputs", "targets"))
        for name, array in (("inputs", inputs), ("targets", targets)):
            if 0 in array.shape:
                raise ValueError(f"{name} have shape {array.shape}; allowed: no axis of length 0")
        steps, sequences = inputs.shape[:2]
        onset = steps - len(targets) if self.onset is None else self.onset
        if not isinstance(onset, int | np.integer) or isinstance(onset, bool):
            raise ValueError(f"onset is {onset!r}; allowed: a whole number")
        if not 0 <= onset < steps or targets.shape[:2] != (steps - onset, sequences):
            raise ValueError(
                f"targets have shape {targets.shape}"
                + ("" if self.onset is None else f" and onset is {onset}")
                + f"; allowed with inputs of shape {inputs.shape}: up to {steps} steps, those from "
                f"the onset on, and {sequences} sequences"
            )
        for name, value in (("inputs", inputs), ("targets", targets), ("onset", int(onset))):
            object.__setattr__(self, name, value)

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self.inputs.shape[0]

    @property
    def sequences(self) -> int:
        """Number of sequences B."""
        return self.inputs.shape[1]
