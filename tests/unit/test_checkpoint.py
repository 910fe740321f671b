"""A training that was killed goes on to the same bits, wherever it was killed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from rnnschur import architectures, tasks
from rnnschur.architectures import STARTS
from rnnschur.curriculum import Stage
from rnnschur.streams import Identity
from rnnschur.training import Schedule, Training, train
from rnnschur.training.resume import Checkpoint

COPY = tasks.make("copy", symbols=2, symbol_size=2, replays=3, judged_symbols=12)
SHORT = tasks.make("copy", symbols=2, symbol_size=2, replays=2, judged_symbols=8)
# A draw is of 1024 sequences, here 64 updates.
SCHEDULE = Schedule(
    updates=300, batch=16, learning_rate=1e-3, gradient_clip=1.0, input_scale=1.0,
    record_every=50, monitored=8,
)  # fmt: skip


class Killed(BaseException):
    """What no training catches."""


class KilledAfter(Checkpoint):
    """A checkpoint at every occasion; the training is killed at one of them."""

    def __init__(self, file, occasions):
        super().__init__(file, every=0)
        self.left = occasions

    def due(self):
        self.left -= 1
        if self.left < 0:
            raise Killed
        return super().due()


def settings(architecture="orthogonal", engine="fast", **changes):
    identity, of = Identity("copy", "any", 10, 0), architectures.of(architecture)
    return identity, COPY, of, dataclasses.replace(SCHEDULE, **changes), 11, engine


def same(one, other):
    for mine, theirs in zip(one, other, strict=True):
        if isinstance(mine, pd.DataFrame):
            pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
        else:
            assert mine.keys() == theirs.keys()
            assert all(mine[n].tobytes() == theirs[n].tobytes() for n in mine)


CURRICULUM = {"curriculum": (Stage(70, SHORT),)}
CASES = [*((name, "fast", {}) for name in STARTS), ("orthogonal", "reference", {})]
CASES += [("cayley", "reference", {}), ("orthogonal", "fast", CURRICULUM)]
CASES += [("orthogonal", "fast", {"frozen_readout": 0.5}), ("orthogonal", "fast", {"batch": 1000})]


@pytest.mark.parametrize(("architecture", "engine", "changes"), CASES)
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, architecture, engine, changes):
    if engine == "reference" or "batch" in changes:
        changes = {**changes, "updates": 150 if "batch" not in changes else 8}
    of, file = settings(architecture, engine, **changes), tmp_path / "checkpoint.safetensors"
    expected, found, attempts = train(*of), None, 0
    while found is None:
        try:
            found = Training(*of).run(KilledAfter(file, 1))  # one draw further each time
        except Killed:
            attempts += 1
    assert attempts >= 2
    same(found, expected)


def test_a_checkpoint_changes_nothing(tmp_path):
    file = tmp_path / "checkpoint.safetensors"
    same(Training(*settings()).run(Checkpoint(file, every=0)), train(*settings()))
    assert file.exists()


def test_a_training_that_goes_on_draws_what_was_not_drawn(tmp_path, monkeypatch):
    """Of the 300 updates those after the checkpoint, and no sequence twice."""
    file, drawn, sample = tmp_path / "checkpoint.safetensors", [], type(COPY).sample

    def noted(self, batch, generator):
        drawn.append(batch)
        return sample(self, batch, generator)

    with pytest.raises(Killed):
        Training(*settings()).run(KilledAfter(file, 3))
    monkeypatch.setattr(type(COPY), "sample", noted)
    monkeypatch.setattr(type(COPY), "held_out", lambda self, n, g: sample(self, n, g))
    training = Training(*settings())
    training.run(Checkpoint(file))
    assert drawn == [1024, 1024]  # of five draws three were trained on
    assert np.array_equal(np.array([row[0] for row in training.history]), range(50, 301, 50))
