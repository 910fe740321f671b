r"""A Schur form that was planted beside the one that is found.

Of a matrix :math:`P (D + T) P^\top` (`rnnschur.architectures.nnrnn`) a Schur form is known, with
blocks in any order. The one by modulus has the same eigenvalues and another order, and with it
other couplings; what both have in common is here.
"""

import numpy as np
import pandas as pd

from rnnschur.coordinates.nonnormality import coupling_mass, pair_departure
from rnnschur.coordinates.schur import OrderedSchur, frobenius


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
