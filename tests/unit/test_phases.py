"""Phases of eigenvalues: against roots of unity one by one, and against a linear replay."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur.coordinates.phases import overlap, phase_error
from rnnschur.findings import phase_table
from rnnschur.tables import NETWORK


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_the_error_is_the_angle_to_the_nearest_root(seed, period):
    rng = np.random.default_rng(seed)
    eigenvalues = rng.standard_normal(20) + 1j * rng.standard_normal(20)
    roots = np.exp(2j * np.pi * np.arange(period) / period)
    angles = np.abs(np.angle(eigenvalues[:, None] / roots)).min(axis=1)
    found = phase_error(eigenvalues, period)
    np.testing.assert_allclose(found, angles * period / (2 * np.pi), atol=1e-12)
    np.testing.assert_allclose(phase_error(eigenvalues.conj(), period), found, atol=1e-12)
    assert ((found >= 0) & (found <= 0.5)).all()


def test_roots_of_unity_have_no_error_whatever_their_modulus():
    roots = 0.3 * np.exp(2j * np.pi * np.arange(8) / 8)
    np.testing.assert_allclose(phase_error(roots, 8), 0, atol=1e-12)
    np.testing.assert_allclose(phase_error(roots, [8, 8, 8, 8, 16, 16, 16, 16]), 0, atol=1e-12)
    np.testing.assert_allclose(phase_error(roots[1], 4), 0.5)
    assert phase_error([0.0, -1.0], 8).tolist() == [0, 0]
    assert phase_error([-0.0, complex(-0.0, 0.0), complex(-0.0, -0.0)], 7).tolist() == [0, 0, 0]
    assert phase_error([-1.0, complex(-1, -0.0)], 7).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("replays", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("period", [1, 3, 8])
def test_the_overlap_is_that_of_a_turning_state_with_the_targets(replays, period):
    """A state that W turns, read whenever the same symbol is asked for again."""
    for phase in np.linspace(0.01, 3.1, 40):
        W = np.array([[np.cos(phase), -np.sin(phase)], [np.sin(phase), np.cos(phase)]])
        asked = [np.linalg.matrix_power(W, r * period) for r in range(1, replays + 1)]
        seen = np.linalg.norm(np.mean(asked, axis=0), 2)
        error = phase_error(np.linalg.eigvals(W)[0], period)
        assert overlap(error, replays) == pytest.approx(seen, abs=1e-12)
        delta = 2 * np.pi * error / period
        quotient = np.sin(replays * period * delta / 2) / np.sin(period * delta / 2)
        assert abs(quotient) / replays == pytest.approx(seen, abs=1e-9)


@pytest.mark.parametrize("replays", [2, 3, 4, 5])
def test_side_lobes_hold_all_but_two_over_the_replays(replays):
    """Climbing the overlap from a phase ends on the root only from within the first zero."""
    errors = np.linspace(0, 0.5, 20001)
    rises = np.diff(overlap(errors, replays)) > 1e-15
    caught = errors[1:][rises].min() if rises.any() else 0.5  # where climbing leads away
    assert 2 * caught == pytest.approx(min(1, 2 / replays), abs=1e-3)
    np.testing.assert_allclose(overlap(np.arange(1, replays) / replays, replays), 0, atol=1e-12)


def test_the_table_has_a_row_for_every_eigenvalue_of_the_tasks_that_repeat():
    keys = [("copy", "cayley", 3, 0), ("copy_long", "cayley", 3, 0), ("sine", "cayley", 3, 0)]
    spectra = pd.DataFrame(
        [
            (*key, index, value.real, value.imag, abs(value), index)
            for key in keys
            for index, value in enumerate([1j, -1j, 0.5 + 0j])
        ],
        columns=[*NETWORK, "index", "real", "imaginary", "modulus", "block"],
    )
    networks = pd.DataFrame(keys, columns=NETWORK)
    networks = networks.assign(leading=[2, 3, 3], learned=[True, False, True])
    table = phase_table(spectra, networks, {"copy": 4, "copy_long": 6})
    assert table["task"].tolist() == ["copy"] * 3 + ["copy_long"] * 3
    np.testing.assert_allclose(table["phase_error"], [0, 0, 0, 0.5, 0.5, 0], atol=1e-12)
    assert table["sector"].tolist() == [*"RRC", *"RRR"]
    assert table["learned"].tolist() == [True] * 3 + [False] * 3
    assert table["period"].tolist() == [4] * 3 + [6] * 3
    assert phase_table(spectra, networks, {}).empty
