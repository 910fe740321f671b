"""A linear layer."""

from __future__ import annotations

from dataclasses import dataclass

from rnnschur.cells.base import Layer


@dataclass(frozen=True)
class Cell(Layer):
    r"""A linear layer.

    .. math::
        h_t = W_{hh} h_{t-1} + W_{xh} x_t + b_h, \qquad y_t = W_{hy} h_t + b_y

    W_hh has the shape (N, N), W_xh (N, inputs) and W_hy (outputs, N). Without them, :math:`b_h`,
    :math:`b_y` and :math:`h_0` are 0. Any basis of the states will do, so that the eigenvalues of
    W_hh mean something and its couplings do not.
    """

    nonlinearity = "linear"
