"""network.yaml: the same network from every layout, against PyTorch and written-out equations."""

import numpy as np
import pytest
import scipy.io
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from rnnschur import cells
from rnnschur.batch import Batch
from rnnschur.cells import make
from rnnschur.constraints import MAGNITUDES
from rnnschur.description import Description
from rnnschur.given import load
from rnnschur.imported import save
from rnnschur.network import Network

UNITS, INPUTS, OUTPUTS = 5, 2, 3


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def written(folder, keys, weights, **data):
    """Write network.yaml and its two files, and return its path."""
    np.savez(folder / "weights.npz", **weights)
    np.savez(folder / "trials.npz", **({"inputs": np.ones((4, 2, INPUTS))} | data))
    keys = {"data": {"file": "trials.npz"}} | keys
    keys["weights"] = {"file": "weights.npz"} | keys["weights"]
    (folder / "network.yaml").write_text(yaml.safe_dump(keys))
    return folder / "network.yaml"


def plain(rng, units=UNITS):
    return {
        "W_hh": rng.standard_normal((units, units)),
        "W_xh": rng.standard_normal((units, INPUTS)),
        "W_hy": rng.standard_normal((OUTPUTS, units)),
    }


PLAIN = {name: name for name in ("W_hh", "W_xh", "W_hy")}


def network(folder, keys, weights):
    return Description.read(written(folder, keys, weights)).network()


def one(folder, entry, weights):
    """Return W_hh as an entry says, beside other weights that are plain."""
    rest = {n: array for n, array in plain(np.random.default_rng(0)).items() if n != "W_hh"}
    return network(folder, {"cell": "tanh", "weights": {**PLAIN, "W_hh": entry}}, rest | weights)


MODULES = {"tanh": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Model(torch.nn.Module):
    """A network as people write it."""

    def __init__(self, cell, **how):
        super().__init__()
        self.rnn = MODULES[cell](INPUTS, UNITS, **how)
        self.readout = torch.nn.Linear(UNITS, OUTPUTS)

    def forward(self, x):
        return self.readout(self.rnn(x)[0])


@pytest.mark.parametrize("cell", MODULES)
@pytest.mark.parametrize("wrapped", ["", "module.", "_orig_mod.", "checkpoint"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_of_pytorch_by_its_name(tmp_path, cell, wrapped, bias):
    torch.manual_seed(0)
    model = Model(cell, batch_first=True, bias=bias).double()
    inputs = torch.randn(6, 20, INPUTS, dtype=torch.float64)
    outputs = model(inputs).detach().numpy()
    state = model.state_dict()
    weights = {"file": "model.pt", "layer": "rnn", "linear": "readout"}
    if wrapped == "checkpoint":
        state = {"model": state, "epoch": 3, "optimizer": {"step": torch.ones(1)}}
        weights |= {"prefix": "model.", "ignore": ["optimizer.*"]}
    else:
        state = {wrapped + name: tensor for name, tensor in state.items()}
    torch.save(state, tmp_path / "model.pt")
    keys = {"cell": cell, "weights": weights}
    keys["data"] = {"file": "trials.npz", "axes": "sequences steps features"}
    given = load(written(tmp_path, keys, {}, inputs=inputs.numpy(), outputs=outputs))[0]
    assert given.differences.max() < 1e-13


@pytest.mark.parametrize("cell", ["RNNCell", "GRUCell", "LSTMCell"])
def test_a_cell_of_pytorch_by_its_name(tmp_path, cell):
    torch.manual_seed(0)
    module = getattr(torch.nn, cell)(INPUTS, UNITS, dtype=torch.float64)
    inputs, state, states = torch.randn(9, 3, INPUTS, dtype=torch.float64), None, []
    with torch.no_grad():
        for x in inputs:
            state = module(x, state)
            states.append(state[0] if cell == "LSTMCell" else state)
    torch.save(module.state_dict(), tmp_path / "cell.pth")
    weights = {"file": "cell.pth", "layer": "", "W_hy": {"identity": True}}
    keys = {"cell": {"RNNCell": "tanh", "GRUCell": "gru", "LSTMCell": "lstm"}[cell]}
    path = written(
        tmp_path, {**keys, "weights": weights}, {},
        inputs=inputs.numpy(), outputs=torch.stack(states).numpy(),
    )  # fmt: skip
    assert load(path)[0].differences.max() < 1e-13


def run(step, inputs, units):
    """Roll out a step (h, c, x) -> (h, c) that is written out."""
    h, c, states = np.zeros((inputs.shape[1], units)), np.zeros((inputs.shape[1], units)), []
    for x in inputs:
        h, c = step(h, c, x)
        states.append(h)
    return np.stack(states)


def test_an_lstm_of_tensorflow_1_or_haiku(tmp_path):
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((INPUTS + UNITS, 4 * UNITS))
    bias, W_hy = rng.standard_normal(4 * UNITS), rng.standard_normal((UNITS, OUTPUTS))
    inputs = rng.standard_normal((15, 4, INPUTS))

    def step(h, c, x):
        i, g, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, 1)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    keys = {"cell": "lstm", "gate_order": "igfo", "forget_bias": 1}
    keys["weights"] = {
        "kernel": {"tensor": "w", "transpose": True, "columns": [0, INPUTS]},
        "recurrent": {"tensor": "w", "transpose": True, "columns": [INPUTS, INPUTS + UNITS]},
        "bias": "b",
        "W_hy": {"tensor": "v", "transpose": True},
    }
    weights = {"w": kernel, "b": bias, "v": W_hy}
    outputs = run(step, inputs, UNITS) @ W_hy
    given = load(written(tmp_path, keys, weights, inputs=inputs, outputs=outputs))[0]
    assert given.differences.max() < 1e-13


@pytest.mark.parametrize("kind", ["keras, reset after", "keras, reset before", "haiku"])
def test_a_gru_of_keras_or_haiku(tmp_path, kind):
    rng = np.random.default_rng(1)
    W, U = rng.standard_normal((INPUTS, 3 * UNITS)), rng.standard_normal((UNITS, 3 * UNITS))
    b = rng.standard_normal((2, 3 * UNITS))
    inputs = rng.standard_normal((15, 4, INPUTS))
    after = kind == "keras, reset after"

    def step(h, c, x):
        xz, xr, xn = np.split(x @ W + b[0], 3, 1)
        hz, hr, hn = np.split(h @ U + (b[1] if after else 0), 3, 1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        n = np.tanh(xn + r * hn) if after else np.tanh(xn + (r * h) @ U[:, 2 * UNITS :])
        return (1 - z) * h + z * n if kind == "haiku" else z * h + (1 - z) * n, c

    keys = {"cell": "gru", "gate_order": "zrn", "reset": "after" if after else "before"}
    keys |= {"update_gate": "renews"} if kind == "haiku" else {}
    biases = [{"tensor": "b", "index": row} for row in range(1 + after)]
    keys["weights"] = {
        "kernel": {"tensor": "W", "transpose": True},
        "recurrent": {"tensor": "U", "transpose": True},
        "bias": biases,
        "W_hy": {"identity": True},
    }
    path = written(
        tmp_path, keys, {"W": W, "U": U, "b": b},
        inputs=inputs, outputs=run(step, inputs, UNITS),
    )  # fmt: skip
    assert load(path)[0].differences.max() < 1e-13


def test_a_gru_of_tensorflow_1_with_a_matrix_of_gates_and_one_of_the_candidate(tmp_path):
    rng = np.random.default_rng(2)
    gates = rng.standard_normal((INPUTS + UNITS, 2 * UNITS))
    candidate = rng.standard_normal((INPUTS + UNITS, UNITS))
    b, inputs = rng.standard_normal(2 * UNITS), rng.standard_normal((15, 4, INPUTS))

    def step(h, c, x):
        r, u = np.split(sigmoid(np.concatenate([x, h], 1) @ gates + b), 2, 1)
        return u * h + (1 - u) * np.tanh(np.concatenate([x, r * h], 1) @ candidate), c

    x, h = [0, INPUTS], [INPUTS, INPUTS + UNITS]
    entries = {"W_hy": {"identity": True}, "b_r": "br", "b_z": "bz"}
    for letter, tensor, rows in (
        ("r", "gates", [0, UNITS]),
        ("z", "gates", [UNITS, 2 * UNITS]),
        ("n", "candidate", [0, UNITS]),
    ):
        entry = {"tensor": tensor, "transpose": True, "rows": rows}
        entries |= {f"W_x{letter}": entry | {"columns": x}, f"W_h{letter}": entry | {"columns": h}}
    keys = {"cell": "gru", "reset": "before", "weights": entries}
    weights = {"gates": gates, "candidate": candidate, "br": b[:UNITS], "bz": b[UNITS:]}
    path = written(tmp_path, keys, weights, inputs=inputs, outputs=run(step, inputs, UNITS))
    assert load(path)[0].differences.max() < 1e-13


STARTS = {
    "one": lambda start: start[0],
    "one, as PyTorch has it": lambda start: start[None, :1],
    "one a trial": lambda start: start,
    "one a trial, as PyTorch has it": lambda start: start[None],
}


@pytest.mark.parametrize(
    ("part", "kept"),
    # Weights belong to the network, and have no axis of trials.
    [("data", how) for how in STARTS] + [("weights", how) for how in list(STARTS)[:2]],
)
@pytest.mark.parametrize("axes", ["steps sequences features", "sequences steps features"])
def test_state_and_memory_that_an_lstm_of_pytorch_starts_from(tmp_path, kept, part, axes):
    torch.manual_seed(1)
    model, sequences = Model("lstm").double(), 6
    inputs = torch.randn(20, sequences, INPUTS, dtype=torch.float64)
    start = torch.randn(2, sequences, UNITS, dtype=torch.float64)
    found = {n: STARTS[kept](s.numpy()) for n, s in zip(("h0", "c0"), start, strict=True)}
    one = found["h0"].size == UNITS
    h0, c0 = (s[:, :1].expand(s.shape).contiguous() if one else s for s in start[:, None])
    outputs = model.readout(model.rnn(inputs, (h0, c0))[0]).detach()
    first = (0, 1, 2) if axes.startswith("steps") else (1, 0, 2)
    trials = {"inputs": inputs.permute(first).numpy(), "outputs": outputs.permute(first).numpy()}
    weights = {"file": "model.npz", "layer": "rnn", "linear": "readout"}
    tensors = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    if part == "weights":
        tensors |= found
        weights |= {"h0": "h0", "c0": "c0"}
    else:
        trials |= found
    np.savez(tmp_path / "model.npz", **tensors)
    keys = {"cell": "lstm", "weights": weights, "data": {"file": "trials.npz", "axes": axes}}
    assert load(written(tmp_path, keys, {}, **trials))[0].differences.max() < 1e-13


@pytest.mark.parametrize("sequences", [UNITS, 4, 1])
def test_states_of_matlab_are_columns(tmp_path, sequences):
    rng = np.random.default_rng(2)
    start, inputs = rng.standard_normal((UNITS, sequences)), rng.standard_normal((7, sequences, 2))
    path = written(tmp_path, {"cell": "tanh", "weights": PLAIN}, plain(rng))
    keys = yaml.safe_load(path.read_text())
    keys["data"] = {"file": "trials.mat", "axes": "features sequences steps"}
    path.write_text(yaml.safe_dump(keys))
    for h0, expected in ((start, start.T), (start[:, :1], start[:, 0]), (start[:, 0], start[:, 0])):
        trials = {"inputs": inputs.transpose(2, 1, 0), "h0": h0}
        scipy.io.savemat(tmp_path / "trials.mat", trials)
        found = load(path)[0].batch.h0
        np.testing.assert_array_equal(
            found, expected[0] if sequences == 1 < expected.ndim else expected
        )
    scipy.io.savemat(tmp_path / "trials.mat", trials | {"h0": rng.standard_normal((UNITS, 9))})
    words = r"h0 has shape \(5, 9\); allowed: \(units, sequences\)"
    with pytest.raises(ValueError, match=words):
        load(path)


@pytest.mark.parametrize("labels", [True, False])
def test_one_trial_whose_axis_matlab_drops(tmp_path, labels):
    rng = np.random.default_rng(3)
    path = written(tmp_path, {"cell": "tanh", "weights": PLAIN}, plain(rng))
    keys = yaml.safe_load(path.read_text())
    keys["data"] = {"file": "trials.mat", "axes": "features steps sequences"}
    path.write_text(yaml.safe_dump(keys))
    inputs, mask = rng.standard_normal((INPUTS, 9)), np.arange(9)[:, None] > 2
    targets = rng.integers(0, OUTPUTS, (9, 1)) if labels else rng.standard_normal((OUTPUTS, 9))
    scipy.io.savemat(
        tmp_path / "trials.mat", {"inputs": inputs, "targets": targets, "mask": mask * 1.0}
    )
    (given,) = load(path)
    np.testing.assert_array_equal(given.batch.inputs[:, 0], inputs.T)
    np.testing.assert_array_equal(given.batch.targets[:, 0], targets if labels else targets.T)
    assert given.batch.mask[:, 0].tolist() == [False] * 3 + [True] * 6
    assert given.metric == ("accuracy" if labels else "fvu")


def test_a_low_rank_network(tmp_path):
    rng = np.random.default_rng(3)
    m, n = rng.standard_normal((2, UNITS, 2))
    wi, si = rng.standard_normal((INPUTS, UNITS)), rng.standard_normal(INPUTS)
    wo, so = rng.standard_normal((UNITS, OUTPUTS)), rng.standard_normal(OUTPUTS)
    h0, inputs = rng.standard_normal(UNITS), rng.standard_normal((4, 15, INPUTS))
    h, outputs = np.tile(h0, (4, 1)), []
    for x in inputs.swapaxes(0, 1):
        h = h + 0.2 * (-h + np.tanh(h) @ n @ m.T / UNITS + x @ (wi.T * si).T)
        outputs.append(np.tanh(h) @ (wo * so) / UNITS)
    keys = {"cell": "leaky", "place": "currents", "readout": "tanh", "dt": 20, "tau": 100}
    keys["weights"] = {
        "W_hh": {"factors": ["m", "n"], "scale": "1/N"},
        "W_xh": {"tensor": "wi", "transpose": True, "scale": "si"},
        "W_hy": {"tensor": "wo", "transpose": True, "scale": ["so", "1/N"]},
        "h0": "h0",
    }
    keys["data"] = {"file": "trials.npz", "axes": "sequences steps features"}
    weights = {"m": m, "n": n, "wi": wi, "si": si, "wo": wo, "so": so, "h0": h0}
    outputs = np.stack(outputs, 1)
    path = written(tmp_path, keys, weights, inputs=inputs, outputs=outputs)
    assert load(path)[0].differences.max() < 1e-13


def test_a_sum_of_a_part_of_low_rank_and_a_full_one(tmp_path):
    rng = np.random.default_rng(4)
    m, n, W = rng.standard_normal(UNITS), rng.standard_normal((UNITS, 1)), plain(rng)["W_hh"]
    entry = {"sum": [{"factors": ["m", "n"], "scale": "1/N"}, {"tensor": "W", "scale": 0.8}]}
    found = one(tmp_path, entry, {"m": m, "n": n, "W": W})
    expected = np.outer(m, n) / UNITS + 0.8 * W
    np.testing.assert_allclose(found.weights["W_hh"], expected, rtol=1e-14)


@settings(max_examples=25)
@given(
    st.integers(0, 2**32), st.booleans(), st.floats(-3, 3), st.floats(-3, 3),
    st.sampled_from(MAGNITUDES), st.booleans(), st.sampled_from([None, "vector", "matrix", 3]),
)  # fmt: skip
def test_what_is_made_of_a_tensor_is_what_its_keys_say(
    tmp_path_factory, seed, transpose, scale, add, magnitude, masked, signs
):
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("entry")
    raw, mask = plain(rng)["W_hh"], rng.integers(0, 2, (UNITS, UNITS))
    s = rng.choice([-1.0, 1.0], UNITS) if signs != 3 else np.array([1.0, 1, 1, -1, -1])
    entry = {"tensor": "V", "transpose": transpose, "scale": scale, "add": add}
    entry |= {"magnitude": magnitude} | ({"mask": "M"} if masked else {})
    entry |= {} if signs is None else {"signs": 3 if signs == 3 else "s"}
    weights = {"V": raw} | ({"M": mask} if masked else {})
    if signs in ("vector", "matrix"):
        weights["s"] = s if signs == "vector" else np.diag(s)
    expected = raw.T if transpose else raw
    expected = {"as given": expected, "absolute": abs(expected), "rectified": expected.clip(0)}[
        magnitude
    ]
    expected = expected * (mask if masked else 1) * (1 if signs is None else s) * scale + add
    found = one(folder, entry, weights)
    np.testing.assert_allclose(found.weights["W_hh"], expected, rtol=1e-14, atol=1e-14)
    assert ("mask_hh" in found.weights) == masked
    assert ("sign_h" in found.weights) == (signs is not None and magnitude != "as given")


FORMS = ("npz", "safetensors", "mat", "struct", "pt")


@pytest.mark.parametrize("ending", FORMS)
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_every_format_gives_the_same_network(tmp_path, ending, precision):
    rng = np.random.default_rng(5)
    weights = {name: array.astype(precision) for name, array in plain(rng).items()}
    weights["b_h"] = rng.standard_normal(UNITS).astype(precision)
    file = f"w.{'mat' if ending == 'struct' else ending}"
    entries = {"file": file, **PLAIN, "b_h": "b_h"}
    if ending == "safetensors":
        save_file(weights, tmp_path / file)
    elif ending == "pt":
        torch.save({name: torch.from_numpy(w) for name, w in weights.items()}, tmp_path / file)
    elif ending == "npz":
        np.savez(tmp_path / file, **weights)
    else:  # where vectors become matrices
        struct = ending == "struct"
        scipy.io.savemat(tmp_path / file, {"net": weights} if struct else weights)
        entries |= {"prefix": "net."} if struct else {}
    found = network(tmp_path, {"cell": "tanh", "weights": entries}, {})
    assert found.dtype == precision
    for name, array in weights.items():
        np.testing.assert_array_equal(found.weights[name], array)


def test_a_tensor_outside_the_prefix_is_named_in_full_and_data_may_be_in_the_same_file(tmp_path):
    rng = np.random.default_rng(7)
    weights, bias = plain(rng), rng.standard_normal(OUTPUTS)
    inputs = rng.standard_normal((5, 3, INPUTS))
    stored = {f"net.{name}": w for name, w in weights.items()} | {"readout.bias": bias, "x": inputs}
    np.savez(tmp_path / "all.npz", **stored)
    entries = {"file": "all.npz", "prefix": "net.", **PLAIN}
    data = {"file": "all.npz", "inputs": "x"}
    path = tmp_path / "network.yaml"
    path.write_text(yaml.safe_dump({"cell": "tanh", "weights": entries, "data": data}))
    with pytest.raises(ValueError, match=r"all.npz holds readout.bias, which .*network.yaml does"):
        load(path)
    entries["b_y"] = "readout.bias"
    path.write_text(yaml.safe_dump({"cell": "tanh", "weights": entries, "data": data}))
    np.testing.assert_array_equal(load(path)[0].network.weights["b_y"], bias)
    entries["ignore"] = [entries.pop("b_y")]
    path.write_text(yaml.safe_dump({"cell": "tanh", "weights": entries, "data": data}))
    assert "b_y" not in load(path)[0].network.weights


@settings(max_examples=20)
@given(st.permutations(["steps", "sequences", "features"]), st.booleans(), st.booleans())
def test_data_in_any_order_of_axes(tmp_path_factory, axes, matlab, labels):
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(6)
    steps, sequences = 7, 1 if matlab else 4  # MATLAB drops a last axis of length 1
    inputs = rng.standard_normal((steps, sequences, INPUTS))
    mask = np.ones((steps, sequences))
    mask[:2] = 0
    targets = rng.standard_normal((steps, sequences, OUTPUTS))
    if labels:
        targets = rng.integers(0, OUTPUTS, (steps, sequences, 1))
    words = ["steps", "sequences", "features"]
    bare = [word for word in axes if word != "features"]
    stored = {
        "x": inputs.transpose([words.index(word) for word in axes]),
        "mask": mask.transpose([words.index(word) for word in bare]),
    }
    order = [words.index(word) for word in axes]
    stored["targets"] = targets.transpose(order)
    if labels:
        stored["targets"] = targets[..., 0].transpose([words.index(word) for word in bare])
    path = written(folder, {"cell": "tanh", "weights": PLAIN}, plain(rng))
    keys = yaml.safe_load(path.read_text())
    file = "trials.mat" if matlab else "trials.npz"
    keys["data"] = {"file": file, "axes": " ".join(axes), "inputs": "x"}
    if matlab:
        scipy.io.savemat(folder / file, stored)
    else:
        np.savez(folder / file, **stored)
    path.write_text(yaml.safe_dump(keys))
    given = load(path)[0]
    np.testing.assert_array_equal(given.batch.inputs, inputs)
    np.testing.assert_array_equal(given.batch.targets, targets)
    np.testing.assert_array_equal(given.batch.mask, mask == 1)
    assert given.metric == ("accuracy" if labels else "fvu")


@pytest.mark.parametrize("axes", ["steps sequences features", "features steps sequences"])
@pytest.mark.parametrize("ending", ["npz", "mat"])
def test_one_output_needs_no_axis_of_features(tmp_path, axes, ending):
    rng, words = np.random.default_rng(8), ["steps", "sequences", "features"]
    weights = {**plain(rng), "W_hy": rng.standard_normal((1, UNITS))}
    path = written(tmp_path, {"cell": "tanh", "weights": PLAIN}, weights)
    inputs = rng.standard_normal((7, 4, INPUTS))
    outputs = load(path)[0].network.outputs(Batch(inputs))[..., 0]
    stored = {"inputs": inputs.transpose([words.index(word) for word in axes.split()])}
    stored |= {"outputs": outputs, "targets": outputs + 1}
    keys = yaml.safe_load(path.read_text()) | {"data": {"file": f"t.{ending}", "axes": axes}}
    path.write_text(yaml.safe_dump(keys))
    if ending == "mat":
        scipy.io.savemat(tmp_path / "t.mat", stored)
    else:
        np.savez(tmp_path / "t.npz", **stored)
    given = load(path)[0]
    assert given.differences.max() < 1e-12
    np.testing.assert_array_equal(given.batch.targets[..., 0], outputs + 1)


def test_one_sequence_without_an_axis_for_it_and_a_mask_of_every_output(tmp_path):
    rng = np.random.default_rng(7)
    data = {"inputs": rng.standard_normal((9, INPUTS)), "targets": rng.standard_normal((9, 3))}
    data["mask"] = np.repeat(np.arange(9)[:, None] > 3, 3, 1)
    keys = {"cell": "tanh", "weights": PLAIN}
    keys["data"] = {"file": "trials.npz", "axes": "steps features"}
    batch = load(written(tmp_path, keys, plain(rng), **data))[0].batch
    assert batch.inputs.shape == (9, 1, INPUTS) and batch.mask.sum() == 5


@pytest.mark.parametrize("how", ["a", "dt and tau", "a of each unit", "tau of each unit"])
def test_the_step_in_units_of_the_time_constant(tmp_path, how):
    rng = np.random.default_rng(8)
    tau, weights, entries = np.array([20.0, 25, 40, 50, 100]), plain(rng), dict(PLAIN)
    keys = {"cell": "leaky"}
    if how == "a":
        keys["a"] = "2e-1"  # text, says YAML
    elif how == "dt and tau":
        keys |= {"dt": 10, "tau": 50}
    else:
        name = how[: how.index(" ")]
        entries[name] = "time"
        weights["time"] = tau if name == "tau" else 10 / tau
        keys |= {"dt": 10} if name == "tau" else {}
    (tmp_path / "x").mkdir()
    path = written(tmp_path / "x", {**keys, "weights": entries}, weights)
    path.write_text(path.read_text().replace("'2e-1'", "2e-1"))
    found = Description.read(path).network()
    each = "each" in how
    np.testing.assert_allclose(
        found.weights["a"] if each else found.cell.a, 10 / tau if each else 0.2
    )


@pytest.mark.parametrize("name", ["a", "tau"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_time_constant_in_the_file_is_that_of_all_units(tmp_path, name, shape):
    rng = np.random.default_rng(8)
    weights = plain(rng) | {"time": np.full(shape, 0.2 if name == "a" else 50)}
    keys = {"cell": "leaky", "place": "after", "weights": {**PLAIN, name: "time"}}
    keys |= {"dt": 10} if name == "tau" else {}
    found = network(tmp_path, keys, weights)
    assert found.cell == make("leaky", place="after", a=0.2) and "a" not in found.weights
    with pytest.raises(ValueError, match=r"a is [0-9.]+; allowed: a number in \(0, 1\]$"):
        network(tmp_path, keys, weights | {"time": np.full(shape, 2 if name == "a" else 5)})


def drawn(name, rng):
    """Return a network of a cell with all its weights."""
    cell = make(name, **({"place": "after"} if name == "leaky" else {}))
    size = {"unit": UNITS, "gate": UNITS, "input": INPUTS, "output": OUTPUTS}
    weights = {n: rng.uniform(0.1, 1, [size[a] for a in axes]) for n, axes in cell.known.items()}
    weights |= {n: np.ones_like(weights[n]) for n in ("mask_hh", "sign_h") if n in weights}
    return Network(cell, weights)


@pytest.mark.parametrize("name", cells.CELLS)
def test_a_file_of_ours_is_the_same_network(tmp_path, name):
    rng = np.random.default_rng(9)
    found = drawn(name, rng)
    keys = {"cell": name} | ({"place": "after"} if name == "leaky" else {})
    path = written(
        tmp_path, {**keys, "weights": {n: n for n in found.weights}}, found.weights,
        targets=rng.standard_normal((3, 2, OUTPUTS)), mask=np.eye(3, 2), h0=np.ones((2, UNITS)),
    )  # fmt: skip
    first = load(path)[0]
    save(tmp_path / "saved" / "network.safetensors", [first])
    again = load(tmp_path / "saved" / "network.safetensors")[0]
    assert again.network.cell == first.network.cell == found.cell
    assert again.network.checked == first.network.checked
    assert again.metric == first.metric and again.sources == first.sources
    for part in ("inputs", "targets", "mask", "h0", "onset"):
        np.testing.assert_array_equal(getattr(again.batch, part), getattr(first.batch, part))
    for weight, array in found.weights.items():
        np.testing.assert_array_equal(again.network.weights[weight], array)
