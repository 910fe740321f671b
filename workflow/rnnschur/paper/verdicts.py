"""What the paper's statements rest on, and verdicts that count once.

Statements that rest on one measurement are one piece of evidence, however many they are. One that
follows from others adds none, and a theorem is true of every network whatever was measured.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

#: Verdicts, from the best to the worst.
VERDICTS = ("reproduced", "partly", "not")
#: What is said of a theorem, which checks the study and not the paper.
CHECKED = ("holds", "fails")
#: What a statement can rest on.
MEASUREMENT, CONSEQUENCE, THEOREM = "measurement", "consequence", "theorem"

GROUPS = ["kind", "group", "statements", "claim", "networks", "left_out"]
GROUPS += ["share", "share_low", "share_high", "verdict"]


def check(path: str | Path, kind: str, said: list[dict]) -> None:
    """Check what statements say they rest on.

    That is a measurement, by the name of its group, such as ``copy/CC``; several other statements,
    by their ids, none of which follows from others itself; or ``theorem``.

    Parameters
    ----------
    path : path
        Of their file, for the message.
    kind : str
        What a statement is called.
    said : list of dict
        Statements, with the keys id and rests_on.

    Raises
    ------
    ValueError
        For a statement that rests on something else; the message names it.
    """
    measured = [one["id"] for one in said if _is_group(one["rests_on"])]
    for one in said:
        on = one["rests_on"]
        follows = isinstance(on, list) and on and all(name in measured for name in on)
        if not (follows or _is_group(on) or on == THEOREM):
            raise ValueError(
                f"{path}: {kind} {one['id']!r} rests on {on!r}; allowed: a measurement such as "
                f"copy/CC, a list of ids of {kind}s that are measured, or {THEOREM}"
            )


def _is_group(on) -> bool:
    """Tell whether something names a group: a word, a slash and another."""
    return isinstance(on, str) and re.fullmatch(r"[^/]+/[^/]+", on) is not None


def grounds(on: str | list[str]) -> dict:
    """Return what a statement rests on, in the ledger's columns.

    Examples
    --------
    >>> grounds("copy/CC")
    {'rests_on': 'measurement', 'group': 'copy/CC'}
    >>> grounds(["one", "other"])
    {'rests_on': 'consequence', 'group': 'one, other'}
    """
    if isinstance(on, list):
        return {"rests_on": CONSEQUENCE, "group": ", ".join(on)}
    return {"rests_on": THEOREM if on == THEOREM else MEASUREMENT, "group": on}


def groups(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts that count: a row a group of claims or numbers.

    A group has the verdict of its weakest statement. Theorems, consequences, and statements without
    a verdict are in no group. Claims and numbers that have the name of a group in common rest on
    the same measurement, by its sign and by its size, and are groups apart.

    Parameters
    ----------
    ledger : pandas.DataFrame
        As `rnnschur.paper.claims.judge` returns it.

    Returns
    -------
    pandas.DataFrame
        Columns kind, group, statements (how many), verdict, and of the weakest, of several the one
        that the smallest share of networks agrees with: claim, networks, left_out, share,
        share_low and share_high.
    """
    rows = ledger[(ledger["rests_on"] == MEASUREMENT) & ledger["verdict"].isin(VERDICTS)]
    key = ["kind", "group"]
    rows = rows.assign(
        rank=rows["verdict"].map(VERDICTS.index).astype(int),
        statements=rows.groupby(key)["id"].transform("size"),
    )
    weakest = rows.sort_values(["rank", "share"], ascending=[False, True], kind="stable")
    return weakest.drop_duplicates(key).sort_index()[GROUPS].reset_index(drop=True)


def counts(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return how many independent statements have each verdict.

    Parameters
    ----------
    ledger : pandas.DataFrame
        As `rnnschur.paper.claims.judge` returns it.

    Returns
    -------
    pandas.DataFrame
        A row a kind, claim and number; columns statements (all that have a verdict), theorem,
        consequence, independent (groups) and those of `VERDICTS` (of them).
    """
    judged = ledger[ledger["verdict"].isin([*VERDICTS, *CHECKED])]
    apart = groups(ledger)
    table = pd.DataFrame({"statements": judged["kind"].value_counts()})
    for name in (THEOREM, CONSEQUENCE):
        table[name] = judged[judged["rests_on"] == name]["kind"].value_counts()
    table["independent"] = apart["kind"].value_counts()
    for verdict in VERDICTS:
        table[verdict] = apart[apart["verdict"] == verdict]["kind"].value_counts()
    return table.reindex(["claim", "number"]).fillna(0).astype(int)
