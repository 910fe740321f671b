"""The long short-term memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnschur.cells.base import Gated, Weights, driven, received
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

    def steps(self, weights: Weights, inputs, xp: ModuleType = np) -> Iterator:
        f, gate = (NONLINEARITIES[name].function for name in (self.nonlinearity, self.gate))
        hidden, memory = (self.begun(weights, inputs, name, xp) for name in ("h0", "c0"))
        inputs, kernels = driven(weights, inputs, [(f"W_x{g}", f"b_{g}") for g in "ifog"], xp)
        recurrent = [weights[f"W_h{g}"].mT for g in "ifog"]
        *gates, candidate = (
            partial(received, *pair) for pair in zip(recurrent, kernels, strict=True)
        )
        for x in inputs:
            # One gate after the other: its units stay in the cache.
            i, forget, o = (gate(total(hidden, x), xp) for total in gates)
            memory = forget * memory + i * f(candidate(hidden, x), xp)
            hidden = o * f(memory, xp)
            yield hidden
