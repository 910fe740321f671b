"""The controls on networks whose answer is known."""

import numpy as np
import pytest
import scipy.stats

from rnnschur.controls import change_of_coordinates, order_within_sectors
from rnnschur.rollout import rollout
from rnnschur.schur import ordered_real_schur


def network(W_hh, seed=0):
    rng = np.random.default_rng(seed)
    N = len(W_hh)
    return W_hh, rng.standard_normal((N, 2)), rng.standard_normal((3, N))


def batch(seed=1):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((12, 30, 2)), rng.standard_normal((12, 30, 3))


@pytest.fixture(scope="module")
def tied():
    """Return a matrix of two sectors, each with two real eigenvalues of equal modulus."""
    rng = np.random.default_rng(2)
    T = np.triu(rng.standard_normal((4, 4)), 1) + np.diag([1.0, -1.0, 0.5, -0.5])
    Q = scipy.stats.ortho_group.rvs(4, random_state=3)
    return Q @ T @ Q.T


def orders(W_hh, near=0.01, draws=6):
    form = ordered_real_schur(W_hh)
    rng = np.random.default_rng(4)
    return order_within_sectors(
        *network(W_hh), form, 0.9, near, draws, "fvu", *batch(), rollout, rng
    )


def test_symmetries_change_nothing_and_rotations_do():
    W_hh = np.random.default_rng(0).standard_normal((8, 8)) / 2
    rng = np.random.default_rng(1)
    table = change_of_coordinates(
        *network(W_hh), ordered_real_schur(W_hh), batch()[0], 3, rollout, rng
    ).set_index("control")
    assert table.loc["permutation and flips", "rollout_difference"] < 1e-12
    assert table.loc["rotation", "rollout_difference"] > 0.05
    assert (table[["moduli_change", "departure_change"]] < 1e-12).all(axis=None)


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
