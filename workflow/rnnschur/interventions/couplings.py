"""Schur couplings set to zero: the paper's structured ablation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.interventions.base import FamilyBase, Intervention
from rnnschur.options import is_number, option

_REMOVED = ((), ("RR",), ("CR",), ("CC",), ("RR", "CR"), ("RR", "CC"), ("CR", "CC"), COUPLINGS)

#: The couplings that each ablation removes, in the order of ``SUBSETS``.
SUBSET_COUPLINGS = MappingProxyType({"+".join(names) or "none": names for names in _REMOVED})

#: Names of the eight ablations.
SUBSETS = tuple(SUBSET_COUPLINGS)


def _thresholds(value) -> bool:
    numbers = isinstance(value, list | tuple) and len(value) > 0
    return numbers and all(is_number(v) and 0 < v <= 1 for v in value)


@dataclass(frozen=True)
class Family(FamilyBase):
    """Every subset of RR, CR and CC removed, at every threshold, nothing retrained.

    Parameters
    ----------
    alphas : sequence of float
        Thresholds on the eigenvalue modulus, relative to the spectral radius.

    References
    ----------
    Paper (arXiv 2606.18457), structured ablation.
    """

    alphas: tuple[float, ...] = option("a list of numbers in (0, 1]", _thresholds, (0.9,))

    def of(self, network, fit=None, rng=None) -> Iterator[Intervention]:
        """Yield the eight ablations at each threshold; labels alpha and leading, the size of R."""
        name, recurrent = network.headline
        for alpha in self.alphas:
            sectors = Sectors.of(recurrent.matrix, alpha, network.schur(name))
            labels = {"alpha": float(alpha), "leading": sectors.size}
            for subset, couplings in SUBSET_COUPLINGS.items():
                matrix, mass = sectors.without(sectors.mask(*couplings))
                yield Intervention(subset, recurrent.write_back(matrix), mass, labels)
