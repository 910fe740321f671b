"""The picture of the diagnosis of one network."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rnnschur.interventions.base import RECURRENCE
from rnnschur.metrics import METRICS
from rnnschur.report.figures.style import (
    COLUMN,
    ORDER,
    PALETTE,
    STYLE,
    TEXT,
    coupling_strip,
    grid,
    legend_below,
)

#: What is smaller is drawn here, on axes that have no zero.
FLOOR = 1e-4

#: Marker and colour of each verdict; rows without one are not `determined`.
VERDICTS = {
    "stabilizer": ("o", PALETTE[2]),
    "negligible": (".", "0.5"),
    "intermediate": ("s", PALETTE[1]),
    "fragile": ("X", PALETTE[3]),
    "no verdict": ("$?$", "0.5"),
}


@mpl.rc_context(STYLE)  # whatever the style of the session
def profile(table: pd.DataFrame) -> Figure:
    """Draw what a diagnosis says: behaviour and rollout difference under every ablation.

    Bars are intervals over sequences, lines the bounds of the criterion; several thresholds stand
    beside each other, from the first to the last.

    Parameters
    ----------
    table : pandas.DataFrame
        Of one network, as `rnnschur.diagnose` returns it, all of it or some rows.
    """
    matrices = list(dict.fromkeys(table["matrix"]))
    columns = ["rollout_difference"]
    if table["value"].notna().any():
        columns.insert(0, "value")
    width = TEXT if len(columns) == 2 else 1.4 * COLUMN
    size = {"ratio": 0.6, "width": width}
    figure, axes = grid(len(matrices), len(columns), **size, sharex=True, sharey="col")
    for matrix, line in zip(matrices, axes, strict=True):
        rows = table[table["matrix"] == matrix]
        for column, axis in zip(columns, line, strict=True):
            _points(axis, rows, column)
            _scale(axis, rows, column)
            axis.set_title(f"{matrix}, |R| = {_listed(rows['leading'])}")
    shown = [*ORDER, *([RECURRENCE] if (table["removed"] == RECURRENCE).any() else [])]
    for axis in axes[-1]:
        coupling_strip(axis, shown)
        axis.set_xlabel(rf"■ removed ($\alpha$ = {_listed(table['alpha'])})")
    legend_below(figure)
    return figure


def _points(axis: plt.Axes, rows: pd.DataFrame, column: str) -> None:
    """Draw the rows of one matrix with their intervals, a marker a verdict."""
    alphas = list(dict.fromkeys(rows["alpha"]))
    offsets = 0.2 * (np.arange(len(alphas)) - (len(alphas) - 1) / 2)
    places = rows["removed"].map([*ORDER, RECURRENCE].index)
    places = places + rows["alpha"].map(dict(zip(alphas, offsets, strict=True)))
    given = rows["verdict"].where(rows["verdict"].notna(), "no verdict")
    least = FLOOR if column == "rollout_difference" else -np.inf
    ends = rows[[column, f"{column}_low", f"{column}_high"]].clip(lower=least)
    for verdict, (marker, colour) in VERDICTS.items():
        some = (given == verdict).to_numpy()
        if some.any():
            value, low, high = ends[some].to_numpy(float).T
            bars = np.nan_to_num([value - low, high - value], nan=0.0, posinf=0.0).clip(0)
            style = {"color": colour, "linewidth": 1, "markersize": 5, "label": verdict}
            axis.errorbar(places[some], value, yerr=bars, linestyle="none", marker=marker, **style)


def _scale(axis: plt.Axes, rows: pd.DataFrame, column: str) -> None:
    """Draw the lines that the points are read against."""
    if column == "rollout_difference":
        first = rows.iloc[0]
        for bound, style, label in (
            ("epsilon", "--", r"$\epsilon$"),
            ("fragile", ":", "fragile from"),
        ):
            level = first["rollout_difference"] - first[f"from_{bound}"]
            if level > 0:
                axis.axhline(level, color="0.3", linewidth=0.8, linestyle=style, label=label)
        axis.set(yscale="log", ylabel="rollout difference")
        return
    metric = METRICS[rows["metric"].iloc[0]]
    intact = rows["value"] - rows["delta"]
    axis.axhline(intact.iloc[0], color="0.6", linewidth=0.8, label="intact")
    axis.set_ylabel(metric.label)
    if metric.absolute:
        axis.set_ylim(-0.03, 1.05)
    elif rows["value"].min() > 0 and rows["value"].max() > 10 * rows["value"].min():
        axis.set_yscale("log")


def _listed(values: pd.Series) -> str:
    """Return the different values of a column in words."""
    return ", ".join(f"{value:g}" for value in dict.fromkeys(values))
