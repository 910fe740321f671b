"""Tidy tables: the columns that name a cell and a network, said once."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

#: A cell of the grid.
CELL = ["task", "architecture", "width"]
#: A network of the study.
NETWORK = [*CELL, "seed"]


def keyed(rows: Iterable[tuple[int, pd.DataFrame]], cell: tuple[str, str, int]) -> pd.DataFrame:
    """Return the rows of several networks of a cell as one table, under the names of the networks.

    Parameters
    ----------
    rows : iterable of (int, pandas.DataFrame)
        Seed and rows of each network.
    cell : tuple
        Task, architecture and width.

    Returns
    -------
    pandas.DataFrame
        The columns task, architecture, width and seed, then those of `rows`.
    """
    table = pd.concat({(*cell, seed): part for seed, part in rows}, names=NETWORK)
    return table.droplevel(-1).reset_index()


def gather(files: Iterable[str | Path]) -> pd.DataFrame:
    """Return the rows of several files, one after the other."""
    return pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
