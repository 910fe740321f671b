"""Changes of coordinates of a recurrent network, as controls of the ablations.

For ``h_t = tanh(W_hh h_{t-1} + W_xh x_t)``, ``y_t = W_hy h_t`` a permutation of the units with
flips of sign is an exact symmetry, since tanh acts on each unit alone and is odd.  A general
rotation is not one, although it leaves every orthogonal invariant of ``W_hh`` as it was: moduli,
the size of the sectors, the norm of ``T_{C->R}``, the departure from normality.
"""

from __future__ import annotations

import numpy as np
import scipy.stats

Weights = tuple[np.ndarray, np.ndarray, np.ndarray]


def permute_and_flip(W_xh, W_hh, W_hy, permutation, signs) -> Weights:
    r"""Network with units permuted and flipped, :math:`h'_i = s_i h_{\pi(i)}`.

    With :math:`O_{ij} = s_i \delta_{\pi(i) j}` the weights become :math:`O W_{xh}`,
    :math:`O W_{hh} O^\top` and :math:`W_{hy} O^\top`; the outputs stay the same to rounding.

    Parameters
    ----------
    W_xh : array_like, shape (N, n_in)
    W_hh : array_like, shape (N, N)
    W_hy : array_like, shape (n_out, N)
    permutation : array_like of int, shape (N,)
        Unit :math:`\pi(i)` of the old network that becomes unit i.
    signs : array_like, shape (N,)
        :math:`s_i`, each -1 or +1.

    Returns
    -------
    tuple of ndarray
        W_xh, W_hh, W_hy in their own dtypes; the entries are moved and negated without rounding.

    Raises
    ------
    ValueError
        If `permutation` is not a permutation of the N units.
    ValueError
        If `signs` is not N signs.

    References
    ----------
    Paper (arXiv 2606.18457), exact weight-space symmetries.

    Examples
    --------
    >>> permute_and_flip([[1.0], [2.0]], [[0.0, 3.0], [0.0, 0.0]], [[5.0, 7.0]], [1, 0], [1, -1])[0]
    array([[ 2.],
           [-1.]])
    """
    W_xh, W_hh, W_hy = np.asarray(W_xh), np.asarray(W_hh), np.asarray(W_hy)
    permutation, signs = np.asarray(permutation), np.asarray(signs)
    units = np.arange(len(W_hh))
    if permutation.shape != units.shape or np.any(np.sort(permutation) != units):
        raise ValueError(f"not a permutation of {len(units)} units")
    if signs.shape != units.shape or np.any(np.abs(signs) != 1):
        raise ValueError(f"not {len(units)} signs")
    return (
        _flip(W_xh[permutation], signs[:, None]),
        _flip(W_hh[np.ix_(permutation, permutation)], np.outer(signs, signs)),
        _flip(W_hy[:, permutation], signs),
    )


def rotate(W_xh, W_hh, W_hy, rotation) -> Weights:
    r"""Network in another orthonormal basis, :math:`h' = O h`.

    The weights become :math:`O W_{xh}`, :math:`O W_{hh} O^\top` and :math:`W_{hy} O^\top`.  The
    outputs of the linear network are the same, those of the tanh network are not.

    Parameters
    ----------
    W_xh : array_like, shape (N, n_in)
    W_hh : array_like, shape (N, N)
    W_hy : array_like, shape (n_out, N)
    rotation : array_like, shape (N, N)
        Orthogonal matrix :math:`O`.

    Returns
    -------
    tuple of ndarray, float64
        W_xh, W_hh, W_hy.

    Raises
    ------
    ValueError
        If `rotation` is not orthogonal to within 1e-10.

    References
    ----------
    Paper (arXiv 2606.18457), exact weight-space symmetries.

    Examples
    --------
    >>> rotate([[1.0], [2.0]], [[0.0, 3.0], [0.0, 0.0]], [[5.0, 7.0]], [[0.0, 1.0], [-1.0, 0.0]])[0]
    array([[ 2.],
           [-1.]])
    """
    W_xh, W_hh, W_hy = (np.asarray(weight, dtype=np.float64) for weight in (W_xh, W_hh, W_hy))
    rotation = np.asarray(rotation, dtype=np.float64)
    if not np.allclose(rotation @ rotation.T, np.eye(len(W_hh)), rtol=0, atol=1e-10):
        raise ValueError("rotation is not orthogonal")
    return rotation @ W_xh, rotation @ W_hh @ rotation.T, W_hy @ rotation.T


def random_symmetry(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Permutation and signs, uniform over the symmetry group of a tanh network.

    Parameters
    ----------
    size : int
        Number of units N.
    rng : numpy.random.Generator

    Returns
    -------
    permutation : ndarray, shape (N,), int64
    signs : ndarray, shape (N,), int64
    """
    return rng.permutation(size), rng.choice([-1, 1], size)


def random_rotation(size: int, rng: np.random.Generator) -> np.ndarray:
    """Orthogonal matrix, uniform (Haar) over O(N).

    Parameters
    ----------
    size : int
        Number of units N.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (N, N), float64
    """
    return scipy.stats.ortho_group.rvs(size, random_state=rng)


def _flip(weight, signs) -> np.ndarray:
    """`weight` with its entries negated where the sign is negative, in its own dtype."""
    return np.where(signs < 0, -weight, weight)
