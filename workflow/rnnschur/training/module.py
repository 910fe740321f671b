"""The network in training: its weights as parameters of PyTorch, and how they start."""

import torch
from torch import nn

from rnnschur import architectures, cells
from rnnschur.architectures import Architecture


class Module(nn.Module):
    """A cell whose weights are parameters under their own names, float32.

    Attributes
    ----------
    W_hh : torch.Tensor, shape (width, width)
        Recurrent matrix: a parameter, or the value of a parametrisation. Other weights are there
        under the names of the cell.
    """

    def __init__(self, cell: cells.CellBase, inputs: int, width: int, outputs: int):
        super().__init__()
        self.cell = cell
        for name, shape in cell.shapes(inputs, width, outputs).items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the weights by name, the value where one is parametrised."""
        return {name: getattr(self, name) for name in self.cell.axes}

    def parts(self) -> dict[str, torch.Tensor]:
        """Return the parts of parametrised weights, such as ``W_hh.T``, where these have names."""
        found = {}
        for weight, chain in getattr(self, "parametrizations", {}).items():
            parts = getattr(chain[0], "parts", None)
            if parts is not None:
                trained = [getattr(chain, f"original{i}") for i in range(chain.ntensors)]
                found |= {f"{weight}.{name}": part for name, part in parts(*trained).items()}
        return found

    def forward(self, inputs: torch.Tensor, onset: int = 0) -> torch.Tensor:
        """Return the outputs (T - onset, B, outputs) to inputs (T, B, inputs), step by step."""
        return self.cell.outputs(self.weights(), inputs, onset, xp=torch)


def build(
    architecture: Architecture,
    sizes: tuple[int, int, int],
    generator: torch.Generator,
    input_scale: float = 1.0,
    frozen_readout: float | None = None,
) -> Module:
    """Return a network of the given architecture with its initial weights.

    All but recurrent weights are uniform in +-1/sqrt(width), as in PyTorch's own recurrent and
    linear layers, the input weights times `input_scale`; the recurrent matrix is the
    architecture's.

    A frozen readout sets how large the states have to be: no output exceeds the sum of its absolute
    weights times the largest state.

    Parameters
    ----------
    sizes : tuple of int
        Inputs, width and outputs.
    frozen_readout : float, optional
        Readout weights are the usual ones times this, and need no gradient: they stay as they are.

    Raises
    ------
    ValueError
        For a cell or start that there is not.
    """
    network = Module(cells.trained(architecture.cell), *sizes)
    for name, axes in network.cell.axes.items():
        if name not in network.cell.recurrent:
            weight, bound = getattr(network, name), sizes[1] ** -0.5
            if "input" in axes:
                bound = input_scale * bound
            if "output" in axes and frozen_readout is not None:
                bound = frozen_readout * bound
                weight.requires_grad_(False)
            nn.init.uniform_(weight, -bound, bound, generator=generator)
    architectures.start(architecture.start)(network, generator)
    return network
