"""The long short-term memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnschur.cells.base import Gated, Weights, collected, driven, joined
from rnnschur.nonlinearities import NONLINEARITIES


@dataclass(frozen=True)
class Cell(Gated):
    r"""A long short-term memory with a forget gate (Gers et al. 2000), as in PyTorch.

    .. math::
        i_t, f_t, o_t &= \sigma(W_{x\cdot} x_t + W_{h\cdot} h_{t-1} + b_\cdot) \\
        g_t &= \tanh(W_{xg} x_t + W_{hg} h_{t-1} + b_g) \\
        c_t &= f_t \circ c_{t-1} + i_t \circ g_t \\
        h_t &= o_t \circ \tanh(c_t), \qquad y_t = W_{hy} h_t + b_y

    W_hi, W_hf, W_hg and W_ho have the shape (N, N), W_xi, W_xf, W_xg and W_xo (N, inputs).
    Optional weights are the biases b_i, b_f, b_g and b_o (N,), h0 and c0 (N,), and b_y (outputs,).
    A forget bias that a library adds in code belongs to b_f. The states are h.
    """

    order = "ifgo"
    axes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "W_hg": ("unit", "unit"),
        "W_hi": ("gate", "unit"),
        "W_hf": ("gate", "unit"),
        "W_ho": ("gate", "unit"),
        "W_xg": ("unit", "input"),
        "W_xi": ("gate", "input"),
        "W_xf": ("gate", "input"),
        "W_xo": ("gate", "input"),
        "W_hy": ("output", "unit"),
    }
    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "b_g": ("unit",),
        "b_i": ("gate",),
        "b_f": ("gate",),
        "b_o": ("gate",),
        "h0": ("unit",),
        "c0": ("unit",),
        "b_y": ("output",),
    }
    recurrent = ("W_hg", "W_hi", "W_hf", "W_ho")

    def states(self, weights: Weights, inputs, xp: ModuleType = np):
        return collected(self._steps(weights, inputs, xp), len(inputs), xp)

    def _steps(self, weights: Weights, inputs, xp: ModuleType) -> Iterator:
        f, gate = (NONLINEARITIES[name].function for name in (self.nonlinearity, self.gate))
        size = weights["W_hg"].shape[-1]
        inputs, kernel = driven(weights, inputs, [(f"W_x{g}", f"b_{g}") for g in "ifog"], xp)
        recurrent = joined([weights[f"W_h{g}"] for g in "ifog"], xp).mT
        hidden, memory = (self.start(weights, name, xp) for name in ("h0", "c0"))
        for x in inputs:
            product = hidden @ recurrent + x @ kernel
            gates = gate(product[..., : 3 * size], xp)
            i, forget, o = (gates[..., k * size : (k + 1) * size] for k in range(3))
            memory = forget * memory + i * f(product[..., 3 * size :], xp)
            hidden = o * f(memory, xp)
            yield hidden
