"""A curriculum: which update draws from what, and what it leaves alone; see also test_training."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from rnnschur import architectures, tasks
from rnnschur.curriculum import Stage, stages
from rnnschur.metrics import metric
from rnnschur.streams import Identity, generator
from rnnschur.training import Schedule, train
from rnnschur.training.engines import FastEngine, ReferenceEngine
from rnnschur.training.module import build

PROTOCOL = {"symbols": 2, "symbol_size": 2, "replays": 3, "judged_symbols": 12}
COPY = tasks.make("copy", **PROTOCOL)


def copy(**changes):
    return tasks.make("copy", **{**PROTOCOL, **changes})


ONE_REPLAY, TWO_REPLAYS = copy(replays=1), copy(replays=2)
SCHEDULE = Schedule(
    updates=40, batch=8, learning_rate=1e-3, gradient_clip=1.0, input_scale=1.0, record_every=15,
    monitored=8, curriculum=(Stage(7, ONE_REPLAY), Stage(22, TWO_REPLAYS)),
)  # fmt: skip
IDENTITY = Identity("copy", "orthogonal", 10, 0)


def run(engine="fast", **changes):
    schedule = dataclasses.replace(SCHEDULE, **changes)
    return train(IDENTITY, COPY, architectures.of("orthogonal"), schedule, 11, engine)


@pytest.mark.parametrize("Engine", [FastEngine, ReferenceEngine])
def test_batches_change_after_the_last_update_of_a_stage(monkeypatch, Engine):
    """What an engine is handed, update by update: generated steps, two symbols a replay."""
    generated, plain = [], Engine.updates

    def spied(self, batches, size):
        generated.extend([len(batches.targets)] * (batches.sequences // size))
        return plain(self, batches, size)

    monkeypatch.setattr(Engine, "updates", spied)
    run("fast" if Engine is FastEngine else "reference")
    assert generated == [2] * 7 + [4] * 15 + [6] * 18


def test_stages_of_the_task_itself_change_no_bit_and_others_do():
    plain, history = run(curriculum=())
    same, same_history = run(curriculum=(Stage(20, COPY),))
    other, _ = run()
    assert all(plain[name].tobytes() == same[name].tobytes() for name in plain)
    assert history.equals(same_history)
    assert plain["W_hh"].tobytes() != other["W_hh"].tobytes()


def test_the_history_judges_by_the_task_itself_at_every_stage():
    """Trained to the middle of a stage, a network has the value that the history says there."""
    _, history = run(monitored=64)
    for update, value in history[["update", "value"]].itertuples(index=False):
        weights, _ = run(monitored=64, updates=int(update))
        monitored = COPY.held_out(64, generator(11, "copy", "monitored"))
        outputs = COPY_CELL.outputs(weights, monitored.inputs, monitored.onset)
        assert float(metric(COPY.metric)(outputs, monitored)) == pytest.approx(value, abs=2e-3)


COPY_CELL = build(architectures.of("default"), (2, 2, 2), torch.Generator()).cell


def test_a_stage_may_change_every_protocol_key_but_the_sizes():
    stage = {"last": 5, "protocol": {**PROTOCOL, "symbols": 3}}
    (found,) = stages("copy", COPY, [stage])
    assert found == Stage(5, copy(symbols=3))
    weights, _ = run(curriculum=(found,))  # another onset
    reference, _ = run("reference", curriculum=(found,))
    np.testing.assert_allclose(weights["W_hh"], reference["W_hh"], atol=2e-5)


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ({"replays": 0}, "[1].protocol.replays is 0; allowed: a whole number of at least 1"),
        ({"replay": 1}, "[1].protocol.replay is unknown; allowed: symbols, symbol_size, "),
        (
            {"symbol_size": 4},
            "[1].protocol gives the network 4 inputs and 4 outputs; allowed: 2 and 2, as the ",
        ),
    ],
)
def test_protocols_that_do_not_fit_are_named(protocol, message):
    good = {"last": 5, "protocol": PROTOCOL}
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        stages("copy", COPY, [good, {"last": 9, "protocol": {**PROTOCOL, **protocol}}])
