"""The paper's diagnosis of one network: remove couplings, roll out, measure the damage."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from rnnschur.ablation import SUBSETS, ablations
from rnnschur.behaviour import damage, measure, rollout_difference, sensitivity
from rnnschur.schur import OrderedSchur
from rnnschur.sectors import leading_rows


def diagnose(
    W_hh: np.ndarray,
    W_xh: np.ndarray,
    W_hy: np.ndarray,
    schur: OrderedSchur,
    alphas: Sequence[float],
    metric: str,
    inputs: np.ndarray,
    targets: np.ndarray,
    rollout: Callable,
) -> pd.DataFrame:
    """Measure a network under every ablation at every threshold.

    Input and readout weights stay as they are and nothing is retrained (paper, structured
    ablation). Matrices that coincide, as they do where two thresholds draw the same border, are
    rolled out once.

    Parameters
    ----------
    W_hh, W_xh, W_hy : numpy.ndarray, shapes (N, N), (N, inputs), (outputs, N)
    schur : rnnschur.schur.OrderedSchur
        Of `W_hh`.
    alphas : sequence of float
        Thresholds on the eigenvalue modulus, relative to the spectral radius.
    metric : str
        A measure of `rnnschur.behaviour.METRICS`.
    inputs, targets : numpy.ndarray, shapes (T, B, inputs), (T - onset, B, outputs)
        Held-out sequences.
    rollout : callable
        The forward pass, see `rnnschur.rollout.by_engine`.

    Returns
    -------
    pandas.DataFrame
        One row an alpha and ablation. Columns: alpha, leading (rows of the sector R), removed,
        metric, value, delta (value minus the intact network's), removed_mass and removed_share
        (||dT||_F / ||T||_F and its square), sensitivity (damage per removed mass; damage is delta
        for FVU and -delta for accuracy) and rollout_difference.
    """
    matrices, masses = zip(*(ablations(W_hh, schur, alpha) for alpha in alphas), strict=True)
    matrices = np.concatenate(matrices).astype(W_hh.dtype)
    _, first, which = np.unique(
        [matrix.tobytes() for matrix in matrices], return_index=True, return_inverse=True
    )
    onset = len(inputs) - len(targets)
    outputs = rollout(W_xh, matrices[first], W_hy, inputs, onset)

    intact = which[SUBSETS.index("none")]
    value = measure(metric, outputs, targets)
    table = pd.DataFrame(
        {
            "alpha": np.repeat(np.asarray(alphas, dtype=float), len(SUBSETS)),
            "leading": np.repeat(
                [np.count_nonzero(leading_rows(schur, alpha)) for alpha in alphas], len(SUBSETS)
            ),
            "removed": SUBSETS * len(alphas),
            "metric": metric,
            "value": value[which],
            "delta": (value - value[intact])[which],
            "removed_mass": np.concatenate(masses),
        }
    )
    table["removed_share"] = table["removed_mass"] ** 2
    table["sensitivity"] = sensitivity(damage(metric, table["delta"]), table["removed_mass"])
    table["rollout_difference"] = rollout_difference(outputs, outputs[intact])[which]
    return table
