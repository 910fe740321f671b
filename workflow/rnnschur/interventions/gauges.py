"""The couplings of equivalent networks: how far a result depends on how a network is written down.

What the outputs leave free about the units, scales where the nonlinearity is positively
homogeneous and signs of gated units, the sectors of a matrix may depend on. Each intervention here
writes the network in other coordinates, removes couplings there, and comes back: what changes is
the network as it was given, by another matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.coordinates.sectors import SUBSET_COUPLINGS, Sectors
from rnnschur.coordinates.symmetries import balance
from rnnschur.interventions.base import FamilyBase, Intervention, cut
from rnnschur.interventions.couplings import thresholds
from rnnschur.options import option, whole


@dataclass(frozen=True)
class Family(FamilyBase):
    """Every subset of couplings removed in equivalent networks; nothing where there are none.

    ``balanced``: units scaled so that the matrix has its least norm
    (`rnnschur.coordinates.symmetries.balance`), where scales are free. ``random``: scales
    log-uniform in [1/2, 2] where they are free, otherwise random signs.

    Parameters
    ----------
    alphas : sequence of float
        Thresholds on the eigenvalue modulus, relative to the spectral radius.
    draws : int
        Random coordinates.
    """

    alphas: tuple[float, ...] = option("a list of numbers in (0, 1]", thresholds, (0.9,))
    draws: int = whole(1, default=20)

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield the ablations in every gauge.

        Labels are ``matrix`` of networks with several, gauge (``balanced`` or ``random``), draw,
        alpha and leading, the size of R.
        """
        cell, matrices = network.cell, network.cell.matrices(network.weights)
        free = [name for name, recurrent in matrices.items() if recurrent.gauge]
        if not free:
            return
        for gauge, draw, factors in self._gauges(network, stream):
            moved = cell.matrices(cell.scaled(network.weights, factors))
            for name in free:
                recurrent, schur = moved[name], ordered_real_schur(moved[name].matrix)
                for alpha in self.alphas:
                    sectors = Sectors.of(recurrent.matrix, recurrent.threshold(alpha), schur)
                    labels = {"matrix": name} if len(matrices) > 1 else {}
                    labels |= {"gauge": gauge, "draw": draw}
                    labels |= {"alpha": float(alpha), "leading": sectors.size}
                    for subset, couplings in SUBSET_COUPLINGS.items():
                        if couplings:
                            changes, mass = cut(recurrent, sectors, sectors.mask(*couplings))
                            changes = cell.scaled(changes, 1 / factors)
                            yield Intervention(subset, changes, mass, labels)

    def _gauges(self, network, stream) -> Iterator[tuple[str, int, np.ndarray]]:
        """Yield name, draw and the factors of the units."""
        recurrent = network.headline[1]
        size = len(recurrent.matrix)
        if not network.cell.scales:
            for draw in range(self.draws):
                yield "random", draw, stream("random", draw).choice([-1.0, 1.0], size)
            return
        yield "balanced", 0, balance(recurrent.changing)
        for draw in range(self.draws):
            yield "random", draw, 2 ** stream("random", draw).uniform(-1, 1, size)
