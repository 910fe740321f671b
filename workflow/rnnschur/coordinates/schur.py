"""Ordered real Schur form of a square matrix.

``W = Q T Q^T`` with ``Q`` orthogonal and ``T`` quasi upper triangular, the diagonal blocks in
non-increasing order of eigenvalue modulus.  ``T = B + N``: ``B`` holds the 1x1 blocks (real
eigenvalues) and 2x2 blocks (conjugate pairs), ``N`` the strictly block-upper couplings.

What is unique
--------------
Where neighbouring moduli differ, the leading Schur vectors up to that place span one invariant
subspace, so the form is unique up to signs and to the basis inside each 2x2 block, which no
ablation of couplings can tell.  Blocks of equal modulus have no order of their own: here they stay
as LAPACK's QR algorithm left them, by convention.  :func:`reorder_ties` draws another order.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.linalg.lapack import dtrexc

from rnnschur.arrays import finite_square, in_range, real_array, real_square, restored

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)  # below it, rounding errors shrink no further
TIE_FACTOR = 4.0  # moduli tie within TIE_FACTOR N eps ||W||_F
ERROR_FACTOR = 30.0  # accepted error of the factors, in units of N eps
ATTEMPTS = 20  # bases tried when the order does not settle
WINDOW = 192  # rows sorted on their own in forms of more than two windows; 96 to 256 are as quick


@dataclass(frozen=True, eq=False)
class OrderedSchur:
    r"""Factors of an ordered real Schur form, :math:`W = Q T Q^\top`.

    Attributes
    ----------
    Q : ndarray, shape (N, N), float64
        Orthogonal; its columns are the Schur vectors.
    T : ndarray, shape (N, N), float64
        Quasi upper triangular, 2x2 blocks in LAPACK's standard form ``[[a, b], [c, a]]``,
        ``b c < 0``.
    starts, sizes : ndarray, shape (n_blocks,), intp
        First row and size (1 or 2) of each diagonal block.
    moduli : ndarray, shape (n_blocks,), float64
        Eigenvalue modulus of each block, non-increasing.  Moduli that rise by no more than
        `tolerance` are levelled to the largest that follows.

    Examples
    --------
    >>> form = ordered_real_schur([[0.2, 0.0], [1.0, 0.9]])
    >>> form.moduli, (form.Q @ form.T @ form.Q.T).round(9)
    (array([0.9, 0.2]), array([[0.2, 0. ],
           [1. , 0.9]]))
    """

    Q: np.ndarray
    T: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    moduli: np.ndarray

    @classmethod
    def from_factors(cls, Q, T) -> OrderedSchur:
        """Rebuild the object from stored factors; the blocks are read off the subdiagonal of `T`.

        The order of the blocks is taken as it comes.

        Parameters
        ----------
        Q, T : array_like, shape (N, N), float64
            Factors as :func:`ordered_real_schur` gave them.

        Returns
        -------
        OrderedSchur

        Raises
        ------
        ValueError
            If `Q` or `T` is not a finite, real, square matrix.
        ValueError
            If the shapes differ.
        ValueError
            If `T` is not quasi upper triangular with standard 2x2 blocks.
        ValueError
            If `Q` is not orthogonal.
        ValueError
            If the modulus of an eigenvalue leaves the range of float64.
        """
        Q, T = _validated(Q, "Q"), _validated(T, "T")
        if Q.shape != T.shape:
            raise ValueError(f"Q has shape {Q.shape}, T has shape {T.shape}")
        starts, sizes = _blocks(T)
        pairs = starts[sizes == 2]
        a, b, c, d = (
            T[pairs, pairs],
            T[pairs, pairs + 1],
            T[pairs + 1, pairs],
            T[pairs + 1, pairs + 1],
        )
        standard = np.all(a == d) and np.all(np.sign(b) * np.sign(c) < 0)
        if np.any(np.tril(T, -2)) or np.any(sizes > 2) or not standard:
            raise ValueError("T is not quasi upper triangular with 2x2 blocks in standard form")
        if not _accurate(orthogonality_error(Q)):
            raise ValueError("Q is not orthogonal")
        moduli = _moduli(T, starts, sizes)
        if not np.all(np.isfinite(moduli)):
            raise ValueError("T has an eigenvalue whose modulus leaves the range of float64")
        following = np.maximum.accumulate(moduli[::-1])[::-1]
        tied = following - moduli <= tie_tolerance(T)
        return cls(Q, T, starts, sizes, np.where(tied, following, moduli))

    @property
    def tolerance(self) -> float:
        """Distance within which two moduli count as tied, see :func:`tie_tolerance`."""
        return tie_tolerance(self.T)

    @property
    def eigenvalues(self) -> np.ndarray:
        r"""Eigenvalues in the order of `T`, :math:`a \pm i\sqrt{-bc}` for a 2x2 block.

        Returns
        -------
        ndarray, shape (N,), complex128
            The member with positive imaginary part first, as in LAPACK.
        """
        values = np.diagonal(self.T).astype(np.complex128)
        first = self.starts[self.sizes == 2]
        imaginary = _imaginary_part(self.T, first)
        values[first] += 1j * imaginary
        values[first + 1] -= 1j * imaginary
        return values


def ordered_real_schur(matrix) -> OrderedSchur:
    r"""Real Schur form with the blocks in non-increasing order of modulus.

    .. math:: W = Q T Q^\top, \qquad |\lambda_1| \ge |\lambda_2| \ge \dots

    The blocks of LAPACK's form are sorted by moving to the front, again and again, the first
    block whose modulus lies within :func:`tie_tolerance` of the largest that remains: ties keep
    their order, and conjugate pairs are never split.  A pair that becomes two real eigenvalues
    while it is swapped is sorted as two.  In large forms most swaps are made in windows.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real, N >= 1
        Worked on in float64, scaled by a power of two (exactly) to a largest entry near one.

    Returns
    -------
    OrderedSchur
        Both :math:`\|W - Q T Q^\top\|_F / \|W\|_F` and :math:`\|Q^\top Q - I\|_F` are checked to
        be at most ``ERROR_FACTOR * N * eps``, before `T` is rounded where it is subnormal.

    Raises
    ------
    ValueError
        If `matrix` is empty.
    ValueError
        If `matrix` is not square.
    ValueError
        If `matrix` is complex or otherwise refused by :func:`rnnschur.arrays.real_array`.
    ValueError
        If `matrix` has a NaN or an infinite entry.
    scipy.linalg.LinAlgError
        If the QR algorithm does not converge.
    scipy.linalg.LinAlgError
        If the blocks cannot be brought into order.
    scipy.linalg.LinAlgError
        If the factors miss the bounds above.
    scipy.linalg.LinAlgError
        If `T` leaves the range of float64: it overflows, or is too small to keep its order.

    Notes
    -----
    An eigenvalue that is ill-conditioned (a Jordan block of size m moves by
    ``eps ** (1 / m)``) is ordered as computed: the form is exact for a matrix within rounding of
    `matrix`, and ties of the exact eigenvalues need not be ties of that one.

    LAPACK refuses to swap two blocks whose eigenvalues are too close for it, and ill-conditioned
    moduli may move in each swap so that no order settles.  The QR algorithm then starts anew in
    another orthonormal basis, drawn from a fixed seed, where rounding falls differently.

    References
    ----------
    Paper (arXiv 2606.18457), ordered real Schur coordinates.  LAPACK ``dgees``, ``dtrexc``.
    Z. Bai and J. W. Demmel, On swapping diagonal blocks in real Schur form, Linear Algebra Appl.
    186 (1993).

    Examples
    --------
    >>> form = ordered_real_schur([[0.5, 1.0, 0.0], [0.0, 0.0, -2.0], [0.0, 2.0, 0.0]])
    >>> form.moduli, form.sizes
    (array([2. , 0.5]), array([2, 1]))
    """
    matrix = _validated(matrix, "matrix")
    scaled, exponent = _scaled(matrix)
    Q, T = _ordered_factors(scaled)
    if not _accurate(backward_error(scaled, Q, T), orthogonality_error(Q)):
        raise scipy.linalg.LinAlgError("the ordered Schur factors are not accurate to rounding")
    form = _form(Q, T, exponent)
    if not np.all(np.diff(form.moduli) <= 0):
        raise scipy.linalg.LinAlgError("the Schur blocks are too small to keep their order")
    return form


def reorder_ties(schur: OrderedSchur, rng: np.random.Generator, tolerance=None) -> OrderedSchur:
    """Another Schur form of the same matrix, the blocks of tied modulus in random order.

    A group of ties is a run of blocks, each within `tolerance` of the next.  Groups keep their
    places, so every sector whose border lies between groups keeps its invariant subspace, and
    what differs between draws is what the order of ties decides by convention.

    Parameters
    ----------
    schur : OrderedSchur
        Form to start from.
    rng : numpy.random.Generator
        Source of the order.
    tolerance : float, optional
        Relative to the spectral radius; by default the rounding tolerance ``schur.tolerance``.
        A larger one shuffles near ties too (the result is then ordered only to within it), and
        1 shuffles everything.

    Returns
    -------
    OrderedSchur

    Raises
    ------
    ValueError
        If `tolerance` is negative.
    scipy.linalg.LinAlgError
        As :func:`shuffle_blocks`.
    """
    return shuffle_blocks(schur, tie_borders(schur, tolerance), rng)


def tie_borders(schur: OrderedSchur, tolerance=None) -> np.ndarray:
    """Rows at which a group of tied moduli ends and the next begins.

    Parameters
    ----------
    schur : OrderedSchur
    tolerance : float, optional
        As for :func:`reorder_ties`.

    Returns
    -------
    ndarray of int
        Increasing, 0 left out; empty when all moduli tie.

    Raises
    ------
    ValueError
        If `tolerance` is negative.
    """
    if tolerance is not None and not tolerance >= 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    moduli = schur.moduli
    width = schur.tolerance if tolerance is None else tolerance * moduli.max()
    preceding = np.minimum.accumulate(moduli)
    following = np.maximum.accumulate(moduli[::-1])[::-1]
    return schur.starts[1:][preceding[:-1] - following[1:] > width]


def shuffle_blocks(schur: OrderedSchur, borders, rng: np.random.Generator) -> OrderedSchur:
    """Another Schur form of the same matrix, blocks in random order between fixed borders.

    Parameters
    ----------
    schur : OrderedSchur
        Form to start from.
    borders : array_like of int
        Rows at which a group of blocks begins, increasing, 0 left out.  No block crosses one.
    rng : numpy.random.Generator
        Source of the order.

    Returns
    -------
    OrderedSchur
        A swap that LAPACK refuses, because the two blocks are too close, is left undone.

    Raises
    ------
    ValueError
        If a border is not the first row of a block.
    scipy.linalg.LinAlgError
        If the reordered factors are not accurate to rounding, or leave the range of float64.
    """
    borders = real_array(borders, "borders").ravel()
    if not np.all(np.isin(borders, schur.starts)):
        raise ValueError("a border is not the first row of a block")
    scaled, exponent = _scaled(schur.T)
    T, Q = scaled.copy(order="F"), schur.Q.copy(order="F")
    row, size = 0, len(T)
    while row < size:
        end = min(borders[borders > row], default=size)
        starts, _ = _blocks(T)
        group = starts[(starts >= row) & (starts < end)]
        T, Q, _ = _move(T, Q, rng.choice(group), row)
        row += 1 + (row + 1 < size and T[row + 1, row] != 0)
    change = schur.Q.T @ Q
    if not _accurate(backward_error(scaled, change, T), orthogonality_error(Q)):
        raise scipy.linalg.LinAlgError("the reordered Schur factors are not accurate to rounding")
    return _form(Q, T, exponent)


def tie_tolerance(T) -> float:
    r"""Distance within which two moduli count as tied, :math:`4 N \epsilon \|T\|_F`.

    Four times the rounding bound on the eigenvalues of a normal matrix; no less than
    :math:`4 N` times the least number if `T` is not zero.

    Parameters
    ----------
    T : ndarray, shape (N, N), float64

    Returns
    -------
    float
        In the units of `T`.
    """
    T, exponent = in_range(T)
    norm = frobenius(T)
    floor = math.ldexp(TINY, -exponent) if norm else 0.0
    return float(restored(TIE_FACTOR * len(T) * EPS * max(norm, floor), exponent))


def backward_error(matrix, Q, T) -> float:
    r"""Backward error :math:`\|W - Q T Q^\top\|_F` in units of :math:`N \epsilon \|W\|_F`.

    Parameters
    ----------
    matrix, Q, T : array_like, shape (N, N), float64

    Returns
    -------
    float
        Dimensionless; 0 for a zero residual, inf for another one beside a zero `matrix`.  NaN or
        inf if an entry is, so check for ``error <= bound``, which NaN fails.  Below the normal
        numbers the unit is no less than N times the least number.

    Raises
    ------
    ValueError
        If an argument is refused by :func:`rnnschur.arrays.real_square`, or the shapes differ.
    """
    matrix, Q, T = real_square(matrix, "matrix"), real_square(Q, "Q"), real_square(T, "T")
    if not matrix.shape == Q.shape == T.shape:
        raise ValueError(f"matrix, Q and T have shapes {matrix.shape}, {Q.shape} and {T.shape}")
    matrix, T, exponent = in_range(matrix, T)
    with np.errstate(over="ignore", invalid="ignore"):
        residual, norm = frobenius(matrix - Q @ T @ Q.T), frobenius(matrix)
    if residual == 0:
        return 0.0
    return residual / max(norm, math.ldexp(TINY, -exponent)) / (len(Q) * EPS) if norm else np.inf


def orthogonality_error(Q) -> float:
    r"""Loss of orthogonality :math:`\|Q^\top Q - I\|_F` in units of :math:`N \epsilon`.

    Parameters
    ----------
    Q : array_like, shape (N, N), float64

    Returns
    -------
    float
        Dimensionless; NaN or inf if an entry is, so check for ``error <= bound``, which NaN fails.

    Raises
    ------
    ValueError
        If `Q` is refused by :func:`rnnschur.arrays.real_square`.
    """
    Q = real_square(Q, "Q")
    with np.errstate(over="ignore", invalid="ignore"):
        return frobenius(Q.T @ Q - np.eye(len(Q))) / (len(Q) * EPS)


def frobenius(matrix) -> float:
    r"""Frobenius norm :math:`(\sum_{ij} W_{ij}^2)^{1/2}`, free of overflow and underflow.

    Parameters
    ----------
    matrix : array_like, float64

    Returns
    -------
    float
        In the units of `matrix`; inf only where the norm itself leaves the range of float64.

    Raises
    ------
    ValueError
        If `matrix` is refused by :func:`rnnschur.arrays.real_array`.
    """
    scaled, exponent = _scaled(real_array(matrix, "matrix"))
    return float(restored(np.float64(np.linalg.norm(scaled)), exponent))


def _validated(matrix, name) -> np.ndarray:
    """`matrix` as a float64 array of its own in C order, or ValueError with the cause."""
    return np.array(finite_square(matrix, name), order="C")


def _accurate(*errors) -> bool:
    """Whether errors in units of rounding are accepted; NaN is not, in any place."""
    return all(error <= ERROR_FACTOR for error in errors)


def _form(Q, T, exponent) -> OrderedSchur:
    """Form with accurate factors `Q` and `T` times a power of two, or LinAlgError out of range."""
    try:
        return OrderedSchur.from_factors(Q, restored(T, exponent))
    except ValueError as error:
        raise scipy.linalg.LinAlgError(f"out of the range of float64: {error}") from None


def _scaled(matrix) -> tuple[np.ndarray, int]:
    """`matrix` times a power of two, its largest entry in [1/2, 1), and the exponent taken out."""
    exponent = int(np.frexp(np.max(np.abs(matrix), initial=0.0))[1])
    return np.ldexp(matrix, -exponent), exponent


def _blocks(T) -> tuple[np.ndarray, np.ndarray]:
    """First row and size of each diagonal block."""
    starts = np.flatnonzero(np.append(True, np.diagonal(T, -1) == 0))
    return starts, np.diff(starts, append=len(T))


def _imaginary_part(T, first) -> np.ndarray:
    """Imaginary part sqrt(-bc) of the pairs whose first rows are given."""
    return np.sqrt(np.abs(T[first, first + 1])) * np.sqrt(np.abs(T[first + 1, first]))


def _moduli(T, starts, sizes) -> np.ndarray:
    """Eigenvalue modulus of each block."""
    moduli = np.abs(T[starts, starts])
    pair = sizes == 2
    with np.errstate(over="ignore"):
        moduli[pair] = np.hypot(moduli[pair], _imaginary_part(T, starts[pair]))
    return moduli


def _ordered_factors(matrix):
    """Factors Q, T of `matrix` with the blocks in order."""
    rng = np.random.default_rng(0)
    basis, turned = None, matrix + 0.0  # no negative zero, as after the products below
    for _ in range(ATTEMPTS):
        T, Q = scipy.linalg.schur(turned, output="real")
        T, Q, ordered = _sort(np.asfortranarray(T), np.asfortranarray(Q))
        if ordered:
            return Q + 0.0 if basis is None else basis @ Q, T
        # Rounding decides such an order; in another basis it falls another way.
        basis = scipy.linalg.qr(rng.standard_normal(matrix.shape))[0]
        turned = basis.T @ matrix @ basis
    raise scipy.linalg.LinAlgError("the Schur blocks cannot be sorted by modulus")


def _sort(T, Q):
    """Blocks of `T` by non-increasing modulus, ties in their first order, or False at the end.

    It fails when LAPACK refuses to swap two blocks, or when ill-conditioned moduli move so much
    in each swap that the order never settles.  `T` and `Q`, in Fortran order, are overwritten.
    """
    tolerance = tie_tolerance(T)
    if len(T) > 2 * WINDOW:
        _sort_windows(T, Q, tolerance)
    return _sort_by_moves(T, Q, tolerance)


def _sort_by_moves(T, Q, tolerance):
    """Blocks in order, as `_sort`, by one move after the other."""
    for _ in range(2 * len(T)):  # twice the moves needed when no pair splits and no modulus drifts
        starts, misplaced, moduli, bounds = _misplaced(T, tolerance)
        if not misplaced.any():
            return T, Q, True
        target = int(np.argmax(misplaced))
        source = target + int(np.argmax(moduli[target:] >= bounds[target]))
        T, Q, moved = _move(T, Q, starts[source], starts[target])
        if not moved:
            break
    return T, Q, False


def _sort_windows(T, Q, tolerance):
    """Blocks in order but for what rounding does to moduli, in place; ties in their first order.

    A move turns rows and columns of full length, a swap at a time.  In a window on the diagonal
    it turns short ones, and what is above and beside the window follows in three products.
    Windows that overlap by half, in turns, merge the halves of the diagonal as an odd-even
    transposition sort merges numbers.

    References
    ----------
    D. Kressner, Block algorithms for reordering standard and generalized Schur forms, ACM Trans.
    Math. Softw. 32 (2006), for moves in windows.
    """
    quiet, half = 0, WINDOW // 2
    for turn in range(2 * (len(T) // half + 1)):  # twice the turns needed when no modulus drifts
        starts = _blocks(T)[0]
        wanted = np.arange((half, WINDOW)[turn % 2], starts[-1], WINDOW)
        borders = [0, *starts[np.searchsorted(starts, wanted)], len(T)]
        quiet += 1
        for first, end in itertools.pairwise(borders):
            rows = slice(first, end)
            if not _misplaced(T[rows, rows], tolerance)[1].any():
                continue
            window, turned = T[rows, rows].copy(order="F"), np.eye(end - first, order="F")
            window, turned, _ = _sort_by_moves(window, turned, tolerance)
            T[rows, rows] = window
            T[:first, rows] = T[:first, rows] @ turned
            T[rows, end:] = turned.T @ T[rows, end:]
            Q[:, rows] = Q[:, rows] @ turned
            quiet = 0
        if quiet == 2:
            break


def _misplaced(T, tolerance):
    """First rows of the blocks, which of them a larger one follows, moduli, and least allowed."""
    starts, sizes = _blocks(T)
    moduli = _moduli(T, starts, sizes)
    bounds = np.maximum.accumulate(moduli[::-1])[::-1] - tolerance
    return starts, moduli < bounds, moduli, bounds


def _move(T, Q, source, target):
    """Block at row `source` up to row `target`, or False at the end if LAPACK stopped on the way.

    `T` and `Q`, in Fortran order, are overwritten.
    """
    T, Q, info = dtrexc(T, Q, source + 1, target + 1, overwrite_a=1, overwrite_q=1)
    return T, Q, info == 0
