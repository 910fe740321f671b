"""Figures of removable mass: how far a matrix can be emptied, by coordinates and order."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from rnnschur.coordinates.schur import OrderedSchur
from rnnschur.coordinates.sectors import leading_rows
from rnnschur.report.figures.style import (
    PALETTE,
    TEXT,
    add_finding,
    condition_grid,
    label_outer,
    legend_below,
    rows_of,
)

MARKERS = "osD^Xv"


def removable(table: pd.DataFrame, ranking: str) -> Figure:
    """Draw the removable mass over epsilon, a line a basis: median over networks, and their range.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of frontier.csv of one task. Networks that did not learn are left out.
    ranking : str
        The order in which entries go.
    """
    bases = list(table["basis"].unique())  # couplings first
    figure, axes = condition_grid(table, 0.8, sharex=True, sharey=True)
    for condition, axis in axes:
        rows = rows_of(table[table["learned"] & (table["ranking"] == ranking)], condition)
        for basis, colour, marker in zip(bases, PALETTE, MARKERS, strict=False):
            some = rows[rows["basis"] == basis]
            masses = some.groupby("epsilon")["removed_mass"]
            middle = masses.median()
            axis.fill_between(middle.index, masses.min(), masses.max(), color=colour, alpha=0.15)
            axis.plot(middle, marker=marker, markersize=3, linewidth=1, color=colour, label=basis)
        couplings = rows.loc[rows["basis"] == bases[0], "available"].median()
        axis.axhline(
            couplings, ls=":", linewidth=0.9, color=PALETTE[0], label="all Schur couplings"
        )
        axis.set(xscale="log", xlabel=r"rollout difference $\epsilon$", ylabel="removable mass")
        axis.set_xticks(sorted(table["epsilon"].dropna().unique()))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.tick_params(axis="x", labelrotation=90)
    label_outer(figure)
    legend_below(figure)
    return figure


def rankings(table: pd.DataFrame, epsilon: float) -> Figure:
    """Draw the removable mass at one epsilon for every basis and order, one point a network.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of frontier.csv of one task. Networks that did not learn are left out.
    epsilon : float
    """
    figure, axes = condition_grid(table, 0.9, sharex=True, sharey=True)
    table = table[table["epsilon"] == epsilon]
    bases, orders = (list(table[name].unique()) for name in ("basis", "ranking"))
    table = table[table["learned"]]
    for condition, axis in axes:
        rows = rows_of(table, condition)
        for index, (ranking, colour) in enumerate(zip(orders, PALETTE, strict=False)):
            some = rows[rows["ranking"] == ranking]
            places = some["basis"].map(bases.index) + 0.19 * (index - 1.5)
            axis.plot(
                *(places, some["removed_mass"], "o"),
                markersize=2,
                alpha=0.4,
                color=colour,
                markeredgewidth=0,
            )
            middle = some["removed_mass"].groupby(places).median()
            style = {"markersize": 4.5, "markeredgecolor": "black", "markeredgewidth": 0.6}
            axis.plot(middle, MARKERS[index % 6], color=colour, **style, label=ranking)
        axis.set_xticks(range(len(bases)), bases, rotation=90)
        for border in np.arange(len(bases) - 1) + 0.5:
            axis.axvline(border, color="0.9", linewidth=0.6)
        axis.set_ylabel(rf"mass at $\epsilon$ = {epsilon:g}")
        best = rows.groupby(["basis", "ranking"])["removed_mass"].median()
        if best.notna().any():
            add_finding(axis, f"most: {best.idxmax()[0]}, {best.max():.2g}")
    label_outer(figure)
    legend_below(figure)
    return figure


def blocks(
    masses: np.ndarray, costs: np.ndarray, schur: OrderedSchur, alpha: float, heading: str
) -> Figure:
    """Draw mass and cost of every pair of Schur blocks, with the borders of the sectors.

    Parameters
    ----------
    masses, costs : numpy.ndarray, shape (n_blocks, n_blocks)
        Removed mass, and the rollout difference that is foretold, where all entries of a pair go.
    schur : OrderedSchur
    alpha : float
        Threshold between the sectors.
    heading : str
    """
    figure, axes = plt.subplots(1, 2, figsize=(TEXT, 0.46 * TEXT))
    border = np.count_nonzero(leading_rows(schur, alpha)[schur.starts]) - 0.5
    for axis, array, words in (
        (axes[0], masses, "removed mass"),
        (axes[1], costs, "foretold rollout difference"),
    ):
        peak = np.nanmax(array, initial=0) or 1.0  # costs may be unknown
        image = axis.imshow(
            np.where(array > 0, array, np.nan),
            norm=LogNorm(peak * 1e-3, peak),
            cmap="viridis",
            interpolation="none",
        )
        axis.axhline(border, color="crimson", linewidth=1)
        axis.axvline(border, color="crimson", linewidth=1)
        axis.set(title=words, xlabel="source block", ylabel="target block")
        figure.colorbar(image, extend="min")
    figure.suptitle(heading, fontweight="bold")
    return figure
