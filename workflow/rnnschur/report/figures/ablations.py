"""Figures of what removing couplings does."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.findings import unbounded, with_damage
from rnnschur.metrics import METRICS
from rnnschur.report.figures.style import (
    COLOURS,
    MARKERS,
    ORDER,
    PALETTE,
    add_finding,
    condition_grid,
    coupling_strip,
    label_outer,
    legend_below,
    rows_of,
    task_grid,
)

#: Verdicts of a coupling that can be removed.
REMOVABLE = ("stabilizer", "negligible")


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
    figure, axes = condition_grid(table, 0.8, sharex=True, sharey=True)
    for condition, axis in axes:
        networks = rows_of(table, condition)
        learned = networks[networks["learned"]]
        rest = networks[~networks["learned"]]
        dots = {"linestyle": "none", "markeredgewidth": 0}
        if len(learned):
            style = {"marker": "o", "markersize": 3, "color": PALETTE[0], "alpha": 0.4}
            _points(axis, learned, **style, **dots, label="network")
        if len(rest):
            style = {"marker": "x", "markersize": 3, "color": "0.6", "linestyle": "none"}
            _points(axis, rest, **style, label="did not learn")
        means = rows_of(summary[summary["quantity"] == "value"], condition)
        axis.errorbar(
            means["removed"].map(ORDER.index),
            means["mean"],
            yerr=[means["mean"] - means["low"], means["high"] - means["mean"]],
            linestyle="none",
            marker="_",
            markersize=8,
            color="black",
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
        coupling_strip(axis)
        axis.set_ylabel(METRICS[metric].label)
        add_finding(axis, worst(learned))
    label_outer(figure)
    legend_below(figure)
    return figure


def worst(rows: pd.DataFrame) -> str:
    """Say which single coupling does the most damage in most networks, and in how many.

    None does where all of them can be removed by their verdicts. Empty without networks.
    """
    coupling, count, networks = _worst(rows)
    which = f"{coupling} worst" if coupling else "nothing matters"
    return f"{which} in {count} of {networks}" if networks else ""


def _worst(rows: pd.DataFrame) -> tuple[str, int, int]:
    """Return this coupling, empty for none, and in how many of how many networks it is."""
    rows = with_damage(rows[rows["removed"].isin(COUPLINGS)].reset_index(drop=True))
    if rows.empty:
        return "", 0, 0
    rows = rows.assign(damage=unbounded(rows["damage"]))
    most = rows.pivot(index="seed", columns="removed", values="damage").idxmax(axis=1)
    harmless = rows["verdict"].isin(REMOVABLE).groupby(rows["seed"]).all()
    counts = most.mask(harmless, "").value_counts()
    return counts.index[0], counts.iloc[0], counts.sum()


def commonest(verdicts: pd.Series) -> tuple[list[str], int]:
    """Return the verdict that most networks get, of a tie all of them, and how many get each.

    Examples
    --------
    >>> commonest(pd.Series(["fragile", "stabilizer", "fragile"]))
    (['fragile'], 2)
    >>> commonest(pd.Series(["intermediate", "fragile"]))
    (['fragile', 'intermediate'], 1)
    """
    counts = verdicts.value_counts()
    most = int(counts.max()) if len(counts) else 0
    return sorted(counts.index[counts == most]), most


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


def _points(axis, table: pd.DataFrame, **style) -> None:
    axis.plot(_positions(table), table["value"], **style)


def thresholds(table: pd.DataFrame) -> Figure:
    """Draw mean and range over the networks of a condition, a colour and marker a threshold."""
    metric = METRICS[table["metric"].iloc[0]]
    figure, axes = condition_grid(table, 0.8, sharex=True, sharey=True)
    for condition, axis in axes:
        rows = rows_of(table, condition)
        rows = rows[rows["learned"]]
        alphas = sorted(table["alpha"].unique())
        for index, alpha in enumerate(alphas):
            by = rows[rows["alpha"] == alpha].groupby("removed")["value"]
            mean, low, high = (f.reindex(ORDER) for f in (by.mean(), by.min(), by.max()))
            place = np.arange(len(ORDER)) + 0.22 * (index - (len(alphas) - 1) / 2)
            axis.errorbar(
                place,
                mean,
                yerr=[mean - low, high - mean],
                fmt="os^Dv"[index % 5],
                markersize=3,
                linewidth=0.8,
                color=PALETTE[index],
                label=rf"$\alpha$ = {alpha:g}",
            )
        if not metric.absolute:
            axis.set_yscale("log")
        coupling_strip(axis)
        axis.set_ylabel(metric.label)
        most = [_worst(group)[0] or "nothing" for _, group in rows.groupby("alpha")]
        same = len(set(most)) == 1
        add_finding(axis, f"worst at every α: {most[0]}" if same else f"worst: {', '.join(most)}")
    label_outer(figure)
    legend_below(figure)
    return figure


def criterion(table: pd.DataFrame, epsilon: float, minimum_mass: float, fragile: float) -> Figure:
    """Draw rollout difference against removed mass of the single couplings, one panel a task.

    A point below the line at `epsilon` and right of `minimum_mass` is a candidate symmetry.
    """
    table = table[table["removed"].isin(COUPLINGS) & table["learned"]]
    figure, axes = task_grid(table["task"].drop_duplicates(), 0.8, sharex=True, sharey=True)
    for task, axis in axes:
        rows = table[table["task"] == task]
        for coupling in COUPLINGS:
            points = rows[rows["removed"] == coupling]
            axis.plot(
                points["removed_mass"].clip(lower=1e-5),
                points["rollout_difference"].clip(lower=1e-5),
                MARKERS[coupling],
                markersize=3,
                alpha=0.6,
                markeredgewidth=0,
                color=COLOURS[coupling],
                label=coupling,
            )
        axis.axhline(epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$")
        axis.axhline(fragile, color="0.3", linewidth=0.8, linestyle=":", label="fragile from")
        axis.axvline(minimum_mass, color="0.3", linewidth=0.8, label="minimum mass")
        axis.set(xscale="log", yscale="log", xlabel="removed mass", ylabel="rollout difference")
        inside = (rows["rollout_difference"] <= epsilon) & (rows["removed_mass"] >= minimum_mass)
        counts = rows.loc[inside, "removed"].value_counts()
        found = ", ".join(f"{count} × {name}" for name, count in counts.items())
        add_finding(axis, f"stabilizers: {found or 'none'}")
    label_outer(figure)
    legend_below(figure)
    return figure
