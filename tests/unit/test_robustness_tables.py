"""Tables of how far the verdicts hold, on hand-made results."""

import numpy as np
import pandas as pd

from rnnschur.findings import kept_counts, order_ranges, smallest_leading
from rnnschur.report import pages
from rnnschur.tables import CONDITION

SINE = {"task": "sine", "architecture": "orthogonal", "width": 64}


def test_ablations_are_counted_by_what_they_leave():
    rows = pd.DataFrame(
        [
            (seed, removed, readout, value + seed, kept)
            for seed, kept in enumerate(["function", "information", "information"])
            for removed in ("none", "CC")
            for readout, value in (("fixed", 1.0), ("refitted", 0.5))
        ],
        columns=["seed", "removed", "readout", "value", "kept"],
    ).assign(**SINE, learned=True)
    untrained = rows[rows["seed"] == 0].assign(seed=3, learned=False, kept="neither")
    counts = kept_counts(pd.concat([rows, untrained]))
    assert counts["removed"].tolist() == ["none", "CC"]
    assert counts[["function", "information", "neither"]].to_numpy().tolist() == [[1, 2, 0]] * 2
    assert counts["value, fixed"].tolist() == [2, 2]
    assert pages.kept_table(counts)["value, refitted"].tolist() == ["1.5", "1.5"]
    assert pages.kept_table(kept_counts(pd.DataFrame())).empty


def test_what_holds_in_every_order_is_counted():
    costs = {0: (0.05, [0.01, 0.09]), 1: (0.05, [0.05, 0.2]), 2: (0.3, [0.2, 0.4])}
    rows = [
        (seed, order, draw, "CC", cost)
        for seed, (first, others) in costs.items()
        for order, draw, cost in [
            ("by modulus", 0, first),
            *(("any", *other) for other in enumerate(others)),
        ]
    ]
    columns = ["seed", "order", "draw", "removed", "rollout_difference"]
    rows = pd.DataFrame(rows, columns=columns).assign(**SINE, damage=0.0, removed_mass=0.1)
    (row,) = pages.order_range_table(order_ranges(rows), 0.1).to_dict("records")
    assert row["networks"] == 3
    assert [row[f"at most epsilon, {k}"] for k in ("by modulus", "in some order", "in every")] == [
        *(2, 2, 1),
    ]
    assert row["rollout difference, mean over orders"] == "0.125"
    assert (row["rollout difference, least"], row["rollout difference, most"]) == ("0.05", "0.2")


def test_the_smallest_r_is_summed_up_by_condition_and_cost():
    rows = pd.DataFrame(
        {
            "removed": "CC",
            "leading": [1, 4, 6] * 3,
            "alpha_low": [0.8, 0.5, 0.0] * 3,
            "alpha_high": [1.0, 0.8, 0.5] * 3,
            "gap": [0.2, 0.3, 0.5] * 3,
            "removed_mass": [0.4, 0.3, 0.0] * 3,
            "rollout_difference": [0.2, 0.1, 0.0, 0.2, 0.15, 0.0, 0.05, 0.0, 0.0],
            "damage": np.nan,
            "seed": np.repeat(range(3), 3),
        }
    ).assign(**SINE)
    smallest = smallest_leading(rows, {"rollout_difference": 0.1, "damage": 0.02})
    assert set(smallest["cost"]) == {"rollout_difference"}  # damage is not known
    (row,) = pages.leading_table(smallest).to_dict("records")
    assert {name: row[name] for name in CONDITION} == SINE
    assert row["size of R"] == "4 [1, 6]" and row["networks"] == 3
    assert row["at the widest gap"] == 1 and row["mass of CC"] == "0.3"
    assert row["cost one border before"] == "0.175"


def test_where_no_network_has_learned_nothing_is_smallest():
    none = pd.DataFrame(columns=[*CONDITION, "seed", "removed", "leading", "rollout_difference"])
    smallest = smallest_leading(none, {"rollout_difference": 0.1})
    assert len(smallest) == 0 and {"cost", "before", "largest_gap"} <= set(smallest)
    assert len(pages.leading_table(smallest)) == 0


def test_a_network_that_runs_away_at_a_border_pays_more_than_any_bound():
    rows = pd.DataFrame(
        {"removed": "CC", "leading": [1, 2, 3], "rollout_difference": [0.0, np.nan, 0.0]}
    ).assign(alpha_low=0.1, alpha_high=0.2, gap=0.1, removed_mass=0.1, seed=0, **SINE)
    (row,) = smallest_leading(rows, {"rollout_difference": 9}).to_dict("records")
    assert (row["leading"], row["before"], row["after"]) == (3, np.inf, 0)
