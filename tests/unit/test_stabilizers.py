"""The epsilon criterion: every region and its borders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur.stabilizers import VERDICTS, verdict


@pytest.mark.parametrize(
    ("difference", "mass", "expected"),
    [
        (0.0, 0.5, "stabilizer"),
        (0.1, 0.01, "stabilizer"),
        (0.1, 0.0099, "negligible"),
        (0.0, 0.0, "negligible"),
        (0.1001, 0.5, "intermediate"),
        (0.9999, 0.0, "intermediate"),
        (1.0, 0.5, "fragile"),
        (7.0, 0.0, "fragile"),
        (np.inf, 0.5, "fragile"),
        (np.nan, 0.5, "fragile"),
    ],
)
def test_regions(difference, mass, expected):
    assert verdict(difference, mass, epsilon=0.1, minimum_mass=0.01, fragile=1.0) == expected


@given(st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_more_tolerance_never_makes_it_worse(difference, mass, epsilon):
    rank = {"stabilizer": 0, "negligible": 0, "intermediate": 1, "fragile": 2}
    strict, loose = (
        str(verdict(difference, mass, e, 0.01, fragile=2.0)) for e in (epsilon / 2, epsilon)
    )
    assert {strict, loose} <= set(VERDICTS)
    assert rank[loose] <= rank[strict]
