"""Networks that wait for the rest of their block."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnschur.training.resume import EVERY, Waiting

RECORD = {"task": "copy", "training": {"updates": 40, "clip": None}, "versions": ["a", "b"]}


def trained(seed):
    rng = np.random.default_rng(seed)
    shapes = {"W_hh": (5, 5), "W_xh": (5, 3), "W_hy": (4, 5)}
    tensors = {name: rng.standard_normal(s, dtype=np.float32) for name, s in shapes.items()}
    columns = ["update", "loss", "gradient_norm", "value"]
    history = pd.DataFrame([(20, *rng.random(3)), (40, *rng.random(3))], columns=columns)
    return tensors, history


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "networks" / "seeds0-9.safetensors.partial"


def check(waiting, seed):
    tensors, history = waiting.get(seed)
    expected, table = trained(seed)
    assert set(tensors) == set(expected)
    for name, tensor in tensors.items():
        assert tensor.dtype == np.float32 and tensor.tobytes() == expected[name].tobytes()
    pd.testing.assert_frame_equal(history, table, check_exact=True)


def test_finished_networks_come_back_as_they_were(folder):
    waiting = Waiting(folder, RECORD)
    assert 0 not in waiting and folder.is_dir()
    for seed in (0, 3):
        waiting.put(seed, *trained(seed))
    assert [seed for seed in range(5) if seed in waiting] == [0, 3]
    for seed in (0, 3):
        check(waiting, seed)


def test_they_are_kept_across_restarts_for_the_same_record(folder):
    Waiting(folder, RECORD).put(3, *trained(3))
    for _ in range(2):
        again = Waiting(folder, {name: RECORD[name] for name in reversed(RECORD)})
        assert 3 in again and 0 not in again
        check(again, 3)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {**RECORD, "task": "sine"},
        {**RECORD, "code": "other"},
        {**RECORD, "training": {"updates": 41, "clip": None}},
        {**RECORD, "training": {**RECORD["training"], "curriculum": [{"last": 4}]}},
        {**RECORD, "training": {**RECORD["training"], "schedule": {"frozen_readout": 0.5}}},
        {**RECORD, "versions": ["b", "a"]},
    ],
)
def test_they_are_thrown_away_for_another_record(folder, record):
    Waiting(folder, RECORD).put(3, *trained(3))
    assert 3 not in Waiting(folder, record)
    # Nor do they return with the first record.
    assert 3 not in Waiting(folder, RECORD)


@pytest.mark.parametrize("kept", ["", '{"task": "co', None])
def test_they_are_thrown_away_without_a_whole_record(folder, kept):
    Waiting(folder, RECORD).put(3, *trained(3))
    if kept is None:
        (folder / "record.json").unlink()
    else:
        (folder / "record.json").write_text(kept)
    assert 3 not in Waiting(folder, RECORD)


@pytest.mark.parametrize("killed", [False, True])
def test_a_half_written_network_never_counts(folder, monkeypatch, killed):
    def half(path, content):
        path.write_text("half of it")
        raise KeyboardInterrupt

    waiting = Waiting(folder, RECORD)
    waiting.put(0, *trained(0))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        if killed:
            patch.setattr(Path, "unlink", lambda *_, **options: None)  # nobody cleans up
        with pytest.raises(KeyboardInterrupt):
            waiting.put(3, *trained(3))
    assert any(file.read_bytes() == b"half of it" for file in folder.iterdir()) == killed
    for found in (waiting, Waiting(folder, RECORD)):
        assert [seed for seed in range(9) if seed in found] == [0]
    waiting.put(3, *trained(3))
    check(Waiting(folder, RECORD), 3)
    check(Waiting(folder, RECORD), 0)


def test_a_finished_network_needs_no_checkpoint(folder):
    waiting = Waiting(folder, RECORD)
    for seed in (3, 4):
        waiting.checkpoint(seed).save({"done": np.array(seed)})
    assert 3 not in waiting
    waiting.put(3, *trained(3))
    assert waiting.checkpoint(3).load() == {} and waiting.checkpoint(4).load() == {"done": 4}
    check(waiting, 3)
    assert Waiting(folder, {}).checkpoint(4).load() == {}  # of another record


@pytest.mark.parametrize("content", [b"", b"half of it"])
def test_a_damaged_checkpoint_is_none(folder, content):
    checkpoint = Waiting(folder, RECORD).checkpoint(3)
    checkpoint.save({"done": np.array(3)})
    checkpoint.file.write_bytes(content)
    assert checkpoint.load() == {}


def test_a_checkpoint_is_due_by_the_clock(folder, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    checkpoint = Waiting(folder, RECORD).checkpoint(3)
    now += EVERY - 1
    assert not checkpoint.due()
    now += 1
    assert checkpoint.due()
    checkpoint.save({"done": np.array(3)})
    assert not checkpoint.due()


def test_a_record_that_no_file_can_hold_throws_nothing_away(folder):
    Waiting(folder, RECORD).put(3, *trained(3))
    with pytest.raises(TypeError):
        Waiting(folder, {"path": folder})
    assert 3 in Waiting(folder, RECORD)
