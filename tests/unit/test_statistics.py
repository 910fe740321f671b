"""Bootstrap intervals: coverage, degenerate samples, groups."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from rnnschur import statistics, streams
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


@pytest.mark.parametrize(("networks", "sets"), [(1.0, 0.5), (0.3, 1.0), (0.0, 1.0)])
def test_coverage_over_networks_and_their_sets(networks, sets):
    """Standard deviations of networks, and of eight sets of each: the interval is never too narrow.

    Each network has sets of its own, so that the interval over networks covers, too; with one set
    for all of them it would not.
    """
    bootstrap, hits = Bootstrap(0.9, 300, 0), np.zeros(3)
    for seed in range(100):
        own = rng(seed).normal(0, networks, (20, 1))
        drawn = own + rng(seed + 1000).normal(0, sets, (20, 8))
        shared = own + rng(seed + 1000).normal(0, sets, (1, 8))
        for which, (low, high) in enumerate(
            (
                bootstrap.nested(drawn.mean(axis=1), drawn, seed),
                bootstrap.interval(drawn.mean(axis=1), seed),
                bootstrap.interval(shared.mean(axis=1), seed),
            )
        ):
            hits[which] += low <= 0 <= high
    # Nominal 90, in 100 trials 3 either way; with networks that are all the same, sets count twice.
    assert hits[0] >= 82 and hits[1] >= 80
    assert hits[2] < (60 if networks < 0.5 else 88)


def test_sets_that_are_all_the_same_add_nothing():
    values, bootstrap = rng().exponential(1, 20), Bootstrap(0.95, 500, 3)
    same = np.repeat(values[:, None], 4, axis=1)
    found = bootstrap.nested(values, same, "name")
    assert found == pytest.approx(bootstrap.interval(values, "name"), rel=1e-9)
    # What the sets have in common does not matter, as in a ratio of means.
    assert bootstrap.nested(values, same + 1, "name") == pytest.approx(found, rel=1e-9)
    assert bootstrap.nested(values, same, "other") != found


def test_intervals_are_the_same_however_much_is_summed_at_once(monkeypatch):
    sets = rng().normal(size=(7, 4))
    found = Bootstrap(0.95, 100, 1).nested(sets.mean(axis=1), sets, "x")
    monkeypatch.setattr(statistics, "AT_ONCE", 7 * 4 * 9)
    assert Bootstrap(0.95, 100, 1).nested(sets.mean(axis=1), sets, "x") == found


def test_networks_that_are_all_the_same_have_the_interval_of_their_sets():
    """Then it is that of the mean of all sets, in closed form."""
    sets = rng().normal(0, 1, (50, 8))
    sets -= sets.mean(axis=1, keepdims=True)
    low, high = Bootstrap(0.95, 4000, 1).nested(np.full(50, 3.0), 3 + sets, "x")
    half = 1.96 * sets.std() / np.sqrt(sets.size)
    assert (low, high) == (pytest.approx(3 - half, abs=0.005), pytest.approx(3 + half, abs=0.005))


@pytest.mark.parametrize("sets", [np.ones((1, 4)), np.ones((3, 1)), np.full((3, 4), np.inf)])
def test_too_few_sets_give_no_interval(sets):
    assert np.isnan(Bootstrap(0.95, 100, 0).nested(np.ones(len(sets)), sets)).all()
    assert Bootstrap(0.95, 100, 0).nested(np.ones(2), np.ones((2, 2))) == (1, 1)


def test_a_ratio_is_resampled_as_its_sums_are_to_first_order():
    """An FVU on sets of 64: against a bootstrap of the sums of squares themselves."""
    draws = rng(1)
    errors = draws.gamma(2, 0.01, (30, 1)) * draws.chisquare(60, (30, 8)) / 60
    variances = draws.normal(1, 0.1, (30, 8))  # of the targets: not the same in all sets
    pooled = errors.sum(axis=1) / variances.sum(axis=1)
    low, high = Bootstrap(0.95, 4000, 1).nested(pooled, errors / variances, "ratio")
    networks = draws.integers(30, size=(4000, 30))
    sets = draws.integers(8, size=(4000, 30, 8))
    rows = networks[..., None]
    means = (errors[rows, sets].sum(2) / variances[rows, sets].sum(2)).mean(1)
    # Its spread, and the middle of it.
    exact = np.quantile(means, [0.025, 0.975])
    assert high - low == pytest.approx(np.ptp(exact), rel=0.06)
    assert (high + low) / 2 == pytest.approx(exact.mean(), rel=0.03)


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


def test_summary_with_sets_has_both_intervals():
    networks = pd.DataFrame({"condition": "a", "seed": range(6), "x": rng().random(6), "mass": 1.0})
    networks.loc[5, "x"] = np.nan
    sets = networks.merge(pd.DataFrame({"set": range(4)}), how="cross")
    sets["x"] += rng(1).normal(0, 0.5, len(sets))
    bootstrap, sets = Bootstrap(0.95, 200, 0), sets.sample(frac=1, random_state=1)
    found = summarize(networks, ["condition"], ["x", "mass"], bootstrap, sets.drop(columns="mass"))
    alone = summarize(networks, ["condition"], ["x", "mass"], bootstrap)
    pd.testing.assert_frame_equal(found[alone.columns], alone)
    both = found.set_index("quantity")[["sets_low", "sets_high"]]
    each = sets.sort_values(["seed", "set"])["x"].to_numpy().reshape(6, 4)[:5]
    interval = bootstrap.nested(networks["x"][:5], each, "bootstrap", "a", "x")
    assert tuple(both.loc["x"]) == interval and both.loc["mass"].isna().all()


def test_summary_of_a_group_does_not_depend_on_the_others():
    table = pd.DataFrame({"condition": ["a"] * 8 + ["b"] * 8, "x": rng().random(16)})
    bootstrap = Bootstrap(0.95, 200, 0)
    both = summarize(table, ["condition"], ["x"], bootstrap)
    alone = summarize(table[8:], ["condition"], ["x"], bootstrap)
    pd.testing.assert_frame_equal(both[1:].reset_index(drop=True), alone)
    interval = bootstrap.interval(table["x"][8:], "bootstrap", "b", "x")
    assert tuple(alone.loc[0, ["low", "high"]]) == interval
