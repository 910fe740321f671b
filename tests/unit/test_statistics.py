"""Bootstrap intervals: coverage, degenerate samples, groups."""

import numpy as np
import pandas as pd
import pytest

from rnnschur.statistics import bootstrap_interval, summarize


def rng(seed=0):
    return np.random.default_rng(seed)


def test_interval_of_normal_data_is_near_the_classical_one():
    values = rng().normal(3, 2, 400)
    low, high = bootstrap_interval(values, 0.95, 4000, rng(1))
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_coverage_over_repeated_samples():
    hits = sum(
        low <= 1 <= high
        for seed in range(300)
        for low, high in [bootstrap_interval(rng(seed).exponential(1, 30), 0.9, 300, rng(seed))]
    )
    # Nominal 270; the bootstrap of 30 skewed values covers a little less.
    assert 245 <= hits <= 285


@pytest.mark.parametrize("values", [[0.3] * 5, [0.0, 0.0], [1.0] * 10])
def test_constant_values_give_no_width(values):
    assert bootstrap_interval(values, 0.95, 100, rng()) == (values[0], values[0])


@pytest.mark.parametrize("values", [[], [1.0]])
def test_too_few_values_give_no_interval(values):
    assert np.isnan(bootstrap_interval(values, 0.95, 100, rng())).all()


@pytest.mark.parametrize("values", [[0, 0, 0, 0, 1e-17], [1, 1, 1, 1, 1 - 1e-16], [0, 0, 0, 0, 1]])
def test_nearly_constant_values_give_a_finite_interval(values):
    low, high = bootstrap_interval(values, 0.95, 200, rng())
    assert min(values) <= low <= high <= max(values)


def test_summary_counts_and_moments():
    table = pd.DataFrame(
        {"cell": ["a", "a", "a", "b"], "x": [1.0, 2.0, np.nan, 5.0], "y": [np.inf, 1, 2, np.nan]}
    )
    summary = summarize(table, ["cell"], ["x", "y"], 0.95, 200, 0).set_index(["cell", "quantity"])
    assert summary.loc[("a", "x"), "networks"] == 2
    assert summary.loc[("a", "x"), "mean"] == 1.5
    assert summary.loc[("a", "x"), "sd"] == pytest.approx(np.sqrt(0.5))
    assert summary.loc[("a", "y"), ["minimum", "median", "maximum"]].tolist() == [1, 1.5, 2]
    assert summary.loc[("b", "x"), "mean"] == 5 and np.isnan(summary.loc[("b", "x"), "sd"])
    assert summary.loc[("b", "y"), "networks"] == 0 and np.isnan(summary.loc[("b", "y"), "mean"])


def test_summary_of_a_group_does_not_depend_on_the_others():
    table = pd.DataFrame({"cell": ["a"] * 8 + ["b"] * 8, "x": rng().random(16)})
    both = summarize(table, ["cell"], ["x"], 0.95, 200, 0)
    alone = summarize(table[8:], ["cell"], ["x"], 0.95, 200, 0)
    pd.testing.assert_frame_equal(both[1:].reset_index(drop=True), alone)
