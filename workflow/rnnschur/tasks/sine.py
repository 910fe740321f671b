"""Sine generation: oscillate at the frequency that a constant cue asks for."""

from dataclasses import dataclass

import numpy as np

from rnnschur.batch import Batch
from rnnschur.options import positive, real, whole
from rnnschur.tasks.base import TaskBase


@dataclass(frozen=True)
class Task(TaskBase):
    """A sine wave whose frequency is set by a constant input.

    A cue k, uniform in [0, 1], is held on the input; the output at step t should be
    sin(2 pi f (t + 1)) with f = `lowest_frequency` + k (`highest_frequency` -
    `lowest_frequency`).

    Parameters
    ----------
    steps : int
        Length of a sequence.
    lowest_frequency, highest_frequency : float
        Frequencies at cue 0 and at cue 1, in cycles per step.
    """

    steps: int = whole(1)
    lowest_frequency: float = real(0, 0.5)
    highest_frequency: float = positive(0.5)

    metric = "fvu"
    inputs = 1
    outputs = 1

    def sample(self, batch: int, generator: np.random.Generator) -> Batch:
        cue = generator.random((batch, 1))
        span = self.highest_frequency - self.lowest_frequency
        frequency = self.lowest_frequency + span * cue
        time = np.arange(1, self.steps + 1)[:, None, None]
        inputs = np.tile(cue.astype(np.float32), (self.steps, 1, 1))
        return Batch(inputs, np.sin(2 * np.pi * frequency * time).astype(np.float32))
