"""Sectors and couplings: what is selected, and what does not depend on the order of blocks."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur.coordinates.schur import OrderedSchur, ordered_real_schur, shuffle_blocks
from rnnschur.coordinates.sectors import (
    COUPLINGS,
    WIDE,
    Sectors,
    coupling_masks,
    leading_rows,
    masked,
    removed_mass,
)


def without(matrix, schur, mask):
    """Return the matrix without the masked entries of T."""
    return Sectors.of(matrix, 0.9, schur).without(mask)[0]


def orthogonal(size, seed):
    return scipy.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def triangular(moduli, seed=0):
    """Schur form with real eigenvalues of the given moduli and random couplings."""
    rng = np.random.default_rng(seed)
    T = np.triu(rng.standard_normal((len(moduli), len(moduli))), 1) + np.diag(moduli)
    return OrderedSchur.from_factors(np.eye(len(moduli)), T)


def with_both_sectors(size, seed):
    """Matrix with several blocks in R and in C at alpha = 0.9, the border well clear of ties.

    Moduli of R lie in [0.95, 1], those of C below 0.8; most blocks are pairs, far from normal.
    """
    rng = np.random.default_rng(seed)
    T = np.triu(rng.standard_normal((size, size)), 1)
    n_leading = int(rng.integers(1, size))
    row = 0
    while row < size:
        leading = row < n_leading
        modulus = rng.uniform(0.95, 1) if leading else rng.uniform(0.3, 0.8)
        last = row + 1 == (n_leading if leading else size)
        if last or rng.random() < 0.3:
            T[row, row] = modulus * rng.choice([-1, 1])
            row += 1
            continue
        angle, skew = rng.uniform(0.2, np.pi - 0.2), np.exp(rng.uniform(-1, 1))
        real, imaginary = modulus * np.cos(angle), modulus * np.sin(angle)
        T[row : row + 2, row : row + 2] = [[real, imaginary * skew], [-imaginary / skew, real]]
        row += 2
    T[0, 0] *= 1 / np.abs(T[0, 0]) if T[1, 0] == 0 else 1
    basis = orthogonal(size, seed)
    return basis @ T @ basis.T


def test_leading_rows_of_blocks_with_known_moduli():
    form = triangular([1.0, -0.95, 0.9, 0.85, 0.1])
    assert leading_rows(form, 0.9).tolist() == [True, True, True, False, False]
    assert leading_rows(form, 0.85).tolist() == [True, True, True, True, False]
    assert leading_rows(form, 0.97).tolist() == [True, False, False, False, False]
    assert leading_rows(form, 1.0).tolist() == [True, False, False, False, False]
    assert leading_rows(form, 0.05).all()
    assert leading_rows(form, 0.9).dtype == bool


def test_both_rows_of_a_pair_belong_to_one_sector():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    form = ordered_real_schur(scipy.linalg.block_diag(0.5 * turn, turn, 0.91))
    assert leading_rows(form, 0.9).tolist() == [True, True, True, False, False]
    assert leading_rows(form, 0.95).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_sectors_do_not_depend_on_scale(scale):
    matrix = with_both_sectors(20, 3)
    expected = leading_rows(ordered_real_schur(matrix), 0.9)
    assert 0 < expected.sum() < 20
    assert np.array_equal(leading_rows(ordered_real_schur(matrix * scale), 0.9), expected)


@pytest.mark.parametrize("size", [1, 2, 15, 72])
def test_ties_of_an_orthogonal_matrix_stay_together(size):
    for seed in range(5):
        form = ordered_real_schur(orthogonal(size, seed))
        assert leading_rows(form, 1.0).all()


def test_border_never_splits_ties():
    """Blocks at the threshold to within rounding are all in, however they scatter about it."""
    for shift in (-1e-15, 0.0, 1e-15):
        form = triangular([1.0, 0.9 + 2e-15, 0.9 + shift, 0.9 - 2e-15, 0.5])
        assert leading_rows(form, 0.9).tolist() == [True] * 4 + [False]
    # One block within the tolerance of the threshold takes along another that ties with it alone.
    tolerance = triangular([1.0, 0.9, 0.9, 0.5]).tolerance
    form = triangular([1.0, 0.9 - 0.9 * tolerance, 0.9 - 1.8 * tolerance, 0.5])
    assert leading_rows(form, 0.9).tolist() == [True] * 3 + [False]
    form = triangular([1.0, 0.9 - 0.9 * tolerance, 0.9 - 3 * tolerance, 0.5])
    assert leading_rows(form, 0.9).tolist() == [True] * 2 + [False] * 2


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.eye(4, k=1), np.eye(3), [[0.0]], [[-2.0]]])
def test_everything_leads(matrix):
    form = ordered_real_schur(matrix)
    assert leading_rows(form, 0.9).all()
    assert leading_rows(form, 1.0).all()
    masks = coupling_masks(form, 0.9)
    assert not masks["CR"].any()
    assert not masks["CC"].any()


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.0001, np.nan, np.inf])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValueError, match="alpha"):
        leading_rows(triangular([1.0, 0.5]), alpha)


def test_form_that_is_not_ordered():
    with pytest.raises(ValueError, match="not ordered"):
        leading_rows(triangular([0.5, 1.0]), 0.9)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 20), st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_masks_partition_the_couplings(size, seed, alpha):
    form = ordered_real_schur(np.random.default_rng(seed).standard_normal((size, size)))
    masks = coupling_masks(form, alpha)
    assert tuple(masks) == COUPLINGS
    assert all(mask.dtype == bool and mask.shape == (size, size) for mask in masks.values())
    # Strictly block-upper part, built from the blocks themselves.
    blocks = scipy.linalg.block_diag(*(np.ones((length, length)) for length in form.sizes))
    strictly_upper = np.triu(np.ones((size, size)), 1) * (1 - blocks)
    assert np.array_equal(sum(mask.astype(int) for mask in masks.values()), strictly_upper)
    leading = leading_rows(form, alpha)
    n = leading.sum()
    assert leading[:n].all()
    assert not masks["RR"][n:].any()
    assert not masks["RR"][:, n:].any()
    assert not masks["CC"][:n].any()
    assert not masks["CC"][:, :n].any()
    assert np.array_equal(np.argwhere(masks["CR"]), np.argwhere(np.outer(leading, ~leading)))
    assert np.array_equal(form.T, sum(masked(form, m) for m in masks.values()) + blocks * form.T)


def test_direction_of_the_coupling():
    """Activity put into C reaches R in one step through CR; activity in R never reaches C."""
    T = np.array([[0.95, 3.0], [0.0, 0.1]])
    Q = orthogonal(2, 5)
    matrix = Q @ T @ Q.T
    form = ordered_real_schur(matrix)
    leading_vector, other_vector = form.Q.T
    assert leading_rows(form, 0.9).tolist() == [True, False]
    assert abs(leading_vector @ matrix @ other_vector) == pytest.approx(3)
    assert other_vector @ matrix @ leading_vector == pytest.approx(0, abs=1e-14)
    # The leading vector is the eigenvector of 0.95, found without the Schur form.
    assert np.allclose(matrix @ leading_vector, 0.95 * leading_vector)

    masks = coupling_masks(form, 0.9)
    assert masks["CR"].tolist() == [[False, True], [False, False]]
    cut = without(matrix, form, masks["CR"])
    assert leading_vector @ cut @ other_vector == pytest.approx(0, abs=1e-14)
    assert other_vector @ cut @ other_vector == pytest.approx(0.1)


def test_removed_mass():
    form = triangular([1.0, 0.95, 0.5, 0.4])
    masks = coupling_masks(form, 0.9)
    T = form.T
    total = np.linalg.norm(T)
    assert removed_mass(form, masks["RR"]) == pytest.approx(abs(T[0, 1]) / total)
    assert removed_mass(form, masks["CR"]) == pytest.approx(np.linalg.norm(T[:2, 2:]) / total)
    assert removed_mass(form, masks["CC"]) ** 2 == pytest.approx(T[2, 3] ** 2 / total**2)
    shares = [removed_mass(form, masks[name]) ** 2 for name in COUPLINGS]
    assert sum(shares) + np.sum(np.diagonal(T) ** 2) / total**2 == pytest.approx(1)
    assert removed_mass(form, np.ones((4, 4))) == pytest.approx(1)
    assert removed_mass(form, np.zeros((4, 4))) == 0
    assert removed_mass(ordered_real_schur(np.zeros((4, 4))), np.ones((4, 4))) == 0
    tiny = OrderedSchur.from_factors(form.Q, form.T * 1e-200)
    assert removed_mass(tiny, masks["CR"]) == pytest.approx(removed_mass(form, masks["CR"]))
    huge = OrderedSchur.from_factors(form.Q, T * (1.7e308 / np.abs(T).max()))  # its norm is not
    assert removed_mass(huge, masks["CR"]) == pytest.approx(removed_mass(form, masks["CR"]))
    assert removed_mass(huge, np.ones((4, 4))) == 1
    with pytest.raises(ValueError, match="shape"):
        removed_mass(form, np.ones((3, 3)))


def test_entries_of_a_mask_are_true_or_false():
    form = triangular([1.0, 0.5])
    mask = np.array([[False, True], [False, False]])
    for same in (mask, mask.tolist(), mask.astype(int), mask.astype(float)):
        assert np.array_equal(masked(form, same), np.where(mask, form.T, 0.0))
    for wrong in (0.5, 2, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="mask has entries"):
            masked(form, np.where(mask, wrong, 0.0))


def test_sectors_of_subnormal_moduli():
    matrix = np.diag([16.0, -15.0, 12.0, 1.0]) * 5e-324
    assert leading_rows(ordered_real_schur(matrix), 0.9).all()  # all tie within rounding
    matrix = np.diag([1600.0, -1500.0, 1200.0, 1.0]) * 5e-324
    assert leading_rows(ordered_real_schur(matrix), 0.9).tolist() == [True, True, False, False]


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 24), st.integers(0, 2**32 - 1))
def test_what_the_order_inside_a_sector_leaves_alone(size, seed):
    matrix = with_both_sectors(size, seed)
    form = ordered_real_schur(matrix)
    leading = leading_rows(form, 0.9)
    n = leading.sum()
    assert 0 < n < size
    rng = np.random.default_rng(seed)
    other = shuffle_blocks(form, [n], rng)
    signs = rng.choice([-1.0, 1.0], size)
    flipped = OrderedSchur.from_factors(other.Q * signs, other.T * np.outer(signs, signs))
    for again in (other, flipped):
        # The ordering costs accuracy where eigenvalues of R and C lie close: 1e-7 is ample.
        assert np.array_equal(leading_rows(again, 0.9), leading)
        before, after = coupling_masks(form, 0.9)["CR"], coupling_masks(again, 0.9)["CR"]
        assert np.array_equal(before, after)
        assert removed_mass(again, after) == pytest.approx(removed_mass(form, before), rel=1e-7)
        assert np.allclose(without(matrix, again, after), without(matrix, form, before), atol=1e-7)
        for sector, rows in (("RR", leading), ("CC", ~leading)):
            mass, pairs = sector_mass(form, sector, rows)
            shuffled_mass, shuffled_pairs = sector_mass(again, sector, rows)
            assert shuffled_mass + shuffled_pairs == pytest.approx(mass + pairs, rel=1e-7, abs=1e-9)
    # Signs of Schur vectors change no ablation at all.
    for name in COUPLINGS:
        ablated = [without(matrix, f, coupling_masks(f, 0.9)[name]) for f in (other, flipped)]
        assert np.allclose(*ablated, rtol=0, atol=1e-13)


def sector_mass(form, sector, rows):
    """Squared norm of a sector's couplings and of the departure of its 2x2 blocks."""
    mass = np.sum(form.T[coupling_masks(form, 0.9)[sector]] ** 2)
    pairs = 0.0
    for start, length in zip(form.starts, form.sizes, strict=True):
        if length == 2 and rows[start]:
            block = form.T[start : start + 2, start : start + 2]
            pairs += np.sum(block**2) - np.sum(np.abs(np.linalg.eigvals(block)) ** 2)
    return mass, pairs


def test_mass_inside_a_sector_depends_on_the_order_only_through_pairs():
    """With real eigenvalues ||T_RR|| is fixed; with pairs the order trades mass with B."""
    rng = np.random.default_rng(0)
    real = triangular([1.0, -1.0, 1.0, -1.0, 0.2], seed=1)
    pair = np.array([[0.0, -2.0], [0.5, 0.0]])
    pairs = scipy.linalg.block_diag(pair, pair.T, 1.0, 0.2) + np.triu(np.ones((6, 6)), 2)
    for form, fixed in ((real, True), (ordered_real_schur(pairs), False)):
        n = leading_rows(form, 0.9).sum()
        matrix = form.Q @ form.T @ form.Q.T
        masses, ablated = [], []
        for _ in range(6):
            again = shuffle_blocks(form, [n], rng)
            mask = coupling_masks(again, 0.9)["RR"]
            masses.append(removed_mass(again, mask))
            ablated.append(without(matrix, again, mask))
        assert (np.ptp(masses) < 1e-12) == fixed
        # What is left once RR is removed depends on the order in both cases.
        assert np.ptp(ablated, axis=0).max() > 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_coupling_from_projectors(seed):
    """Q T_CR Q^T = P W (1 - P), with P from the eigenvectors instead of the Schur form."""
    matrix = with_both_sectors(16, seed)
    values, vectors = np.linalg.eig(matrix)
    basis = scipy.linalg.orth(vectors[:, np.abs(values) >= 0.9 * np.abs(values).max()])
    projector = (basis @ basis.conj().T).real
    form = ordered_real_schur(matrix)
    assert leading_rows(form, 0.9).sum() == basis.shape[1]
    coupling = form.Q @ masked(form, coupling_masks(form, 0.9)["CR"]) @ form.Q.T
    assert np.allclose(coupling, projector @ matrix @ (np.eye(16) - projector), atol=1e-8)


@pytest.mark.parametrize("width", [WIDE - 1, WIDE, WIDE + 21])
def test_what_is_left_out_of_a_wide_product_is_zero(width):
    rng = np.random.default_rng(0)
    sectors = Sectors.of(rng.standard_normal((width, width)), 0.7)
    Q, T = sectors.schur.Q, sectors.schur.T
    masks = [sectors.mask(*names) for names in ((), ("RR",), ("CR",), ("CC",), ("RR", "CC"))]
    for mask in [*masks, np.triu(rng.random(T.shape) < 1e-3, 2)]:
        found, _ = sectors.without(mask)
        expected = Q @ np.where(mask, 0, T) @ Q.T
        assert np.abs(found - expected).max() < 1e-13 * np.linalg.norm(T)
    assert np.array_equal(sectors.without(masks[0])[0], sectors.matrix)
