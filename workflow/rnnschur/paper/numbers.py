"""The paper's numbers, read, and beside ours."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from rnnschur.paper import verdicts
from rnnschur.tables import CONDITION, read

NEEDED = ["id", "claim", *CONDITION, "removed", "quantity", "paper", "rests_on"]


def load(path: str | Path) -> pd.DataFrame:
    """Read the paper's numbers.

    Parameters
    ----------
    path : path
        `report/paper.csv`: a row a number, with id, claim (in words), task, architecture, width,
        removed, quantity, paper (as it is printed) and rests_on (the group of the measurement).

    Returns
    -------
    pandas.DataFrame
        Its rows, with digit: a unit of the last digit that the paper prints, 0.01 of ``1.00``.

    Raises
    ------
    ValueError
        For a number that is none, and as `rnnschur.tables.read` and
        `rnnschur.paper.verdicts.check`; the message names it.
    """
    table = read(path, NEEDED)
    table["paper"] = pd.read_csv(path, usecols=["paper"], dtype=str)["paper"]  # with its zeros
    verdicts.check(path, "number", table.to_dict("records"))
    digit = [_digit(path, *row) for row in table[["id", "paper"]].itertuples(index=False)]
    table["paper"] = table["paper"].astype(float)
    table.insert(table.columns.get_loc("paper") + 1, "digit", digit)
    return table


def _digit(path: str | Path, name: str, text: str) -> float:
    """Return a unit of the last digit of a printed number."""
    try:
        exponent = Decimal(text).as_tuple().exponent
        return float(Decimal(1).scaleb(exponent))
    except (InvalidOperation, TypeError):  # no number; NaN and infinity have no digits
        raise ValueError(
            f"{path}: number {name!r}: paper is {text!r}; allowed: a number as it is printed"
        ) from None


def against_paper(paper: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers with ours beside them; conditions that were not run stay empty.

    Parameters
    ----------
    paper : pandas.DataFrame
        As `load` returns it.
    summary : pandas.DataFrame
        Mean and intervals over networks, see `rnnschur.statistics.summarize`.

    Returns
    -------
    pandas.DataFrame
        The rows of `paper` with networks, ours (the mean), sd, low, high, those with held-out sets,
        sets_low and sets_high, if `summary` has them, difference and ratio.
    """
    key = [*CONDITION, "removed", "quantity"]
    ours = summary.rename(columns={"mean": "ours"})
    sets = [name for name in ("sets_low", "sets_high") if name in ours]
    ours = ours[[*key, "networks", "ours", "sd", "low", "high", *sets]]
    table = paper.merge(ours, on=key, how="left")
    table["difference"] = table["ours"] - table["paper"]
    table["ratio"] = table["ours"] / table["paper"]
    return table
