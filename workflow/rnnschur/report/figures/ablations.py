"""Figures of what removing couplings does."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rnnschur.batch import Batch
from rnnschur.coordinates.sectors import COUPLINGS, SUBSET_COUPLINGS, Sectors
from rnnschur.metrics import METRICS
from rnnschur.network import Network
from rnnschur.report.figures.style import (
    COLOURS,
    NAMES,
    ORDER,
    PALETTE,
    condition_grid,
    grid,
    legend_below,
    rows_of,
    title,
)


def ablation_profile(table: pd.DataFrame, summary: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Draw the behaviour of every network of a task under every ablation.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ablations.csv, of one task and one alpha.
    summary : pandas.DataFrame
        Mean and interval over networks, see `rnnschur.statistics.summarize`.
    paper : pandas.DataFrame
        Rows of the paper's numbers: columns task, architecture, width, removed, quantity, paper.
        Its changes of FVU are drawn on top of its intact FVU.
    """
    metric = table["metric"].iloc[0]
    table, summary = (rows[rows["removed"].isin(ORDER)] for rows in (table, summary))
    figure, axes = condition_grid(table, 3.0, 2.3, sharex=True, sharey=True)
    for condition, axis in axes:
        networks = rows_of(table, condition)
        learned = networks[networks["learned"]]
        rest = networks[~networks["learned"]]
        if len(learned):
            _points(axis, learned, marker="o", color=PALETTE[0], alpha=0.5, label="network")
        if len(rest):
            _points(axis, rest, marker="x", color="0.6", label="did not learn")
        means = rows_of(summary[summary["quantity"] == "value"], condition)
        axis.errorbar(
            means["removed"].map(ORDER.index),
            means["mean"],
            yerr=[means["mean"] - means["low"], means["high"] - means["mean"]],
            linestyle="none",
            marker="_",
            markersize=12,
            color="black",
            linewidth=1,
            label="mean and interval",
        )
        printed = paper_values(rows_of(paper, condition))
        axis.plot(
            [ORDER.index(removed) for removed in printed.index],
            printed,
            linestyle="none",
            marker="D",
            markersize=5,
            markerfacecolor="none",
            markeredgecolor="crimson",
            label="paper" if len(printed) else None,
        )
        value, name = METRICS[metric].reference
        if not np.isnan(value):  # that of labels depends on the sequences
            axis.axhline(value, color="0.6", linewidth=0.8, linestyle=":", label=name)
        if METRICS[metric].absolute:
            axis.set_ylim(-0.03, 1.05)
        else:
            axis.set_yscale("log")
        axis.set_xticks(range(len(ORDER)), [NAMES[name] for name in ORDER], rotation=45, ha="right")
        axis.set(title=title(*condition), xlabel="couplings removed", ylabel=METRICS[metric].label)
        axis.label_outer()
    legend_below(figure)
    return figure


def paper_values(paper: pd.DataFrame) -> pd.Series:
    """Return the measure that the paper gives for each ablation of a condition, by ablation.

    Where it prints a change, the change is added to the intact value.
    """
    numbers = paper.set_index(["quantity", "removed"])["paper"]
    values = numbers.get("value", pd.Series(dtype=float))
    changes = numbers.get("delta", pd.Series(dtype=float))
    intact = values.get("none", np.nan)
    return pd.concat([values, changes.drop(values.index, errors="ignore") + intact])


def _positions(table: pd.DataFrame) -> np.ndarray:
    """Return horizontal places: by ablation, shifted a little by seed so that points show."""
    seeds = table["seed"].rank(method="dense") - 1
    spread = (seeds - seeds.max() / 2) / max(1, seeds.max()) * 0.4
    return table["removed"].map(ORDER.index) + spread


def _points(axis: plt.Axes, table: pd.DataFrame, **style) -> None:
    axis.plot(_positions(table), table["value"], linestyle="none", markersize=3, **style)


def thresholds(table: pd.DataFrame) -> Figure:
    """Draw mean and range over the networks of a condition, a colour a threshold."""
    metric = table["metric"].iloc[0]
    figure, axes = condition_grid(table, 3.0, 2.3, sharex=True, sharey=True)
    for condition, axis in axes:
        rows = rows_of(table, condition)
        rows = rows[rows["learned"]]
        alphas = sorted(table["alpha"].unique())
        for index, alpha in enumerate(alphas):
            by = rows[rows["alpha"] == alpha].groupby("removed")["value"]
            mean, low, high = (f.reindex(ORDER) for f in (by.mean(), by.min(), by.max()))
            place = np.arange(len(ORDER)) + 0.15 * (index - (len(alphas) - 1) / 2)
            axis.errorbar(
                place,
                mean,
                yerr=[mean - low, high - mean],
                fmt="o",
                markersize=3,
                linewidth=0.8,
                color=PALETTE[index],
                label=rf"$\alpha$ = {alpha:g}",
            )
        if not METRICS[metric].absolute:
            axis.set_yscale("log")
        axis.set_xticks(range(len(ORDER)), [NAMES[name] for name in ORDER], rotation=45, ha="right")
        axis.set(title=title(*condition), xlabel="couplings removed", ylabel=METRICS[metric].label)
        axis.label_outer()
    legend_below(figure)
    return figure


def criterion(table: pd.DataFrame, epsilon: float, minimum_mass: float, fragile: float) -> Figure:
    """Draw rollout difference against removed mass of the single couplings, one panel a task.

    A point below the line at `epsilon` and right of `minimum_mass` is a candidate symmetry.
    """
    tasks = list(table["task"].drop_duplicates())
    figure, axes = grid(1, len(tasks), 2.9, 2.9, sharex=True, sharey=True)
    for task, axis in zip(tasks, axes.flat, strict=True):
        for coupling in COUPLINGS:
            points = table[
                (table["task"] == task) & (table["removed"] == coupling) & table["learned"]
            ]
            axis.plot(
                points["removed_mass"].clip(lower=1e-5),
                points["rollout_difference"].clip(lower=1e-5),
                "o",
                markersize=4,
                alpha=0.6,
                color=COLOURS[coupling],
                label=coupling,
            )
        axis.axhline(epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$")
        axis.axhline(fragile, color="0.3", linewidth=0.8, linestyle=":", label="fragile from")
        axis.axvline(minimum_mass, color="0.3", linewidth=0.8, label="minimum mass")
        axis.set(xscale="log", yscale="log", title=task.replace("_", " "))
        axis.set(xlabel="removed mass", ylabel="rollout difference")
        axis.label_outer()
    legend_below(figure)
    return figure


def rollouts(network: Network, batch: Batch, alpha: float, engine: str, heading: str) -> Figure:
    """Draw what a network does on one sequence, intact and with each coupling removed.

    Few outputs are drawn as curves over their targets, many as a picture of elements over time;
    targets only where they count.

    Parameters
    ----------
    network : Network
    batch : Batch
        One sequence.
    alpha : float
        Threshold between the sectors.
    engine : str
        See `rnnschur.network.Network.outputs`.
    heading : str
    """
    name, recurrent = network.headline
    sectors = Sectors.of(recurrent.matrix, recurrent.threshold(alpha), network.schur(name))
    outputs = {}
    for subset in ("none", *COUPLINGS, "RR+CR+CC"):
        matrix, _ = sectors.without(sectors.mask(*SUBSET_COUPLINGS[subset]))
        outputs[subset] = network.outputs(batch, engine, recurrent.write_back(matrix))[:, 0]
    intact, target = outputs["none"], None
    # Labels are of another kind than outputs, which are then shown alone.
    if batch.targets is not None and batch.targets.shape[-1] == intact.shape[-1]:
        target = batch.targets[:, 0]
        if batch.mask is not None:
            target = np.where(batch.mask[:, :1], target, np.nan)
    steps = np.arange(batch.onset, batch.steps)
    draw = _pictures if intact.shape[1] > 4 else _curves
    figure = draw(steps, target, outputs)
    figure.suptitle(heading)
    return figure


def _curves(steps, target, outputs) -> Figure:
    shown = outputs["none"] if target is None else target
    figure, axes = grid(shown.shape[1], len(outputs), 2.3, 1.7, sharex=True, sharey=True)
    for (subset, output), column in zip(outputs.items(), axes.T, strict=True):
        for channel, axis in enumerate(column):
            if target is not None:
                axis.plot(steps, target[:, channel], color="0.6", linewidth=2.5, label="target")
            axis.plot(steps, output[:, channel], color=PALETTE[0], linewidth=1, label="output")
            axis.set(xlabel="step", ylabel=f"output {channel}")
            axis.label_outer()
        column[0].set_title("intact" if subset == "none" else f"without {NAMES[subset]}")
    lowest, highest = np.nanmin(shown), np.nanmax(shown)
    margin = 0.75 * (highest - lowest)
    axes[0, 0].set_ylim(lowest - margin, highest + margin)
    axes[0, 0].legend(frameon=False, fontsize="x-small")
    return figure


def _pictures(steps, target, outputs) -> Figure:
    panels = {NAMES[subset]: output for subset, output in outputs.items()}
    if target is not None:
        panels = {"target": target, **panels}
    figure, axes = grid(len(panels), 1, 7.0, 0.85, sharex=True)
    for (name, panel), axis in zip(panels.items(), axes.flat, strict=True):
        image = axis.imshow(
            panel.T,
            aspect="auto",
            cmap="RdBu_r",
            vmin=-1.5,
            vmax=1.5,
            interpolation="none",
            extent=(steps[0] - 0.5, steps[-1] + 0.5, panel.shape[1] + 0.5, 0.5),
        )
        plain = name in ("target", "intact")
        axis.set_ylabel(name if plain else f"without\n{name}", rotation=0, ha="right", va="center")
        axis.set_yticks([1, panel.shape[1]])
    axes[-1, 0].set_xlabel("step")
    figure.colorbar(image, ax=axes, label="output", extend="both", shrink=0.5)
    return figure
