"""What couplings cost in networks whose states are small or large."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.report.figures.style import COLOURS, MARKERS, grid, legend_below
from rnnschur.tables import NETWORK

#: What is smaller is drawn here, on axes that have no zero.
LEAST = 1e-4

#: Columns of the figure, by their labels.
ACROSS = {"mean_state": "mean state, mean of |h|", "rotated": "rollout difference, rotation"}


def dial(
    rotations: pd.DataFrame,
    borders: pd.DataFrame,
    bits: Mapping[str, int],
    alpha: float,
    epsilon: float,
) -> Figure:
    """Draw damage, masses and |R| against the size of the states and against what rotations cost.

    Parameters
    ----------
    rotations, borders : pandas.DataFrame
        Rows of rotations.csv and borders.csv. Networks that did not learn are left out.
    bits : mapping of str to int
        By task, the bits that a network must keep; other tasks are left out.
    alpha : float
        The threshold whose border is shown, beside the one that puts as many rows into R as there
        are bits.
    epsilon : float
        The bound of the rollout difference, drawn as a line.

    Returns
    -------
    Figure
        One point a network and coupling: rollout difference and damage at either border, removed
        mass and |R| at the one of alpha.
    """
    places = rotations[rotations["learned"] & rotations["task"].isin(bits)]
    places = places.rename(columns={"rollout_difference": "rotated"})
    rows = borders.merge(places[[*NETWORK, *ACROSS]], on=NETWORK)
    by_alpha = rows[(rows["alpha_low"] < alpha) & (alpha <= rows["alpha_high"])]
    by_bits = rows[rows["leading"] == rows["task"].map(bits)]
    at = f"border at $\\alpha$ = {alpha:g}"
    shown = [
        (by_alpha, "rollout_difference", f"rollout difference,\n{at}"),
        (by_alpha, "damage", f"damage,\n{at}"),
        (by_bits, "rollout_difference", "rollout difference,\n|R| = bits"),
        (by_bits, "damage", "damage,\n|R| = bits"),
        (by_alpha, "removed_mass", f"removed mass,\n{at}"),
        (by_alpha, "leading", f"|R|,\n{at}"),
    ]
    figure, axes = grid(len(shown), len(ACROSS), 0.42, sharex="col", sharey="row")
    for row, (table, quantity, label) in zip(axes, shown, strict=True):
        for axis, place in zip(row, ACROSS, strict=True):
            for coupling in COUPLINGS:
                points = table[table["removed"] == coupling]
                values = points[quantity]
                if quantity == "rollout_difference":
                    values = values.clip(lower=LEAST)
                if quantity != "leading":
                    axis.plot(
                        *(points[place], values, MARKERS[coupling]),
                        **{"color": COLOURS[coupling], "label": coupling},
                        **{"markersize": 3, "alpha": 0.6, "markeredgewidth": 0},
                    )
                elif coupling == COUPLINGS[0]:  # of all three the same
                    axis.plot(points[place], values, ".", color="0.3")
            if quantity == "rollout_difference":
                axis.axhline(epsilon, **{"color": "0.3", "linestyle": "--", "label": r"$\epsilon$"})
                axis.set_yscale("log")
            if quantity == "damage":
                axis.axhline(0, color="0.3", linewidth=0.5)
            axis.set_xscale("log")
        row[0].set_ylabel(label)
    for axis, label in zip(axes[-1], ACROSS.values(), strict=True):
        axis.set_xlabel(label)
    legend_below(figure)
    return figure
