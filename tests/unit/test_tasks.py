"""Tasks: every batch against a slow, separate reading of what the task asks for."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from rnnschur import Batch, tasks
from rnnschur.metrics import METRICS
from rnnschur.streams import generator

PROTOCOLS = {
    "copy": {"symbols": 3, "symbol_size": 4, "replays": 2, "judged_symbols": 10},
    "flip_flop": {"steps": 30, "channels": 3, "pulse_probability": 0.2},
    "sine": {"steps": 25, "lowest_frequency": 0.02, "highest_frequency": 0.1},
    "context_integration": {"steps": 20, "largest_mean": 0.5, "noise": 0.3, "gain": 2},
}


CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["tasks"]


def make(name, **changes):
    protocol = PROTOCOLS[name] if name in PROTOCOLS else CONFIG[name]["protocol"]
    return tasks.make(name, **{**protocol, **changes})


def arrays(batch):
    return batch.inputs, batch.targets


@pytest.mark.parametrize("name", tasks.TASKS)
@pytest.mark.parametrize("kind", ["sample", "held_out"])
def test_shapes_dtypes_and_streams(name, kind):
    task = make(name)
    batch = getattr(task, kind)(5, generator(0, name))
    assert isinstance(batch, Batch) and batch.onset == task.onset
    inputs, targets = arrays(batch)
    assert inputs.dtype == targets.dtype == np.float32
    assert inputs.flags.c_contiguous and targets.flags.c_contiguous
    assert inputs.shape[1:] == (5, task.inputs)
    assert targets.shape == (len(inputs) - task.onset, 5, task.outputs)
    assert task.metric in METRICS
    again = getattr(task, kind)(5, generator(0, name))
    np.testing.assert_array_equal(inputs, again.inputs)
    np.testing.assert_array_equal(targets, again.targets)


def test_copy_replays_the_sequence():
    inputs, targets = arrays(make("copy").sample(6, generator(0)))
    assert set(np.unique(inputs[:3])) == {-1, 1}
    assert not inputs[3:].any()
    assert len(targets) == 6
    for step, target in enumerate(targets):
        np.testing.assert_array_equal(target, inputs[step % 3])


def test_copy_is_judged_over_all_judged_symbols():
    inputs, targets = arrays(make("copy").held_out(2, generator(0)))
    assert len(targets) == 10 and len(inputs) == 13
    np.testing.assert_array_equal(targets[9], inputs[0])


def test_flip_flop_remembers_the_last_pulse():
    inputs, targets = arrays(make("flip_flop").sample(8, generator(0)))
    assert set(np.unique(inputs)) == {-1, 0, 1}
    state = np.zeros((8, 3))
    for pulse, target in zip(inputs, targets, strict=True):
        state = np.where(pulse != 0, pulse, state)
        np.testing.assert_array_equal(target, state)


def test_flip_flop_pulse_rate():
    inputs = make("flip_flop", steps=400).sample(50, generator(0)).inputs
    assert abs(np.mean(inputs != 0) - 0.2) < 0.01
    assert abs(np.mean(inputs)) < 0.01


def test_sine_has_the_frequency_of_its_cue():
    inputs, targets = arrays(make("sine", steps=500).sample(20, generator(0)))
    assert np.all(inputs == inputs[0])
    for cue, wave in zip(inputs[0, :, 0], targets[:, :, 0].T, strict=True):
        spectrum = np.abs(np.fft.rfft(wave, n=2**16))
        found = np.argmax(spectrum) / 2**16
        assert found == pytest.approx(0.02 + 0.08 * cue, abs=1e-3)


def test_context_integration_adds_up_the_cued_input():
    inputs, targets = arrays(make("context_integration").sample(7, generator(0)))
    np.testing.assert_array_equal(inputs[:, :, 2:].sum(axis=2), 1)
    total = np.zeros(7)
    for step in range(20):
        for sequence in range(7):
            cued = int(inputs[step, sequence, 3] == 1)
            total[sequence] += inputs[step, sequence, cued]
        # Twice the mean over the 20 steps.
        np.testing.assert_allclose(targets[step, :, 0], total / 10, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("copy", {"symbols": 0}, "symbols is 0; allowed: a whole number of at least 1"),
        ("copy", {"symbols": True}, "symbols is True"),
        ("flip_flop", {"pulse_probability": 1.5}, "pulse_probability is 1.5; allowed: a number"),
        ("sine", {"lowest_frequency": "low"}, "lowest_frequency is 'low'"),
        ("sine", {"steps": float("nan")}, "steps is nan"),
        ("context_integration", {"noize": 1}, "noize is unknown; allowed: steps, largest_mean"),
    ],
)
def test_bad_protocols_are_named(name, changes, words):
    with pytest.raises(ValueError, match=words):
        make(name, **changes)


def test_missing_key_and_unknown_task_are_named():
    with pytest.raises(ValueError, match="steps is missing; allowed: a whole number"):
        tasks.make("flip_flop", channels=3, pulse_probability=0.1)
    with pytest.raises(ValueError, match="task is 'copi'; allowed: context_integration, "):
        tasks.make("copi")
    with pytest.raises(ValueError, match="task is 'base'"):
        tasks.make("base")
