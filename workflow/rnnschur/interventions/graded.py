"""Couplings weakened or strengthened in place, instead of removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.interventions.base import FamilyBase, Intervention, cut
from rnnschur.options import is_number, option, positive


def scales(value) -> bool:
    """Tell whether a value is a list of factors."""
    numbers = isinstance(value, list | tuple) and len(value) > 0
    return numbers and all(is_number(factor) and 0 <= factor <= 10 for factor in value)


@dataclass(frozen=True)
class Family(FamilyBase):
    r"""Each single coupling multiplied by a factor f, at the paper's threshold.

    .. math:: W_f = Q\,(T - (1 - f)\, T \circ M)\, Q^\top = f\, W + (1 - f)\, W_0

    With M the mask of the coupling, :math:`W_0` is the ablation and :math:`W_1` the matrix itself,
    both exactly. The removed mass of a row is that of the change, :math:`|1 - f|` times what an
    ablation removes.

    Parameters
    ----------
    alpha : float
        Threshold between the sectors.
    factors : sequence of float
    """

    alpha: float = positive(1, default=0.9)
    factors: tuple[float, ...] = option(
        "a list of numbers from 0 to 10", scales, (0, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5)
    )

    def of(self, network, fit=None, stream=None) -> Iterator[Intervention]:
        """Yield every coupling at every factor.

        Labels are ``matrix`` of networks with several, leading, the size of R, and factor.
        """
        matrices = network.cell.matrices(network.weights)
        for name, recurrent in matrices.items():
            threshold = recurrent.threshold(self.alpha)
            sectors = Sectors.of(recurrent.matrix, threshold, network.schur(name))
            names = {"matrix": name} if len(matrices) > 1 else {}
            for coupling in COUPLINGS:
                changes, mass = cut(recurrent, sectors, sectors.mask(coupling))
                for factor in map(float, self.factors):
                    scaled = {
                        weight: factor * recurrent.changing.astype(float) + (1 - factor) * without
                        for weight, without in changes.items()
                    }
                    labels = {**names, "leading": sectors.size, "factor": factor}
                    yield Intervention(coupling, scaled, abs(1 - factor) * mass, labels)
