"""Weights of trained networks on disk: safetensors, stacked over the networks of a cell."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file


@dataclass(frozen=True)
class Weights:
    """The weights of S networks of one shape, float32.

    Attributes
    ----------
    W_hh : numpy.ndarray, shape (S, N, N)
    W_xh : numpy.ndarray, shape (S, N, inputs)
    W_hy : numpy.ndarray, shape (S, outputs, N)
    seed : numpy.ndarray of int64, shape (S,)
    """

    W_hh: np.ndarray
    W_xh: np.ndarray
    W_hy: np.ndarray
    seed: np.ndarray

    def __post_init__(self):
        count, width = self.W_hh.shape[0], self.W_hh.shape[-1]
        expected = {
            "W_hh": ("(S, N, N)", (count, width, width)),
            "W_xh": ("(S, N, inputs)", (count, width, self.W_xh.shape[-1])),
            "W_hy": ("(S, outputs, N)", (count, *self.W_hy.shape[1:2], width)),
            "seed": ("(S,)", (count,)),
        }
        for name, (words, shape) in expected.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}; allowed: {words} = {shape}")
            if not np.all(np.isfinite(array)):
                raise ValueError(f"{name} has entries that are not finite")

    def __len__(self) -> int:
        return len(self.seed)

    def __iter__(self):
        """Yield the seed and the weights (W_hh, W_xh, W_hy) of each network."""
        networks = zip(self.W_hh, self.W_xh, self.W_hy, strict=True)
        return zip(self.seed.tolist(), networks, strict=True)


def whole_file(path: str | Path, write) -> None:
    """Call `write` with a temporary path and rename the file to `path` once it is complete.

    An interrupted writer leaves nothing under `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save(path: str | Path, tensors: dict[str, np.ndarray]) -> None:
    """Write arrays to a safetensors file, whole or not at all."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    whole_file(path, lambda temporary: save_file(arrays, temporary))


def load(path: str | Path) -> dict[str, np.ndarray]:
    """Read all arrays of a safetensors file.

    Raises
    ------
    ValueError
        If the file is not in the safetensors format; the message names it.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None


def load_weights(path: str | Path) -> Weights:
    """Read the weights of a cell.

    Raises
    ------
    ValueError
        If a tensor is missing, has the wrong shape or is not finite; the message names the file,
        the tensor and what is allowed.
    """
    tensors = load(path)
    names = ("W_hh", "W_xh", "W_hy", "seed")
    missing = [name for name in names if name not in tensors]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; it must hold {', '.join(names)}")
    try:
        return Weights(*(tensors[name] for name in names))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
