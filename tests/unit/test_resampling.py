"""Intervals over sequences, against measures of sequences drawn anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import METRICS, Batch
from rnnschur.resampling import Resampling


def draw(name, seed=0, sequences=30, masked=True, steps=7):
    """Return outputs of two networks and sequences to judge them by; some vary more than others."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.5, 2, (1, sequences, 1))
    if name == "accuracy":
        targets = rng.integers(3, size=(steps, sequences, 1)).astype(float)
    elif name == "fvu":
        targets = 3 + spread * rng.standard_normal((steps, sequences, 3))
    else:
        targets = rng.choice([-1.0, 1.0], (steps, sequences, 3))
    outputs = spread * rng.standard_normal((2, steps, sequences, 3))
    if name != "accuracy":
        outputs += targets
    mask = None
    if masked:
        mask = rng.random((steps, sequences)) < 0.7
        mask[:, 0] = True
        targets[~mask] = np.nan
    return outputs, Batch(np.zeros((steps, sequences, 1)), targets, mask=mask)


@pytest.mark.parametrize("name", METRICS)
@given(seed=st.integers(0, 999), masked=st.booleans())
@settings(max_examples=20)
def test_the_parts_of_all_sequences_make_the_measure(name, seed, masked):
    outputs, batch = draw(name, seed, 6, masked)
    metric = METRICS[name]
    parts, whole = metric.parts(outputs, batch)
    assert parts.shape == (2, 6) and whole.shape == (6,)
    np.testing.assert_allclose(parts.sum(-1) / whole.sum(), metric(outputs, batch), rtol=1e-12)
    apart, spread = metric.difference_parts(outputs, outputs[0], batch)
    found = np.sqrt(apart.sum(-1) / spread.sum())
    expected = metric.difference(outputs, outputs[0], batch)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("masked", [False, True])
def test_intervals_are_those_of_measures_of_resampled_sequences(name, masked):
    outputs, batch = draw(name, 1, 40, masked)
    metric, resampling = METRICS[name], Resampling.of(40, seed=3, resamples=400)
    values, differences = [], []
    for counts in resampling.counts.astype(int):
        chosen = np.repeat(np.arange(40), counts)
        mask = None if batch.mask is None else batch.mask[:, chosen]
        again = Batch(batch.inputs[:, chosen], batch.targets[:, chosen], mask=mask)
        values.append(metric(outputs[:1, :, chosen], again)[0])
        differences.append(
            metric.difference(outputs[1:, :, chosen], outputs[0][:, chosen], again)[0]
        )
    parts, whole = metric.parts(outputs[0], batch)
    found = resampling.interval(parts, whole)
    np.testing.assert_allclose(found, np.quantile(values, [0.025, 0.975]), rtol=0.01)
    parts, whole = metric.difference_parts(outputs[1], outputs[0], batch)
    found = np.sqrt(resampling.interval(parts, whole))
    np.testing.assert_allclose(found, np.quantile(differences, [0.025, 0.975]), rtol=0.01)


def test_intervals_cover_the_ratio_of_expectations_as_often_as_they_say():
    rng, covered = np.random.default_rng(0), 0
    for trial in range(300):
        parts, whole = rng.gamma(2, 1.5, 60), rng.gamma(3, 1, 60)  # a ratio of 1
        low, high = Resampling.of(60, trial, 300).interval(parts, whole)
        covered += low <= 1 <= high
    assert 0.91 <= covered / 300 <= 0.98


def test_the_same_seed_gives_the_same_samples_and_every_sample_has_all_sequences():
    one, same, other = (Resampling.of(9, seed).counts for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one.sum(1) == 9).all() and (one != other).any()
    assert one.mean() == 1 and one.std() == pytest.approx(np.sqrt(8 / 9), abs=0.03)


def test_one_sequence_and_measures_that_are_not_finite_give_no_interval():
    assert np.isnan(Resampling.of(1, 0).interval(np.ones(1), np.ones(1))).all()
    resampling = Resampling.of(5, 0)
    for parts, whole in ((np.full(5, np.nan), np.ones(5)), (np.ones(5), np.zeros(5))):
        low, high = resampling.interval(parts, whole)
        assert not np.isfinite(low) and not np.isfinite(high)
