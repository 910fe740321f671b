"""Every usual mistake in a network.yaml is named, alone and beside another one."""

import math

import numpy as np
import pytest
import yaml

from rnnschur.comparison import HEAD, cause
from rnnschur.comparison import SEQUENCES as SEARCHED
from rnnschur.description import Description
from rnnschur.given import load

# As many inputs and outputs as units, so that no shape tells what is the other way round.
N, STEPS, SEQUENCES = 5, 30, 6
A = 0.2


def drawn(**shapes):
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


PLAIN = drawn(W=(N, N), U=(N, N), V=(N, N), b=N, c=N, start=N, mask=(N, N), m=(N, 2), n=(N, 2))
PLAIN["mask"] = (PLAIN["mask"] > 0).astype(float)
ENTRIES = {"W_hh": "W", "W_xh": "U", "W_hy": "V", "b_h": "b", "b_y": "c", "ignore": ["*"]}
GRU = drawn(W=(3 * N, N), U=(3 * N, N), b=3 * N, c=3 * N, both=(2, 3 * N))
LSTM = drawn(W=(4 * N, N), U=(4 * N, N), b=4 * N, both=8 * N)
ROWS = {"kernel": "U", "recurrent": "W", "bias": "b", "W_hy": {"identity": True}, "ignore": ["*"]}


def gates(letters, arrays, transpose=True):
    """Return weights by gate, kept the other way round, and entries that say so."""
    tensors, entries = {}, {"W_hy": {"identity": True}, "ignore": ["*"]}
    for side, name in (("x", "U"), ("h", "W")):
        for gate, array in zip(letters, np.split(arrays[name], len(letters)), strict=True):
            tensors[f"{side}{gate}"] = array.T
            turned = transpose or side == "x"
            entries[f"W_{side}{gate}"] = {"tensor": f"{side}{gate}", "transpose": turned}
    for gate, array in zip(letters, np.split(arrays["b"], len(letters)), strict=True):
        tensors[f"b{gate}"] = array
        entries[f"b_{gate}"] = f"b{gate}"
    return tensors, entries


def leaky(**changes):
    """Return the description of a leaky network."""
    return {"cell": "leaky", "dt": 20, "tau": 100} | changes


def weights(**changes):
    """Return the entries of a network without gates, some of them changed."""
    return {"weights": ENTRIES | changes}


def turned(name):
    return {"tensor": name, "transpose": True}


def packed(cell, **changes):
    """Return the description of a network whose gates are in rows of one array."""
    return {"cell": cell, "weights": ROWS} | changes


def by_gate(cell, letters, arrays, transpose=True):
    return {"cell": cell, "weights": gates(letters, arrays, transpose)[1]}


PLACES = ("before", "after", "currents")
SWAPPED = {"data": {"axes": "sequences steps features"}}
DALE = {"tensor": "W", "signs": 3}
GRU_GATES, LSTM_GATES = gates("rzn", GRU), gates("ifgo", LSTM)
MOVED = GRU_GATES[1] | {"b_hn": "bn", "b_n": None}
CROSSED = LSTM_GATES[1] | {
    f"{part}{one}": LSTM_GATES[1][f"{part}{two}"]
    for part in ("W_x", "W_h", "b_")
    for one, two in (("f", "o"), ("o", "f"))
}

TAU = {"cell": "leaky", "dt": 20, "weights": ENTRIES | {"tau": "tau"}}
TAUS = PLAIN | {"tau": 40 + 60 * np.random.default_rng(2).random(N)}
SIGNED = PLAIN | {"signs": np.array([1.0, -1, 1, 1, -1]), "more": np.full(N, 3.0)}
TWO = {"b_h": {"sum": ["b", "c"]}, "b_y": None}
LAYER = drawn(weight_ih=(N, N), weight_hh=(N, N), bias_ih=N, bias_hh=N, V=(N, N))
BY_LAYER = {"layer": "", "W_hy": "V", "ignore": ["*"]}

# Tensors, what is right, what is said instead, and what the message names.
CASES = [
    # Transposition
    (PLAIN, leaky(), weights(W_hh=turned("W")), "weights: W_hh: transpose: false"),
    (PLAIN, leaky() | weights(W_hh=turned("W")), weights(), "weights: W_hh: transpose: true"),
    (PLAIN, leaky(), weights(W_xh=turned("U")), "weights: W_xh: transpose: false"),
    (PLAIN, leaky(), weights(W_hy=turned("V")), "weights: W_hy: transpose: false"),
    (
        PLAIN,
        leaky() | weights(W_hh=turned("W"), W_xh=turned("U"), W_hy=turned("V")),
        weights(),
        "weights: W_hh, W_xh, W_hy: transpose: true",
    ),
    (
        LSTM_GATES[0],
        by_gate("lstm", "ifgo", LSTM),
        by_gate("lstm", "ifgo", LSTM, transpose=False),
        "weights: W_hi, W_hf, W_hg, W_ho: transpose: true",
    ),
    # Where the nonlinearity stands, and which it is
    *(
        (PLAIN, leaky(place=right), {"place": wrong}, f"place: {right}")
        for right in PLACES
        for wrong in PLACES
        if wrong != right
    ),
    *(
        (PLAIN, leaky(nonlinearity=right), {"nonlinearity": wrong}, f"nonlinearity: {right}")
        for right, wrong in (("tanh", "relu"), ("relu", "tanh"), ("sigmoid", "tanh"))
    ),
    (PLAIN, {"cell": "tanh"}, {"cell": "relu"}, "cell: tanh"),
    (PLAIN, {"cell": "relu"}, {"cell": "tanh"}, "cell: relu"),
    (
        PLAIN,
        {"cell": "leaky", "a": 1, "nonlinearity": "sigmoid"},
        {"cell": "tanh", "a": "absent", "nonlinearity": "absent"},
        "cell: leaky, a: 1, nonlinearity: sigmoid",
    ),
    (PLAIN, leaky(bias="outside"), {"bias": None}, "bias: outside"),
    (PLAIN, leaky(readout="tanh", place="currents"), {"readout": "linear"}, "readout: tanh"),
    (PLAIN, leaky(output="sigmoid"), {"output": "linear"}, "output: sigmoid"),
    # Time
    (PLAIN, leaky(early=True), {"early": False}, "early: true"),
    (PLAIN, leaky(), {"early": True}, "early: false"),
    (PLAIN, leaky(), SWAPPED, "data: axes: steps sequences features"),
    (PLAIN, leaky(), {"dt": 80}, "a: 0.2"),
    (PLAIN, leaky(), {"dt": 10}, "a: 0.2"),
    (PLAIN, leaky(), {"dt": 0.02}, "a: 0.2"),  # in seconds, tau in milliseconds
    (PLAIN, leaky(a=0.237, dt=None, tau=None), {"a": 0.2}, "a: 0.237"),
    (PLAIN, leaky(a=0.99, dt=None, tau=None), {"a": 0.02}, "a: 0.99"),
    (TAUS, TAU, {"dt": 0.02}, "dt: 20"),
    (PLAIN, leaky(a=1 - math.exp(-A), dt=None, tau=None), {"a": A}, "a: 0.181269246922"),
    (PLAIN, leaky(a=1, dt=None, tau=None), {"a": A}, "a: 1"),
    (
        PLAIN,
        leaky() | weights(W_xh={"tensor": "U", "scale": 5}),
        weights(),
        "weights: W_xh: scale: 5",
    ),
    (
        PLAIN,
        leaky(place="after")
        | weights(
            **{
                k: {"tensor": t, "scale": 5}
                for k, t in zip(("W_hh", "W_xh", "b_h"), "WUb", strict=True)
            }
        ),
        weights(),
        "weights: W_hh: scale: 5, W_xh: scale: 5, b_h: scale: 5",
    ),
    (
        PLAIN,
        leaky()
        | weights(**{k: {"tensor": t, "scale": 5} for k, t in {"W_hh": "W", "W_hy": "V"}.items()}),
        weights(),
        "weights: W_hh: scale: 5, W_hy: scale: 5",
    ),
    # Biases and initial states
    (PLAIN, leaky(), weights(b_h=None), "weights: b_h: b"),
    (PLAIN, leaky(), weights(b_y=None), "weights: b_y: c"),
    (PLAIN, leaky() | weights(h0="start"), weights(), "weights: h0: start"),
    (PLAIN, leaky(), weights(h0="start"), "weights: h0: null"),
    (PLAIN, leaky(), weights(b_h="start", h0="b"), None),
    (
        PLAIN,
        leaky() | weights(h0="start"),
        weights(b_h="start", h0="b"),
        "weights: b_h and h0 swapped",
    ),
    # What code makes of raw weights
    (
        PLAIN,
        leaky() | weights(W_hh=DALE | {"magnitude": "absolute"}),
        weights(W_hh=DALE),
        "weights: W_hh: magnitude: absolute",
    ),
    (
        PLAIN,
        leaky(place="currents", readout="tanh")
        | weights(W_hh={"factors": ["m", "n"], "scale": "1/N"}),
        weights(W_hh={"factors": ["m", "n"]}),
        "weights: W_hh: scale: 1/N",
    ),
    # Gates
    (GRU, packed("gru", gate_order="zrn"), {"gate_order": None}, "gate_order: zrn"),
    (LSTM, packed("lstm", gate_order="iofg"), {"gate_order": None}, "gate_order: iofg"),
    (GRU, packed("gru", update_gate="renews"), {"update_gate": None}, "update_gate: renews"),
    (GRU, packed("gru"), {"update_gate": "renews"}, "update_gate: keeps"),
    (GRU, packed("gru", reset="before"), {"reset": None}, "reset: before"),
    (GRU, packed("gru"), {"reset": "before"}, "reset: after"),
    (LSTM, packed("lstm", forget_bias=1), {"forget_bias": None}, "forget_bias: 1"),
    (LSTM, packed("lstm"), {"forget_bias": 1}, "forget_bias: 0"),
    (LSTM, packed("lstm", gate="hard_sigmoid"), {"gate": None}, "gate: hard_sigmoid"),
    (GRU, packed("gru"), {"weights": ROWS | {"bias": None}}, "weights: bias: b"),
    (
        LSTM,
        packed("lstm", weights=ROWS | {"bias": "both"}),
        {"weights": ROWS | {"bias": None}},
        "weights: bias: both",
    ),
    (
        GRU,
        packed("gru", weights=ROWS | {"bias": ["c", "b"]}),
        {"weights": ROWS | {"bias": None}},
        "weights: bias: [c, b]",
    ),
    (
        PLAIN,
        leaky() | weights(b_h={"sum": ["b", "start"]}),
        weights(b_h=None),
        "weights: b_h: {sum: [b, start]}",
    ),
    (
        GRU,
        packed("gru", weights=ROWS | {"bias": ["b", "c"]}),
        {"weights": ROWS | {"bias": ["c", "b"]}},
        "weights: bias: the two swapped",
    ),
    (
        GRU_GATES[0],
        {"cell": "gru", "weights": MOVED},
        {"weights": GRU_GATES[1]},
        "weights: b_hn in place of b_n",
    ),
    (
        LSTM_GATES[0],
        by_gate("lstm", "ifgo", LSTM),
        {"weights": CROSSED},
        "weights: gates f and o swapped",
    ),
    # Another convention
    (
        PLAIN,
        leaky(place="currents", nonlinearity="relu", readout="relu"),
        {"place": None, "nonlinearity": None, "readout": None},
        "place: currents, nonlinearity: relu, readout: relu",
    ),
    (
        GRU,
        packed("gru", gate_order="zrn", reset="before", update_gate="renews"),
        {"gate_order": None, "reset": None, "update_gate": None},
        "gate_order: zrn, reset: before, update_gate: renews",
    ),
    # Two at once
    (
        LSTM,
        packed("lstm", gate_order="igfo", forget_bias=1),
        {"gate_order": None, "forget_bias": None},
        "gate_order: igfo and forget_bias: 1",
    ),
    (
        GRU,
        packed("gru", gate_order="zrn", reset="before"),
        {"gate_order": None, "reset": None},
        "gate_order: zrn and reset: before",
    ),
    (
        GRU,
        packed("gru", gate_order="zrn", update_gate="renews"),
        {"gate_order": None, "update_gate": None},
        "gate_order: zrn and update_gate: renews",
    ),
    (
        PLAIN,
        leaky(place="currents", readout="tanh"),
        {"place": "before", "readout": None},
        "readout: tanh and place: currents",
    ),
    (
        PLAIN,
        leaky(place="currents", early=True),
        {"place": "after", "early": False},
        "early: true and place: currents",
    ),
    (
        PLAIN,
        leaky(place="after"),
        {"place": "before"} | weights(W_hh=turned("W")),
        "weights: W_hh: transpose: false and place: after",
    ),
    # One bias of two, and what was forgotten of Dale's principle
    (PLAIN, leaky() | weights(b_h="c", b_y=None), weights(**TWO), "weights: b_h: c"),
    (GRU, packed("gru"), {"weights": ROWS | {"bias": ["b", "c"]}}, "weights: bias: b"),
    (
        LAYER,
        {"cell": "tanh", "weights": BY_LAYER | {"b_h": "bias_hh"}},
        {"weights": BY_LAYER},
        "weights: b_h: bias_hh",
    ),
    (
        PLAIN,
        leaky() | weights(W_hh={"tensor": "W", "mask": "mask"}),
        weights(),
        "weights: W_hh: mask: mask",
    ),
    (
        SIGNED,
        leaky() | weights(W_hh={"tensor": "W", "signs": "signs", "magnitude": "absolute"}),
        weights(),
        "weights: W_hh: signs: signs, magnitude: absolute",
    ),
    (
        SIGNED,
        leaky()
        | weights(W_hh={"tensor": "W", "mask": "mask", "signs": "signs", "magnitude": "rectified"}),
        weights(),
        "weights: W_hh: mask: mask, signs: signs, magnitude: rectified",
    ),
    (PLAIN, leaky(), weights(b_h=None, b_y=None), "weights: b_h: b and weights: b_y: c"),
    (
        PLAIN,
        leaky() | weights(b_h=None, b_y=None),
        weights(),
        "weights: b_h: null and weights: b_y: null",
    ),
    (PLAIN, leaky(), {"dt": 80, "nonlinearity": "relu"}, "nonlinearity: tanh and a: 0.2"),
    # Of several that fit alike, the one that says least
    (
        SIGNED | {"W": np.abs(PLAIN["W"]), "mask": np.ones((N, N))},
        leaky() | weights(W_hh={"tensor": "W", "signs": "signs"}),
        weights(),
        "weights: W_hh: signs: signs",
    ),
]


def described(folder, keys):
    """Write a description, without the keys that are absent, and return its path."""
    keys = {"weights": ENTRIES, "data": {}} | {k: v for k, v in keys.items() if v != "absent"}
    for part, file in (("weights", "w.npz"), ("data", "d.npz")):
        keys[part] = {"file": file, **keys[part]}
    (folder / "network.yaml").write_text(yaml.safe_dump(keys, sort_keys=False))
    return folder / "network.yaml"


@pytest.mark.parametrize(
    ("tensors", "right", "wrong", "named"), CASES, ids=[f"{c[3]}" for c in CASES]
)
def test_a_mistake_is_named(tmp_path, tensors, right, wrong, named):
    np.savez(tmp_path / "w.npz", **tensors)
    inputs = np.random.default_rng(1).standard_normal((STEPS, SEQUENCES, N))
    np.savez(tmp_path / "d.npz", inputs=inputs)
    (given,) = load(described(tmp_path, right))
    np.savez(tmp_path / "d.npz", inputs=inputs, outputs=given.network.outputs(given.batch))
    assert load(tmp_path / "network.yaml")[0].differences.max() < 1e-12
    with pytest.raises(ValueError, match="differ from the reference") as refusal:
        load(described(tmp_path, right | wrong))
    message = str(refusal.value)
    if named is None:
        assert "no usual mistake makes it fit" in message
    else:
        assert message.endswith(f"network.yaml fits with {named}")


def test_of_several_that_pass_the_best_is_named(tmp_path):
    np.savez(tmp_path / "w.npz", **PLAIN)
    inputs = np.random.default_rng(1).standard_normal((STEPS, SEQUENCES, N))
    np.savez(tmp_path / "d.npz", inputs=inputs)
    (given,) = load(described(tmp_path, leaky()))
    np.savez(tmp_path / "d.npz", inputs=inputs, outputs=given.network.outputs(given.batch))
    wrong = Description.read(described(tmp_path, leaky() | weights(h0="start")))
    assert cause(wrong, tolerance=1e3) == "weights: h0: null"


def test_what_passes_may_differ_in_the_first_steps_alone(tmp_path):
    np.savez(tmp_path / "w.npz", **PLAIN)
    inputs = np.random.default_rng(1).standard_normal((STEPS, SEQUENCES, N))
    np.savez(tmp_path / "d.npz", inputs=inputs)
    (given,) = load(described(tmp_path, leaky()))
    outputs = given.network.outputs(given.batch)
    error = 0.9e-5 * outputs[:, :SEARCHED].std((0, 1)) * np.sqrt(STEPS / HEAD)
    np.savez(
        tmp_path / "d.npz",
        inputs=inputs,
        outputs=outputs + error * (np.arange(STEPS) < HEAD)[:, None, None],
    )
    assert load(described(tmp_path, leaky()))[0].differences.max() == pytest.approx(9e-6, rel=0.2)
    with pytest.raises(ValueError, match="fits with place: before"):
        load(described(tmp_path, leaky(place="after")))
