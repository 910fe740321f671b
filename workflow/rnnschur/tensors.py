"""Arrays on disk: safetensors files, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as written

from rnnschur.files import whole_file

#: Types of numbers that are read, as safetensors names them.
ALLOWED = ("F32", "F64", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64")


def save(
    path: str | Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write arrays, and words about them, to a safetensors file, whole or not at all."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    # Not by its save_file, which lets nobody but the user read what it writes, whatever the umask.
    whole_file(path, lambda temporary: temporary.write_bytes(written(arrays, metadata)))


def load(path: str | Path) -> dict[str, np.ndarray]:
    """Read all arrays of a safetensors file.

    Raises
    ------
    ValueError
        If the file is not in the safetensors format, or holds numbers of another kind than
        float32, float64 and whole ones, or has a name of several lines; the message names it.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            check_names(path, names)
            kinds = {name: file.get_slice(name).get_dtype() for name in names}
            for name, kind in kinds.items():
                if kind not in ALLOWED:
                    raise ValueError(
                        f"{path}: {name} is of type {kind}; allowed: float32, float64 and whole "
                        f"numbers ({', '.join(ALLOWED)})"
                    )
            return {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None


def check_names(path: str | Path, names: Iterable) -> None:
    """Raise ValueError for a name that no line of a message can hold; none but damage has one."""
    for name in names:
        if not str(name).isprintable():
            raise ValueError(f"{path} holds the name {name!r}; allowed: text of one line")
