"""Measures of non-normality, ``W W^T != W^T W``, of a real square matrix.

References
----------
P. Henrici, Numer. Math. 4 (1962), departure from normality.  L. N. Trefethen and M. Embree,
Spectra and Pseudospectra, Princeton (2005).  B. K. Murphy and K. D. Miller, Neuron 61 (2009);
G. Hennequin, T. P. Vogels and W. Gerstner, Phys. Rev. E 86 (2012); G. Bondanelli and S. Ostojic,
PLoS Comput. Biol. 16 (2020), on recurrent networks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rnnschur.arrays import finite_square, in_range, restored
from rnnschur.coordinates.schur import OrderedSchur, frobenius


def coupling_mass(schur: OrderedSchur) -> float:
    r"""Frobenius norm :math:`\|N\|_F` of the strictly block-upper part of `T`.

    For matrices with conjugate pairs it depends on the order of the blocks, by convention where
    moduli tie; :func:`henrici_departure` does not.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form of ``W``.

    Returns
    -------
    float
        In the units of ``W``.
    """
    block = np.repeat(np.arange(len(schur.sizes)), schur.sizes)
    return frobenius(np.where(block[:, None] < block, schur.T, 0.0))


def pair_departure(schur: OrderedSchur) -> float:
    r"""Departure from normality inside the 2x2 blocks, :math:`(\sum (b + c)^2)^{1/2}`.

    A standard block :math:`\begin{pmatrix} a & b \\ c & a \end{pmatrix}` with :math:`bc < 0` has
    eigenvalues of squared modulus :math:`a^2 - bc`, so its squared Frobenius norm exceeds their
    sum by :math:`2a^2 + b^2 + c^2 - 2(a^2 - bc) = (b + c)^2`.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form of ``W``.

    Returns
    -------
    float
        In the units of ``W``; 0 when every block is a scaled rotation (``b = -c``).
    """
    first = schur.starts[schur.sizes == 2]
    return frobenius(np.append(schur.T[first, first + 1] + schur.T[first + 1, first], 0.0))


def henrici_departure(schur: OrderedSchur) -> float:
    r"""Henrici's departure from normality.

    .. math:: \Bigl(\|W\|_F^2 - \sum_i |\lambda_i|^2\Bigr)^{1/2}
              = \Bigl(\|N\|_F^2 + \sum_{2 \times 2} (b + c)^2\Bigr)^{1/2}

    The right-hand side is used: it has no cancellation when ``W`` is nearly normal.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form of ``W``.

    Returns
    -------
    float
        In the units of ``W``; 0 for a normal matrix, up to rounding, and the same for every Schur
        form.  Divide by ``frobenius(W)`` for a share in [0, 1].

    References
    ----------
    Henrici (1962); Trefethen and Embree (2005), chapter 48.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> henrici_departure(ordered_real_schur([[1.0, 3.0], [0.0, 0.5]]))
    3.0
    """
    return float(np.hypot(coupling_mass(schur), pair_departure(schur)))


def numerical_abscissa(matrix) -> float:
    r"""Numerical abscissa :math:`\lambda_{\max}\bigl((W + W^\top) / 2\bigr)`.

    The largest initial growth rate of :math:`\|h\|` under :math:`\dot h = W h`.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real

    Returns
    -------
    float
        In the units of `matrix`; at least the largest real part of an eigenvalue.

    Raises
    ------
    ValueError
        If `matrix` is refused by :func:`rnnschur.arrays.finite_square`.

    References
    ----------
    Trefethen and Embree (2005), chapter 17.

    Examples
    --------
    >>> round(numerical_abscissa([[0.0, 2.0], [0.0, 0.0]]), 12)
    1.0
    """
    matrix, exponent = in_range(finite_square(matrix, "matrix"))
    return float(restored(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1], exponent))


class TransientGain(NamedTuple):
    """Largest gains within a horizon and the steps at which they are first reached."""

    gain: float
    step: int
    scaled_gain: float
    scaled_step: int


def transient_gain(matrix, horizon: int = 128) -> TransientGain:
    r"""Largest gain of the linear recurrence :math:`h_{k} = W h_{k-1}` within a horizon.

    .. math:: \max_{0 \le k \le K} \|W^k\|_2 \qquad\text{and}\qquad
              \max_{0 \le k \le K} \|W^k\|_2 / \rho(W)^k

    The first tells how far activity can grow; for a spectral radius above one it grows with the
    horizon.  The second takes that growth out: it is 1 for a normal matrix of any scale, and is
    the one to compare between networks.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real
    horizon : int, default 128
        Last step :math:`K`.

    Returns
    -------
    TransientGain
        `gain` and `scaled_gain`, dimensionless and at least 1 (k = 0), with the first steps
        `step` and `scaled_step` that reach them to within a relative 1e-9.  Infinite where they
        overflow; `scaled_gain` is infinite at step 1 for a non-zero matrix of spectral radius 0.

    Raises
    ------
    ValueError
        If `horizon` is negative.
    ValueError
        If `matrix` is refused by :func:`rnnschur.arrays.finite_square`.

    References
    ----------
    Trefethen and Embree (2005), chapter 14; Murphy and Miller (2009); Bondanelli and
    Ostojic (2020).

    Examples
    --------
    >>> transient_gain([[0.0, 4.0], [0.0, 0.0]])[:2]
    (4.0, 1)
    """
    if horizon < 0:
        raise ValueError(f"horizon must not be negative, got {horizon}")
    matrix, exponent = in_range(finite_square(matrix, "matrix"))
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    # The power is kept at unit norm and its size in a logarithm, out of reach of overflow.
    power, log_norms = np.eye(len(matrix)), np.zeros(1)
    for _ in range(horizon):
        power = matrix @ power
        norm = np.linalg.norm(power, 2)
        if norm == 0:
            break
        power /= norm
        log_norms = np.append(log_norms, log_norms[-1] + np.log(norm))
    steps = np.arange(len(log_norms))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_scaled = np.where(steps > 0, log_norms - steps * np.log(radius), 0.0)
        gains = np.exp(log_norms + steps * (exponent * np.log(2))), np.exp(log_scaled)
    # The first step to come within rounding of the maximum: a normal matrix has its gain at once.
    first, second = ((float(x.max()), int(np.argmax(x >= x.max() * (1 - 1e-9)))) for x in gains)
    return TransientGain(*first, *second)


def commutator_norm(matrix) -> float:
    r"""Norm of the self-commutator, :math:`\|W W^\top - W^\top W\|_F`.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real

    Returns
    -------
    float
        In the squared units of `matrix`; 0 for a normal matrix, up to rounding.  Divide
        by ``frobenius(W) ** 2`` for a dimensionless value, at most :math:`\sqrt 2`;
        :func:`describe` does so for matrices of any scale.  0 or infinite where the square leaves
        the range of float64.

    Raises
    ------
    ValueError
        If `matrix` is refused by :func:`rnnschur.arrays.finite_square`.

    References
    ----------
    Henrici (1962); Trefethen and Embree (2005), chapter 48.

    Examples
    --------
    >>> commutator_norm([[0.0, 3.0], [0.0, 0.0]]) ** 2
    162.0
    """
    matrix, exponent = in_range(finite_square(matrix, "matrix"))
    return float(restored(frobenius(matrix @ matrix.T - matrix.T @ matrix), 2 * exponent))


def eigenvector_condition(matrix) -> float:
    r"""Condition number :math:`\kappa_2(V)` of the eigenvector matrix with unit-norm columns.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real

    Returns
    -------
    float
        At least 1, and 1 for a normal matrix with distinct eigenvalues; of the order of
        :math:`1/\epsilon` or infinite for a defective one.  Within :math:`\sqrt N` of the least
        over all column scalings.  With repeated eigenvalues it depends on the eigenvectors that
        LAPACK happens to return.

    Raises
    ------
    ValueError
        If `matrix` is refused by :func:`rnnschur.arrays.finite_square`.

    References
    ----------
    Trefethen and Embree (2005), chapter 2.  LAPACK ``dgeev``.

    Examples
    --------
    >>> round(eigenvector_condition([[1.0, 0.0], [0.0, 2.0]]), 12)
    1.0
    """
    matrix, _ = in_range(finite_square(matrix, "matrix"))
    return float(np.linalg.cond(np.linalg.eig(matrix)[1]))


def describe(matrix, schur: OrderedSchur) -> dict[str, float]:
    """All measures of one recurrent matrix.

    Parameters
    ----------
    matrix : array_like, shape (N, N), real
    schur : OrderedSchur
        Of `matrix`.

    Returns
    -------
    dict
        ``departure`` and ``coupling_mass`` (relative to ||W||_F), ``commutator`` (relative to
        ||W||_F^2), all three 0 for the zero matrix, ``numerical_abscissa`` beside
        ``spectral_abscissa`` (the largest real part of an eigenvalue), ``transient_gain`` and
        ``transient_step``, ``scaled_gain`` and ``scaled_step`` (see `transient_gain`),
        ``eigenvector_condition`` and ``schur_condition``, the condition number of Q.

    Raises
    ------
    ValueError
        If `matrix` is refused by :func:`rnnschur.arrays.finite_square`.
    """
    matrix = finite_square(matrix, "matrix")
    scaled, T, _ = in_range(matrix, schur.T)
    form = replace(schur, T=T)
    norm = frobenius(scaled) or 1.0  # the zero matrix: 0 of everything
    gain = transient_gain(matrix)
    return {
        "departure": henrici_departure(form) / norm,
        "coupling_mass": coupling_mass(form) / norm,
        "commutator": commutator_norm(scaled) / norm**2,
        "numerical_abscissa": numerical_abscissa(matrix),
        "spectral_abscissa": float(schur.eigenvalues.real.max()),
        "transient_gain": gain.gain,
        "transient_step": gain.step,
        "scaled_gain": gain.scaled_gain,
        "scaled_step": gain.scaled_step,
        "eigenvector_condition": eigenvector_condition(matrix),
        "schur_condition": float(np.linalg.cond(schur.Q)),
    }
