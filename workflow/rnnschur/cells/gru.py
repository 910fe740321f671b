"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnschur.cells.base import Gated, Weights, driven, received
from rnnschur.nonlinearities import NONLINEARITIES
from rnnschur.options import option

RESETS = ("after", "before")


@dataclass(frozen=True)
class Cell(Gated):
    r"""A gated recurrent unit (Cho et al. 2014), by default as in PyTorch.

    .. math::
        r_t &= \sigma(W_{xr} x_t + W_{hr} h_{t-1} + b_r) \\
        z_t &= \sigma(W_{xz} x_t + W_{hz} h_{t-1} + b_z) \\
        n_t &= \tanh(W_{xn} x_t + b_n + r_t \circ (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) \circ n_t + z_t \circ h_{t-1}, \qquad y_t = W_{hy} h_t + b_y

    With the reset before the product, :math:`n_t = \tanh(W_{xn} x_t + b_n + W_{hn} (r_t \circ
    h_{t-1}) + b_{hn})`. An update gate that works the other way round, :math:`z_t` with
    :math:`n_t`, is this cell with W_xz, W_hz and b_z negated, since
    :math:`1 - \sigma(x) = \sigma(-x)`; the couplings of W_hz stay the same.

    W_hr, W_hz and W_hn have the shape (N, N), W_xr, W_xz and W_xn (N, inputs). Optional weights
    are the biases b_r, b_z, b_n and b_hn (N,), h0 (N,) and b_y (outputs,).

    Parameters
    ----------
    reset : {"after", "before"}
        The product of W_hn and the state.

    Examples
    --------
    The weights of a layer of another library, by gate; here of one unit and one input:

    >>> Cell.unpacked([[1], [2], [3]], [[4], [5], [6]], order="zrn")["W_hr"]
    array([[5.]])
    """

    reset: str = option(", ".join(RESETS), lambda v: v in RESETS, "after")

    order = "rzn"
    axes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "W_hn": ("unit", "unit"),
        "W_hr": ("gate", "unit"),
        "W_hz": ("gate", "unit"),
        "W_xn": ("unit", "input"),
        "W_xr": ("gate", "input"),
        "W_xz": ("gate", "input"),
        "W_hy": ("output", "unit"),
    }
    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "b_n": ("unit",),
        "b_r": ("gate",),
        "b_z": ("gate",),
        "b_hn": ("unit",),
        "h0": ("unit",),
        "b_y": ("output",),
    }
    recurrent = ("W_hn", "W_hr", "W_hz")

    @staticmethod
    def _apart(*biases) -> dict:
        """Return the candidate's two biases: the reset acts on the one of the states only."""
        return {"b_n": biases[0]["n"], "b_hn": biases[1]["n"]} if len(biases) == 2 else {}

    def steps(self, weights: Weights, inputs, xp: ModuleType = np) -> Iterator:
        f, gate = (NONLINEARITIES[name].function for name in (self.nonlinearity, self.gate))
        hidden, b_hn = self.begun(weights, inputs, "h0", xp), weights.get("b_hn")
        inputs, kernels = driven(weights, inputs, [(f"W_x{g}", f"b_{g}") for g in "rzn"], xp)
        *recurrent, candidate = (weights[f"W_h{g}"].mT for g in "rzn")
        gates = [partial(received, *pair) for pair in zip(recurrent, kernels, strict=False)]
        for x in inputs:
            # One gate after the other: its units stay in the cache.
            r, z = (gate(total(hidden, x), xp) for total in gates)
            recalled = (hidden if self.reset == "after" else r * hidden) @ candidate
            if b_hn is not None:
                recalled += b_hn
            n = f((r * recalled if self.reset == "after" else recalled) + x @ kernels[2], xp)
            hidden = n + z * (hidden - n)
            yield hidden
