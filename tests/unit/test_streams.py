"""Random streams: named, reproducible, independent."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnschur.streams import generator

parts = st.lists(st.one_of(st.text("abc", min_size=1), st.integers(0, 99)), min_size=1, max_size=4)


@given(parts, st.integers(0, 2**32))
def test_same_name_same_numbers(name, seed):
    first, again = generator(seed, *name).random(8), generator(seed, *name).random(8)
    np.testing.assert_array_equal(first, again)


@given(parts, parts, st.integers(0, 2**32))
def test_other_name_other_numbers(name, other, seed):
    if list(map(str, name)) != list(map(str, other)):
        assert np.any(generator(seed, *name).random(8) != generator(seed, *other).random(8))


def test_another_process_draws_the_same():
    code = "from rnnschur.streams import generator; print(generator(7, 'copy', 3).integers(2**60))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd="workflow",
        env={"PYTHONHASHSEED": "99"},
    ).stdout
    assert int(printed) == generator(7, "copy", 3).integers(2**60)


def test_neighbouring_streams_are_uncorrelated():
    streams = np.array([generator(1, "task", seed).random(4000) for seed in range(12)])
    correlation = np.corrcoef(streams)[np.triu_indices(12, 1)]
    # 66 sample correlations of independent streams are normal with sd 1/sqrt(4000).
    assert stats.kstest(correlation * np.sqrt(4000), "norm").pvalue > 1e-3
