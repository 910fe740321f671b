"""Measures of behaviour: closed forms and known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import behaviour

seeds = st.integers(0, 2**32)


def batch(seed, shape=(6, 5, 3)):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@given(seeds)
def test_accuracy_counts_signs(seed):
    targets = np.sign(batch(seed))
    outputs = batch(seed + 1)
    right = sum((o > 0) == (t > 0) for o, t in zip(outputs.ravel(), targets.ravel(), strict=True))
    assert behaviour.replay_accuracy(outputs, targets) == pytest.approx(right / targets.size)
    assert behaviour.replay_accuracy(targets, targets) == 1
    assert behaviour.replay_accuracy(-targets, targets) == 0


def test_accuracy_of_noise_is_chance_and_of_nan_is_zero():
    targets = np.sign(batch(0, (100, 100, 3)))
    assert abs(behaviour.replay_accuracy(batch(1, (100, 100, 3)), targets) - 0.5) < 0.01
    assert behaviour.replay_accuracy(np.full_like(targets, np.nan), targets) == 0


@given(seeds)
def test_fvu_is_one_minus_explained_variance(seed):
    targets = batch(seed)
    noisy = targets + 0.3 * batch(seed + 1)
    total = sum(np.sum((y - y.mean()) ** 2) for y in np.moveaxis(targets.astype(float), -1, 0))
    assert behaviour.fvu(noisy, targets) == pytest.approx(
        np.sum((noisy.astype(float) - targets) ** 2) / total, rel=1e-5
    )
    assert behaviour.fvu(targets, targets) == 0
    mean = np.broadcast_to(targets.mean(axis=(0, 1)), targets.shape)
    assert behaviour.fvu(mean, targets) == pytest.approx(1, rel=1e-5)


@given(seeds, st.floats(0.1, 10), st.floats(-5, 5))
def test_fvu_has_no_units(seed, scale, shift):
    targets, outputs = batch(seed), batch(seed + 1)
    moved = behaviour.fvu(scale * outputs + shift, scale * targets + shift)
    assert moved == pytest.approx(behaviour.fvu(outputs, targets), rel=1e-3)


@given(seeds)
def test_leading_axes_are_kept(seed):
    targets, outputs = batch(seed), batch(seed + 1, (4, 6, 5, 3))
    for name in behaviour.METRICS:
        values = behaviour.measure(name, outputs, targets)
        singly = [behaviour.measure(name, output, targets) for output in outputs]
        np.testing.assert_allclose(values, singly, rtol=1e-12)


@given(seeds)
def test_rollout_difference_is_a_distance_scaled_by_the_intact_rollout(seed):
    f, g, h = (batch(seed + i).astype(float) for i in range(3))
    assert behaviour.rollout_difference(f, f) == 0
    assert behaviour.rollout_difference(f + 2 * (g - f), f) == pytest.approx(
        2 * behaviour.rollout_difference(g, f)
    )
    # The triangle inequality, all three measured in units of f's variation.
    scale = np.sqrt(np.mean((f - f.mean(axis=(0, 1))) ** 2))
    third = np.sqrt(np.mean((g - h) ** 2)) / scale
    assert behaviour.rollout_difference(h, f) <= behaviour.rollout_difference(g, f) + third + 1e-12


def test_damage_is_positive_where_a_network_gets_worse():
    assert behaviour.damage("replay_accuracy", np.float64(-0.2)) == 0.2
    assert behaviour.damage("fvu", np.float64(0.2)) == 0.2
    assert not np.signbit(behaviour.damage("replay_accuracy", np.float64(0.0)))


def test_sensitivity_is_damage_per_mass_and_undefined_without_mass():
    found = behaviour.sensitivity(np.array([1.73, 0.5, 0.0]), np.array([0.082, 0.5, 0.0]))
    np.testing.assert_allclose(found, [1.73 / 0.082, 1, np.nan])


def test_has_learned():
    found = behaviour.has_learned(
        ["replay_accuracy", "replay_accuracy", "fvu", "fvu"],
        [0.75, 0.7, 0.5, 0.6],
        [0.75, 0.75, 0.5, 0.5],
    )
    np.testing.assert_array_equal(found, [True, False, True, False])
