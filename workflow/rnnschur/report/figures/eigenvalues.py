"""Figures of eigenvalues: their phases beside those of a replay."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.phases import overlap
from rnnschur.report.figures.style import PALETTE, grid, legend_below, rows_of, title


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
    figure, axes = grid(len(tasks), len(widths), 2.9, 2.1, sharex=True, sharey=True)
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
            for count, style in zip(replays[task][::-1], ("-", "--", ":"), strict=False):
                seen = overlap(errors, count)
                axis.plot(
                    errors, seen, style, color="0.2", linewidth=1, label=f"overlap, R = {count}"
                )
            axis.set(title=title(*condition), xlim=(0, 0.5), ylim=(0, 1.02))
            axis.set_xlabel("phase error (angles between two roots)")
            axis.set_ylabel("share, or overlap")
            axis.label_outer()
    legend_below(figure)
    return figure
