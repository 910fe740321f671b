"""Parts of couplings by activity: is a coupling harmless because nothing reaches it?

A coupling can be removed without damage because it acts on directions in which the states have
next to no energy, because what it sends is not seen by any later output, or because the network
can do without what it computes. Each coupling is divided accordingly
(`rnnschur.coordinates.activity`), and each part is removed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from rnnschur.batch import Batch
from rnnschur.coordinates.activity import parts, principal_axes, sector_energy
from rnnschur.coordinates.schur import frobenius
from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.interventions.base import FamilyBase, Intervention, cut
from rnnschur.network import Network
from rnnschur.options import positive, real, whole
from rnnschur.response import response


@dataclass(frozen=True)
class Family(FamilyBase):
    """The parts of every single coupling that count, each removed alone.

    Nothing without sequences to choose on: the axes are those of their states.

    Parameters
    ----------
    alpha : float
        Threshold between the sectors.
    minimum_mass : float
        Couplings of less mass are left out.
    energy : float
        Share of the energy of the states, and of the adjoint states, that the axes hold.
    sequences : int
        Sequences, the first of those to choose on, that the axes are those of.
    projections : int
        Random signs of all outputs behind the adjoint states (`rnnschur.response`).
    """

    chooses = True

    alpha: float = positive(1, default=0.9)
    minimum_mass: float = real(0, 1, default=0.01)
    energy: float = positive(1, default=0.99)
    sequences: int = whole(1, default=64)
    projections: int = whole(1, default=8)

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield the parts of every coupling.

        Labels are part (of `rnnschur.coordinates.activity.PARTS`), acting_axes and seen_axes, how
        many hold the energy of states and adjoint states, and first_order, the rollout difference
        by linear response. Before them stands ``matrix``, of a network with several.
        """
        if fit is None:
            return
        some = fit.part(slice(self.sequences))
        matrices = network.cell.matrices(network.weights)
        for name, recurrent in matrices.items():
            labels = {"matrix": name} if len(matrices) > 1 else {}
            sectors = self._sectors(network, name)
            found = None
            for coupling in COUPLINGS:
                changes, mass = cut(recurrent, sectors, sectors.mask(coupling))
                if mass < self.minimum_mass:
                    continue
                ((weight, without),) = changes.items()
                if found is None:  # most of the work, and not needed where no coupling counts
                    rng = stream(name, "signs")
                    found = response(network, some, self.projections, rng, weight)
                    acting = principal_axes(found.acting, self.energy)
                    seen = principal_axes(found.adjoint, self.energy)
                    labels |= {"acting_axes": acting.shape[1], "seen_axes": seen.shape[1]}
                intact, norm = network.weights[weight], frobenius(recurrent.changing) or 1.0
                for part, change in parts(intact - without, acting, seen).items():
                    more = {"part": part, **labels, "first_order": found.difference(change)}
                    changes = {weight: intact - change}
                    yield Intervention(coupling, changes, frobenius(change) / norm, more)

    def energies(self, network: Network, batch: Batch) -> pd.DataFrame:
        r"""Return the energy of a network's states, and what share each sector holds, by step.

        Returns
        -------
        pandas.DataFrame
            Columns phase (``input`` before the onset of the batch, ``answer`` from it on), step,
            energy :math:`\mathrm{E}\|h_t\|^2`, R and C: shares of it, see
            `rnnschur.coordinates.activity.sector_energy`. Before them stands ``matrix``, of a
            network with several.
        """
        matrices = network.cell.matrices(network.weights)
        states = network.cell.states(network.weights | batch.starts, batch.inputs)
        tables = []
        for name in matrices:
            sectors = self._sectors(network, name)
            energy = pd.DataFrame(
                sector_energy(states, sectors.schur.Q, sectors.size), columns=["R", "C"]
            )
            total = energy.sum(axis=1)
            table = energy.div(total.where(total > 0), axis=0)
            table.insert(0, "energy", total)
            table.insert(0, "step", range(batch.steps))
            phase = table["step"].ge(batch.onset).map({False: "input", True: "answer"})
            table.insert(0, "phase", phase)
            if len(matrices) > 1:
                table.insert(0, "matrix", name)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def _sectors(self, network: Network, name: str) -> Sectors:
        """Return the sectors of one of a network's matrices."""
        recurrent = network.cell.matrices(network.weights)[name]
        return Sectors.of(recurrent.matrix, recurrent.threshold(self.alpha), network.schur(name))
