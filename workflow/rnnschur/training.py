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
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, vector_to_parameters
from tqdm import tqdm

from rnnschur import kernels
from rnnschur.behaviour import measure
from rnnschur.networks.network import Network, build
from rnnschur.streams import generator
from rnnschur.tasks import TaskBase

ENGINES = ("fast", "reference")


class Diverged(RuntimeError):
    """The loss of a network is no longer a finite number."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Attributes
    ----------
    updates : int
        Number of updates; training never stops early.
    batch : int
        Sequences in a batch.
    learning_rate : float
        Of Adam (Kingma and Ba 2015), otherwise with the defaults of PyTorch.
    gradient_clip : float or None
        Largest norm of the whole gradient; None leaves it as it is.
    record_every : int
        Updates between two rows of the history; the last update always gets one.
    monitored : int
        Held-out sequences by which the history judges the network.
    """

    updates: int
    batch: int
    learning_rate: float
    gradient_clip: float | None
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


class ReferenceEngine:
    """Loss and gradients by autograd, on any device of PyTorch."""

    def __init__(self, network: Network, onset: int):
        self.network, self.onset = network, onset
        self.device = network.W_xh.device

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.network(torch.from_numpy(inputs).to(self.device), self.onset).cpu().numpy()

    def add_gradients(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        """Add the gradients of the mean squared error to the parameters'; return the loss."""
        outputs = self.network(torch.from_numpy(inputs).to(self.device), self.onset)
        target = torch.from_numpy(targets).to(self.device)
        loss = torch.nn.functional.mse_loss(outputs, target)
        loss.backward()
        return loss.item()


class FastEngine:
    """Loss and gradients by the CPU kernel; parametrised matrices are pulled back by autograd."""

    def __init__(self, network: Network, onset: int):
        self.network, self.onset = network, onset
        self.kernel = None
        self.parametrised = not isinstance(network.W_hh, torch.nn.Parameter)
        self.W_xh, self.W_hy = (w.detach().numpy() for w in (network.W_xh, network.W_hy))
        self.g_xh, self.g_hy = (w.grad.numpy() for w in (network.W_xh, network.W_hy))
        self.g_hh = torch.zeros_like(network.W_hh) if self.parametrised else network.W_hh.grad

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        W_hh = self.network.W_hh.detach().numpy()
        return kernels.rollout(self.W_xh, W_hh, self.W_hy, inputs, self.onset)

    def add_gradients(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        if self.kernel is None:
            steps, batch, size = inputs.shape
            width, outputs = self.network.W_hh.shape[0], targets.shape[-1]
            self.kernel = kernels.BackpropagationThroughTime(
                steps, batch, size, width, outputs, self.onset
            )
        W_hh = self.network.W_hh
        loss = self.kernel.loss_and_gradients(
            self.W_xh,
            np.ascontiguousarray(W_hh.detach().numpy()),
            self.W_hy,
            inputs,
            targets,
            self.g_xh,
            self.g_hh.numpy(),
            self.g_hy,
        )
        if self.parametrised:
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
    network = build(architecture, task.inputs, width, task.outputs, initial).to(device)
    vector = flatten(network)
    adam = torch.optim.Adam([vector], lr=schedule.learning_rate, fused=True)
    clip = math.inf if schedule.gradient_clip is None else schedule.gradient_clip
    Engine = FastEngine if engine == "fast" else ReferenceEngine
    step = Engine(network, task.onset)

    batches = generator(study_seed, *name, "training")
    monitored = task.held_out(schedule.monitored, generator(study_seed, task_name, "monitored"))
    history = []
    progress = tqdm(
        range(1, schedule.updates + 1), label, mininterval=10, maxinterval=60, file=sys.stderr
    )
    for update in progress:
        vector.grad.zero_()
        loss = step.add_gradients(*task.sample(schedule.batch, batches))
        if not math.isfinite(loss):
            raise Diverged(f"network {label}: the loss is {loss} at update {update}")
        norm = clip_grad_norm_([vector], clip)
        adam.step()
        if update % schedule.record_every == 0 or update == schedule.updates:
            value = measure(task.metric, step.outputs(monitored[0]), monitored[1])
            history.append((update, loss, norm.item(), float(value)))
            progress.set_postfix_str(f"{task.metric} {value:.4f}", refresh=False)

    weights = {
        key: getattr(network, key).detach().cpu().contiguous().numpy().copy()
        for key in ("W_hh", "W_xh", "W_hy")
    }
    return weights, pd.DataFrame(history, columns=["update", "loss", "gradient_norm", "value"])
