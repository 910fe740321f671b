"""Context-dependent integration: integrate the one of two noisy inputs that a cue names."""

from dataclasses import dataclass

import numpy as np

from rnnschur.batch import Batch
from rnnschur.options import positive, real, whole
from rnnschur.tasks.base import TaskBase


@dataclass(frozen=True)
class Task(TaskBase):
    """Running integral of one of two noisy inputs (after Mante et al. 2013).

    Two inputs carry a constant mean, uniform in [-`largest_mean`, `largest_mean`] and drawn
    anew for every sequence, plus white Gaussian noise. Two more inputs tell, one-hot, which of
    them counts. With u the one that counts, the output at step t should be
    `gain` (u_0 + ... + u_t) / T.

    Parameters
    ----------
    steps : int
        Length T of a sequence.
    largest_mean : float
        Largest absolute mean of an input.
    noise : float
        Standard deviation of the noise, per step.
    gain : float
        Scale of the output.
    """

    steps: int = whole(1)
    largest_mean: float = positive(10)
    noise: float = real(0, 10)
    gain: float = positive(100)

    metric = "fvu"
    inputs = 4
    outputs = 1

    def sample(self, batch: int, generator: np.random.Generator) -> Batch:
        mean = generator.uniform(-self.largest_mean, self.largest_mean, (batch, 2))
        signal = mean + self.noise * generator.standard_normal((self.steps, batch, 2))
        context = generator.integers(2, size=batch)
        cue = np.broadcast_to(np.eye(2)[context], (self.steps, batch, 2))
        cued = np.take_along_axis(signal, context[None, :, None], axis=2)
        inputs = np.concatenate([signal, cue], axis=2).astype(np.float32)
        integral = self.gain / self.steps * np.cumsum(cued, axis=0)
        return Batch(inputs, integral.astype(np.float32))
