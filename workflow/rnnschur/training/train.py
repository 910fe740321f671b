"""From a task and an identity to a trained network."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from rnnschur.architectures import Architecture
from rnnschur.batch import Batch
from rnnschur.cells import ENGINES
from rnnschur.curriculum import Stage
from rnnschur.metrics import metric
from rnnschur.streams import Identity, generator
from rnnschur.tables import HISTORY
from rnnschur.tasks import TaskBase
from rnnschur.training.engines import FastEngine, ReferenceEngine
from rnnschur.training.module import build
from rnnschur.training.resume import Checkpoint

#: Sequences that are drawn at a time: for a single batch numpy's calls take longer than its
#: arithmetic.
DRAWN = 1024


class Diverged(RuntimeError):
    """The loss of a network is no longer a finite number."""


@dataclass(frozen=True)
class Schedule:
    """How a network starts and is trained.

    Attributes
    ----------
    updates : int
        Number of updates; training never stops early.
    batch : int
        Sequences in a batch.
    learning_rate : float
        Of Adam, with the moments of Kingma and Ba (2015).
    gradient_clip : float or None
        Largest norm of the gradient of all that is trained; None leaves it as it is.
    input_scale : float
        Of the initial input weights (see `rnnschur.training.module.build`).
    record_every : int
        Updates between two rows of the history; the last update always gets one.
    monitored : int
        Held-out sequences by which the history judges the network.
    frozen_readout : float or None
        Scale of a readout that stays as it starts (see `rnnschur.training.module.build`); None
        trains the readout.
    curriculum : tuple of Stage
        What training begins with, see `rnnschur.curriculum`; after the last stage, and without any,
        batches are drawn from the task itself.
    """

    updates: int
    batch: int
    learning_rate: float
    gradient_clip: float | None
    input_scale: float
    record_every: int
    monitored: int
    frozen_readout: float | None = None
    curriculum: tuple[Stage, ...] = ()

    def drawn(self, update: int, task: TaskBase) -> TaskBase:
        """Return what the batch of an update, counted from 1, is drawn from."""
        return next((part.task for part in self.curriculum if update <= part.last), task)

    def draws(
        self, task: TaskBase, generator: np.random.Generator, done: int = 0
    ) -> Iterator[tuple[int, Batch]]:
        """Draw `DRAWN` sequences at a time, from the first update after `done` on.

        Yields
        ------
        done : int
            Updates before those of the draw.
        sequences : Batch
            The batches of the draw, side by side.
        """
        while done < self.updates:
            source, end = self.drawn(done + 1, task), done + 1
            together = max(1, DRAWN // self.batch)
            while end < min(done + together, self.updates) and self.drawn(end + 1, task) == source:
                end += 1
            sequences = source.sample(together * self.batch, generator)
            yield done, sequences.part(slice((end - done) * self.batch))
            done = end

    def parts(self, begin: int, sequences: Batch) -> Iterator[tuple[int, Batch]]:
        """Hand out what is trained on without a break, of a draw after `begin` updates.

        Yields
        ------
        update : int
            The last update before a break: it gets a row of the history, or ends the draw.
        batch : Batch
            The batches of this update and of those since the last break, side by side.
        """
        done, end = begin, begin + sequences.sequences // self.batch
        while done < end:
            first = done - begin
            done = min(end, done - done % self.record_every + self.record_every)
            yield done, sequences.part(slice(first * self.batch, (done - begin) * self.batch))


class Training:
    """A network in training.

    The random streams are named by study seed and identity, so that the result does not depend on
    what else is trained, where or when. With the fast engine the same kind of machine gives the
    same bits.

    Parameters
    ----------
    identity : Identity
        Names of task and architecture, width and seed.
    task : TaskBase
    architecture : Architecture
        Cell and start.
    schedule : Schedule
    study_seed : int
    engine : {"fast", "reference"}
    device : str
        A device of PyTorch. The fast engine runs on the CPU only, and only the tanh cell.

    Raises
    ------
    ValueError
        For an unknown engine, or the fast engine on another device than the CPU or with a cell
        that it does not know.
    """

    def __init__(
        self,
        identity: Identity,
        task: TaskBase,
        architecture: Architecture,
        schedule: Schedule,
        study_seed: int,
        engine: str = "fast",
        device: str = "cpu",
    ):
        if engine not in ENGINES:
            raise ValueError(f"engine is {engine!r}; allowed: {', '.join(ENGINES)}")
        if engine == "fast" and torch.device(device).type != "cpu":
            raise ValueError(f"device is {device!r}; allowed: cpu, with the engine 'fast'")

        initial = torch.Generator()
        initial.manual_seed(int(generator(study_seed, *identity, "initial").integers(2**63)))
        sizes = (task.inputs, identity.width, task.outputs)
        scales = schedule.input_scale, schedule.frozen_readout
        self.network = build(architecture, sizes, initial, *scales).to(device)
        if engine == "fast" and self.network.cell.compiled is None:
            raise ValueError(
                f"cell is {architecture.cell!r}; allowed: tanh, with the engine 'fast'"
            )
        of = FastEngine if engine == "fast" else ReferenceEngine
        self.engine = of(self.network, schedule.learning_rate, schedule.gradient_clip)
        self.label, self.task, self.schedule = identity.label, task, schedule
        self.stream = generator(study_seed, *identity, "training")
        self.monitored = task.held_out(
            schedule.monitored, generator(study_seed, identity.task, "monitored")
        )
        self.done, self.history = 0, []

    def run(
        self, checkpoint: Checkpoint | None = None
    ) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Train to the end.

        Parameters
        ----------
        checkpoint : Checkpoint, optional
            Where the training goes on, if it was interrupted, and leaves its state as it goes.
            This changes no bit of the result.

        Returns
        -------
        weights : dict
            The weights of the cell by name, float32, and the parts of a parametrised one, such as
            ``W_hh.T`` (see `rnnschur.architectures.nnrnn`).
        history : pandas.DataFrame
            Columns update, loss (of the training batch at that update), gradient_norm (before it is
            clipped) and value (the task's measure on the monitored sequences, after the update).

        Raises
        ------
        Diverged
            If the loss is not finite; the message names the network and the update.
        """
        if checkpoint is not None and (state := checkpoint.load()):
            self._resume(state)
        with tqdm(
            total=self.schedule.updates,
            initial=self.done,
            desc=self.label,
            mininterval=10,
            maxinterval=60,
            file=sys.stderr,
        ) as progress:
            for begin, drawn in self.schedule.draws(self.task, self.stream, self.done):
                for update, batches in self.schedule.parts(begin, drawn):
                    self._train(update, batches, progress)
                # Here nothing is drawn that has not been trained on: the stream says it all.
                if checkpoint is not None and checkpoint.due():
                    checkpoint.save(self._state())

        if not torch.isfinite(self.engine.vector).all():
            raise Diverged(
                f"network {self.label}: the last update left weights that are not finite"
            )
        weights = {
            name: weight.detach().cpu().contiguous().numpy().copy()
            for name, weight in {**self.network.weights(), **self.network.parts()}.items()
        }
        return weights, pd.DataFrame(self.history, columns=HISTORY)

    def _train(self, update: int, batches: Batch, progress: tqdm) -> None:
        """Do the updates up to `update`, and look at the network where the history has a row."""
        found = self.engine.updates(batches, self.schedule.batch)
        for number, (loss, _) in enumerate(found, update + 1 - len(found)):
            if not math.isfinite(loss):
                raise Diverged(f"network {self.label}: the loss is {loss} at update {number}")
        self.done = update
        progress.update(len(found))
        if update % self.schedule.record_every == 0 or update == self.schedule.updates:
            outputs = self.engine.outputs(self.monitored)
            value = float(metric(self.task.metric)(outputs, self.monitored))
            self.history.append((update, *found[-1], value))
            progress.set_postfix_str(f"{self.task.metric} {value:.4f}", refresh=False)

    def _state(self) -> dict[str, np.ndarray]:
        """Return all that the rest of the training depends on, between two draws."""
        words = json.dumps(self.stream.bit_generator.state)
        return {
            "done": np.array([self.done]),
            "adam": self.engine.state(),
            "history": np.array(self.history).reshape(-1, len(HISTORY)),
            "stream": np.frombuffer(words.encode(), np.uint8),
        }

    def _resume(self, state: dict[str, np.ndarray]) -> None:
        """Go on from what `_state` has returned."""
        self.done = int(state["done"][0])
        self.engine.resume(state["adam"], self.done)
        self.history = [(int(update), *rest) for update, *rest in state["history"]]
        self.stream.bit_generator.state = json.loads(state["stream"].tobytes())


def train(*of, **settings) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Train one network, given as a `Training` takes it, and return what its `run` does."""
    return Training(*of, **settings).run()
