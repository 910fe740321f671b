"""Measures of non-normality against closed forms, inequalities and numpy."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur.coordinates.nonnormality import (
    commutator_norm,
    coupling_mass,
    describe,
    eigenvector_condition,
    henrici_departure,
    numerical_abscissa,
    pair_departure,
    transient_gain,
)
from rnnschur.coordinates.schur import frobenius, ordered_real_schur, reorder_ties, shuffle_blocks


def orthogonal(size, rng):
    return scipy.linalg.qr(rng.standard_normal((size, size)))[0]


def normal_matrices():
    rng = np.random.default_rng(0)
    gaussian = rng.standard_normal((12, 12))
    return [
        orthogonal(12, rng),
        gaussian + gaussian.T,
        gaussian - gaussian.T,
        scipy.linalg.circulant(gaussian[0]),
        np.eye(3),
        np.array([[-0.7]]),
    ]


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_departure_and_coupling_mass_from_numpy_eigenvalues(size, seed):
    """||N||^2 = ||W||^2 - sum |lambda|^2 - sum (b + c)^2, the pairs' part from their own norms."""
    matrix = np.random.default_rng(seed).standard_normal((size, size))
    schur = ordered_real_schur(matrix)
    square = np.sum(matrix**2)
    departure = square - np.sum(np.abs(np.linalg.eigvals(matrix)) ** 2)
    assert henrici_departure(schur) ** 2 == pytest.approx(departure, abs=1e-11 * square)

    inside = 0.0
    for start in schur.starts[schur.sizes == 2]:
        block = schur.T[start : start + 2, start : start + 2]
        inside += np.sum(block**2) - np.sum(np.abs(np.linalg.eigvals(block)) ** 2)
    assert pair_departure(schur) ** 2 == pytest.approx(inside, abs=1e-11 * square)
    assert coupling_mass(schur) ** 2 == pytest.approx(departure - inside, abs=1e-11 * square)


def test_departure_does_not_depend_on_the_order_of_blocks():
    rng = np.random.default_rng(1)
    schur = ordered_real_schur(rng.standard_normal((20, 20)))
    shuffled = [shuffle_blocks(schur, [], rng) for _ in range(5)]
    departures = [henrici_departure(form) for form in shuffled]
    assert np.allclose(departures, henrici_departure(schur), rtol=1e-10)
    # The share of the couplings does: pairs take more or less of it.
    assert np.ptp([coupling_mass(form) for form in shuffled]) > 1e-3
    tied = reorder_ties(schur, rng)
    assert coupling_mass(tied) == pytest.approx(coupling_mass(schur))


def test_departure_of_closed_forms():
    assert henrici_departure(ordered_real_schur([[1.0, 3.0], [0.0, 0.5]])) == pytest.approx(3)
    pair = ordered_real_schur([[0.5, 4.0], [-1.0, 0.5]])
    assert henrici_departure(pair) == pytest.approx(3)
    assert coupling_mass(pair) == 0
    jordan = 0.5 * np.eye(10) + 2 * np.eye(10, k=1)
    assert henrici_departure(ordered_real_schur(jordan)) == pytest.approx(2 * np.sqrt(9))
    for scale in (1e-150, 1e150):
        scaled = ordered_real_schur(jordan * scale)
        assert henrici_departure(scaled) / scale == pytest.approx(6)


@pytest.mark.parametrize("index", range(6))
def test_normal_matrices(index):
    matrix = normal_matrices()[index]
    schur = ordered_real_schur(matrix)
    norm = np.linalg.norm(matrix)
    # Without cancellation: sqrt(||W||^2 - sum |lambda|^2) itself is good to 1e-8 only.
    assert henrici_departure(schur) < 1e-13 * norm
    assert commutator_norm(matrix) < 1e-13 * norm**2
    values = np.linalg.eigvals(matrix)
    assert numerical_abscissa(matrix) == pytest.approx(values.real.max())
    result = transient_gain(matrix, horizon=20)
    radius = np.abs(values).max()
    assert result.scaled_gain == pytest.approx(1)
    assert result.scaled_step == 0
    assert result.gain == pytest.approx(max(1, radius**20))
    if len(np.unique(np.round(values, 8))) == len(values):
        assert eigenvector_condition(matrix) == pytest.approx(1)


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_inequalities(size, seed):
    rng = np.random.default_rng(seed)
    matrix = orthogonal(size, rng) + rng.uniform(0, 3) * np.triu(rng.standard_normal((size, size)))
    departure = henrici_departure(ordered_real_schur(matrix))
    commutator, square = commutator_norm(matrix), np.sum(matrix**2)
    # Henrici (1962), both sides; Boettcher and Wenzel (2005) for the relative norm.
    assert departure**2 <= np.sqrt((size**3 - size) / 12) * commutator * (1 + 1e-9)
    assert departure**2 >= commutator**2 / (6 * square) * (1 - 1e-9)
    assert commutator <= np.sqrt(2) * square * (1 + 1e-12)
    values = np.linalg.eigvals(matrix)
    assert numerical_abscissa(matrix) >= values.real.max() - 1e-12
    assert numerical_abscissa(matrix) <= np.linalg.norm(matrix, 2) * (1 + 1e-12)
    # ||W^k|| <= kappa(V) rho^k.
    condition = eigenvector_condition(matrix)
    assert 1 <= transient_gain(matrix, horizon=30).scaled_gain <= condition * (1 + 1e-6)
    # Orthogonal changes of basis leave every measure alone.
    basis = orthogonal(size, rng)
    turned = basis @ matrix @ basis.T
    assert commutator_norm(turned) == pytest.approx(commutator, rel=1e-9)
    assert numerical_abscissa(turned) == pytest.approx(
        numerical_abscissa(matrix), rel=1e-9, abs=1e-9
    )
    assert henrici_departure(ordered_real_schur(turned)) == pytest.approx(departure, rel=1e-9)


def test_numerical_abscissa_of_a_jordan_block():
    """(J + J^T) / 2 of the nilpotent block is a path graph's adjacency: cos(pi / (N + 1))."""
    for size in (2, 5, 11):
        expected = np.cos(np.pi / (size + 1))
        assert numerical_abscissa(np.eye(size, k=1)) == pytest.approx(expected)


def test_commutator_of_closed_forms():
    assert commutator_norm([[0.0, 3.0], [0.0, 0.0]]) == pytest.approx(9 * np.sqrt(2))
    # [[1, b], [0, 0]]: b^2 on the diagonal, b beside it.
    assert commutator_norm([[1.0, 2.0], [0.0, 0.0]]) == pytest.approx(np.sqrt(2 * 16 + 2 * 4))


def test_condition_of_closed_forms():
    """Eigenvectors (1, 0) and (b, 1) / sqrt(1 + b^2): kappa = sqrt((1 + s) / (1 - s))."""
    for coupling in (0.1, 1.0, 30.0):
        cosine = coupling / np.hypot(1, coupling)
        expected = np.sqrt((1 + cosine) / (1 - cosine))
        assert eigenvector_condition([[1.0, coupling], [0.0, 2.0]]) == pytest.approx(expected)
    assert eigenvector_condition(np.eye(5, k=1)) > 1e15
    assert eigenvector_condition([[2.0]]) == 1


def test_transient_gain_of_a_defective_block():
    """Powers of [[a, b], [0, a]] are [[a^k, k a^(k-1) b], [0, a^k]]."""
    a, b, horizon = 0.9, 2.0, 60
    powers = [
        np.array([[a**k, k * a ** (k - 1) * b if k else 0], [0, a**k]]) for k in range(horizon + 1)
    ]
    norms = np.array([np.linalg.svd(power, compute_uv=False)[0] for power in powers])
    result = transient_gain([[a, b], [0.0, a]], horizon)
    assert result.step == np.argmax(norms)
    assert result.gain == pytest.approx(norms.max())
    assert 0 < result.step < horizon
    scaled = norms / a ** np.arange(horizon + 1)
    assert result.scaled_step == horizon == np.argmax(scaled)
    assert result.scaled_gain == pytest.approx(scaled.max())


def test_transient_gain_by_matrix_power():
    matrix = np.random.default_rng(3).standard_normal((15, 15)) * 0.2
    norms = [np.linalg.norm(np.linalg.matrix_power(matrix, k), 2) for k in range(26)]
    result = transient_gain(matrix, horizon=25)
    assert result.gain == pytest.approx(max(norms))
    assert result.step == np.argmax(norms)
    shorter = transient_gain(matrix, horizon=1)
    assert shorter.gain == pytest.approx(max(norms[:2]))
    assert transient_gain(matrix * 1e-100, 25).scaled_gain == pytest.approx(result.scaled_gain)


def test_transient_gain_at_the_limits():
    assert transient_gain(np.zeros((3, 3))) == (1, 0, 1, 0)
    assert transient_gain([[2.0]], horizon=0) == (1, 0, 1, 0)
    assert transient_gain([[0.0, 4.0], [0.0, 0.0]]) == (4, 1, np.inf, 1)
    assert transient_gain([[1e200]], horizon=5)[:2] == (np.inf, 2)
    assert transient_gain([[0.5]]) == pytest.approx((1, 0, 1, 0))
    with pytest.raises(ValueError, match="horizon"):
        transient_gain([[1.0]], horizon=-1)


RATIOS = ("departure", "coupling_mass", "commutator")


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(-960, 1000))
def test_ratios_of_any_scale_are_the_same_to_the_bit(size, seed, shift):
    """A power of two is exact, so what the scale is must not show."""
    matrix = np.random.default_rng(seed).standard_normal((size, size))
    moved = np.ldexp(matrix, shift)
    expected = describe(matrix, ordered_real_schur(matrix))
    found = describe(moved, ordered_real_schur(moved))
    for key in (*RATIOS, "schur_condition"):
        assert found[key] == expected[key], key
    # LAPACK has thresholds of its own, and gains go through logarithms.
    assert found["eigenvector_condition"] == pytest.approx(expected["eigenvector_condition"])
    assert found["scaled_gain"] == pytest.approx(expected["scaled_gain"], rel=1e-9)
    for key in ("numerical_abscissa", "spectral_abscissa"):
        assert found[key] == pytest.approx(np.ldexp(expected[key], shift), rel=1e-9)
    if abs(shift) < 450:  # else the square leaves the range
        assert commutator_norm(moved) == np.ldexp(commutator_norm(matrix), 2 * shift)


def test_ratios_are_those_of_the_plain_formulas():
    """At ordinary scale they are computed as they always were, to the bit."""
    rng = np.random.default_rng(5)
    for size in (1, 2, 9, 40):
        for scale in (1e-30, 1.0, 1e30):
            matrix = scale * rng.standard_normal((size, size))
            form = ordered_real_schur(matrix)
            norm = frobenius(matrix)
            found = describe(matrix, form)
            assert found["departure"] == henrici_departure(form) / norm
            assert found["coupling_mass"] == coupling_mass(form) / norm
            commutator = frobenius(matrix @ matrix.T - matrix.T @ matrix)
            assert commutator_norm(matrix) == commutator
            assert found["commutator"] == commutator / norm**2
            assert numerical_abscissa(matrix) == np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1]
            condition = np.linalg.cond(np.linalg.eig(matrix)[1])
            assert eigenvector_condition(matrix) == condition


@pytest.mark.parametrize("shift", [-1060, -1040, -600, 520, 1022])
def test_measures_at_the_ends_of_the_range(shift):
    """Norms whose squares leave the range, and subnormal entries, of which few digits are left."""
    matrix = np.array([[0.5, 1.25, 0.0], [0.0, 0.5, 0.75], [0.0, 0.0, -0.25]])
    moved = np.ldexp(matrix, shift)
    expected, found = (describe(m, ordered_real_schur(m)) for m in (matrix, moved))
    for key in (*RATIOS, "scaled_gain", "scaled_step", "schur_condition"):
        assert found[key] == pytest.approx(expected[key], rel=1e-3), key
    abscissa = np.ldexp(expected["numerical_abscissa"], shift)
    assert found["numerical_abscissa"] == pytest.approx(abscissa, rel=1e-3)
    assert found["transient_gain"] == (1 if shift < 0 else np.inf)
    assert found["transient_step"] == (0 if shift < 0 else 2)


def test_squares_beyond_the_range_are_infinite_and_never_nan():
    assert commutator_norm(np.eye(3) * 1e200) == 0
    assert commutator_norm(np.eye(2, k=1) * 1e200) == np.inf
    assert commutator_norm(np.eye(2, k=1) * 1e-200) == 0
    assert numerical_abscissa(np.full((2, 2), 1.7e308)) == np.inf
    assert numerical_abscissa(np.full((2, 2), 5e-324)) == 1e-323


@pytest.mark.parametrize("size", [1, 2, 7])
def test_zero_matrix(size):
    zero = np.zeros((size, size))
    assert describe(zero, ordered_real_schur(zero)) == {
        **dict.fromkeys((*RATIOS, "numerical_abscissa", "spectral_abscissa"), 0),
        "transient_gain": 1,
        "transient_step": 0,
        "scaled_gain": 1,
        "scaled_step": 0,
        "eigenvector_condition": 1,
        "schur_condition": 1,
    }


@pytest.mark.parametrize("value", [5e-324, -1e-200, 0.5, -1.0, 1e200, 1.7e308])
def test_one_unit_is_normal(value):
    found = describe([[value]], ordered_real_schur([[value]]))
    assert [found[key] for key in RATIOS] == [0, 0, 0]
    assert found["numerical_abscissa"] == found["spectral_abscissa"] == value
    assert (found["scaled_gain"], found["scaled_step"]) == pytest.approx((1, 0))
    assert found["eigenvector_condition"] == found["schur_condition"] == 1


@pytest.mark.parametrize("scale", [5e-324, 1e-162, 1e-30, 1.0, 1e154, 1e308])
def test_nilpotent_matrix(scale):
    """[[0, s], [0, 0]]: nothing but departure; W W^T - W^T W = s^2 diag(1, -1)."""
    matrix = np.array([[0.0, scale], [0.0, 0.0]])
    found = describe(matrix, ordered_real_schur(matrix))
    assert found["departure"] == found["coupling_mass"] == 1
    assert found["commutator"] == pytest.approx(np.sqrt(2))
    assert found["spectral_abscissa"] == 0
    assert (found["scaled_gain"], found["scaled_step"]) == (np.inf, 1)
    assert found["transient_gain"] == pytest.approx(max(1, scale))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64])
def test_integers_and_booleans_are_worked_on_in_float64(dtype):
    matrix = (100 * np.eye(5, k=1) + np.eye(5, k=-4) + np.eye(5)).astype(dtype)
    same = matrix.astype(np.float64)
    assert describe(matrix, ordered_real_schur(matrix)) == describe(same, ordered_real_schur(same))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_clean_form_does_not_excuse_a_broken_matrix(value):
    form = ordered_real_schur(np.eye(2))
    with pytest.raises(ValueError, match="matrix has"):
        describe([[1.0, value], [0.0, 1.0]], form)
