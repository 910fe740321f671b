"""Ablation of couplings."""

from itertools import chain, combinations

import numpy as np
import pytest
import scipy.linalg

from rnnschur import Network, interventions
from rnnschur.coordinates.schur import OrderedSchur, ordered_real_schur
from rnnschur.coordinates.sectors import (
    COUPLINGS,
    SUBSET_COUPLINGS,
    SUBSETS,
    Sectors,
    coupling_masks,
    leading_rows,
    removed_mass,
)

ALPHA = 0.9


@pytest.fixture(params=[2, 3, 7, 72])
def matrix(request):
    """Random orthogonal matrix with a part of it damped: both sectors are there."""
    size = request.param
    rng = np.random.default_rng(size)
    basis = scipy.linalg.qr(rng.standard_normal((size, size)))[0]
    shrink = np.where(np.arange(size) < size // 2, 0.3, 1.0)
    return basis * shrink + 0.3 * rng.standard_normal((size, size)) / np.sqrt(size)


def network_of(matrix):
    matrix = np.asarray(matrix)
    unit = np.eye(len(matrix), 1, dtype=matrix.dtype)
    return Network("tanh", {"W_hh": matrix, "W_xh": unit, "W_hy": unit.T})


def interventions_on(matrix, alphas=(ALPHA,)):
    return list(interventions.make("couplings", {"alphas": alphas}).of(network_of(matrix)))


def ablations(matrix, alpha=ALPHA):
    """Return the matrices of all eight ablations, and their masses."""
    found = interventions_on(matrix, (alpha,))
    return np.stack([one.changes["W_hh"] for one in found]), np.array([one.mass for one in found])


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
    sectors = Sectors.of(matrix, ALPHA, schur)
    for subset, couplings in SUBSET_COUPLINGS.items():
        expected = np.zeros(matrix.shape, dtype=bool)
        for name in COUPLINGS:
            if name in subset:
                expected |= masks[name]
        mask = sectors.mask(*couplings)
        assert mask.dtype == bool
        assert np.array_equal(mask, expected)
    with pytest.raises(KeyError):
        sectors.mask("RC")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_removed_is_exact(matrix, dtype):
    matrix = matrix.astype(dtype)
    sectors = Sectors.of(matrix, ALPHA, ordered_real_schur(matrix))
    unchanged, mass = sectors.without(np.zeros(matrix.shape, dtype=bool))
    assert unchanged.dtype == np.float64
    assert mass == 0
    assert np.array_equal(unchanged, matrix)
    assert np.array_equal(unchanged.astype(dtype), matrix)
    # Nor does a mask over zeros of T change a bit.
    unchanged, mass = sectors.without(np.tri(len(matrix), k=-2, dtype=bool))
    assert np.array_equal(unchanged, matrix) and mass == 0


def test_ablated_matrix_is_the_product_of_the_ablated_factors(matrix):
    schur = ordered_real_schur(matrix)
    matrices, masses = ablations(matrix)
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
    matrices, masses = ablations(matrix)
    removed = dict(zip(SUBSETS, matrix - matrices, strict=True))
    shares = dict(zip(SUBSETS, masses**2, strict=True))
    for subset, couplings in SUBSET_COUPLINGS.items():
        parts = sum((removed[name] for name in couplings), np.zeros(matrix.shape))
        assert np.allclose(removed[subset], parts, rtol=0, atol=1e-14)
        assert shares[subset] == pytest.approx(sum(shares[name] for name in couplings))
    schur = ordered_real_schur(matrix)
    between = coupling_masks(schur, ALPHA)["CR"]
    assert removed_mass(schur, between) ** 2 == pytest.approx(shares["CR"])
    assert np.sum(schur.T[between] ** 2) / np.sum(schur.T**2) == pytest.approx(shares["CR"])


def test_eigenvalues_survive_every_ablation(matrix):
    expected = np.sort_complex(np.round(np.linalg.eigvals(matrix), 9))
    for ablated in ablations(matrix)[0]:
        actual = np.sort_complex(np.round(np.linalg.eigvals(ablated), 9))
        assert np.allclose(np.poly(actual), np.poly(expected), atol=1e-6)
        assert np.allclose(np.sort(np.abs(actual)), np.sort(np.abs(expected)), atol=1e-6)


def test_full_ablation_leaves_the_blocks():
    """Normal apart from the 2x2 blocks; a normal matrix loses nothing."""
    rng = np.random.default_rng(1)
    real = np.triu(rng.standard_normal((9, 9)), 1) + np.diag(np.linspace(-1, 0.7, 9))
    full = ablations(real)[0][-1]
    assert np.allclose(full, full.T, atol=1e-13)
    assert np.allclose(np.linalg.eigvalsh(full), np.linspace(-1, 0.7, 9))

    normal = scipy.linalg.qr(rng.standard_normal((30, 30)))[0]
    matrices, masses = ablations(normal)
    assert np.allclose(matrices, normal, atol=1e-13)
    assert np.all(masses < 1e-13)


def test_removing_the_coupling_between_sectors_by_projector(matrix):
    values, vectors = np.linalg.eig(matrix)
    leading = np.abs(values) >= ALPHA * np.abs(values).max()
    basis = scipy.linalg.orth(vectors[:, leading])
    projector = (basis @ basis.conj().T).real
    expected = matrix - projector @ matrix @ (np.eye(len(matrix)) - projector)
    actual = ablations(matrix)[0][SUBSETS.index("CR")]
    assert np.allclose(actual, expected, atol=1e-9)


def test_scale():
    matrix = np.array([[1.0, 3.0], [0.0, 0.5]])
    for scale in (1e-150, 1e150):
        matrices, masses = ablations(matrix * scale)
        assert np.allclose(matrices[SUBSETS.index("CR")] / scale, np.diag([1, 0.5]))
        assert masses[SUBSETS.index("CR")] == pytest.approx(3 / np.sqrt(10.25))


def test_mismatch_is_refused():
    matrix = np.array([[1.0, 3.0], [0.0, 0.5]])
    schur = ordered_real_schur(matrix)
    with pytest.raises(ValueError, match="not a Schur form of the matrix"):
        Sectors.of(matrix + 1e-6, ALPHA, schur)
    with pytest.raises(ValueError, match="not a Schur form of the matrix"):
        Sectors.of(np.zeros((2, 2)), ALPHA, schur)
    with pytest.raises(ValueError, match="matrix has shape"):
        Sectors.of(np.eye(3), ALPHA, schur)
    with pytest.raises(ValueError, match="mask has shape"):
        Sectors.of(matrix, ALPHA, schur).without(np.zeros((3, 3)))


def test_every_ablation_at_every_threshold_under_its_labels(matrix):
    alphas = (0.95, 0.5)
    found = interventions_on(matrix, alphas)
    assert [one.removed for one in found] == [*SUBSETS, *SUBSETS]
    sizes = [int(leading_rows(ordered_real_schur(matrix), alpha).sum()) for alpha in alphas]
    expected = [{"alpha": a, "leading": n} for a, n in zip(alphas, sizes, strict=True)]
    assert [one.labels for one in found[::8]] == expected
    for alpha, part in zip(alphas, (found[:8], found[8:]), strict=True):
        assert all(one.labels == part[0].labels for one in part)
        assert np.array_equal([one.changes["W_hh"] for one in part], ablations(matrix, alpha)[0])
    assert all(set(one.changes) == {"W_hh"} for one in found)


def test_a_form_that_the_network_brings_is_taken_and_one_of_another_matrix_refused():
    rng = np.random.default_rng(0)
    matrix = np.diag([1.0, -0.95, 0.92]) + np.triu(rng.standard_normal((3, 3)), 1)
    network, family = network_of(matrix), interventions.make("couplings", {})
    # The blocks of the matrix as it stands are ordered already: no rotation, no sign flipped.
    network.forms["W_hh"] = OrderedSchur.from_factors(np.eye(3), matrix)
    removed = {one.removed: one for one in family.of(network)}
    assert np.array_equal(removed["RR"].changes["W_hh"], np.diag(np.diag(matrix)))
    network.forms["W_hh"] = ordered_real_schur(matrix.T)
    with pytest.raises(ValueError, match="not a Schur form of the matrix"):
        list(family.of(network))


@pytest.mark.parametrize("alphas", [[], [0.0], [0.9, 1.1], [-0.5], [np.nan], 0.9, "0.9", None])
def test_thresholds_out_of_range_are_named(alphas):
    with pytest.raises(ValueError, match=r"^alphas is .*; allowed: a list of numbers in \(0, 1\]$"):
        interventions.make("couplings", {"alphas": alphas})


def test_families_and_their_options_are_named():
    assert "couplings" in interventions.FAMILIES and "base" not in interventions.FAMILIES
    assert interventions.make("couplings", {}).alphas == (ALPHA,)
    with pytest.raises(ValueError, match=r"family is 'coupling'; allowed: .*couplings"):
        interventions.make("coupling", {})
    with pytest.raises(ValueError, match="alpha is unknown; allowed: alphas"):
        interventions.make("couplings", {"alpha": 0.9})
    # What a whole study says holds where the family has the option and is not told otherwise.
    shared = {"alphas": [0.5], "draws": 3}
    assert interventions.make("couplings", {}, shared).alphas == [0.5]
    assert interventions.make("couplings", {"alphas": [0.7]}, shared).alphas == [0.7]
