"""What every cell offers to networks, diagnosis and training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnschur import constraints
from rnnschur.arrays import real_array
from rnnschur.coordinates.symmetries import (
    permute_and_scale,
    random_rotation,
    random_symmetry,
    rotate,
)
from rnnschur.nonlinearities import NONLINEARITIES, OUTPUTS
from rnnschur.options import Options, option

Weights = Mapping[str, np.ndarray]

#: What can roll out a network: compiled code, or the equation in numpy or PyTorch.
ENGINES = ("fast", "reference")

#: What is known of a recurrent matrix beside its entries (see `rnnschur.constraints`). No equation
#: has them: W_hh is what acts.
CONSTRAINTS = {"mask_hh": ("gate", "gate"), "sign_h": ("gate",)}

#: A matrix (N, N) that symmetries take along as they take states: it starts as the identity.
BASIS = {"basis": ("unit", "state")}


@dataclass(frozen=True, eq=False)
class Recurrent:
    """A matrix that a diagnosis may decompose, and the way back into the weights.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (N, N)
    write_back : callable
        Takes a changed matrix and returns the weights that change with it, by name.
    weight : numpy.ndarray, shape (N, N), optional
        The weight that changes, where it is not the matrix itself: removed mass is measured on it.
    exponent : float, optional
        Of a step matrix, the step in units of the time constant: the threshold on its moduli is
        alpha ** exponent.
    gauge : {None, "signs", "scales", "basis"}
        What the outputs leave free about the units and the sectors of this matrix depend on:
        nothing, signs of units, their positive scales, or any basis.
    """

    matrix: np.ndarray
    write_back: Callable[[np.ndarray], dict[str, np.ndarray]]
    weight: np.ndarray | None = None
    exponent: float | None = None
    gauge: str | None = None

    @property
    def changing(self) -> np.ndarray:
        """The weight that changes."""
        return self.matrix if self.weight is None else self.weight

    def threshold(self, alpha: float) -> float:
        """Return the threshold on the moduli of the matrix, relative to the largest."""
        return alpha if self.exponent is None else alpha**self.exponent


def named(functions: Mapping, default: str) -> object:
    """Declare a key that is the name of a nonlinearity."""
    names = tuple(functions)
    return option(", ".join(names), lambda v: isinstance(v, str) and v in names, default)


@dataclass(frozen=True)
class CellBase(Options, ABC):
    r"""One step of a recurrent network, the shapes of its weights, and its readout

    .. math:: y_t = g(W_{hy}\, r(h_t) + b_y).

    The fields of a subclass are its options, beside those of the readout.

    Parameters
    ----------
    output : str
        :math:`g`, by its name in `rnnschur.nonlinearities.OUTPUTS`.
    readout : str
        :math:`r`, by its name in `rnnschur.nonlinearities.NONLINEARITIES`: ``linear`` reads the
        state, the name of the cell's own nonlinearity the activity of a state that is a current.
    early : bool
        Whether :math:`y_t` reads the state before the step, :math:`h_{t-1}`.

    Attributes
    ----------
    axes : mapping of str to tuple of str
        What the axes of each weight run over: ``unit``, ``input`` or ``output``; ``gate`` is a
        number for each unit that has no sign or scale of its own, such as a time constant.
    optional : mapping of str to tuple of str
        The same for weights that a network may have or not. A cell names here what its equation
        uses. ``h0`` and ``c0`` may come with the sequences (see `rnnschur.Batch`) and then have the
        shape (B, N).
    recurrent : tuple of str
        The weights through which states act on states, the one of the headline first. Leading
        axes of theirs are kept by `states`: many interventions at once.
    nonlinearity : str, optional
        Of the step, by its name in `rnnschur.nonlinearities.NONLINEARITIES`; without one, signs and
        scales of units are taken to be fixed.
    """

    output: str = named(OUTPUTS, "linear")
    readout: str = named(NONLINEARITIES, "linear")
    early: bool = option("true or false", lambda value: isinstance(value, bool), False)

    axes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "W_hh": ("unit", "unit"),
        "W_xh": ("unit", "input"),
        "W_hy": ("output", "unit"),
    }
    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {"b_y": ("output",), **CONSTRAINTS}
    recurrent: ClassVar[tuple[str, ...]] = ("W_hh",)
    nonlinearity: ClassVar[str | None] = None
    #: Outputs of the cell by compiled code, ``(weights, inputs, onset)``, where there is some; it
    #: knows no optional weights and no options.
    compiled: ClassVar[Callable | None] = None

    @property
    def known(self) -> dict[str, tuple[str, ...]]:
        """The axes of all weights that a network may have, required ones first."""
        return {**self.axes, **self.optional}

    @property
    def is_plain(self) -> bool:
        """Whether every option has its default."""
        return all(getattr(self, key.name) == key.default for key in fields(self))

    @property
    def odd(self) -> bool:
        """Whether the nonlinearity is odd."""
        return self.nonlinearity is not None and NONLINEARITIES[self.nonlinearity].odd

    @property
    def homogeneous(self) -> bool:
        """Whether the nonlinearity is positively homogeneous."""
        return self.nonlinearity is not None and NONLINEARITIES[self.nonlinearity].homogeneous

    @property
    def flips(self) -> bool:
        """Whether flipping the signs of units is an exact symmetry."""
        return self.odd and NONLINEARITIES[self.readout].odd

    @property
    def scales(self) -> bool:
        """Whether changing the scales of units is an exact symmetry."""
        return self.homogeneous and NONLINEARITIES[self.readout].homogeneous

    def shapes(self, inputs: int, width: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of every weight that a network must have."""
        size = {"unit": width, "gate": width, "input": inputs, "output": outputs}
        return {name: tuple(size[axis] for axis in axes) for name, axes in self.axes.items()}

    def check(self, weights: Weights) -> None:
        """Raise ValueError where weights of the right shapes hold what they may not."""
        constraints.check(weights.get("mask_hh"), weights.get("sign_h"))

    def matrices(self, weights: Weights) -> dict[str, Recurrent]:
        """Return the matrices that a diagnosis may decompose, the one of the headline first."""
        return {
            name: Recurrent(
                weights[name],
                lambda matrix, name=name: {name: matrix},
                gauge=self.gauge(self.axes[name][0]),
            )
            for name in self.recurrent
        }

    def gauge(self, target: str) -> str | None:
        """Return what is free about a matrix whose rows run over `target` (see `Recurrent`).

        Permutations and signs are orthogonal and leave sectors as they are, unless the matrix takes
        them on its columns only, as a gate's does.
        """
        if self.scales:
            return "basis" if self.flips else "scales"
        return "signs" if self.flips and target == "gate" else None

    @abstractmethod
    def states(self, weights: Weights, inputs, xp: ModuleType = np):
        """Return the states of all steps.

        Parameters
        ----------
        weights : mapping of str to array
            Recurrent weights may have leading axes; h0 and c0 may be (B, N).
        inputs : array, shape (T, B, inputs)
        xp : module
            `numpy`, or `torch` for tensors on any device, differentiable.

        Returns
        -------
        array, shape (..., T, B, N)
        """

    def steps(self, weights: Weights, inputs, xp: ModuleType = np) -> Iterator:
        """Yield the states of one step after the other, (..., B, N).

        A cell that computes them one at a time yields them so, and none need be kept.
        """
        states = self.states(weights, inputs, xp)
        for step in range(len(inputs)):
            yield states[..., step, :, :]

    def start(self, weights: Weights, name: str = "h0", xp: ModuleType = np):
        """Return the initial state, zeros where there is none, in a shape that broadcasts."""
        if name not in weights:
            return xp.zeros_like(weights[self.recurrent[0]][..., :1, :])
        start = weights[name]
        return start if start.ndim > 1 else start[None]

    def outputs(self, weights: Weights, inputs, onset: int = 0, xp: ModuleType = np):
        """Return the readout of the states from step `onset` on.

        Returns
        -------
        array, shape (..., T - onset, B, outputs)
        """
        kernel = weights["W_hy"].mT
        if xp is np:  # each step is read while it is in the cache, and not kept
            steps = self.steps(weights, inputs)
            steps = self._before(weights, steps) if self.early else steps
            outputs = (self.read(weights, states) @ kernel for states in islice(steps, onset, None))
            outputs = collected(outputs, len(inputs) - onset)
        else:
            states = self.states(weights, inputs, xp)
            if self.early:
                states = xp.stack(list(self._before(weights, states.unbind(-3), xp)), -3)
            outputs = self.read(weights, states[..., onset:, :, :], xp) @ kernel
        if "b_y" in weights:
            outputs = outputs + weights["b_y"]
        return OUTPUTS[self.output](outputs, xp)

    def _before(self, weights: Weights, steps: Iterable, xp: ModuleType = np) -> Iterator:
        """Yield the states before each step instead of those after it."""
        before = None
        for states in steps:
            yield self.start(weights, xp=xp) + xp.zeros_like(states) if before is None else before
            before = states

    def read(self, weights: Weights, states, xp: ModuleType = np):
        """Return what the readout weighs, a function of the states."""
        return NONLINEARITIES[self.readout](states, xp)

    def symmetry(self, weights: Weights, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the weights after a random exact symmetry of the cell.

        Units are permuted, their signs flipped where the nonlinearity is odd, their scales changed
        by up to 2 either way where it is homogeneous; of a linear cell any basis will do. A matrix
        ``basis`` among the weights is taken along as states are.
        """
        permutation, factors = random_symmetry(weights[self.recurrent[0]].shape[-1], rng)
        if not self.flips:
            factors = np.ones_like(factors)
        if self.scales:
            factors = factors * 2 ** rng.uniform(-1, 1, len(factors))
        moved = permute_and_scale(weights, self.known | BASIS, permutation, factors)
        if self.gauge("unit") == "basis" and self.rotates(weights):
            return self.rotated(moved, random_rotation(len(factors), rng))
        return moved

    def rotates(self, weights: Weights) -> bool:
        """Tell whether any orthonormal basis is as good: no unit has a number of its own."""
        return not any("gate" in self.known.get(n, ()) for n in weights if n not in CONSTRAINTS)

    def scaled(self, weights: Weights, factors: np.ndarray) -> dict[str, np.ndarray]:
        """Return the weights with every unit's state multiplied by a factor."""
        return permute_and_scale(weights, self.known | BASIS, np.arange(len(factors)), factors)

    def rotated(self, weights: Weights, rotation: np.ndarray) -> dict[str, np.ndarray]:
        """Return the weights in another orthonormal basis, a symmetry of linear cells only."""
        return rotate(weights, self.known | BASIS, rotation)


@dataclass(frozen=True)
class Layer(CellBase):
    r"""A layer :math:`h_t = f(W_{hh} h_{t-1} + W_{xh} x_t + b_h)` of one nonlinearity.

    W_hh has the shape (N, N), W_xh (N, inputs) and W_hy (outputs, N). The bias b_h (N,), the
    initial state h0 (N,), otherwise 0, and the readout's bias b_y (outputs,) may be there or not.
    """

    nonlinearity: ClassVar[str] = "linear"
    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "b_h": ("unit",),
        "h0": ("unit",),
        **CellBase.optional,
    }

    def states(self, weights: Weights, inputs, xp: ModuleType = np):
        return collected(self.steps(weights, inputs, xp), len(inputs), xp)

    def steps(self, weights: Weights, inputs, xp: ModuleType = np) -> Iterator:
        f, recurrent = NONLINEARITIES[self.nonlinearity].function, weights["W_hh"].mT
        inputs, (kernel,) = driven(weights, inputs, [("W_xh", "b_h")], xp)
        hidden, started = self.start(weights, xp=xp), "h0" in weights
        for x in inputs:
            # Without an initial state the first step needs no product, only the leading axes.
            hidden = f((hidden @ recurrent if started else hidden) + x @ kernel, xp)
            started = True
            yield hidden


@dataclass(frozen=True)
class Gated(CellBase):
    """A cell with gates, each with weights of its own: W_x and W_h, and its letter.

    Separate weights have no order of gates; `unpacked` takes those of a library apart.

    Parameters
    ----------
    nonlinearity : str
        Of the candidate, by its name in `rnnschur.nonlinearities.NONLINEARITIES`.
    gate : str
        The nonlinearity of the gates.
    """

    nonlinearity: str = named(NONLINEARITIES, "tanh")
    gate: str = named(NONLINEARITIES, "sigmoid")

    #: Order of gates where a library keeps them in one array, as in PyTorch.
    order: ClassVar[str]

    def states(self, weights: Weights, inputs, xp: ModuleType = np):
        return collected(self.steps(weights, inputs, xp), len(inputs), xp)

    def begun(self, weights: Weights, inputs, name: str, xp: ModuleType = np):
        """Return the initial state of every sequence."""
        return self.start(weights, name, xp) + xp.zeros_like(inputs[0, :, :1])

    @classmethod
    def unpacked(cls, kernel, recurrent, biases=(), order: str | None = None) -> dict:
        """Return the weights of every gate by name, from arrays that hold the gates in a row.

        Parameters
        ----------
        kernel : array_like, shape (G N, inputs)
            G gates; PyTorch's weight_ih_l0, or the transpose of Keras' kernel.
        recurrent : array_like, shape (G N, N)
            PyTorch's weight_hh_l0, or the transpose of Keras' recurrent kernel.
        biases : sequence of array_like, shape (G N,)
            None, one, or two: that of the inputs, then that of the states. Two are added up, but
            for the GRU's candidate.
        order : str, optional
            The gates' letters as they come, by default PyTorch's: ``rzn``, ``ifgo``.

        Returns
        -------
        dict of str to numpy.ndarray

        Raises
        ------
        ValueError
            If `order` does not name every gate once, or an array has another number of rows.
        """
        order = order or cls.order
        if sorted(order) != sorted(cls.order):
            raise ValueError(f"order is {order!r}; allowed: the letters of {cls.order!r}")
        arrays = [real_array(recurrent, "recurrent", 2), real_array(kernel, "kernel", 2)]
        arrays += [real_array(bias, "bias", 1) for bias in biases]
        rows = len(order) * arrays[0].shape[1]
        for array, name in zip(arrays, ["recurrent", "kernel", *["bias"] * 2], strict=False):
            if len(array) != rows:
                raise ValueError(
                    f"{name} has shape {array.shape}; allowed: {rows} rows, {len(order)} gates"
                )
        W_h, W_x, *b = (dict(zip(order, np.split(a, len(order)), strict=True)) for a in arrays)
        weights = {f"W_h{gate}": matrix for gate, matrix in W_h.items()}
        weights |= {f"W_x{gate}": matrix for gate, matrix in W_x.items()}
        if b:
            weights |= {f"b_{gate}": sum(bias[gate] for bias in b) for gate in order}
        return weights | cls._apart(*b)

    @staticmethod
    def _apart(*biases) -> dict:
        """Return the biases that are not added up."""
        return {}


def driven(weights: Weights, inputs, gates: Iterable[tuple[str, str]], xp: ModuleType = np):
    """Return inputs and transposed kernels, whose products are what the inputs do to units.

    Parameters
    ----------
    weights : mapping of str to array
    inputs : array, shape (T, B, inputs)
    gates : iterable of (str, str)
        Names of a kernel and of its bias, which need not be there.
    xp : module

    Returns
    -------
    inputs : array, shape (T, B, inputs) or (T, B, inputs + 1)
        A bias is the weight of one more input that is always 1: it costs no pass of its own.
    kernels : list of array, shape (inputs, N) or (inputs + 1, N)
    """
    kernels = [weights[kernel] for kernel, _ in gates]
    biases = [weights.get(bias) for _, bias in gates]
    if any(bias is not None for bias in biases):
        inputs = xp.concatenate([inputs, xp.ones_like(inputs[..., :1])], -1)
        kernels = [
            xp.concatenate([k, xp.zeros_like(k[:, :1]) if b is None else b[:, None]], -1)
            for k, b in zip(kernels, biases, strict=True)
        ]
    return inputs, [kernel.mT for kernel in kernels]


def received(recurrent, kernel, hidden, x):
    """Return what units receive from states (..., B, N) and inputs (B, inputs)."""
    total = hidden @ recurrent
    total += x @ kernel  # a sum in a new array takes longer
    return total


def collected(steps: Iterable, count: int, xp: ModuleType = np):
    """Return the states of all steps, (..., T, B, N), as they come.

    Of numpy, each is copied to its place while it is in the cache.
    """
    if xp is not np:
        return xp.stack(list(steps), -3)
    states = None
    for step, hidden in enumerate(steps):
        if states is None:
            states = np.empty((*hidden.shape[:-2], count, *hidden.shape[-2:]), hidden.dtype)
        states[..., step, :, :] = hidden
    return states
