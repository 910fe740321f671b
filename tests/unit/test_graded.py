"""Couplings at every strength: ends that are exact, and what lies between."""

import numpy as np
import pandas as pd
import pytest

from rnnschur import Batch, Network, cells, interventions
from rnnschur.coordinates.sectors import Sectors
from rnnschur.evaluation import evaluate
from rnnschur.metrics import metric

FACTORS = [0, 0.3, 1, 1.5]


def draw(name, dtype, **options):
    cell, rng = cells.make(name, **options), np.random.default_rng(0)
    shapes = cell.shapes(2, 8, 3).items()
    weights = {n: rng.standard_normal(s).astype(dtype) / np.sqrt(s[-1]) for n, s in shapes}
    return Network(cell, {n: w.astype(dtype) for n, w in weights.items()})


NETWORKS = {
    "tanh": ("tanh", np.float32, {}),
    "leaky": ("leaky", np.float64, {"a": 0.3}),
    "gru": ("gru", np.float32, {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_at_1_it_is_the_network_and_at_0_the_ablation(name):
    cell, dtype, options = NETWORKS[name]
    network, rng = draw(cell, dtype, **options), np.random.default_rng(1)
    batch = Batch(*rng.standard_normal((2, 15, 20, 2))[:, ..., :2])
    batch = Batch(batch.inputs, rng.standard_normal((15, 20, 3)))
    family = interventions.make("graded", {"alpha": 0.6, "factors": FACTORS})
    rows = evaluate(network, family.of(network), batch, metric("fvu"))
    couplings = interventions.make("couplings", {"alphas": [0.6]}).of(network)
    ablations = evaluate(network, couplings, batch, metric("fvu"))
    key = [label for label in ("matrix", "removed") if label in rows]
    columns = ["value", "removed_mass", "rollout_difference", "leading"]
    ends = {factor: rows[rows["factor"] == factor].set_index(key)[columns] for factor in FACTORS}
    expected = ablations.set_index(key).loc[ends[0].index, columns]
    pd.testing.assert_frame_equal(ends[0], expected, check_exact=True)
    intact = ablations.loc[ablations["removed"] == "none", "value"].iloc[0]
    assert (ends[1]["value"] == intact).all()
    assert (ends[1][["removed_mass", "rollout_difference"]] == 0).all(axis=None)
    for factor in (0.3, 1.5):
        mass = abs(1 - factor) * ends[0]["removed_mass"]
        np.testing.assert_allclose(ends[factor]["removed_mass"], mass)


def test_only_the_entries_of_the_coupling_are_scaled():
    network = draw("tanh", np.float64)
    sectors = Sectors.of(network.weights["W_hh"], 0.6)
    Q, T = sectors.schur.Q, sectors.schur.T
    for change in interventions.make("graded", {"alpha": 0.6, "factors": FACTORS}).of(network):
        mask = sectors.mask(change.removed)
        scaled = Q.T @ change.changes["W_hh"] @ Q
        np.testing.assert_allclose(scaled[mask], change.labels["factor"] * T[mask], atol=1e-12)
        np.testing.assert_allclose(scaled[~mask], T[~mask], atol=1e-12)
        away = np.linalg.norm(scaled - T) / np.linalg.norm(T)
        assert change.mass == pytest.approx(away, abs=1e-12)


@pytest.mark.parametrize("factors", [[], [-0.1], [True], "1", [0, 11]])
def test_factors_that_are_none_are_refused(factors):
    with pytest.raises(ValueError, match=r"^factors is .*; allowed: a list of numbers from 0 to"):
        interventions.make("graded", {"factors": factors})
