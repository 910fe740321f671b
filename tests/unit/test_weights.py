"""Weights on disk: whole or absent, and named when they are wrong."""

import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rnnschur import tensors as storage
from rnnschur import weights
from rnnschur.cells import make
from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.files import whole_file
from rnnschur.network import Network


def tensors(**changes):
    rng = np.random.default_rng(0)
    stack = {
        "W_hh": rng.standard_normal((2, 5, 5), dtype=np.float32),
        "W_xh": rng.standard_normal((2, 5, 3), dtype=np.float32),
        "W_hy": rng.standard_normal((2, 4, 5), dtype=np.float32),
        "seed": np.array([0, 1]),
    }
    return {**stack, **changes}


def write(path, stacks, **kinds):
    """Write arrays as they are, some of them as numbers of another kind."""
    arrays = {name: torch.from_numpy(np.array(array)) for name, array in stacks.items()}
    arrays |= {name: arrays[name].to(getattr(torch, kind)) for name, kind in kinds.items()}
    save_file(arrays, path)


def refusal(path, words, cell="tanh"):
    """Check that a file is refused in one line that begins as given, and return it."""
    with pytest.raises(ValueError, match=words) as refused:
        weights.load_networks(path, cell)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_round_trip(tmp_path):
    path = tmp_path / "some" / "folder" / "seeds0-1.safetensors"
    storage.save(path, tensors())
    loaded = weights.load_networks(path)
    for name, tensor in weights.stacked(loaded).items():
        np.testing.assert_array_equal(tensor, tensors()[name])
        assert tensor.dtype == tensors()[name].dtype
    assert list(loaded) == [0, 1]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    for seed, network in loaded.items():
        for name, weight in network.weights.items():
            np.testing.assert_array_equal(weight, tensors()[name][seed])


def test_networks_go_by_their_seeds(tmp_path):
    path = tmp_path / "seeds.safetensors"
    storage.save(path, tensors(seed=np.array([7, 3])))
    loaded = weights.load_networks(path)
    assert list(loaded) == [7, 3]
    np.testing.assert_array_equal(loaded[3].weights["W_hh"], tensors()["W_hh"][1])
    assert set(weights.stacked(loaded)) == {"W_hh", "W_xh", "W_hy", "seed"}
    assert weights.stacked(loaded)["seed"].tolist() == [7, 3]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"W_hh": np.zeros((2, 5, 4), np.float32)}, r"W_hh has shape \(5, 4\); allowed: "),
        ({"W_xh": np.zeros((2, 4, 3), np.float32)}, r"W_xh has shape \(4, 3\); allowed: "),
        (
            {"W_hy": np.zeros((3, 4, 5), np.float32)},
            r"W_hy has shape \(3, 4, 5\); allowed: \(S, outputs, units\), S = 2",
        ),
        ({"W_hy": np.zeros((2, 4, 6), np.float32)}, r"W_hy has shape \(4, 6\); allowed: "),
        (
            {"seed": np.arange(3)},
            r"W_hh has shape \(2, 5, 5\); allowed: \(S, units, units\), S = 3",
        ),
        ({"W_xh": np.full((2, 5, 3), np.nan, np.float32)}, "W_xh has entries that are not finite"),
        ({"W_hh": np.full((2, 5, 5), np.inf, np.float32)}, "W_hh has entries that are not finite"),
        ({"W_hh": np.array(1.0)}, r"W_hh has shape \(\); allowed: \(S, units, units\), S = 2"),
        ({"W_hy": np.zeros((4, 5))}, r"W_hy has shape \(4, 5\); allowed: \(S, outputs, units\)"),
        ({"W_xh": np.zeros((2, 5, 0))}, r"W_xh has shape \(5, 0\); allowed: "),
    ],
)
def test_bad_weights_are_named(tmp_path, changes, words):
    path = tmp_path / "bad.safetensors"
    write(path, tensors(**changes))
    refusal(path, rf"bad\.safetensors: {words}")


@pytest.mark.parametrize(
    ("seed", "found"),
    [
        (np.array(1), r"shape \(\) and dtype int64"),
        (np.array([[0, 1]]), r"shape \(1, 2\) and dtype int64"),
        (np.array([0.0, 1.0]), r"shape \(2,\) and dtype float64"),
        (np.array([4, 4]), r"shape \(2,\) and dtype int64"),
    ],
    ids=["0-d", "2-d", "float", "twice"],
)
def test_bad_seeds_are_named(tmp_path, seed, found):
    path = tmp_path / "bad.safetensors"
    write(path, tensors(seed=seed))
    refusal(path, rf"bad\.safetensors: seed has {found}; allowed: \(S,\) different whole numbers")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"W_hh.T": np.zeros((3, 5, 5))}, r"W_hh\.T has shape \(3, 5, 5\) or entries that are"),
        ({"W_hh.T": np.full((2, 5), np.nan)}, r"W_hh\.T has shape \(2, 5\) or entries that are"),
        ({"seed": np.array([4, 4])}, r"seed has shape \(2,\) and dtype int64; allowed: \(S,\) "),
    ],
)
def test_bad_parts_are_named(tmp_path, changes, words):
    path = tmp_path / "bad.safetensors"
    write(path, tensors(**changes))
    with pytest.raises(ValueError, match=rf"bad\.safetensors: {words}"):
        weights.load_parts(path)
    write(path, {"W_hh": np.zeros((2, 5, 5))})
    with pytest.raises(ValueError, match=r"bad\.safetensors lacks seed; it must hold"):
        weights.load_parts(path)


def test_networks_without_units_are_named(tmp_path):
    path = tmp_path / "empty.safetensors"
    empty = {"W_hh": np.zeros((2, 0, 0)), "W_xh": np.zeros((2, 0, 3)), "W_hy": np.zeros((2, 4, 0))}
    write(path, tensors(**empty))
    message = refusal(path, r"empty\.safetensors: W_hh has shape \(0, 0\); allowed: ")
    assert "(0, 0)" not in message.partition("allowed")[2]  # which is what it has


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        *(("bfloat16", "BF16"), ("float16", "F16"), ("bool", "BOOL"), ("complex64", "C64")),
        *(("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2")),
    ],
)
@pytest.mark.parametrize("name", ["W_hh", "W_xh", "W_hy"])
def test_other_kinds_of_numbers_are_named(tmp_path, name, kind, stored):
    path = tmp_path / "kind.safetensors"
    write(path, tensors(), **{name: kind})
    message = refusal(path, rf"kind\.safetensors.* {name} ")
    assert kind in message or stored in message
    allowed = message.partition("allowed")[2]
    assert "float32" in allowed and "float64" in allowed


def test_missing_tensors_are_named(tmp_path):
    path = tmp_path / "few.safetensors"
    storage.save(path, {"W_hh": np.zeros((1, 2, 2), np.float32)})
    refusal(path, r"few\.safetensors lacks W_xh, W_hy, seed")


def test_optional_weights_are_read_where_they_are(tmp_path):
    path = tmp_path / "biases.safetensors"
    biases = np.random.default_rng(1).standard_normal((2, 5)).astype(np.float32)
    write(path, tensors(b_h=biases))
    loaded = weights.load_networks(path)
    np.testing.assert_array_equal(loaded[1].weights["b_h"], biases[1])
    assert set(weights.stacked(loaded)) == {"W_hh", "W_xh", "W_hy", "b_h", "seed"}
    write(path, tensors(b_h=biases[:1]))
    refusal(path, r"biases\.safetensors: b_h has shape \(1, 5\); allowed: \(S, units\), S = 2")


def test_unknown_tensors_are_named(tmp_path):
    path = tmp_path / "many.safetensors"
    write(path, tensors(b_hh=np.zeros((2, 5))))
    refusal(path, r"many\.safetensors has b_hh; it must hold W_hh, W_xh, W_hy, seed$")


def test_a_name_of_several_lines_is_refused_in_one(tmp_path):
    path = tmp_path / "bad.safetensors"
    write(path, tensors(**{"W_hh\nb": np.zeros((2, 5, 5))}))
    refusal(path, r"bad\.safetensors holds the name 'W_hh\\nb'; allowed: text of one line")


def test_unknown_cells_are_named(tmp_path):
    path = tmp_path / "cell.safetensors"
    storage.save(path, tensors())
    refusal(path, r"^cell is 'lstn'; allowed: .*tanh", cell="lstn")


def test_other_files_are_refused_and_never_unpickled(tmp_path):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"W_hh": 1}))
    refusal(path, r"evil\.safetensors is not a safetensors file")


def test_double_precision_and_whole_numbers_are_read(tmp_path):
    path = tmp_path / "doubles.safetensors"
    whole = np.arange(20).reshape(2, 2, 5) - 9
    storage.save(path, tensors(W_hy=whole))
    for seed, network in weights.load_networks(path).items():
        assert network.dtype == np.float64
        np.testing.assert_array_equal(network.weights["W_hy"], whole[seed])
        np.testing.assert_array_equal(network.weights["W_hh"], tensors()["W_hh"][seed])


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
def test_permissions_are_what_the_umask_says(tmp_path, umask):
    before = os.umask(umask)
    try:
        storage.save(tmp_path / "weights.safetensors", tensors())
    finally:
        os.umask(before)
    assert (tmp_path / "weights.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    def write(temporary):
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whole_file(tmp_path / "table.csv", write)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_writer_leaves_what_was_there(tmp_path):
    def write(temporary):
        temporary.write_text("half")
        raise KeyboardInterrupt

    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        whole_file(tmp_path / "table.csv", write)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("table.csv", "old")]


def networks(seeds=(7, 3)):
    rng = np.random.default_rng(1)
    shapes = {"W_hh": (5, 5), "W_xh": (5, 3), "W_hy": (4, 5)}
    return {
        seed: Network("tanh", {name: rng.standard_normal(s) for name, s in shapes.items()})
        for seed in seeds
    }


@pytest.fixture
def forms(tmp_path):
    path = tmp_path / "schur.safetensors"
    weights.save_forms(path, networks())
    return path


def test_forms_are_those_that_were_saved(forms, monkeypatch):
    loaded = networks()
    weights.load_forms(forms, loaded)
    expected = {s: ordered_real_schur(n.weights["W_hh"]) for s, n in networks().items()}
    monkeypatch.setattr("rnnschur.network.ordered_real_schur", None)  # none is computed
    for seed, network in loaded.items():
        for part in ("Q", "T", "starts", "sizes", "moduli"):
            found = getattr(network.schur(), part)
            np.testing.assert_array_equal(found, getattr(expected[seed], part))


def test_forms_of_every_matrix_of_a_gated_network(tmp_path):
    rng, cell = np.random.default_rng(2), make("gru")
    shapes = cell.shapes(2, 4, 1)
    drawn = {seed: Network(cell, {n: rng.standard_normal(s) for n, s in shapes.items()})
             for seed in (0, 1)}  # fmt: skip
    weights.save_forms(tmp_path / "schur.safetensors", drawn)
    loaded = {seed: Network(cell, network.weights) for seed, network in drawn.items()}
    weights.load_forms(tmp_path / "schur.safetensors", loaded)
    for seed, network in loaded.items():
        assert set(network.forms) == {"W_hn", "W_hr", "W_hz"}
        for name, form in network.forms.items():
            np.testing.assert_allclose(
                form.Q @ form.T @ form.Q.T, network.weights[name], atol=1e-12
            )
            np.testing.assert_array_equal(form.T, drawn[seed].schur(name).T)
    swapped = storage.load(tmp_path / "schur.safetensors")
    swapped["T.W_hn"], swapped["T.W_hr"] = swapped["T.W_hr"], swapped["T.W_hn"]
    write(tmp_path / "schur.safetensors", swapped)
    with pytest.raises(ValueError, match="seed 0: not a Schur form of W_hn"):
        weights.load_forms(tmp_path / "schur.safetensors", loaded)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: {"Q": f["Q"], "T": f["T"]}, "must hold Q, T and the seeds 7, 3"),
        (lambda f: {"Q": f["Q"], "seed": f["seed"]}, "must hold Q, T and the seeds 7, 3"),
        (lambda f: {**f, "seed": f["seed"][::-1]}, "must hold Q, T and the seeds 7, 3"),
        (lambda f: {**f, "seed": np.array(7)}, "must hold Q, T and the seeds 7, 3"),
        (lambda f: {**f, "T": f["T"] * np.nan}, "seed 7: T has a NaN entry"),
        (lambda f: {**f, "Q": f["Q"] * [[[1]], [[2]]]}, "seed 3: Q is not orthogonal"),
        (lambda f: {**f, "Q": f["Q"][0]}, "Q"),
        (lambda f: {**f, "Q": np.array(1.0)}, "Q"),
        (lambda f: {**f, "Q": f["Q"][:1]}, "Q"),
        (lambda f: {**f, "Q": f["Q"][:1], "T": f["T"][:1]}, "Q"),
        (lambda f: {**f, "Q": f["Q"][::-1], "T": f["T"][::-1]}, "seed 7"),
        (lambda f: {**f, "Q": np.stack([np.eye(4)] * 2), "T": np.stack([np.eye(4)] * 2)}, "seed 7"),
    ],
    ids=[
        *("no seed", "no T", "other order", "0-d seed", "NaN", "not orthogonal", "2-d", "0-d"),
        *("one Q", "one form", "other networks", "other size"),
    ],
)
def test_other_forms_are_named(forms, change, words):
    write(forms, change(storage.load(forms)))
    with pytest.raises(ValueError, match=rf"schur\.safetensors.* {words}") as refused:
        weights.load_forms(forms, networks())
    assert "\n" not in str(refused.value)
