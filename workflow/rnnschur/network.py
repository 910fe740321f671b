"""A recurrent network: a cell and its weights by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rnnschur.arrays import real_array
from rnnschur.batch import Batch
from rnnschur.cells import CONSTRAINTS, ENGINES, CellBase, Recurrent, make
from rnnschur.coordinates.schur import OrderedSchur, ordered_real_schur
from rnnschur.torch_layers import described

#: Memory of one step of the states of networks that numpy rolls out side by side, in bytes. It goes
#: over them several times: beyond it, networks are quicker one after the other.
CACHE = 2**19


@dataclass(frozen=True, eq=False)
class Network:
    """A network as a file holds it.

    Attributes
    ----------
    cell : CellBase or str
        The cell, or the name of one that has no options, such as ``tanh``.
    weights : mapping of str to array_like
        Its weights, with the names and shapes of `cell` (for ``tanh`` W_hh (N, N), W_xh
        (N, inputs) and W_hy (outputs, N), and where there are such b_h (N,), b_y (outputs,) and
        h0 (N,)). Kept as numpy arrays of one precision, float32 where all of them have it and
        float64 otherwise. Every cell with a W_hh takes mask_hh (N, N) and sign_h (N,) beside
        them, which say what W_hh may be (see `rnnschur.constraints`) and change no output.
    forms : dict of str to OrderedSchur, optional
        Ordered real Schur forms that are there already, by the name of the matrix.
    checked : str, optional
        What a comparison with its authors' code said, which every table of it repeats.

    Raises
    ------
    ValueError
        If a weight is missing or not known to the cell, is not real, has the wrong shape or an
        entry that is not finite; the message names the weight, its shape and what is allowed.

    Examples
    --------
    >>> Network("tanh", {"W_hh": [[0, 1], [1, 0]], "W_xh": [[1], [0]], "W_hy": [[1, 0]]}).sizes
    {'unit': 2, 'input': 1, 'output': 1}
    """

    cell: CellBase | str
    weights: Mapping[str, np.ndarray]
    forms: dict[str, OrderedSchur] = field(default_factory=dict)
    checked: str | None = None

    def __post_init__(self):
        cell = self.cell if isinstance(self.cell, CellBase) else make(self.cell)
        given = dict(self.weights)
        for name in cell.axes:
            if name not in given:
                raise ValueError(f"{name} is missing; allowed: {', '.join(cell.axes)}")
        for name in given:
            if name not in cell.known:
                raise ValueError(f"{name} is unknown; allowed: {', '.join(cell.known)}")
        axes = {name: words for name, words in cell.known.items() if name in given}
        arrays = {name: real_array(given[name], name, len(axes[name])) for name in axes}
        size = _sizes(axes, arrays)
        for name, array in arrays.items():
            words = ["unit" if axis == "gate" else axis for axis in axes[name]]
            expected = tuple(size[word] for word in words)
            if 0 in array.shape:
                raise ValueError(f"{name} has shape {array.shape}; allowed: no axis of length 0")
            if array.shape != expected:
                turned = zip(words, array.shape[::-1], strict=True)
                units = {length for word, length in turned if word == "unit"}
                fits = array.ndim == 2 and units == {size["unit"]}
                words = ", ".join(f"{word}s" for word in words)
                raise ValueError(
                    f"{name} has shape {array.shape}; allowed: ({words}) = {expected}"
                    + ("; its transpose would fit" if fits else "")
                )
            if not np.all(np.isfinite(array)):
                raise ValueError(f"{name} has entries that are not finite")
        cell.check(arrays)
        dtype = np.result_type(*(arrays[name] for name in arrays if name not in CONSTRAINTS))
        weights = {name: np.ascontiguousarray(array, dtype) for name, array in arrays.items()}
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "weights", weights)

    @classmethod
    def from_torch(cls, layer, readout=None, **options) -> Network:
        """Return the network that a layer of PyTorch and its readout are.

        Parameters
        ----------
        layer : torch.nn.RNN, GRU, LSTM, RNNCell, GRUCell or LSTMCell
            One layer of one direction, without a projection of its states. Wrappers for data
            parallel or compiled modules are looked through, parametrisations applied.
        readout : torch.nn.Linear, optional
            Without it the states themselves are the outputs.
        **options
            Of the cell, such as ``output="sigmoid"`` where the outputs go through a function.

        Returns
        -------
        Network
            In the precision of the layer. Steps come first in its sequences, whatever
            ``batch_first`` says.

        Raises
        ------
        ValueError
            As `rnnschur.torch_layers.described`, `rnnschur.cells.make` and `Network`.

        Examples
        --------
        >>> from torch import nn
        >>> Network.from_torch(nn.GRU(3, 64), nn.Linear(64, 2)).sizes
        {'unit': 64, 'input': 3, 'output': 2}
        """
        name, weights = described(layer, readout)
        return cls(make(name, **options), weights)

    @property
    def sizes(self) -> dict[str, int]:
        """Numbers of units, inputs and outputs, by the words ``unit``, ``input``, ``output``."""
        return _sizes(self.cell.known, self.weights)

    @property
    def dtype(self) -> np.dtype:
        """Precision of the weights, float32 or float64."""
        return next(iter(self.weights.values())).dtype

    @property
    def headline(self) -> tuple[str, Recurrent]:
        """The recurrent matrix that a diagnosis decomposes first, and its name."""
        return next(iter(self.cell.matrices(self.weights).items()))

    def schur(self, name: str | None = None) -> OrderedSchur:
        """Return the ordered real Schur form of a recurrent matrix, computed once.

        Parameters
        ----------
        name : str, optional
            One of the cell's matrices, by default that of the headline.
        """
        name = name or self.headline[0]
        if name not in self.forms:
            self.forms[name] = ordered_real_schur(self.cell.matrices(self.weights)[name].matrix)
        return self.forms[name]

    def outputs(
        self,
        batch: Batch,
        engine: str = "reference",
        changes: Mapping | None = None,
        added: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Return the outputs from the onset of a batch on, in the precision of the weights.

        Parameters
        ----------
        batch : Batch
        engine : {"reference", "fast"}
            The equation in numpy, or the compiled kernel where the cell has one.
        changes : mapping of str to numpy.ndarray, optional
            Weights to take instead of the network's. Recurrent ones may be stacks of K matrices.
        added : tuple of numpy.ndarray, shapes (T, B, K) and (N, K), optional
            Further inputs and their weights, of cells with a W_xh.

        Returns
        -------
        numpy.ndarray, shape (T - onset, B, outputs) or (K, T - onset, B, outputs)

        Raises
        ------
        ValueError
            For an engine that is not in `ENGINES`, or inputs or initial states of another size than
            the network's, or something added to the inputs of a cell without a W_xh.
        """
        if engine not in ENGINES:
            raise ValueError(f"engine is {engine!r}; allowed: {', '.join(ENGINES)}")
        if batch.inputs.shape[-1] != self.sizes["input"]:
            raise ValueError(
                f"inputs have shape {batch.inputs.shape}; allowed: (steps, sequences, "
                f"{self.sizes['input']}), since the network has that many inputs"
            )
        inputs = np.ascontiguousarray(batch.inputs, self.dtype)
        weights = {**self.weights, **self.changed(changes or {})} | self._started(batch)
        weights = {name: w for name, w in weights.items() if name not in CONSTRAINTS}
        if added is not None:
            if "W_xh" not in weights:
                raise ValueError("the cell has no W_xh; allowed: nothing added to its inputs")
            further, kernel = added
            weights["W_xh"] = np.concatenate([weights["W_xh"], kernel], -1, dtype=self.dtype)
            inputs = np.concatenate([inputs, further], -1, dtype=self.dtype)
        # The kernel knows neither optional weights nor options.
        plain = weights.keys() == self.cell.axes.keys() and self.cell.is_plain
        if engine == "fast" and self.cell.compiled is not None and plain:
            return self.cell.compiled(weights, inputs, batch.onset)
        # A network that is cut may run away, which is for the measures to tell.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._rolled_out(weights, inputs, batch.onset)

    def _rolled_out(self, weights: Mapping, inputs: np.ndarray, onset: int) -> np.ndarray:
        """Return the outputs by the equation, of stacks as many at once as `CACHE` allows."""
        recurrent = self.cell.recurrent
        stacks = {name: weights[name] for name in recurrent if weights[name].ndim > 2}
        if not stacks:
            return self.cell.outputs(weights, inputs, onset)
        step = inputs[0, :, 0].nbytes * self.sizes["unit"] * len(recurrent)
        size, count = max(1, CACHE // step), len(next(iter(stacks.values())))
        parts = (
            {name: stack[first : first + size] for name, stack in stacks.items()}
            for first in range(0, count, size)
        )
        return np.concatenate([self.cell.outputs(weights | p, inputs, onset) for p in parts])

    def _started(self, batch: Batch) -> dict[str, np.ndarray]:
        """Return the initial states that come with a batch, if any."""
        for name, start in batch.starts.items():
            if name not in self.cell.known:
                raise ValueError(f"{name} is unknown to the cell; allowed: sequences without it")
            if start.shape[-1] != self.sizes["unit"]:
                raise ValueError(
                    f"{name} has shape {start.shape}; allowed: {self.sizes['unit']} units, as the "
                    "network has"
                )
        return {n: np.ascontiguousarray(start, self.dtype) for n, start in batch.starts.items()}

    def replace(self, changes: Mapping[str, np.ndarray]) -> Network:
        """Return the network with some weights changed, in its own precision."""
        return Network(self.cell, {**self.weights, **self.changed(changes)})

    def changed(self, changes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return changed weights in the network's own precision, after a check of their shapes.

        Raises
        ------
        ValueError
            If one is not a weight of the cell, is not real or has another shape; recurrent weights
            may be stacks.
        """
        arrays = {}
        for name, change in changes.items():
            if name not in self.weights:
                raise ValueError(f"{name} is unknown; allowed: {', '.join(self.weights)}")
            array, shape = real_array(change, name), self.weights[name].shape
            stack = array.ndim == len(shape) + 1 and name in self.cell.recurrent
            if array.shape[stack:] != shape:
                raise ValueError(f"{name} has shape {array.shape}; allowed: {shape}")
            with np.errstate(over="ignore"):
                arrays[name] = np.ascontiguousarray(array, self.dtype)
        return arrays


def _sizes(axes: Mapping[str, tuple[str, ...]], weights: Mapping) -> dict[str, int]:
    """Return the length of each kind of axis, as the first weight that has it says."""
    sizes: dict[str, int] = {}
    for name, weight in weights.items():
        for word, length in zip(axes[name], weight.shape, strict=True):
            sizes.setdefault("unit" if word == "gate" else word, length)
    return sizes
