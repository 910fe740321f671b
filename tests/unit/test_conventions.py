"""Files as each library lays them out, against its own equations, written out here in numpy."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from rnnschur.given import load

N, I, O, STEPS, SEQUENCES = 5, 2, 3, 15, 4  # noqa: E741
PAGE = (Path(__file__).parents[2] / "docs" / "your-network.md").read_text()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def drawn(rng, **shapes):
    """Return arrays of some shapes, by name."""
    return {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}


def lstm(i, f, g, o, c):
    """Return state and memory from what the gates receive."""
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def keras(layer, rng, **shapes):
    """Return weights, and the names that Keras gives them."""
    w = drawn(rng, **shapes, D=(N, O), d=O)
    names = {"W": "kernel", "U": "recurrent_kernel", "b": "bias"}
    named = {f"sequential/{layer}/{layer}_cell/{names[n]}": w[n] for n in shapes}
    return w, named | {"sequential/dense/kernel": w["D"], "sequential/dense/bias": w["d"]}


def keras_weights(kernel, layer, recurrent="recurrent", bias="bias"):
    cell = f"{layer}/{layer}_cell"
    return f"""
weights:
  file: weights.npz
  prefix: sequential/
  {kernel}: {{tensor: {cell}/kernel, transpose: true}}
  {recurrent}: {{tensor: {cell}/recurrent_kernel, transpose: true}}
  {bias}: {cell}/bias
  W_hy: {{tensor: dense/kernel, transpose: true}}
  b_y: dense/bias
data: {{file: trials.npz, axes: sequences steps features}}
"""


def keras_simple(rng):
    w, named = keras("simple_rnn", rng, W=(I, N), U=(N, N), b=N)

    def step(h, c, x):
        return np.tanh(x @ w["W"] + w["b"] + h @ w["U"]), c

    text = "cell: tanh" + keras_weights("W_xh", "simple_rnn", "W_hh", "b_h")
    return text, named, step, lambda h: h @ w["D"] + w["d"]


def keras_lstm(rng):
    w, named = keras("lstm", rng, W=(I, 4 * N), U=(N, 4 * N), b=4 * N)

    def step(h, c, x):
        i, f, g, o = np.split(x @ w["W"] + h @ w["U"] + w["b"], 4, 1)
        return lstm(i, f, g, o, c)

    text = "cell: lstm" + keras_weights("kernel", "lstm")
    return text, named, step, lambda h: h @ w["D"] + w["d"]


def keras_gru(rng, after=True):
    w, named = keras("gru", rng, W=(I, 3 * N), U=(N, 3 * N), b=(2, 3 * N) if after else 3 * N)

    def step(h, c, x):
        xz, xr, xn = np.split(x @ w["W"] + (w["b"][0] if after else w["b"]), 3, 1)
        hz, hr, hn = np.split(h @ w["U"] + (w["b"][1] if after else 0), 3, 1)
        # recurrent_activation="hard_sigmoid" of Keras 3
        z, r = (np.clip((a + 3) / 6, 0, 1) for a in (xz + hz, xr + hr))
        hn = r * hn if after else (r * h) @ w["U"][:, 2 * N :]
        return z * h + (1 - z) * np.tanh(xn + hn), c

    text = "cell: gru\ngate: hard_sigmoid\ngate_order: zrn\n"
    text += ("" if after else "reset: before\n") + keras_weights("kernel", "gru")
    return text, named, step, lambda h: h @ w["D"] + w["d"]


def keras_2_gru(rng):
    """By get_weights(), of early versions: hard_sigmoid by default, reset before the product."""
    w = drawn(rng, W=(I, 3 * N), U=(N, 3 * N), b=3 * N)

    def step(h, c, x):
        z, r = np.split(x @ w["W"][:, : 2 * N] + h @ w["U"][:, : 2 * N] + w["b"][: 2 * N], 2, 1)
        z, r = (np.clip(0.2 * a + 0.5, 0, 1) for a in (z, r))
        n = np.tanh(x @ w["W"][:, 2 * N :] + (r * h) @ w["U"][:, 2 * N :] + w["b"][2 * N :])
        return z * h + (1 - z) * n, c

    text = """
cell: gru
gate: hard_sigmoid_keras2
gate_order: zrn
reset: before
weights:
  file: weights.npz
  kernel: {tensor: W, transpose: true}
  recurrent: {tensor: U, transpose: true}
  bias: b
  W_hy: {identity: true}
data: {file: trials.npz, axes: sequences steps features}
"""
    return text, w, step, lambda h: h


def flax_lstm(rng):
    gates = "ifgo"
    named = drawn(rng, **{f"params.cell.i{g}.kernel": (I, N) for g in gates})
    named |= drawn(rng, **{f"params.cell.h{g}.kernel": (N, N) for g in gates})
    named |= drawn(rng, **{f"params.cell.h{g}.bias": N for g in gates})
    named |= drawn(rng, **{"params.Dense_0.kernel": (N, O), "params.Dense_0.bias": O})
    p = {name.removeprefix("params."): w for name, w in named.items()}

    def step(h, c, x):
        received = {
            g: x @ p[f"cell.i{g}.kernel"] + h @ p[f"cell.h{g}.kernel"] + p[f"cell.h{g}.bias"]
            for g in gates
        }
        return lstm(*received.values(), c)

    text = "cell: lstm\nweights:\n  file: weights.npz\n  prefix: params.\n"
    for g in gates:
        text += f"  W_x{g}: {{tensor: cell.i{g}.kernel, transpose: true}}\n"
        text += f"  W_h{g}: {{tensor: cell.h{g}.kernel, transpose: true}}\n"
        text += f"  b_{g}: cell.h{g}.bias\n"
    text += "  W_hy: {tensor: Dense_0.kernel, transpose: true}\n  b_y: Dense_0.bias\n"
    text += "data: {file: trials.npz, axes: sequences steps features}\n"
    return text, named, step, lambda h: h @ p["Dense_0.kernel"] + p["Dense_0.bias"]


def flax_gru(rng):
    p = drawn(rng, **{f"i{g}.kernel": (I, N) for g in "rzn"})
    p |= drawn(rng, **{f"h{g}.kernel": (N, N) for g in "rzn"})
    p |= drawn(rng, **{name: N for name in ("ir.bias", "iz.bias", "in.bias", "hn.bias")})

    def step(h, c, x):
        r = sigmoid(x @ p["ir.kernel"] + p["ir.bias"] + h @ p["hr.kernel"])
        z = sigmoid(x @ p["iz.kernel"] + p["iz.bias"] + h @ p["hz.kernel"])
        recalled = h @ p["hn.kernel"] + p["hn.bias"]
        n = np.tanh(x @ p["in.kernel"] + p["in.bias"] + r * recalled)
        return (1 - z) * n + z * h, c

    text = "cell: gru\nweights:\n  file: weights.npz\n  W_hy: {identity: true}\n"
    for g in "rzn":
        text += f"  W_x{g}: {{tensor: i{g}.kernel, transpose: true}}\n"
        text += f"  W_h{g}: {{tensor: h{g}.kernel, transpose: true}}\n"
        text += f"  b_{g}: i{g}.bias\n"
    text += "  b_hn: hn.bias\ndata: {file: trials.npz, axes: sequences steps features}\n"
    return text, p, step, lambda h: h


def flax_simple(rng):
    p = drawn(rng, **{"i.kernel": (I, N), "i.bias": N, "h.kernel": (N, N)})

    def step(h, c, x):
        return np.tanh(x @ p["i.kernel"] + p["i.bias"] + h @ p["h.kernel"]), c

    text = """
cell: tanh
weights:
  file: weights.npz
  W_xh: {tensor: i.kernel, transpose: true}
  W_hh: {tensor: h.kernel, transpose: true}
  b_h: i.bias
  W_hy: {identity: true}
data: {file: trials.npz, axes: sequences steps features}
"""
    return text, p, step, lambda h: h


def flax_nnx_gru(rng):
    p = drawn(rng, **{"rnn.cell.dense_i.kernel": (I, 3 * N), "rnn.cell.dense_i.bias": 3 * N})
    p |= drawn(rng, **{"rnn.cell.dense_h.kernel": (N, 3 * N), "out.kernel": (N, O), "out.bias": O})
    W, b, U = (p[f"rnn.cell.dense_{name}"] for name in ("i.kernel", "i.bias", "h.kernel"))

    def step(h, c, x):
        (xr, xz, xn), (hr, hz, hn) = np.split(x @ W + b, 3, 1), np.split(h @ U, 3, 1)
        z = sigmoid(xz + hz)
        return (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h, c

    text = """
cell: gru
weights:
  file: weights.npz
  kernel: {tensor: rnn.cell.dense_i.kernel, transpose: true}
  recurrent: {tensor: rnn.cell.dense_h.kernel, transpose: true}
  bias: rnn.cell.dense_i.bias
  W_hy: {tensor: out.kernel, transpose: true}
  b_y: out.bias
data: {file: trials.npz, axes: sequences steps features}
"""
    return text, p, step, lambda h: h @ p["out.kernel"] + p["out.bias"]


def haiku_lstm(rng):
    p = drawn(rng, **{"lstm/linear.w": (I + N, 4 * N), "lstm/linear.b": 4 * N})
    p |= drawn(rng, **{"linear.w": (N, O), "linear.b": O})

    def step(h, c, x):
        received = np.concatenate([x, h], 1) @ p["lstm/linear.w"] + p["lstm/linear.b"]
        i, g, f, o = np.split(received, 4, 1)
        return lstm(i, f + 1, g, o, c)

    text = f"""
cell: lstm
gate_order: igfo
forget_bias: 1
weights:
  file: weights.npz
  kernel: {{tensor: lstm/linear.w, transpose: true, columns: [0, {I}]}}
  recurrent: {{tensor: lstm/linear.w, transpose: true, columns: [{I}, {I + N}]}}
  bias: lstm/linear.b
  W_hy: {{tensor: linear.w, transpose: true}}
  b_y: linear.b
data: {{file: trials.npz, axes: steps sequences features}}
"""
    return text, p, step, lambda h: h @ p["linear.w"] + p["linear.b"]


def haiku_gru(rng):
    p = drawn(rng, **{"gru.w_i": (I, 3 * N), "gru.w_h": (N, 3 * N), "gru.b": 3 * N})

    def step(h, c, x):
        xz, xr, xa = np.split(x @ p["gru.w_i"] + p["gru.b"], 3, 1)
        w_z, w_r, w_a = np.split(p["gru.w_h"], 3, 1)
        z, r = sigmoid(xz + h @ w_z), sigmoid(xr + h @ w_r)
        return (1 - z) * h + z * np.tanh(xa + (r * h) @ w_a), c

    text = """
cell: gru
gate_order: zrn
reset: before
update_gate: renews
weights:
  file: weights.npz
  prefix: gru.
  kernel: {tensor: w_i, transpose: true}
  recurrent: {tensor: w_h, transpose: true}
  bias: b
  W_hy: {identity: true}
data: {file: trials.npz}
"""
    return text, p, step, lambda h: h


def haiku_vanilla(rng):
    to, among = "vanilla_rnn/linear", "vanilla_rnn/linear_1"
    p = drawn(rng, **{f"{to}.w": (I, N), f"{to}.b": N, f"{among}.w": (N, N), f"{among}.b": N})

    def step(h, c, x):
        return relu(x @ p[f"{to}.w"] + p[f"{to}.b"] + h @ p[f"{among}.w"] + p[f"{among}.b"]), c

    text = f"""
cell: relu
weights:
  file: weights.npz
  W_xh: {{tensor: {to}.w, transpose: true}}
  W_hh: {{tensor: {among}.w, transpose: true}}
  b_h: {{sum: [{to}.b, {among}.b]}}
  W_hy: {{identity: true}}
data: {{file: trials.npz}}
"""
    return text, p, step, lambda h: h


def equinox_gru(rng):
    p = drawn(rng, weight_ih=(3 * N, I), weight_hh=(3 * N, N), bias=3 * N, bias_n=N)

    def step(h, c, x):
        xr, xz, xn = np.split(x @ p["weight_ih"].T + p["bias"], 3, 1)
        hr, hz, hn = np.split(h @ p["weight_hh"].T, 3, 1)
        n = np.tanh(xn + sigmoid(xr + hr) * (hn + p["bias_n"]))
        return n + sigmoid(xz + hz) * (h - n), c

    text = """
cell: gru
weights:
  file: weights.npz
  kernel: weight_ih
  recurrent: weight_hh
  bias: bias
  b_hn: bias_n
  W_hy: {identity: true}
data: {file: trials.npz, axes: sequences steps features}
"""
    return text, p, step, lambda h: h


ONNX = "\ndata: {file: trials.npz, axes: steps sequences features}\n"


def onnx_lstm(rng):
    """W, R and B of the operator: one direction first, gates i o f c, two biases end to end."""
    p = drawn(rng, W=(1, 4 * N, I), R=(1, 4 * N, N), B=(1, 8 * N))

    def step(h, c, x):
        received = x @ p["W"][0].T + h @ p["R"][0].T + p["B"][0, : 4 * N] + p["B"][0, 4 * N :]
        i, o, f, g = np.split(received, 4, 1)
        return lstm(i, f, g, o, c)

    text = "cell: lstm\ngate_order: iofg\nweights:\n  file: weights.npz\n"
    text += "  kernel: W\n  recurrent: R\n  bias: B\n  W_hy: {identity: true}" + ONNX
    return text, p, step, lambda h: h


def onnx_gru(rng, linear_before_reset=0):
    p = drawn(rng, W=(1, 3 * N, I), R=(1, 3 * N, N), B=(1, 6 * N))
    Wz, Wr, Wh = np.split(p["W"][0], 3)
    Rz, Rr, Rh = np.split(p["R"][0], 3)
    Wbz, Wbr, Wbh, Rbz, Rbr, Rbh = np.split(p["B"][0], 6)

    def step(h, c, x):
        z = sigmoid(x @ Wz.T + h @ Rz.T + Wbz + Rbz)
        r = sigmoid(x @ Wr.T + h @ Rr.T + Wbr + Rbr)
        if linear_before_reset:
            n = np.tanh(x @ Wh.T + r * (h @ Rh.T + Rbh) + Wbh)
        else:
            n = np.tanh(x @ Wh.T + (r * h) @ Rh.T + Rbh + Wbh)
        return (1 - z) * n + z * h, c

    text = "cell: gru\ngate_order: zrn\n" + ("" if linear_before_reset else "reset: before\n")
    text += "weights:\n  file: weights.npz\n  kernel: W\n  recurrent: R\n  bias: B\n"
    return text + "  W_hy: {identity: true}" + ONNX, p, step, lambda h: h


def onnx_rnn(rng):
    p = drawn(rng, W=(1, N, I), R=(1, N, N), B=(1, 2 * N))

    def step(h, c, x):
        return np.tanh(x @ p["W"][0].T + h @ p["R"][0].T + p["B"][0, :N] + p["B"][0, N:]), c

    text = """
cell: tanh
weights:
  file: weights.npz
  W_xh: W
  W_hh: R
  b_h: B
  W_hy: {identity: true}
"""
    return text + ONNX, p, step, lambda h: h


MATLAB = "\ndata: {file: trials.mat, axes: features sequences steps}\n"


def matlab_lstm(rng):
    """InputWeights, RecurrentWeights and Bias of an lstmLayer, and those of a fully connected."""
    p = drawn(rng, W=(4 * N, I), R=(4 * N, N), b=(4 * N, 1), V=(O, N), v=(O, 1))

    def step(h, c, x):
        i, f, g, o = np.split(p["W"] @ x.T + p["R"] @ h.T + p["b"], 4)
        h, c = lstm(i, f, g, o, c.T)
        return h.T, c.T

    text = "cell: lstm\nweights:\n  file: weights.mat\n  kernel: W\n  recurrent: R\n  bias: b\n"
    text += "  W_hy: V\n  b_y: v"
    return text + MATLAB, p, step, lambda h: h @ p["V"].T + p["v"].T


def matlab_gru(rng, mode="after-multiplication"):
    """InputWeights, RecurrentWeights and Bias of a gruLayer in any ResetGateMode."""
    two = mode == "recurrent-bias-after-multiplication"
    p = drawn(rng, W=(3 * N, I), R=(3 * N, N), b=(6 * N if two else 3 * N, 1))
    b, b_R = np.split(p["b"], 2) if two else (p["b"], np.zeros((3 * N, 1)))
    W, R, b, b_R = (np.split(array, 3) for array in (p["W"], p["R"], b, b_R))

    def step(h, c, x):
        h, x = h.T, x.T
        r = sigmoid(W[0] @ x + R[0] @ h + b[0] + b_R[0])
        z = sigmoid(W[1] @ x + R[1] @ h + b[1] + b_R[1])
        if mode == "before-multiplication":
            n = np.tanh(W[2] @ x + R[2] @ (r * h) + b[2])
        else:
            n = np.tanh(W[2] @ x + r * (R[2] @ h + b_R[2]) + b[2])
        return ((1 - z) * n + z * h).T, c

    text = "cell: gru\n" + ("reset: before\n" if mode == "before-multiplication" else "")
    text += "weights:\n  file: weights.mat\n  kernel: W\n  recurrent: R\n  bias: b\n"
    return text + "  W_hy: {identity: true}" + MATLAB, p, step, lambda h: h


def matlab_own(rng):
    """A network that was written in MATLAB, its rates, trials and states columns of a struct."""
    p = drawn(rng, J=(N, N), B=(N, I), c=(N, 1), x0=(N, 1), W=(O, N))
    tau = np.array([[10.0], [20], [30], [40], [50]])

    def step(h, c, u):
        x = h.T if h.any() else np.tile(p["x0"], SEQUENCES)
        return (x + 5 / tau * (-x + p["J"] @ np.tanh(x) + p["B"] @ u.T + p["c"])).T, c

    text = """
cell: leaky
place: currents
readout: tanh
dt: 5
weights:
  file: weights.mat
  prefix: net.
  W_hh: J
  W_xh: B
  b_h: c
  h0: x0
  W_hy: W
  tau: tau
"""
    return text + MATLAB, {"net": p | {"tau": tau}}, step, lambda h: np.tanh(h) @ p["W"].T


def psychrnn(rng, raw=False):
    """With Dale's principle: the weights that act or, early, raw ones, and what they go through."""
    p = drawn(rng, W_in=(N, I), W_rec=(N, N), W_out=(O, N), b_rec=N, b_out=O, init_state=(1, N))
    p |= {f"{n}_connectivity": rng.integers(0, 2, p[w].shape).astype(float)
          for n, w in (("input", "W_in"), ("rec", "W_rec"), ("output", "W_out"))}  # fmt: skip
    p |= {"Dale_rec": np.diag([1.0, 1, 1, 1, -1]), "Dale_out": np.diag([1.0, 1, 1, 1, 0])}
    W_in = abs(p["W_in"]) * p["input_connectivity"]
    W_rec = abs(p["W_rec"]) * p["rec_connectivity"] @ p["Dale_rec"]
    W_out = abs(p["W_out"]) * p["output_connectivity"] @ p["Dale_out"]

    def step(h, c, x):
        h = h if h.any() else p["init_state"]
        return 0.9 * h + 0.1 * (relu(h) @ W_rec.T + x @ W_in.T + p["b_rec"]), c

    text = """
cell: leaky
place: currents
nonlinearity: relu
readout: relu
dt: 10
tau: 100
weights:
  file: weights.npz
  W_hh: {tensor: W_rec, mask: rec_connectivity, magnitude: absolute, signs: Dale_rec}
  W_xh: {tensor: W_in, mask: input_connectivity, magnitude: absolute}
  W_hy: {tensor: W_out, mask: output_connectivity, magnitude: absolute, signs: Dale_out}
  b_h: b_rec
  b_y: b_out
  h0: init_state
  ignore: [dale_ratio]
data: {file: trials.npz, axes: sequences steps features}
"""
    p["dale_ratio"] = np.array(0.8)
    if not raw:
        p |= {"W_in": W_in, "W_rec": W_rec, "W_out": W_out}
    return text, p, step, lambda h: relu(h) @ W_out.T + p["b_out"]


def nn4n(rng, new=False):
    """A state dict of version 1, or of the later one, which has a step for each unit."""
    names = {"hidden": "recurrent_layer.hidden_layer", "input": "recurrent_layer.input_layer"}
    if new:
        one = "recurrent_layers.0"
        names = {"hidden": f"{one}.leaky_layer.linear_layer", "input": f"{one}.projection_layer"}
    names["out"] = "readout_layer"
    shapes = {"hidden": (N, N), "input": (N, I), "out": (O, N)}
    p = drawn(rng, **{f"{names[k]}.weight": shape for k, shape in shapes.items()})
    p |= drawn(rng, **{f"{names[k]}.bias": shape[0] for k, shape in shapes.items()})
    a = rng.uniform(0.1, 0.5, N) if new else 0.1
    W, U, V = (p[f"{names[k]}.weight"] for k in shapes)
    b, b_in, b_out = (p[f"{names[k]}.bias"] for k in shapes)

    def step(h, c, x):
        return (1 - a) * h + a * (relu(h) @ W.T + b + x @ U.T + b_in), c

    if new:
        p[f"{one}.leaky_layer.alpha"] = a
        time = f"  a: {one}.leaky_layer.alpha\n"
    else:
        p["recurrent_layer.hidden_state"] = np.zeros(N)
        time = "  h0: recurrent_layer.hidden_state\n"
    text = "cell: leaky\nplace: currents\nnonlinearity: relu\nreadout: relu\n"
    text += ("" if new else "dt: 10\ntau: 100\n") + "weights:\n  file: weights.pt\n" + time
    text += f"  W_hh: {names['hidden']}.weight\n  W_xh: {names['input']}.weight\n"
    text += f"  b_h: {{sum: [{names['input']}.bias, {names['hidden']}.bias]}}\n"
    text += "  linear: readout_layer\n"
    axes = "sequences steps features" if new else "steps sequences features"
    text += f"data: {{file: trials.npz, axes: {axes}}}\n"
    return text, p, step, lambda h: relu(h) @ V.T + b_out


def excitatory_and_inhibitory(rng):
    """Linear layers of PyTorch in a loop; a buffer of signs, without a self-connection."""
    p = drawn(rng, **{"rnn.input2h.weight": (N, I), "rnn.input2h.bias": N})
    p |= drawn(rng, **{"rnn.h2h.weight": (N, N), "rnn.h2h.bias": N})
    p["rnn.h2h.mask"] = np.tile([1.0, 1, 1, 1, -1], (N, 1)) * (1 - np.eye(N))
    p |= drawn(rng, **{"fc.weight": (O, N), "fc.bias": O})

    def step(h, c, x):
        W = abs(p["rnn.h2h.weight"]) * p["rnn.h2h.mask"]
        received = x @ p["rnn.input2h.weight"].T + p["rnn.input2h.bias"]
        return 0.8 * h + 0.2 * relu(received + h @ W.T + p["rnn.h2h.bias"]), c

    text = """
cell: leaky
nonlinearity: relu
dt: 20
tau: 100
weights:
  file: weights.pt
  W_hh: {tensor: rnn.h2h.weight, magnitude: absolute, mask: rnn.h2h.mask}
  W_xh: rnn.input2h.weight
  b_h: {sum: [rnn.input2h.bias, rnn.h2h.bias]}
  linear: fc
data: {file: trials.npz, axes: steps sequences features}
"""
    return text, p, step, lambda h: h @ p["fc.weight"].T + p["fc.bias"]


def leak_without_a_step(rng):
    """What units receive is not multiplied by the step: states are 1/a times as large."""
    p = drawn(rng, W=(N, N), U=(N, I), b=N, V=(O, N), h0=N)

    def step(h, c, x):
        h = h if h.any() else p["h0"]
        return 0.8 * h + np.tanh(h @ p["W"].T + x @ p["U"].T + p["b"]), c

    text = """
cell: leaky
a: 0.2
weights:
  file: weights.npz
  W_hh: {tensor: W, scale: 5}
  W_xh: U
  b_h: b
  W_hy: {tensor: V, scale: 5}
  h0: {tensor: h0, scale: 0.2}
data: {file: trials.npz}
"""
    return text, p, step, lambda h: h @ p["V"].T


CONVENTIONS = {
    "Keras, SimpleRNN": keras_simple,
    "Keras, LSTM": keras_lstm,
    "Keras, GRU": keras_gru,
    "Keras, GRU with reset_after=False": lambda rng: keras_gru(rng, after=False),
    "Keras 2, GRU of early versions": keras_2_gru,
    "Flax, LSTMCell": flax_lstm,
    "Flax, GRUCell": flax_gru,
    "Flax, SimpleCell": flax_simple,
    "Flax, GRUCell of NNX": flax_nnx_gru,
    "Haiku, LSTM": haiku_lstm,
    "Haiku, GRU": haiku_gru,
    "Haiku, VanillaRNN": haiku_vanilla,
    "Equinox, GRUCell": equinox_gru,
    "ONNX, LSTM": onnx_lstm,
    "ONNX, GRU": onnx_gru,
    "ONNX, GRU with linear_before_reset": lambda rng: onnx_gru(rng, linear_before_reset=1),
    "ONNX, RNN": onnx_rnn,
    "MATLAB, lstmLayer": matlab_lstm,
    "MATLAB, gruLayer": matlab_gru,
    "MATLAB, gruLayer before": lambda rng: matlab_gru(rng, "before-multiplication"),
    "MATLAB, gruLayer of two biases": lambda rng: matlab_gru(
        rng, "recurrent-bias-after-multiplication"
    ),
    "MATLAB, one's own": matlab_own,
    "PsychRNN, with Dale's principle": psychrnn,
    "PsychRNN, with Dale's principle, raw": lambda rng: psychrnn(rng, raw=True),
    "nn4n": nn4n,
    "nn4n, the later version": lambda rng: nn4n(rng, new=True),
    "PyTorch, linear layers in a loop": excitatory_and_inhibitory,
    "PyTorch, a leak and no step": leak_without_a_step,
}


def saved(path, arrays):
    """Write arrays as the ending of the file says."""
    if path.suffix == ".pt":
        torch.save({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()}, path)
    elif path.suffix == ".mat":
        scipy.io.savemat(path, arrays)
    else:
        np.savez(path, **arrays)


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
def test_a_file_of_a_library_is_the_network_that_it_runs(tmp_path, convention):
    rng = np.random.default_rng(0)
    text, weights, step, readout = convention(rng)
    inputs, outputs = rng.standard_normal((STEPS, SEQUENCES, I)), []
    h, c = np.zeros((SEQUENCES, N)), np.zeros((SEQUENCES, N))
    for x in inputs:
        h, c = step(h, c, x)
        outputs.append(readout(h))
    weights_file, trials_file = re.findall(r"file: (\S+?\.\w+)", text)
    words = re.search(r"axes: ([a-z ]+)", text)
    words = words[1].split() if words else ["steps", "sequences", "features"]
    order = [("steps", "sequences", "features").index(word) for word in words]
    trials = {"inputs": inputs, "outputs": np.stack(outputs)}
    saved(tmp_path / weights_file, weights)
    saved(tmp_path / trials_file, {n: array.transpose(order) for n, array in trials.items()})
    (tmp_path / "network.yaml").write_text(text)
    (given,) = load(tmp_path / "network.yaml")
    assert given.differences.max() < 1e-13


def test_every_library_on_the_page_has_a_file_here_or_elsewhere():
    table = PAGE.split("## Conventions")[1].split("\n\n")[1]
    rows = re.findall(r"^\| ([^|]*?) \|", table, re.MULTILINE)[2:]
    elsewhere = {"TensorFlow 1", "low-rank networks"}  # test_description.py
    assert {*rows} == {
        name.split(",")[0].replace("Keras 2", "Keras") for name in CONVENTIONS
    } | elsewhere
