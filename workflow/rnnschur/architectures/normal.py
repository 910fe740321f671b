"""Dense normal: a Gaussian start, independent entries."""

import torch
from torch import nn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw W_hh with independent entries of mean 0 and standard deviation 1/sqrt(N_h).

    The paper's word 'normal' is read as the distribution, not as W W^T = W^T W.
    """
    nn.init.normal_(network.W_hh, std=network.W_hh.shape[0] ** -0.5, generator=generator)
