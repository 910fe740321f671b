"""What every task offers to training and diagnosis."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnnschur.batch import Batch
from rnnschur.options import Options


@dataclass(frozen=True)
class TaskBase(Options, ABC):
    """A task distribution: batches of input sequences and the outputs they ask for.

    The fields of a subclass are its protocol keys. All arrays are float32.

    Attributes
    ----------
    metric : str
        The name of the measure in `rnnschur.metrics` by which the paper judges the task.
    inputs, outputs : int
        Size of the input and output of the network.
    onset : int
        First step that is compared with a target, counted from 0.
    """

    metric: ClassVar[str]
    inputs: ClassVar[int]
    outputs: ClassVar[int]
    onset: ClassVar[int] = 0

    @abstractmethod
    def sample(self, batch: int, generator: np.random.Generator) -> Batch:
        """Draw `batch` independent sequences; training takes several batches from one draw."""

    def held_out(self, batch: int, generator: np.random.Generator) -> Batch:
        """Draw sequences to judge a network by; the same distribution as training unless said."""
        return self.sample(batch, generator)
