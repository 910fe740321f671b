"""What the tables of a study amount to, on hand-made results."""

import numpy as np
import pandas as pd
import pytest

from rnnschur.criterion import Criterion
from rnnschur.findings import dominant_couplings, judged, order_changes, with_damage
from rnnschur.tables import NETWORK, PUBLISHED

CONDITION = {"task": "sine", "architecture": "orthogonal", "width": 64}


def rows(values, **columns):
    """Return rows of ablations.csv: (seed, removed, delta, sensitivity)."""
    table = pd.DataFrame(values, columns=["seed", "removed", "delta", "sensitivity"])
    return table.assign(**{**CONDITION, "metric": "fvu", "learned": True, **columns})


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
    (table,) = dominant_couplings(ablations, no_orders()).to_dict("records")
    assert table["networks"] == 3
    assert [table[f"damage: {c}"] for c in ("RR", "CR", "CC")] == [0, 1, 1]
    assert [table[f"sensitivity: {c}"] for c in ("RR", "CR", "CC")] == [1, 1, 0]


def test_dominance_takes_a_loss_of_accuracy_as_damage_and_leaves_out_the_untrained():
    ablations = rows([(0, "RR", -0.1, 1.0), (0, "CR", -0.4, 2.0), (0, "CC", 0.1, -1.0)])
    ablations["metric"] = "replay_accuracy"
    untrained = rows([(1, "RR", 5.0, 5.0), (1, "CR", 0.0, 0.0), (1, "CC", 0.0, 0.0)], learned=False)
    ablations = pd.concat([intact([0]).assign(metric="replay_accuracy"), ablations, untrained])
    (table,) = dominant_couplings(ablations, no_orders()).to_dict("records")
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
    ).assign(**CONDITION, seed=0, metric=metric, learned=True)
    untrained = orders.assign(seed=1, learned=False)
    (table,) = dominant_couplings(ablations, pd.concat([orders, untrained])).to_dict("records")
    counts = [table[f"damage, random orders: {c}"] for c in ("RR", "CR", "CC")]
    assert table["networks"] == 1 and table["damage: CR"] == 1 and counts == [1, 0, 2]
    nobody = dominant_couplings(ablations.assign(learned=False), untrained)
    assert nobody.empty and list(nobody) == list(table)


def test_order_changes_are_against_the_order_by_modulus():
    orders = pd.DataFrame(
        [
            ("by modulus", 0, "RR", 0.40, 0.75, 0),
            ("ties", 0, "RR", 0.41, 0.70, 4),
            ("ties", 1, "RR", 0.38, 0.75, 4),
        ],
        columns=["order", "draw", "removed", "removed_mass", "value", "movable"],
    ).assign(**CONDITION, seed=0)
    changes = order_changes(orders)
    np.testing.assert_allclose(changes["mass_change"], [0.01, -0.02])
    np.testing.assert_allclose(changes["value_change"], [-0.05, 0])


def test_order_changes_compare_a_network_and_coupling_with_itself():
    values = [
        *(("by modulus", 0, "RR", 0.4), ("by modulus", 1, "RR", 0.6), ("by modulus", 0, "CC", 0.1)),
        *(("any", 1, "RR", 0.7), ("any", 0, "CC", 0.3), ("any", 0, "RR", 0.4)),
    ]
    orders = pd.DataFrame(values, columns=["order", "seed", "removed", "value"])
    changes = order_changes(orders.assign(**CONDITION, removed_mass=orders["value"]))
    assert changes[["seed", "removed"]].to_numpy().tolist() == [[1, "RR"], [0, "CC"], [0, "RR"]]
    np.testing.assert_allclose(changes["value_change"], [0.1, 0.2, 0])
    np.testing.assert_allclose(changes["mass_change"], [0.1, 0.2, 0])


def test_damage_is_a_rise_of_the_fvu_and_a_loss_of_accuracy():
    table = pd.DataFrame({"metric": ["fvu", "replay_accuracy"] * 2, "delta": [1.0, 2.0, -3.0, 0.0]})
    damage = with_damage(table)["damage"]
    assert damage.tolist() == [1, -2, -3, 0]
    assert not np.signbit(damage[3])
    assert with_damage(table[::-1])["damage"].tolist() == [0, -3, -2, 1]
    assert list(with_damage(table[:0])) == ["metric", "delta", "damage"]


def test_damage_is_that_of_the_row_whatever_the_index():
    table = pd.DataFrame({"metric": ["fvu", "replay_accuracy"], "delta": [1.0, 2.0]})
    both = pd.concat([table, table[::-1]])
    assert with_damage(both)["damage"].tolist() == [1, -2, -2, 1]


def test_tables_of_several_matrices_keep_them_apart_and_no_basis_gives_no_verdict():
    networks = pd.DataFrame([("copy", "mine", 8, 0, True)], columns=[*NETWORK, "learned"])
    columns = {n: [0.5, 0.5] for n in PUBLISHED["ablations"] if n not in ("learned", "verdict")}
    changes = pd.DataFrame(columns | {"gauge": ["as parametrised", "any basis"]})
    changes = networks[NETWORK].merge(changes, how="cross")
    table = judged(changes, networks, "ablations", Criterion())
    assert list(table) == [*NETWORK, *PUBLISHED["ablations"]]
    assert table["verdict"][0] == "intermediate" and pd.isna(table["verdict"][1])
    table = judged(changes.assign(matrix=["W_hn", "all"]), networks, "ablations", Criterion())
    assert list(table) == [*NETWORK, "matrix", *PUBLISHED["ablations"]]
