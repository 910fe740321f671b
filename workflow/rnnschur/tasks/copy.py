"""Copy: hold a sequence of symbols and replay it, over and over, with no further input."""

from dataclasses import dataclass

import numpy as np

from rnnschur.batch import Batch
from rnnschur.options import whole
from rnnschur.tasks.base import TaskBase


@dataclass(frozen=True)
class Task(TaskBase):
    """Autonomous replay of a random sequence of sign vectors.

    The sequence s_0 ... s_{L-1}, with elements drawn from {-1, +1}, is shown during the first L
    steps. From then on the input is zero, and the output at step L + t should be s_{t mod L}.
    Training asks for `replays` passes through the sequence; a network is judged over the first
    `judged_symbols` generated symbols, longer than anything it was trained on (paper: 128
    symbols).

    Parameters
    ----------
    symbols : int
        Length L of the sequence.
    symbol_size : int
        Elements of a symbol; inputs and outputs of the network.
    replays : int
        Passes through the sequence in a training batch.
    judged_symbols : int
        Generated symbols in a held-out batch.
    """

    symbols: int = whole(1)
    symbol_size: int = whole(1)
    replays: int = whole(1)
    judged_symbols: int = whole(1)

    metric = "replay_accuracy"

    @property
    def inputs(self) -> int:
        return self.symbol_size

    @property
    def outputs(self) -> int:
        return self.symbol_size

    @property
    def onset(self) -> int:
        return self.symbols

    def sample(self, batch: int, generator: np.random.Generator) -> Batch:
        return self._replay(batch, generator, self.replays * self.symbols)

    def held_out(self, batch: int, generator: np.random.Generator) -> Batch:
        return self._replay(batch, generator, self.judged_symbols)

    def _replay(self, batch: int, generator: np.random.Generator, generated: int) -> Batch:
        shape = (self.symbols, batch, self.symbol_size)
        sequence = (2 * generator.integers(2, size=shape, dtype=np.int8) - 1).astype(np.float32)
        inputs = np.zeros((self.symbols + generated, *shape[1:]), dtype=np.float32)
        inputs[: self.symbols] = sequence
        return Batch(inputs, sequence[np.arange(generated) % self.symbols])
