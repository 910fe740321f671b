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
        inputs = np.zeros((self.symbols + generated, *shape[1:]), dtype=np.float32)
        sequence = inputs[: self.symbols]
        words = generator.integers(2**64, size=-(-sequence.size // 64), dtype=np.uint64)
        bits = np.unpackbits(words.view(np.uint8), count=sequence.size)  # one an element
        sequence[:] = bits.reshape(shape)
        sequence *= 2
        sequence -= 1
        targets = np.empty((generated, *shape[1:]), dtype=np.float32)
        for first in range(0, generated, self.symbols):
            replay = targets[first : first + self.symbols]
            replay[:] = sequence[: len(replay)]
        return Batch(inputs, targets)
