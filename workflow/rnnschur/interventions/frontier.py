r"""Removable mass: how much of a recurrent matrix can go, in which coordinates, in which order.

A matrix is a sum of entries in any two orthonormal bases, :math:`W = L M R^\top`. Entries are put
in an order and removed one after the other; the removable mass is the :math:`\|\Delta W\|_F /
\|W\|_F` that has gone before the rollout difference first exceeds epsilon. How far it reaches
tells what a basis and an order know of the redundancy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from rnnschur.cells import Recurrent
from rnnschur.coordinates.schur import OrderedSchur, frobenius, ordered_real_schur
from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.coordinates.symmetries import random_rotation
from rnnschur.interventions.base import FamilyBase, Intervention, cut, left_basis
from rnnschur.interventions.couplings import thresholds
from rnnschur.network import Network
from rnnschur.options import is_number, option, real, whole
from rnnschur.response import Response, response

#: The coordinates: strictly block-upper entries of T; all entries of T, of a step matrix those of
#: the weight's own T; weights as they are; random orthonormal axes; the axes along which the states
#: vary; singular vectors.
BASES = ("Schur couplings", "Schur entries", "weights", "random axes", "principal axes")
BASES += ("singular vectors",)

#: What entries are ordered by, the first to go first: cost per squared mass, cost, size, chance.
RANKINGS = ("cost per mass", "cost", "magnitude", "random")

#: Ranking of the rows in which a coupling goes as a whole.
WHOLE = "whole"

#: Where the grid of removed mass begins, beside none, and what it has beside its geometric steps.
SMALLEST = 1e-3
LARGEST = (0.85, 0.9, 0.95)


def differences(value) -> bool:
    """Tell whether a value is a list of rollout differences."""
    numbers = isinstance(value, list | tuple) and len(value) > 0
    return numbers and all(is_number(v) and v > 0 for v in value)


@dataclass(frozen=True, eq=False)
class Entries:
    r"""The entries that a weight can lose, :math:`\Delta W = -L (M \circ \text{mask}) R^\top`.

    Attributes
    ----------
    left, right : numpy.ndarray, shape (N, N), float64
        L and R. R is orthogonal, and L is but for the couplings of a step matrix
        (`rnnschur.interventions.base.left_basis`).
    matrix : numpy.ndarray, shape (N, N), float64
        M.
    mask : numpy.ndarray, shape (N, N), bool
        Entries that may go.
    curvature : numpy.ndarray, shape (N, N), float64, or None
        C, see `rnnschur.response.Response.curvature`; None without sequences to fit, and of
        outputs that do not vary.
    """

    left: np.ndarray
    right: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray
    curvature: np.ndarray | None

    @classmethod
    def of(cls, matrix, left, right, found: Response | None) -> Entries:
        """Return all entries in two bases, but for those that are zero."""
        known = found is not None and not np.isnan(found.variation)
        curvature = found.curvature(left, right) if known else None
        return cls(left, right, matrix, matrix != 0, curvature)

    @classmethod
    def of_schur(cls, recurrent: Recurrent, schur: OrderedSchur, found: Response | None):
        """Return the entries of T, but for those that are zero.

        Those on the diagonal of a step matrix hold the leak, which is not in the weight.
        """
        return cls.of(schur.T, left_basis(recurrent, schur), schur.Q, found)

    def removed(self, places: np.ndarray) -> np.ndarray:
        """Return what some entries, by flat index, add to the weight."""
        part = np.zeros_like(self.matrix)
        part.flat[places] = self.matrix.flat[places]
        return self.left @ part @ self.right.T

    @property
    def masses(self) -> np.ndarray:
        """Squared norms of what each entry adds to the weight."""
        return (self.matrix * np.linalg.norm(self.left, axis=0)[:, None]) ** 2

    def reached(self, order: np.ndarray) -> np.ndarray:
        r"""Return the squared norms of what growing sets of entries add to the weight.

        .. math:: \Big\|\sum_{k \le n} M_{i_k j_k} L_{i_k} R_{j_k}^\top\Big\|_F^2
                  = \sum_{k, l \le n,\, j_k = j_l} M_{i_k j_k} M_{i_l j_l}\, L_{i_k}^\top L_{i_l}

        The sum of `masses` where L is orthogonal. Where it is not, more entries may add less; then
        the largest so far counts.

        Parameters
        ----------
        order : numpy.ndarray, shape (K,)
            Flat indices, the first to go first.

        Returns
        -------
        numpy.ndarray, shape (K,)
        """
        gram = self.left.T @ self.left
        if np.allclose(gram, np.diag(np.diag(gram)), rtol=0, atol=1e-9 * np.max(gram)):
            return np.cumsum(self.masses.flat[order])
        rows, columns = np.unravel_index(order, self.matrix.shape)
        added = np.zeros(len(order))
        for column in np.unique(columns):
            mine = np.flatnonzero(columns == column)
            values = self.matrix[rows[mine], column]
            pairs = np.outer(values, values) * gram[np.ix_(rows[mine], rows[mine])]
            added[mine] = np.diag(pairs) + 2 * np.tril(pairs, -1).sum(axis=1)
        return np.maximum.accumulate(np.cumsum(added))

    @property
    def costs(self) -> np.ndarray | None:
        r"""Gauss-Newton costs :math:`M_{ij}^2 C_{ij}`.

        To first order, the square of the rollout difference where one entry is removed.
        """
        return None if self.curvature is None else self.matrix**2 * self.curvature

    def foretold(self, places: np.ndarray) -> float:
        """Return the root of the summed costs of some entries, NaN where costs are not known."""
        return np.nan if self.curvature is None else float(np.sqrt(self.costs.flat[places].sum()))

    def orders(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the flat indices of the entries that may go, as each ranking orders them."""
        places = np.flatnonzero(self.mask)
        keys = {"magnitude": np.abs(self.matrix)}
        if self.curvature is not None:
            keys = {"cost per mass": self.costs / _nonzero(self.masses), "cost": self.costs} | keys
        found = {
            name: places[np.argsort(key.flat[places], kind="stable")] for name, key in keys.items()
        }
        return found | {"random": rng.permutation(places)}


def _nonzero(array: np.ndarray) -> np.ndarray:
    return np.where(array > 0, array, 1.0)


def block_sums(entries: np.ndarray, schur: OrderedSchur) -> np.ndarray:
    """Return the sums of an array (N, N) over every pair of diagonal blocks of T.

    Examples
    --------
    >>> from rnnschur.coordinates.schur import ordered_real_schur
    >>> schur = ordered_real_schur([[0.0, 2.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> block_sums(np.ones((3, 3)), schur).tolist()
    [[4.0, 2.0], [2.0, 1.0]]
    """
    return np.add.reduceat(np.add.reduceat(entries, schur.starts, 0), schur.starts, 1)


def block_map(network: Network, found: Response) -> tuple[np.ndarray, np.ndarray]:
    """Return removed mass and foretold rollout difference of every pair of Schur blocks.

    Parameters
    ----------
    network : Network
    found : Response
        To the weight of its headline matrix.

    Returns
    -------
    masses, differences : numpy.ndarray, shape (n_blocks, n_blocks)
        Where all entries of a pair go: a row is a target, a column a source. On the diagonal of a
        step matrix the leak goes with them. Differences are NaN of outputs that do not vary.
    """
    name, recurrent = network.headline
    schur = network.schur(name)
    entries = Entries.of_schur(recurrent, schur, found)
    masses = np.sqrt(block_sums(entries.masses, schur)) / (frobenius(recurrent.changing) or 1.0)
    unknown = np.full_like(entries.matrix, np.nan)
    costs = unknown if entries.costs is None else entries.costs
    return masses, np.sqrt(block_sums(costs, schur))


def prefixes(reached: np.ndarray, levels: np.ndarray) -> np.ndarray:
    r"""Return how many entries are gone at each level of removed mass.

    The most whose mass is at or below the level; so the sets are nested.

    Parameters
    ----------
    reached : numpy.ndarray, shape (K,)
        Squared masses, relative to the matrix, of one entry, two, ..., in the order in which they
        go; they do not fall.
    levels : numpy.ndarray
        Removed masses.

    Examples
    --------
    >>> prefixes(np.array([0.01, 0.25, 1.0]), np.array([0.05, 0.5, 1.0]))
    array([0, 2, 3])
    """
    reached = reached * (1 - 1e-9)  # the last level takes all, whatever was rounded
    return np.searchsorted(reached, np.square(levels), "right")


@dataclass(frozen=True)
class Family(FamilyBase):
    r"""Entries of the headline matrix removed, more and more, in six bases and four orders.

    The order by cost per mass is that of :math:`C_{ij}`: if entries acted each for itself, it would
    remove the most mass at any cost. Networks that bring no sequences to fit have neither costs nor
    principal axes: these would be chosen on the sequences that judge.

    Parameters
    ----------
    alphas : sequence of float
        Thresholds between the sectors, of the couplings that go as a whole.
    epsilon : float
        Largest rollout difference of a stabilizer.
    epsilons : sequence of float
        Other rollout differences up to which the removable mass is asked for.
    levels : int
        Points of the grid of removed mass, geometric from 0.001 to 1: 22 are seven a decade. Beside
        them are none, 0.85, 0.9 and 0.95.
    sequences : int
        How many of those to fit give the costs and the principal axes.
    projections : int
        Random projections of the outputs. The relative error of a cost is about
        :math:`\sqrt{2 / (\text{projections} \cdot \text{sequences})}` where sequences cost alike.
    judges : int
        Held-out sequences that judge.

    References
    ----------
    Y. LeCun, J. S. Denker and S. A. Solla, Optimal brain damage, NIPS 2 (1989): cost of an entry.
    """

    chooses = True

    alphas: tuple[float, ...] = option("a list of numbers in (0, 1]", thresholds, (0.9,))
    epsilon: float = real(0, np.inf, default=0.1)
    epsilons: tuple[float, ...] = option(
        "a list of numbers above 0", differences, (0.01, 0.02, 0.05, 0.2, 0.5, 1.0)
    )
    levels: int = whole(2, default=22)
    sequences: int = whole(1, default=64)
    projections: int = whole(1, default=2)
    judges: int = whole(1, default=64)

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield nested removals in every basis and order, then each coupling as a whole.

        Labels are basis, ranking, alpha (of whole couplings, NaN of others, which have no sectors),
        level (of the grid; the removed mass is at or below it), entries
        (how many go), available (the mass of all entries that could) and foretold: the rollout
        difference if entries acted to first order and each for itself, the root of their summed
        costs. Of whole couplings also first_order: the same for all entries together.
        """
        name, recurrent = network.headline
        (changing,) = recurrent.write_back(recurrent.matrix)
        weight = recurrent.changing.astype(np.float64)
        norm = frobenius(weight) or 1.0
        found = None
        if fit is not None:
            some, rng = fit.part(slice(self.sequences)), stream("projections")
            found = response(network, some, self.projections, rng, changing)
        levels = np.unique([0.0, *np.geomspace(SMALLEST, 1, self.levels), *LARGEST])
        bases = _bases(network, found, stream("axes"))
        for basis, entries in bases.items():
            available = frobenius(entries.removed(np.flatnonzero(entries.mask))) / norm
            for ranking, order in entries.orders(stream("order", basis)).items():
                counts = prefixes(entries.reached(order) / norm**2, levels)
                for level, count in zip(levels, counts, strict=True):
                    removed = entries.removed(order[:count])
                    labels = {"basis": basis, "ranking": ranking, "alpha": np.nan}
                    labels |= {"level": float(level)}
                    labels |= {"entries": int(count), "available": available}
                    labels |= {"foretold": entries.foretold(order[:count])}
                    mass = frobenius(removed) / norm
                    yield Intervention("entries", {changing: weight - removed}, mass, labels)
        entries = bases[BASES[0]]
        for alpha, coupling in product(self.alphas, COUPLINGS):
            threshold = recurrent.threshold(alpha)
            sectors = Sectors.of(recurrent.matrix, threshold, network.schur(name))
            mask = sectors.mask(coupling)
            changes, mass = cut(recurrent, sectors, mask)
            places = np.flatnonzero(mask & entries.mask)
            labels = {"basis": BASES[0], "ranking": WHOLE, "alpha": float(alpha), "level": mass}
            labels |= {"entries": len(places), "available": mass}
            labels |= {"foretold": entries.foretold(places)}
            change = changes[changing] - weight
            labels |= {"first_order": np.nan if found is None else found.difference(change)}
            yield Intervention(coupling, changes, mass, labels)

    def summary(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the removable mass, a row a basis, order and epsilon, then the whole couplings.

        A row is that of the largest level of the grid before the rollout difference first exceeds
        epsilon. Nothing is interpolated, and what comes back below epsilon later does not count:
        so much mass was removed, and next_mass, that of the next set, was too much. The frontier
        of this order lies between the two; next_mass is NaN where no set exceeds epsilon.
        """
        couplings = rows["ranking"] == WHOLE
        places, kept = np.arange(len(rows)), []
        curves = rows.assign(place=places)[~couplings].groupby(["basis", "ranking"], sort=False)
        for _, curve in curves:
            differences = curve["rollout_difference"].to_numpy()
            masses = [*curve["removed_mass"], np.nan]
            for epsilon in sorted({self.epsilon, *self.epsilons}):
                within = differences <= epsilon  # false of a NaN
                count = np.count_nonzero(np.logical_and.accumulate(within))
                if count:
                    place = curve["place"].iloc[count - 1]
                    kept.append((place, float(epsilon), masses[count]))
        kept += [(place, np.nan, np.nan) for place in places[couplings]]
        chosen, epsilons, beyond = zip(*kept, strict=True)
        table = rows.iloc[[*chosen]].assign(epsilon=epsilons, next_mass=beyond)
        table = table.reset_index(drop=True)
        names = list(rows)
        names.insert(names.index("removed_mass") + 1, "next_mass")
        names.insert(names.index("ranking") + 1, "epsilon")
        return table[names]


def _bases(
    network: Network, found: Response | None, rng: np.random.Generator
) -> dict[str, Entries]:
    """Return the entries that may go in each basis."""
    name, recurrent = network.headline
    weight, schur = recurrent.changing.astype(np.float64), network.schur(name)
    of_schur = Entries.of_schur(recurrent, schur, found)
    block = np.repeat(np.arange(len(schur.sizes)), schur.sizes)
    upper = of_schur.mask & (block[:, None] < block)
    own = of_schur
    if recurrent.weight is not None:
        form = ordered_real_schur(weight)
        own = Entries.of(form.T, form.Q, form.Q, found)
    axes = {"weights": np.eye(len(weight)), "random axes": random_rotation(len(weight), rng)}
    if found is not None:
        acting = found.acting.reshape(-1, len(weight))
        axes["principal axes"] = np.linalg.eigh(acting.T @ acting)[1]
    left, values, right = np.linalg.svd(weight)
    return {
        "Schur couplings": replace(of_schur, mask=upper),
        "Schur entries": own,
        **{n: Entries.of(axis.T @ weight @ axis, axis, axis, found) for n, axis in axes.items()},
        "singular vectors": Entries.of(np.diag(values), left, right.T, found),
    }
