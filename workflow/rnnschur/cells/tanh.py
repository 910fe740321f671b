"""The cell of the paper, one tanh layer, with biases where a network has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnschur.cells.base import Layer, Weights


@dataclass(frozen=True)
class Cell(Layer):
    r"""A tanh layer; the paper's has no biases.

    .. math::
        h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t + b_h), \qquad y_t = W_{hy} h_t + b_y

    W_hh has the shape (N, N), W_xh (N, inputs) and W_hy (outputs, N). Without them, :math:`b_h`,
    :math:`b_y` and :math:`h_0` are 0.
    """

    nonlinearity = "tanh"

    @staticmethod
    def compiled(weights: Weights, inputs: np.ndarray, onset: int = 0) -> np.ndarray:
        """Return the outputs from step `onset` on, by the kernel (`rnnschur.kernels.rollout`)."""
        from rnnschur import kernels  # only here: the reference must not need the compiler

        return kernels.rollout(**weights, x=inputs, onset=onset)
