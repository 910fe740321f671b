"""Arrays in the files of others: safetensors, npz, MATLAB's .mat, and PyTorch's state dicts."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnschur import tensors

#: Endings of the files that PyTorch writes.
PYTORCH = (".pt", ".pth", ".pkl", ".ckpt", ".bin", ".tar")
ENDINGS = (".safetensors", ".npz", ".mat", *PYTORCH)

_TRIAL = """
import sys
from scipy.io import loadmat
try:
    loadmat(sys.argv[1])
except Exception:
    pass
"""


def arrays(path: str | Path) -> dict[str, object]:
    """Read every array of a file, by its name.

    What lies in a dictionary of a checkpoint, or in a struct of MATLAB's, has the name of that and
    a dot before its own.

    Parameters
    ----------
    path : path
        Its ending says what it is: one of `ENDINGS`.

    Returns
    -------
    dict of str to array_like
        Nothing is unpickled. An entry of an npz file that would need it is an empty array of
        objects, which `rnnschur.arrays.real_array` refuses.

    Raises
    ------
    ValueError
        If the file is not there, has another ending, cannot be read as what it says to be, or
        holds a name of several lines; the message names it.
    """
    path = Path(path)
    readers = {".safetensors": tensors.load, ".npz": _npz, ".mat": _mat}
    readers |= dict.fromkeys(PYTORCH, _pytorch)
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path} ends in {path.suffix!r}; allowed: {', '.join(ENDINGS)}")
    if not path.is_file():
        raise ValueError(f"{path} is not there; allowed: a file {', '.join(ENDINGS)}")
    try:
        found = readers[path.suffix.lower()](path)
    except (MemoryError, RecursionError):
        raise ValueError(
            f"{path} needs more memory than there is, or contains itself; allowed: arrays that fit"
        ) from None
    tensors.check_names(path, found)
    return found


def _npz(path: Path) -> dict[str, np.ndarray]:
    """Read an npz file, leaving out what is pickled in it."""
    found = {}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            for name in file.files:
                try:
                    found[name] = file[name]
                except ValueError:
                    found[name] = np.empty(0, object)
    except (ValueError, OSError, EOFError, AttributeError, TypeError, zipfile.BadZipFile):
        raise ValueError(f"{path} is not an npz file") from None
    return found


def _mat(path: Path) -> dict[str, object]:
    """Read a .mat file, structs as dictionaries."""
    from scipy.io import loadmat  # only here: a diagnosis does not need it

    if not _survived(path):
        raise ValueError(f"{path} is not a .mat file")
    try:
        found = loadmat(path)
    except NotImplementedError:
        raise ValueError(
            f"{path} has MATLAB's format 7.3; allowed: up to 7.2, by save(..., '-v7')"
        ) from None
    except Exception:  # what is cut short fails in many ways
        raise ValueError(f"{path} is not a .mat file") from None
    return _flat({name: _plain(v) for name, v in found.items() if not name.startswith("__")})


def _survived(path: Path) -> bool:
    """Tell whether a .mat file leaves the process alive that reads it.

    One wrong byte, that of the type of an array's numbers, ends it with a segmentation fault in
    SciPy 1.17; so another process reads the file first, for a third of a second.
    """
    trial = [sys.executable, "-P", "-c", _TRIAL, str(path)]
    ended = subprocess.run(trial, capture_output=True, check=False).returncode
    return ended >= 0 if os.name == "posix" else ended == 0  # by a signal, or at all


def _plain(value):
    """Return a variable of MATLAB's: a struct as a dictionary, a sparse matrix as an array."""
    if hasattr(value, "toarray"):
        return value.toarray()
    if isinstance(value, np.ndarray) and value.dtype.names and value.size == 1:
        entry = value.ravel()[0]
        return {name: _plain(entry[name]) for name in value.dtype.names}
    return value


def _pytorch(path: Path) -> dict[str, object]:
    """Read a file of PyTorch's, tensors and nothing else."""
    try:
        import torch
    except ImportError:
        raise ValueError(
            f"{path} is a file of PyTorch's, which is not installed; allowed without it: "
            ".safetensors, .npz, .mat"
        ) from None
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickles by others than PyTorch
            found = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # what is no pickle, or cut short, fails in many ways
        raise ValueError(
            f"{path} needs more than torch.load(weights_only=True), or is not PyTorch's: "
            f"{_cause(error)}; allowed: torch.save(model.state_dict(), ...), tensors alone"
        ) from None
    if not isinstance(found, Mapping):
        raise ValueError(f"{path} holds a {type(found).__name__}; allowed: a state dict")
    return {name: v for name, v in _flat(found).items() if hasattr(v, "detach")}


def _flat(nested: Mapping, prefix: str = "") -> dict[str, object]:
    """Return the entries of nested dictionaries, names joined by dots."""
    found = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _cause(error: Exception) -> str:
    """Return what an unpickler refused; its own words advise to trust the file."""
    _, found, rest = str(error).partition("Unsupported global: GLOBAL ")
    return f"it asks for {rest.split()[0]}" if found else "it cannot be read"
