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
from rnnschur.coordinates.schur import (
    OrderedSchur,
    frobenius,
    ordered_real_schur,
)
from rnnschur.coordinates.sectors import COUPLINGS, coupling_masks, leading_rows
from rnnschur.interventions import Intervention
from rnnschur.interventions.couplings import ALL, RECURRENCE, SUBSET_COUPLINGS, Family
from rnnschur.network import Network

#: Copies of a network whose weights are rounded anew, each in a basis of its own.
COPIES = 5

#: What a mass, or what is removed, may move by, relative to the matrix.
LARGEST_MOVE = 0.01


def determinacy(network: Network, couplings: Family, seed: int) -> pd.DataFrame:
    r"""Return what the rows of a diagnosis owe to rounding.

    The recurrent weights are rounded anew, :math:`W_{ij} (1 + \delta_{ij})` with
    :math:`|\delta_{ij}|` up to the epsilon of their precision, and the matrices decomposed in a
    random orthonormal basis: the couplings of such copies are those of the same network.

    Parameters
    ----------
    network : Network
    couplings : Family
        What is done to the network.
    seed : int
        Not negative; the same one gives the same copies.

    Returns
    -------
    pandas.DataFrame
        A row an intervention, in their order: matrix (what was decomposed), threshold (on its
        moduli), gap (between the moduli at the border of the sectors, relative to the largest; of
        several matrices, the least), leading_low and leading_high (the size of R in the copies),
        mass_moves and change_moves (the largest move of the removed mass and of what is removed,
        relative to the weight), determined (False where the size of R changes or one of the moves
        exceeds 0.01) and note (in words: why not, why nothing is removed, whether the size of R
        depends on the step, where the order of blocks is arbitrary).

    Raises
    ------
    ValueError, scipy.linalg.LinAlgError
        As `rnnschur.coordinates.schur.ordered_real_schur`.

    Examples
    --------
    >>> chain = np.eye(40, k=1)  # one Jordan block
    >>> network = Network("tanh", {"W_hh": chain, "W_xh": chain[:, :1], "W_hy": chain[:1]})
    >>> determinacy(network, Family(), seed=0)["determined"].any()
    np.False_
    """
    rng = streams.generator(seed, "rounding")
    networks = [network, *(rounded(network, rng) for _ in range(COPIES))]
    matrices = network.cell.matrices(network.weights)
    borders = {
        (name, alpha): _Border.of(networks, name, recurrent.threshold(alpha))
        for name, recurrent in matrices.items()
        for alpha in couplings.alphas
    }
    rows = []
    for same in zip(*map(couplings.of, networks), strict=True):
        alpha, matrix = same[0].labels["alpha"], same[0].labels.get("matrix", network.headline[0])
        members = list(matrices) if matrix == ALL else [matrix]
        row = {"matrix": matrix, "threshold": matrices[members[0]].threshold(alpha)}
        rows.append(row | _row(networks, same, [borders[name, alpha] for name in members]))
    return pd.DataFrame(rows)


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


@dataclass(frozen=True)
class _Border:
    """Where the sectors of a matrix part, in the network and in its copies.

    Attributes
    ----------
    sizes : tuple of int
        Of R, in the network and in each copy.
    gap : float
        Between the moduli on both sides, relative to the largest; NaN where C is empty.
    empty : dict of str to str
        Couplings without entries, and why they have none.
    tied : tuple of str
        Sectors with neighbouring blocks that rounding may swap.
    """

    sizes: tuple[int, ...]
    gap: float
    empty: dict[str, str]
    tied: tuple[str, ...]

    @classmethod
    def of(cls, networks: Sequence[Network], name: str, threshold: float) -> _Border:
        """Return the border in a matrix of some networks."""
        forms = [network.schur(name) for network in networks]
        sizes = [int(np.count_nonzero(leading_rows(form, threshold))) for form in forms]
        moduli = np.array([np.repeat(form.moduli, form.sizes) for form in forms])
        schur, size, width = forms[0], sizes[0], moduli.shape[1]
        gap = np.nan
        if size < width:
            gap = (moduli[0, size - 1] - moduli[0, size]) / moduli[0].max()
        masks = coupling_masks(schur, threshold)
        reasons = {"RR": "R is one block", "CR": "C is empty", "CC": "C is one block"}
        if size == width:
            reasons["CC"] = "C is empty"
        empty = {c: reasons[c] for c in COUPLINGS if not masks[c].any()}
        if not schur.T.any():
            empty = dict.fromkeys(COUPLINGS, f"{name} is zero")
        # Neighbours tie where rounding may swap them.
        moved = np.ptp(moduli, axis=0)
        one, next_ = schur.starts[:-1], schur.starts[1:]
        apart = moduli[0, one] - moduli[0, next_]
        ties = apart <= np.maximum(moved[one] + moved[next_], schur.tolerance)
        tied = [s for s, inside in (("R", next_ < size), ("C", one >= size)) if ties[inside].any()]
        return cls(tuple(sizes), float(gap), empty, tuple(tied))


def _row(
    networks: Sequence[Network], same: Sequence[Intervention], borders: Sequence[_Border]
) -> dict[str, object]:
    """Return what is known of one intervention on a network and on its copies."""
    one, sizes = same[0], list(zip(*(border.sizes for border in borders), strict=True))
    first, *others = (_change(network, i) for network, i in zip(networks, same, strict=True))
    norm = _norm({name: networks[0].weights[name] for name in first}) or 1.0
    mass_moves = max(abs(copy.mass - one.mass) for copy in same)
    change_moves = max(_norm({n: other[n] - first[n] for n in first}) for other in others) / norm
    unsure = []
    if one.removed != RECURRENCE and len(set(sizes)) > 1:
        unsure.append(f"|R| is {' or '.join(dict.fromkeys(str(sum(s)) for s in sizes))}")
    if mass_moves > LARGEST_MOVE:
        unsure.append(f"the mass moves by {mass_moves:.2g}")
    elif change_moves > LARGEST_MOVE:
        unsure.append(f"what is removed moves by {change_moves:.2g}")
    notes = _remarks(one, borders, _precision(networks[0]))
    if unsure:
        notes.insert(0, f"sectors not determined: {', '.join(unsure)} in rounded copies")
    return {
        "gap": min((border.gap for border in borders if border.gap >= 0), default=np.nan),
        "leading_low": min(map(sum, sizes)),
        "leading_high": max(map(sum, sizes)),
        "mass_moves": mass_moves,
        "change_moves": change_moves,
        "determined": not unsure,
        "note": "; ".join(notes),
    }


def _remarks(one: Intervention, borders: Sequence[_Border], precision: float) -> list[str]:
    """Return what else is to be said of an intervention."""
    couplings, labels, notes = SUBSET_COUPLINGS.get(one.removed, ()), one.labels, []
    if couplings and one.mass <= precision:
        reasons = [b.empty.get(c, f"no {c} beyond rounding") for c in couplings for b in borders]
        notes.append(f"nothing to remove: {', '.join(dict.fromkeys(reasons))}")
    finer = [labels[name] for name in ("leading_half", "leading_quarter") if name in labels]
    if set(finer) - {labels["leading"]}:
        steps = ", ".join(map(str, [labels["leading"], *finer]))
        notes.append(f"|R| depends on the step: {steps} at a, a/2, a/4")
    for sector, coupling in (("R", "RR"), ("C", "CC")):
        if coupling in couplings and any(sector in border.tied for border in borders):
            notes.append(f"order within {sector} arbitrary")
    return notes


def _change(network: Network, intervention: Intervention) -> dict[str, np.ndarray]:
    """Return what an intervention adds to the weights that it changes."""
    return {name: w - network.weights[name] for name, w in intervention.changes.items()}


def _norm(weights: Mapping[str, np.ndarray]) -> float:
    """Return the norm of several weights as if they were one."""
    return frobenius([frobenius(weight) for weight in weights.values()])


def _precision(network: Network) -> float:
    """Return what rounding makes of nothing, relative to the norm of a matrix."""
    return network.sizes["unit"] * float(np.finfo(network.dtype).eps)
