r"""Where activity is: its energy in the sectors, its principal axes, and what of a change meets it.

Energy is the mean square about 0, not about the mean, since a matrix acts on states and not on
their deviations. A change dW of a matrix that acts on states h does something only through
:math:`dW\, h`, and later outputs see that, to first order, only through
:math:`\lambda^\top dW\, h` (`rnnschur.response`). Projectors on the principal axes of h and of
:math:`\lambda` divide a change into what acts on activity and what does not, and into what is seen
and what is not.
"""

from __future__ import annotations

import numpy as np

#: Parts of a change, see `parts`.
PARTS = ("whole", "active", "inactive", "visible", "invisible", "active and visible", "rest")


def principal_axes(vectors, energy: float) -> np.ndarray:
    r"""Least number of orthonormal axes that hold a share of the energy of vectors.

    The leading eigenvectors of the second moment :math:`\mathrm{E}[h h^\top]`, as many as hold at
    least `energy` of its trace :math:`\mathrm{E}\|h\|^2`; no other axes hold as much with fewer.

    Parameters
    ----------
    vectors : array_like, shape (..., N)
    energy : float
        Share, in (0, 1].

    Returns
    -------
    numpy.ndarray, shape (N, K), float64
        No axis where all vectors are 0.

    Examples
    --------
    >>> abs(principal_axes([[3.0, 0.0], [0.0, 1.0]], 0.9))
    array([[1.],
           [0.]])
    """
    vectors = np.asarray(vectors, np.float64)
    vectors = vectors.reshape(-1, vectors.shape[-1])
    values, axes = np.linalg.eigh(vectors.T @ vectors)
    held = np.cumsum(values[::-1].clip(0))
    count = np.searchsorted(held, energy * held[-1]) + 1 if held[-1] > 0 else 0
    return axes[:, ::-1][:, :count]


def parts(change: np.ndarray, acting: np.ndarray, seen: np.ndarray) -> dict[str, np.ndarray]:
    r"""Parts of a change by what they act on and whether later outputs see it.

    With the projectors :math:`P_h` and :math:`P_\lambda`,

    ====================== ====================================================
    ``whole``              :math:`dW`
    ``active``             :math:`dW P_h`
    ``inactive``           :math:`dW (I - P_h)`
    ``visible``            :math:`P_\lambda dW`
    ``invisible``          :math:`(I - P_\lambda) dW`
    ``active and visible`` :math:`P_\lambda dW P_h`
    ``rest``               :math:`dW - P_\lambda dW P_h`
    ====================== ====================================================

    Parameters
    ----------
    change : numpy.ndarray, shape (N, N)
        dW.
    acting, seen : numpy.ndarray, shape (N, K) and (N, L)
        Orthonormal axes that :math:`P_h` and :math:`P_\lambda` project on, as `principal_axes`
        returns them.

    Returns
    -------
    dict of str to numpy.ndarray, shape (N, N)
        In the order of `PARTS`. Each of the three pairs adds up to the whole, and its parts are
        orthogonal: squared norms add up as well.
    """
    active, visible = change @ acting @ acting.T, seen @ (seen.T @ change)
    both = seen @ (seen.T @ active)
    found = (change, active, change - active, visible, change - visible, both, change - both)
    return dict(zip(PARTS, found, strict=True))


def sector_energy(states, Q: np.ndarray, size: int) -> np.ndarray:
    r"""Energy that states have in the sectors R and C at every step.

    .. math:: E_S(t) = \mathrm{E}_b \|Q_S^\top h_{tb}\|^2

    with :math:`Q_S` the Schur vectors of sector S. The sum over both is
    :math:`\mathrm{E}\|h_t\|^2`; that of R does not depend on the order of blocks inside a sector.

    Parameters
    ----------
    states : array_like, shape (T, B, N)
    Q : numpy.ndarray, shape (N, N)
        Orthogonal; its first columns span R.
    size : int
        Columns of R.

    Returns
    -------
    numpy.ndarray, shape (T, 2), float64
        R, then C.
    """
    energy = np.mean((np.asarray(states, np.float64) @ Q) ** 2, axis=1)
    return np.stack([energy[:, :size].sum(1), energy[:, size:].sum(1)], axis=1)
