r"""A Schur form that was planted beside the one that is found.

Of a matrix :math:`P (D + T) P^\top` (`rnnschur.architectures.nnrnn`) a Schur form is known, with
blocks in any order. The one by modulus has the same eigenvalues and another order, and with it
other couplings; what both have in common is here.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import linalg

from rnnschur.coordinates.nonnormality import coupling_mass, pair_departure
from rnnschur.coordinates.schur import OrderedSchur, frobenius
from rnnschur.coordinates.sectors import COUPLINGS, Sectors


def moduli(form: OrderedSchur, gamma) -> pd.DataFrame:
    """Return the moduli of all eigenvalues beside the planted ones, both from the largest down.

    Parameters
    ----------
    form : OrderedSchur
        Of the matrix, as it was found.
    gamma : array_like, shape (ceil(N / 2),)
        Planted radii, one a pair; of an odd width the last has one eigenvalue. Negative ones are
        moduli with half a turn.

    Returns
    -------
    pandas.DataFrame
        Columns index, modulus and planted, N rows.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> moduli(ordered_real_schur([[0.0, -2.0], [2.0, 0.0]]), [-2.0])["planted"].tolist()
    [2.0, 2.0]
    """
    found = np.repeat(form.moduli, form.sizes)
    planted = np.repeat(np.abs(np.asarray(gamma, dtype=float)), 2)[: len(found)]
    return pd.DataFrame(
        {"index": np.arange(len(found)), "modulus": found, "planted": np.sort(planted)[::-1]}
    )


def masses(form: OrderedSchur, T) -> dict[str, float]:
    r"""Return how much coupling was planted, and how much of it is found.

    Planted blocks are normal and those of the standard form, :math:`\begin{pmatrix} a & b \\ c & a
    \end{pmatrix}`, need not be, so that some of the planted coupling is found inside of blocks:

    .. math:: \|T\|^2 = \|N\|^2 + \sum_{2 \times 2} (b + c)^2

    Parameters
    ----------
    form : OrderedSchur
        Of the matrix, as it was found; N are its couplings.
    T : array_like, shape (N, N)
        Planted couplings.

    Returns
    -------
    dict
        ``planted_mass``, ``found_mass`` and ``inside_mass``, the three norms of this equation
        relative to that of the matrix.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> T = [[0.0, 4.0], [0.0, 0.0]]
    >>> masses(ordered_real_schur(np.add(3 * np.eye(2), T)), T)["found_mass"] == 4 / 34**0.5
    True
    """
    norm = frobenius(form.T) or 1.0  # the zero matrix: 0 of everything
    return {
        "planted_mass": frobenius(T) / norm,
        "found_mass": coupling_mass(form) / norm,
        "inside_mass": pair_departure(form) / norm,
    }


def couplings(found: Sectors, parts: Mapping[str, np.ndarray]) -> dict[str, float]:
    r"""Return sectors and couplings that were planted beside those that are found.

    Planted blocks stand in any order. LAPACK moves those of R, whose radii are known, to the front,

    .. math:: D + T = Z \begin{pmatrix} S_R & S_{CR} \\ 0 & S_C \end{pmatrix} Z^\top,

    and what does not depend on the order within the sectors is compared (see
    `rnnschur.coordinates.sectors.coupling_masks`): the norm of CR, and of RR and CC with what lies
    inside of blocks, :math:`\|S_R\|^2 - \sum_{i \in R} |\lambda_i|^2` and the same of C.

    Parameters
    ----------
    found : Sectors
        Of the matrix, with the threshold.
    parts : mapping of str to ndarray
        Planted ``gamma``, ``theta`` and ``T`` (see `rnnschur.architectures.nnrnn.Planted`).

    Returns
    -------
    dict
        ``planted_leading`` and ``found_leading``, the sizes of R; ``planted_RR``, ``found_RR`` and
        so on, norms relative to that of the matrix.

    Examples
    --------
    >>> from rnnschur.coordinates.sectors import Sectors
    >>> parts = {"gamma": [0.5, 1.0], "theta": [0.0, 0.0], "T": np.zeros((4, 4))}
    >>> found = couplings(Sectors.of(np.diag([0.5, 0.5, 1, 1]), 0.9), parts)
    >>> found["planted_leading"], found["found_leading"], found["planted_CR"]
    (2, 2, 0.0)
    """
    gamma, theta, T = (np.asarray(parts[name], dtype=float) for name in ("gamma", "theta", "T"))
    size, radii = len(T), np.abs(gamma)
    turns = np.append(theta, [0.0] * (size % 2))  # of an odd width the last block is cut
    blocks = [
        radius * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        for radius, turn in zip(gamma, turns, strict=True)
    ]
    leading = radii >= found.alpha * radii.max()
    # Halfway to the largest radius of C, so that rounding moves no block across the border.
    border = (radii[leading].min() + radii[~leading].max(initial=0.0)) / 2
    S, _, R = linalg.schur(
        linalg.block_diag(*blocks)[:size, :size] + T,
        sort=lambda real, imaginary: np.hypot(real, imaginary) >= border,
    )
    planted = _norms(S, np.sort(np.repeat(radii, 2)[:size])[::-1], R)
    moduli = np.repeat(found.schur.moduli, found.schur.sizes)
    norms = _norms(found.schur.T, moduli, found.size)
    whole = frobenius(found.matrix) or 1.0
    table = {"planted_leading": int(R), "found_leading": found.size}
    for coupling in COUPLINGS:
        table[f"planted_{coupling}"] = planted[coupling] / whole
        table[f"found_{coupling}"] = norms[coupling] / whole
    return table


def _norms(T: np.ndarray, moduli: np.ndarray, R: int) -> dict[str, float]:
    """Return the norms of the couplings of a Schur form whose first R rows are the leading ones."""

    def within(rows):
        return float(np.sqrt(max(frobenius(T[rows, rows]) ** 2 - np.sum(moduli[rows] ** 2), 0.0)))

    first, last = slice(0, R), slice(R, None)
    return {"RR": within(first), "CR": frobenius(T[first, last]), "CC": within(last)}
