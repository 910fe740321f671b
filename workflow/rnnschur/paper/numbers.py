"""The paper's numbers beside ours."""

import pandas as pd

from rnnschur.tables import CONDITION


def against_paper(paper: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers with ours beside them; conditions that were not run stay empty.

    Parameters
    ----------
    paper : pandas.DataFrame
        `report/paper.csv`: a row a number, with task, architecture, width, removed and quantity.
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
