"""Tidy tables: what names a condition and a network, and what is published, said once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from rnnschur.files import whole_file
from rnnschur.streams import Identity

#: A network of the study, and a condition: all that its networks have in common.
NETWORK = list(Identity._fields)
CONDITION = NETWORK[:-1]

_ABLATIONS = ["alpha", "leading", "removed", "metric", "value", "delta", "removed_mass"]
_ABLATIONS += ["removed_share", "sensitivity", "rollout_difference", "verdict", "learned"]
_SETS = ["alpha", "removed", "set", "metric", "value", "delta", "rollout_difference", "verdict"]
_SETS += ["learned"]
#: Columns of a history, see `rnnschur.training.train`.
HISTORY = ["update", "loss", "gradient_norm", "value"]

#: The columns of published tables, which stay as they are, and of tables with very many rows, which
#: leave out what follows from the rest; other tables show all that there is.
PUBLISHED = {
    "ablations": _ABLATIONS,
    "thresholds": _ABLATIONS,
    "ablation_sets": _SETS,
    "threshold_sets": _SETS,
    "orders": [
        *("order", "draw", "movable", "removed", "removed_mass", "metric", "value", "damage"),
        *("rollout_difference", "learned"),
    ],
    "symmetries": ["control", "rollout_difference", "moduli_change", "departure_change", "learned"],
    "borders": [
        *("leading", "alpha_low", "alpha_high", "gap", "removed", "damage", "removed_mass"),
        *("rollout_difference", "learned"),
    ],
    "frontier": [
        *(
            "basis",
            "ranking",
            "epsilon",
            "alpha",
            "entries",
            "available",
            "foretold",
            "first_order",
        ),
        *("removed", "removed_mass", "next_mass", "rollout_difference", "learned"),
    ],
}

#: How numbers of controls are written. Nothing is computed from them but medians and ranks, and
#: at full length their tables would be twice as large.
FOUR_DIGITS = "%.4g"
#: Tables whose numbers are written so that they come back bit for bit.
EXACT = ("ablations", "thresholds", "ablation_sets", "threshold_sets")


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


def write(table: pd.DataFrame, path: str | Path, digits: str | None = None) -> None:
    """Write a table as CSV, without its index, whole or not at all.

    Parameters
    ----------
    digits : str, optional
        How numbers are written, such as `FOUR_DIGITS`; by default so that they come back bit for
        bit.
    """
    whole_file(path, lambda file: table.to_csv(file, index=False, float_format=digits))


def gather(files: Iterable[str | Path], columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return the rows of several files, one after the other; of none, an empty table."""
    tables = [pd.read_csv(file) for file in files]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*columns])


def by_matrix(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which every recurrent matrix of a network is an architecture of its own.

    So whatever is said of a condition is said of each matrix where networks have several; other
    tables stay as they are. To be called on a whole table, before rows are chosen.
    """
    if "matrix" not in table:
        return table
    several = table.groupby(CONDITION)["matrix"].transform("nunique") > 1
    names = table["architecture"] + ", " + table["matrix"].astype(str)
    return table.assign(architecture=table["architecture"].mask(several, names))


def key_of(table: pd.DataFrame) -> list[str]:
    """Return the columns that name a network in a table, and its matrix where that is said."""
    return [*NETWORK, *(["matrix"] if "matrix" in table else [])]
