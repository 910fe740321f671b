"""The diagnosis of one network, against single rollouts done by hand."""

import numpy as np
import pytest
import scipy.linalg

from rnnschur import kernels, rollout
from rnnschur.ablation import SUBSETS
from rnnschur.behaviour import fvu, replay_accuracy
from rnnschur.diagnosis import diagnose
from rnnschur.schur import ordered_real_schur


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(3)
    # Real eigenvalues of well separated moduli, so that the Schur form is unique up to signs.
    T = np.triu(0.2 * rng.standard_normal((6, 6)), 1) + np.diag([0.95, -0.9, 0.87, 0.5, -0.3, 0.1])
    Q = scipy.linalg.qr(rng.standard_normal((6, 6)))[0]
    W_xh, W_hy = rng.standard_normal((6, 2)), rng.standard_normal((3, 6))
    inputs, targets = rng.standard_normal((9, 20, 2)), rng.standard_normal((7, 20, 3))
    return Q, T, W_xh, W_hy, inputs, targets


def run(network, alphas, metric="fvu", roll=rollout.rollout, dtype=np.float64):
    Q, T, W_xh, W_hy, inputs, targets = network
    arrays = [np.ascontiguousarray(a, dtype) for a in (Q @ T @ Q.T, W_xh, W_hy, inputs, targets)]
    return diagnose(*arrays[:3], ordered_real_schur(arrays[0]), alphas, metric, *arrays[3:], roll)


@pytest.mark.parametrize(
    ("removed", "entries"),
    [
        ("none", []),
        ("RR", [(0, 1), (0, 2), (1, 2)]),
        ("CC", [(3, 4), (3, 5), (4, 5)]),
        ("CR", [(r, c) for r in range(3) for c in range(3, 6)]),
    ],
)
def test_each_row_is_the_rollout_of_its_matrix(network, removed, entries):
    Q, T, W_xh, W_hy, inputs, targets = network
    cut = T.copy()
    for entry in entries:
        cut[entry] = 0
    outputs, intact = (
        rollout.rollout(W_xh, Q @ matrix @ Q.T, W_hy, inputs, 2) for matrix in (cut, T)
    )
    row = run(network, [0.9]).set_index("removed").loc[removed]
    mass = np.linalg.norm(T - cut) / np.linalg.norm(T)
    damage = fvu(outputs, targets) - fvu(intact, targets)
    variance = np.mean((intact - intact.mean(axis=(0, 1))) ** 2)
    assert row["leading"] == 3
    assert row["value"] == pytest.approx(fvu(outputs, targets), rel=1e-9)
    assert row["delta"] == pytest.approx(damage, rel=1e-7, abs=1e-12)
    assert row["removed_mass"] == pytest.approx(mass, rel=1e-9)
    assert row["removed_share"] == pytest.approx(mass**2, rel=1e-9)
    assert row["rollout_difference"] == pytest.approx(
        np.sqrt(np.mean((outputs - intact) ** 2) / variance), rel=1e-6, abs=1e-12
    )
    if removed == "none":
        assert row["delta"] == 0 and row["rollout_difference"] == 0 and np.isnan(row["sensitivity"])
    else:
        assert row["sensitivity"] == pytest.approx(damage / mass, rel=1e-7)


def test_accuracy_counts_its_loss_as_damage(network):
    rows = run(network, [0.9], "replay_accuracy")
    known = rows[rows["removed_mass"] > 0]
    np.testing.assert_allclose(known["sensitivity"], -known["delta"] / known["removed_mass"])
    Q, T, W_xh, W_hy, inputs, targets = network
    outputs = rollout.rollout(W_xh, Q @ T @ Q.T, W_hy, inputs, 2)
    assert rows["value"][0] == pytest.approx(replay_accuracy(outputs, targets))


def test_thresholds_share_rollouts_and_change_nothing(network):
    calls = []

    def counting(W_xh, W_hh, *rest):
        calls.append(len(W_hh))
        return rollout.rollout(W_xh, W_hh, *rest)

    together = run(network, [0.9, 0.91, 0.5], roll=counting)
    # 0.9 and 0.91 draw the same border, 0.5 another; these two share the intact matrix and the one
    # without any coupling.
    assert calls == [14]
    assert list(together["removed"]) == list(SUBSETS) * 3
    apart = [run(network, [alpha]) for alpha in (0.9, 0.91, 0.5)]
    for column in ("value", "delta", "removed_mass", "rollout_difference"):
        np.testing.assert_allclose(
            together[column], np.concatenate([rows[column] for rows in apart]), rtol=1e-10
        )


def test_engines_agree(network):
    reference = run(network, [0.9, 0.5], dtype=np.float32)
    fast = run(network, [0.9, 0.5], roll=kernels.rollout, dtype=np.float32)
    np.testing.assert_allclose(fast["value"], reference["value"], rtol=1e-4)
    np.testing.assert_allclose(
        fast["rollout_difference"], reference["rollout_difference"], rtol=1e-4, atol=1e-6
    )
