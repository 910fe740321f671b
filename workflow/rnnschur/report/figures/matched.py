"""Where couplings lie among changes that are as large."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.report.figures.style import COLUMN, TEXT, title
from rnnschur.tables import CONDITION

#: From safe to harmful: blue to red, and light to dark, so that it reads in grey.
SCALE = LinearSegmentedColormap.from_list("safe to harmful", ["#b9dcf5", "#cfb9b4", "#c4424f"])


def matched(table: pd.DataFrame) -> Figure:
    """Draw the quantile of each coupling among the draws of each control.

    A panel a coupling, a line a condition, a field a control: its colour is the median over the
    networks that learned, and each is a point, from left (0, all draws move the outputs more) to
    right (1, all draws move them less).

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of matched.csv.
    """
    table = table[table["learned"].astype(bool)]  # no rows in a file have no type
    conditions = list(table[CONDITION].drop_duplicates().itertuples(index=False, name=None))
    if not conditions:
        figure, axis = plt.subplots(figsize=(COLUMN, 1))
        axis.text(0.5, 0.5, "no coupling is large\nenough to have controls", ha="center")
        axis.set_axis_off()
        return figure
    controls = list(table["control"].drop_duplicates())
    size = TEXT, 1.3 + 0.25 * len(conditions)
    figure, axes = plt.subplots(1, len(COUPLINGS), figsize=size, sharey=True)
    colours = SCALE.with_extremes(bad="white")
    for coupling, axis in zip(COUPLINGS, axes, strict=True):
        rows = table[table["removed"] == coupling]
        medians = np.full((len(conditions), len(controls)), np.nan)
        for (*condition, control), networks in rows.groupby([*CONDITION, "control"]):
            line, column = conditions.index(tuple(condition)), controls.index(control)
            quantiles = networks["quantile"]
            medians[line, column] = quantiles.median()
            heights = np.linspace(-0.3, 0.3, len(networks) + 2)[1:-1]  # apart, so that all show
            axis.plot(
                column + 0.7 * (quantiles - 0.5),
                line + heights,
                linestyle="none",
                marker="o",
                markersize=1.8,
                color="black",
                markeredgewidth=0,
            )
        image = axis.imshow(medians, cmap=colours, vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(controls)), controls, rotation=90)
        axis.set_yticks(range(len(conditions)), [title(*condition) for condition in conditions])
        axis.set(title=f"without {coupling}", xlim=(-0.5, len(controls) - 0.5))
        axis.set_xticks(np.arange(len(controls) - 1) + 0.5, minor=True)
        axis.set_yticks(np.arange(len(conditions) - 1) + 0.5, minor=True)
        axis.grid(which="minor", color="white", linewidth=1)
        axis.tick_params(which="both", length=0)
        axis.spines[:].set_visible(False)
    label = "quantile among the draws; 0: safer than all of them, 1: worse"
    bar = {"location": "bottom", "shrink": 0.5, "aspect": 40}
    figure.colorbar(image, ax=axes, label=label, ticks=[0, 0.5, 1], **bar)
    return figure
