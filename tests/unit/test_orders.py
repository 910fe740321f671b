"""The family of orders on networks whose answer is known."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from rnnschur import interventions
from rnnschur.batch import Batch
from rnnschur.evaluation import evaluate
from rnnschur.findings import order_ranges
from rnnschur.metrics import metric
from rnnschur.network import Network
from rnnschur.streams import generator
from rnnschur.tables import keyed


def network(W_hh, seed=0):
    rng = np.random.default_rng(seed)
    N = len(W_hh)
    W_xh, W_hy = rng.standard_normal((N, 2)), rng.standard_normal((3, N))
    return Network("tanh", {"W_hh": W_hh, "W_xh": W_xh, "W_hy": W_hy})


def batch(seed=1):
    rng = np.random.default_rng(seed)
    return Batch(rng.standard_normal((12, 30, 2)), rng.standard_normal((12, 30, 3)))


@pytest.fixture(scope="module")
def tied():
    """Return a matrix of two sectors, each with two real eigenvalues of equal modulus."""
    rng = np.random.default_rng(2)
    T = np.triu(rng.standard_normal((4, 4)), 1) + np.diag([1.0, -1.0, 0.5, -0.5])
    Q = scipy.stats.ortho_group.rvs(4, random_state=3)
    return Q @ T @ Q.T


def orders(W_hh, near=0.01, draws=12, **options):
    options = {"alpha": 0.9, "near_tie": near, "draws": draws, "any_draws": draws, **options}
    changes = interventions.make("orders", options).of(network(W_hh), None, partial(generator, 4))
    return evaluate(network(W_hh), changes, batch(), metric("fvu"))


def test_ties_move_what_convention_decides_and_nothing_else(tied):
    table = orders(tied)
    spread = table.groupby(["order", "removed"])[["removed_mass", "value"]].agg(np.ptp)
    assert (table["movable"][table["order"] != "by modulus"] == 4).all()
    for order in ("ties", "near ties", "any"):
        assert (spread.loc[(order, "CR")] < 1e-9).all()
        assert spread.loc[(order, "RR"), "value"] > 1e-3
        assert spread.loc[(order, "CC"), "value"] > 1e-3
        # With real eigenvalues only, the mass of a sector's coupling is an invariant.
        assert (spread.loc[order, "removed_mass"] < 1e-9).all()


def test_separate_moduli_leave_nothing_to_convention():
    rng = np.random.default_rng(5)
    moduli = np.array([1.0, 0.97, 0.93, 0.5, 0.4, 0.3])
    W = np.triu(0.3 * rng.standard_normal((6, 6)), 1) + np.diag(moduli)
    table = orders(W).set_index("order")
    for order in ("ties", "near ties"):
        assert (table.loc[order, "movable"] == 0).all()
        for _, rows in table.loc[order].groupby("removed"):
            by_modulus = table.loc["by modulus"].set_index("removed")["value"]
            np.testing.assert_allclose(rows["value"], by_modulus[rows["removed"].iloc[0]])
    assert (table.loc["any", "movable"] == 6).all()


def test_every_order_and_draw_has_its_rows(tied):
    table = orders(tied, draws=3)
    forms = table[["order", "draw"]].drop_duplicates().to_records(index=False).tolist()
    kinds = ("ties", "near ties", "any")
    assert forms == [("by modulus", 0), *((kind, draw) for kind in kinds for draw in range(3))]
    assert table["removed"].tolist() == ["RR", "CR", "CC"] * len(forms)


def test_more_draws_leave_the_others_as_they_are(tied):
    few, more = orders(tied, draws=2), orders(tied, draws=4)
    again = more[more["draw"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, again, check_exact=True)
    # The kind that any order is of has a number of draws of its own.
    any_more = orders(tied, draws=2, any_draws=4)
    assert any_more.groupby("order")["draw"].nunique().to_dict() == {
        **{"by modulus": 1, "ties": 2, "near ties": 2},
        "any": 4,
    }
    again = any_more.merge(few, on=list(few))
    pd.testing.assert_frame_equal(again, few, check_exact=True)
    # And each is a draw of its own.
    drawn = more[more["order"] == "any"].pivot(index="draw", columns="removed", values="value")
    assert (np.ptp(drawn[["RR", "CC"]], axis=0) > 0).all()


def test_ranges_over_orders_are_those_of_the_draws(tied):
    """And of CR, which no order touches, they are one number."""
    rows = orders(tied, draws=5)
    ranges = order_ranges(keyed([(3, rows), (1, rows)], ("sine", "orthogonal", 4)))
    assert ranges["seed"].tolist() == [3] * 3 + [1] * 3 and (ranges["orders"] == 5).all()
    ranges = ranges[ranges["seed"] == 1].set_index("removed")
    for name in ("rollout_difference", "damage", "removed_mass"):
        low, mean, high, by_modulus = (
            ranges[f"{name}_{kind}"] for kind in ("min", "mean", "max", "sorted")
        )
        for coupling in ("RR", "CR", "CC"):
            drawn = rows[rows["removed"] == coupling].set_index("order")[name]
            assert low[coupling] == min(drawn["any"]) and high[coupling] == max(drawn["any"])
            assert mean[coupling] == pytest.approx(np.mean(drawn["any"]))
            assert by_modulus[coupling] == drawn["by modulus"]
        assert high["CR"] - low["CR"] < 1e-9
    assert (ranges["damage_max"] - ranges["damage_min"])[["RR", "CC"]].min() > 1e-3
