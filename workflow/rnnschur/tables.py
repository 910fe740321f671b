"""Tidy tables: what names a condition and a network, what is published, and how they are read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd
from pandas.api import types

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

#: What the columns of all tables hold, in words, and the test of it; other columns hold anything.
_KINDS = {
    "text, no cell empty": (
        lambda column: types.is_string_dtype(column) and column.notna().all(),
        ("task", "architecture", "removed", "metric", "control", "order", "phase"),
    ),
    "whole numbers of at least 0": (
        lambda column: types.is_integer_dtype(column) and (column >= 0).all(),
        ("width", "seed", "index", "set", "update", "step"),
    ),
    "True or False": (types.is_bool_dtype, ("learned",)),
    "finite numbers": (
        lambda column: _numeric(column) and column.abs().lt(float("inf")).all(),
        ("real", "imaginary", "modulus", "removed_mass"),
    ),
    # Empty where a network runs away, or where there is nothing to tell.
    "numbers": (
        lambda column: _numeric(column),
        (
            *("alpha", "leading", "value", "delta", "damage", "removed_share", "sensitivity"),
            *("rollout_difference", "loss", "gradient_norm", "gap", "energy", "bits"),
        ),
    ),
}
#: What rows there are of every network, whatever the study: columns in all their combinations.
_WHOLE = {
    "ablations": ["alpha", "removed"],
    "thresholds": ["alpha", "removed"],
    "ablation_sets": ["alpha", "removed", "set"],
    "threshold_sets": ["alpha", "removed", "set"],
}

#: Columns of a table that scripts cannot do without, beside the names of its networks.
_NEEDED = {
    **PUBLISHED,
    "networks": ["learned", "metric", "value", "leading"],
    "spectra": ["index", "real", "imaginary", "modulus", "block"],
    "spectrum": ["index", "real", "imaginary", "modulus", "block"],
    "histories": HISTORY,
    "history": HISTORY,
    "energy": ["phase", "step", "energy", "R", "C"],
}
#: Of these, what is added where a table is gathered.
_JUDGED = {"verdict", "learned"}


def _numeric(column: pd.Series) -> bool:
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def read(path: str | Path, needed: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table of the study.

    Parameters
    ----------
    path : path
        A CSV file. Its name says which rows a network has in it, if that is known.
    needed : iterable of str
        Columns that it must have beside those that all tables of its name have.

    Raises
    ------
    ValueError
        If the file is no table, ends within a row, has a column or row twice, lacks one, or has a
        column of another kind than all tables; the message names file, column and row.
    """
    try:
        content = Path(path).read_bytes()
        if not content.endswith(b"\n"):
            raise ValueError(f"{path} ends within a row; allowed: whole rows")
        names = next(csv.reader(content.decode().splitlines()[:1]), [])
        table = pd.read_csv(BytesIO(content))
        if not isinstance(table.index, pd.RangeIndex):  # made of cells that have no column
            raise pd.errors.ParserError
    except OSError:
        raise ValueError(f"{path} is not there; allowed: a table") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise ValueError(f"{path} is no table; allowed: CSV, a row a line") from None
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{path} has the column {twice[0]} twice; allowed: once")
    kind = Path(path).stem.rpartition(".")[2]
    if kind in _NEEDED:
        later = _JUDGED if kind != Path(path).stem else set()  # a block is not judged yet
        needed = [*needed, *NETWORK, *(name for name in _NEEDED[kind] if name not in later)]
    if missing := [name for name in needed if name not in table]:
        raise ValueError(f"{path} lacks {', '.join(missing)}; needed: {', '.join(needed)}")
    if len(table) and "seed" in table:  # of others, columns of these names count networks
        _check_columns(path, table)
        _check_rows(path, table)
    return table


def _check_columns(path: str | Path, table: pd.DataFrame) -> None:
    """Raise ValueError for a column of another kind than it has in all tables."""
    for allowed, (holds, columns) in _KINDS.items():
        for name in table.columns.intersection(columns):
            column = table[name]
            if not holds(column):
                # Of a column with one wrong cell all are text: each is looked at by itself.
                each = (pd.read_csv(StringIO(f"x\n{cell}\n"))["x"] for cell in column.astype(str))
                wrong = (row for row, cell in enumerate(each) if not holds(cell))
                row = next(wrong, 0)
                raise ValueError(
                    f"{path}: {name} is {str(column.iloc[row])!r} in line {row + 2}; "
                    f"allowed: {allowed}"
                )


def _check_rows(path: str | Path, table: pd.DataFrame) -> None:
    """Raise ValueError for a row that is there twice, or missing."""
    if (twice := table.duplicated()).any():
        raise ValueError(f"{path} has line {twice.argmax() + 2} twice; allowed: once")
    columns = _WHOLE.get(Path(path).stem.rpartition(".")[2])
    if columns is None:
        return
    names = key_of(table)
    # Networks from elsewhere may have other rows in each condition, and of each of their matrices.
    condition = [name for name in names if name != "seed"]
    every = table[[*condition, *columns]].drop_duplicates().groupby(condition).size()
    counts = table.groupby(names, sort=False).size()
    allowed = every.loc[counts.index.droplevel("seed")].to_numpy()
    if (wrong := counts != allowed).any():
        network = counts.index[wrong.argmax()]
        raise ValueError(
            f"{path} has {counts[network]} rows of {_named(network)}; allowed: "
            f"{allowed[wrong.argmax()]}, one for each {' and '.join(columns)}"
        )


def _named(network: tuple) -> str:
    return "/".join(map(str, network))


def same_networks(tables: Mapping[str, pd.DataFrame]) -> None:
    """Check that tables are about the same networks; those without rows are about any.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By what they are called in messages.

    Raises
    ------
    ValueError
        For a network that is in the first and not in another, or the other way round, which a
        merge would leave out.
    """
    (first, table), *others = tables.items()
    found = set(table[NETWORK].itertuples(index=False, name=None))
    for name, other in others:
        those = set(other[NETWORK].itertuples(index=False, name=None)) or found
        for lacks, has, lost in ((name, first, found - those), (first, name, those - found)):
            if lost:
                raise ValueError(
                    f"{lacks} lacks {_named(min(lost))}, which {has} has; "
                    "allowed: the same networks"
                )


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
    """Return the rows of several files, one after the other; of none, an empty table.

    Raises
    ------
    ValueError
        As `read`.
    """
    tables = [read(file, columns) for file in files]
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
