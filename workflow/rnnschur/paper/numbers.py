"""The paper's numbers, read, beside ours, and judged."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import pandas as pd

from rnnschur.metrics import METRICS, RELATIVE_TOLERANCE, Metric, relative_misfit
from rnnschur.paper import prediction, verdicts
from rnnschur.paper.statements import naming, observations
from rnnschur.paper.verdicts import VERDICTS
from rnnschur.statistics import Bootstrap
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


def observed(row: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Return the observations of one of the paper's numbers, one a network, by seed.

    Parameters
    ----------
    row : pandas.Series
        A row of `report/paper.csv`: task, architecture, width, removed, quantity, paper.
    table : pandas.DataFrame
        As `rnnschur.paper.claims.wide` returns it, at one threshold.
    """
    quantity = {"delta": "damage"}.get(row["quantity"], row["quantity"])  # of an FVU the same
    return observations(table, cell(row))[naming(quantity, row["removed"])].dropna()


def misfit(row: pd.Series, table: pd.DataFrame, ours) -> np.ndarray:
    """Return the distance of numbers from one of the paper's, in units of what counts as reached.

    That of the metric for its values (`rnnschur.metrics.Metric.misfit`), `relative_misfit`
    elsewhere.

    Parameters
    ----------
    row, table
        As for `observed`; `table` tells the metric.
    ours : array_like
    """
    if row["quantity"] != "value":
        return relative_misfit(ours, row["paper"])
    metric = _metric(row, table)
    return np.array([]) if metric is None else metric.misfit(ours, row["paper"])


def _metric(row: pd.Series, table: pd.DataFrame) -> Metric | None:
    """Return the measure that a number is about; None without networks."""
    metrics = observations(table, cell(row))["metric"]
    return METRICS[metrics.iloc[0]] if len(metrics) else None


def _tolerance(row: pd.Series, table: pd.DataFrame) -> str:
    """Return what counts as reached, in words; nothing for a value without networks."""
    if row["quantity"] != "value":
        return RELATIVE_TOLERANCE
    metric = _metric(row, table)
    return "" if metric is None else metric.tolerance


def cell(row: pd.Series) -> str:
    """Return the condition that a number is of, as claims name it."""
    return "{task}/{architecture}/{width}".format(**row)


def plausible(
    target: pd.Series, table: pd.DataFrame, confidence: float
) -> tuple[float, float, bool]:
    """Return where one more network would fall, and whether the paper's number lies there.

    Parameters
    ----------
    target : pandas.Series
        A row of paper_comparison.csv, of a condition with two networks at least.
    table : pandas.DataFrame
        As `rnnschur.paper.claims.wide` returns it.
    confidence : float

    Returns
    -------
    low, high : float
        See `rnnschur.paper.prediction.interval`.
    inside : bool
        See `rnnschur.paper.prediction.inside`.
    """
    accuracy = target["quantity"] == "value" and _metric(target, table).absolute
    resolution = target["digit"] / 2
    low, high = prediction.interval(observed(target, table), accuracy, resolution, confidence)
    return low, high, prediction.inside(target["paper"], resolution, low, high)


def verdict(target: pd.Series, table: pd.DataFrame, inside: bool, tolerance: float = 1) -> str:
    """Return the verdict on a number, see `rnnschur.paper.claims.judge`.

    Parameters
    ----------
    target : pandas.Series
        A row of paper_comparison.csv.
    table : pandas.DataFrame
        As `rnnschur.paper.claims.wide` returns it; it tells the metric.
    inside : bool
        Whether it is `plausible`.
    tolerance : float
        What counts as reached, in units of `misfit`.
    """
    off = misfit(target, table, target[["ours", "low", "high"]]) / tolerance
    reached, near = np.all(off <= [1, 2, 2]), off[0] <= 2
    return VERDICTS[2 - int(reached) - int(near and inside)]


def compared(target: pd.Series, table: pd.DataFrame, bootstrap: Bootstrap) -> dict:
    """Return the row of the ledger of one of the paper's numbers, but for its share."""
    row = {"id": target["id"], "kind": "number", "claim": target["claim"], "verdict": ""}
    row |= verdicts.grounds(target["rests_on"]) | {"rule": _tolerance(target, table)}
    row |= {"quantity": target["quantity"], "paper": target["paper"]}
    values = observed(target, table)
    if len(values) == 0:
        return row
    row |= {"mean": target["ours"], "low": target["low"], "high": target["high"]}
    if len(values) == 1:
        return row
    low, high, inside = plausible(target, table, bootstrap.confidence)
    row |= {"prediction_low": low, "prediction_high": high, "inside": inside}
    return row | {"verdict": verdict(target, table, inside)}
