"""Spectral sectors of an ordered Schur form and the couplings within and between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from rnnschur.arrays import in_range, real_array, real_square
from rnnschur.coordinates.schur import (
    ERROR_FACTOR,
    OrderedSchur,
    backward_error,
    frobenius,
    ordered_real_schur,
)

COUPLINGS = ("RR", "CR", "CC")

_REMOVED = ((), ("RR",), ("CR",), ("CC",), ("RR", "CR"), ("RR", "CC"), ("CR", "CC"), COUPLINGS)

#: The couplings that each ablation removes, in the order of `SUBSETS`.
SUBSET_COUPLINGS = MappingProxyType({"+".join(names) or "none": names for names in _REMOVED})

#: Names of the eight ablations.
SUBSETS = tuple(SUBSET_COUPLINGS)

#: Units from which a change of the matrix leaves out the rows and columns of `T` that it does not
#: touch. In smaller ones that gains nothing, and would change last bits of what is published.
WIDE = 128


def leading_rows(schur: OrderedSchur, alpha: float) -> np.ndarray:
    r"""Rows of the leading sector :math:`R = \{i : |\lambda_i| \ge \alpha\,\rho(W)\}`.

    The complementary sector ``C`` is the rest.  The comparison allows for rounding,
    ``schur.tolerance``, and a border never falls between two blocks that tie within it: the tied
    blocks all join ``R``.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form of ``W``.
    alpha : float
        Threshold relative to the spectral radius :math:`\rho(W)`, in (0, 1].

    Returns
    -------
    ndarray, shape (N,), bool
        True on the rows (and columns) of `T` that belong to ``R``.  When :math:`\rho(W) = 0` every
        block meets the threshold and ``C`` is empty.

    Raises
    ------
    ValueError
        If `alpha` is outside (0, 1].
    ValueError
        If a block of ``R`` follows a block of ``C``, so that the form is not ordered.

    References
    ----------
    Paper (arXiv 2606.18457), ordered real Schur coordinates, alpha = 0.9.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> leading_rows(ordered_real_schur([[1.0, 3.0], [0.0, 0.5]]), 0.9)
    array([ True, False])
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha}")
    moduli = np.sort(schur.moduli)[::-1]
    above = moduli >= alpha * moduli[0] - schur.tolerance
    gaps = moduli[:-1] - moduli[1:] > schur.tolerance
    # The border is the first gap at or after the last block above the threshold.
    last = np.count_nonzero(above) - 1
    border = last + np.argmax(np.append(gaps, True)[last:])
    leading = schur.moduli >= moduli[border]
    if np.any(leading[1:] & ~leading[:-1]):
        raise ValueError("the Schur form is not ordered: a leading block follows another one")
    return np.repeat(leading, schur.sizes)


def coupling_masks(schur: OrderedSchur, alpha: float) -> dict[str, np.ndarray]:
    r"""Entries of `T` that make up each coupling.

    With ``N`` the strictly block-upper part of `T` and :math:`h' = T h`, a row is a target and a
    column a source:

    .. math:: T_{RR} = N_{R \times R}, \quad T_{C \to R} = N_{R \times C}, \quad
              T_{CC} = N_{C \times C}.

    There is no coupling from ``R`` to ``C``.  The inside of a 2x2 block belongs to ``B``, not to
    ``N``.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form of ``W``.
    alpha : float
        Sector threshold, see :func:`leading_rows`.

    Returns
    -------
    dict of str to ndarray, shape (N, N), bool
        Keys in the order of ``COUPLINGS``; the masks are disjoint and together cover ``N``.

    Raises
    ------
    ValueError
        As :func:`leading_rows`.

    Notes
    -----
    Invariant: with :math:`P` the orthogonal projector on the invariant subspace of ``R``,
    :math:`Q T_{C \to R} Q^\top = P W (I - P)`, which does not depend on the order of blocks inside
    a sector.  So ``CR`` and all that follows from it are properties of ``W`` and `alpha`.

    Convention-dependent: ``RR`` and ``CC`` depend on the order inside the sector, which moduli
    fix only where they differ.  The diagonal block :math:`T_R` of `T` on ``R`` is fixed up to an
    orthogonal similarity, so

    .. math:: \|T_{RR}\|_F^2 + \sum_{2 \times 2 \subset R} (b + c)^2
              = \|T_R\|_F^2 - \sum_{i \in R} |\lambda_i|^2

    is invariant; the sum runs over the standard blocks ``[[a, b], [c, a]]`` of ``R``.  Hence
    :math:`\|T_{RR}\|_F` is invariant when ``R`` has real eigenvalues only; with pairs, the order
    trades mass between ``B`` and ``N``.  The same holds for ``CC``.  The matrix that is left after
    ``RR`` or ``CC`` is removed depends on the order in general.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> coupling_masks(ordered_real_schur([[1.0, 3.0], [0.0, 0.5]]), 0.9)["CR"]
    array([[False,  True],
           [False, False]])
    """
    leading = leading_rows(schur, alpha)
    block = np.repeat(np.arange(len(schur.sizes)), schur.sizes)
    upper = block[:, None] < block
    target, source = leading[:, None], leading
    return {
        "RR": upper & target & source,
        "CR": upper & target & ~source,
        "CC": upper & ~target & ~source,
    }


@dataclass(frozen=True, eq=False)
class Sectors:
    r"""A recurrent matrix in its coordinates, divided into sectors at a threshold.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (N, N), float64
        :math:`W = Q T Q^\top`.
    schur : OrderedSchur
        Its ordered real Schur form.
    alpha : float
        Threshold relative to the spectral radius, see `leading_rows`.
    masks : mapping of str to numpy.ndarray, shape (N, N), bool
        Entries of `T` that make up each coupling, see `coupling_masks`.
    size : int
        Rows of the leading sector ``R``.

    Examples
    --------
    >>> sectors = Sectors.of([[1.0, 0.5], [0.0, 0.2]], alpha=0.9)
    >>> sectors.size
    1
    >>> matrix, mass = sectors.without(sectors.mask("CR"))
    >>> matrix.round(2).tolist(), round(mass, 2)
    ([[1.0, 0.0], [0.0, 0.2]], 0.44)
    """

    matrix: np.ndarray
    schur: OrderedSchur
    alpha: float
    masks: Mapping[str, np.ndarray]
    size: int

    @classmethod
    def of(cls, matrix, alpha: float, schur: OrderedSchur | None = None) -> Sectors:
        """Divide a matrix into sectors.

        Parameters
        ----------
        matrix : array_like, shape (N, N), real
            ``W``.
        alpha : float
            Threshold, in (0, 1].
        schur : OrderedSchur, optional
            A Schur form of `matrix` that is there already, in any order within the sectors.

        Returns
        -------
        Sectors

        Raises
        ------
        ValueError
            As `ordered_real_schur` and `leading_rows`.
        ValueError
            If `matrix` does not have the shape of `T`.
        ValueError
            If `schur` is not a Schur form of `matrix`.
        """
        matrix = real_square(matrix, "matrix").astype(np.float64)
        if schur is None:
            schur = ordered_real_schur(matrix)
        elif matrix.shape != schur.T.shape:
            raise ValueError(f"matrix has shape {matrix.shape}, T has shape {schur.T.shape}")
        elif not backward_error(matrix, schur.Q, schur.T) <= ERROR_FACTOR:  # so that NaN fails
            raise ValueError("the factors are not a Schur form of the matrix")
        size = int(np.count_nonzero(leading_rows(schur, alpha)))
        return cls(matrix, schur, alpha, coupling_masks(schur, alpha), size)

    def mask(self, *couplings: str) -> np.ndarray:
        """Entries of `T` that make up some couplings together, none for no coupling.

        Raises
        ------
        KeyError
            If one is not of ``COUPLINGS``.
        """
        removed = [self.masks[name] for name in couplings]
        return np.any(removed, axis=0) if removed else np.zeros(self.matrix.shape, dtype=bool)

    def without(self, mask) -> tuple[np.ndarray, float]:
        r"""Matrix without the masked Schur entries, and the Schur mass that went.

        .. math:: \tilde W = W - Q (T \circ M) Q^\top

        Equal to :math:`Q (T - T \circ M) Q^\top`, and in this form exactly ``W`` when the mask
        removes nothing.

        Parameters
        ----------
        mask : array_like, shape (N, N), bool
            Entries of `T` to be set to zero.

        Returns
        -------
        matrix : numpy.ndarray, shape (N, N), float64
        mass : float
            As `removed_mass`.

        Raises
        ------
        ValueError
            If `mask` does not have the shape of `T`.

        References
        ----------
        Paper (arXiv 2606.18457), structured ablation.

        Examples
        --------
        >>> sectors = Sectors.of([[1, 3], [0, 0.5]], 0.9)
        >>> sectors.without(sectors.mask("CR"))[0]
        array([[1. , 0. ],
               [0. , 0.5]])
        """
        Q, part = self.schur.Q, masked(self.schur, mask)
        rows = columns = slice(None)
        if len(Q) >= WIDE:
            rows, columns = (_hull(part.any(axis)) for axis in (1, 0))
        removed = Q[:, rows] @ part[rows, columns] @ Q[:, columns].T
        return self.matrix - removed, removed_mass(self.schur, mask)


def _hull(chosen: np.ndarray) -> slice:
    """Return the shortest slice that holds all that are true."""
    places = np.flatnonzero(chosen)
    return slice(places[0], places[-1] + 1) if len(places) else slice(0)


def removed_mass(schur: OrderedSchur, mask) -> float:
    r"""Schur mass that a mask removes, :math:`\|\Delta T\|_F / \|T\|_F`.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form.
    mask : ndarray, shape (N, N), bool
        Entries of `T` to be set to zero.

    Returns
    -------
    float
        Dimensionless, in [0, 1]; 0 for the zero matrix.

    Raises
    ------
    ValueError
        As :func:`masked`.
    """
    part, whole, _ = in_range(masked(schur, mask), schur.T)
    removed = frobenius(part)
    return removed / frobenius(whole) if removed else 0.0


def masked(schur: OrderedSchur, mask) -> np.ndarray:
    r"""The part of `T` under a mask, :math:`\Delta T = T \circ M`.

    Parameters
    ----------
    schur, mask
        As for :func:`removed_mass`.

    Returns
    -------
    ndarray, shape (N, N), float64

    Raises
    ------
    ValueError
        If `mask` does not have the shape of `T`.
    ValueError
        If an entry of `mask` is neither true (1) nor false (0).
    """
    mask = real_array(mask, "mask")
    if mask.shape != schur.T.shape:
        raise ValueError(f"mask has shape {mask.shape}, T has shape {schur.T.shape}")
    if not np.all((mask == 0) | (mask == 1)):
        raise ValueError("mask has entries that are neither true (1) nor false (0)")
    return np.where(mask == 1, schur.T, 0.0)
