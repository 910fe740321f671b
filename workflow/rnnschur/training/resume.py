"""A block of networks trained one after the other: nothing of it is lost by an interruption.

Finished networks wait in a folder; one in training leaves its state there every `EVERY` seconds.
"""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd

from rnnschur import tensors
from rnnschur.files import write_text
from rnnschur.tables import HISTORY

#: Prefix of the columns of a history among the tensors of a network.
_HISTORY = "history."
#: Seconds of training that an interruption can cost.
EVERY = 60.0


class Checkpoint:
    """The state of a network in training, on disk.

    Parameters
    ----------
    file : path
    every : float
        Seconds between two states.
    """

    def __init__(self, file: str | Path, every: float = EVERY):
        self.file, self.every = Path(file), every
        self.saved = time.monotonic()

    def due(self) -> bool:
        """Return whether it is time for another state."""
        return time.monotonic() - self.saved >= self.every

    def save(self, state: dict[str, np.ndarray]) -> None:
        """Keep a state in place of the one before."""
        tensors.save(self.file, state)
        self.saved = time.monotonic()

    def load(self) -> dict[str, np.ndarray]:
        """Return the state that was kept last; none where there is none, or a damaged one."""
        try:
            return tensors.load(self.file)
        except (FileNotFoundError, ValueError):
            return {}


class Waiting:
    """Finished networks of a block, which wait in a folder until Snakemake knows of the block.

    Only then, and not when the block is complete, is the folder removed (by `train.smk`): a job
    that ends as Snakemake is killed counts as unfinished, and runs again. They count only for one
    record: a block that starts with another one throws them away.

    Parameters
    ----------
    folder : path
        Where they wait.
    record : dict
        All that the networks depend on, as JSON can say it.
    """

    def __init__(self, folder: str | Path, record: dict):
        self.folder = Path(folder)
        stamp, kept = json.dumps(record, sort_keys=True), self.folder / "record.json"
        if self.folder.exists() and not (kept.exists() and kept.read_text() == stamp):
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(kept, stamp)

    def __contains__(self, seed: int) -> bool:
        return self._file(seed).exists()

    def put(self, seed: int, weights: dict[str, np.ndarray], history: pd.DataFrame) -> None:
        """Keep the weights and the history of a finished network."""
        columns = {f"{_HISTORY}{name}": history[name].to_numpy() for name in history}
        tensors.save(self._file(seed), {**weights, **columns})
        self.checkpoint(seed).file.unlink(missing_ok=True)

    def checkpoint(self, seed: int) -> Checkpoint:
        """Return where the state of a network in training is kept."""
        return Checkpoint(self.folder / f"seed{seed}.checkpoint.safetensors")

    def get(self, seed: int) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Return the weights and the history of a finished network."""
        stored = tensors.load(self._file(seed))
        history = {
            name.removeprefix(_HISTORY): column
            for name, column in stored.items()
            if name.startswith(_HISTORY)
        }
        weights = {name: w for name, w in stored.items() if not name.startswith(_HISTORY)}
        return weights, pd.DataFrame(history)[HISTORY]

    def _file(self, seed: int) -> Path:
        return self.folder / f"seed{seed}.safetensors"
