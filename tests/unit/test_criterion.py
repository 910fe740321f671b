"""The epsilon criterion: every region and its borders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import Criterion
from rnnschur.criterion import VERDICTS


@pytest.mark.parametrize(
    ("difference", "mass", "expected"),
    [
        (0.0, 0.5, "stabilizer"),
        (0.1, 0.01, "stabilizer"),
        (0.1, 0.0099, "negligible"),
        (0.0, 0.0, "negligible"),
        (0.0, np.nan, "negligible"),
        (0.1001, 0.5, "intermediate"),
        (0.9999, 0.0, "intermediate"),
        (1.0, 0.5, "fragile"),
        (7.0, 0.0, "fragile"),
        (np.inf, 0.5, "fragile"),
        (np.nan, 0.5, "fragile"),
        (np.nan, 0.0, "fragile"),
    ],
)
def test_regions(difference, mass, expected):
    criterion = Criterion(epsilon=0.1, minimum_mass=0.01, fragile=1.0)
    assert criterion.verdict(difference, mass) == expected
    assert criterion == Criterion()  # the bounds of the study
    found = criterion.verdict([[difference, 5.0]], [[mass, 0.5]])
    np.testing.assert_array_equal(found, [[expected, "fragile"]])


@given(st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_more_tolerance_never_makes_it_worse(difference, mass, epsilon):
    rank = {"stabilizer": 0, "negligible": 0, "intermediate": 1, "fragile": 2}
    strict, loose = (
        str(Criterion(e, 0.01, fragile=2.0).verdict(difference, mass))
        for e in (epsilon / 2, epsilon)
    )
    assert {strict, loose} <= set(VERDICTS)
    assert rank[loose] <= rank[strict]


@pytest.mark.parametrize(
    ("difference", "mass"), [((2,), ()), ((), (2,)), ((2,), (1,)), ((1,), (2,)), ((2,), (1, 2))]
)
def test_one_difference_a_mass(difference, mass):
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the message is compared as a whole
        Criterion().verdict(np.zeros(difference), np.zeros(mass))
    assert str(refused.value) == (
        f"rollout_difference has shape {difference}; allowed: that of the removed mass, {mass}"
    )


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"epsilon": -0.1}, "epsilon is -0.1 and fragile 1.0; allowed: 0 <= epsilon < fragile"),
        ({"epsilon": 1.0}, "epsilon is 1.0 and fragile 1.0"),
        ({"epsilon": "0.1"}, "^epsilon is '0.1'; allowed: a number$"),
        ({"epsilon": np.nan}, "epsilon is nan"),
        ({"fragile": 0.1}, "epsilon is 0.1 and fragile 0.1"),
        ({"fragile": np.inf}, "fragile inf"),
        ({"fragile": np.nan}, "fragile nan"),
        ({"minimum_mass": -0.01}, "minimum_mass is -0.01; allowed: a number from 0 to 1"),
        ({"minimum_mass": 1.01}, "minimum_mass is 1.01"),
        ({"minimum_mass": np.nan}, "minimum_mass is nan"),
    ],
)
def test_bounds_out_of_range_are_named(bounds, words):
    with pytest.raises(ValueError, match=words):
        Criterion(**bounds)


def test_bounds_at_the_ends_of_their_ranges():
    exact = Criterion(epsilon=0.0, minimum_mass=0.0)
    assert exact.verdict(0.0, 0.0) == "stabilizer"
    assert exact.verdict(5e-324, 0.0) == "intermediate"
    assert Criterion(minimum_mass=1.0).verdict(0.0, 1.0) == "stabilizer"
