"""Weights on disk: whole or absent, and named when they are wrong."""

import pickle

import numpy as np
import pytest

from rnnschur import weights


def tensors(**changes):
    rng = np.random.default_rng(0)
    stack = {
        "W_hh": rng.standard_normal((2, 5, 5), dtype=np.float32),
        "W_xh": rng.standard_normal((2, 5, 3), dtype=np.float32),
        "W_hy": rng.standard_normal((2, 4, 5), dtype=np.float32),
        "seed": np.array([0, 1]),
    }
    return {**stack, **changes}


def test_round_trip(tmp_path):
    path = tmp_path / "some" / "folder" / "seeds0-1.safetensors"
    weights.save(path, tensors())
    loaded = weights.load_weights(path)
    for name, tensor in tensors().items():
        np.testing.assert_array_equal(getattr(loaded, name), tensor)
    assert len(loaded) == 2
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"W_hh": np.zeros((2, 5, 4), np.float32)}, r"W_hh has shape \(2, 5, 4\)"),
        ({"W_xh": np.zeros((2, 4, 3), np.float32)}, r"W_xh has shape \(2, 4, 3\)"),
        ({"W_hy": np.zeros((3, 4, 5), np.float32)}, r"W_hy has shape \(3, 4, 5\)"),
        ({"seed": np.arange(3)}, r"seed has shape \(3,\); allowed: \(S,\) = \(2,\)"),
        ({"W_xh": np.full((2, 5, 3), np.nan, np.float32)}, "W_xh has entries that are not finite"),
    ],
)
def test_bad_weights_are_named(tmp_path, changes, words):
    path = tmp_path / "bad.safetensors"
    weights.save(path, tensors(**changes))
    with pytest.raises(ValueError, match=rf"bad\.safetensors: {words}"):
        weights.load_weights(path)


def test_missing_tensors_are_named(tmp_path):
    path = tmp_path / "few.safetensors"
    weights.save(path, {"W_hh": np.zeros((1, 2, 2), np.float32)})
    with pytest.raises(ValueError, match=r"few\.safetensors lacks W_xh, W_hy, seed"):
        weights.load_weights(path)


def test_other_files_are_refused_and_never_unpickled(tmp_path):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"W_hh": 1}))
    with pytest.raises(ValueError, match=r"evil\.safetensors is not a safetensors file"):
        weights.load_weights(path)


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    def write(temporary):
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.whole_file(tmp_path / "table.csv", write)
    assert list(tmp_path.iterdir()) == []
