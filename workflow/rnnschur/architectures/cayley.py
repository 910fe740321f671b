"""Cayley: orthogonal at every step of training."""

import torch
from torch import nn
from torch.nn.utils import parametrizations


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    r"""Start W_hh as in `orthogonal` and keep it orthogonal by a Cayley transform.

    .. math:: W_{hh} = W_0\,(I - A/2)^{-1}\,(I + A/2), \qquad A = -A^\top

    The entries of A below the diagonal are what is trained, from A = 0 (Lezcano-Casado 2019;
    `torch.nn.utils.parametrizations.orthogonal`). The sign of the determinant stays that of the
    initial W_0.
    """
    nn.init.orthogonal_(network.W_hh, generator=generator)
    parametrizations.orthogonal(network, "W_hh", orthogonal_map="cayley")
