"""Statements that are true or false of one network, and what decides them.

A statement is an expression (`rnnschur.paper.expressions`) of variables, and a variable a column of
any table of the study, pivoted to one number a network. The paper's claims
(`rnnschur.paper.claims`) and our own findings (`rnnschur.paper.replication`) are judged by the
share of networks of which they are true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd

from rnnschur import documents
from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.criterion import VERDICTS
from rnnschur.findings import KEPT, with_damage
from rnnschur.interventions.matched import CONTROLS
from rnnschur.interventions.symmetries import SYMMETRIES
from rnnschur.paper.expressions import parse
from rnnschur.statistics import Bootstrap
from rnnschur.tables import CONDITION

#: Of what a column may say, so much is listed where something else is said.
LISTED = 20

#: What the rows of a network that share a name can be reduced to.
REDUCTIONS = ("min", "max", "mean", "median")

#: What a column may say although no row of a study does: a verdict that no network has, a control
#: of couplings none of which is large enough.
WORDS = {
    "verdict": VERDICTS,
    "kept": KEPT,
    "removed": SUBSETS,
    "control": (*CONTROLS, *SYMMETRIES.values(), "rotation"),
}


@dataclass(frozen=True)
class Variable:
    """A column of a table, and which of its rows is which number of a network.

    Attributes
    ----------
    column : str
    by : tuple of str
        Columns whose values tell the rows of a network apart; they follow in the name, after `_`:
        the variable ``quantile`` by coupling and control is ``quantile_CC_dense``.
    where : mapping of str to value or list
        The rows that count: those with one of these values in these columns.
    reduce : str, optional
        What several rows of a name become, one of `REDUCTIONS`; else a network has one.
    equals : str, optional
        The variable is true where the column says this, false elsewhere.
    """

    column: str
    by: tuple[str, ...] = ()
    where: Mapping[str, object] = field(default_factory=dict)
    reduce: str | None = None
    equals: object = None

    def of(self, rows: pd.DataFrame, index: list[str], name: str) -> pd.DataFrame:
        """Return the variable, a row an entry of `index` and a column a combination of `by`.

        Parameters
        ----------
        rows : pandas.DataFrame
            A table. One that has the columns metric and delta has the column damage, too.
        index : list of str
            Columns that name a network.
        name : str
            How the names of the columns that are returned begin.

        Raises
        ------
        ValueError
            For a column that the table does not have, for a value that no row of the table has
            there (of numbers, in `where` only), and for several rows of a network with one name and
            nothing to reduce them to; the message names the variable.
        """
        if {"metric", "delta"} <= set(rows):
            rows = with_damage(rows.reset_index(drop=True))
        for column in (self.column, *self.by, *self.where):
            if column not in rows:
                raise ValueError(
                    f"variable {name!r}: {column!r} is no column of the table; allowed: "
                    + ", ".join(rows.columns)
                )
        wanted = {c: v if isinstance(v, list) else [v] for c, v in self.where.items()}
        for column, values in wanted.items():
            _known(rows, column, values, name)
        number = isinstance(self.equals, Real) and pd.api.types.is_numeric_dtype(rows[self.column])
        if self.equals is not None and not number:
            _known(rows, self.column, [self.equals], name)
        for column, values in wanted.items():
            rows = rows[_one_of(rows[column], values)]
        values = rows[self.column]
        if self.equals is not None:
            values = (values == self.equals).astype(float)
        values = values.rename("value")
        labels = rows[list(self.by)].itertuples(index=False, name=None) if self.by else None
        names = [name] * len(rows) if labels is None else [naming(name, *part) for part in labels]
        table = rows[index].assign(name=names, value=values)
        if self.reduce is not None:
            table = table.groupby([*index, "name"], sort=False)["value"].agg(self.reduce)
            table = table.reset_index()
        elif (twice := table.duplicated([*index, "name"])).any():
            which = table.loc[twice.idxmax()]
            network = "/".join(str(which[part]) for part in index)
            raise ValueError(
                f"variable {name!r}: network {network} has several rows of {which['name']}; "
                f"allowed: one, told apart by by or where, or reduced by {', '.join(REDUCTIONS)}"
            )
        table = table.pivot(index=index, columns="name", values="value").rename_axis(columns=None)
        return table if self.equals is None else table == 1

    def named(self, rows: pd.DataFrame, name: str) -> set[str]:
        """Return all names that the variable can have, of rows that are there or might be."""
        values = [_allowed(rows, column) for column in self.by]
        return {naming(name, *combination) for combination in product(*values)}


def _known(rows: pd.DataFrame, column: str, values: list, name: str) -> None:
    """Raise ValueError for a value that a column cannot have; an empty table has any."""
    allowed = _allowed(rows, column)
    for value in values:
        if len(rows) and not any(_same(value, other) for other in allowed):
            listed = ", ".join(map(str, allowed[:LISTED]))
            raise ValueError(f"variable {name!r}: {column} is {value!r}; allowed: {listed}")


def _allowed(rows: pd.DataFrame, column: str) -> list:
    """Return what a column says in some row, or might say."""
    if pd.api.types.is_bool_dtype(rows[column]):
        return [True, False]
    return list(dict.fromkeys([*rows[column].dropna().unique(), *WORDS.get(column, ())]))


def _same(one, other) -> bool:
    """Tell whether two values are the same; numbers as far as a file rounds them."""
    numbers = isinstance(one, Real) and isinstance(other, Real)
    return bool(np.isclose(one, other)) if numbers else one == other


def _one_of(values: pd.Series, allowed: Iterable) -> np.ndarray:
    """Tell which values are one of some; numbers as far as a file rounds them."""
    if pd.api.types.is_float_dtype(values):
        return np.isclose(values.to_numpy()[:, None], [float(v) for v in allowed]).any(axis=1)
    return values.isin(list(allowed)).to_numpy()


def naming(name: str, *values) -> str:
    """Return the name of a variable with the values that follow in it, as an expression says it.

    Examples
    --------
    >>> naming("damage", "RR+CC"), naming("damage", "RR+CR+CC"), naming("mass", "in order", 0.05)
    ('damage_RR_CC', 'damage_all', 'mass_in_order_0_05')
    """
    return "_".join([name, *map(_word, values)])


def _word(value) -> str:
    if isinstance(value, Real) and not isinstance(value, bool):
        value = f"{value:g}"
    text = {"RR+CR+CC": "all"}.get(value, str(value))
    return re.sub(r"[\W_]+", "_", text).strip("_")


def pivot(rows: pd.DataFrame, index: list[str], variables: Mapping[str, Variable]) -> pd.DataFrame:
    """Return variables of one table side by side, a row a network; see `Variable.of`."""
    return pd.concat([v.of(rows, index, name) for name, v in variables.items()], axis=1)


def read(
    path: str | Path,
    kind: str,
    needed: set[str],
    optional: set[str],
    elsewhere: str | None = None,
) -> dict:
    """Read a file of statements, in YAML.

    Parameters
    ----------
    path : path
    kind : str
        What a statement is called: the file lists them under this word with an s, and each says
        itself in words under it.
    needed, optional : set of str
        Keys of a statement.
    elsewhere : str, optional
        The key of a statement that is decided elsewhere: it has an id and its words beside, and no
        other key.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        As `rnnschur.documents.read`, for a file that is no list of statements, for a statement with
        a missing or unknown key, and for one whose id is no text, or another one's; the message
        names it.
    """
    found = documents.read(path)
    listed = found.get(f"{kind}s") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not all(isinstance(said, dict) for said in listed):
        raise ValueError(
            f"{path} has no {kind}s; needed: a list, under {kind}s, each with its keys"
        )
    seen = set()
    for statement in listed:
        keys, must, may = set(statement), needed, optional
        if elsewhere in keys:
            must, may = {"id", kind, elsewhere} | (needed & {"rests_on"}), set()
        if not must <= keys <= must | may:
            wrong = sorted((must - keys) | (keys - must - may))
            allowed = " and ".join(", ".join(sorted(part)) for part in (must, may) if part)
            raise ValueError(
                f"{path}: {kind} {statement.get('id')!r} lacks or does not know "
                f"{', '.join(wrong)}; allowed: {allowed}"
            )
        if not isinstance(statement["id"], str) or not statement["id"].isprintable():
            raise ValueError(
                f"{path}: {kind} {statement['id']!r} has no name for an id; allowed: text of one "
                "line"
            )
        if statement["id"] in seen:
            raise ValueError(f"{path}: {kind} {statement['id']!r} is there twice; allowed: once")
        seen.add(statement["id"])
    return found


def observations(table: pd.DataFrame, networks: str | list | dict) -> pd.DataFrame:
    """Return the networks that a statement is about, one row an observation.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a network, whose index begins with task, architecture, width and seed.
    networks : str, list or dict
        A condition such as ``copy/orthogonal/72``; several conditions, whose networks are pooled;
        or conditions by name, for a statement about several tasks at once: then an observation is
        one network of each, those with the same seed, and the columns carry the names,
        ``sine_damage_CC``.
    """
    if isinstance(networks, dict):
        parts = [
            observations(table, condition).add_prefix(f"{n}_") for n, condition in networks.items()
        ]
        parts = [part.droplevel(CONDITION) for part in parts]
        return pd.concat(parts, axis=1, join="inner")
    conditions = [networks] if isinstance(networks, str) else networks
    keys = [(task, name, int(width)) for task, name, width in (c.split("/") for c in conditions)]
    chosen = pd.MultiIndex.from_arrays([table.index.get_level_values(n) for n in CONDITION]).isin(
        keys
    )
    return table[chosen]


def evaluate(statement: dict, seen: pd.DataFrame, bounds: Mapping[str, float]) -> pd.DataFrame:
    """Return the quantity of a statement and whether it holds, a row an observation.

    A statement whose quantity is undefined (NaN) in a network does not hold there. One with the key
    `where` is about the observations of which that expression is true.

    Parameters
    ----------
    statement : dict
        With the key agrees, an expression that is true or false, and, optionally, quantity and
        where; `agrees` may name the quantity.
    seen : pandas.DataFrame
        As `observations` returns it.
    bounds : mapping of str to float
        Numbers that expressions may name, too.

    Raises
    ------
    ValueError
        If an expression cannot be evaluated; the message names the statement and the expression.
    """
    known = {**{name: seen[name] for name in seen}, **bounds}
    if "where" in statement:
        chosen = pd.Series(_truth(statement, "where", known), index=seen.index)
        known = {**{name: seen.loc[chosen, name] for name in seen}, **bounds}
        seen = seen[chosen]
    declared = "quantity" in statement
    quantity = _value(statement, "quantity", known) if declared else np.nan
    quantity = pd.Series(quantity, index=seen.index, dtype=float)
    known |= {"quantity": quantity} if declared else {}
    agrees = pd.Series(_truth(statement, "agrees", known), index=seen.index)
    if declared:
        agrees &= quantity.notna()
    return pd.DataFrame({"quantity": quantity, "agrees": agrees})


def names(statement: dict) -> set[str]:
    """Return the names that the expressions of a statement use, but for its own quantity."""
    keys = [key for key in ("quantity", "agrees", "where") if key in statement]
    return set().union(*(_parsed(statement, key).names for key in keys)) - {"quantity"}


def _words(statement: dict, key: str) -> str:
    kind = "finding" if "finding" in statement else "claim"
    return f"{kind} {statement['id']!r}: {key}: {statement[key]!r}"


def _parsed(statement: dict, key: str):
    try:
        return parse(statement[key])
    except ValueError as error:
        raise ValueError(f"{_words(statement, key)}: {error}") from None


def _value(statement: dict, key: str, known: dict):
    """Return the value of an expression of a statement."""
    expression = _parsed(statement, key)
    try:
        return expression.evaluate(known)
    except ValueError as error:
        raise ValueError(f"{_words(statement, key)}: {error}") from None


def _truth(statement: dict, key: str, known: dict):
    """Return the value of an expression of a statement that is true or false."""
    value = _value(statement, key, known)
    if np.asarray(value).dtype != bool:
        raise ValueError(f"{_words(statement, key)} is a number; allowed: what is true or false")
    return value


def rule(statement: dict, bounds: Mapping[str, float]) -> str:
    """Return what decides a statement, its quantity and the bounds written out."""
    quantity = statement.get("quantity", "")
    if re.search(r"\W", quantity):
        quantity = f"({quantity})"
    text = statement["agrees"]
    if "where" in statement:
        text = f"{text}, where {statement['where']}"
    for name, meaning in {"quantity": quantity, **bounds}.items():
        text = re.sub(rf"\b{name}\b", str(meaning), text)
    return text


def share(agrees, trained: int, bootstrap: Bootstrap) -> dict:
    """Return how many networks count and the share that agrees, with its exact interval."""
    counts = {"networks": len(agrees), "left_out": trained - len(agrees)}
    if len(agrees) == 0:
        return counts
    low, high = bootstrap.share(agrees)
    return {**counts, "share": np.mean(agrees), "share_low": low, "share_high": high}
