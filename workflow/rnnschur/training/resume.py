"""A block of networks trained one after the other; each finished one survives an interruption."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from rnnschur import tensors
from rnnschur.tables import HISTORY

#: Prefix of the columns of a history among the tensors of a network.
_HISTORY = "history."


class Waiting:
    """Finished networks of a block, which wait in a folder until the block is complete.

    They count only for one record: a block that starts with another one throws them away.

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
        tensors.whole_file(kept, lambda path: path.write_text(stamp))

    def __contains__(self, seed: int) -> bool:
        return self._file(seed).exists()

    def put(self, seed: int, weights: dict[str, np.ndarray], history: pd.DataFrame) -> None:
        """Keep the weights and the history of a finished network."""
        columns = {f"{_HISTORY}{name}": history[name].to_numpy() for name in history}
        tensors.save(self._file(seed), {**weights, **columns})

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

    def clear(self) -> None:
        """Remove the folder: the block is complete."""
        shutil.rmtree(self.folder)

    def _file(self, seed: int) -> Path:
        return self.folder / f"seed{seed}.safetensors"
