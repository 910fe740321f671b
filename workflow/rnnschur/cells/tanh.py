"""The cell of the paper: one tanh layer without biases."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from rnnschur.cells.base import CellBase, Weights


@dataclass(frozen=True)
class Cell(CellBase):
    r"""A tanh layer (paper).

    .. math::
        h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t, \qquad h_0 = 0

    W_hh has the shape (N, N), W_xh (N, inputs) and W_hy (outputs, N).
    """

    odd = True

    def states(self, weights: Weights, inputs, xp: ModuleType = np):
        recurrent, driven = weights["W_hh"].mT, inputs @ weights["W_xh"].mT
        hidden = xp.tanh(driven[0] + xp.zeros_like(recurrent[..., :1, :]))
        states = [hidden]
        for drive in driven[1:]:
            hidden = xp.tanh(hidden @ recurrent + drive)
            states.append(hidden)
        return xp.stack(states, -3)

    @staticmethod
    def compiled(weights: Weights, inputs: np.ndarray, onset: int = 0) -> np.ndarray:
        """Return the outputs from step `onset` on, by the kernel (`rnnschur.kernels.rollout`)."""
        from rnnschur import kernels  # only here: the reference must not need the compiler

        return kernels.rollout(**weights, x=inputs, onset=onset)
