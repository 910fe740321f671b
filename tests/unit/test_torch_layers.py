"""PyTorch's layers as networks: states against PyTorch's own, and what is refused."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from rnnschur import Batch, Network, check, diagnose

UNITS, INPUTS, OUTPUTS, STEPS, SEQUENCES = 12, 3, 2, 100, 5
KINDS = {
    "tanh": lambda cell, **how: getattr(nn, f"RNN{cell}")(INPUTS, UNITS, **how),
    "relu": lambda cell, **how: getattr(nn, f"RNN{cell}")(
        INPUTS, UNITS, nonlinearity="relu", **how
    ),
    "gru": lambda cell, **how: getattr(nn, f"GRU{cell}")(INPUTS, UNITS, **how),
    "lstm": lambda cell, **how: getattr(nn, f"LSTM{cell}")(INPUTS, UNITS, **how),
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def run(layer, inputs):
    """Return the states of all steps, by PyTorch."""
    with torch.no_grad():
        if isinstance(layer, nn.RNNBase):
            order = (1, 0, 2) if layer.batch_first else (0, 1, 2)
            return layer(inputs.permute(order))[0].permute(order)
        state, states = None, []
        for x in inputs:
            state = layer(x, state)
            states.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(states)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("cell", ["", "Cell"])
@pytest.mark.parametrize("bias", [True, False])
def test_states_and_outputs_are_those_of_pytorch(name, cell, bias):
    layer = KINDS[name](cell, bias=bias).double()
    readout = nn.Linear(UNITS, OUTPUTS, bias=bias).double()
    inputs = torch.randn(STEPS, SEQUENCES, INPUTS, dtype=torch.float64)
    states = run(layer, inputs)
    network = Network.from_torch(layer, readout)
    assert network.dtype == np.float64 and ("b_y" in network.weights) == bias
    found = network.cell.states(network.weights, inputs.numpy())
    assert np.abs(found - states.numpy()).max() <= 1e-12 * np.abs(states.numpy()).max()
    expected = readout(states).detach().numpy()
    outputs = network.outputs(Batch(inputs))
    assert np.abs(outputs - expected).max() <= 1e-12 * np.abs(expected).max()
    bare = Network.from_torch(layer)
    np.testing.assert_array_equal(bare.outputs(Batch(inputs)), found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_precision_is_that_of_the_layer(dtype):
    network = Network.from_torch(nn.GRU(INPUTS, UNITS).to(dtype), nn.Linear(UNITS, 2).to(dtype))
    assert network.dtype == (np.float64 if dtype == torch.float64 else np.float32)


def test_batch_first_changes_nothing_but_how_pytorch_is_called():
    layer = nn.GRU(INPUTS, UNITS, batch_first=True).double()
    inputs = torch.randn(STEPS, SEQUENCES, INPUTS, dtype=torch.float64)
    states = run(layer, inputs).numpy()
    network = Network.from_torch(layer)
    np.testing.assert_allclose(network.outputs(Batch(inputs)), states, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("one", [True, False])
def test_initial_states_and_memories_are_those_of_pytorch(name, one):
    layer, readout = KINDS[name]("").double(), nn.Linear(UNITS, OUTPUTS).double()
    inputs = torch.randn(STEPS, SEQUENCES, INPUTS, dtype=torch.float64)
    starts = torch.randn(2, 1, 1 if one else SEQUENCES, UNITS, dtype=torch.float64)
    starts = starts.expand(2, 1, SEQUENCES, UNITS).contiguous()
    with torch.no_grad():
        expected = readout(layer(inputs, tuple(starts) if name == "lstm" else starts[0])[0])
    names = ("h0", "c0") if name == "lstm" else ("h0",)
    given = {n: s[0, 0] if one else s[0] for n, s in zip(names, starts, strict=False)}
    network = Network.from_torch(layer, readout)
    found = network.outputs(Batch(inputs, **given))
    assert np.abs(found - expected.numpy()).max() <= 1e-12 * np.abs(expected.numpy()).max()
    for missing in names:  # each matters
        rest = {n: s for n, s in given.items() if n != missing}
        assert np.abs(network.outputs(Batch(inputs, **rest)) - found).max() > 1e-3


class Compiled(nn.Module):
    """What torch.compile makes of a module, as far as its parts go; it takes ten seconds itself."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module


@pytest.mark.parametrize("name", KINDS)
def test_wrappers_are_looked_through(name):
    layer, readout = KINDS[name](""), nn.Linear(UNITS, OUTPUTS)
    plain = Network.from_torch(layer, readout)
    layer, readout = (nn.DataParallel(Compiled(nn.DataParallel(m))) for m in (layer, readout))
    network = Network.from_torch(layer, readout)
    assert network.cell == plain.cell
    for weight, array in plain.weights.items():
        np.testing.assert_array_equal(network.weights[weight], array)


def test_parametrised_weights_are_those_that_act():
    layer = nn.utils.parametrizations.orthogonal(nn.RNN(INPUTS, UNITS), "weight_hh_l0")
    W = Network.from_torch(layer).weights["W_hh"]
    np.testing.assert_allclose(W @ W.T, np.eye(UNITS), atol=1e-5)


def test_weights_do_not_change_with_the_layer():
    layer = nn.RNN(INPUTS, UNITS)
    network = Network.from_torch(layer)
    before = copy.deepcopy(dict(network.weights))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(1)
    for name, weight in before.items():
        np.testing.assert_array_equal(network.weights[name], weight)


def test_options_are_those_of_the_cell():
    network = Network.from_torch(nn.RNN(INPUTS, UNITS), nn.Linear(UNITS, 2), output="sigmoid")
    outputs = network.outputs(Batch(torch.randn(9, 4, INPUTS)))
    assert network.cell.output == "sigmoid" and outputs.min() > 0 and outputs.max() < 1
    with pytest.raises(ValueError, match=r"^outptu is unknown; allowed: "):
        Network.from_torch(nn.RNN(INPUTS, UNITS), outptu="sigmoid")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: (nn.GRU(3, 4, num_layers=2),), "layer has 2 layers; allowed: 1"),
        (lambda: (nn.RNN(3, 4, bidirectional=True),), "layer is bidirectional, of two directions"),
        (lambda: (nn.LSTM(3, 4, proj_size=2),), "layer projects its states, proj_size is 2"),
        (lambda: (nn.Linear(3, 4),), "layer is Linear; allowed: nn.RNN, nn.GRU, nn.LSTM and"),
        (lambda: (nn.Sequential(nn.RNN(3, 4)),), "layer is Sequential; allowed: nn.RNN"),
        (lambda: ({"weight_hh_l0": 1},), "layer is dict; allowed: nn.RNN"),
        (lambda: (nn.RNN(3, 4), nn.Sequential()), "readout is Sequential; allowed: nn.Linear"),
        (lambda: (nn.RNN(3, 4), nn.Linear(5, 2)), "readout has 5 inputs; allowed: 4, the units"),
        (lambda: (nn.RNN(3, 4, dtype=torch.complex64),), "weight_ih_l0 is complex"),
    ],
)
def test_what_is_refused_is_named_in_a_line(make, words):
    with pytest.raises(ValueError, match=f"^{words}") as refusal:
        Network.from_torch(*make())
    assert "\n" not in str(refusal.value)


def test_a_weight_that_is_not_finite_is_named():
    layer = nn.GRU(3, 4)
    with torch.no_grad():
        layer.weight_hh_l0[9, 0] = torch.nan
    with pytest.raises(ValueError, match=r"^W_hn has entries that are not finite$"):
        Network.from_torch(layer)


@pytest.mark.parametrize("name", KINDS)
def test_three_lines_to_a_table(name):
    network = Network.from_torch(KINDS[name](""), nn.Linear(UNITS, OUTPUTS))
    batch = Batch(torch.randn(20, 30, INPUTS), torch.randn(20, 30, OUTPUTS))
    table = diagnose(network, batch)
    assert (table["removed"] == "none").sum() == {"gru": 4, "lstm": 5}.get(name, 1)


def checkable(batch_first, steps=6):
    layer, readout = KINDS["gru"]("", batch_first=batch_first), nn.Linear(UNITS, OUTPUTS)
    inputs = torch.randn(steps, 6, INPUTS)
    with torch.no_grad():
        return Network.from_torch(layer, readout), inputs, readout(layer(inputs)[0])


def test_a_check_against_pytorchs_own_outputs_is_in_every_table():
    network, inputs, outputs = checkable(batch_first=False)
    assert "checked" not in diagnose(network, Batch(inputs))
    for part in (outputs, outputs[-1:], outputs[:, :2]):
        table = diagnose(check(network, Batch(inputs, onset=2), part), Batch(inputs))
        words = r"within \d\.\de-0\d standard deviations of its authors' code, allowed 0.001"
        assert table["checked"].str.fullmatch(words).all()
    given = check(network, Batch(inputs), outputs)
    np.testing.assert_array_equal(given.outputs(Batch(inputs)), network.outputs(Batch(inputs)))


def test_batches_first_are_found_by_a_check():
    network, inputs, outputs = checkable(batch_first=True)
    for given, answer, what in (
        (inputs, outputs, "inputs and outputs"),
        (inputs, outputs.transpose(0, 1), "inputs"),
        (inputs.transpose(0, 1), outputs, "outputs"),
    ):
        words = f"it fits with the first two axes of {what} swapped: steps come first"
        with pytest.raises(ValueError, match=words):
            check(network, Batch(given), answer)
    check(network, Batch(inputs.transpose(0, 1)), outputs.transpose(0, 1))


def test_what_a_check_refuses_begins_somewhere():
    network, inputs, outputs = checkable(batch_first=False)
    outputs[3:, 4] += 1
    words = r"from step 3 on, in 1 of 6 sequences; allowed: 0\.001; it does not fit with steps and "
    with pytest.raises(ValueError, match=words):
        check(network, Batch(inputs), outputs)
    with pytest.raises(ValueError, match=r"from step 5 on, in 1 of 6 sequences"):
        check(network, Batch(inputs), outputs[-1:])
    with pytest.raises(
        ValueError, match=r"^outputs have shape \(6, 6, 1\); allowed: up to 6 steps"
    ):
        check(network, Batch(inputs), outputs[..., :1])
    with pytest.raises(ValueError, match=r"^outputs have shape \(6, 0, 2\); allowed: no axis"):
        check(network, Batch(inputs), outputs[:, :0])
    with pytest.raises(ValueError, match="outputs have a NaN or infinite entry"):
        check(network, Batch(inputs), outputs * np.nan)
