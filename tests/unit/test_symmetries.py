"""Exact symmetries of the tanh network, and rotations, which are not."""

import numpy as np
import pytest
import scipy.stats

from rnnschur.cells.base import CellBase
from rnnschur.coordinates import symmetries
from rnnschur.coordinates.nonnormality import coupling_mass, henrici_departure
from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.coordinates.sectors import SUBSET_COUPLINGS, Sectors
from rnnschur.coordinates.symmetries import random_rotation, random_rotations, random_symmetry

SIZE, N_IN, N_OUT, STEPS = 40, 3, 2, 30


def named(W_xh, W_hh, W_hy):
    return {"W_xh": W_xh, "W_hh": W_hh, "W_hy": W_hy}


def permute_and_flip(W_xh, W_hh, W_hy, permutation, signs):
    weights = named(W_xh, W_hh, W_hy)
    return tuple(symmetries.permute_and_flip(weights, CellBase.axes, permutation, signs).values())


def rotate(W_xh, W_hh, W_hy, rotation):
    return tuple(symmetries.rotate(named(W_xh, W_hh, W_hy), CellBase.axes, rotation).values())


def ablations(matrix, schur, alpha):
    """Return the matrices without each subset of the couplings, and the masses that went."""
    sectors = Sectors.of(matrix, alpha, schur)
    return tuple(
        zip(*(sectors.without(sectors.mask(*c)) for c in SUBSET_COUPLINGS.values()), strict=True)
    )


@pytest.fixture(name="weights")
def _weights():
    rng = np.random.default_rng(0)
    recurrent = rng.standard_normal((SIZE, SIZE)) / np.sqrt(SIZE)
    return rng.standard_normal((SIZE, N_IN)), recurrent, rng.standard_normal((N_OUT, SIZE))


@pytest.fixture(name="inputs")
def _inputs():
    return np.random.default_rng(1).standard_normal((STEPS, N_IN))


def rollout(weights, inputs, nonlinearity=np.tanh):
    W_xh, W_hh, W_hy = weights
    h, outputs = np.zeros(len(W_hh)), []
    for x in inputs:
        h = nonlinearity(W_hh @ h + W_xh @ x)
        outputs.append(W_hy @ h)
    return np.array(outputs)


def test_permutation_with_flips_is_exact(weights, inputs):
    rng = np.random.default_rng(2)
    expected = rollout(weights, inputs)
    for _ in range(5):
        changed = permute_and_flip(*weights, *random_symmetry(SIZE, rng))
        assert not np.allclose(changed[1], weights[1])
        # Rounding only, which the near-chaotic recurrence amplifies a little.
        assert np.allclose(rollout(changed, inputs), expected, rtol=0, atol=1e-12)


def test_rotation_is_exact_for_the_linear_network_only(weights, inputs):
    changed = rotate(*weights, random_rotation(SIZE, np.random.default_rng(3)))
    linear = rollout(weights, inputs, nonlinearity=lambda h: h)
    difference = rollout(changed, inputs, nonlinearity=lambda h: h) - linear
    assert np.abs(difference).max() < 1e-11 * np.abs(linear).max()
    assert np.abs(rollout(changed, inputs) - rollout(weights, inputs)).max() > 0.1


def test_both_leave_the_orthogonal_invariants_alone(weights):
    rng = np.random.default_rng(4)
    form = ordered_real_schur(weights[1])
    masses = ablations(weights[1], form, 0.9)[1]
    for changed in (
        rotate(*weights, random_rotation(SIZE, rng)),
        permute_and_flip(*weights, *random_symmetry(SIZE, rng)),
    ):
        again = ordered_real_schur(changed[1])
        assert np.array_equal(again.sizes, form.sizes)
        assert np.allclose(again.moduli, form.moduli, rtol=1e-10)
        assert coupling_mass(again) == pytest.approx(coupling_mass(form), rel=1e-10)
        assert henrici_departure(again) == pytest.approx(henrici_departure(form), rel=1e-10)
        assert np.allclose(ablations(changed[1], again, 0.9)[1], masses, rtol=1e-8)


def test_ablated_networks_have_the_symmetry_too(weights, inputs):
    """Ablating commutes with the symmetry: moduli are distinct, so nothing is left to choose."""
    W_xh, W_hh, W_hy = weights
    permutation, signs = random_symmetry(SIZE, np.random.default_rng(5))
    changed = permute_and_flip(*weights, permutation, signs)
    ablated = ablations(W_hh, ordered_real_schur(W_hh), 0.9)[0]
    changed_ablated = ablations(changed[1], ordered_real_schur(changed[1]), 0.9)[0]
    for matrix, again in zip(ablated, changed_ablated, strict=True):
        expected = rollout((W_xh, matrix, W_hy), inputs)
        assert np.allclose(rollout((changed[0], again, changed[2]), inputs), expected, atol=1e-7)


def test_permutation_as_a_matrix(weights):
    permutation, signs = random_symmetry(SIZE, np.random.default_rng(6))
    matrix = np.zeros((SIZE, SIZE))
    matrix[np.arange(SIZE), permutation] = signs
    expected = rotate(*weights, matrix)
    actual = permute_and_flip(*weights, permutation, signs)
    assert all(np.array_equal(a, b) for a, b in zip(actual, expected, strict=True))


def test_permutation_and_back(weights):
    weights = tuple(weight.astype(np.float32) for weight in weights)
    permutation, signs = random_symmetry(SIZE, np.random.default_rng(7))
    inverse = np.argsort(permutation)
    back = permute_and_flip(
        *permute_and_flip(*weights, permutation, signs), inverse, signs[inverse]
    )
    for weight, again in zip(weights, back, strict=True):
        assert again.dtype == np.float32
        assert np.array_equal(again, weight)


def test_random_elements():
    rng = np.random.default_rng(8)
    permutation, signs = random_symmetry(500, rng)
    assert np.array_equal(np.sort(permutation), np.arange(500))
    assert set(signs) == {-1, 1}
    assert abs(signs.sum()) < 120
    rotation = random_rotation(30, rng)
    assert np.allclose(rotation @ rotation.T, np.eye(30), atol=1e-13)
    assert not np.array_equal(rotation, random_rotation(30, rng))
    again = random_rotation(30, np.random.default_rng(9))
    assert np.array_equal(again, random_rotation(30, np.random.default_rng(9)))
    # Haar measure on O(3): the first entry is uniform on [-1, 1].
    rngs = [np.random.default_rng(seed) for seed in range(4)]
    for one, seed in zip(random_rotations(7, rngs), range(4), strict=True):
        expected = scipy.stats.ortho_group.rvs(7, random_state=np.random.default_rng(seed))
        np.testing.assert_allclose(one, expected, atol=1e-14)
    entries = [random_rotation(3, rng)[0, 0] for _ in range(300)]
    assert scipy.stats.kstest(entries, "uniform", args=(-1, 2)).pvalue > 1e-4


def test_invalid_changes(weights):
    units, ones = np.arange(SIZE), np.ones(SIZE)
    for permutation in (np.zeros(SIZE, dtype=int), units + 1, units[:-1]):
        with pytest.raises(ValueError, match="permutation"):
            permute_and_flip(*weights, permutation, ones)
    for signs in (2 * ones, 0 * ones, ones[:-1], np.nan * ones):
        with pytest.raises(ValueError, match="signs"):
            permute_and_flip(*weights, units, signs)
    for scale in (2, 1e200, np.nan, np.inf):
        with pytest.raises(ValueError, match="orthogonal"):
            rotate(*weights, np.full((SIZE, SIZE), scale))
    with pytest.raises(ValueError, match="rotation has shape"):
        rotate(*weights, np.eye(SIZE + 1))


@pytest.mark.parametrize("index", range(3))
def test_weights_that_do_not_fit_together(weights, index):
    """A row too many would be dropped without a word."""
    name, axis = (("W_xh", 0), ("W_hh", 0), ("W_hy", 1))[index]
    longer = list(weights)
    longer[index] = np.concatenate([weights[index], weights[index]], axis)
    units, ones = np.arange(SIZE), np.ones(SIZE)
    for change in (
        lambda: permute_and_flip(*longer, units, ones),
        lambda: rotate(*longer, np.eye(SIZE)),
    ):
        with pytest.raises(ValueError, match=f"^{name} has shape .*; allowed: "):
            change()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.float16, np.float32, np.float64])
def test_flips_of_any_dtype(dtype):
    """-1 is no unsigned number and no boolean, and -(-128) is no int8."""
    low = -128 if dtype is np.int8 else 1
    weights = [np.array(w).astype(dtype) for w in ([[1], [0]], [[low, 1], [0, 1]], [[1, 1]])]
    changed = permute_and_flip(*weights, [1, 0], [1, -1])
    expected = [[[0], [-1]], [[1, 0], [-1, low]], [[1, -1]]]
    for weight, value in zip(changed, expected, strict=True):
        single = dtype in (np.float16, np.float32)
        assert weight.dtype == (np.float32 if single else np.float64)
        assert np.array_equal(weight, value)


def test_booleans_permute_and_do_not_select():
    weights = np.array([[1.0], [2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]])
    changed = permute_and_flip(*weights, [True, False], [True, True])
    expected = permute_and_flip(*weights, [1, 0], [1, 1])
    assert all(np.array_equal(a, b) for a, b in zip(changed, expected, strict=True))
    assert changed[0].tolist() == [[2], [1]]


def test_network_of_one_unit():
    weights = np.array([[2.0, 3.0]]), np.array([[0.5]]), np.array([[4.0]])
    changed = permute_and_flip(*weights, [0], [-1])
    assert [w.tolist() for w in changed] == [[[-2, -3]], [[0.5]], [[-4]]]
    rng = np.random.default_rng(0)
    assert {float(random_rotation(1, rng)[0, 0]) for _ in range(30)} == {-1, 1}
