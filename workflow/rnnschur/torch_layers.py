"""PyTorch's recurrent layers and cells: which cell of ours each is, and its weights by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnschur.arrays import real_array
from rnnschur.cells import make

#: PyTorch's layers, single cells included, and what they are here.
LAYERS = {"RNN": None, "GRU": "gru", "LSTM": "lstm"}

#: Where wrappers keep what they wrap: data parallel and compiled modules.
WRAPPED = ("module", "_orig_mod")


def described(layer: Any, readout: Any = None) -> tuple[str, dict[str, np.ndarray]]:
    """Return the name of a layer's cell, and the weights of the network.

    Weights are those that act: of a parametrised layer, what the parametrisation gives.

    Parameters
    ----------
    layer : torch.nn.Module
        An RNN, GRU or LSTM, or one of their cells, wrapped or not.
    readout : torch.nn.Linear, optional
        Without it the states themselves are the outputs.

    Returns
    -------
    cell : str
    weights : dict of str to numpy.ndarray
        As `rnnschur.Network` takes them.

    Raises
    ------
    ValueError
        If the layer is none of these, has several layers or directions or projects its states, or
        if the readout is no linear layer of as many features; the message says what was found and
        what is allowed.
    """
    from torch import nn  # only here: whoever has a layer has PyTorch

    kinds = {k: (getattr(nn, k), getattr(nn, f"{k}Cell")) for k in LAYERS}
    layer, readout = _unwrapped(layer, sum(kinds.values(), ())), _unwrapped(readout, nn.Linear)
    kind = next((name for name, known in kinds.items() if isinstance(layer, known)), None)
    if kind is None:
        raise ValueError(
            f"layer is {type(layer).__name__}; allowed: nn.RNN, nn.GRU, nn.LSTM and their cells"
        )
    _check_layer(layer)
    if readout is not None and not isinstance(readout, nn.Linear):
        raise ValueError(f"readout is {type(readout).__name__}; allowed: nn.Linear, None")
    if readout is not None and readout.in_features != layer.hidden_size:
        raise ValueError(
            f"readout has {readout.in_features} inputs; allowed: {layer.hidden_size}, the units of "
            "the layer"
        )
    end = "" if hasattr(layer, "weight_hh") else "_l0"
    kernel, recurrent = (_array(layer, f"weight_{name}{end}") for name in ("ih", "hh"))
    biases = [_array(layer, f"bias_{name}{end}") for name in ("ih", "hh") if layer.bias]
    cell = LAYERS[kind] or layer.nonlinearity
    if kind == "RNN":
        weights = {"W_hh": recurrent, "W_xh": kernel} | ({"b_h": sum(biases)} if biases else {})
    else:
        weights = make(cell).unpacked(kernel, recurrent, biases)
    if readout is None:
        return cell, {**weights, "W_hy": np.eye(layer.hidden_size, dtype=recurrent.dtype)}
    weights["W_hy"] = _array(readout, "weight")
    if readout.bias is not None:
        weights["b_y"] = _array(readout, "bias")
    return cell, weights


def _unwrapped(module: Any, known: type | tuple[type, ...]) -> Any:
    """Return a module without the wrappers around it, down to one of the known ones."""
    while not isinstance(module, known):
        inner = next((name for name in WRAPPED if hasattr(module, name)), None)
        if inner is None:
            return module
        module = getattr(module, inner)
    return module


def _array(module: Any, name: str) -> np.ndarray:
    """Return a copy of a parameter, which goes on changing while the module trains."""
    return real_array(getattr(module, name), name).copy()


def _check_layer(layer: Any) -> None:
    """Raise ValueError unless a layer is one layer of one direction; a cell always is."""
    if getattr(layer, "num_layers", 1) != 1:
        raise ValueError(f"layer has {layer.num_layers} layers; allowed: 1")
    if getattr(layer, "bidirectional", False):
        raise ValueError("layer is bidirectional, of two directions; allowed: one")
    if getattr(layer, "proj_size", 0):
        raise ValueError(
            f"layer projects its states, proj_size is {layer.proj_size}; allowed: 0, no projection"
        )
