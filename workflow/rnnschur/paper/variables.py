"""What expressions of statements may name: variables by name, as a file declares them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rnnschur.paper import statements
from rnnschur.paper.statements import REDUCTIONS, Variable

#: Variables by name: of each the table, and the column of it.
Variables = Mapping[str, tuple[str, Variable]]


def declared(path: str | Path, said) -> dict[str, tuple[str, Variable]]:
    """Return the variables that a file declares, by name.

    Parameters
    ----------
    path : path
        Of the file, for messages.
    said : dict
        By the name of a variable, its keys: table, column and, optionally, those of
        `rnnschur.paper.statements.Variable`.

    Raises
    ------
    ValueError
        For a key that is missing, unknown or not what it must be; the message names it.
    """
    allow(path, "variables", said, isinstance(said, dict), "variables by name")
    return {name: _variable(path, name, keys) for name, keys in said.items()}


def allow(path: str | Path, key: str, value, fits: bool, allowed: str) -> None:
    """Raise ValueError unless what a file says under a key fits."""
    if not fits:
        raise ValueError(f"{path}: {key} is {value!r}; allowed: {allowed}")


def _variable(path: str | Path, name: str, said: dict) -> tuple[str, Variable]:
    """Return table and variable of an entry under `variables`."""
    known = {"table", "column", "by", "where", "reduce", "equals"}
    allow(path, f"variable {name!r}", said, isinstance(said, dict), ", ".join(sorted(known)))
    if not {"table", "column"} <= set(said) <= known:
        wrong = sorted(({"table", "column"} - set(said)) | (set(said) - known))
        raise ValueError(
            f"{path}: variable {name!r} lacks or does not know {', '.join(wrong)}; "
            f"allowed: {', '.join(sorted(known))}"
        )
    by, where, reduce = said.get("by", []), said.get("where", {}), said.get("reduce", "min")
    texts = isinstance(by, list) and all(isinstance(column, str) for column in by)
    equals = said.get("equals", 0)
    for key, fits, allowed in (
        ("table", isinstance(said["table"], str), "the name of a table"),
        ("column", isinstance(said["column"], str), "the name of a column"),
        ("by", texts, "a list of columns"),
        ("where", isinstance(where, dict), "values by the name of their column"),
        ("reduce", reduce in REDUCTIONS, ", ".join(REDUCTIONS)),
        ("equals", isinstance(equals, str | bool | int | float), "a value of the column"),
    ):
        allow(path, f"variable {name!r}: {key}", said.get(key), fits, allowed)
    rest = {key: value for key, value in said.items() if key not in ("table", "by")}
    return said["table"], Variable(by=tuple(by), **rest)


def tables_of(variables: Variables) -> list[str]:
    """Return the names of the tables that variables are from, each once."""
    return list(dict.fromkeys(table for table, _ in variables.values()))


def named(variables: Variables, name: str, networks: str | list | dict) -> str | None:
    """Return the variable that a name is or, of one with `by`, begins with; the longest.

    Parameters
    ----------
    variables : mapping of str to tuple of (str, Variable)
    name : str
        As an expression says it: where conditions have names, one of these comes first.
    networks : str, list or dict
        As `rnnschur.paper.statements.observations` takes them.
    """
    return max(_readings(variables, name, networks), key=len, default=None)


def columns(variables: Variables, statement: dict) -> set[str]:
    """Return the names of variables in a statement as columns have them, of whatever condition."""
    found = set()
    for name in statements.names(statement):
        readings = _readings(variables, name, statement["networks"])
        if readings:
            found.add(readings[max(readings, key=len)])
    return found


def used(variables: Variables, statement: dict) -> dict[str, dict[str, Variable]]:
    """Return the variables that a statement names, by table and name; its other names are none."""
    found: dict[str, dict[str, Variable]] = {}
    for name in sorted(statements.names(statement)):
        variable = named(variables, name, statement["networks"])
        if variable is not None:
            table, column = variables[variable]
            found.setdefault(table, {})[variable] = column
    return found


def prefixes(networks: str | list | dict) -> list[str]:
    """Return how names of variables may begin where conditions have names."""
    return [f"{part}_" for part in networks] if isinstance(networks, dict) else [""]


def _readings(variables: Variables, name: str, networks: str | list | dict) -> dict[str, str]:
    """Return the variables that a name can be, and as which column of each."""
    rests = [name.removeprefix(p) for p in prefixes(networks) if name.startswith(p)]
    return {
        variable: rest
        for variable, (_, column) in variables.items()
        for rest in rests
        if (rest.startswith(f"{variable}_") if column.by else rest == variable)
    }
