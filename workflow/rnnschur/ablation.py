"""Ablation of Schur couplings: set them to zero and return to the coordinates of the network."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from rnnschur.schur import ERROR_FACTOR, OrderedSchur, backward_error
from rnnschur.sectors import COUPLINGS, coupling_masks, masked, removed_mass

_REMOVED = ((), ("RR",), ("CR",), ("CC",), ("RR", "CR"), ("RR", "CC"), ("CR", "CC"), COUPLINGS)

#: The couplings that each ablation removes, in the order of ``SUBSETS``.
SUBSET_COUPLINGS = MappingProxyType({"+".join(names) or "none": names for names in _REMOVED})

#: Names of the eight ablations.
SUBSETS = tuple(SUBSET_COUPLINGS)


def subset_mask(schur: OrderedSchur, alpha: float, subset: str) -> np.ndarray:
    """Entries of `T` that an ablation removes: the union of its couplings' masks.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form.
    alpha : float
        Sector threshold, see :func:`rnnschur.sectors.leading_rows`.
    subset : str
        One of ``SUBSETS``.

    Returns
    -------
    ndarray, shape (N, N), bool

    Raises
    ------
    KeyError
        If `subset` is not one of ``SUBSETS``.
    ValueError
        As :func:`rnnschur.sectors.leading_rows`.
    """
    masks = coupling_masks(schur, alpha)
    removed = [masks[name] for name in SUBSET_COUPLINGS[subset]]
    return np.any(removed, axis=0) if removed else np.zeros(schur.T.shape, dtype=bool)


def ablate(matrix, schur: OrderedSchur, mask) -> np.ndarray:
    r"""Matrix without the masked Schur entries, :math:`\tilde W = W - Q (T \circ M) Q^\top`.

    Equal to :math:`Q (T - T \circ M) Q^\top`, and in this form exactly ``W`` when the mask removes
    nothing.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real
        ``W``.
    schur : OrderedSchur
        Ordered real Schur form of `matrix`.
    mask : ndarray, shape (N, N), bool
        Entries of `T` to be set to zero.

    Returns
    -------
    ndarray, shape (N, N), float64

    Raises
    ------
    ValueError
        If `matrix` or `mask` does not have the shape of `T`.
    ValueError
        If `schur` is not a Schur form of `matrix`.

    References
    ----------
    Paper (arXiv 2606.18457), structured ablation.

    Examples
    --------
    >>> from rnnschur.schur import ordered_real_schur
    >>> from rnnschur.sectors import coupling_masks
    >>> W = [[1.0, 3.0], [0.0, 0.5]]
    >>> schur = ordered_real_schur(W)
    >>> ablate(W, schur, coupling_masks(schur, 0.9)["CR"])
    array([[1. , 0. ],
           [0. , 0.5]])
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != schur.T.shape:
        raise ValueError(f"matrix has shape {matrix.shape}, T has shape {schur.T.shape}")
    if backward_error(matrix, schur.Q, schur.T) > ERROR_FACTOR:
        raise ValueError("the factors are not a Schur form of the matrix")
    return matrix - schur.Q @ masked(schur, mask) @ schur.Q.T


def ablations(matrix, schur: OrderedSchur, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """All eight ablations of a matrix.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real
        ``W``.
    schur : OrderedSchur
        Ordered real Schur form of `matrix`.
    alpha : float
        Sector threshold, see :func:`rnnschur.sectors.leading_rows`.

    Returns
    -------
    matrices : ndarray, shape (8, N, N), float64
        One ablated matrix for each of ``SUBSETS``, the first equal to `matrix`.
    masses : ndarray, shape (8,), float64
        Removed Schur mass of each, see :func:`rnnschur.sectors.removed_mass`.

    Raises
    ------
    ValueError
        As :func:`ablate` and :func:`rnnschur.sectors.leading_rows`.

    Examples
    --------
    >>> from rnnschur.schur import ordered_real_schur
    >>> W = [[1.0, 3.0], [0.0, 0.5]]
    >>> matrices, masses = ablations(W, ordered_real_schur(W), 0.9)
    >>> matrices.shape, masses[SUBSETS.index("RR")]
    ((8, 2, 2), np.float64(0.0))
    """
    masks = [subset_mask(schur, alpha, subset) for subset in SUBSETS]
    matrices = np.stack([ablate(matrix, schur, mask) for mask in masks])
    return matrices, np.array([removed_mass(schur, mask) for mask in masks])
