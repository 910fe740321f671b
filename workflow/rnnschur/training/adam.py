"""Adam on the parameters of a network, moved into one vector."""

import math

import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def flatten(network: torch.nn.Module) -> torch.nn.Parameter:
    """Move the parameters of a network, and their gradients, into one vector, and return it.

    The network's own tensors become views, so that one step of an optimizer on the vector
    updates them all: per tensor, Adam's overhead would cost more than its arithmetic.
    """
    parameters = list(network.parameters())
    vector = torch.nn.Parameter(parameters_to_vector(parameters).detach())
    vector.grad = torch.zeros_like(vector)
    vector_to_parameters(vector.data, parameters)
    gradients = vector.grad.split([parameter.numel() for parameter in parameters])
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.view_as(parameter)
    return vector


class Adam:
    """Adam on one vector (Kingma and Ba 2015, algorithm 1), with the gradient clipped before.

    `torch.optim.Adam` takes the same steps, but its bookkeeping takes longer than the arithmetic
    on a vector this short.
    """

    def __init__(self, vector: torch.nn.Parameter, learning_rate: float, clip: float | None):
        self.parameters, self.gradient = vector.data, vector.grad
        self.learning_rate, self.clip = learning_rate, clip
        self.beta1, self.beta2, self.epsilon = 0.9, 0.999, 1e-8
        self.mean, self.square = torch.zeros_like(vector.data), torch.zeros_like(vector.data)
        self.updates = 0

    def step(self) -> float:
        """Update the parameters in place; return the norm of the gradient before it was clipped."""
        g = self.gradient
        norm = torch.linalg.vector_norm(g).item()
        if self.clip is not None and norm > self.clip:
            g *= self.clip / norm
        self.updates += 1
        self.mean.lerp_(g, 1 - self.beta1)
        self.square.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
        # The bias corrections of the two moments, 1 - beta^t.
        first, second = 1 - self.beta1**self.updates, 1 - self.beta2**self.updates
        scale = torch.sqrt(self.square).div_(math.sqrt(second)).add_(self.epsilon)
        self.parameters.addcdiv_(self.mean, scale, value=-self.learning_rate / first)
        return norm
