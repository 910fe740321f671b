"""Measures of behaviour: closed forms and known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import Batch, metrics
from rnnschur.metrics import METRICS

seeds = st.integers(0, 2**32)


def draw(seed, shape=(6, 5, 3)):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def refusal(function, *arguments):
    """Return the line with which a function refuses arrays."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the caller looks at the message
        function(*arguments)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


@given(seeds)
def test_accuracy_counts_signs(seed):
    targets = np.sign(draw(seed))
    outputs = draw(seed + 1)
    right = sum((o > 0) == (t > 0) for o, t in zip(outputs.ravel(), targets.ravel(), strict=True))
    assert metrics.replay_accuracy(outputs, targets) == pytest.approx(right / targets.size)
    assert metrics.replay_accuracy(targets, targets) == 1
    assert metrics.replay_accuracy(-targets, targets) == 0


def test_accuracy_of_noise_is_chance_and_of_nan_is_zero():
    targets = np.sign(draw(0, (100, 100, 3)))
    assert abs(metrics.replay_accuracy(draw(1, (100, 100, 3)), targets) - 0.5) < 0.01
    assert metrics.replay_accuracy(np.full_like(targets, np.nan), targets) == 0


@given(seeds)
def test_fvu_is_one_minus_explained_variance(seed):
    targets = draw(seed)
    noisy = targets + 0.3 * draw(seed + 1)
    total = sum(np.sum((y - y.mean()) ** 2) for y in np.moveaxis(targets.astype(float), -1, 0))
    assert metrics.fvu(noisy, targets) == pytest.approx(
        np.sum((noisy.astype(float) - targets) ** 2) / total, rel=1e-5
    )
    assert metrics.fvu(targets, targets) == 0
    mean = np.broadcast_to(targets.mean(axis=(0, 1)), targets.shape)
    assert metrics.fvu(mean, targets) == pytest.approx(1, rel=1e-5)


@given(seeds, st.floats(0.1, 10), st.floats(-5, 5))
def test_fvu_has_no_units(seed, scale, shift):
    targets, outputs = draw(seed), draw(seed + 1)
    moved = metrics.fvu(scale * outputs + shift, scale * targets + shift)
    assert moved == pytest.approx(metrics.fvu(outputs, targets), rel=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [(0.0, 0.3), (0.1, -3.7), (1e-30, 1e8)])
def test_fvu_of_targets_that_do_not_vary_is_undefined(dtype, levels):
    constant = np.full((6, 5, 2), levels, dtype)
    for outputs in (constant, constant + 1, draw(0, (6, 5, 2)), np.full_like(constant, np.nan)):
        assert "undefined" in refusal(metrics.fvu, outputs, constant)
    # Nor do those that vary by what the last digit holds, as sums in another order do.
    wobbling = constant.copy()
    wobbling[::2, :, 1] = np.nextafter(wobbling[::2, :, 1], dtype(0))
    assert "undefined" in refusal(metrics.fvu, constant, wobbling)


def test_fvu_needs_only_one_output_that_varies():
    targets = draw(0, (6, 5, 2))
    targets[..., 1] = 0.7
    # The error of both outputs counts, the variance is that of the one.
    variance = np.var(targets[..., 0].astype(float))
    assert metrics.fvu(targets + 0.5, targets) == pytest.approx(2 * 0.25 / variance, rel=1e-5)


@given(seeds)
def test_leading_axes_are_kept(seed):
    batch, outputs = Batch(draw(seed, (8, 5, 2)), draw(seed + 2)), draw(seed + 1, (4, 6, 5, 3))
    for metric in METRICS.values():
        if metric.labels:
            labels = np.random.default_rng(seed).integers(3, size=(6, 5, 1))
            batch = Batch(batch.inputs, labels)
        values = metric(outputs, batch)
        singly = [metric(output, batch) for output in outputs]
        assert values.shape == (4,) and values.dtype == np.float64
        np.testing.assert_allclose(values, singly, rtol=1e-12)
        np.testing.assert_array_equal(values, metric.function(outputs, batch.targets))
        assert metric(outputs[:, None], batch).shape == (4, 1)


@given(seeds)
def test_rollout_difference_is_a_distance_scaled_by_the_intact_rollout(seed):
    f, g, h = (draw(seed + i).astype(float) for i in range(3))
    assert metrics.rollout_difference(f, f) == 0
    assert metrics.rollout_difference(f + 2 * (g - f), f) == pytest.approx(
        2 * metrics.rollout_difference(g, f)
    )
    # The triangle inequality, all three measured in units of f's variation.
    scale = np.sqrt(np.mean((f - f.mean(axis=(0, 1))) ** 2))
    third = np.sqrt(np.mean((g - h) ** 2)) / scale
    assert metrics.rollout_difference(h, f) <= metrics.rollout_difference(g, f) + third + 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("level", [0.0, 0.1, -3e7])
def test_rollout_difference_from_a_constant_is_nothing_infinite_or_undefined(dtype, level):
    intact = np.full((6, 5, 2), level, dtype)
    other, broken = intact.copy(), intact.copy()
    other[3, 2, 1] = 2 * level + 1  # one element in sixty is enough
    broken[3, 2, 1] = np.nan
    rounded = np.nextafter(intact, dtype(0))
    stack = np.stack([intact, rounded, other, broken, np.full_like(intact, np.inf)])
    found = metrics.rollout_difference(stack, intact)
    np.testing.assert_array_equal(found, [0, 0, np.inf, np.nan, np.inf])
    for one, expected in zip(stack, found, strict=True):
        np.testing.assert_array_equal(metrics.rollout_difference(one, intact), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_output_that_is_constant_hides_no_small_one_that_varies(dtype):
    """Each output has its own rounding."""
    small = draw(0, (6, 5, 1)).astype(dtype)
    large = np.full_like(small, 10 / np.finfo(dtype).eps)
    intact, other = (np.concatenate([large, sign * small], axis=-1) for sign in (1, -1))
    expected = metrics.rollout_difference(-small, small)
    assert metrics.rollout_difference(other, intact) == pytest.approx(expected)
    assert metrics.fvu(other, intact) == pytest.approx(metrics.fvu(-small, small))
    # Nor where neither varies, but the small one is another.
    level = np.full_like(small, 0.5)
    intact, other = (np.concatenate([large, x], axis=-1) for x in (level, level + 1))
    assert metrics.rollout_difference(other, intact) == np.inf


def test_rollout_difference_of_nan_is_nan():
    intact, broken = draw(0), draw(1)
    broken[0, 0, 0] = np.nan
    found = metrics.rollout_difference(np.stack([intact, broken]), intact)
    np.testing.assert_array_equal(found, [0, np.nan])
    assert np.isnan(metrics.rollout_difference(intact, broken))


@pytest.mark.parametrize(
    "function", [metrics.replay_accuracy, metrics.fvu, metrics.rollout_difference]
)
@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        ((6, 5, 2), (6, 5, 1)),  # targets of one output for two
        ((6, 5, 1), (6, 5, 2)),
        ((6, 5, 2), (6, 1, 2)),
        ((6, 5, 2), (1, 5, 2)),
        ((6, 5, 2), (7, 5, 2)),
        ((6, 5, 2), (5, 2)),
        ((6, 5, 1), (6, 5)),
        ((6, 1), (6, 1)),
        ((6, 5), (6, 5, 1)),
        ((4, 6, 5, 2), (4, 6, 5, 2)),
        ((4, 6, 5, 2), (1, 6, 5, 2)),
        ((4, 6, 5, 2), (6, 4, 2)),
        ((), ()),
    ],
)
def test_arrays_are_never_broadcast(function, outputs, targets):
    message = refusal(function, draw(0, outputs), draw(1, targets))
    assert f"outputs have shape {outputs}" in message and str(targets) in message
    assert "allowed: (..., steps, sequences, outputs)" in message


def test_damage_is_positive_where_a_network_gets_worse():
    assert METRICS["replay_accuracy"].damage(np.float64(-0.2)) == 0.2
    assert METRICS["fvu"].damage(np.float64(0.2)) == 0.2
    assert not np.signbit(METRICS["replay_accuracy"].damage(np.float64(0.0)))
    np.testing.assert_array_equal(METRICS["replay_accuracy"].damage(np.array([1, -1])), [-1, 1])


def test_sensitivity_is_damage_per_mass_and_undefined_without_mass():
    found = metrics.sensitivity(np.array([1.73, 0.5, 0.0]), np.array([0.082, 0.5, 0.0]))
    np.testing.assert_allclose(found, [1.73 / 0.082, 1, np.nan])
    found = metrics.sensitivity([1, 2, np.nan, 0.1], [0, np.nan, 0.1, 0.1])
    np.testing.assert_allclose(found, [np.nan, np.nan, np.nan, 1])
    assert metrics.sensitivity(0.5, 0.25) == 2


@pytest.mark.parametrize(
    ("damage", "mass"), [((3,), (1,)), ((1,), (3,)), ((), (3,)), ((3,), ()), ((3,), (3, 1))]
)
def test_sensitivity_broadcasts_nothing(damage, mass):
    message = refusal(metrics.sensitivity, np.ones(damage), np.ones(mass))
    assert message == f"damage has shape {damage}; allowed: that of the mass, {mass}"


def test_what_counts_as_learned():
    np.testing.assert_array_equal(
        METRICS["replay_accuracy"].learned(np.array([0.75, 0.7, 1, np.nan]), 0.75),
        [True, False, True, False],
    )
    np.testing.assert_array_equal(
        METRICS["fvu"].learned(np.array([0.5, 0.6, 0, np.nan]), 0.5), [True, False, True, False]
    )
    thresholds = np.array([0.75, 0.9])
    np.testing.assert_array_equal(METRICS["fvu"].learned(0.8, thresholds), [False, True])


def test_misfit_of_an_accuracy_is_a_difference_and_else_a_ratio():
    accuracy, fvu = METRICS["replay_accuracy"], METRICS["fvu"]
    np.testing.assert_allclose(accuracy.misfit([0.906, 0.846, 0.876, 0.816], 0.876), [1, 1, 0, 2])
    assert accuracy.misfit(0.0, 0.03) == pytest.approx(1)
    np.testing.assert_allclose(fvu.misfit([1.5, 1 / 1.5, 2.25, 1], 1), [1, 1, 2, 0])
    np.testing.assert_allclose(fvu.misfit(0.03, [0.02, 0.045]), [1, 1])
    # What has no logarithm is out of reach.
    for misfit in (fvu.misfit, metrics.relative_misfit):
        np.testing.assert_array_equal(misfit([0.0, -0.1, np.nan], 1), [np.inf] * 3)
    assert not accuracy.misfit(np.nan, 0.5) <= 1
    assert accuracy.tolerance == "within 0.03" and fvu.tolerance == "within a factor 1.5"


def test_reference_and_best_value_are_what_the_measure_gives():
    """The reference is what a network that knows nothing reaches, and best a perfect one."""
    batch = Batch(draw(0, (60, 50, 2)), np.sign(draw(1, (60, 50, 3))))
    ignorant = {
        "replay_accuracy": draw(2, (60, 50, 3)),
        "fvu": np.broadcast_to(batch.targets.mean(axis=(0, 1)), batch.targets.shape),
    }
    continuous = {name: metric for name, metric in METRICS.items() if not metric.labels}
    assert ignorant.keys() == continuous.keys()
    for name, metric in continuous.items():
        value, words = metric.reference
        assert metric.name == name and metric.label and words
        assert metric.chance(batch) == value
        assert metric(ignorant[name], batch) == pytest.approx(value, abs=0.02)
        assert metric(batch.targets, batch) == metric.best
        # Worse is away from the best value.
        assert metric.damage(value - metric.best) > 0
        assert metric.learned(metric.best, value) and not metric.learned(value, metric.best)
    assert {name: metric.reference for name, metric in continuous.items()} == {
        "replay_accuracy": (0.5, "chance"),
        "fvu": (1.0, "as good as the mean"),
    }
    with pytest.raises(TypeError):
        METRICS["fvu"] = METRICS["replay_accuracy"]


def test_a_measure_that_is_not_there_is_named():
    assert metrics.metric("fvu") is METRICS["fvu"]
    assert (
        refusal(metrics.metric, "mse") == "metric is 'mse'; allowed: replay_accuracy, fvu, accuracy"
    )


@pytest.mark.parametrize("scale", [1e-170, 1e-20, 1e160])
def test_ratios_do_not_leave_the_range_of_numbers(scale):
    outputs, targets = np.random.default_rng(0).standard_normal((2, 6, 5, 3))
    expected = metrics.fvu(outputs, targets)
    assert metrics.fvu(scale * outputs, scale * targets) == pytest.approx(expected, rel=1e-12)


def test_integers_and_truths_are_numbers():
    targets = np.array([[[16], [-100]], [[100], [-16]]])
    for kind in (np.int8, np.int64, float):
        assert metrics.replay_accuracy(targets.astype(kind), targets.astype(kind)) == 1
        assert metrics.fvu(0 * targets.astype(kind), targets.astype(kind)) == pytest.approx(1)
    assert metrics.fvu(targets > 0, targets > 0) == 0
