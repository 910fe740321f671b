"""The ablations on other sequences than a network was trained on: longer, noisier, rarer.

A stabilizer is one on a distribution of sequences. Whether it stays one on others says whether the
network does not need a coupling, or only the sequences do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnschur.interventions import couplings
from rnnschur.interventions.base import FamilyBase, Intervention
from rnnschur.options import positive, whole


@dataclass(frozen=True)
class Family(FamilyBase):
    """Every subset of RR, CR and CC removed, as `couplings`, and judged on every shift.

    The shifts are those of the task; the rows of each say by how much the network differs from the
    intact one on the same sequences.

    Parameters
    ----------
    alpha : float
        Threshold between the sectors.
    judges : int
        Held-out sequences that judge, of every shift.
    """

    alpha: float = positive(1, default=0.9)
    judges: int = whole(1, default=64)

    shifted = True

    def of(self, network, fit=None, stream=None) -> Iterator[Intervention]:
        """Yield the ablations; labels as those of `rnnschur.interventions.couplings`."""
        yield from couplings.Family(alphas=(self.alpha,)).of(network)
