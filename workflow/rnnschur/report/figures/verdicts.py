"""Figures of how near a study comes to the paper."""

import re

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rnnschur.paper.verdicts import CHECKED, CONSEQUENCE
from rnnschur.report.figures.style import (
    PALETTE,
    TEXT,
    VERDICTS,
    legend_below,
)

#: Colour and marker of a verdict.
LOOKS = {
    **{name: (VERDICTS[name], marker) for name, marker in zip(VERDICTS, "osX", strict=True)},
    **{CHECKED[0]: (PALETTE[7], "D"), CHECKED[1]: (VERDICTS["not"], "D")},
}
#: Ends of the axis of our numbers, in units of the paper's; what is beyond ends there.
RATIOS = (0.1, 10)


def ledger(table: pd.DataFrame) -> Figure:
    """Draw what decides the verdict on each of the paper's claims, and on each of its numbers.

    Above, of claims, the share of networks that agree and its exact interval; what follows from
    others is hollow. Below, of numbers, our mean in units of the paper's: the bootstrap interval of
    the mean is thick, the prediction interval for one more network thin; a mean beyond the axis is
    an arrow at its end.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of ledger.csv. Claims without networks are left out; a star follows those of which the
        verdict is another one near a bound (`rnnschur.paper.curves.with_flips`).
    """
    table = table[table["networks"] > 0]
    parts = [table[table["kind"] == kind].reset_index(drop=True) for kind in ("claim", "number")]
    heights = [max(len(part), 1) for part in parts]
    figure, axes = plt.subplots(
        2, 1, figsize=(TEXT, 1.2 + 0.165 * sum(heights)), height_ratios=heights
    )
    for axis, part, height in zip(axes, parts, heights, strict=True):
        stars = np.where(part["flips"].fillna("") == "", "", " *")
        axis.set_yticks(part.index, part["id"] + stars)
        axis.set_ylim(height - 0.5, -0.5)
        axis.grid(axis="y", linewidth=0.4)
    axes[0].set(xlim=(-0.03, 1.03), xlabel="share of networks that agree")
    axes[1].set(xlim=RATIOS, xscale="log", xlabel="our mean / the paper's number")
    axes[1].set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    axes[1].minorticks_off()
    axes[1].axvline(1, color="0.3", linewidth=0.8)
    claims, numbers = parts
    follows = claims["rests_on"] == CONSEQUENCE
    _draw(axes[0], claims[~follows], ["share", "share_low", "share_high"])
    _draw(axes[0], claims[follows], ["share", "share_low", "share_high"], fill="white")
    shown = ["mean", "low", "high", "prediction_low", "prediction_high"]
    ratios = numbers.assign(**{name: numbers[name] / numbers["paper"] for name in shown})
    within = ratios["mean"].between(*RATIOS)
    ratios[shown] = ratios[shown].clip(*RATIOS)
    for index, row in ratios[~within].dropna(subset="mean").iterrows():
        arrow, colour = "<" if row["mean"] == RATIOS[0] else ">", LOOKS[row["verdict"]][0]
        axes[1].plot(row["mean"], index, arrow, color=colour, markersize=6, clip_on=False)
    ratios["mean"] = ratios["mean"].where(within)
    _draw(axes[1], ratios, ["mean", "prediction_low", "prediction_high"])
    _draw(axes[1], ratios, ["mean", "low", "high"], width=3)
    if len(table):
        legend_below(figure)
    return figure


def _draw(axis, rows: pd.DataFrame, names: list[str], fill: str | None = None, width: float = 1):
    """Draw a value and the ends of its interval, a row a statement, by verdict."""
    for verdict, (colour, marker) in LOOKS.items():
        some = rows[rows["verdict"] == verdict]
        if some.empty:
            continue
        value, low, high = (some[name] for name in names)
        axis.hlines(some.index, low, high, color=colour, linewidth=width, zorder=1)
        label = f"theorem {verdict}" if verdict in CHECKED else verdict
        axis.plot(
            value,
            some.index,
            marker,
            color=colour,
            markerfacecolor=fill or colour,
            label=label if fill is None else f"{label}, follows",
        )


def search(numbers: pd.DataFrame, protocols: pd.DataFrame) -> Figure:
    """Draw how near each protocol of one task comes to each of the paper's numbers.

    A condition holds our mean; its colour is the distance from the paper's number in units of what
    counts as reached. Protocols come in the order of their distance, the nearest on top.

    Parameters
    ----------
    numbers, protocols : pandas.DataFrame
        Rows of search_numbers.csv and search_protocols.csv of one task.
    """
    protocols = protocols.dropna(subset="distance").sort_values("distance")
    if protocols.empty:
        return _no_network()
    off = numbers.pivot_table(index="protocol", columns="id", values="misfit", sort=False)
    ours = numbers.pivot_table(index="protocol", columns="id", values="ours", sort=False)
    off, ours = off.loc[protocols["protocol"]], ours.loc[protocols["protocol"]]
    paper = numbers.groupby("id", sort=False)["paper"].first()[off.columns]
    size = 2.3 + 0.55 * len(off.columns), 1.3 + 0.2 * len(off)
    figure, axis = plt.subplots(figsize=size)
    image = axis.imshow(off, cmap="cividis", vmin=0, vmax=4, aspect="auto")
    for row in range(len(off)):
        for column in range(len(off.columns)):
            axis.text(
                *(column, row, f"{ours.iloc[row, column]:.3g}"),
                ha="center",
                va="center",
                color="black" if off.iloc[row, column] > 2 else "white",
            )
    task = protocols["task"].iloc[0]
    columns = [name.removeprefix(f"{task}-") for name in off.columns]
    texts = [f"{name}: {value:g}" for name, value in zip(columns, paper, strict=True)]
    axis.set_xticks(range(len(texts)), texts, rotation=90)
    axis.set_xlabel("the paper's numbers")
    rows = zip(protocols["protocol"], protocols["distance"], strict=True)
    axis.set_yticks(range(len(off)), [f"{name.replace('_', ' ')}  ({d:.2f})" for name, d in rows])
    axis.set_ylabel("protocol (distance)")
    axis.tick_params(length=0)
    figure.colorbar(image, label="misfit; 1 is reached", extend="max")
    return figure


def search_claims(judged: pd.DataFrame, protocols: pd.DataFrame) -> Figure:
    """Draw under which protocols of one task each of the paper's claims and numbers holds.

    A cell is the share of networks that agree, told in networks; the last row says under how many
    plausible protocols a claim or number is reproduced. Claims stand left of the line, numbers
    right. Protocols keep their order in the search, which begins with the start.

    Parameters
    ----------
    judged, protocols : pandas.DataFrame
        Rows of search_claims.csv and search_protocols.csv of one task.
    """
    if judged.empty:
        return _no_network()
    task = judged["task"].iloc[0]
    shares, networks = (
        judged.pivot_table(index="protocol", columns="id", values=v, sort=False)
        for v in ("share", "networks")
    )
    counted = judged[judged["plausible"].astype(bool)]
    held = (counted["verdict"] == "reproduced").groupby(counted["id"]).agg(["sum", "size"])
    held = held.reindex(shares.columns, fill_value=0)
    cells = np.vstack([shares, np.full((1, len(held)), np.nan), held["sum"] / held["size"]])
    figure, axis = plt.subplots(figsize=(TEXT, 1.6 + 0.17 * len(cells)))
    image = axis.imshow(cells, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    agree = (shares * networks).round()
    for (row, column), share in np.ndenumerate(cells):
        if np.isfinite(share):
            last = row == len(cells) - 1
            count = held["sum"].iloc[column] if last else agree.iloc[row, column]
            colour = "black" if share > 0.5 else "white"
            axis.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour)
    kinds = judged.drop_duplicates("id").set_index("id")["kind"][shares.columns]
    border = (kinds == "claim").sum() - 0.5
    axis.axvline(border, color="white", linewidth=4)
    for left, right, kind in ((-0.5, border, "claims"), (border, len(kinds) - 0.5, "numbers")):
        if right > left:
            axis.text((left + right) / 2, -0.7, kind, ha="center", va="bottom")
    # Some ids begin with a part of the task's name.
    names = [re.sub(f"^({task}|{task.split('_')[0]})-", "", name) for name in shares.columns]
    names = ["intact" if name == "none" else name for name in names]
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    chosen = set(protocols.loc[protocols["chosen"], "protocol"])
    labels = [
        name.removeprefix(f"{task}_").replace("_", " ") if name != task else "start"
        for name in shares.index
    ]
    marked = [
        f"{label} (chosen)" if name in chosen else label
        for name, label in zip(shares.index, labels, strict=True)
    ]
    places = [*range(len(shares)), len(cells) - 1]
    every = f"protocols that reproduce it, of {held['size'].max()}"
    axis.set_yticks(places, [*marked, every])
    axis.set_title(f"{task.replace('_', ' ')}: networks that agree", pad=18)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, label="share that agrees", shrink=0.6, aspect=30)
    return figure


def _no_network() -> Figure:
    """Return what stands for a figure of protocols none of whose networks learned."""
    figure, axis = plt.subplots(figsize=(4.6, 1.5))
    axis.text(0.5, 0.5, "no network of any protocol learned", ha="center")
    axis.set_axis_off()
    return figure
