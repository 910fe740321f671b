"""Single couplings removed at every border between the sectors: the threshold as a curve.

A threshold alpha is a choice, and what it decides is one number, the size of R. So every size that
some threshold gives is tried, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnschur.coordinates.schur import OrderedSchur
from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.interventions.base import FamilyBase, Intervention, cut
from rnnschur.options import whole


@dataclass(frozen=True)
class Family(FamilyBase):
    """RR, CR and CC removed at every border that no block or tie straddles.

    Parameters
    ----------
    judges : int
        Held-out sequences that judge.
    """

    judges: int = whole(1, default=64)

    def of(self, network, fit=None, stream=None) -> Iterator[Intervention]:
        r"""Yield the ablations at each border, the smallest R first; at the last, C is empty.

        Labels are ``matrix`` of networks with several, leading (:math:`|R|`), alpha_low and
        alpha_high, and gap. With :math:`\mu_k` the modulus of the last block of R relative to
        the spectral radius and :math:`\mu_{k+1}` that of the next, or 0,

        .. math:: \alpha_\mathrm{low} = \mu_{k+1} < \alpha \le \mu_k = \alpha_\mathrm{high},
                  \qquad \mathrm{gap} = \mu_k - \mu_{k+1}

        are the thresholds that put the border there
        (`rnnschur.coordinates.sectors.leading_rows`), on the moduli of the matrix: of a step
        matrix, alpha to the power of the step.
        """
        matrices = network.cell.matrices(network.weights)
        for name, recurrent in matrices.items():
            schur = network.schur(name)
            names = {"matrix": name} if len(matrices) > 1 else {}
            for low, high in borders(schur):
                # At modulus 0 the least threshold, which rounding lets it meet.
                sectors = Sectors.of(recurrent.matrix, max(high, np.finfo(float).tiny), schur)
                labels = {"leading": sectors.size, "alpha_low": low, "alpha_high": high}
                labels = {**names, **labels, "gap": high - low}
                for coupling in COUPLINGS:
                    change = cut(recurrent, sectors, sectors.mask(coupling))
                    yield Intervention(coupling, *change, labels)


def borders(schur: OrderedSchur) -> list[tuple[float, float]]:
    """Return the thresholds that give each border between R and C, the smallest R first.

    Parameters
    ----------
    schur : OrderedSchur

    Returns
    -------
    list of (float, float)
        Modulus of the first block of C, 0 where there is none, and of the last of R, relative to
        the spectral radius: thresholds above the one and up to the other.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> borders(ordered_real_schur([[2.0, 1.0, 0.0], [0.0, -2.0, 1.0], [0.0, 0.0, 0.5]]))
    [(0.25, 1.0), (0.0, 0.25)]
    """
    radius = schur.moduli.max()
    if radius == 0:
        return [(0.0, 1.0)]  # every block meets every threshold
    apart = schur.moduli[:-1] - schur.moduli[1:] > schur.tolerance
    high = schur.moduli[np.append(apart, True)] / radius
    return list(zip([*high[1:].tolist(), 0.0], high.tolist(), strict=True))
