"""Figures of activity and linearity: energy in sectors, linear response, rotations."""

import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.activity import PARTS
from rnnschur.report.figures.style import (
    COLUMN,
    PALETTE,
    add_finding,
    condition_grid,
    grid,
    label_outer,
    legend_below,
    rows_of,
    task_grid,
    words,
)

#: What is drawn at the edge of an axis, since it has no logarithm or is next to nothing.
LEAST = 1e-4  # of differences
LINEAR = 1e-8  # of a nonlinearity

#: Of the parts of a coupling: the whole in black, the rest in grey.
PART_COLOURS = ("0.1", *(PALETTE[index] for index in (1, 9, 2, 4, 3, 7)))


def energy(table: pd.DataFrame) -> Figure:
    """Draw the share of the states' energy in each sector over time, a line a network that learned.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns task, architecture, width, seed, learned, phase, step, R and C, of one task.
    """
    figure, axes = condition_grid(table, 0.68, sharex=True, sharey=True)
    for condition, axis in axes:
        rows = rows_of(table, condition)
        for index, (_, network) in enumerate(rows[rows["learned"]].groupby("seed")):
            for sector, colour in (("R", "#004488"), ("C", "#DDAA33")):
                axis.plot(
                    network["step"],
                    network[sector],
                    color=colour,
                    linewidth=0.8,
                    alpha=0.6,
                    label=f"sector {sector}" if index == 0 else None,
                )
        onset = rows.loc[rows["phase"] == "answer", "step"].min()
        if onset > 0:
            axis.axvline(onset, color="0.6", linewidth=0.8, linestyle=":", label="onset")
        axis.set(yscale="log", xlabel="step", ylabel="share of energy")
        answer = rows[rows["learned"] & (rows["phase"] == "answer")]
        if len(answer):
            add_finding(axis, f"answer: {answer['C'].median():.2g} in C (median)")
    label_outer(figure)
    legend_below(figure)
    return figure


def response(table: pd.DataFrame) -> Figure:
    """Draw the rollout difference of each part of a coupling over that of linear response.

    One panel a task, one point a network that learned, coupling and part. Differences below `LEAST`
    are drawn there.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns task, part, first_order, rollout_difference and learned, one row a part.
    """
    table = table[table["learned"].astype(bool)]  # a table without rows has no types
    tasks = list(table["task"].unique()) or ["no coupling counts"]
    figure, axes = task_grid(tasks, 0.8, sharex=True, sharey=True)
    for task, axis in axes:
        rows = table[table["task"] == task]
        axis.axline((LEAST, LEAST), (1, 1), color="0.6", linewidth=0.8, label="equal")
        for part, marker, colour in zip(PARTS, "osDv^oX", PART_COLOURS, strict=True):
            points = rows[rows["part"] == part]
            axis.plot(
                points["first_order"].clip(LEAST),
                points["rollout_difference"].clip(LEAST),
                marker,
                markersize=2.5,
                alpha=0.5,
                markeredgewidth=0,
                color=colour,
                label=part,
            )
        axis.set(xscale="log", yscale="log")
        axis.set(xlabel="d by linear response", ylabel="d, measured")
    label_outer(figure)
    legend_below(figure)
    return figure


def linearity(table: pd.DataFrame, epsilon: float) -> Figure:
    """Draw the rollout difference under random rotations over the nonlinearity of each network.

    Points are medians over rotations, bars reach from the smallest to the largest.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns task, nonlinearity, learned, rollout_difference and its ``_min`` and ``_max``, one
        row a network.
    epsilon : float
        Largest difference of a stabilizer.
    """
    figure, axes = grid(1, 1, 0.9, width=1.4 * COLUMN)
    (axis,) = axes.flat
    for index, (task, rows) in enumerate(table.groupby("task", sort=False)):
        for learned, points in rows.groupby("learned"):
            d = points["rollout_difference"].clip(LEAST)
            ends = [
                d - points["rollout_difference_min"].clip(LEAST),
                points["rollout_difference_max"].clip(LEAST) - d,
            ]
            axis.errorbar(
                points["nonlinearity"].clip(LINEAR),
                d,
                ends,
                fmt="osD^v"[index % 5],
                markersize=4,
                elinewidth=0.8,
                alpha=0.7,
                color=PALETTE[index % len(PALETTE)],
                markerfacecolor=None if learned else "none",
                label=words(task) + ("" if learned else ", did not learn"),
            )
    axis.axhline(epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$")
    axis.set(xscale="log", yscale="log", xlabel="nonlinearity", ylabel="d under a rotation")
    within = (table["rollout_difference"] <= epsilon)[table["learned"].astype(bool)]
    counts = within.groupby(table["task"], sort=False).agg(["sum", "size"])
    counts = counts[counts["sum"] > 0]
    texts = [f"{row['sum']} of {row['size']} {words(task)}" for task, row in counts.iterrows()]
    axis.set_title(r"rotations within $\epsilon$: " + (", ".join(texts) or "in no network"))
    legend_below(figure)
    return figure
