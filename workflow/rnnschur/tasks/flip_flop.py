"""Flip-flop: remember the sign of the last pulse on each channel."""

from dataclasses import dataclass
from itertools import pairwise

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
        uniform = generator.random((self.steps, batch, self.channels), dtype=np.float32)
        pulses = (uniform < self.pulse_probability / 2).astype(np.float32)
        pulses -= uniform >= 1 - self.pulse_probability / 2
        memory = pulses.copy()
        for before, now in pairwise(memory):
            np.copyto(now, before, where=now == 0)
        return Batch(pulses, memory)
