"""A readout fitted again: ridge regression by other means, and networks whose answer is known."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ortho_group

from rnnschur import Batch, Network, cells, interventions
from rnnschur.evaluation import evaluate
from rnnschur.interventions.readout import PENALTIES, ridge
from rnnschur.metrics import metric
from rnnschur.streams import generator


def parts(seed, noise=0.5, folds=3, sizes=(20, 5, 2)):
    """Return states and noisy targets in parts, states with a mean and of unlike size."""
    rng = np.random.default_rng(seed)
    steps, units, outputs = sizes
    V = rng.standard_normal((units, outputs))
    found = []
    for _ in range(folds):
        h = 1 + rng.standard_normal((steps, 3, units)) * 10.0 ** -np.arange(units)
        found.append((h, h @ V + 2 + noise * rng.standard_normal((steps, 3, outputs))))
    return found


def least_squares(pairs, penalty, intercept):
    """Return the readout by least squares with more rows, which hold the penalty."""
    h, y = (np.concatenate([p[k].reshape(-1, p[k].shape[-1]) for p in pairs]) for k in (0, 1))
    mean, answer = intercept * h.mean(0), intercept * y.mean(0)
    units = h.shape[1]
    scale = np.trace((h - mean).T @ (h - mean)) / units
    rows = np.vstack([h - mean, np.sqrt(penalty * scale) * np.eye(units)])
    V = np.linalg.lstsq(rows, np.vstack([y - answer, np.zeros((units, y.shape[1]))]))[0]
    return V.T, answer - mean @ V


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("noise", [0.0, 0.5, 50.0])
def test_ridge_is_least_squares_with_the_penalty_that_other_parts_choose(intercept, noise):
    pairs = parts(0, noise)
    V, b, penalty = ridge(pairs, intercept)
    expected, answer = least_squares(pairs, penalty, intercept)
    np.testing.assert_allclose(V, expected, rtol=1e-5, atol=1e-9)
    assert (b is None) == (not intercept)
    if intercept:
        np.testing.assert_allclose(b, answer, rtol=1e-5, atol=1e-9)
    errors = []
    for candidate in PENALTIES:
        errors.append(0)
        for k, (h, y) in enumerate(pairs):
            V, b = least_squares(pairs[:k] + pairs[k + 1 :], candidate, intercept)
            errors[-1] += np.sum((h @ V.T + b - y) ** 2)
    assert penalty == PENALTIES[np.argmin(errors)]
    if noise != 0.5 and intercept:  # more noise, more penalty
        assert penalty == PENALTIES[0] if noise == 0 else penalty >= 0.01


def test_of_states_that_are_silent_nothing_is_read():
    V, b, _ = ridge([(np.zeros((4, 3)), np.ones((4, 2)))] * 2, True)
    assert (V == 0).all() and (b == 1).all()


def two_units(kept):
    """Return a linear network whose only output is of Schur vector 0, its inputs of vector 1.

    An input in step 0 reaches vector 0 through CR alone. Vector 1 keeps it, or forgets it at once.
    """
    T = np.array([[1.0, 0.8], [0.0, 0.6 if kept else 0.0]])
    Q = ortho_group.rvs(2, random_state=0)
    return Network("linear", {"W_hh": Q @ T @ Q.T, "W_xh": Q[:, 1:], "W_hy": Q[:, :1].T})


def pulses(network, seed, steps=1):
    """Return sequences of an input in step 0, of which the last steps count."""
    inputs = np.zeros((5, 40, 1))
    inputs[0] = np.random.default_rng(seed).standard_normal((40, 1))
    batch = Batch(inputs, onset=5 - steps)
    return Batch(inputs, network.outputs(batch))


def rows_of(network, fit, judge, measure="fvu", **options):
    family = interventions.make("readout", {"folds": 4, **options})
    changes = family.of(network, fit, partial(generator, 0))
    return family.summary(evaluate(network, changes, judge, metric(measure)))


@pytest.mark.parametrize("measure", ["fvu", "replay_accuracy"])
@pytest.mark.parametrize("kept", [True, False])
def test_information_that_moves_is_kept_and_that_of_a_lost_dimension_is_not(kept, measure):
    network = two_units(kept)
    rows = rows_of(network, pulses(network, 1), pulses(network, 2), measure, alpha=0.9)
    assert (
        rows["removed"].tolist()
        == np.repeat(["none", "RR", "CR", "CC", "RR+CR", "RR+CC", "CR+CC", "RR+CR+CC"], 2).tolist()
    )
    found = rows.groupby("removed")["kept"].first()
    assert rows.groupby("removed")["kept"].nunique().eq(1).all()
    expected = "information" if kept else "neither"
    for removed, said in found.items():
        assert said == (expected if "CR" in removed else "function"), removed
    cross = rows[rows["removed"] == "CR"].set_index("readout")
    assert cross.loc["fixed", "rollout_difference"] == pytest.approx(1, abs=0.05)
    best = 1.0 if measure == "replay_accuracy" else 0.0
    assert (cross.loc["refitted", "value"] == pytest.approx(best, abs=1e-6)) == kept


@pytest.mark.parametrize(
    ("measure", "values"),
    [("fvu", [0.02, 0.0599, 0.0601, 0.9]), ("replay_accuracy", [0.98, 0.9401, 0.9399, 0.5])],
)
def test_information_is_kept_within_the_square_of_epsilon_of_the_fitted_intact_network(
    measure, values
):
    removed = ["none", "RR", "CR", "CC"]
    rows = pd.DataFrame({"removed": np.repeat(removed, 2), "readout": ["fixed", "refitted"] * 4})
    rows["value"] = np.repeat(values, 2)
    rows["rollout_difference"] = np.repeat([0, 0.21, 0.21, 0.2], 2)
    rows.loc[rows["readout"] == "fixed", "value"] = 0.7  # does not count
    rows.loc[rows["readout"] == "refitted", "rollout_difference"] = 0.9  # nor does this
    found = interventions.make("readout", {"epsilon": 0.2}).summary(rows.assign(metric=measure))
    assert (
        found["kept"].tolist()
        == np.repeat(["function", "information", "neither", "function"], 2).tolist()
    )


def test_fixed_rows_are_the_plain_ablations_and_a_bias_is_fitted():
    rng = np.random.default_rng(3)
    weights = {n: rng.standard_normal(s) for n, s in cells.make("tanh").shapes(2, 6, 1).items()}
    network = Network("tanh", {**weights, "b_y": [0.0]})
    drive = rng.standard_normal((2, 20, 30, 2))
    targets = 5 + drive[..., :1]  # the states of no step but the last know the input
    batches = [Batch(x, y) for x, y in zip(drive, targets, strict=True)]
    rows = rows_of(network, *batches, alpha=0.5)
    couplings = interventions.make("couplings", {"alphas": [0.5]}).of(network)
    plain = evaluate(network, couplings, batches[1], metric("fvu"))
    fixed = rows[rows["readout"] == "fixed"].reset_index(drop=True)
    assert fixed["rollout_difference"].equals(plain["rollout_difference"])
    assert fixed["penalty"].isna().all()
    refitted = rows[rows["readout"] == "refitted"]
    assert refitted["penalty"].isin(PENALTIES).all()
    assert (refitted["value"] < 0.5).all() and (fixed["value"] > 1).all()


def test_steps_that_do_not_count_are_not_fitted():
    network = two_units(True)
    fit, judge = pulses(network, 1, steps=2), pulses(network, 2)
    fit.targets[0] = -1e3 * fit.targets[1]
    mask = np.array([[0] * 40, [1] * 40])
    rows = rows_of(network, replace(fit, mask=mask), judge).set_index(["removed", "readout"])
    assert rows.loc[("CR", "refitted"), "value"] < 1e-9
    rows = rows_of(network, fit, judge).set_index(["removed", "readout"])
    assert rows.loc[("CR", "refitted"), "value"] > 1


def test_networks_without_a_linear_readout_or_targets_have_no_rows():
    network = two_units(True)
    batch = pulses(network, 1)
    sigmoid = Network(cells.make("linear", output="sigmoid"), network.weights)
    labels = Batch(batch.inputs, np.zeros((2, 40, 3)))
    for one, fit in ((network, None), (network, Batch(batch.inputs)), (sigmoid, batch)):
        assert rows_of(one, fit, batch).empty
    assert rows_of(network, labels, batch).empty


def test_labels_of_one_output_are_no_values_to_fit():
    network = two_units(True)
    fit, judge = pulses(network, 1), pulses(network, 2)
    fit, judge = (replace(one, targets=1.0 * (one.targets > 0)) for one in (fit, judge))
    assert rows_of(network, fit, judge, "accuracy").empty
    assert not rows_of(network, fit, judge, "fvu").empty


def test_a_readout_is_not_fitted_to_a_single_sequence():
    network = two_units(True)
    fit, judge = pulses(network, 1), pulses(network, 2)
    assert rows_of(network, fit.part(slice(1)), judge).empty
    assert not rows_of(network, fit.part(slice(2)), judge).empty


def test_a_network_that_runs_away_is_left_its_readout():
    """Removing CC sets free a unit of ReLU that another one holds down."""
    weights = {"W_hh": [[3.0, -9.0], [0.0, 2.9]], "W_xh": np.ones((2, 1)), "W_hy": [[1.0, 0.0]]}
    network = Network("relu", weights)
    batch = Batch(np.random.default_rng(0).random((900, 8, 1)))
    batch = Batch(batch.inputs, network.outputs(Batch(batch.inputs[:3])).repeat(300, 0))
    family = interventions.make("readout", {"alpha": 0.99})
    found = [change for change in family.of(network, batch) if change.removed == "CR"]
    assert [set(change.changes) for change in found] == [{"W_hh"}] * 2
