"""The engines: from a batch to a loss and its gradients."""

import numpy as np
import torch

from rnnschur.batch import Batch
from rnnschur.training.module import Module


class ReferenceEngine:
    """Loss and gradients by autograd, for any cell and on any device of PyTorch."""

    def __init__(self, network: Module):
        self.network = network
        self.device = next(network.parameters()).device

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the outputs from the onset on."""
        with torch.no_grad():
            return self.network(self._moved(batch.inputs), batch.onset).cpu().numpy()

    def loss_and_gradients(self, batch: Batch) -> float:
        """Return the mean squared error; leave its gradients in the parameters."""
        for parameter in self.network.parameters():
            parameter.grad.zero_()
        outputs = self.network(self._moved(batch.inputs), batch.onset)
        loss = torch.nn.functional.mse_loss(outputs, self._moved(batch.targets))
        loss.backward()
        return loss.item()

    def _moved(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)


class FastEngine:
    """Loss and gradients by the CPU kernel, of the tanh cell.

    Parametrised matrices are pulled back by autograd.
    """

    def __init__(self, network: Module):
        from rnnschur import kernels  # only here: the reference engine must not need the compiler

        self.network, self.kernel, self.sizes = network, None, None
        self.make_kernel = kernels.BackpropagationThroughTime
        self.W_xh, self.W_hy = (w.detach().numpy() for w in (network.W_xh, network.W_hy))
        self.g_xh, self.g_hy = (w.grad.numpy() for w in (network.W_xh, network.W_hy))
        self.parametrised = not isinstance(network.W_hh, torch.nn.Parameter)
        self.g_hh = torch.zeros_like(network.W_hh) if self.parametrised else network.W_hh.grad

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the outputs from the onset on."""
        W_hh = self.network.W_hh.detach().contiguous().numpy()
        weights = {"W_hh": W_hh, "W_xh": self.W_xh, "W_hy": self.W_hy}
        return self.network.cell.compiled(weights, batch.inputs, batch.onset)

    def loss_and_gradients(self, batch: Batch) -> float:
        """Return the mean squared error; leave its gradients in the parameters."""
        W_hh = self.network.W_hh
        sizes = *batch.inputs.shape, len(W_hh), batch.targets.shape[-1], batch.onset
        if sizes != self.sizes:  # the first batch, or the first of another stage of a curriculum
            self.kernel, self.sizes = self.make_kernel(*sizes, self.W_xh.dtype), sizes
        loss = self.kernel.loss_and_gradients(
            self.W_xh,
            W_hh.detach().contiguous().numpy(),
            self.W_hy,
            batch.inputs,
            batch.targets,
            self.g_xh,
            self.g_hh.numpy(),
            self.g_hy,
        )
        if self.parametrised:
            for parameter in self.network.parametrizations.parameters():
                parameter.grad.zero_()
            W_hh.backward(self.g_hh)
        return loss
