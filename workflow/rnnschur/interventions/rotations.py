"""Random rotations: how far a network is from one that looks the same in every basis.

A linear network does what it does in any orthonormal basis of its states, and no coupling of it
means anything. A network whose states are small is nearly linear: what a rotation leaves alone in
it, an ablation may leave alone for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnschur.coordinates.schur import frobenius
from rnnschur.coordinates.symmetries import random_rotation
from rnnschur.interventions.base import FamilyBase, Intervention
from rnnschur.linearity import activation, nonlinearity
from rnnschur.options import whole


@dataclass(frozen=True)
class Family(FamilyBase):
    """Random rotations of the whole network, and how nonlinear it is.

    Parameters
    ----------
    draws : int
    sequences : int
        Sequences, the first of those to choose on, whose states are looked at.
    """

    chooses = True

    draws: int = whole(1, default=20)
    sequences: int = whole(1, default=64)

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield the rotations.

        Labels are draw, mean_state, the mean of what units give, without their signs, and
        nonlinearity (`rnnschur.linearity.nonlinearity`); both are NaN of a cell with gates, and
        without sequences to choose on.
        """
        name, recurrent = network.headline
        found = None if fit is None else activation(network, fit.part(slice(self.sequences)))
        labels = {"mean_state": np.nan, "nonlinearity": np.nan}
        if found is not None:
            labels = {
                "mean_state": float(np.abs(found[1]).mean()),
                "nonlinearity": nonlinearity(*found),
            }
        identity = np.eye(len(recurrent.matrix))
        for draw in range(self.draws):
            rotation = random_rotation(len(identity), stream("rotation", draw))
            weights = network.cell.rotated({**network.weights, "basis": identity}, rotation)
            basis = weights.pop("basis")
            moved = network.cell.matrices(weights)[name]
            mass = frobenius(moved.changing - recurrent.changing)
            mass /= frobenius(recurrent.changing) or 1.0
            yield Intervention("rotation", weights, mass, {"draw": draw, **labels}, basis)

    def summary(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one row: medians over the draws, and the smallest and largest difference."""
        numbers = rows.drop(columns="draw").select_dtypes("number")
        row = numbers.median(skipna=False)  # one that is not a number is the worst
        difference = rows["rollout_difference"]
        table = rows[:1].drop(columns="draw").assign(**row)
        return table.assign(
            rollout_difference_min=difference.min(skipna=False),
            rollout_difference_max=difference.max(skipna=False),
        )
