"""Bootstrap intervals: coverage, degenerate samples, groups."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from rnnschur import streams
from rnnschur.statistics import Bootstrap, summarize


def rng(seed=0):
    return np.random.default_rng(seed)


def test_interval_of_normal_data_is_near_the_classical_one():
    values = rng().normal(3, 2, 400)
    low, high = Bootstrap(0.95, 4000, 1).interval(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_coverage_over_repeated_samples():
    bootstrap = Bootstrap(confidence=0.9, resamples=300, study_seed=0)
    hits = sum(
        low <= 1 <= high
        for seed in range(300)
        for low, high in [bootstrap.interval(rng(seed).exponential(1, 30), "coverage", seed)]
    )
    # Nominal 270; the bootstrap of 30 skewed values covers a little less.
    assert 245 <= hits <= 285


@pytest.mark.parametrize("values", [[0.3] * 5, [0.0, 0.0], [1.0] * 10])
def test_constant_values_give_no_width(values):
    assert Bootstrap(0.95, 100, 0).interval(values) == (values[0], values[0])


@pytest.mark.parametrize("values", [[], [1.0]])
def test_too_few_values_give_no_interval(values):
    assert np.isnan(Bootstrap(0.95, 100, 0).interval(values)).all()


@pytest.mark.parametrize("values", [[0, 0, 0, 0, 1e-17], [1, 1, 1, 1, 1 - 1e-16], [0, 0, 0, 0, 1]])
def test_nearly_constant_values_give_a_finite_interval(values):
    low, high = Bootstrap(0.95, 200, 0).interval(values)
    assert min(values) <= low <= high <= max(values)


def test_every_interval_has_a_random_stream_of_its_own():
    values = rng().exponential(1, 20)
    bootstrap = Bootstrap(0.95, 100, 5)
    first = bootstrap.interval(values, "sine", 3)
    bootstrap.interval(values, "other")  # what was drawn before does not matter
    assert bootstrap.interval(values, "sine", 3) == first
    others = [
        bootstrap.interval(values, "sine", 4),
        bootstrap.interval(values),
        Bootstrap(0.95, 100, 6).interval(values, "sine", 3),
    ]
    assert len({first, *others}) == 4
    # That of its name in the study, so that what was published stays as it is.
    stream = streams.generator(5, "sine", 3)
    expected = scipy.stats.bootstrap((values,), np.mean, n_resamples=100, rng=stream)
    assert first == pytest.approx(expected.confidence_interval, rel=1e-12)


def test_more_confidence_is_a_wider_interval():
    values = rng().normal(0, 1, 50)
    intervals = [Bootstrap(c, 1000, 0).interval(values) for c in (0.5, 0.9, 0.99)]
    assert all(a[0] > b[0] and a[1] < b[1] for a, b in pairwise(intervals))


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_interval_of_a_share_is_exact(confidence):
    """The interval of Clopper and Pearson, in closed form where all agree or none does."""
    tail = (1 - confidence) / 2
    bootstrap = Bootstrap(confidence, 1, 0)
    assert bootstrap.share([True] * 10) == (pytest.approx(tail ** (1 / 10)), 1)
    assert bootstrap.share(np.zeros(10)) == (0, pytest.approx(1 - tail ** (1 / 10)))
    low, high = bootstrap.share(pd.Series([True, False]))
    # Of two networks one: 1 - (1 - p) ** 2 = tail.
    assert low == pytest.approx(1 - np.sqrt(1 - tail)) and high == pytest.approx(1 - low)


def test_summary_counts_and_moments():
    table = pd.DataFrame(
        {
            "condition": ["a", "a", "a", "b"],
            "x": [1.0, 2.0, np.nan, 5.0],
            "y": [np.inf, 1, 2, np.nan],
        }
    )
    summary = summarize(table, ["condition"], ["x", "y"], Bootstrap(0.95, 200, 0))
    summary = summary.set_index(["condition", "quantity"])
    assert summary.loc[("a", "x"), "networks"] == 2
    assert summary.loc[("a", "x"), "mean"] == 1.5
    assert summary.loc[("a", "x"), "sd"] == pytest.approx(np.sqrt(0.5))
    assert summary.loc[("a", "y"), ["minimum", "median", "maximum"]].tolist() == [1, 1.5, 2]
    assert summary.loc[("b", "x"), "mean"] == 5 and np.isnan(summary.loc[("b", "x"), "sd"])
    assert summary.loc[("b", "y"), "networks"] == 0 and np.isnan(summary.loc[("b", "y"), "mean"])


def test_summary_of_a_group_does_not_depend_on_the_others():
    table = pd.DataFrame({"condition": ["a"] * 8 + ["b"] * 8, "x": rng().random(16)})
    bootstrap = Bootstrap(0.95, 200, 0)
    both = summarize(table, ["condition"], ["x"], bootstrap)
    alone = summarize(table[8:], ["condition"], ["x"], bootstrap)
    pd.testing.assert_frame_equal(both[1:].reset_index(drop=True), alone)
    interval = bootstrap.interval(table["x"][8:], "bootstrap", "b", "x")
    assert tuple(alone.loc[0, ["low", "high"]]) == interval
