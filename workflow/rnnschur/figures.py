"""The figures: each function draws one from tidy tables or arrays and returns it."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, display
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from rnnschur.ablation import SUBSETS, ablate, subset_mask
from rnnschur.schur import OrderedSchur
from rnnschur.sectors import COUPLINGS, leading_rows

#: Ablations in the order of the paper's main table.
ORDER = ("none", "CC", "RR", "RR+CC", "CR", "CR+CC", "RR+CR", "RR+CR+CC")
NAMES = {**{subset: subset for subset in SUBSETS}, "none": "intact", "RR+CR+CC": "all"}
MEASURES = {"replay_accuracy": "replay accuracy", "fvu": "FVU"}

_PALETTE = sns.color_palette("colorblind")
COLOURS = dict(zip(COUPLINGS, (_PALETTE[0], _PALETTE[1], _PALETTE[2]), strict=True))


def use_style() -> None:
    """Set the look that all figures share."""
    sns.set_theme(context="paper", style="ticks", palette="colorblind")
    mpl.rcParams.update(
        {
            "figure.constrained_layout.use": True,
            "savefig.dpi": 160,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "pdf.fonttype": 42,
        }
    )


def show(figure: Figure, stem: str | Path) -> None:
    """Save a figure and show it in a notebook."""
    save(figure, stem)
    display(Image(f"{stem}.png"))


def save(figure: Figure, stem: str | Path) -> None:
    """Write a figure as PNG and PDF, without dates, so that the same figure gives the same file."""
    Path(stem).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(f"{stem}.png", metadata={"Software": None})
    figure.set_layout_engine("none")  # it stands; to lay it out again takes as long as to draw it
    figure.savefig(
        f"{stem}.pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None}
    )
    plt.close(figure)


def grid(rows: int, columns: int, width: float, height: float, **options):
    """Return a figure and a 2-d array of axes, each about `width` x `height` inches."""
    size = max(width * columns, 4.6), height * rows + 0.5  # room for the legend below
    return plt.subplots(rows, columns, figsize=size, squeeze=False, **options)


def title(task: str, architecture: str, width: int) -> str:
    """Return the heading of a cell of the grid."""
    return f"{task.replace('_', ' ')}, {architecture}, $N_h$ = {width}"


def cell_grid(table: pd.DataFrame, width: float, height: float, **options):
    """Lay out one task's cells, architectures down and widths across.

    Returns
    -------
    figure : Figure
    axes : list of (cell, Axes)
        Each (task, architecture, width) of `table`, in its order.
    """
    cells = table[["task", "architecture", "width"]].drop_duplicates()
    rows = list(cells["architecture"].drop_duplicates())
    columns = sorted(cells["width"].unique())
    figure, axes = grid(len(rows), len(columns), width, height, **options)
    found = []
    for cell in cells.itertuples(index=False, name=None):
        found.append((cell, axes[rows.index(cell[1]), columns.index(cell[2])]))
    for axis in set(axes.flat) - {axis for _, axis in found}:
        axis.set_visible(False)
    return figure, found


def rows_of(table: pd.DataFrame, cell: tuple) -> pd.DataFrame:
    """Return the rows of one cell of the grid."""
    task, architecture, width = cell
    return table[
        (table["task"] == task)
        & (table["architecture"] == architecture)
        & (table["width"] == width)
    ]


def schur_matrix(schur: OrderedSchur, alpha: float, heading: str) -> Figure:
    """Draw |T| on a logarithmic scale with the borders of the sectors."""
    figure, axis = plt.subplots(figsize=(4.4, 3.8))
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


def spectra(table: pd.DataFrame, alpha: float) -> Figure:
    """Draw the eigenvalues of every network of a task with the threshold circle.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns task, architecture, width, seed, index, real, imaginary, modulus and leading (size
        of the sector R), of one task.
    alpha : float
        The circle has the radius alpha * rho.
    """
    figure, axes = cell_grid(table, 2.5, 2.5, sharex=True, sharey=True)
    angle = np.linspace(0, 2 * np.pi, 361)
    for cell, axis in axes:
        axis.plot(
            np.cos(angle), np.sin(angle), ":", color="0.6", linewidth=0.8, label="unit circle"
        )
        for index, (_, network) in enumerate(rows_of(table, cell).groupby("seed")):
            radius = alpha * network["modulus"].max()
            leading = network["index"] < network["leading"]
            for mask, colour, name in (
                (leading, _PALETTE[0], "sector R"),
                (~leading, _PALETTE[1], "sector C"),
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
                label=rf"{alpha:g} $\rho$" if index == 0 else None,
            )
        axis.set_aspect("equal")
        axis.set(title=title(*cell), xlabel="Re λ", ylabel="Im λ")
        axis.label_outer()
    _legend_below(figure)
    return figure


def _legend_below(figure: Figure) -> None:
    """Put one legend of all that the axes show below the whole figure."""
    shown = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    columns = max(1, int(figure.get_figwidth() // (0.4 + 0.09 * max(map(len, shown)))))
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=columns, frameon=False
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
    figure, axes = cell_grid(table, 3.0, 2.3, sharex=True, sharey=True)
    for cell, axis in axes:
        networks = rows_of(table, cell)
        learned = networks[networks["learned"]]
        rest = networks[~networks["learned"]]
        if len(learned):
            _points(axis, learned, marker="o", color=_PALETTE[0], alpha=0.5, label="network")
        if len(rest):
            _points(axis, rest, marker="x", color="0.6", label="did not learn")
        means = rows_of(summary[summary["quantity"] == "value"], cell)
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
        printed = paper_values(rows_of(paper, cell))
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
        if metric == "replay_accuracy":
            axis.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":", label="chance")
            axis.set_ylim(-0.03, 1.05)
        else:
            axis.axhline(1, color="0.6", linewidth=0.8, linestyle=":", label="as good as the mean")
            axis.set_yscale("log")
        axis.set_xticks(range(len(ORDER)), [NAMES[name] for name in ORDER], rotation=45, ha="right")
        axis.set(title=title(*cell), xlabel="couplings removed", ylabel=MEASURES[metric])
        axis.label_outer()
    _legend_below(figure)
    return figure


def paper_values(paper: pd.DataFrame) -> pd.Series:
    """Return the measure that the paper gives for each ablation of a cell, by ablation.

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
    _legend_below(figure)
    return figure


def thresholds(table: pd.DataFrame) -> Figure:
    """Draw mean and range over the networks of a cell under each ablation, a colour a threshold."""
    metric = table["metric"].iloc[0]
    figure, axes = cell_grid(table, 3.0, 2.3, sharex=True, sharey=True)
    for cell, axis in axes:
        rows = rows_of(table, cell)
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
                color=_PALETTE[index],
                label=rf"$\alpha$ = {alpha:g}",
            )
        if metric == "fvu":
            axis.set_yscale("log")
        axis.set_xticks(range(len(ORDER)), [NAMES[name] for name in ORDER], rotation=45, ha="right")
        axis.set(title=title(*cell), xlabel="couplings removed", ylabel=MEASURES[metric])
        axis.label_outer()
    _legend_below(figure)
    return figure


def learning_curves(table: pd.DataFrame, metric: str) -> Figure:
    """Draw the measure on the monitored sequences over the updates, one line a network."""
    figure, axes = cell_grid(table, 2.8, 2.0, sharex=True, sharey=True)
    for cell, axis in axes:
        for _, network in rows_of(table, cell).groupby("seed"):
            axis.plot(network["update"], network["value"], linewidth=0.8, alpha=0.8)
        if metric == "fvu":
            axis.set_yscale("log")
        axis.set(title=title(*cell), xlabel="update", ylabel=MEASURES[metric])
        axis.label_outer()
    return figure


def conditioning(networks: pd.DataFrame) -> Figure:
    """Draw the condition numbers of eigenvector matrix and Schur basis, one row a cell.

    Parameters
    ----------
    networks : pandas.DataFrame
        Columns task, architecture, width, eigenvector_condition, schur_condition.
    """
    cells = networks[["task", "architecture", "width"]].drop_duplicates()
    cells = [tuple(cell) for cell in cells.itertuples(index=False)]
    figure, axis = plt.subplots(figsize=(6, 0.8 + 0.28 * len(cells)))
    for kind, marker, colour, name in (
        ("eigenvector_condition", "o", _PALETTE[1], "eigenvectors, $\\kappa(V)$"),
        ("schur_condition", "|", _PALETTE[0], "Schur vectors, $\\kappa(Q)$"),
    ):
        for place, cell in enumerate(cells):
            values = rows_of(networks, cell)[kind]
            axis.plot(
                values,
                np.full(len(values), place),
                marker,
                color=colour,
                alpha=0.7,
                label=name if place == 0 else None,
            )
    axis.set_yticks(range(len(cells)), [title(*cell) for cell in cells])
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="condition number")
    _legend_below(figure)
    return figure


def orders(changes: pd.DataFrame) -> Figure:
    """Draw how other orders within a sector change the measure, one panel a task.

    Parameters
    ----------
    changes : pandas.DataFrame
        As `rnnschur.presentation.order_changes` returns it.
    """
    tasks = list(changes["task"].drop_duplicates())
    kinds = list(changes["order"].drop_duplicates())
    figure, axes = grid(1, len(tasks), 2.9, 2.6, sharex=True)
    for task, axis in zip(tasks, axes.flat, strict=True):
        rows = changes[changes["task"] == task]
        for index, coupling in enumerate(COUPLINGS):
            points = rows[rows["removed"] == coupling]
            places = points["order"].map(kinds.index) + 0.25 * (index - 1)
            axis.plot(
                places,
                points["value_change"],
                "o",
                markersize=3,
                alpha=0.4,
                color=COLOURS[coupling],
                label=f"without {coupling}",
            )
        axis.axhline(0, color="0.6", linewidth=0.8)
        axis.set_yscale("symlog", linthresh=1e-3)
        axis.set_xticks(range(len(kinds)), kinds)
        measured = MEASURES[rows["metric"].iloc[0]]
        axis.set(title=task.replace("_", " "), xlabel="blocks that may swap")
        axis.set_ylabel(f"change of {measured}")
    _legend_below(figure)
    return figure


def rollouts(
    W_hh: np.ndarray,
    W_xh: np.ndarray,
    W_hy: np.ndarray,
    schur: OrderedSchur,
    alpha: float,
    batch: tuple[np.ndarray, np.ndarray],
    rollout: Callable,
    heading: str,
) -> Figure:
    """Draw what a network does on one sequence, intact and with each coupling removed.

    Few outputs are drawn as curves over their targets, many as a picture of elements over time.

    Parameters
    ----------
    batch : tuple of numpy.ndarray
        Inputs (T, 1, inputs) and targets (T - onset, 1, outputs).
    rollout : callable
        The forward pass, see `rnnschur.rollout.by_engine`.
    """
    inputs, targets = batch
    onset = len(inputs) - len(targets)
    shown = ("none", *COUPLINGS, "RR+CR+CC")
    matrices = [ablate(W_hh, schur, subset_mask(schur, alpha, subset)) for subset in shown]
    outputs = rollout(W_xh, np.stack(matrices).astype(W_hh.dtype), W_hy, inputs, onset)[:, :, 0]
    target, steps = targets[:, 0], np.arange(onset, len(inputs))
    draw = _pictures if target.shape[1] > 4 else _curves
    figure = draw(steps, target, dict(zip(shown, outputs, strict=True)))
    figure.suptitle(heading)
    return figure


def _curves(steps, target, outputs) -> Figure:
    figure, axes = grid(target.shape[1], len(outputs), 2.3, 1.7, sharex=True, sharey=True)
    for (subset, output), column in zip(outputs.items(), axes.T, strict=True):
        for channel, axis in enumerate(column):
            axis.plot(steps, target[:, channel], color="0.6", linewidth=2.5, label="target")
            axis.plot(steps, output[:, channel], color=_PALETTE[0], linewidth=1, label="output")
            axis.set(xlabel="step", ylabel=f"output {channel + 1}")
            axis.label_outer()
        column[0].set_title("intact" if subset == "none" else f"without {NAMES[subset]}")
    lowest, highest = target.min(), target.max()
    margin = 0.75 * (highest - lowest)
    axes[0, 0].set_ylim(lowest - margin, highest + margin)
    axes[0, 0].legend(frameon=False, fontsize="x-small")
    return figure


def _pictures(steps, target, outputs) -> Figure:
    panels = {"target": target, **{NAMES[subset]: output for subset, output in outputs.items()}}
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


def ledger(table: pd.DataFrame) -> Figure:
    """Draw the share of networks that agree with each claim, its interval and the verdict.

    Parameters
    ----------
    table : pandas.DataFrame
        As `rnnschur.claims.judge` returns it. Claims without networks are left out.
    """
    table = table[table["networks"] > 0].reset_index(drop=True)
    figure, axis = plt.subplots(figsize=(7.5, 0.9 + 0.24 * len(table)))
    for verdict, colour, marker in zip(
        ("reproduced", "partly", "not"), (_PALETTE[2], _PALETTE[1], _PALETTE[3]), "osX", strict=True
    ):
        rows = table[table["verdict"] == verdict]
        axis.errorbar(
            rows["share"],
            rows.index,
            xerr=[rows["share"] - rows["share_low"], rows["share_high"] - rows["share"]],
            fmt=marker,
            color=colour,
            linewidth=1,
            label=f"{verdict} ({len(rows)})",
        )
    axis.set_yticks(table.index, [text.rstrip(".") for text in table["claim"]])
    axis.set(
        xlim=(-0.03, 1.03),
        ylim=(max(len(table), 1) - 0.5, -0.5),
        xlabel="share of networks that agree",
    )
    axis.grid(axis="y", linewidth=0.4)
    axis.axhline((table["kind"] == "claim").sum() - 0.5, color="0.3", linewidth=0.8)
    _legend_below(figure)
    return figure


def search(numbers: pd.DataFrame, protocols: pd.DataFrame) -> Figure:
    """Draw how near each protocol of one task comes to each of the paper's numbers.

    A cell holds our mean; its colour is the distance from the paper's number in units of what
    counts as reached. Protocols come in the order of their distance, the nearest on top.

    Parameters
    ----------
    numbers, protocols : pandas.DataFrame
        Rows of search_numbers.csv and search_protocols.csv of one task.
    """
    protocols = protocols.dropna(subset="distance").sort_values("distance")
    off = numbers.pivot_table(index="protocol", columns="id", values="misfit", sort=False)
    ours = numbers.pivot_table(index="protocol", columns="id", values="ours", sort=False)
    off, ours = off.loc[protocols["protocol"]], ours.loc[protocols["protocol"]]
    paper = numbers.groupby("id", sort=False)["paper"].first()[off.columns]
    size = 3.6 + 0.75 * len(off.columns), 1.8 + 0.3 * len(off)
    figure, axis = plt.subplots(figsize=size)
    image = axis.imshow(off, cmap="cividis", vmin=0, vmax=4, aspect="auto")
    for row in range(len(off)):
        for column in range(len(off.columns)):
            axis.text(
                *(column, row, f"{ours.iloc[row, column]:.3g}"),
                ha="center",
                va="center",
                fontsize="small",
                color="black" if off.iloc[row, column] > 2 else "white",
            )
    task = protocols["task"].iloc[0]
    columns = [name.removeprefix(f"{task}-") for name in off.columns]
    texts = [f"{name}\npaper {value:g}" for name, value in zip(columns, paper, strict=True)]
    axis.set_xticks(range(len(texts)), texts, rotation=45, ha="right")
    rows = zip(protocols["protocol"], protocols["distance"], strict=True)
    axis.set_yticks(range(len(off)), [f"{name.replace('_', ' ')}  ({d:.2f})" for name, d in rows])
    axis.set_ylabel("protocol (distance)")
    axis.tick_params(length=0)
    figure.colorbar(image, label="misfit; 1 is reached", extend="max")
    return figure
