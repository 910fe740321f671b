"""Figures of how near a study comes to the paper."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rnnschur.report.figures.style import (
    PALETTE,
    legend_below,
)


def ledger(table: pd.DataFrame) -> Figure:
    """Draw the share of networks that agree with each claim, its interval and the verdict.

    Parameters
    ----------
    table : pandas.DataFrame
        As `rnnschur.paper.claims.judge` returns it. Claims without networks are left out.
    """
    table = table[table["networks"] > 0].reset_index(drop=True)
    figure, axis = plt.subplots(figsize=(7.5, 0.9 + 0.24 * len(table)))
    for verdict, colour, marker in zip(
        ("reproduced", "partly", "not"), (PALETTE[2], PALETTE[1], PALETTE[3]), "osX", strict=True
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
    legend_below(figure)
    return figure


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
        figure, axis = plt.subplots(figsize=(4.6, 1.5))
        axis.text(0.5, 0.5, "no network of any protocol learned", ha="center")
        axis.set_axis_off()
        return figure
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
