"""Figures of eigenvalues: their phases beside those of a replay, and moduli that were planted."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.phases import overlap
from rnnschur.report.figures.style import (
    PALETTE,
    grid,
    label_outer,
    legend_below,
    rows_of,
    title,
    words,
)


def phases(table: pd.DataFrame, replays: dict[str, list[int]]) -> Figure:
    """Draw how far the phases of an architecture are from a replay's, tasks down, widths across.

    Bars are shares of the eigenvalues of sector R, all networks of a condition together; lines are
    what the targets see of an eigenvalue (`rnnschur.coordinates.phases`).

    Parameters
    ----------
    table : pandas.DataFrame
        As `rnnschur.findings.phase_table` returns it, of one architecture.
    replays : dict of str to list of int
        Replays that the stages of each task's training ask for, the task's own last.
    """
    tasks, widths = list(table["task"].unique()), sorted(table["width"].unique())
    (architecture,) = table["architecture"].unique()
    figure, axes = grid(len(tasks), len(widths), 0.72, sharex=True, sharey=True)
    errors, bins = np.linspace(0, 0.5, 501), np.linspace(0, 0.5, 21)
    for task, line in zip(tasks, axes, strict=True):
        for width, axis in zip(widths, line, strict=True):
            condition = task, architecture, width
            rows = rows_of(table, condition)
            rows = rows[rows["sector"] == "R"]
            axis.set_visible(len(rows) > 0)
            groups = [rows[rows["learned"]], rows[~rows["learned"]]]
            axis.hist(
                [group["phase_error"] for group in groups],
                bins,
                weights=[np.full(len(group), 1 / max(1, len(rows))) for group in groups],
                stacked=True,
                color=[PALETTE[0], PALETTE[1]],
                label=["networks that learned", "networks that did not"],
            )
            counts = dict.fromkeys(replays[task][::-1])
            for count, style in zip(counts, ("-", "--", ":"), strict=False):
                seen = overlap(errors, count)
                axis.plot(
                    errors, seen, style, color="0.2", linewidth=1, label=f"overlap, R = {count}"
                )
            axis.set(
                title=title(task, "", width).replace(", ,", ","), xlim=(0, 0.5), ylim=(0, 1.02)
            )
            axis.set_xlabel("phase error [2π / period]")
            axis.set_ylabel("share, or overlap")
    figure.suptitle(architecture, fontweight="bold")
    label_outer(figure)
    legend_below(figure)
    return figure


def planted(moduli: pd.DataFrame, masses: pd.DataFrame) -> Figure:
    """Draw found moduli over the planted ones, and the mass of found couplings over the planted.

    Parameters
    ----------
    moduli, masses : pandas.DataFrame
        Rows of `rnnschur.coordinates.planted.moduli` and `masses`, under the names of networks.
    """
    figure, axes = grid(1, 2, 0.9)
    for table, axis, quantity, found, what in (
        (moduli, axes[0, 0], "planted", "modulus", "modulus of an eigenvalue"),
        (masses, axes[0, 1], "planted_mass", "found_mass", "mass of the couplings"),
    ):
        axis.axline((0, 0), slope=1, color="0.6", linewidth=0.8, label="equal")
        for index, (task, rows) in enumerate(table.groupby("task", sort=False)):
            axis.plot(
                rows[quantity],
                rows[found],
                "osD^v"[index % 5],
                markersize=3,
                alpha=0.5,
                color=PALETTE[index % len(PALETTE)],
                label=words(task),
            )
        axis.set(xlabel=f"{what}, planted", ylabel="found", aspect="equal")
    legend_below(figure)
    return figure
