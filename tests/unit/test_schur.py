"""Ordered real Schur form: hard matrices, independent oracles, ties.

``python tests/unit/test_schur.py`` (with ``workflow`` on the path) prints the worst errors over
the hard matrices and over random ones, and the time that the ordering takes.
"""

import shutil
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from rnnschur.coordinates import schur
from rnnschur.coordinates.schur import (
    EPS,
    OrderedSchur,
    backward_error,
    frobenius,
    ordered_real_schur,
    orthogonality_error,
    reorder_ties,
    shuffle_blocks,
    tie_tolerance,
)

QUARTER_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


def orthogonal(size, rng):
    return scipy.linalg.qr(rng.standard_normal((size, size)))[0]


def rotated(matrix, rng):
    basis = orthogonal(len(matrix), rng)
    return basis @ matrix @ basis.T


def grcar(size):
    return -np.eye(size, k=-1) + sum(np.eye(size, k=k) for k in range(4))


def pairs_in_a_chain(radii, rng, coupling=1.0):
    """Pairs +-i r, one after the other, with random couplings above."""
    size = 2 * len(radii)
    return np.kron(np.diag(radii), QUARTER_TURN) + coupling * np.triu(
        rng.standard_normal((size, size)), 2
    )


def unbalanced_pairs(rng, n_pairs=4):
    """Pairs [[., s], [-1 / s, .]] of near-equal modulus that swaps disturb beyond recognition."""
    matrix = np.triu(rng.standard_normal((2 * n_pairs, 2 * n_pairs)), 2) * 10 ** rng.uniform(-5, 5)
    spread = 10 ** rng.uniform(-16, -1)
    for first in range(0, 2 * n_pairs, 2):
        scale = 10 ** rng.uniform(-8, 8)
        radius, real = 1 + spread * rng.standard_normal(), spread * rng.standard_normal()
        matrix[first : first + 2, first : first + 2] = [
            [real, radius * scale],
            [-radius / scale, 0],
        ]
    return matrix


def hard_matrices():
    rng = np.random.default_rng(1)
    matrices = {
        "1x1": np.array([[-3.0]]),
        "1x1 zero": np.zeros((1, 1)),
        "2x2 pair": np.array([[1.0, -2.0], [3.0, 1.0]]),
        "2x2 real": np.array([[1.0, 2.0], [3.0, -4.0]]),
        "2x2 ascending": np.array([[1.0, 5.0], [0.0, 2.0]]),
        "real tied with pair": scipy.linalg.block_diag(QUARTER_TURN, 1.0, 0.5, -1.0),
        "ordered triangular": np.triu(rng.standard_normal((6, 6)), 1)
        + np.diag(np.arange(6.0, 0, -1)),
        "reversed triangular": np.triu(rng.standard_normal((30, 30)), 1) + np.diag(np.arange(30.0)),
        "tied triangular": np.triu(rng.standard_normal((6, 6)), 1) + np.diag([1.0, -1] * 3),
        "companion": scipy.linalg.companion(np.poly(np.arange(1.0, 13))),
        "integer": rng.integers(-1, 2, (12, 12)),
        "near pairs": rotated(pairs_in_a_chain(1 + 1e-12 * rng.standard_normal(8), rng), rng),
        "equal pairs": rotated(pairs_in_a_chain(np.ones(8), rng), rng),
        "unbalanced pairs": unbalanced_pairs(rng),
        "growing scales": rng.standard_normal((9, 9)) * 10 ** rng.uniform(-8, 8, (9, 9)),
    }
    for size in (2, 3, 7, 40):
        gaussian = rng.standard_normal((size, size))
        jordan = 0.5 * np.eye(size) + np.eye(size, k=1)
        matrices |= {
            f"zero {size}": np.zeros((size, size)),
            f"identity {size}": np.eye(size),
            f"gaussian {size}": gaussian / np.sqrt(size),
            f"orthogonal {size}": orthogonal(size, rng),
            f"permutation {size}": np.eye(size)[rng.permutation(size)],
            f"cycle {size}": np.roll(np.eye(size), 1, axis=0),
            f"skew {size}": gaussian - gaussian.T,
            f"symmetric {size}": gaussian + gaussian.T,
            f"Jordan {size}": jordan,
            f"rotated Jordan {size}": rotated(jordan, rng),
            f"nearly defective {size}": rotated(jordan + np.diag(1e-8 * np.arange(size)), rng),
            f"repeated {size}": rotated(
                np.diag(np.arange(size) % 2 + 1.0) + np.eye(size, k=3), rng
            ),
            f"nilpotent {size}": np.eye(size, k=1),
            f"rotated nilpotent {size}": rotated(np.eye(size, k=1), rng),
            f"rank one {size}": np.outer(gaussian[0], gaussian[1]),
            f"Grcar {size}": grcar(size),
        }
    return matrices


MATRICES = hard_matrices()
LARGE = {
    "gaussian 512": np.random.default_rng(2).standard_normal((512, 512)) / np.sqrt(512),
    "orthogonal 512": orthogonal(512, np.random.default_rng(3)),
    "orthogonal plus perturbation 512": orthogonal(512, np.random.default_rng(3))
    + 0.1 * np.random.default_rng(4).standard_normal((512, 512)) / np.sqrt(512),
    "pairs in a chain 400": rotated(
        pairs_in_a_chain(np.linspace(0.5, 1.5, 200), np.random.default_rng(5), 0.02),
        np.random.default_rng(6),
    ),
}


def errors(matrix, form):
    """Backward error and loss of orthogonality in units of N eps ||W||_F and N eps."""
    # A power of two takes the scale out exactly, whatever it is.
    shift = -int(np.frexp(np.abs(matrix).max())[1])
    W, T, Q = np.ldexp(np.asarray(matrix, dtype=float), shift), np.ldexp(form.T, shift), form.Q
    residual = np.linalg.norm(Q @ T @ Q.T - W)
    unit = len(W) * EPS
    backward = residual / np.linalg.norm(W) / unit if residual else 0.0
    return backward, np.linalg.norm(Q @ Q.T - np.eye(len(W))) / unit


def spectral_distance(first, second):
    """Largest distance between two multisets of eigenvalues, matched one to one."""
    cost = np.abs(np.subtract.outer(first, second))
    return cost[linear_sum_assignment(cost)].max()


def spectral_tolerance(matrix):
    """How far rounding may move eigenvalues: the better of Bauer-Fike and Elsner."""
    size, norm = len(matrix), np.linalg.norm(matrix)
    perturbation = 100 * size * EPS * norm
    condition = np.linalg.cond(np.linalg.eig(matrix)[1])
    elsner = 2 * size * norm ** (1 - 1 / size) * perturbation ** (1 / size) if norm else 0.0
    return min(condition * perturbation, elsner)


def assert_ordered_schur(matrix, form):
    size = len(matrix)
    assert isinstance(form, OrderedSchur)
    assert form.Q.shape == form.T.shape == (size, size)
    assert form.Q.dtype == form.T.dtype == form.moduli.dtype == np.float64
    assert max(errors(matrix, form)) < 15

    assert np.all(np.tril(form.T, -2) == 0)
    assert set(form.sizes) <= {1, 2}
    assert form.sizes.sum() == size
    assert np.array_equal(form.starts, np.cumsum(form.sizes) - form.sizes)
    inside = np.zeros(size - 1, dtype=bool)
    inside[form.starts[form.sizes == 2]] = True
    assert np.array_equal(np.diagonal(form.T, -1) != 0, inside)

    assert np.all(np.diff(form.moduli) <= 0)
    scale = np.abs(matrix).max() or 1.0  # hypot of tiny numbers is inexact
    for start, length, modulus in zip(form.starts, form.sizes, form.moduli, strict=True):
        block = form.T[start : start + length, start : start + length] / scale
        values = np.linalg.eigvals(block)
        assert length == 1 or np.all(values.imag != 0)
        assert np.allclose(
            np.abs(values), modulus / scale, rtol=1e-7, atol=2 * form.tolerance / scale
        )
        listed = form.eigenvalues[start : start + length] / scale
        assert spectral_distance(listed, values) <= 1e-7 * np.abs(values).max()


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize("name", MATRICES)
def test_hard_matrix(name, scale):
    matrix = MATRICES[name] * scale
    assert_ordered_schur(matrix, ordered_real_schur(matrix))


@pytest.mark.parametrize("name", MATRICES)
def test_eigenvalues_agree_with_numpy(name):
    matrix = MATRICES[name].astype(float)
    distance = spectral_distance(ordered_real_schur(matrix).eigenvalues, np.linalg.eigvals(matrix))
    assert distance <= spectral_tolerance(matrix)


@pytest.mark.parametrize("name", LARGE)
def test_large_matrix(name):
    form = ordered_real_schur(LARGE[name])
    assert_ordered_schur(LARGE[name], form)
    expected = np.linalg.eigvals(LARGE[name])
    assert spectral_distance(form.eigenvalues, expected) < 1e-10


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 24), st.integers(0, 2**32 - 1), st.sampled_from(range(4)))
def test_random_matrix(size, seed, kind):
    matrix = random_matrix(size, kind, np.random.default_rng(seed))
    assert_ordered_schur(matrix, ordered_real_schur(matrix))


def sorted_in_windows(matrix, window):
    """Return the form of which all swaps but a few are made in windows of so many rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schur, "WINDOW", window)
        return ordered_real_schur(matrix)


@pytest.mark.parametrize("window", [4, 10])
@pytest.mark.parametrize("name", MATRICES)
def test_hard_matrix_in_windows(name, window):
    assert_ordered_schur(MATRICES[name], sorted_in_windows(MATRICES[name], window))


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1), st.sampled_from(range(4)), st.integers(2, 12))
def test_random_matrix_in_windows(size, seed, kind, half):
    matrix = random_matrix(size, kind, np.random.default_rng(seed))
    assert_ordered_schur(matrix, sorted_in_windows(matrix, 2 * half))


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal plus perturbation"])
def test_windows_and_moves_alone_give_one_form(kind, monkeypatch):
    size, left, rng = 2 * schur.WINDOW + 16, [], np.random.default_rng(2)  # no smaller has windows
    matrix = rng.standard_normal((size, size)) / np.sqrt(size)
    matrix = matrix if kind == "gaussian" else orthogonal(size, rng) + 0.1 * matrix
    original = schur._sort_by_moves

    def counted(T, *rest):
        if len(T) == size:
            left.append(np.count_nonzero(schur._misplaced(T, *rest[1:])[1]))
        return original(T, *rest)

    monkeypatch.setattr(schur, "_sort_by_moves", counted)
    found, expected = (sorted_in_windows(matrix, window) for window in (schur.WINDOW, size))
    assert left[0] <= 3 < 100 < left[1]  # the windows did the sorting
    assert np.array_equal(found.sizes, expected.sizes)
    np.testing.assert_allclose(found.moduli, expected.moduli, rtol=1e-11)
    # Only signs and the bases of pairs are free: the projectors on blocks are not.
    for first, end in zip(found.starts, found.starts + found.sizes, strict=True):
        one, other = (form.Q[:, first:end] @ form.Q[:, first:end].T for form in (found, expected))
        assert np.abs(one - other).max() < 1e-7


def test_ties_keep_their_first_order_in_windows():
    rng = np.random.default_rng(8)
    for size in (9, 20, 41):
        values = rng.integers(1, 4, size) * rng.choice([-1.0, 1.0], size)
        form = sorted_in_windows(np.diag(values), 4)
        expected = values[np.argsort(-np.abs(values), kind="stable")]
        assert not np.array_equal(values, expected)
        np.testing.assert_array_equal(np.diagonal(form.T), expected)


def random_matrix(size, kind, rng):
    if kind == 0:
        return rng.standard_normal((size, size))
    if kind == 1:  # few distinct eigenvalues, many of them defective
        return rotated(np.triu(rng.integers(-1, 2, (size, size))).astype(float), rng)
    if kind == 2:  # many exact ties
        return rng.integers(-1, 2, (size, size)).astype(float)
    return orthogonal(size, rng)


def test_closed_form():
    """Upper triangular 2x2 out of order: rotate by the eigenvector (5, 1) of the eigenvalue 2."""
    form = ordered_real_schur([[1.0, 5.0], [0.0, 2.0]])
    assert np.allclose(np.diagonal(form.T), [2, 1])
    assert np.allclose(np.abs(form.Q[:, 0]), np.array([5, 1]) / np.sqrt(26))
    assert np.allclose(np.abs(form.T[0, 1]), 5)
    assert np.allclose(form.eigenvalues, [2, 1])


def leading_projector_by_scipy(matrix, threshold):
    _, Q, dimension = scipy.linalg.schur(
        matrix, output="real", sort=lambda re, im: np.hypot(re, im) > threshold
    )
    return Q[:, :dimension] @ Q[:, :dimension].T


def leading_projector_by_complex_scipy(matrix, threshold):
    _, Q, dimension = scipy.linalg.schur(
        matrix, output="complex", sort=lambda value: abs(value) > threshold
    )
    return Q[:, :dimension] @ Q[:, :dimension].conj().T


def leading_projector_by_eigenvectors(matrix, threshold):
    values, vectors = np.linalg.eig(matrix)
    return scipy.linalg.orth(vectors[:, np.abs(values) > threshold]) @ np.conj(
        scipy.linalg.orth(vectors[:, np.abs(values) > threshold]).T
    )


def leading_projector_by_mpmath(matrix, threshold):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        values, vectors = mpmath.eig(mpmath.matrix(matrix.tolist()))
        leading = [k for k, value in enumerate(values) if abs(value) > threshold]
        basis = mpmath.matrix([[vectors[i, k] for k in leading] for i in range(len(matrix))])
        Q, _ = mpmath.qr(basis, mode="skinny")
        projector = Q * Q.transpose_conj()
        return np.array(projector.tolist(), dtype=complex)


def leading_projector_by_octave(matrix, threshold):
    octave = shutil.which("octave-cli")
    if octave is None:
        pytest.skip("GNU Octave is not installed")
    rows = ";".join(" ".join(f"{value:.17g}" for value in row) for row in matrix)
    script = f"""
        [U, S] = schur(complex([{rows}]));
        leading = abs(diag(S)) > {threshold:.17g};
        [U, S] = ordschur(U, S, leading);
        U = U(:, 1:sum(leading));
        printf("%.17g\\n", real(U * U').');
    """
    result = subprocess.run([octave, "--norc", "--eval", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return np.array(result.stdout.split(), dtype=float).reshape(matrix.shape)


@pytest.mark.parametrize(
    ("oracle", "size"),
    [
        (leading_projector_by_scipy, 40),
        (leading_projector_by_complex_scipy, 40),
        (leading_projector_by_eigenvectors, 40),
        (leading_projector_by_octave, 30),
        (leading_projector_by_mpmath, 8),
    ],
)
@pytest.mark.parametrize("kind", ["gaussian", "non-normal"])
def test_leading_subspace(oracle, size, kind):
    rng = np.random.default_rng(size)
    matrix = rng.standard_normal((size, size)) / np.sqrt(size)
    if kind == "non-normal":
        matrix = orthogonal(size, rng) * 0.9 + np.outer(matrix[0], matrix[1])
    form = ordered_real_schur(matrix)
    gaps = form.moduli[:-1] - form.moduli[1:]
    border = int(np.argmax(gaps))
    dimension = form.starts[border + 1]
    leading = form.Q[:, :dimension]
    expected = oracle(matrix, (form.moduli[border] + form.moduli[border + 1]) / 2)
    # Rounding turns the subspace by about eps ||W|| / sep, and sep is no larger than the gap.
    assert np.linalg.norm(leading @ leading.T - expected) < 1e5 * EPS / gaps[border]


def test_ties_keep_their_first_order():
    rng = np.random.default_rng(4)
    matrix = np.triu(rng.standard_normal((6, 6)), 1) + np.diag([1.0, -1, 1, 1, -1, 1])
    form = ordered_real_schur(matrix)
    assert np.array_equal(form.T, matrix)
    assert np.array_equal(form.Q, np.eye(6))

    # [2, 1, -2, -1]: the second 2 overtakes the first 1, nothing else changes places.
    form = ordered_real_schur(np.diag([2.0, 1, -2, -1]))
    assert np.array_equal(np.diagonal(form.T), [2, -2, 1, -1])

    matrix = orthogonal(31, rng)
    T, Q = scipy.linalg.schur(matrix)
    form = ordered_real_schur(matrix)
    assert np.allclose(form.T, T, atol=1e-13)
    assert np.allclose(form.Q, Q, atol=1e-13)


def test_real_eigenvalue_tied_with_a_pair():
    rng = np.random.default_rng(4)
    for blocks in ((QUARTER_TURN, 1.0, -1.0), (1.0, QUARTER_TURN, -1.0), (1.0, -1.0, QUARTER_TURN)):
        matrix = scipy.linalg.block_diag(0.5, *blocks)
        matrix += np.triu(rng.standard_normal((5, 5)), 2)
        matrix[0, 1] = 1.0
        form = ordered_real_schur(matrix)
        assert_ordered_schur(matrix, form)
        assert np.array_equal(form.sizes, [*(np.size(block) // 2 or 1 for block in blocks), 1])
        assert np.allclose(form.moduli, [1, 1, 1, 0.5])


def test_pair_that_splits_while_it_is_swapped():
    """Pairs within rounding of a double real eigenvalue, which swaps may turn into two."""
    splits = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        matrix = np.triu(rng.standard_normal((6, 6)), 1) + np.diag([1, 1, 1, 2, 2, 3.0])
        for first, height in ((0, 1e-16), (3, 1e-17)):
            matrix[first + 1, first] = -height * rng.random()
            matrix[first, first + 1] = 1.0
        before = np.count_nonzero(np.diagonal(scipy.linalg.schur(matrix)[0], -1))
        form = ordered_real_schur(matrix)
        splits += np.count_nonzero(form.sizes == 2) < before
        assert_ordered_schur(matrix, form)
    assert splits > 0


def test_order_that_does_not_settle_is_sought_in_another_basis(monkeypatch):
    matrices = [unbalanced_pairs(np.random.default_rng(seed)) for seed in range(60)]
    for matrix in matrices:
        assert_ordered_schur(matrix, ordered_real_schur(matrix))

    monkeypatch.setattr(schur, "ATTEMPTS", 1)
    failures = 0
    for matrix in matrices:
        try:
            ordered_real_schur(matrix)
        except scipy.linalg.LinAlgError:
            failures += 1
    assert failures > 0


def test_swap_that_is_always_refused(monkeypatch):
    monkeypatch.setattr(schur, "_move", lambda T, Q, *_: (T, Q, False))
    with pytest.raises(scipy.linalg.LinAlgError, match="cannot be sorted"):
        ordered_real_schur(MATRICES["gaussian 40"])


@pytest.mark.parametrize("factor", [1 + 1e-12, np.nan, np.inf])
@pytest.mark.parametrize("damaged", ["Q", "T"])
@pytest.mark.filterwarnings("ignore:invalid value")  # 0 * inf, in the damage itself
def test_inaccurate_factors_are_refused(monkeypatch, damaged, factor):
    def damage(matrix):
        T, Q = scipy.linalg.schur(matrix)
        return (Q * factor, T) if damaged == "Q" else (Q, T * factor)

    monkeypatch.setattr(schur, "_ordered_factors", damage)
    with pytest.raises(scipy.linalg.LinAlgError, match="not accurate"):
        ordered_real_schur(np.diag([2.0, 1.0]))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((2, 3)), "not square"),
        (np.zeros(4), "not square"),
        (np.zeros((2, 2, 2)), "not square"),
        (np.zeros((2, 2), dtype=complex), "is complex"),
        ([["a"]], "not numeric"),
        ([[1.0, np.nan], [0.0, 1.0]], "NaN"),
        ([[1.0, np.inf], [0.0, 1.0]], "infinite"),
        ([[1.0, -np.inf], [0.0, 1.0]], "infinite"),
        (np.zeros((0, 0)), "empty"),
        ([], "empty"),
    ],
)
def test_invalid_matrix(matrix, message):
    with pytest.raises(ValueError, match=message):
        ordered_real_schur(matrix)


def test_input_types():
    matrix = np.random.default_rng(5).standard_normal((20, 20)).astype(np.float32)
    original = matrix.copy()
    single, double = ordered_real_schur(matrix), ordered_real_schur(matrix.astype(float))
    assert np.array_equal(single.T, double.T)
    assert np.array_equal(single.Q, double.Q)
    assert_ordered_schur(matrix, single)
    assert np.array_equal(matrix, original)
    integers = MATRICES["integer"]
    assert np.array_equal(ordered_real_schur(integers).T, ordered_real_schur(integers * 1.0).T)
    assert np.array_equal(ordered_real_schur(matrix.T).T, ordered_real_schur(matrix.T.copy()).T)


def test_power_of_two_scales_exactly():
    matrix = np.random.default_rng(6).standard_normal((20, 20))
    form, scaled = ordered_real_schur(matrix), ordered_real_schur(matrix * 2.0**-500)
    assert np.array_equal(scaled.Q, form.Q)
    assert np.array_equal(scaled.T, form.T * 2.0**-500)


@pytest.mark.parametrize("scale", [5e-324, 1e-320, 1e-310, 1e-300, 1e300, 2e306])
@pytest.mark.parametrize("seed", range(10))
def test_ends_of_the_range(scale, seed):
    """What is subnormal keeps an absolute precision only; the form is as near as that allows."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-8, 9, (6, 6)) * scale
    form = ordered_real_schur(matrix)
    assert backward_error(matrix, form.Q, form.T) <= schur.ERROR_FACTOR
    assert np.all(np.diff(form.moduli) <= 0)
    again = shuffle_blocks(form, [], rng)
    assert backward_error(matrix, again.Q, again.T) <= 2 * schur.ERROR_FACTOR
    # Another matrix is still told from this one, but for a few units of the last place.
    assert scale == 5e-324 or not backward_error(-matrix, form.Q, form.T) <= schur.ERROR_FACTOR


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.full((2, 2), 1.7e308), "float64: T has an infinite entry"),
        ([[1.7e308, 1.7e308], [-1.7e308, 1.7e308]], "float64: .* modulus leaves the range"),
        (np.array([[5, 2], [-4, 0]]) * 5e-324, "float64: .* standard form"),
        (
            # A pair far from normal beside a real eigenvalue of about its modulus.
            [[-199396, 1443495, 1751742], [-82174, 594802, 721767], [45017, -325827, -395364]]
            * np.array(5e-324),
            "too small to keep their order",
        ),
    ],
)
def test_form_out_of_range(matrix, message):
    with pytest.raises(scipy.linalg.LinAlgError, match=message):
        ordered_real_schur(matrix)


def test_tie_tolerance_at_the_ends_of_the_range():
    large = np.diag([1.7e308, 1.0e308])  # its norm is beyond the range
    assert tie_tolerance(large) == pytest.approx(8 * EPS * 1.7e308 * np.hypot(1, 1 / 1.7))
    assert tie_tolerance(np.diag([5e-324, 0.0])) == 8 * 5e-324
    assert tie_tolerance(np.zeros((2, 2))) == 0


def test_frobenius():
    assert frobenius([[3.0, 0.0], [0.0, -4.0]]) == 5
    assert frobenius(np.full((2, 2), 1e200)) == pytest.approx(2e200)
    assert frobenius(np.full((2, 2), 1e-200)) == pytest.approx(2e-200)
    assert frobenius(np.zeros((2, 2))) == frobenius(np.zeros((0, 2))) == 0
    assert frobenius(np.full((2, 2), 5e-324)) == 1e-323
    assert frobenius(np.full((2, 2), 1.7e308)) == np.inf
    assert frobenius(np.full((4, 4), 3e38, np.float32)) == pytest.approx(1.2e39)
    assert frobenius(np.array([[100, -128]], np.int8)) == np.hypot(100, 128)
    assert frobenius([[True, True]]) == np.sqrt(2)


def test_error_measures():
    matrix = np.diag([3.0, 4.0])
    assert backward_error(matrix, np.eye(2), matrix) == 0
    assert backward_error(matrix, np.eye(2), np.diag([3.0, 4.5])) == pytest.approx(0.1 / (2 * EPS))
    assert backward_error(np.zeros((2, 2)), np.eye(2), matrix) == np.inf
    assert orthogonality_error(np.diag([1.0, 2.0])) == pytest.approx(3 / (2 * EPS))
    for scale in (1e-300, 1e300, 3e307):
        damaged = np.diag([3.0, 4.5]) * scale
        expected = pytest.approx(0.1 / (2 * EPS))
        assert backward_error(matrix * scale, np.eye(2), damaged) == expected
    assert backward_error(matrix * 1e-300, np.eye(2), matrix * 1e300) == np.inf
    large = np.diag([1.7e308, 1.0e308])  # its norm is beyond the range
    expected = pytest.approx(0.1 / np.hypot(1.7, 1) / (2 * EPS))
    assert backward_error(large, np.eye(2), np.diag([1.7e308, 0.9e308])) == expected
    for shapes in ((2, 3, 3), (3, 2, 3), (1, 3, 3), (3, 3, 1)):
        with pytest.raises(ValueError, match="matrix, Q and T have shapes"):
            backward_error(*map(np.eye, shapes))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_errors_of_what_is_not_finite_are_within_no_bound(value):
    clean = np.diag([3.0, 4.0])
    broken = np.array([[3.0, value], [0.0, 4.0]])
    for factors in ((broken, np.eye(2), clean), (clean, broken, clean), (clean, np.eye(2), broken)):
        assert not backward_error(*factors) <= np.finfo(np.float64).max
    assert not orthogonality_error(broken) <= np.finfo(np.float64).max
    for errors in ((value,), (0.0, value), (value, 0.0)):  # max() would lose the second NaN
        assert not schur._accurate(*errors)


@pytest.mark.parametrize("name", ["real tied with pair", "gaussian 40", "orthogonal 40", "zero 7"])
def test_from_stored_factors(name, tmp_path):
    form = ordered_real_schur(MATRICES[name])
    np.savez(tmp_path / "form.npz", Q=form.Q, T=form.T)
    with np.load(tmp_path / "form.npz") as stored:
        rebuilt = OrderedSchur.from_factors(**stored)
    for attribute in ("Q", "T", "starts", "sizes", "moduli", "eigenvalues"):
        assert np.array_equal(getattr(rebuilt, attribute), getattr(form, attribute)), attribute


@pytest.mark.parametrize(
    ("Q", "T", "message"),
    [
        (np.eye(2), np.eye(3), "shape"),
        (np.eye(3), np.ones((3, 3)), "quasi upper"),
        (np.eye(3), np.eye(3) + np.eye(3, k=-2), "quasi upper"),
        (np.eye(2), np.array([[1.0, 2.0], [-2.0, 1.5]]), "standard"),
        (np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]]), "standard"),
        (2 * np.eye(2), np.eye(2), "not orthogonal"),
        (1e200 * scipy.linalg.hadamard(4), np.eye(4), "not orthogonal"),
        (np.eye(2), np.array([[1.7e308, 1.7e308], [-1.7e308, 1.7e308]]), "leaves the range"),
        (np.eye(2), np.full((2, 2), np.nan), "T has a NaN"),
    ],
)
def test_invalid_factors(Q, T, message):
    with pytest.raises(ValueError, match=message):
        OrderedSchur.from_factors(Q, T)


def test_reorder_ties_leaves_distinct_moduli_alone():
    form = ordered_real_schur(MATRICES["gaussian 40"])
    again = reorder_ties(form, np.random.default_rng(0))
    assert np.array_equal(again.T, form.T)
    assert np.array_equal(again.Q, form.Q)


@pytest.mark.parametrize("name", ["orthogonal 40", "permutation 40", "skew 7", "tied triangular"])
def test_reorder_ties_gives_another_schur_form(name):
    matrix = MATRICES[name]
    form = ordered_real_schur(matrix)
    rng = np.random.default_rng(7)
    orders = set()
    for _ in range(5):
        again = reorder_ties(form, rng)
        assert_ordered_schur(matrix, again)
        assert np.allclose(again.moduli, form.moduli, atol=1e-5)
        orders.add(again.T.tobytes())
    assert len(orders) > 1 or name == "skew 7"  # its pairs differ


def test_reorder_ties_shuffles_within_the_tolerance_only():
    rng = np.random.default_rng(8)
    matrix = rotated(np.diag([1, 0.99, 0.98, 0.5, 0.48]) + np.eye(5, k=2), rng)
    form = ordered_real_schur(matrix)
    seen = set()
    for _ in range(60):
        again = reorder_ties(form, rng, tolerance=0.015)
        assert max(errors(matrix, again)) < 15
        seen.add(tuple(np.round(np.diagonal(again.T), 6)))
    assert len(seen) == 6
    assert all(set(order[:3]) == {1, 0.99, 0.98} for order in seen)
    assert all(order[3:] == (0.5, 0.48) for order in seen)
    with pytest.raises(ValueError, match="negative"):
        reorder_ties(form, rng, tolerance=-1)


def test_reorder_ties_of_a_shuffled_form_keeps_its_groups():
    """1 and 0.97 are linked through 0.98 and 0.99, in whatever order they come."""
    rng = np.random.default_rng(9)
    T = np.triu(rng.standard_normal((5, 5)), 1) + np.diag([0.98, 0.99, 1, 0.97, 0.5])
    form = OrderedSchur.from_factors(np.eye(5), T)
    orders = [reorder_ties(form, rng, tolerance=0.015).eigenvalues.real for _ in range(60)]
    assert {round(order[3], 6) for order in orders} == {1, 0.99, 0.98, 0.97}
    assert {round(order[4], 6) for order in orders} == {0.5}


def test_shuffle_blocks_keeps_the_subspaces_of_the_borders():
    matrix = MATRICES["gaussian 40"]
    form = ordered_real_schur(matrix)
    border = form.starts[len(form.starts) // 2]
    again = shuffle_blocks(form, [border], np.random.default_rng(9))
    assert max(errors(matrix, again)) < 15
    assert not np.allclose(again.moduli, form.moduli)
    projectors = [f.Q[:, :border] @ f.Q[:, :border].T for f in (form, again)]
    assert np.allclose(*projectors, atol=1e-10)
    inside = form.starts[form.sizes == 2][0] + 1
    for wrong in (inside, border + 0.5, np.nan):
        with pytest.raises(ValueError, match="border"):
            shuffle_blocks(form, [wrong], np.random.default_rng(9))


def test_shuffle_blocks_refuses_broken_factors():
    form = ordered_real_schur(np.diag([2.0, 1.0]))
    broken = replace(form, Q=np.array([[1.0, np.nan], [0.0, 1.0]]))
    with pytest.raises(scipy.linalg.LinAlgError, match="reordered Schur factors are not"):
        shuffle_blocks(broken, [], np.random.default_rng(0))


def test_every_order_is_as_likely():
    form = ordered_real_schur(np.diag([1.0, -1.0, 1.0]) + np.triu(np.ones((3, 3)), 1))
    rng = np.random.default_rng(10)
    places = [np.argmin(np.diagonal(reorder_ties(form, rng).T)) for _ in range(600)]
    counts = np.bincount(places, minlength=3)
    assert np.all(np.abs(counts - 200) < 5 * np.sqrt(600 * 2 / 9))


def report(n_random=5000):
    """Print the worst errors, and the time of the ordering against ``scipy.linalg.schur``."""
    cases = [matrix * scale for matrix in MATRICES.values() for scale in (1.0, 1e-150, 1e150)]
    cases += LARGE.values()
    worst = np.max([errors(case, ordered_real_schur(case)) for case in cases], axis=0)
    print(
        f"{len(cases)} hard matrices: backward {worst[0]:.2f}, orthogonality {worst[1]:.2f} N eps"
    )

    rng = np.random.default_rng(11)
    worst = np.zeros(2)
    for index in range(n_random):
        if index % 5 == 4:
            case = unbalanced_pairs(rng, int(rng.integers(1, 7)))
        else:
            case = random_matrix(int(rng.integers(1, 73)), index % 5, rng)
        worst = np.maximum(worst, errors(case, ordered_real_schur(case)))
    print(f"{n_random} random ones: backward {worst[0]:.2f}, orthogonality {worst[1]:.2f} N eps")

    for size, repeats in ((72, 30), (512, 3)):
        for kind in ("gaussian", "orthogonal plus perturbation"):
            case = rng.standard_normal((size, size)) / np.sqrt(size)
            if kind != "gaussian":
                case = orthogonal(size, rng) + 0.1 * case
            plain, ordered = np.inf, np.inf
            for _ in range(repeats):
                start = time.perf_counter()
                scipy.linalg.schur(case, output="real")
                middle = time.perf_counter()
                ordered_real_schur(case)
                plain = min(plain, middle - start)
                ordered = min(ordered, time.perf_counter() - middle)
            print(
                f"N = {size}, {kind}: schur {plain * 1e3:.2f} ms, ordered {ordered * 1e3:.2f} ms, "
                f"ratio {ordered / plain:.2f}"
            )


if __name__ == "__main__":
    report()
