"""Flip-flop: remember the sign of the last pulse on each channel."""

from dataclasses import dataclass

import numpy as np

from rnnschur.batch import Batch
from rnnschur.options import positive, whole
from rnnschur.tasks.base import TaskBase


@dataclass(frozen=True)
class Task(TaskBase):
    """Independent one-bit memories, three in the paper.

    At each step every channel receives, with probability `pulse_probability`, a pulse of -1 or
    +1, and 0 otherwise. The output of a channel is the sign of its last pulse, 0 before the
    first (Sussillo and Barak 2013).

    Parameters
    ----------
    steps : int
        Length of a sequence.
    channels : int
        Number of bits; inputs and outputs of the network.
    pulse_probability : float
        Probability of a pulse, per channel and step.
    """

    steps: int = whole(1)
    channels: int = whole(1)
    pulse_probability: float = positive(1)

    metric = "fvu"

    @property
    def inputs(self) -> int:
        return self.channels

    @property
    def outputs(self) -> int:
        return self.channels

    def sample(self, batch: int, generator: np.random.Generator) -> Batch:
        shape = (self.steps, batch, self.channels)
        fires = generator.random(shape) < self.pulse_probability
        sign = 2 * generator.integers(2, size=shape) - 1
        pulses = np.where(fires, sign, 0).astype(np.float32)
        # The step of the last pulse so far; step 0 stands in where none has come, and holds 0.
        last = np.maximum.accumulate(np.where(fires, np.arange(self.steps)[:, None, None], 0))
        return Batch(pulses, np.take_along_axis(pulses, last, axis=0))
