r"""Phases of eigenvalues beside the roots of unity, which a periodic replay needs.

A network that replays a sequence of L symbols must return after L steps, so that the eigenvalues
that carry it must be L-th roots of unity. Let one have the phase error x, in units of the angle
:math:`2\pi / L` between two roots. A symbol is asked for again 1, ..., R times L steps later, and
what the eigenvalue adds to the output is then turned by :math:`2\pi x` each time. Of what it adds,
the targets of R replays see the mean,

.. math:: \Bigl|\frac{1}{R} \sum_{r=1}^{R} e^{2\pi i r x}\Bigr|
          = \Bigl|\frac{\sin \pi R x}{R \sin \pi x}\Bigr| ,

as a grating of R slits sends light, or with a phase error of :math:`\delta = 2\pi x / L` in radians
a step, :math:`|\sin(R L \delta / 2)| / (R\,|\sin(L \delta / 2)|)`. It is 1 at x = 0 and, for two
replays or more, falls to 0 at x = 1/R. Between there and x = 1/2 are side lobes: whoever starts in
one, a share 1 - 2/R of all phases, would have to pass through a zero on the way to the root. Two
replays have no side lobe.
"""

import numpy as np


def phase_error(eigenvalues, period) -> np.ndarray:
    r"""Distance of the phase from that of the nearest L-th root of unity.

    .. math:: |x - \mathrm{round}(x)|, \qquad x = \frac{L \arg\lambda}{2\pi}

    Parameters
    ----------
    eigenvalues : array_like, complex
    period : array_like of int
        L, in steps; one or as many as eigenvalues.

    Returns
    -------
    ndarray, float64
        In units of the angle between two roots, from 0 to 1/2. The phase of 0 counts as 0.

    Examples
    --------
    >>> phase_error([1j, -2.0, np.exp(2j * np.pi * 0.34375)], 8)
    array([0.  , 0.  , 0.25])
    """
    angles = np.angle(np.asarray(eigenvalues) + 0.0)  # a zero has no sign, which would be a phase
    turns = np.multiply(period, angles) / (2 * np.pi)
    return np.abs(turns - np.round(turns))


def overlap(error, replays: int) -> np.ndarray:
    r"""What the targets of some replays see of an eigenvalue with a phase error.

    .. math:: \Bigl|\frac{\sin \pi R x}{R \sin \pi x}\Bigr|

    Parameters
    ----------
    error : array_like
        x, in units of the angle between two roots, as `phase_error` returns it.
    replays : int
        R, at least 1.

    Returns
    -------
    ndarray, float64
        From 0 to 1.

    Examples
    --------
    >>> overlap([0.0, 0.25, 0.5], 4).round(12) + 0.0
    array([1., 0., 0.])
    """
    # sin(a) / a, with its limit 1 at a = 0.
    error = np.asarray(error, dtype=float)
    return np.abs(np.sinc(replays * error) / np.sinc(error))
