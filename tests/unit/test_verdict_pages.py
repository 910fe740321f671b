"""The tables of the paper's claims and numbers."""

import numpy as np
import pandas as pd

from rnnschur.report import verdict_pages

JUDGED = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"], "kind": ["number", "number", "claim", "claim"],
        "rests_on": ["measurement", "measurement", "consequence", "theorem"],
        "group": ["copy/RR", "copy/RR", "e, f", "theorem"],
        "claim": ["A.", "B.", "C.", "D."], "rule": "x", "quantity": ["value", "value", None, "v"],
        "paper": [0.876, np.nan, np.nan, np.nan], "networks": [10, 0, 10, 8],
        "left_out": [0, 2, 0, 2], "mean": [0.85, np.nan, np.nan, 0.0],
        "low": [0.8, np.nan, np.nan, 0.0], "high": [0.9, np.nan, np.nan, 0.0],
        "sets_low": [0.79, *[np.nan] * 3], "sets_high": [0.91, *[np.nan] * 3],
        "unsettled": [2.0, np.nan, np.nan, 0.0], "flips": ["alpha", *[np.nan] * 3],
        "prediction_low": [-np.inf, np.nan, np.nan, np.nan],
        "prediction_high": [0.99, np.nan, np.nan, np.nan],
        "share": [0.7, np.nan, 1.0, 1.0], "share_low": [0.34755, np.nan, 0.69150, 0.63058],
        "share_high": [0.93326, np.nan, 1.0, 1.0],
        "verdict": ["partly", np.nan, "reproduced", "holds"],
    }
)  # fmt: skip


def test_the_ledger_shows_counts_and_leaves_out_what_was_not_run():
    number, claim, theorem = verdict_pages.ledger_table(JUDGED).to_dict("records")
    assert number == {
        "claim": "A.", "rests on": "copy/RR", "quantity": "value", "paper": "0.876",
        "ours (mean)": "0.85", "interval": "[0.8, 0.9]", "with held-out sets": "[0.79, 0.91]",
        "one more network": "[-inf, 0.99]", "networks that agree": "7 of 10 [0.348, 0.933]",
        "unsettled": "2", "verdict": "partly", "flips near": "alpha", "rule": "x",
    }  # fmt: skip
    assert claim["rests on"] == "follows from e, f" and claim["quantity"] == ""
    assert claim["unsettled"] == claim["flips near"] == claim["with held-out sets"] == ""
    assert claim["one more network"] == claim["interval"] == claim["paper"] == ""
    assert theorem["rests on"] == "theorem" and theorem["verdict"] == "holds"
    assert theorem["networks that agree"] == "8 of 8 [0.631, 1] (2 left out)"
    assert verdict_pages.ledger_table(JUDGED[1:2]).empty


def test_what_counts_is_shown_once():
    more = JUDGED[:1].assign(id="g", claim="G.", share=0.9, verdict="reproduced")
    other = JUDGED[:1].assign(id="h", kind="claim", claim="H.")
    first, second = verdict_pages.independent_table(
        pd.concat([JUDGED, more, other], ignore_index=True)
    ).to_dict("records")
    assert first == {
        "rests on": "copy/RR", "statements": "2 numbers", "the weakest": "A.",
        "networks that agree (numbers go by the mean)": "7 of 10 [0.348, 0.933]",
        "verdict": "partly",
    }  # fmt: skip
    assert (second["statements"], second["the weakest"]) == ("1 claim", "H.")
    assert verdict_pages.independent_table(JUDGED[1:]).empty
