"""Figures of how far the verdicts hold: borders, strengths, readouts and other sequences."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.findings import unbounded
from rnnschur.metrics import METRICS
from rnnschur.report.figures.style import (
    COLOURS,
    COLUMN,
    LINES,
    MARKERS,
    ORDER,
    PALETTE,
    TEXT,
    condition_grid,
    coupling_strip,
    label_outer,
    legend_below,
    name_conditions,
    places,
    rows_of,
)

#: Rollout differences below are drawn here: identical outputs have no place on a logarithmic axis.
LEAST = 1e-3


def borders(table: pd.DataFrame, epsilon: float) -> Figure:
    """Draw what each coupling costs at every border, and how wide the gap in modulus is there.

    A line a network, and the median over networks; where a network has no border, its last one
    below counts. A network that ran away without the coupling is above all others there, and has
    a gap in its line.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of borders.csv, of one task.
    epsilon : float
        Largest rollout difference of a stabilizer.
    """
    figure, axes = _stacked(table, (0.36, 0.28, 0.16))
    for condition, (differences, damages, gaps) in axes:
        rows = rows_of(table, condition)
        rows = rows[rows["learned"]]
        lost = rows["rollout_difference"].isna()
        rows = rows.assign(
            rollout_difference=unbounded(rows["rollout_difference"]).clip(lower=LEAST),
            damage=rows["damage"].mask(lost, np.inf),
        )
        for column, axis in (("rollout_difference", differences), ("damage", damages)):
            for coupling in COUPLINGS:
                curves = _curves(rows[rows["removed"] == coupling], column)
                axis.plot(curves.index, curves, color=COLOURS[coupling], linewidth=0.4, alpha=0.35)
                axis.plot(
                    curves.index,
                    curves.median(axis=1),
                    color=COLOURS[coupling],
                    linewidth=1.6,
                    linestyle=LINES[coupling],
                    label=coupling,
                )
        curves = _curves(rows[rows["removed"] == "CC"], "gap", fill=False)
        last = curves.notna().iloc[::-1].idxmax()  # from there to 0, which is no gap
        inner = curves.mask(curves.index.to_numpy()[:, None] >= last.to_numpy())
        gaps.plot(inner.index, inner, ".", color="0.4", markersize=2)
        differences.axhline(
            epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$"
        )
        differences.set(yscale="log", ylabel="d")
        damages.set(ylabel="damage")
        damages.axhline(0, color="0.3", linewidth=0.5)
        gaps.set(ylabel="gap", xlabel="size of R")
        _logarithmic(gaps)
    label_outer(figure, ticks=False)
    legend_below(figure)
    return figure


def _curves(rows: pd.DataFrame, column: str, fill: bool = True) -> pd.DataFrame:
    """Return a column by size of R, a column a network."""
    wide = rows.pivot_table(index="leading", columns="seed", values=column)
    if not fill or wide.empty:
        return wide
    return wide.reindex(range(1, int(wide.index.max()) + 1)).ffill()


def graded(table: pd.DataFrame, epsilon: float) -> Figure:
    """Draw the rollout difference at every strength of each coupling: median and range.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of graded.csv, of one task. Factor 1 is the network itself and left out.
    epsilon : float
        Largest rollout difference of a stabilizer.
    """
    figure, axes = condition_grid(table, 0.72, sharex=True, sharey=True)
    for condition, axis in axes:
        rows = rows_of(table, condition)
        rows = rows[rows["learned"]]
        for coupling in COUPLINGS:
            points = rows[rows["removed"] == coupling]
            by = unbounded(points["rollout_difference"]).groupby(points["factor"])
            median, low, high = (
                f.where(f.index != 1).clip(lower=LEAST) for f in (by.median(), by.min(), by.max())
            )
            style = {"marker": MARKERS[coupling], "linestyle": LINES[coupling], "markersize": 3}
            axis.plot(median.index, median, **style, color=COLOURS[coupling], label=coupling)
            axis.fill_between(
                median.index, low, high, color=COLOURS[coupling], alpha=0.15, linewidth=0
            )
        axis.axvline(1, color="0.6", linewidth=0.8, linestyle=":", label="as trained")
        axis.axhline(epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$")
        axis.set(yscale="log", xlabel="factor of the coupling", ylabel="rollout difference")
    label_outer(figure)
    legend_below(figure)
    return figure


def readout(table: pd.DataFrame) -> Figure:
    """Draw the measure under every ablation, with the readout as it was and fitted again.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of readout.csv, of one task; none where no readout can be fitted.
    """
    if table.empty:
        figure, axis = plt.subplots(figsize=(COLUMN, 1))
        axis.text(0.5, 0.5, "no linear readout,\nor no sequences to fit it on", ha="center")
        axis.set_axis_off()
        return figure
    metric = METRICS[table["metric"].iloc[0]]
    figure, axes = condition_grid(table, 0.72, sharex=True, sharey=True)
    styles = {"fixed": (-0.17, "o", PALETTE[0]), "refitted": (0.17, "s", PALETTE[1])}
    for condition, axis in axes:
        rows = rows_of(table, condition)
        rows = rows[rows["learned"] & rows["removed"].isin(ORDER)]
        for kind, (offset, marker, colour) in styles.items():
            points = rows[rows["readout"] == kind]
            place = points["removed"].map(ORDER.index) + offset
            place = place + _spread(points["seed"], 0.2)
            style = {"markersize": 2.5, "alpha": 0.5, "markeredgewidth": 0, "color": colour}
            axis.plot(place, points["value"], marker, **style, label=f"readout {kind}")
        value, name = metric.reference
        if not np.isnan(value):
            axis.axhline(value, color="0.6", linewidth=0.8, linestyle=":", label=name)
        if metric.absolute:
            axis.set_ylim(-0.03, 1.05)
        else:
            axis.set_yscale("log")
        coupling_strip(axis)
        axis.set_ylabel(metric.label)
    label_outer(figure)
    legend_below(figure)
    return figure


def shift(table: pd.DataFrame, epsilon: float) -> Figure:
    """Draw the rollout difference of each coupling on other sequences, over the intact measure.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of shift.csv, of one task.
    epsilon : float
        Largest rollout difference of a stabilizer.
    """
    shifts, metric = list(table["shift"].drop_duplicates()), METRICS[table["metric"].iloc[0]]
    figure, axes = _stacked(table, (0.45, 0.22))
    for condition, (differences, values) in axes:
        rows = rows_of(table, condition)
        rows = rows[rows["learned"]]
        for index, coupling in enumerate(COUPLINGS):
            points = rows[rows["removed"] == coupling]
            place = points["shift"].map(shifts.index) + 0.25 * (index - 1)
            differences.plot(
                place + _spread(points["seed"], 0.15),
                points["rollout_difference"].clip(lower=LEAST),
                MARKERS[coupling],
                markersize=2.5,
                alpha=0.6,
                markeredgewidth=0,
                color=COLOURS[coupling],
                label=coupling,
            )
        intact = rows[rows["removed"] == "none"]
        place = intact["shift"].map(shifts.index) + _spread(intact["seed"], 0.5)
        values.plot(place, intact["value"], ".", markersize=3, color="0.4")
        differences.axhline(
            epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$"
        )
        differences.set(yscale="log", ylabel="d")
        values.set_ylabel("intact")
        if metric.absolute:
            values.set_ylim(-0.03, 1.05)
        else:
            _logarithmic(values)
        values.set_xticks(range(len(shifts)), shifts, rotation=90)
    label_outer(figure, ticks=False)
    legend_below(figure)
    return figure


def _logarithmic(axis: plt.Axes) -> None:
    """Make an axis logarithmic, if it shows anything that has a logarithm."""
    if axis.dataLim.minposy < np.inf:
        axis.set_yscale("log")


def _spread(seeds: pd.Series, width: float) -> pd.Series:
    """Return small shifts to the side, by seed, so that points show."""
    rank = seeds.rank(method="dense") - 1
    return (rank / max(1, rank.max()) - 0.5) * width


def _stacked(table: pd.DataFrame, ratios: tuple[float, ...]):
    """Lay out one task's conditions as `condition_grid` does, each as axes on top of each other.

    Returns
    -------
    figure : Figure
    axes : list of (condition, list of Axes)
        Of each condition the axes from top to bottom, which share their horizontal axis, and the
        vertical one with those of the other conditions; their heights over their width are
        `ratios`.
    """
    rows, columns, conditions = places(table)
    width, several = COLUMN if columns == 1 else TEXT, len(ratios)
    height = (sum(ratios) + 0.25) * width / columns
    figure, grid = plt.subplots(
        rows * several,
        columns,
        figsize=(width, rows * height + 0.3),
        squeeze=False,
        height_ratios=ratios * rows,
    )
    found = [
        (condition, list(grid[row * several : (row + 1) * several, column]))
        for condition, row, column in conditions
    ]
    for number, (_, axes) in enumerate(found):
        for axis in axes[:-1]:
            axis.sharex(axes[-1])
            axis.tick_params(labelbottom=False)
        if number:
            for axis, first in zip(axes, found[0][1], strict=True):
                axis.sharey(first)
    for axis in set(grid.flat) - {axis for _, axes in found for axis in axes}:
        axis.set_visible(False)
    name_conditions(figure, [(condition, axes[0]) for condition, axes in found])
    return figure, found
