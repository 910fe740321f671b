"""What is wrong with a user's files is said in one line, and nothing is written."""

import pickle
import sys

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
import yaml
from click.testing import CliRunner

from rnnschur.command import main
from rnnschur.given import load
from rnnschur.imported import about

N, I, O = 5, 2, 3  # noqa: E741
RNG = np.random.default_rng(0)
WEIGHTS = {
    "rec": RNG.standard_normal((N, N)),
    "inp": RNG.standard_normal((N, I)),
    "out": RNG.standard_normal((O, N)),
    "bias": RNG.standard_normal(N),
}
ENTRIES = {"W_hh": "rec", "W_xh": "inp", "W_hy": "out", "b_h": "bias"}
DATA = {"inputs": RNG.standard_normal((6, 4, I)), "targets": RNG.standard_normal((6, 4, O))}


def without(mapping, *names):
    return {name: value for name, value in mapping.items() if name not in names}


def refusal(folder, keys=None, entries=None, weights=None, **data):
    """Import a network with some things wrong, and return what is said."""
    np.savez(folder / "w.npz", **(WEIGHTS if weights is None else weights))
    np.savez(folder / "d.npz", **{n: a for n, a in (DATA | data).items() if a is not None})
    entries = {"file": "w.npz", **(ENTRIES if entries is None else entries)}
    keys = {"cell": "tanh", "weights": entries, "data": {"file": "d.npz"}} | (keys or {})
    (folder / "network.yaml").write_text(yaml.safe_dump(without(keys, *_absent(keys))))
    return said(folder)


def _absent(keys):
    return [name for name, value in keys.items() if value == "absent"]


def said(folder):
    before = {file.name for file in folder.iterdir()}
    for command in ("import", "diagnose"):
        run = CliRunner().invoke(main, [command, str(folder / "network.yaml")])
        assert run.exit_code == 1, run.output
        assert isinstance(run.exception, SystemExit), repr(run.exception)
        assert run.output.startswith("Error: ") and run.output.count("\n") == 1, run.output
        assert {file.name for file in folder.iterdir()} == before
    return run.output.replace(f"{folder}/", "").strip().removeprefix("Error: ")


def changed(name, array):
    return {"weights": {**WEIGHTS, name: array}}


def entry(name, value):
    return {"entries": {**ENTRIES, name: value}}


def spoilt(array, value):
    array = array.copy()
    array.flat[3] = value
    return array


LABELS = RNG.integers(0, O, (6, 4))
ROWS = {"kernel": "k", "recurrent": "r", "bias": "b", "W_hy": "o"}
GATES = {
    "k": np.ones((3 * N, I)),
    "r": np.ones((3 * N, N)),
    "b": np.ones(3 * N),
    "o": np.ones((O, N)),
}
FOUR = {
    "k": np.ones((4 * N, I)),
    "r": np.ones((4 * N, N)),
    "b": np.ones(4 * N),
    "o": np.ones((O, N)),
}

CASES = {
    # The weights
    "missing key": (
        {"entries": without(ENTRIES, "W_xh")},
        "network.yaml: weights: W_xh: missing; w.npz holds rec, inp, out, bias",
    ),
    "missing tensor": (
        entry("W_xh", "in"),
        "network.yaml: weights: W_xh: in is not in w.npz, which holds rec, inp, out, bias",
    ),
    "extra tensor": (
        changed("more", np.ones(2)),
        "w.npz holds more, which network.yaml does not name; allowed: tensors that are",
    ),
    "swapped": (
        {"entries": {**ENTRIES, "W_xh": "out", "W_hy": "inp"}},
        "network.yaml: weights: W_xh: out of w.npz has shape (3, 5); allowed: (5,",
    ),
    "transposed": (
        changed("inp", WEIGHTS["inp"].T),
        "network.yaml: weights: W_xh: inp of w.npz has shape (2, 5); allowed: (5,",
    ),
    "not square": (
        changed("rec", np.ones((N, N + 1))),
        "network.yaml: weights: W_hh: rec of w.npz has shape (5, 6); allowed: (6, 6)",
    ),
    "long bias": (
        changed("bias", np.ones(N + 1)),
        "network.yaml: weights: b_h: bias of w.npz has shape (6,); allowed: (5,)",
    ),
    "complex": (
        changed("rec", WEIGHTS["rec"] + 1j),
        "w.npz: rec is complex: dtype complex128; allowed: real",
    ),
    "NaN": (
        changed("rec", spoilt(WEIGHTS["rec"], np.nan)),
        "w.npz: rec has a NaN or infinite entry; allowed: finite numbers",
    ),
    "infinite": (
        changed("bias", spoilt(WEIGHTS["bias"], np.inf)),
        "w.npz: bias has a NaN or infinite entry; allowed: finite numbers",
    ),
    "objects": (changed("rec", np.array({}, object)), "w.npz: rec is not numeric: dtype object"),
    "several layers": (
        changed("rnn.weight_hh_l1", np.ones(1)),
        "w.npz holds rnn.weight_hh_l1: several layers; allowed: one",
    ),
    "two directions": (
        changed("weight_hh_l0_reverse", np.ones(1)),
        "w.npz holds weight_hh_l0_reverse: two directions; allowed: one",
    ),
    "proj_size": (
        changed("weight_hr_l0", np.ones(1)),
        "w.npz holds weight_hr_l0: a projection (proj_size); allowed: none",
    ),
    "raw weight": (
        {**changed("parametrizations.wh.original", np.ones(1)), **entry("W_hh", "wh")},
        "weights: W_hh: wh is not in w.npz, which holds parametrizations.wh.original:",
    ),
    "nested": (
        {**changed("model.wh", np.ones(1)), **entry("W_hh", "wh")},
        "weights: W_hh: wh is not in w.npz, which holds model.wh; allowed: prefix: model.",
    ),
    "prefix": (
        entry("prefix", "net."),
        "network.yaml: weights: prefix: no tensor of w.npz begins with 'net.'",
    ),
    "a, which tanh has not": (
        entry("a", "bias"),
        "network.yaml: weights: a: unknown; allowed: file, prefix, ignore",
    ),
    "Dale's signs": (
        entry("W_hh", {"tensor": "rec", "signs": "out"}),
        "network.yaml: weights: W_hh: signs are a matrix",
    ),
    "mask": (
        entry("W_hh", {"tensor": "rec", "mask": "inp"}),
        "network.yaml: weights: W_hh: mask has shape (5, 2); allowed: (5, 5)",
    ),
    "an entry's key": (
        entry("W_hh", {"tensor": "rec", "transposed": True}),
        "network.yaml: weights: W_hh: transposed is unknown; allowed: tensor, sum,",
    ),
    "an entry's value": (
        entry("W_hh", {"tensor": "rec", "transpose": "yes"}),
        "network.yaml: weights: W_hh: transpose is 'yes'; allowed: true or false",
    ),
    "two sources": (
        entry("W_hh", {"tensor": "rec", "identity": True}),
        "network.yaml: weights: W_hh: tensor and identity; allowed: one of tensor, sum,",
    ),
    "no source": (
        entry("W_hh", {"scale": 2}),
        "network.yaml: weights: W_hh: no source; allowed: one of",
    ),
    "a number": (
        entry("W_hh", 3),
        "network.yaml: weights: W_hh: 3; allowed: the name of a tensor, or keys",
    ),
    "identity of itself": (
        entry("W_hh", {"identity": True}),
        "network.yaml: weights: W_hh: no source",
    ),
    "factors": (entry("W_hh", {"factors": ["inp", "out"]}), "network.yaml: weights: W_hh:"),
    "columns": (
        entry("W_xh", {"tensor": "inp", "columns": [0, 3]}),
        "network.yaml: weights: W_xh: columns are [0, 3], the shape (5, 2); allowed:",
    ),
    "index": (
        entry("W_xh", {"tensor": "inp", "index": 7}),
        "network.yaml: weights: W_xh: index 7 is out of bounds",
    ),
    "ambiguous scale": (
        entry("W_hh", {"tensor": "rec", "scale": "bias"}),
        "network.yaml: weights: W_hh: scale has shape (5,), what it multiplies (5, 5);",
    ),
    "ignore": (
        entry("ignore", "x"),
        "network.yaml: weights: ignore: 'x'; allowed: a list of names",
    ),
    "prefix with and without": (
        {
            "entries": {**ENTRIES, "prefix": "net."},
            "weights": WEIGHTS | {f"net.{name}": array for name, array in WEIGHTS.items()},
        },
        "network.yaml: weights: prefix: w.npz holds rec and net.rec; allowed: no prefix",
    ),
    "an optimizer outside the prefix": (
        {
            "entries": {**ENTRIES, "prefix": "net."},
            "weights": {f"net.{name}": array for name, array in WEIGHTS.items()}
            | {f"optimizer.{k}": WEIGHTS["rec"] for k in range(10)},
        },
        "w.npz holds optimizer.0, optimizer.1, optimizer.2, optimizer.3, optimizer.4, optimizer.5, "
        "optimizer.6, optimizer.7 and 2 more, which network.yaml does not name; allowed: ",
    ),
    "prefix that is a number": (
        entry("prefix", 3),
        "network.yaml: weights: prefix: 3; allowed: how names in the file begin",
    ),
    "layer that is a number": (
        entry("layer", 3),
        "network.yaml: weights: layer: 3; allowed: the name of a layer of PyTorch",
    ),
    "sum of two shapes": (
        entry("W_hh", {"sum": ["rec", "inp"]}),
        "network.yaml: weights: W_hh: sum of shapes (5, 5) and (5, 2); allowed: one",
    ),
    "time constants of more units": (
        {
            "keys": {"cell": "leaky", "dt": 1},
            "entries": {**ENTRIES, "tau": "time"},
            "weights": {**WEIGHTS, "time": np.ones(N + 1)},
        },
        "network.yaml: weights: a: time of w.npz has shape (6,); allowed: (5,)",
    ),
    "time constants that are none": (
        {
            "keys": {"cell": "leaky", "dt": 1},
            "entries": {**ENTRIES, "tau": "time"},
            "weights": {**WEIGHTS, "time": np.array([2.0, 0, 3, 4, 5])},
        },
        "network.yaml: weights: tau: has the entry 0; allowed: above 0",
    ),
    "a layer of PyTorch below a prefix": (
        {
            "keys": {"cell": "tanh"},
            "entries": {"layer": "rnn", "W_hy": "out"},
            "weights": {"model.rnn.weight_hh_l0": WEIGHTS["rec"], "out": WEIGHTS["out"]},
        },
        "rnn.weight_hh_l0 is not in w.npz, which holds model.rnn.weight_hh_l0; allowed: prefix: m",
    ),
    "a raw weight of PyTorch": (
        {
            "keys": {"cell": "tanh"},
            "entries": {"layer": "rnn", "W_hy": "out"},
            "weights": {"rnn.parametrizations.weight_hh_l0.original": WEIGHTS["rec"]},
        },
        "rnn.weight_hh_l0 is not in w.npz, which holds rnn.parametrizations.weight_hh_l0.original:",
    ),
    "kernel alone": (
        {"keys": {"cell": "gru"}, "entries": {"kernel": "inp", "W_hy": "out"}},
        "network.yaml: weights: recurrent: missing; allowed: both kernel and recurrent",
    ),
    "three biases": (
        {"keys": {"cell": "gru"}, "entries": ROWS | {"bias": ["b", "b", "b"]}, "weights": GATES},
        "network.yaml: weights: bias: 3 entries; allowed: one or two",
    ),
    "bias of some gates": (
        {"keys": {"cell": "gru"}, "entries": ROWS | {"bias": "o"}, "weights": GATES},
        "network.yaml: weights: w.npz: bias has shape (3, 5); allowed: 1 dimensions",
    ),
    "rows of gates, transposed": (
        {
            "keys": {"cell": "gru"},
            "entries": ROWS,
            "weights": {**GATES, "r": GATES["r"].T, "k": GATES["k"].T},
        },
        "recurrent has shape (5, 15); allowed: 45 rows, 3 gates; transpose: true would fit",
    ),
    "kernel of gates, transposed": (
        {"keys": {"cell": "gru"}, "entries": ROWS, "weights": {**GATES, "k": GATES["k"].T}},
        "kernel has shape (2, 15); allowed: 15 rows, 3 gates; transpose: true would fit",
    ),
    # The keys
    "tau of each unit without dt": (
        {"keys": {"cell": "leaky"}, "entries": {**ENTRIES, "tau": "bias"}},
        "network.yaml: weights: tau: needs dt, and neither a nor another tau beside it",
    ),
    "forget_bias": (
        {"keys": {"cell": "lstm", "forget_bias": "one"}, "entries": ROWS, "weights": FOUR},
        "network.yaml: forget_bias is 'one'; allowed: a number",
    ),
    "update_gate": (
        {"keys": {"cell": "gru", "update_gate": "both"}, "entries": ROWS, "weights": GATES},
        "network.yaml: update_gate is 'both'; allowed: keeps, renews",
    ),
    "magnitude": (
        entry("W_hh", {"tensor": "rec", "magnitude": "squared"}),
        "network.yaml: weights: W_hh: magnitude is 'squared'; allowed: as given, absolute,",
    ),
    "unknown cell": (
        {"keys": {"cell": "lstn"}},
        "network.yaml: cell is 'lstn'; allowed: gru, leaky, linear, lstm, relu, tanh",
    ),
    "no cell": ({"keys": {"cell": "absent"}}, "network.yaml: cell is None; allowed: gru"),
    "unknown key": (
        {"keys": {"place": "after"}},
        "network.yaml: place is unknown; allowed with tanh: cell, data, early, metric,",
    ),
    "option": ({"keys": {"output": "tan"}}, "network.yaml: output is 'tan'; allowed: linear, tanh"),
    "no step": (
        {"keys": {"cell": "leaky"}},
        "network.yaml: weights: a is missing; allowed: a number",
    ),
    "step twice": (
        {"keys": {"cell": "leaky", "a": 0.1, "dt": 1, "tau": 10}},
        "network.yaml: a is given twice or dt missing; allowed: a, or dt and tau",
    ),
    "dt beyond tau": (
        {"keys": {"cell": "leaky", "dt": 20, "tau": 10}},
        "network.yaml: a is 2.0; allowed: a number in (0, 1]",
    ),
    "dt": (
        {"keys": {"cell": "leaky", "dt": -1, "tau": 10}},
        "network.yaml: dt is -1; allowed: a number above 0",
    ),
    "metric": (
        {"keys": {"metric": "r2"}},
        "network.yaml: metric is 'r2'; allowed: replay_accuracy, fvu, accuracy",
    ),
    "gates": (
        {
            "keys": {"cell": "gru", "gate_order": "ifgo"},
            "entries": {"kernel": "inp", "recurrent": "rec", "W_hy": "out"},
        },
        "network.yaml: weights: w.npz: gate_order is 'ifgo'; allowed: the letters of",
    ),
    "rows of gates": (
        {"keys": {"cell": "gru"}, "entries": {"kernel": "inp", "recurrent": "rec", "W_hy": "out"}},
        "network.yaml: weights: w.npz: recurrent has shape (5, 5); allowed: 15 rows, 3",
    ),
    "inverted gate": (
        {
            "keys": {"cell": "gru", "gate": "tanh", "update_gate": "renews"},
            "entries": {f"W_{s}{g}": "rec" for s in "hx" for g in "rzn"} | {"W_hy": "out"},
        },
        "network.yaml: update_gate is 'renews', gate 'tanh'; allowed: a sigmoid",
    ),
    "no weights": (
        {"keys": {"weights": "absent"}},
        "network.yaml: weights: file is missing; allowed: a file",
    ),
    "no data": (
        {"keys": {"data": "absent"}},
        "network.yaml: data: missing; allowed: a file with inputs",
    ),
    "weights file": (
        entry("file", "x.npz"),
        "x.npz is not there; allowed: a file .safetensors, .npz, .mat, .pt",
    ),
    "keras file": (
        entry("file", "x.h5"),
        "x.h5 ends in '.h5'; allowed: .safetensors, .npz, .mat, .pt",
    ),
    # The data
    "width": (
        {"inputs": np.ones((6, 4, 7))},
        "d.npz: inputs have shape (6, 4, 7); allowed: (steps, sequences, 2), since the",
    ),
    "axes": (
        {"inputs": np.ones((6, 4, 1, 2))},
        "d.npz: inputs has shape (6, 4, 1, 2); allowed: (steps, sequences, features)",
    ),
    "order of axes": (
        {"keys": {"data": {"file": "d.npz", "axes": "time batch"}}},
        "network.yaml: data: axes is 'time batch'; allowed: two or three of steps,",
    ),
    "data key": (
        {"keys": {"data": {"file": "d.npz", "labels": "y"}}},
        "network.yaml: data: labels is unknown; allowed: file, axes, inputs",
    ),
    "no inputs": ({"inputs": None}, "d.npz: inputs is missing; it holds targets"),
    "named, not there": (
        {"keys": {"data": {"file": "d.npz", "mask": "m"}}},
        "d.npz: m is missing; it holds inputs, targets",
    ),
    "NaN in inputs": (
        {"inputs": spoilt(DATA["inputs"], np.nan)},
        "d.npz: inputs has a NaN or infinite entry; allowed: finite numbers",
    ),
    "NaN in targets": (
        {"targets": spoilt(DATA["targets"], np.nan)},
        "d.npz: targets has a NaN or infinite entry; allowed: finite numbers",
    ),
    "complex inputs": (
        {"inputs": DATA["inputs"] + 1j},
        "d.npz: inputs is complex: dtype complex128; allowed: real",
    ),
    "more targets": (
        {"targets": np.ones((9, 4, O))},
        "d.npz: targets have shape (9, 4, 3); allowed with inputs of shape (6, 4, 2)",
    ),
    "width of targets": (
        {"targets": RNG.standard_normal((6, 4, 2))},
        "d.npz: targets have 2 features; allowed: 3, as many as outputs, or one label",
    ),
    "constant targets": (
        {"targets": np.ones((6, 4, O))},
        "d.npz: the FVU is undefined: no target varies",
    ),
    "labels": (
        {"targets": spoilt(LABELS, 7)},
        "d.npz: labels have the entry 7; allowed: whole numbers from 0 to 2, since",
    ),
    "labels without steps": (
        {"targets": LABELS[0]},
        "targets has shape (4,); allowed: (steps, sequences, features) or (steps, sequences), of "
        "length 1 in steps where there is one a sequence",
    ),
    "mask of everything": (
        {"mask": np.zeros((6, 4))},
        "d.npz: mask is 0 everywhere; allowed: 1 where outputs count, at least once",
    ),
    "mask of numbers": (
        {"mask": np.full((6, 4), 0.5)},
        "d.npz: mask has entries other than 0 and 1",
    ),
    "mask of one output": (
        {"mask": np.eye(3)[None, None, 0] * np.ones((6, 4, 1))},
        "d.npz: mask differs between features; allowed: one for all outputs",
    ),
    "mask's shape": ({"mask": np.ones((4, 6))}, "d.npz: mask has shape (4, 6); allowed: (6, 4)"),
    "h0": ({"h0": np.ones((4, N + 1))}, "d.npz: h0 has shape (4, 6); allowed: 5 units"),
    "c0": (
        {"c0": np.ones((4, N))},
        "d.npz: c0 is unknown to the cell; allowed: sequences without it",
    ),
    "h0 the other way round": (
        {"h0": np.ones((N, 4))},
        "d.npz: h0 has shape (5, 4); allowed: (units,) or (4, units), one for each",
    ),
    "reference": (
        {"outputs": RNG.standard_normal((6, 4, O))},
        "d.npz: outputs differ from the reference by ",
    ),
    "reference's shape": (
        {"outputs": np.ones((6, 4, 1))},
        "d.npz: outputs have shape (6, 4, 1); allowed: up to 6 steps, the last",
    ),
    "NaN in reference": (
        {"outputs": np.full((6, 4, O), np.nan)},
        "d.npz: outputs has a NaN or infinite entry",
    ),
    "onset": (
        {"keys": {"data": {"file": "d.npz", "onset": 3}}},
        "d.npz: targets have shape (6, 4, 3) and onset is 3",
    ),
    "runs away": (
        {"keys": {"cell": "linear"}, "weights": {**WEIGHTS, "rec": 1e200 * WEIGHTS["rec"]}},
        "d.npz: outputs of the network are not finite: it runs away",
    ),
}


@pytest.mark.parametrize(("wrong", "words"), CASES.values(), ids=CASES)
def test_what_is_wrong_is_said(tmp_path, wrong, words):
    assert words in refusal(tmp_path, **wrong)


FULL = {
    "leaky": {
        **{"cell": "leaky", "place": "after", "dt": 1, "tau": 10, "bias": "inside", "early": True},
        "metric": "fvu",
        "weights": {
            **{"file": "w.npz", "prefix": "", "ignore": ["x"], **ENTRIES},
            "W_hh": {
                **{"tensor": "rec", "transpose": False, "index": None, "rows": [0, 5]},
                **{"columns": [0, 5], "scale": [1, "1/N"], "add": 0, "mask": "rec"},
                **{"signs": "bias", "magnitude": "absolute"},
            },
        },
        "data": {
            **{"file": "d.npz", "axes": "steps sequences features", "inputs": "inputs"},
            **{"targets": "targets", "mask": None, "onset": 0, "precision": "float64"},
        },
    },
    "gru": {
        **{"cell": "gru", "gate_order": "zrn", "update_gate": "renews", "reset": "after"},
        "weights": {
            **{"file": "g.npz", "kernel": "k", "recurrent": "r", "W_hy": "o"},
            "bias": [{"tensor": "b", "index": 0}, {"tensor": "b", "index": 1}],
        },
        "data": {"file": "d.npz"},
    },
}
ODD = (None, [], {}, [None], -1, 0, 2.5, float("nan"), True, "x", "rec", {"sum": ["rec", "bias"]})


def odd(keys):
    """Yield keys with one of them, at any depth, another value."""
    places = keys if isinstance(keys, dict) else range(len(keys))
    for place in places:
        values = list(ODD)
        if isinstance(keys[place], dict | list):
            values += odd(keys[place])
        for value in values:
            changed = keys.copy()
            changed[place] = value
            yield changed


@pytest.mark.parametrize("cell", FULL)
def test_a_key_of_any_kind_in_any_place_is_refused_in_one_line_or_read(tmp_path, cell):
    np.savez(tmp_path / "w.npz", **WEIGHTS)
    gates = {"k": np.ones((3 * N, I)), "r": np.ones((3 * N, N)), "b": np.ones((2, 3 * N))}
    np.savez(tmp_path / "g.npz", **gates, o=WEIGHTS["out"])
    np.savez(tmp_path / "d.npz", **DATA)
    path, read, refused = tmp_path / "network.yaml", 0, []
    path.write_text(yaml.safe_dump(FULL[cell]))
    load(path)[0]
    for keys in odd(FULL[cell]):
        path.write_text(yaml.safe_dump(keys))
        try:
            load(path)[0]
            read += 1
        except ValueError as error:
            refused.append(str(error))
    assert read and refused
    assert all(line.startswith(str(tmp_path)) and "\n" not in line for line in refused)


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


PICKLES = {
    "a module": lambda path: torch.save(torch.nn.Linear(2, 2), path),
    "a call": lambda path: torch.save({"rec": Evil()}, path),
    "arrays of numpy": lambda path: torch.save({"rec": WEIGHTS["rec"]}, path),
    "a plain pickle": lambda path: path.write_bytes(pickle.dumps(WEIGHTS)),
    "no pickle": lambda path: path.write_text("rec"),
    "nothing": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("write", PICKLES.values(), ids=PICKLES)
def test_pickles_that_need_more_than_tensors_are_never_opened(tmp_path, write, capsys):
    write(tmp_path / "model.pt")
    message = refusal(tmp_path, entries={**ENTRIES, "file": "model.pt"})
    assert message.startswith("model.pt needs more than torch.load(weights_only=True)")
    assert message.endswith("allowed: torch.save(model.state_dict(), ...), tensors alone")
    assert "unpickled" not in capsys.readouterr().out


def test_a_tensor_alone_is_no_state_dict(tmp_path):
    torch.save(torch.ones(2), tmp_path / "model.pt")
    message = refusal(tmp_path, entries={**ENTRIES, "file": "model.pt"})
    assert message == "model.pt holds a Tensor; allowed: a state dict"


def test_a_file_of_pytorch_where_it_is_not_installed(tmp_path, monkeypatch):
    torch.save({"rec": torch.ones(2)}, tmp_path / "model.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    message = refusal(tmp_path, entries={**ENTRIES, "file": "model.pt"})
    assert message.startswith("model.pt is a file of PyTorch's, which is not installed; allowed")


def test_a_mat_file_of_format_7_3(tmp_path):
    """The header of one: text, the version, and the order of bytes; the rest is HDF5."""
    (tmp_path / "w.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    message = refusal(tmp_path, entries={**ENTRIES, "file": "w.mat"})
    assert message == "w.mat has MATLAB's format 7.3; allowed: up to 7.2, by save(..., '-v7')"


def test_half_precision_of_safetensors_that_numpy_has_not(tmp_path):
    tensors = {name: torch.from_numpy(w).to(torch.bfloat16) for name, w in WEIGHTS.items()}
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors")
    message = refusal(tmp_path, entries={**ENTRIES, "file": "w.safetensors"})
    assert message.startswith("w.safetensors: ")
    assert " is of type BF16; allowed: float32, float64 and whole numbers (F32," in message


def test_an_imported_file_that_is_not_there_or_of_another_version(tmp_path):
    path = tmp_path / "n.safetensors"
    with pytest.raises(ValueError, match=r"n\.safetensors is not there; allowed: a file that rnn"):
        about(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"n\.safetensors is not a safetensors file: "):
        about(path)
    safetensors.numpy.save_file({"x": np.ones(2)}, path, {"format": "rnnschur networks 0"})
    with pytest.raises(ValueError, match="has the format 'rnnschur networks 0'; allowed: 'rnn"):
        about(path)


@pytest.mark.parametrize("ending", ["npz", "mat", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"rec"])
def test_files_that_are_not_what_their_name_says(tmp_path, ending, content):
    (tmp_path / f"x.{ending}").write_bytes(content)
    message = refusal(tmp_path, entries={**ENTRIES, "file": f"x.{ending}"})
    assert message.startswith(f"x.{ending} is not a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cell: [", "is not YAML: see line 1"),
        ("cell: 2026-13-45", "network.yaml is not YAML"),
        ("cell: &c {again: *c}", "network.yaml: a value contains itself; allowed"),
        ("tanh", "holds a str; allowed"),
        ("", "holds a None"),
        ("cell: tanh\ncell: relu", "network.yaml: cell is given twice, in lines 1 and 2; allowed"),
        ("weights:\n  b: {a: 1}\n\n  c: 1\n  b: 2", "b is given twice, in lines 2 and 5; allowed"),
        ("a: [{b: 1, b: 1}]", "b is given twice, in lines 1 and 1; allowed: once"),
    ],
)
def test_a_description_that_is_none(tmp_path, text, words):
    (tmp_path / "network.yaml").write_text(text)
    assert words in said(tmp_path)


@pytest.mark.parametrize(
    "change", [b"weights.W_xh", b"batch.inputs", b'"cell":"tanh"', b"rnnschur net"]
)
def test_a_file_of_ours_that_was_changed(tmp_path, change):
    refusal(tmp_path, keys={"cell": "lstn"})
    path = tmp_path / "network.yaml"
    path.write_text(path.read_text().replace("lstn", "tanh"))
    runner, saved = CliRunner(), tmp_path / "n.safetensors"
    assert runner.invoke(main, ["import", str(path), "--output", str(saved)]).exit_code == 0
    content = saved.read_bytes()
    assert change in content
    saved.write_bytes(content.replace(change, change[:-2] + b"Q" + change[-1:]))
    run = runner.invoke(main, ["diagnose", str(saved)])
    assert run.exit_code == 1 and run.output.startswith(f"Error: {saved}"), run.output
    assert run.output.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["diagnose", "--alpha", "2"], "alphas is (2.0,)"),
        (["diagnose", "--metric", "accuracy"], "allowed"),
        (["diagnose", "--output", "network.yaml/x.csv"], "cannot be written"),
        (["import", "--output", "x.npz"], "allowed: a name in .safetensors"),
    ],
)
def test_options_of_the_commands(tmp_path, words, fault, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refusal(tmp_path, keys={"cell": "lstn"})
    path = tmp_path / "network.yaml"
    path.write_text(path.read_text().replace("lstn", "tanh"))
    run = CliRunner().invoke(main, [words[0], "network.yaml", *words[1:]])
    assert run.exit_code == 1 and fault in run.output, run.output
    assert run.output.splitlines()[-1].startswith("Error: ")
