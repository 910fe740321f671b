"""Schur couplings removed in forms whose blocks stand in another order.

The paper orders blocks by modulus; blocks of equal modulus have no order, and trained moduli can
be nearly equal. RR and CC depend on the order inside their sector, CR does not (see
`rnnschur.coordinates.sectors.coupling_masks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from rnnschur.coordinates.schur import shuffle_blocks, tie_borders
from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.interventions.base import FamilyBase, Intervention, cut
from rnnschur.options import positive, real, whole


@dataclass(frozen=True)
class Family(FamilyBase):
    """Single couplings removed with the blocks by modulus, and in random orders of three kinds.

    ``ties``: blocks shuffled whose moduli agree to N times the single-precision epsilon, in which
    the weights are given; ``near ties``: to `near_tie`; ``any``: every order inside a sector.

    Parameters
    ----------
    alpha : float
        Threshold between the sectors.
    near_tie : float
        Moduli that differ by at most this, relative to the spectral radius, count as nearly tied.
    draws : int
        Random orders of ties and of near ties.
    any_draws : int
        Random orders of the kind ``any``.
    """

    alpha: float = positive(1, default=0.9)
    near_tie: float = real(0, 1, default=0.001)
    draws: int = whole(1, default=2)
    any_draws: int = whole(1, default=20)

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield the ablations of every form.

        Labels are order (``by modulus`` or one of the kinds), draw and movable: the blocks with at
        least one other to swap with; a run of ties is one group. Before them stands ``matrix``, of
        a network with several.
        """
        matrices = network.cell.matrices(network.weights)
        for name, recurrent in matrices.items():
            labels = {"matrix": name} if len(matrices) > 1 else {}
            yield from self._of(recurrent, network.schur(name), labels, partial(stream, name))

    def _of(self, recurrent, schur, names, stream) -> Iterator[Intervention]:
        """Yield the ablations of a matrix."""
        threshold = recurrent.threshold(self.alpha)
        sectors = Sectors.of(recurrent.matrix, threshold, schur)
        size = len(schur.T)
        single = size * float(np.finfo(np.float32).eps)
        forms = [("by modulus", 0, 0, sectors)]
        for order, tolerance in {"ties": single, "near ties": self.near_tie, "any": 1.0}.items():
            borders = sorted({sectors.size} - {size} | set(tie_borders(schur, tolerance)))
            groups = np.searchsorted(borders, schur.starts, "right")
            counts = np.unique(groups, return_counts=True)[1]
            movable = counts[counts > 1].sum()
            for draw in range(self.any_draws if order == "any" else self.draws):
                form = shuffle_blocks(schur, borders, stream(order, draw))
                form = Sectors.of(recurrent.matrix, threshold, form)
                forms.append((order, draw, movable, form))
        for order, draw, movable, form in forms:
            labels = {**names, "order": order, "draw": draw, "movable": movable}
            for coupling in COUPLINGS:
                yield Intervention(coupling, *cut(recurrent, form, form.mask(coupling)), labels)
