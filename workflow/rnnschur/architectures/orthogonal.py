"""Dense orthogonal: starts orthogonal and is then free to leave."""

import torch
from torch import nn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw W_hh uniform over the orthogonal matrices (Saxe et al. 2014)."""
    nn.init.orthogonal_(network.W_hh, generator=generator)
