"""Training: two engines behind one function, Adam, the schedule and the history.

An engine turns a batch into a loss and gradients. The reference engine is plain PyTorch with
autograd, on any device; the fast engine is the CPU kernel of `rnnschur.kernels`. Everything
else, from the batches to Adam, is shared, so that the two can be compared number by number.
"""

import math
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from tqdm import tqdm

from rnnschur.behaviour import measure
from rnnschur.networks.network import Network, build
from rnnschur.rollout import ENGINES
from rnnschur.streams import generator
from rnnschur.tasks import TaskBase


class Diverged(RuntimeError):
    """The loss of a network is no longer a finite number."""


@dataclass(frozen=True)
class Schedule:
    """How a network starts and is trained.

    Attributes
    ----------
    updates : int
        Number of updates; training never stops early.
    batch : int
        Sequences in a batch.
    learning_rate : float
        Of Adam, with the moments of Kingma and Ba (2015).
    gradient_clip : float or None
        Largest norm of the whole gradient; None leaves it as it is.
    input_scale : float
        Of the initial input weights (see `rnnschur.networks.network.build`).
    record_every : int
        Updates between two rows of the history; the last update always gets one.
    monitored : int
        Held-out sequences by which the history judges the network.
    """

    updates: int
    batch: int
    learning_rate: float
    gradient_clip: float | None
    input_scale: float
    record_every: int
    monitored: int


def flatten(network: Network) -> torch.nn.Parameter:
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


class ReferenceEngine:
    """Loss and gradients by autograd, on any device of PyTorch."""

    def __init__(self, network: Network, onset: int):
        self.network, self.onset = network, onset
        self.device = network.W_xh.device

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs from the onset on."""
        with torch.no_grad():
            return self.network(torch.from_numpy(inputs).to(self.device), self.onset).cpu().numpy()

    def loss_and_gradients(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean squared error; leave its gradients in the parameters."""
        for parameter in self.network.parameters():
            parameter.grad.zero_()
        outputs = self.network(torch.from_numpy(inputs).to(self.device), self.onset)
        target = torch.from_numpy(targets).to(self.device)
        loss = torch.nn.functional.mse_loss(outputs, target)
        loss.backward()
        return loss.item()


class FastEngine:
    """Loss and gradients by the CPU kernel; parametrised matrices are pulled back by autograd."""

    def __init__(self, network: Network, onset: int):
        from rnnschur import kernels  # only here: the reference engine must not need the compiler

        self.network, self.onset = network, onset
        self.forward, self.kernel = kernels.rollout, None
        self.make_kernel = kernels.BackpropagationThroughTime
        self.W_xh, self.W_hy = (w.detach().numpy() for w in (network.W_xh, network.W_hy))
        self.g_xh, self.g_hy = (w.grad.numpy() for w in (network.W_xh, network.W_hy))
        self.parametrised = not isinstance(network.W_hh, torch.nn.Parameter)
        self.g_hh = torch.zeros_like(network.W_hh) if self.parametrised else network.W_hh.grad

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs from the onset on."""
        W_hh = self.network.W_hh.detach().contiguous().numpy()
        return self.forward(self.W_xh, W_hh, self.W_hy, inputs, self.onset)

    def loss_and_gradients(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean squared error; leave its gradients in the parameters."""
        W_hh = self.network.W_hh
        if self.kernel is None:
            sizes = *inputs.shape, len(W_hh), targets.shape[-1]
            self.kernel = self.make_kernel(*sizes, self.onset, self.W_xh.dtype)
        loss = self.kernel.loss_and_gradients(
            self.W_xh,
            W_hh.detach().contiguous().numpy(),
            self.W_hy,
            inputs,
            targets,
            self.g_xh,
            self.g_hh.numpy(),
            self.g_hy,
        )
        if self.parametrised:
            for parameter in self.network.parametrizations.parameters():
                parameter.grad.zero_()
            W_hh.backward(self.g_hh)
        return loss


def train(
    task_name: str,
    task: TaskBase,
    architecture: str,
    width: int,
    seed: int,
    schedule: Schedule,
    study_seed: int,
    engine: str = "fast",
    device: str = "cpu",
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Train one network.

    The random streams are named by study seed, task, architecture, width and seed, so that the
    result does not depend on what else is trained, where or when. With the fast engine the same
    kind of machine gives the same bits.

    Parameters
    ----------
    engine : {"fast", "reference"}
    device : str
        A device of PyTorch. The fast engine runs on the CPU only.

    Returns
    -------
    weights : dict
        W_hh (N, N), W_xh (N, inputs) and W_hy (outputs, N), float32.
    history : pandas.DataFrame
        Columns update, loss (of the training batch at that update), gradient_norm (before it is
        clipped) and value (the task's measure on the monitored sequences, after the update).

    Raises
    ------
    Diverged
        If the loss is not finite; the message names the network and the update.
    ValueError
        For an unknown engine, or the fast engine on another device than the CPU.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; allowed: {', '.join(ENGINES)}")
    if engine == "fast" and torch.device(device).type != "cpu":
        raise ValueError(f"device is {device!r}; allowed: cpu, with the engine 'fast'")
    name = (task_name, architecture, width, seed)
    label = f"{task_name}/{architecture}/n{width}/seed{seed}"

    initial = torch.Generator()
    initial.manual_seed(int(generator(study_seed, *name, "initial").integers(2**63)))
    sizes = (task.inputs, width, task.outputs)
    network = build(architecture, *sizes, initial, schedule.input_scale).to(device)
    vector = flatten(network)
    adam = Adam(vector, schedule.learning_rate, schedule.gradient_clip)
    Engine = FastEngine if engine == "fast" else ReferenceEngine
    step = Engine(network, task.onset)

    batches = generator(study_seed, *name, "training")
    monitored = task.held_out(schedule.monitored, generator(study_seed, task_name, "monitored"))
    history = []
    progress = tqdm(
        range(1, schedule.updates + 1), label, mininterval=10, maxinterval=60, file=sys.stderr
    )
    for update in progress:
        loss = step.loss_and_gradients(*task.sample(schedule.batch, batches))
        if not math.isfinite(loss):
            raise Diverged(f"network {label}: the loss is {loss} at update {update}")
        norm = adam.step()
        if update % schedule.record_every == 0 or update == schedule.updates:
            value = measure(task.metric, step.outputs(monitored[0]), monitored[1])
            history.append((update, loss, norm, float(value)))
            progress.set_postfix_str(f"{task.metric} {value:.4f}", refresh=False)

    if not torch.isfinite(vector).all():
        raise Diverged(f"network {label}: the last update left weights that are not finite")
    weights = {
        key: getattr(network, key).detach().cpu().contiguous().numpy().copy()
        for key in ("W_hh", "W_xh", "W_hy")
    }
    return weights, pd.DataFrame(history, columns=["update", "loss", "gradient_norm", "value"])
