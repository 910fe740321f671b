"""Two runs of the same networks, side by side."""

import numpy as np
import pandas as pd

NETWORK = ["task", "architecture", "width", "seed"]
MEASURED = ["value", "removed_mass", "rollout_difference"]
#: Numbers agree within this absolute and relative difference; another processor rounds otherwise.
ABSOLUTE, RELATIVE = 1e-3, 1e-2


def compare(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Compare the ablations of the networks that two runs share, row by row.

    Parameters
    ----------
    ours, published : pandas.DataFrame
        Rows of ablations.csv.

    Returns
    -------
    pandas.DataFrame
        One row a network of `ours`: task, architecture, width, seed, rows (ablations found in
        both), the largest absolute difference of value, removed_mass and rollout_difference, and
        agreement: ``identical``, ``close`` (every measured number within 0.001 plus 1 %),
        ``different``, or ``not published``.
    """
    key = [*NETWORK, "alpha", "removed"]
    pairs = ours[[*key, *MEASURED]].merge(
        published[[*key, *MEASURED]], on=key, how="left", suffixes=("", "_published")
    )
    known = pairs["value_published"].notna()
    same, close = known.to_numpy(copy=True), known.to_numpy(copy=True)
    for name in MEASURED:
        other = pairs[f"{name}_published"]
        pairs[f"{name}_difference"] = (pairs[name] - other).abs()
        same &= pairs[f"{name}_difference"] == 0
        close &= pairs[f"{name}_difference"] <= ABSOLUTE + RELATIVE * other.abs()
    differences = [f"{name}_difference" for name in MEASURED]
    pairs = pairs.assign(rows=known, same=same, close=close)
    table = pairs.groupby(NETWORK, sort=False).agg(
        {"rows": "sum", "same": "all", "close": "all", **dict.fromkeys(differences, "max")}
    )
    table["agreement"] = np.select(
        [table["rows"] == 0, table["same"], table["close"]],
        ["not published", "identical", "close"],
        default="different",
    )
    return table.drop(columns=["same", "close"]).reset_index()
