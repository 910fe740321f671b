"""The one-layer tanh network, as a module of PyTorch."""

from importlib import import_module

import torch
from torch import nn

from rnnschur.networks import ARCHITECTURES
from rnnschur.rollout import rollout


class Network(nn.Module):
    r"""One-layer tanh network without biases (paper).

    .. math::
        h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t, \qquad h_0 = 0

    Attributes
    ----------
    W_hh : torch.Tensor, shape (width, width), float32
        Recurrent matrix: a parameter, or the value of a parametrisation.
    W_xh : torch.nn.Parameter, shape (width, inputs)
    W_hy : torch.nn.Parameter, shape (outputs, width)
    """

    def __init__(self, inputs: int, width: int, outputs: int):
        super().__init__()
        self.W_hh = nn.Parameter(torch.empty(width, width))
        self.W_xh = nn.Parameter(torch.empty(width, inputs))
        self.W_hy = nn.Parameter(torch.empty(outputs, width))

    def forward(self, inputs: torch.Tensor, onset: int = 0) -> torch.Tensor:
        """Return the outputs (T - onset, B, outputs) to inputs (T, B, inputs), step by step."""
        return rollout(self.W_xh, self.W_hh, self.W_hy, inputs, onset, xp=torch)


def build(
    architecture: str,
    inputs: int,
    width: int,
    outputs: int,
    generator: torch.Generator,
    input_scale: float = 1.0,
) -> Network:
    """Return a network of the given architecture with its initial weights.

    Input and readout weights are uniform in +-1/sqrt(width), as in PyTorch's own recurrent and
    linear layers, the input weights times `input_scale`; the recurrent matrix is the
    architecture's.

    Raises
    ------
    ValueError
        For an architecture that is not in `rnnschur.networks.ARCHITECTURES`.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}; allowed: {', '.join(ARCHITECTURES)}")
    network = Network(inputs, width, outputs)
    for weight, scale in ((network.W_xh, input_scale), (network.W_hy, 1.0)):
        bound = scale * width**-0.5
        nn.init.uniform_(weight, -bound, bound, generator=generator)
    import_module(f"rnnschur.networks.{architecture}").initialise(network, generator)
    return network
