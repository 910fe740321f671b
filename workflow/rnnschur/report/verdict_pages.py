"""The report's tables of the paper's claims and numbers."""

import numpy as np
import pandas as pd

from rnnschur.paper.verdicts import CONSEQUENCE, groups
from rnnschur.report.formats import digits, interval


def ledger_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's claims and numbers with their verdicts, a row a claim."""
    rows = ledger[ledger["networks"] > 0]
    follows = np.where(rows["rests_on"] == CONSEQUENCE, "follows from ", "")
    return pd.DataFrame(
        {
            "claim": rows["claim"],
            "rests on": follows + rows["group"],
            "quantity": rows["quantity"].fillna(""),
            "paper": rows["paper"].map(digits),
            "ours (mean)": rows["mean"].map(digits),
            "interval": [interval(row) for _, row in rows.iterrows()],
            "with held-out sets": [interval(row, "sets_") for _, row in rows.iterrows()],
            "one more network": [interval(row, "prediction_") for _, row in rows.iterrows()],
            "networks that agree": [_agree(row) for _, row in rows.iterrows()],
            "unsettled": rows["unsettled"].map(digits),
            "verdict": rows["verdict"].fillna(""),
            "flips near": rows["flips"].astype(object).fillna(""),
            # A bound that was computed has a rounded last digit.
            "rule": rows["rule"].replace(r"(\.\d+?)0{6,}\d+", r"\1", regex=True),
        }
    )


def independent_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts that count, a row a group of claims or numbers, with its weakest one."""
    rows = groups(ledger)
    statements = zip(rows["statements"], rows["kind"], strict=True)
    return pd.DataFrame(
        {
            "rests on": rows["group"],
            "statements": [f"{n} {kind}{'s' if n > 1 else ''}" for n, kind in statements],
            "the weakest": rows["claim"],
            "networks that agree (numbers go by the mean)": [
                _agree(row) for _, row in rows.iterrows()
            ],
            "verdict": rows["verdict"],
        }
    )


def _agree(row: pd.Series) -> str:
    """Return how many networks agree and the interval of their share: '7 of 10 [0.348, 0.933]'."""
    text = f"{round(row['share'] * row['networks'])} of {row['networks']} {interval(row, 'share_')}"
    return text + (f" ({row['left_out']} left out)" if row["left_out"] else "")
