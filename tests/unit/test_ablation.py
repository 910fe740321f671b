"""Ablation of couplings."""

from itertools import chain, combinations

import numpy as np
import pytest
import scipy.linalg

from rnnschur.ablation import SUBSET_COUPLINGS, SUBSETS, ablate, ablations, subset_mask
from rnnschur.schur import ordered_real_schur
from rnnschur.sectors import COUPLINGS, coupling_masks, leading_rows, removed_share

ALPHA = 0.9


@pytest.fixture(params=[2, 3, 7, 72])
def matrix(request):
    """Random orthogonal matrix with a part of it damped: both sectors are there."""
    size = request.param
    rng = np.random.default_rng(size)
    basis = scipy.linalg.qr(rng.standard_normal((size, size)))[0]
    shrink = np.where(np.arange(size) < size // 2, 0.3, 1.0)
    return basis * shrink + 0.3 * rng.standard_normal((size, size)) / np.sqrt(size)


def test_subsets_are_all_subsets():
    assert SUBSETS == ("none", "RR", "CR", "CC", "RR+CR", "RR+CC", "CR+CC", "RR+CR+CC")
    assert tuple(SUBSET_COUPLINGS) == SUBSETS
    expected = set(chain.from_iterable(combinations(COUPLINGS, k) for k in range(4)))
    assert set(SUBSET_COUPLINGS.values()) == expected
    for name, couplings in SUBSET_COUPLINGS.items():
        assert set(name.split("+")) - {"none"} == set(couplings)
    with pytest.raises(TypeError):
        SUBSET_COUPLINGS["none"] = ("RR",)


def test_subset_masks(matrix):
    schur = ordered_real_schur(matrix)
    masks = coupling_masks(schur, ALPHA)
    for subset in SUBSETS:
        expected = np.zeros(matrix.shape, dtype=bool)
        for name in COUPLINGS:
            if name in subset:
                expected |= masks[name]
        assert np.array_equal(subset_mask(schur, ALPHA, subset), expected)
    with pytest.raises(KeyError):
        subset_mask(schur, ALPHA, "RC")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_removed_is_exact(matrix, dtype):
    matrix = matrix.astype(dtype)
    schur = ordered_real_schur(matrix)
    unchanged = ablate(matrix, schur, np.zeros(matrix.shape, dtype=bool))
    assert unchanged.dtype == np.float64
    assert np.array_equal(unchanged, matrix)
    assert np.array_equal(unchanged.astype(dtype), matrix)
    # Nor does a mask over zeros of T change a bit.
    assert np.array_equal(ablate(matrix, schur, np.tri(len(matrix), k=-2, dtype=bool)), matrix)


def test_ablated_matrix_is_the_product_of_the_ablated_factors(matrix):
    schur = ordered_real_schur(matrix)
    matrices, masses = ablations(matrix, schur, ALPHA)
    assert matrices.shape == (8, *matrix.shape)
    assert matrices.dtype == np.float64
    assert masses.shape == (8,)
    n = leading_rows(schur, ALPHA).sum()
    for subset, ablated, mass in zip(SUBSETS, matrices, masses, strict=True):
        T = schur.T.copy()
        blocks = scipy.linalg.block_diag(*(np.ones((length, length)) for length in schur.sizes))
        if "RR" in subset:
            T[:n, :n] *= blocks[:n, :n]
        if "CC" in subset:
            T[n:, n:] *= blocks[n:, n:]
        if "CR" in subset:
            T[:n, n:] = 0
        assert np.allclose(ablated, schur.Q @ T @ schur.Q.T, rtol=0, atol=1e-13)
        norm = np.linalg.norm(matrix)
        # Q is orthogonal: what W loses is what T loses.
        assert mass == pytest.approx(np.linalg.norm(matrix - ablated) / norm, abs=1e-14)
        assert mass**2 == pytest.approx(1 - (np.linalg.norm(ablated) / norm) ** 2, abs=1e-13)
    assert masses[0] == 0
    assert np.array_equal(matrices[0], matrix)


def test_ablations_add_up(matrix):
    schur = ordered_real_schur(matrix)
    matrices, masses = ablations(matrix, schur, ALPHA)
    removed = dict(zip(SUBSETS, matrix - matrices, strict=True))
    shares = dict(zip(SUBSETS, masses**2, strict=True))
    for subset, couplings in SUBSET_COUPLINGS.items():
        parts = sum((removed[name] for name in couplings), np.zeros(matrix.shape))
        assert np.allclose(removed[subset], parts, rtol=0, atol=1e-14)
        assert shares[subset] == pytest.approx(sum(shares[name] for name in couplings))
    assert removed_share(schur, coupling_masks(schur, ALPHA)["CR"]) == pytest.approx(shares["CR"])


def test_eigenvalues_survive_every_ablation(matrix):
    schur = ordered_real_schur(matrix)
    expected = np.sort_complex(np.round(np.linalg.eigvals(matrix), 9))
    for ablated in ablations(matrix, schur, ALPHA)[0]:
        actual = np.sort_complex(np.round(np.linalg.eigvals(ablated), 9))
        assert np.allclose(np.poly(actual), np.poly(expected), atol=1e-6)
        assert np.allclose(np.sort(np.abs(actual)), np.sort(np.abs(expected)), atol=1e-6)


def test_full_ablation_leaves_the_blocks():
    """Normal apart from the 2x2 blocks; a normal matrix loses nothing."""
    rng = np.random.default_rng(1)
    real = np.triu(rng.standard_normal((9, 9)), 1) + np.diag(np.linspace(-1, 0.7, 9))
    full = ablations(real, ordered_real_schur(real), ALPHA)[0][-1]
    assert np.allclose(full, full.T, atol=1e-13)
    assert np.allclose(np.linalg.eigvalsh(full), np.linspace(-1, 0.7, 9))

    normal = scipy.linalg.qr(rng.standard_normal((30, 30)))[0]
    matrices, masses = ablations(normal, ordered_real_schur(normal), ALPHA)
    assert np.allclose(matrices, normal, atol=1e-13)
    assert np.all(masses < 1e-13)


def test_removing_the_coupling_between_sectors_by_projector(matrix):
    values, vectors = np.linalg.eig(matrix)
    leading = np.abs(values) >= ALPHA * np.abs(values).max()
    basis = scipy.linalg.orth(vectors[:, leading])
    projector = (basis @ basis.conj().T).real
    expected = matrix - projector @ matrix @ (np.eye(len(matrix)) - projector)
    actual = ablations(matrix, ordered_real_schur(matrix), ALPHA)[0][SUBSETS.index("CR")]
    assert np.allclose(actual, expected, atol=1e-9)


def test_scale():
    matrix = np.array([[1.0, 3.0], [0.0, 0.5]])
    for scale in (1e-150, 1e150):
        matrices, masses = ablations(matrix * scale, ordered_real_schur(matrix * scale), ALPHA)
        assert np.allclose(matrices[SUBSETS.index("CR")] / scale, np.diag([1, 0.5]))
        assert masses[SUBSETS.index("CR")] == pytest.approx(3 / np.sqrt(10.25))


def test_mismatch_is_refused():
    matrix = np.array([[1.0, 3.0], [0.0, 0.5]])
    schur = ordered_real_schur(matrix)
    with pytest.raises(ValueError, match="not a Schur form of the matrix"):
        ablate(matrix + 1e-6, schur, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="not a Schur form of the matrix"):
        ablate(np.zeros((2, 2)), schur, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="matrix has shape"):
        ablate(np.eye(3), schur, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="mask has shape"):
        ablate(matrix, schur, np.zeros((3, 3)))
