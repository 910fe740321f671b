"""Tidy tables: what names a condition and a network, and what is published, said once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from rnnschur.streams import Identity

#: A network of the study, and a condition: all that its networks have in common.
NETWORK = list(Identity._fields)
CONDITION = NETWORK[:-1]

_ABLATIONS = ["alpha", "leading", "removed", "metric", "value", "delta", "removed_mass"]
_ABLATIONS += ["removed_share", "sensitivity", "rollout_difference", "verdict", "learned"]
#: The columns of published tables, which stay as they are; other tables show all that there is.
PUBLISHED = {
    "ablations": _ABLATIONS,
    "thresholds": _ABLATIONS,
    "orders": ["order", "draw", "movable", "removed", "removed_mass", "metric", "value", "learned"],
    "symmetries": ["control", "rollout_difference", "moduli_change", "departure_change", "learned"],
}


def keyed(
    rows: Iterable[tuple[int, pd.DataFrame]], condition: tuple[str, str, int]
) -> pd.DataFrame:
    """Return the rows of several networks of a condition as one table, under their names.

    Parameters
    ----------
    rows : iterable of (int, pandas.DataFrame)
        Seed and rows of each network.
    condition : tuple
        Task, architecture and width.

    Returns
    -------
    pandas.DataFrame
        The columns task, architecture, width and seed, then those of `rows`.
    """
    table = pd.concat({(*condition, seed): part for seed, part in rows}, names=NETWORK)
    return table.droplevel(-1).reset_index()


def gather(files: Iterable[str | Path]) -> pd.DataFrame:
    """Return the rows of several files, one after the other."""
    return pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
