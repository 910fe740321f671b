"""The engines: from a batch to its loss and gradients, and to better weights."""

import math
from abc import ABC, abstractmethod
from functools import cache

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, vector_to_parameters

from rnnschur.batch import Batch
from rnnschur.training.module import Module


class Engine(ABC):
    """What trains a network, by Adam with the moments of Kingma and Ba (2015).

    The parameters of the network that need a gradient, and these gradients, are moved into one
    vector and become views of it: tensor by tensor, Adam's overhead would cost more than its
    arithmetic. Frozen parameters are in no vector, and so in no step and in no norm.

    Parameters
    ----------
    network : Module
    learning_rate : float
    clip : float, optional
        Largest norm of the whole gradient; by default it stays as it is.

    Attributes
    ----------
    vector : torch.nn.Parameter
        All trained parameters; its `grad` holds their gradients.
    """

    def __init__(self, network: Module, learning_rate: float, clip: float | None = None):
        self.network = network
        parameters = [weight for weight in network.parameters() if weight.requires_grad]
        self.vector = torch.nn.Parameter(parameters_to_vector(parameters).detach())
        self.vector.grad = torch.zeros_like(self.vector)
        vector_to_parameters(self.vector.data, parameters)
        gradients = self.vector.grad.split([parameter.numel() for parameter in parameters])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)
        self.prepare(learning_rate, clip)

    @abstractmethod
    def prepare(self, learning_rate: float, clip: float | None) -> None:
        """Make what an update needs."""

    @property
    @abstractmethod
    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The moments m and v of Adam, to be changed in place; see `rnnschur.kernels.Adam`."""

    @abstractmethod
    def count(self, steps: int) -> None:
        """Have Adam believe that it has taken this many steps."""

    @abstractmethod
    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the outputs from the onset on."""

    @abstractmethod
    def loss_and_gradients(self, batch: Batch) -> float:
        """Return the mean squared error; leave its gradients in the parameters."""

    @abstractmethod
    def step(self) -> float:
        """Clip the gradients, update the parameters, and return the norm before clipping."""

    def updates(self, drawn: Batch, size: int) -> np.ndarray:
        """Do an update with each `size` sequences.

        Returns
        -------
        ndarray, shape (updates, 2)
            The loss before each update, and the norm of the gradient before it was clipped.
        """
        batches = (drawn.part(slice(i, i + size)) for i in range(0, drawn.sequences, size))
        return np.array([(self.loss_and_gradients(batch), self.step()) for batch in batches])

    def state(self) -> np.ndarray:
        """Return a copy of parameters, m and v, shape (3, parameters): what the next step needs."""
        return np.stack([v.detach().cpu().numpy() for v in (self.vector, *self.moments)])

    def resume(self, state: np.ndarray, steps: int) -> None:
        """Go on from what `state` returned after so many steps, to the same bits."""
        for vector, saved in zip((self.vector.data, *self.moments), state, strict=True):
            vector.copy_(torch.tensor(saved))
        self.count(steps)


class ReferenceEngine(Engine):
    """Autograd and Adam of PyTorch, for any cell and on any device of PyTorch."""

    def prepare(self, learning_rate, clip):
        self.clip = math.inf if clip is None else clip
        self.adam = torch.optim.Adam([self.vector], learning_rate, fused=True)
        # What Adam makes in its first step, which a network that goes on does not take.
        self.adam.state[self.vector] = {
            "step": torch.zeros((), device=self.vector.device),
            "exp_avg": torch.zeros_like(self.vector),
            "exp_avg_sq": torch.zeros_like(self.vector),
        }

    @property
    def moments(self):
        state = self.adam.state[self.vector]
        return state["exp_avg"], state["exp_avg_sq"]

    def count(self, steps):
        self.adam.state[self.vector]["step"].fill_(steps)

    def outputs(self, batch):
        with torch.no_grad():
            return self.network(self._moved(batch.inputs), batch.onset).cpu().numpy()

    def loss_and_gradients(self, batch):
        self.vector.grad.zero_()
        outputs = self.network(self._moved(batch.inputs), batch.onset)
        loss = torch.nn.functional.mse_loss(outputs, self._moved(batch.targets))
        loss.backward()
        return loss.item()

    def step(self):
        norm = clip_grad_norm_(self.vector, self.clip).item()
        self.adam.step()
        return norm

    def _moved(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.vector.device)


class FastEngine(Engine):
    """The CPU kernel, of the tanh cell.

    Parametrised matrices are pulled back by autograd.
    """

    def prepare(self, learning_rate, clip):
        from rnnschur import kernels  # only here: the reference engine must not need the compiler

        network = self.network
        self.problem = cache(kernels.BackpropagationThroughTime)
        self.adam = kernels.Adam(
            self.vector.detach().numpy(), self.vector.grad.numpy(), learning_rate, clip
        )
        self.W_xh, self.W_hy = (w.detach().numpy() for w in (network.W_xh, network.W_hy))
        # The kernel has a gradient of every weight; that of a frozen one goes nowhere.
        self.g_xh, self.g_hy = (
            (w.grad if w.requires_grad else torch.zeros_like(w)).numpy()
            for w in (network.W_xh, network.W_hy)
        )
        self.parametrised = not isinstance(network.W_hh, torch.nn.Parameter)
        W_hh = network.W_hh
        self.gradient = torch.zeros_like(W_hh) if self.parametrised else W_hh.grad

    @property
    def moments(self):
        return tuple(map(torch.from_numpy, self.adam.vectors[2:]))

    def count(self, steps):
        self.adam.updates = steps

    def _arrays(self, W_hh: torch.Tensor) -> tuple:
        """Return weights and gradients as the kernel takes them."""
        W_hh = W_hh.detach().contiguous().numpy()
        return (self.W_xh, W_hh, self.W_hy), (self.g_xh, self.gradient.numpy(), self.g_hy)

    def _problem(self, batch: Batch, size: int):
        """Return the kernel for batches of `size` sequences."""
        steps, _, inputs = batch.inputs.shape
        outputs, width = self.W_hy.shape
        return self.problem(steps, size, inputs, width, outputs, batch.onset, self.W_hy.dtype)

    def outputs(self, batch):
        (W_xh, W_hh, W_hy), _ = self._arrays(self.network.W_hh)
        weights = {"W_hh": W_hh, "W_xh": W_xh, "W_hy": W_hy}
        return self.network.cell.compiled(weights, batch.inputs, batch.onset)

    def loss_and_gradients(self, batch):
        W_hh = self.network.W_hh
        weights, gradients = self._arrays(W_hh)
        problem = self._problem(batch, batch.sequences)
        loss = problem.loss_and_gradients(*weights, batch.inputs, batch.targets, *gradients)
        if self.parametrised:
            for parameter in self.network.parametrizations.parameters():
                parameter.grad.zero_()
            W_hh.backward(self.gradient)
        return loss

    def step(self):
        return self.adam.step()

    def updates(self, drawn, size):
        if self.parametrised:
            return super().updates(drawn, size)
        weights, gradients = self._arrays(self.network.W_hh)
        problem = self._problem(drawn, size)
        return problem.updates(weights, gradients, drawn.inputs, drawn.targets, self.adam)
