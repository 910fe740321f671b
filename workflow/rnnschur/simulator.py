"""Any simulator as a network: a recurrent matrix, and a function that says what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rnnschur.arrays import finite_square, real_array
from rnnschur.batch import Batch
from rnnschur.cells import CellBase
from rnnschur.metrics import rollout_difference
from rnnschur.network import Network

#: Rollout difference up to which two runs of a simulator count as the same.
REPEATABLE = 1e-3


@dataclass(frozen=True)
class Cell(CellBase):
    """A cell of which nothing is known but its recurrent matrix and what the function returns."""

    axes = {"W_hh": ("unit", "unit")}
    optional = {}

    def states(self, weights, inputs, xp=np):
        """Raise NotImplementedError: the states stay in the simulator."""
        raise NotImplementedError("a simulator shows its outputs, not its states")


@dataclass(frozen=True, eq=False)
class Simulator(Network):
    """A network that runs elsewhere.

    Attributes
    ----------
    cell, weights, forms
        As `Network`; the weights are W_hh alone.
    function : callable
        ``function(matrix)`` returns the behaviour, shape (T, B, outputs).
    shape : tuple of int
        Of the behaviour.
    """

    function: Callable | None = None
    shape: tuple[int, int, int] = (1, 1, 1)

    @property
    def sizes(self) -> dict[str, int]:
        """Numbers of units, inputs and outputs; there are no inputs."""
        return {"unit": len(self.weights["W_hh"]), "input": 0, "output": self.shape[-1]}

    def outputs(
        self, batch: Batch, engine: str = "reference", changes: Mapping | None = None
    ) -> np.ndarray:
        """Return the behaviour, of each of a stack of matrices; see `Network.outputs`."""
        matrix = {**self.weights, **self.changed(changes or {})}["W_hh"]
        runs = [run(self.function, m) for m in matrix.reshape(-1, *matrix.shape[-2:])]
        for found in runs:
            if found.shape != self.shape:
                raise ValueError(
                    f"outputs(matrix) has shape {found.shape}; allowed: {self.shape}, as at first"
                )
        return np.reshape(runs, (*matrix.shape[:-2], *self.shape))


def simulated(matrix, function: Callable) -> tuple[Simulator, Batch]:
    """Return a simulator as a network, and the sequences that it runs on.

    Parameters
    ----------
    matrix : array_like, shape (N, N)
        The recurrent matrix; rows are targets, columns are sources.
    function : callable
        Takes such a matrix, a copy of its own, and returns what the simulator does with it,
        array_like of shape (steps, sequences, outputs): always the same for the same matrix.

    Raises
    ------
    ValueError
        If the matrix is not square, real and finite, the behaviour has another number of
        dimensions or entries that are not finite, or two runs differ by more than 0.001 in units of
        the standard deviation.
    """
    finite_square(matrix, "matrix")
    network = Simulator(Cell(), {"W_hh": matrix}, function=function)
    first, again = (run(function, network.weights["W_hh"]) for _ in range(2))
    if not np.isfinite(first).all():
        raise ValueError("outputs(matrix) has a NaN or infinite entry; allowed: finite numbers")
    apart = float(rollout_difference(again, first)) if again.shape == first.shape else np.inf
    if not apart <= REPEATABLE:
        raise ValueError(
            f"outputs(matrix) differs between two runs, by {apart:.2g} standard deviations; "
            f"allowed: {REPEATABLE}, so give noise the same seed in every run"
        )
    network = Simulator(Cell(), network.weights, function=function, shape=first.shape)
    return network, Batch(np.zeros((*first.shape[:2], 1)))


def run(function: Callable, matrix: np.ndarray) -> np.ndarray:
    """Return the behaviour that a function gives for a matrix.

    A copy of it: the function may fill the same buffer in every call.
    """
    found = real_array(function(matrix.copy()), "outputs(matrix)").copy()
    if found.ndim != 3 or 0 in found.shape:
        raise ValueError(
            f"outputs(matrix) has shape {found.shape}; allowed: (steps, sequences, outputs)"
        )
    return found
