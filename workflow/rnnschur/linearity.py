"""How far a network is from linear on the states that it visits."""

from __future__ import annotations

import numpy as np

from rnnschur.batch import Batch
from rnnschur.cells import make
from rnnschur.cells.base import Layer
from rnnschur.network import Network
from rnnschur.nonlinearities import NONLINEARITIES


def nonlinearity(received, given) -> float:
    r"""Share of what a nonlinearity gives that no multiple of what it receives explains.

    .. math:: \min_s \frac{\mathrm{E}\|f(z) - s z\|^2}{\mathrm{E}\|f(z)\|^2}
              = 1 - \frac{(\mathrm{E}\, f(z) \cdot z)^2}{\mathrm{E}\|f(z)\|^2\, \mathrm{E}\|z\|^2}

    One slope s serves all units: only a layer that multiplies all of them alike looks the same in
    every orthonormal basis. 0 says that the layer is linear on what it receives; 1/2 is half-wave
    rectification of what has as much energy below 0 as above.

    Parameters
    ----------
    received, given : array_like of one shape
        z and f(z), over steps, sequences and units.

    Returns
    -------
    float
        From 0 to 1; NaN where f(z) is 0 everywhere.

    Examples
    --------
    >>> nonlinearity([-1.0, 1.0], [0.0, 1.0])
    0.5
    """
    z, f = (np.ravel(np.asarray(array, np.float64)) for array in (received, given))
    energy = f @ f
    if energy == 0:
        return float("nan")
    rest = f - (f @ z) / (z @ z or 1.0) * z
    return float(rest @ rest / energy)


def activation(network: Network, batch: Batch) -> tuple[np.ndarray, np.ndarray] | None:
    r"""Return what the nonlinearity of a layer receives and what it gives, at every step.

    It receives :math:`z_t = W_{hh} h_{t-1} + W_{xh} x_t + b_h`; in a leaky layer whose
    nonlinearity stands after the leak, or acts on currents, what that is there
    (`rnnschur.cells.leaky`).

    Parameters
    ----------
    network : Network
        Computed in double precision.
    batch : Batch

    Returns
    -------
    z, f(z) : numpy.ndarray, shape (T, B, N)
        None of a cell with gates, which multiply: no one function acts on its units.
    """
    cell = network.cell
    if not isinstance(cell, Layer):
        return None
    weights = {n: np.asarray(w, np.float64) for n, w in (network.weights | batch.starts).items()}
    inputs = np.asarray(batch.inputs, np.float64)
    states = cell.states(weights, inputs)
    start = np.broadcast_to(cell.start(weights), states[:1].shape)
    before = np.concatenate([start, states[:-1]])
    place = getattr(cell, "place", None)
    bias = "b_h" in weights and getattr(cell, "bias", None) != "outside"
    if place == "currents":
        inside = bias and cell.bias == "inside"
        z = before + weights["b_h"] if inside else before
    else:
        # One step of a linear layer from every state that the network was in.
        kept = ("W_hh", "W_xh", "W_hy", *(["b_h"] if bias else []))
        flat = {name: weights[name] for name in kept} | {"h0": before.reshape(-1, before.shape[-1])}
        step = make("linear").states(flat, inputs.reshape(1, -1, inputs.shape[-1]))
        z = step.reshape(states.shape)
        if place == "after":
            a = weights.get("a", cell.a)
            z = (1 - a) * before + a * z
    return z, NONLINEARITIES[cell.nonlinearity](z)
