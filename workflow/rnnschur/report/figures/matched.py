"""Where couplings lie among changes that are as large."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.report.figures.style import title
from rnnschur.tables import CONDITION


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
        figure, axis = plt.subplots(figsize=(4.6, 1.5))
        axis.text(0.5, 0.5, "no coupling is large enough to have controls", ha="center")
        axis.set_axis_off()
        return figure
    controls = list(table["control"].drop_duplicates())
    size = 3.4 + 2.7 * len(COUPLINGS), 1.9 + 0.36 * len(conditions)
    figure, axes = plt.subplots(1, len(COUPLINGS), figsize=size, sharey=True)
    colours = plt.get_cmap("coolwarm").with_extremes(bad="0.9")
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
                markersize=3.5,
                color="black",
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
        image = axis.imshow(medians, cmap=colours, vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(controls)), controls, rotation=45, ha="right")
        axis.set_yticks(range(len(conditions)), [title(*condition) for condition in conditions])
        axis.set(title=f"without {coupling}", xlim=(-0.5, len(controls) - 0.5))
        axis.set_xticks(np.arange(len(controls) - 1) + 0.5, minor=True)
        axis.set_yticks(np.arange(len(conditions) - 1) + 0.5, minor=True)
        axis.grid(which="minor", color="white", linewidth=1.5)
        axis.tick_params(which="both", length=0)
        axis.spines[:].set_visible(False)
    label = "quantile among the draws\n0: safer than all, 1: worse"
    figure.colorbar(image, ax=axes, label=label, ticks=[0, 0.5, 1])
    return figure
