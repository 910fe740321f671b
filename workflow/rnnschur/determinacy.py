r"""Are the sectors of a network determined by its weights, or by the rounding of its weights?

A matrix whose eigenvalues are ill-conditioned, a chain of equal ones say, has another spectrum in
every precision and in every basis: one rounding of a Jordan block of size m moves its eigenvalues
by :math:`\epsilon^{1/m}`.  What is said of sectors and couplings must not depend on that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnschur import streams
from rnnschur.cells import Recurrent
from rnnschur.coordinates.schur import OrderedSchur, frobenius, ordered_real_schur
from rnnschur.coordinates.sectors import COUPLINGS, SUBSET_COUPLINGS, Sectors
from rnnschur.interventions.base import ALL, RECURRENCE, cut
from rnnschur.network import Network

#: Copies of a network whose weights are rounded anew, each in a basis of its own.
COPIES = 5

#: What a mass, or what is removed, may move by, relative to the matrix.
LARGEST_MOVE = 0.01


def determinacy(network: Network, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    r"""Return what the rows of a diagnosis owe to rounding.

    The recurrent weights are rounded anew, :math:`W_{ij} (1 + \delta_{ij})` with
    :math:`|\delta_{ij}|` up to the epsilon of their precision, and the matrices decomposed in a
    random orthonormal basis: the couplings of such copies are those of the same network.

    Parameters
    ----------
    network : Network
    rows : pandas.DataFrame
        As `rnnschur.evaluation.evaluate` returns them for the family of couplings.
    seed : int
        Not negative; the same one gives the same copies.

    Returns
    -------
    pandas.DataFrame
        In the order of `rows`: matrix (what was decomposed), threshold (on its moduli), gap
        (between the moduli at the border of the sectors, relative to the largest; of several
        matrices, the least), leading_low and leading_high (the size of R in the copies), mass_moves
        and change_moves (the largest move of the removed mass and of what is removed, relative to
        the weight), determined (False where the size of R changes or one of the moves exceeds 0.01)
        and note (in words: why not, why nothing is removed, whether the size of R depends on the
        step, where the order of blocks is arbitrary).

    Raises
    ------
    ValueError, scipy.linalg.LinAlgError
        As `rnnschur.coordinates.schur.ordered_real_schur`.

    Examples
    --------
    >>> chain = np.eye(40, k=1)  # one Jordan block
    >>> network = Network("tanh", {"W_hh": chain, "W_xh": chain[:, :1], "W_hy": chain[:1]})
    >>> rows = pd.DataFrame({"alpha": 0.9, "removed": ["RR"], "removed_mass": 1.0})
    >>> determinacy(network, rows, seed=0)["determined"].tolist()
    [False]
    """
    rng = streams.generator(seed, "rounding")
    networks = [network, *(rounded(network, rng) for _ in range(COPIES))]
    names = list(network.cell.matrices(network.weights))
    splits = {
        (name, alpha): _Split.of(networks, name, alpha)
        for name in names
        for alpha in dict.fromkeys(rows["alpha"])
    }
    found = []
    for row in rows.to_dict("records"):
        matrix = row.get("matrix", names[0])
        members = names if matrix == ALL else [matrix]
        parts = [splits[name, row["alpha"]] for name in members]
        found.append({"matrix": matrix, **_judged(row, parts, _precision(network))})
    return pd.DataFrame(found, rows.index)


def rounded(network: Network, rng: np.random.Generator) -> Network:
    """Return a copy with recurrent weights rounded anew and decomposed in a random basis."""
    eps = np.finfo(network.dtype).eps
    weights = {name: weight.astype(np.float64) for name, weight in network.weights.items()}
    for name in network.cell.recurrent:
        weights[name] *= 1 + eps * rng.uniform(-1, 1, weights[name].shape)
    forms = {}
    for name, recurrent in network.cell.matrices(weights).items():
        basis = np.linalg.qr(rng.standard_normal(recurrent.matrix.shape))[0]
        form = ordered_real_schur(basis @ recurrent.matrix @ basis.T)
        forms[name] = OrderedSchur.from_factors(basis.T @ form.Q, form.T)
    return Network(network.cell, weights, forms)


@dataclass(frozen=True, eq=False)
class _Split:
    """The sectors of a matrix at a threshold, in a network and in its copies.

    Attributes
    ----------
    threshold : float
        On the moduli, relative to the largest.
    sizes : tuple of int
        Of R, in the network and in each copy.
    gap : float
        Between the moduli on both sides, relative to the largest; NaN where C is empty.
    empty : dict of str to str
        Couplings without entries, and why they have none.
    tied : tuple of str
        Couplings within a sector that has neighbouring blocks which rounding may swap.
    norm : float
        Of the weight that changes.
    masses, moves : numpy.ndarray, shape (1 + copies, 3, 3)
        Products of the couplings of each copy with each other, relative to `norm`, and of their
        differences from those of the network: what several remove together has the sum of their
        entries as squared norm.
    """

    threshold: float
    sizes: tuple[int, ...]
    gap: float
    empty: dict[str, str]
    tied: tuple[str, ...]
    norm: float
    masses: np.ndarray
    moves: np.ndarray

    @classmethod
    def of(cls, networks: Sequence[Network], name: str, alpha: float) -> _Split:
        """Divide a matrix of some networks, the first of which counts."""
        matrices = [network.cell.matrices(network.weights)[name] for network in networks]
        forms, threshold = [n.schur(name) for n in networks], matrices[0].threshold(alpha)
        divided = [
            Sectors.of(recurrent.matrix, threshold, form)
            for recurrent, form in zip(matrices, forms, strict=True)
        ]
        norm, first, masses, moves = frobenius(matrices[0].changing), None, [], []
        for recurrent, sectors in zip(matrices, divided, strict=True):
            parts = np.array([_removed(recurrent, sectors, c) for c in COUPLINGS]) / (norm or 1.0)
            first = parts if first is None else first
            masses.append(parts @ parts.T)
            moves.append((parts - first) @ (parts - first).T)
        moduli = np.array([np.repeat(form.moduli, form.sizes) for form in forms])
        sizes = [sectors.size for sectors in divided]
        size, width, gap = sizes[0], moduli.shape[1], np.nan
        if size < width:
            gap = float((moduli[0, size - 1] - moduli[0, size]) / moduli[0].max())
        empty = _empty(name, divided[0])
        tied = _tied(forms[0], moduli, size)
        return cls(threshold, tuple(sizes), gap, empty, tied, norm, *map(np.array, (masses, moves)))


def _removed(recurrent: Recurrent, sectors: Sectors, coupling: str) -> np.ndarray:
    """Return what the removal of a coupling adds to the weight, as a vector."""
    (changed,) = cut(recurrent, sectors, sectors.mask(coupling))[0].values()
    return np.ravel(changed - recurrent.changing)


def _empty(name: str, sectors: Sectors) -> dict[str, str]:
    """Return the couplings that have no entries, and why."""
    if not sectors.matrix.any():
        return dict.fromkeys(COUPLINGS, f"{name} is zero")
    reasons = {"RR": "R is one block", "CR": "C is empty", "CC": "C is one block"}
    if sectors.size == len(sectors.matrix):
        reasons["CC"] = "C is empty"
    return {c: reason for c, reason in reasons.items() if not sectors.masks[c].any()}


def _tied(schur: OrderedSchur, moduli: np.ndarray, size: int) -> tuple[str, ...]:
    """Return the couplings within a sector whose neighbouring blocks rounding may swap."""
    moved, one, two = np.ptp(moduli, axis=0), schur.starts[:-1], schur.starts[1:]
    apart = moduli[0, one] - moduli[0, two]
    ties = apart <= np.maximum(moved[one] + moved[two], schur.tolerance)
    inside = {"RR": two < size, "CC": one >= size}
    return tuple(coupling for coupling, blocks in inside.items() if ties[blocks].any())


def _judged(row: Mapping, parts: Sequence[_Split], precision: float) -> dict[str, object]:
    """Return what is known of a row, all matrices that change together."""
    couplings = SUBSET_COUPLINGS.get(row["removed"], ())
    chosen = np.isin(COUPLINGS, couplings).astype(float)
    whole = frobenius([part.norm for part in parts]) or 1.0
    shares = [(part.norm / whole) ** 2 for part in parts]
    masses, moves = (
        np.sqrt(np.maximum(chosen @ sum(map(np.multiply, shares, products)) @ chosen, 0))
        for products in ([part.masses for part in parts], [part.moves for part in parts])
    )
    mass_moves, change_moves = float(np.abs(masses - masses[0]).max()), float(moves.max())
    sizes = list(zip(*(part.sizes for part in parts), strict=True))
    unsure = []
    if row["removed"] != RECURRENCE and len(set(sizes)) > 1:
        unsure.append(f"|R| is {' or '.join(dict.fromkeys(str(sum(s)) for s in sizes))}")
    if mass_moves > LARGEST_MOVE:
        unsure.append(f"the mass moves by {mass_moves:.2g}")
    elif change_moves > LARGEST_MOVE:
        unsure.append(f"what is removed moves by {change_moves:.2g}")
    notes = [f"sectors not determined: {', '.join(unsure)} in rounded copies"] if unsure else []
    if couplings and row["removed_mass"] <= precision:
        reasons = [p.empty.get(c, f"no {c} beyond rounding") for c in couplings for p in parts]
        notes.append(f"nothing to remove: {', '.join(dict.fromkeys(reasons))}")
    finer = [row[name] for name in ("leading_half", "leading_quarter") if name in row]
    if set(finer) - {row.get("leading")}:
        steps = ", ".join(map(str, [row["leading"], *finer]))
        notes.append(f"|R| depends on the step: {steps} at a, a/2, a/4")
    for coupling in ("RR", "CC"):
        if coupling in couplings and any(coupling in part.tied for part in parts):
            notes.append(f"order within {coupling[0]} arbitrary")
    return {
        "threshold": parts[0].threshold,
        "gap": min((part.gap for part in parts if part.gap >= 0), default=np.nan),
        "leading_low": min(map(sum, sizes)),
        "leading_high": max(map(sum, sizes)),
        "mass_moves": mass_moves,
        "change_moves": change_moves,
        "determined": not unsure,
        "note": "; ".join(notes),
    }


def _precision(network: Network) -> float:
    """Return what rounding makes of nothing, relative to the norm of a matrix."""
    return network.sizes["unit"] * float(np.finfo(network.dtype).eps)
