"""Controls of the diagnosis: what must change nothing, what must, and what convention decides."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from rnnschur.ablation import ablate
from rnnschur.behaviour import measure, rollout_difference
from rnnschur.nonnormality import henrici_departure
from rnnschur.schur import OrderedSchur, ordered_real_schur, shuffle_blocks, tie_borders
from rnnschur.sectors import coupling_masks, leading_rows, removed_mass
from rnnschur.symmetries import permute_and_flip, random_rotation, random_symmetry, rotate


def change_of_coordinates(
    W_hh: np.ndarray,
    W_xh: np.ndarray,
    W_hy: np.ndarray,
    schur: OrderedSchur,
    inputs: np.ndarray,
    onset: int,
    rollout: Callable,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare a network with itself after an exact symmetry, and after a rotation that is none.

    Permuting the units and flipping their signs must leave the rollout as it is, to rounding. A
    random rotation must leave moduli and departure from normality as they are, but not the
    rollout: this is why couplings have to be judged by what the network does.

    Returns
    -------
    pandas.DataFrame
        Columns control (``permutation and flips`` or ``rotation``), rollout_difference,
        moduli_change (largest, relative to the spectral radius) and departure_change (of
        Henrici's departure, relative to ||W||_F).
    """
    size = len(W_hh)
    controls = {
        "permutation and flips": permute_and_flip(W_xh, W_hh, W_hy, *random_symmetry(size, rng)),
        "rotation": rotate(W_xh, W_hh, W_hy, random_rotation(size, rng)),
    }
    intact = rollout(W_xh, W_hh, W_hy, inputs, onset)
    rows = []
    for control, (new_xh, new_hh, new_hy) in controls.items():
        form = ordered_real_schur(new_hh)
        moved = [np.ascontiguousarray(w, dtype=W_hh.dtype) for w in (new_xh, new_hh, new_hy)]
        moduli = [np.repeat(f.moduli, f.sizes) for f in (form, schur)]
        departure = henrici_departure(form) - henrici_departure(schur)
        rows.append(
            {
                "control": control,
                "rollout_difference": rollout_difference(rollout(*moved, inputs, onset), intact),
                "moduli_change": np.max(np.abs(moduli[0] - moduli[1])) / schur.moduli.max(),
                "departure_change": abs(departure) / np.linalg.norm(W_hh),
            }
        )
    return pd.DataFrame(rows)


def order_within_sectors(
    W_hh: np.ndarray,
    W_xh: np.ndarray,
    W_hy: np.ndarray,
    schur: OrderedSchur,
    alpha: float,
    near: float,
    draws: int,
    metric: str,
    inputs: np.ndarray,
    targets: np.ndarray,
    rollout: Callable,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Ablate single couplings in Schur forms whose blocks stand in another order.

    The paper orders blocks by modulus; blocks of equal modulus have no order, and trained moduli
    can be nearly equal. RR and CC depend on the order inside their sector, CR does not (see
    `rnnschur.sectors.coupling_masks`).

    Parameters
    ----------
    near : float
        Moduli that differ by at most this, relative to the spectral radius, count as nearly tied.
    draws : int
        Random orders of each kind.

    Returns
    -------
    pandas.DataFrame
        Columns order (``by modulus``: the form itself; ``ties``: blocks shuffled whose moduli
        agree to N times the single-precision epsilon, in which the weights are given; ``near
        ties``; ``any``: every order inside a sector), draw, movable (blocks with at least one
        other to swap with; a run of ties is one group), removed, removed_mass, metric, value.
    """
    border = np.count_nonzero(leading_rows(schur, alpha))
    sectors = {border} - {len(W_hh)}
    single = len(W_hh) * float(np.finfo(np.float32).eps)
    forms = [("by modulus", 0, 0, schur)]
    for order, tolerance in {"ties": single, "near ties": near, "any": 1.0}.items():
        borders = sorted(sectors | set(tie_borders(schur, tolerance)))
        _, groups = np.unique(np.searchsorted(borders, schur.starts, "right"), return_counts=True)
        movable = groups[groups > 1].sum()
        for draw in range(draws):
            forms.append((order, draw, movable, shuffle_blocks(schur, borders, rng)))

    rows, matrices = [], []
    for order, draw, movable, form in forms:
        for removed, mask in coupling_masks(form, alpha).items():
            matrices.append(ablate(W_hh, form, mask).astype(W_hh.dtype))
            mass = removed_mass(form, mask)
            row = {"order": order, "draw": draw, "movable": movable, "removed": removed}
            rows.append({**row, "removed_mass": mass})
    outputs = rollout(W_xh, np.stack(matrices), W_hy, inputs, len(inputs) - len(targets))
    return pd.DataFrame(rows).assign(metric=metric, value=measure(metric, outputs, targets))
