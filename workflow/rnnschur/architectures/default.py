"""Dense default: the initialisation of PyTorch's own recurrent layers."""

import torch
from torch import nn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw W_hh uniform in +-1/sqrt(N_h)."""
    bound = network.W_hh.shape[0] ** -0.5
    nn.init.uniform_(network.W_hh, -bound, bound, generator=generator)
