"""Prediction intervals for one more network: coverage, a second implementation, borders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from rnnschur.paper import prediction

FINE = 1e-12  # a resolution at which nothing is at a border


def p_of_one_more(z, new):
    """Return the p value of the t test of one network against the others, by least squares.

    The second column tells the new one apart; what is left over are the others' deviations.
    """
    design = np.column_stack([np.ones(len(z) + 1), np.append(np.zeros(len(z)), 1)])
    (_, apart), residual, _, _ = np.linalg.lstsq(design, np.append(z, new))
    freedom = len(z) - 1
    error = np.sqrt(residual[0] / freedom * np.linalg.inv(design.T @ design)[1, 1])
    return 2 * stats.t.sf(abs(apart / error), freedom)


@pytest.mark.parametrize("accuracy", [True, False])
@pytest.mark.parametrize("networks", [2, 5, 30])
@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_the_ends_are_where_a_t_test_begins_to_tell_one_more_apart(accuracy, networks, confidence):
    z = np.random.default_rng(networks).normal(0.5, 0.3, networks)
    to, back = (special.logit, special.expit) if accuracy else (np.log, np.exp)
    for end in prediction.interval(back(z), accuracy, FINE, confidence):
        assert p_of_one_more(z, to(end)) == pytest.approx(1 - confidence, rel=1e-6)


def test_an_interval_by_hand():
    # Logarithms 0, 1, 2: mean 1, standard deviation 1, t = 4.303 of two degrees of freedom.
    low, high = prediction.interval(np.exp([0, 1, 2]), False, FINE, 0.95)
    reach = 4.30265273 * np.sqrt(4 / 3)
    np.testing.assert_allclose(np.log([low, high]), [1 - reach, 1 + reach], rtol=1e-7)


@pytest.mark.parametrize("networks", [3, 10, 30])
@pytest.mark.parametrize("accuracy", [True, False])
def test_coverage_is_that_of_its_name(networks, accuracy):
    rng = np.random.default_rng([networks, accuracy])
    back, times = (special.expit if accuracy else np.exp), 1500
    values = back(rng.normal(1.0, 0.7, (times, networks + 1)))
    hits = 0
    for drawn in values:
        low, high = prediction.interval(drawn[:-1], accuracy, FINE, 0.95)
        hits += low <= drawn[-1] <= high
    # Four standard errors.
    assert abs(hits / times - 0.95) < 4 * np.sqrt(0.95 * 0.05 / times)


@pytest.mark.parametrize("errors", [0.02, 2.0, 200.0])
def test_coverage_of_accuracies_of_which_many_are_one(errors):
    """Wrong elements of 10,000: none in most networks, a few, or beyond what the paper prints."""
    rng = np.random.default_rng(int(100 * errors))
    values = 1 - rng.poisson(errors * rng.gamma(4, 1 / 4, (600, 11))) / 10_000
    hits = 0
    for drawn in values:
        low, high = prediction.interval(drawn[:-1], True, 0.005, 0.95)
        hits += prediction.inside(round(drawn[-1], 2), 0.005, low, high)
    assert hits / 600 >= 0.93


@pytest.mark.parametrize(
    ("values", "accuracy", "resolution", "expected"),
    [
        ([1, 1, 1], True, 0.005, (0.995, 1)),
        ([1, 0.9999, 0.996], True, 0.005, (0.995, 1)),
        ([0, 0, 0], True, 0.005, (0, 0.005)),
        ([0.25, 0.25, 0.25], True, 0.005, (0.25, 0.25)),
        ([0.3, 0.3], False, 0.05, (0.3, 0.3)),
        ([0, 0, 0], False, 0.05, (-np.inf, 0.05)),
        ([-0.2, -0.1, 0.04], False, 0.05, (-np.inf, 0.05)),
        ([3], False, 0.05, (np.nan, np.nan)),
        ([], True, 0.05, (np.nan, np.nan)),
        ([1, np.inf], False, 0.05, (np.nan, np.nan)),
        ([1e-300, 1e300], False, 1e-301, (-np.inf, np.inf)),
    ],
)
def test_borders_and_spreads_of_nothing(values, accuracy, resolution, expected):
    found = prediction.interval(values, accuracy, resolution, 0.95)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_is_added_may_be_negative():
    """It counts as the least that the paper prints, and what is below that has no lower end."""
    some = [0.3, 0.5, 0.4, 0.35, 0.45]
    one = prediction.interval([*some, -0.2], False, 0.005, 0.95)
    assert one == prediction.interval([*some, 0.0], False, 0.005, 0.95)
    assert one == prediction.interval([*some, 0.005], False, 0.005, 0.95)
    assert one[0] == -np.inf and one[1] > 0.5
    assert prediction.interval(some, False, 0.005, 0.95)[0] > 0.2


accuracies = st.lists(st.floats(0, 1), min_size=2, max_size=12)


@given(accuracies, st.sampled_from([0.05, 0.005, 0.0005]))
def test_an_accuracy_and_its_error_have_mirrored_intervals(values, resolution):
    low, high = prediction.interval(values, True, resolution, 0.95)
    errors = prediction.interval(1 - np.array(values), True, resolution, 0.95)
    np.testing.assert_allclose(errors, (1 - high, 1 - low), atol=1e-7)
    assert 0 <= low <= high <= 1


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12),
    st.sampled_from([0.5, 0.01]),
    st.sampled_from([0.125, 8.0]),
)
def test_units_do_not_matter(values, resolution, unit):
    one = np.array(prediction.interval(values, False, resolution, 0.95))
    other = prediction.interval(unit * np.array(values), False, unit * resolution, 0.95)
    np.testing.assert_allclose(other, unit * one, rtol=1e-9)


def test_a_printed_number_is_inside_if_one_that_prints_so_is():
    assert prediction.inside(0.876, 0.0005, 0.8764, 0.9)
    assert not prediction.inside(0.876, 0.0005, 0.8766, 0.9)
    assert prediction.inside(0.876, 0.0005, 0.8, 0.8756)
    assert not prediction.inside(0.876, 0.0005, 0.8, 0.8754)
    assert prediction.inside(1.0, 0.005, 0.995, 1.0)
    assert not prediction.inside(0.876, 0.0005, np.nan, np.nan)
