"""Figures of the trained networks and of their coordinates."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from rnnschur.coordinates.schur import OrderedSchur
from rnnschur.coordinates.sectors import COUPLINGS, leading_rows
from rnnschur.metrics import METRICS
from rnnschur.report.figures.style import (
    COLOURS,
    COLUMN,
    MARKERS,
    PALETTE,
    TEXT,
    add_finding,
    condition_grid,
    label_outer,
    legend_below,
    rows_of,
    task_grid,
    title,
)
from rnnschur.report.formats import digits


def learning_curves(table: pd.DataFrame, metric: str) -> Figure:
    """Draw the measure on the monitored sequences over the updates, one line a network."""
    figure, axes = condition_grid(table, 0.68, sharex=True, sharey=True)
    for condition, axis in axes:
        for _, network in rows_of(table, condition).groupby("seed"):
            style = {"linewidth": 0.6, "alpha": 0.5, "color": PALETTE[0]}
            axis.plot(network["update"], network["value"], **style)
        if not METRICS[metric].absolute:
            axis.set_yscale("log")
        axis.set(xlabel="update", ylabel=METRICS[metric].label)
    label_outer(figure)
    return figure


def spectra(table: pd.DataFrame) -> Figure:
    """Draw the eigenvalues of every network of a task with the threshold circle.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns task, architecture, width, seed, index, real, imaginary, modulus, leading (size of
        the sector R) and threshold (radius of the circle, relative to the spectral radius rho), of
        one task.
    """
    figure, axes = condition_grid(table, 0.9, sharex=True, sharey=True)
    angle = np.linspace(0, 2 * np.pi, 361)
    for condition, axis in axes:
        axis.plot(
            np.cos(angle), np.sin(angle), ":", color="0.6", linewidth=0.8, label="unit circle"
        )
        for index, (_, network) in enumerate(rows_of(table, condition).groupby("seed")):
            (threshold,) = network["threshold"].unique()
            radius = threshold * network["modulus"].max()
            leading = network["index"] < network["leading"]
            for mask, colour, name in (
                (leading, COLOURS["RR"], "sector R"),
                (~leading, COLOURS["CC"], "sector C"),
            ):
                axis.plot(
                    network["real"][mask],
                    network["imaginary"][mask],
                    ".",
                    markersize=2.5,
                    alpha=0.7,
                    color=colour,
                    label=name if index == 0 else None,
                )
            axis.plot(
                radius * np.cos(angle),
                radius * np.sin(angle),
                color="0.3",
                linewidth=0.5,
                label=rf"{threshold:.3g} $\rho$" if index == 0 else None,
            )
        axis.set(aspect="equal", xlabel="Re λ", ylabel="Im λ")
        sizes = rows_of(table, condition).groupby("seed")["leading"].first()
        same = sizes.min() == sizes.max()
        spread = "" if same else f" [{sizes.min()}, {sizes.max()}]"
        add_finding(axis, f"|R| = {sizes.median():g}{spread}")
    label_outer(figure)
    legend_below(figure)
    return figure


def schur_matrix(schur: OrderedSchur, alpha: float, heading: str) -> Figure:
    """Draw |T| on a logarithmic scale with the borders of the sectors."""
    figure, axis = plt.subplots(figsize=(COLUMN, 0.85 * COLUMN))
    magnitude = np.abs(schur.T)
    peak = magnitude.max() or 1.0
    image = axis.imshow(
        np.where(magnitude > 0, magnitude, np.nan),
        norm=LogNorm(peak * 1e-4, peak),
        cmap="viridis",
        interpolation="none",
    )
    size = len(schur.T)
    border = np.count_nonzero(leading_rows(schur, alpha))
    middle = {"R": border / 2 - 0.5, "C": (border + size) / 2 - 0.5}
    axis.axhline(border - 0.5, color="crimson", linewidth=1)
    axis.axvline(border - 0.5, color="crimson", linewidth=1)
    for source, target in ("RR", "CR", "CC") if border < size else ("RR",):
        axis.text(
            middle[source],
            middle[target],
            source + target,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "crimson", "pad": 1.5},
        )
    axis.set(title=heading, xlabel="source (Schur vector)", ylabel="target (Schur vector)")
    figure.colorbar(image, label="|T|", extend="min")
    return figure


def conditioning(networks: pd.DataFrame) -> Figure:
    """Draw the condition numbers of eigenvector matrix and Schur basis, one row a condition.

    Parameters
    ----------
    networks : pandas.DataFrame
        Columns task, architecture, width, eigenvector_condition, schur_condition.
    """
    conditions = networks[["task", "architecture", "width"]].drop_duplicates()
    conditions = [tuple(condition) for condition in conditions.itertuples(index=False)]
    figure, axis = plt.subplots(figsize=(TEXT, 0.8 + 0.2 * len(conditions)))
    for kind, marker, colour, name in (
        ("eigenvector_condition", "o", PALETTE[1], "eigenvectors, $\\kappa(V)$"),
        ("schur_condition", "|", PALETTE[0], "Schur vectors, $\\kappa(Q)$"),
    ):
        for place, condition in enumerate(conditions):
            values = rows_of(networks, condition)[kind]
            axis.plot(
                values,
                np.full(len(values), place),
                marker,
                color=colour,
                alpha=0.7,
                label=name if place == 0 else None,
            )
    axis.set_yticks(range(len(conditions)), [title(*condition) for condition in conditions])
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="condition number")
    axis.set_title(
        f"eigenvectors: up to {digits(networks['eigenvector_condition'].max())}; "
        f"Schur vectors: up to {digits(networks['schur_condition'].max())}"
    )
    legend_below(figure)
    return figure


def orders(changes: pd.DataFrame) -> Figure:
    """Draw how other orders within a sector change the measure, one panel a task.

    Parameters
    ----------
    changes : pandas.DataFrame
        As `rnnschur.findings.order_changes` returns it.
    """
    kinds = list(changes["order"].drop_duplicates())
    figure, axes = task_grid(changes["task"].drop_duplicates(), 0.8)
    for task, axis in axes:
        rows = changes[changes["task"] == task]
        for index, coupling in enumerate(COUPLINGS):
            points = rows[rows["removed"] == coupling]
            places = points["order"].map(kinds.index) + 0.25 * (index - 1)
            axis.plot(
                places,
                points["value_change"],
                MARKERS[coupling],
                markersize=2.5,
                alpha=0.4,
                markeredgewidth=0,
                color=COLOURS[coupling],
                label=f"without {coupling}",
            )
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.set_yscale("symlog", linthresh=1e-3)
        axis.set_xticks(range(len(kinds)), kinds)
        measured = METRICS[rows["metric"].iloc[0]].label
        axis.set_xlabel("blocks that may swap")
        axis.set_ylabel(f"change of {measured}")
    legend_below(figure)
    return figure
