"""The network in other coordinates: an exact symmetry, and a rotation that is none.

An exact symmetry of the cell must leave the rollout as it is, to rounding. A random rotation must
leave moduli and departure from normality as they are, but not the rollout: this is why couplings
have to be judged by what the network does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnschur.coordinates.nonnormality import henrici_departure
from rnnschur.coordinates.schur import frobenius, ordered_real_schur
from rnnschur.coordinates.symmetries import random_rotation
from rnnschur.interventions.base import FamilyBase, Intervention

#: What an exact symmetry does beside a permutation, by whether signs and scales of units are free.
SYMMETRIES = {
    (False, False): "permutation",
    (True, False): "permutation and flips",
    (False, True): "permutation and scales",
    (True, True): "change of basis",
}


@dataclass(frozen=True)
class Family(FamilyBase):
    """One random symmetry of the cell, and one random rotation."""

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield both.

        Labels are control (what is done), moduli_change (largest, relative to the spectral
        radius) and departure_change (of Henrici's departure, relative to ||W||_F).
        """
        name, recurrent = network.headline
        schur, matrix = network.schur(name), recurrent.matrix
        cell, weights = network.cell, {**network.weights, "basis": np.eye(len(matrix))}
        exact = SYMMETRIES[cell.flips, cell.scales]
        rotation = random_rotation(len(matrix), stream("rotation"))
        controls = {
            exact: cell.symmetry(weights, stream("symmetry")),
            "rotation": cell.rotated(weights, rotation),
        }
        for control, weights in controls.items():
            basis = weights.pop("basis")
            moved = cell.matrices(weights)[name]
            form = ordered_real_schur(moved.matrix)
            moduli = [np.repeat(f.moduli, f.sizes) for f in (form, schur)]
            departure = henrici_departure(form) - henrici_departure(schur)
            labels = {
                "control": control,
                "moduli_change": np.max(np.abs(moduli[0] - moduli[1]))
                / (schur.moduli.max() or 1.0),
                "departure_change": abs(departure) / (np.linalg.norm(matrix) or 1.0),
            }
            change = frobenius(moved.changing - recurrent.changing)
            mass = change / (frobenius(recurrent.changing) or 1.0)
            yield Intervention(control, weights, mass, labels, basis)
