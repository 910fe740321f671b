"""The tables of the report, on hand-made results."""

import numpy as np
import pandas as pd
import pytest

from rnnschur import presentation
from rnnschur.figures import ORDER

CELL = {"task": "sine", "architecture": "orthogonal", "width": 64}


def rows(values, **columns):
    """Return rows of ablations.csv: (seed, removed, delta, sensitivity)."""
    table = pd.DataFrame(values, columns=["seed", "removed", "delta", "sensitivity"])
    return table.assign(**{**CELL, "metric": "fvu", "learned": True, **columns})


def test_numbers_and_intervals():
    assert presentation.number(0.123456) == "0.123"
    assert presentation.number(12345.6) == "12346"
    assert presentation.number(5.2e29) == "5.2e+29"
    assert presentation.number(np.nan) == ""
    row = pd.Series({"mean": 2.0, "low": 1.5, "high": 2.25})
    assert presentation.with_interval(row) == "2 [1.5, 2.25]"
    assert presentation.with_interval(pd.Series({"mean": 2.0, "low": np.nan})) == "2"


def test_main_table_has_the_papers_order_and_keeps_numbers_in_their_rows():
    comparison = pd.DataFrame(
        {
            "task": "copy",
            "removed": ["CR", "none", "RR"],
            "paper": [0.639, 1.0, 0.876],
            "ours": [0.7, 0.99, 0.75],
            "sd": 0.01,
            "low": [0.69, 0.98, 0.74],
            "high": [0.71, 1.0, 0.76],
            "networks": 5,
            "difference": [0.061, -0.01, -0.126],
        }
    )
    table = presentation.main_table(comparison)
    assert len(table) == len(ORDER)
    assert table.loc["intact", "paper"] == "1" and table.loc["intact", "ours (mean)"] == "0.99"
    assert table.loc["CR", "interval"] == "[0.69, 0.71]"
    assert table.loc["CC", "paper"] == "" and table.loc["CC", "networks"] == 0


def intact(seeds, value=0.0):
    """Return the rows of intact networks."""
    return rows([(seed, "none", 0.0, np.nan) for seed in seeds]).assign(value=value)


def no_orders():
    return rows([]).assign(order="any", draw=0, value=0.0)


def test_dominance_counts_the_most_damaging_coupling_of_each_network():
    ablations = rows(
        [
            *((0, "RR", 0.1, 9.0), (0, "CR", 0.2, 3.0), (0, "CC", 0.9, 4.0)),
            *((1, "RR", 0.0, np.nan), (1, "CR", 0.5, 7.0), (1, "CC", 0.4, 1.0)),
            *((2, "RR", 0.0, np.nan), (2, "CR", 0.0, 0.0), (2, "CC", -0.1, -1.0)),
        ]
    )
    ablations = pd.concat([ablations, intact(range(3))])
    (table,) = presentation.dominance_table(ablations, no_orders()).to_dict("records")
    assert table["networks"] == 3
    assert [table[f"damage: {c}"] for c in ("RR", "CR", "CC")] == [0, 1, 1]
    assert [table[f"sensitivity: {c}"] for c in ("RR", "CR", "CC")] == [1, 1, 0]


def test_dominance_takes_a_loss_of_accuracy_as_damage_and_leaves_out_the_untrained():
    ablations = rows([(0, "RR", -0.1, 1.0), (0, "CR", -0.4, 2.0), (0, "CC", 0.1, -1.0)])
    ablations["metric"] = "replay_accuracy"
    untrained = rows([(1, "RR", 5.0, 5.0), (1, "CR", 0.0, 0.0), (1, "CC", 0.0, 0.0)], learned=False)
    ablations = pd.concat([intact([0]).assign(metric="replay_accuracy"), ablations, untrained])
    (table,) = presentation.dominance_table(ablations, no_orders()).to_dict("records")
    assert table["networks"] == 1 and table["damage: CR"] == 1


@pytest.mark.parametrize(("metric", "sign"), [("fvu", 1), ("replay_accuracy", -1)])
def test_dominance_in_random_orders_counts_each_of_them(metric, sign):
    ablations = rows([(0, "RR", 0.1, 1.0), (0, "CR", 0.4, 2.0), (0, "CC", 0.3, 1.0)])
    ablations["delta"] *= sign
    ablations = pd.concat([intact([0], value=0.5), ablations]).assign(metric=metric)
    damages = {
        ("by modulus", 0): (0.1, 0.4, 0.3),
        ("any", 0): (0.2, 0.4, 0.6),
        ("any", 1): (0.5, 0.4, 0.1),
        ("any", 2): (0.1, 0.4, 0.6),
    }
    orders = pd.DataFrame(
        [
            (order, draw, removed, 0.5 + sign * damage)
            for (order, draw), values in damages.items()
            for removed, damage in zip(("RR", "CR", "CC"), values, strict=True)
        ],
        columns=["order", "draw", "removed", "value"],
    ).assign(**CELL, seed=0, learned=True)
    untrained = orders.assign(seed=1, learned=False)
    (table,) = presentation.dominance_table(ablations, pd.concat([orders, untrained])).to_dict(
        "records"
    )
    counts = [table[f"damage, random orders: {c}"] for c in ("RR", "CR", "CC")]
    assert table["networks"] == 1 and table["damage: CR"] == 1 and counts == [1, 0, 2]
    nobody = presentation.dominance_table(ablations.assign(learned=False), untrained)
    assert nobody.empty and list(nobody) == list(table)


def test_damage_table_hides_the_sensitivity_of_next_to_nothing():
    summary = pd.DataFrame(
        [
            (removed, quantity, mean, mean - 0.1, mean + 0.1)
            for removed, mass in (("CR", 0.2), ("CC", 1e-7))
            for quantity, mean in (("delta", 0.5), ("removed_mass", mass), ("sensitivity", 99.0))
        ],
        columns=["removed", "quantity", "mean", "low", "high"],
    ).assign(**CELL)
    paper = pd.DataFrame([{**CELL, "removed": "CR", "quantity": "delta", "paper": 1.73}])
    table = presentation.damage_table(summary, paper, 0.01).set_index("removed")
    assert table.loc["CR", "change"] == "0.5 [0.4, 0.6]"
    assert table.loc["CR", "change, paper"] == "1.73" and table.loc["CC", "change, paper"] == ""
    assert table.loc["CR", "sensitivity"].startswith("99") and table.loc["CC", "sensitivity"] == ""


def test_verdicts_are_counted_over_the_networks_that_learned():
    ablations = rows([(0, "CC", 0, 0), (1, "CC", 0, 0), (2, "CC", 0, 0), (3, "none", 0, 0)])
    ablations["verdict"] = ["stabilizer", "fragile", "stabilizer", "negligible"]
    ablations.loc[2, "learned"] = False
    (table,) = presentation.verdict_table(ablations).to_dict("records")
    assert [table[v] for v in ("stabilizer", "negligible", "intermediate", "fragile")] == [
        *(1, 0, 0, 1)
    ]


def test_order_changes_are_against_the_order_by_modulus():
    orders = pd.DataFrame(
        [
            ("by modulus", 0, "RR", 0.40, 0.75, 0),
            ("ties", 0, "RR", 0.41, 0.70, 4),
            ("ties", 1, "RR", 0.38, 0.75, 4),
        ],
        columns=["order", "draw", "removed", "removed_mass", "value", "movable"],
    ).assign(**CELL, seed=0)
    changes = presentation.order_changes(orders)
    np.testing.assert_allclose(changes["mass_change"], [0.01, -0.02])
    np.testing.assert_allclose(changes["value_change"], [-0.05, 0])
    (table,) = presentation.order_table(orders).to_dict("records")
    assert table["mass, ties"] == "0.02" and table["measure, ties"] == "0.05"
    assert table["movable blocks, ties"] == "4"


def test_training_table_names_the_worst_network_by_its_metric():
    networks = pd.DataFrame(
        {
            **CELL,
            "metric": "fvu",
            "learned": [True, True, False],
            "value": [0.1, 0.3, 0.9],
            "first_perfect": np.nan,
            "spectral_radius": [1.0, 1.2, 5.0],
            "leading": [1, 3, 64],
        }
    )
    (table,) = presentation.training_table(networks).to_dict("records")
    assert (table["trained"], table["learned"], table["ever perfect"]) == (3, 2, 0)
    assert (table["intact, mean"], table["intact, worst"]) == ("0.2", "0.3")
    networks["metric"] = "replay_accuracy"
    assert presentation.training_table(networks)["intact, worst"][0] == "0.1"


def test_a_page_is_html_with_its_caption():
    table = pd.DataFrame({"alpha": [0.9], "x": ["1"]})
    text, again = (
        presentation.page(table, "What it is.").to_html(doctype_html=True) for _ in range(2)
    )
    assert "What it is." in text and "0.90" in text
    assert text == again


@pytest.mark.parametrize("name", ["symmetry_table", "nonnormality_table"])
def test_one_row_a_group(name):
    measures = [
        *("rollout_difference", "moduli_change", "departure_change", "departure", "commutator"),
        *("numerical_abscissa", "spectral_abscissa", "transient_gain", "scaled_gain"),
        *("eigenvector_condition", "schur_condition", "mass_RR", "mass_CR", "mass_CC"),
    ]
    table = pd.DataFrame({**CELL, "control": "rotation", "learned": True, "seed": [0, 1, 2]})
    table = table.assign(**{measure: [1.0, 2.0, 3.0] for measure in measures})
    (found,) = getattr(presentation, name)(table).to_dict("records")
    extremes = {"1", "3"} if name == "symmetry_table" else {"2"}
    assert set(found.values()) - {*CELL.values(), "rotation"} == extremes


def test_the_ledger_shows_counts_and_leaves_out_what_was_not_run():
    judged = pd.DataFrame(
        {
            "claim": ["A.", "B."], "rule": "x", "quantity": "value", "paper": [0.876, np.nan],
            "networks": [10, 0], "left_out": [0, 2],
            "mean": [0.85, np.nan], "low": [0.8, np.nan], "high": [0.9, np.nan],
            "share": [0.7, np.nan], "verdict": ["partly", np.nan],
        }
    )  # fmt: skip
    (row,) = presentation.ledger_table(judged).to_dict("records")
    assert row["networks that agree"] == "7 of 10"
    assert (row["paper"], row["ours (mean)"], row["interval"]) == ("0.876", "0.85", "[0.8, 0.9]")
    assert presentation.ledger_table(judged[1:]).empty
    (row,) = presentation.ledger_table(judged[:1].assign(left_out=2)).to_dict("records")
    assert row["networks that agree"] == "7 of 10 (2 left out)"


def test_the_search_table_is_in_the_order_of_the_distance_within_a_task():
    protocols = pd.DataFrame(
        {
            "task": ["copy", "sine", "copy"], "protocol": ["a", "b", "c"], "networks": 5,
            "learned": [5, 0, 5], "distance": [2.0, np.nan, 1.0], "worst_misfit": 3.0,
            "numbers": [8, np.nan, 8], "numbers_reached": [1, np.nan, 6],
            "claims": [7, np.nan, 7], "claims_reproduced": [7, np.nan, 7],
            "chosen": [False, False, True],
        }
    )  # fmt: skip
    table = presentation.search_table(protocols)
    assert table["protocol"].tolist() == ["c", "a", "b"]
    assert table["numbers reached"].tolist() == ["6 of 8", "1 of 8", "0 of 0"]
    assert table[""].tolist() == ["chosen", "", ""]
