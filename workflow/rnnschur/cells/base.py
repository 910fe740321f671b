"""What every cell offers to networks, diagnosis and training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnschur.coordinates.symmetries import permute_and_flip, random_symmetry, rotate
from rnnschur.options import Options

Weights = Mapping[str, np.ndarray]

#: What can roll out a network: compiled code, or the equation in numpy or PyTorch.
ENGINES = ("fast", "reference")


@dataclass(frozen=True, eq=False)
class Recurrent:
    """A matrix that a diagnosis may decompose, and the way back into the weights.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (N, N)
    write_back : callable
        Takes a changed matrix and returns the weights that change with it, by name.
    """

    matrix: np.ndarray
    write_back: Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class CellBase(Options, ABC):
    """One step of a recurrent network, and the shapes of its weights.

    The fields of a subclass are its options. States start at zero.

    Attributes
    ----------
    axes : mapping of str to tuple of str
        What the axes of each weight run over: ``unit``, ``input`` or ``output``.
    recurrent : tuple of str
        The weights through which states act on states, the one of the headline first. Leading
        axes of theirs are kept by `states`: many interventions at once.
    odd : bool
        Whether the nonlinearity is odd, so that the signs of units may be flipped.
    """

    axes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "W_hh": ("unit", "unit"),
        "W_xh": ("unit", "input"),
        "W_hy": ("output", "unit"),
    }
    recurrent: ClassVar[tuple[str, ...]] = ("W_hh",)
    odd: ClassVar[bool] = False
    #: Outputs of the cell by compiled code, ``(weights, inputs, onset)``, where there is some.
    compiled: ClassVar[Callable | None] = None

    def shapes(self, inputs: int, width: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of every weight."""
        size = {"unit": width, "input": inputs, "output": outputs}
        return {name: tuple(size[axis] for axis in axes) for name, axes in self.axes.items()}

    def matrices(self, weights: Weights) -> dict[str, Recurrent]:
        """Return the matrices that a diagnosis may decompose, the one of the headline first."""
        return {
            name: Recurrent(weights[name], lambda matrix, name=name: {name: matrix})
            for name in self.recurrent
        }

    @abstractmethod
    def states(self, weights: Weights, inputs, xp: ModuleType = np):
        """Return the states of all steps.

        Parameters
        ----------
        weights : mapping of str to array
            Recurrent weights may have leading axes.
        inputs : array, shape (T, B, inputs)
        xp : module
            `numpy`, or `torch` for tensors on any device, differentiable.

        Returns
        -------
        array, shape (..., T, B, N)
        """

    def outputs(self, weights: Weights, inputs, onset: int = 0, xp: ModuleType = np):
        r"""Return the readout of the states from step `onset` on, :math:`y_t = W_{hy} h_t`.

        Returns
        -------
        array, shape (..., T - onset, B, outputs)
        """
        return self.states(weights, inputs, xp)[..., onset:, :, :] @ weights["W_hy"].mT

    def symmetry(self, weights: Weights, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the weights after a random exact symmetry of the cell.

        Units are permuted and, where the nonlinearity is odd, their signs flipped.
        """
        permutation, signs = random_symmetry(len(weights["W_hh"]), rng)
        if not self.odd:
            signs = np.ones_like(signs)
        return permute_and_flip(weights, self.axes, permutation, signs)

    def rotated(self, weights: Weights, rotation: np.ndarray) -> dict[str, np.ndarray]:
        """Return the weights in another orthonormal basis, a symmetry of linear cells only."""
        return rotate(weights, self.axes, rotation)
