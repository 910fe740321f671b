"""What the sectors of a network owe to rounding: matrices of which it is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import METRICS, Batch, Network, cells, determinacy, diagnose, evaluate, interventions
from rnnschur.coordinates.schur import ERROR_FACTOR, backward_error

PRECISIONS = [np.float32, np.float64]


def rotation(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def network(matrix, dtype=np.float64, cell="tanh", **weights):
    rng = np.random.default_rng(1)
    size = len(matrix)
    given = {"W_hh": matrix, "W_xh": rng.standard_normal((size, 2)), **weights}
    given["W_hy"] = rng.standard_normal((2, size)) / np.sqrt(size)
    return Network(cell, {name: np.asarray(w).astype(dtype) for name, w in given.items()})


def table(net, alphas=0.9):
    sequences = Batch(np.random.default_rng(2).standard_normal((12, 9, 2)))
    return diagnose(net, sequences, alphas=alphas).set_index("removed")


def checked(net, alphas=(0.9,)):
    couplings = interventions.make("couplings", {"alphas": alphas}).of(net)
    sequences = Batch(np.random.default_rng(2).standard_normal((3, 2, 2)))
    return determinacy.determinacy(net, evaluate(net, couplings, sequences, METRICS["fvu"]), 0)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("basis", [np.eye(40), rotation(40)])
def test_a_chain_of_equal_eigenvalues_gets_no_verdict(dtype, basis):
    rows = table(network(basis @ np.eye(40, k=1) @ basis.T, dtype), (0.85, 0.9, 0.95))
    removing = rows[rows["removed_mass"] > 0.001]
    assert len(removing) and not removing["determined"].any() and removing["verdict"].isna().all()
    assert removing["note"].str.startswith("sectors not determined: ").all()
    # What a row does not remove is no matter of rounding, unless the sectors are.
    assert rows["determined"].sum() == rows["verdict"].notna().sum()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_network_of_rank_two_passes_and_the_order_of_its_zeros_is_arbitrary(dtype):
    rng = np.random.default_rng(0)
    m, n = rng.standard_normal((2, 100, 2))
    rows = table(network(m @ (n + 2 * m).T / 100, dtype))
    assert rows["determined"].all() and rows["verdict"].notna().all()
    assert rows.loc["CR", "removed_mass"] > 0.1 and rows.loc["CR", "note"] == ""
    assert rows["mass_moves"].max() < 1e-6 and rows["change_moves"].max() < 1e-5
    for removed, note in rows["note"].items():
        assert ("order within C arbitrary" in note) == ("CC" in removed)
        assert "order within R arbitrary" not in note
    assert rows.loc["RR+CC", "gap"] == rows.loc["CR", "gap"] > 0.1


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_eigenvalues_well_apart_are_determined(dtype):
    T = np.triu(0.3 * np.random.default_rng(0).standard_normal((6, 6)), 1)
    T += np.diag([1.0, -0.95, 0.5, -0.3, 0.1, 0.0])
    rows = table(network(rotation(6) @ T @ rotation(6).T, dtype))
    assert rows["determined"].all() and (rows[["leading_low", "leading_high"]] == 2).all(axis=None)
    np.testing.assert_allclose(rows["gap"], 0.45, rtol=1e-5)
    assert (rows["threshold"] == 0.9).all() and (rows["matrix"] == "W_hh").all()
    # Nothing is known better than the weights are, nor much worse.
    eps = np.finfo(dtype).eps
    assert eps / 100 < rows["change_moves"].max() < 1000 * eps
    assert (rows["mass_moves"] <= rows["change_moves"] + eps).all()


def test_a_modulus_at_the_threshold_changes_sides():
    """In single precision; in double precision, ties within rounding join R."""
    T = np.diag([1.0, 0.9, 0.2]) + np.triu(np.ones((3, 3)), 1)
    rows = table(network(T, np.float32), (0.9, 0.8))
    assert table(network(T))["determined"].all()
    knife, far = rows[rows["alpha"] == 0.9], rows[rows["alpha"] == 0.8]
    assert not knife["determined"].any() and knife["verdict"].isna().all()
    assert (knife["leading_low"] == 1).all() and (knife["leading_high"] == 2).all()
    assert knife["note"].str.startswith("sectors not determined: |R| is 1 or 2").all()
    assert far["determined"].all() and far["verdict"].notna().all()


def test_moduli_that_tie_leave_open_what_is_removed():
    rows = table(network([[0, 1], [2, 0]]))  # eigenvalues of the same modulus and two signs
    assert rows.loc["RR", "mass_moves"] < 1e-12 and rows.loc["RR", "change_moves"] > 0.1
    assert not rows.loc["RR", "determined"] and "what is removed moves by" in rows.loc["RR", "note"]
    assert "order within R arbitrary" in rows.loc["RR", "note"]


@pytest.mark.parametrize(
    ("matrix", "notes"),
    [
        (np.zeros((4, 4)), {"RR": "W_hh is zero", "CC": "W_hh is zero"}),
        ([[0.5]], {"RR": "R is one block", "CR": "C is empty", "CC": "C is empty"}),
        (rotation(5), {"RR": "no RR beyond rounding", "CR": "C is empty", "CC": "C is empty"}),
        (np.diag([1.0, 0.5]), {"CR": "no CR beyond rounding", "CC": "C is one block"}),
    ],
)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_network_with_nothing_to_remove_says_why(matrix, notes, dtype):
    rows = table(network(matrix, dtype))
    assert len(rows) == 8 and (rows["verdict"] == "negligible").all()
    for removed, reason in notes.items():
        assert rows.loc[removed, "note"].startswith(f"nothing to remove: {reason}")
    assert rows.loc["none", "note"] == ""
    assert rows["note"].drop("none").str.startswith("nothing to remove: ").all()


def test_several_matrices_are_checked_one_by_one_and_together():
    rng, size = np.random.default_rng(0), 12
    weights = {n: rng.standard_normal((size, size)) / 4 for n in ("W_hr", "W_hz")}
    weights |= {f"W_x{g}": rng.standard_normal((size, 2)) for g in "rzn"}
    weights |= {"W_hn": np.eye(size, k=1), "W_hy": rng.standard_normal((2, size))}
    rows = checked(Network("gru", weights))
    assert list(dict.fromkeys(rows["matrix"])) == ["W_hn", "W_hr", "W_hz", "all"]
    counts = rows.groupby("matrix")["determined"].sum()
    assert counts["W_hr"] == counts["W_hz"] == 9  # the whole recurrence off among them
    assert counts["W_hn"] < 9 and counts["all"] < 9
    last = rows.groupby("matrix").tail(1)
    assert last["determined"].all() and (last["note"] == "").all()
    gaps = rows.groupby("matrix")["gap"].first()
    assert gaps["all"] == gaps[["W_hr", "W_hz"]].min() or np.isnan(gaps["W_hn"])


def test_a_step_matrix_is_checked_by_its_own_threshold_and_says_where_the_step_matters():
    W = np.random.default_rng(3).standard_normal((30, 30)) / 3
    net = network(W, cell=cells.make("leaky", a=0.5))
    rows = table(net, 0.7)
    assert (rows["matrix"] == "step").all() and np.allclose(rows["threshold"], 0.7**0.5)
    sizes = rows[["leading", "leading_half", "leading_quarter"]].iloc[0].tolist()
    said = f"|R| depends on the step: {', '.join(map(str, sizes))} at a, a/2, a/4"
    assert (rows["note"].str.contains(said, regex=False)).all() == (len(set(sizes)) > 1)
    assert rows["determined"].all()


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_rounded_copy_is_the_network_to_its_precision_in_a_basis_of_its_own(dtype):
    net = network(np.random.default_rng(0).standard_normal((9, 9)), dtype)
    rng = np.random.default_rng(5)
    one, other = (determinacy.rounded(net, rng) for _ in range(2))
    eps = np.finfo(dtype).eps
    for copy in (one, other):
        W, exact = copy.weights["W_hh"], net.weights["W_hh"].astype(np.float64)
        assert 0 < np.abs(W / exact - 1).max() <= eps * 1.01 + 2e-16
        np.testing.assert_array_equal(copy.weights["W_xh"], net.weights["W_xh"])
        form = copy.schur()
        assert backward_error(W, form.Q, form.T) <= ERROR_FACTOR
    assert (one.weights["W_hh"] != other.weights["W_hh"]).any()


@given(seed=st.integers(0, 999), size=st.integers(2, 12), alpha=st.sampled_from([0.9, 0.5]))
@settings(max_examples=20)
def test_what_is_said_of_sectors_does_not_depend_on_how_units_are_numbered(seed, size, alpha):
    rng = np.random.default_rng(seed)
    net = network(rng.standard_normal((size, size)) / np.sqrt(size))
    moved = net.replace(net.cell.symmetry(net.weights, rng))
    one, other = checked(net, (alpha,)), checked(moved, (alpha,))
    np.testing.assert_allclose(one["gap"], other["gap"], atol=1e-9)
    for name in ("matrix", "threshold", "leading_low", "leading_high", "determined", "note"):
        assert one[name].tolist() == other[name].tolist()


def test_a_seed_gives_the_same_table_and_masks_stay_masks():
    rng = np.random.default_rng(0)
    mask = rng.integers(2, size=(20, 20))
    net = network(mask * rng.standard_normal((20, 20)), mask_hh=mask)
    assert table(net).equals(table(net))
    copy = determinacy.rounded(net, rng)
    assert not copy.weights["W_hh"][mask == 0].any()
    assert table(net)["forbidden"].between(0, 1).all()


@pytest.mark.parametrize("cell", ["tanh", "gru", cells.make("leaky", a=0.5)])
def test_one_step_from_zero_does_not_depend_on_the_recurrence(cell):
    rng, gates = np.random.default_rng(0), "rzn" if cell == "gru" else "h"
    weights = {f"W_h{g}": rng.standard_normal((9, 9)) for g in gates}
    weights |= {f"W_x{g}": rng.standard_normal((9, 2)) for g in gates}
    net = Network(cell, weights | {"W_hy": rng.standard_normal((1, 9))})
    inputs = rng.standard_normal((1, 30, 2))
    rows = diagnose(net, Batch(inputs))
    removing = rows["removed_mass"] > 0
    assert rows.loc[removing, "verdict"].isna().all()
    assert rows.loc[removing, "note"].str.contains("the outputs do not depend on ").all()
    assert (rows.loc[~removing, "verdict"] == "negligible").all()
    rows = diagnose(net, Batch(inputs, h0=rng.standard_normal(9)))
    assert rows.loc[removing & rows["determined"], "verdict"].notna().all()
    assert not rows["note"].str.contains("do not depend").any()
