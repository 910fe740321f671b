"""Every border between the sectors, on matrices whose borders are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag
from scipy.stats import ortho_group

from rnnschur import Batch, Network, interventions, ordered_real_schur
from rnnschur.coordinates.sectors import Sectors, leading_rows
from rnnschur.evaluation import evaluate
from rnnschur.findings import smallest_leading
from rnnschur.interventions.borders import borders
from rnnschur.metrics import metric
from rnnschur.tables import keyed


def pair(modulus, angle):
    c, s = modulus * np.cos(angle), modulus * np.sin(angle)
    return np.array([[c, -s], [s, c]])


def tied(seed):
    """Return a matrix of pairs and real eigenvalues, some of equal modulus, known by its sizes."""
    rng = np.random.default_rng(seed)
    blocks = [pair(1.0, 0.7), [[0.8]], [[-0.8]], pair(0.8, 2.0), [[0.5]], pair(0.1, 1.0)]
    T = block_diag(*blocks)
    block = np.repeat(np.arange(6), [2, 1, 1, 2, 1, 2])
    T += np.where(block[:, None] < block, rng.standard_normal(T.shape), 0)
    Q = ortho_group.rvs(len(T), random_state=seed)
    return Q @ T @ Q.T


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_borders_are_those_that_some_threshold_gives(seed):
    """Against a search through thresholds; none falls inside a pair or between ties."""
    schur = ordered_real_schur(tied(seed))
    found = borders(schur)
    sizes = [int(leading_rows(schur, high).sum()) for _, high in found]
    assert sizes == [2, 6, 7, 9]
    np.testing.assert_allclose(found, [(0.8, 1), (0.5, 0.8), (0.1, 0.5), (0, 0.1)], atol=1e-12)
    searched = {int(leading_rows(schur, alpha).sum()) for alpha in np.linspace(0.001, 1, 500)}
    assert searched == set(sizes)
    for (low, high), size in zip(found, sizes, strict=True):
        for alpha in (low + 1e-6, (low + high) / 2, high - 1e-6):
            assert leading_rows(schur, alpha).sum() == size


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.zeros((3, 3)), [(0.0, 1.0)]),
        (np.diag([1.0, 1.0]), [(0.0, 1.0)]),
        (np.diag([2.0, 0.0]), [(0.0, 1.0), (0.0, 0.0)]),
    ],
)
def test_borders_without_a_modulus_or_a_gap(matrix, expected):
    assert borders(ordered_real_schur(matrix)) == expected
    network = Network("tanh", {"W_hh": matrix, "W_xh": matrix[:, :1], "W_hy": matrix[:1]})
    changes = list(interventions.make("borders", {}).of(network))
    assert len(changes) == 3 * len(expected)
    assert changes[-1].labels["leading"] == len(matrix)


def computing():
    """Return a linear network in which CC computes while it holds the coupling of 2 and 3.

    Inputs reach Schur vector 3 only and outputs read 2 only. The coupling of 4 and 5 has mass, but
    nothing ever enters it.
    """
    T = np.diag([1.0, 0.9, 0.7, 0.6, 0.3, 0.1])
    T[2, 3], T[4, 5] = 1.0, 0.5
    Q = ortho_group.rvs(6, random_state=1)
    weights = {"W_hh": Q @ T @ Q.T, "W_xh": Q[:, 3:4], "W_hy": Q[:, 2:3].T}
    return Network("linear", weights), 0.5 / np.linalg.norm(T)


def test_the_smallest_r_without_which_cc_computes_is_found():
    network, mass = computing()
    rng = np.random.default_rng(2)
    batch = Batch(rng.standard_normal((30, 40, 1)))
    batch = Batch(batch.inputs, network.outputs(batch))
    rows = evaluate(network, interventions.make("borders", {}).of(network), batch, metric("fvu"))
    assert rows["leading"].tolist() == np.repeat(range(1, 7), 3).tolist()
    table = keyed([(0, rows)], ("sine", "orthogonal", 6))
    found = smallest_leading(table, {"rollout_difference": 0.1, "damage": 0.02})
    assert found["leading"].tolist() == [3, 3]
    np.testing.assert_allclose(found["removed_mass"], mass)
    np.testing.assert_allclose(found[["alpha_low", "alpha_high"]], [[0.6, 0.7]] * 2)
    # Without the coupling the outputs are silent, all of their variance gone: a sharp step.
    np.testing.assert_allclose(found["before"], 1, rtol=0.02)
    np.testing.assert_allclose(found["after"], 0, atol=1e-9)
    assert found["largest_gap"].tolist() == [False, False]  # that is below 0.6


def test_rows_are_the_ablations_at_a_threshold_of_each_border():
    network, _ = computing()
    for change in interventions.make("borders", {}).of(network):
        low, high = change.labels["alpha_low"], change.labels["alpha_high"]
        assert change.labels["gap"] == high - low
        sectors = Sectors.of(network.weights["W_hh"], (low + high) / 2)
        matrix, mass = sectors.without(sectors.mask(change.removed))
        np.testing.assert_allclose(change.changes["W_hh"], matrix, atol=1e-12)
        assert (change.mass, change.labels["leading"]) == (pytest.approx(mass), sectors.size)


def test_an_earlier_border_at_which_cc_costs_little_does_not_count():
    rows = keyed([(seed, _curve()) for seed in (0, 1)], ("sine", "orthogonal", 4))
    found = smallest_leading(rows, {"rollout_difference": 0.1})
    assert found[["seed", "leading", "before", "after"]].to_numpy().tolist() == [
        [0, 3, 0.4, 0.1],
        [1, 3, 0.4, 0.1],
    ]
    every = smallest_leading(rows, {"rollout_difference": 1})
    assert (every["leading"] == 1).all() and every["before"].isna().all()


def _curve():
    return pd.DataFrame(
        {
            "removed": "CC",
            "leading": [1, 2, 3, 4],
            "alpha_low": [0.8, 0.5, 0.4, 0.0],
            "alpha_high": [1.0, 0.8, 0.5, 0.4],
            "gap": [0.2, 0.3, 0.1, 0.4],
            "removed_mass": [0.4, 0.3, 0.2, 0.0],
            "rollout_difference": [0.05, 0.4, 0.1, 0.0],
        }
    )
