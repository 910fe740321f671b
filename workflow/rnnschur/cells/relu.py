"""A rectified layer."""

from __future__ import annotations

from dataclasses import dataclass

from rnnschur.cells.base import Layer


@dataclass(frozen=True)
class Cell(Layer):
    r"""A rectified layer.

    .. math::
        h_t = \max(0, W_{hh} h_{t-1} + W_{xh} x_t + b_h), \qquad y_t = W_{hy} h_t + b_y

    W_hh has the shape (N, N), W_xh (N, inputs) and W_hy (outputs, N). Without them, :math:`b_h`,
    :math:`b_y` and :math:`h_0` are 0. Any unit may be rescaled, c > 0, with its weights, so that
    the sectors of W_hh are those of the network as it is parametrised.
    """

    nonlinearity = "relu"
