"""Schur couplings set to zero: the paper's structured ablation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from rnnschur.cells import CONSTRAINTS, Recurrent
from rnnschur.constraints import forbidden
from rnnschur.coordinates.schur import OrderedSchur, frobenius
from rnnschur.coordinates.sectors import SUBSET_COUPLINGS, Sectors
from rnnschur.interventions.base import ALL, RECURRENCE, FamilyBase, Intervention, cut
from rnnschur.network import Network
from rnnschur.options import is_number, option

#: What a row says of a matrix whose sectors depend on the coordinates of the units, by what the
#: outputs leave free about them (`rnnschur.cells.Recurrent`).
GAUGES = MappingProxyType(
    {
        None: "fixed",
        "signs": "as parametrised",
        "scales": "as parametrised",
        "basis": "any basis",
    }
)


def thresholds(value) -> bool:
    """Tell whether a value is a list of thresholds."""
    numbers = isinstance(value, list | tuple) and len(value) > 0
    return numbers and all(is_number(v) and 0 < v <= 1 for v in value)


@dataclass(frozen=True)
class Family(FamilyBase):
    """Every subset of RR, CR and CC removed, at every threshold, nothing retrained.

    The matrices of a network with several are taken one at a time, then all together, and beside
    the eight ablations stands the matrix as a whole: ``recurrence``.

    Parameters
    ----------
    alphas : sequence of float
        Thresholds on the eigenvalue modulus, relative to the spectral radius. Of a step matrix,
        the threshold is alpha to the power of the step (`rnnschur.cells.leaky`).

    References
    ----------
    Paper (arXiv 2606.18457), structured ablation.
    """

    alphas: tuple[float, ...] = option("a list of numbers in (0, 1]", thresholds, (0.9,))

    def of(self, network, fit=None, stream=None) -> Iterator[Intervention]:
        """Yield the eight ablations at each threshold.

        Labels are alpha and leading, the size of R, of all matrices together where they are. Before
        them stands ``matrix``, of a network with several. Where they apply there follow

        ``threshold``, ``leading_half``, ``leading_quarter``
            of a step matrix, the threshold on its moduli, and the size of R if the step were half
            or a quarter as long: where they differ, the sectors depend on the step;
        ``gauge``
            of networks whose units have no scale or sign of their own: ``fixed`` where the sectors
            do not depend on it, ``as parametrised`` where they do, ``any basis`` where nothing is
            fixed at all and no verdict can be given;
        ``forbidden``
            of networks with a connectivity mask or signs of units, as
            `rnnschur.constraints.forbidden`.
        """
        matrices = network.cell.matrices(network.weights)
        groups = {name: {name: recurrent} for name, recurrent in matrices.items()}
        if len(matrices) > 1:
            groups[ALL] = matrices
        for group, members in groups.items():
            for alpha in self.alphas:
                sectors = {
                    name: Sectors.of(r.matrix, r.threshold(alpha), network.schur(name))
                    for name, r in members.items()
                }
                labels = {"matrix": group} if len(matrices) > 1 else {}
                labels |= {"alpha": float(alpha), "leading": sum(s.size for s in sectors.values())}
                for name, recurrent in members.items():
                    labels |= _steps(recurrent, sectors[name].schur, alpha)
                if any(recurrent.gauge for recurrent in matrices.values()):
                    free = next((r.gauge for r in members.values() if r.gauge), None)
                    labels["gauge"] = GAUGES[free]
                for subset, couplings in SUBSET_COUPLINGS.items():
                    parts = {
                        name: cut(recurrent, sectors[name], sectors[name].mask(*couplings))
                        for name, recurrent in members.items()
                    }
                    changes = {n: w for changed, _ in parts.values() for n, w in changed.items()}
                    mass = _pooled({name: mass for name, (_, mass) in parts.items()}, members)
                    more = _constrained(network, changes)
                    yield Intervention(subset, changes, mass, labels | more)
                if len(matrices) > 1:
                    zero = {n: r.write_back(0 * r.matrix) for n, r in members.items()}
                    changes = {n: w for changed in zero.values() for n, w in changed.items()}
                    mass = _pooled(dict.fromkeys(members, 1.0), members)
                    yield Intervention(RECURRENCE, changes, mass, labels)


def _pooled(masses: Mapping[str, float], members: Mapping[str, Recurrent]) -> float:
    """Return the removed mass of several matrices as if they were one."""
    if len(masses) == 1:
        return next(iter(masses.values()))
    norms = np.array([frobenius(recurrent.changing) for recurrent in members.values()])
    removed = norms * np.array([masses[name] for name in members])
    return float(frobenius(removed) / (frobenius(norms) or 1.0))


def _steps(recurrent: Recurrent, schur: OrderedSchur, alpha: float) -> dict[str, object]:
    """Return the threshold of a step matrix, and the size of R at finer steps.

    The step matrix of a fraction p of the step is I + p (S - I), with the eigenvectors of S.
    """
    if recurrent.exponent is None:
        return {}
    labels: dict[str, object] = {"threshold": recurrent.threshold(alpha)}
    for name, part in (("leading_half", 1 / 2), ("leading_quarter", 1 / 4)):
        moduli = np.abs(1 + part * (schur.eigenvalues - 1))
        bound = alpha ** (part * recurrent.exponent) * moduli.max() - schur.tolerance
        labels[name] = int(np.count_nonzero(moduli >= bound))
    return labels


def _constrained(network: Network, changes: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return how far a change leaves what the constraints of a network allow, if it has any."""
    mask, signs = (network.weights.get(name) for name in CONSTRAINTS)
    if mask is None and signs is None:
        return {}
    return {"forbidden": forbidden(changes["W_hh"], network.weights["W_hh"], mask, signs)}
