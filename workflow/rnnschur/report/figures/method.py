"""The method in one picture: a real T, the couplings in it, and what removing each does."""

from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from rnnschur.coordinates.schur import OrderedSchur
from rnnschur.coordinates.sectors import COUPLINGS, coupling_masks, leading_rows
from rnnschur.metrics import METRICS
from rnnschur.report.figures.style import COLOURS, TEXT
from rnnschur.report.formats import digits

#: The condition that shows the method, where a study has it: that of the paper's main table.
EXAMPLE = ("copy", "orthogonal", 72)
#: Hatches of the couplings, which tell them apart without their colours.
HATCHES = dict(zip(COUPLINGS, ("////", "....", "xxxx"), strict=True))
#: Entries of T below this share of the largest are white.
FAINTEST = 1e-3


def example(conditions: Iterable[tuple]) -> tuple | None:
    """Return the condition whose first network shows the method: `EXAMPLE`, else the first.

    Parameters
    ----------
    conditions : iterable of tuple
        Task, architecture and width, in the order of the study.

    Examples
    --------
    >>> example([("sine", "normal", 64), ("copy", "orthogonal", 72)])
    ('copy', 'orthogonal', 72)
    >>> example([("sine", "normal", 64), ("copy", "orthogonal", 40)])
    ('sine', 'normal', 64)
    """
    conditions = list(conditions)
    return EXAMPLE if EXAMPLE in conditions else next(iter(conditions), None)


@mpl.rc_context({"hatch.linewidth": 0.5})
def method(schur: OrderedSchur, alpha: float, ablations: pd.DataFrame, heading: str) -> Figure:
    """Draw T of one network with its couplings, beside what the network does without each.

    Parameters
    ----------
    schur : OrderedSchur
        Ordered real Schur form of its recurrent matrix.
    alpha : float
        Threshold between the sectors.
    ablations : pandas.DataFrame
        Its rows of ablations.csv, of this matrix.
    heading : str
        Names the network.
    """
    figure, axes = plt.subplots(1, 2, figsize=(TEXT, 0.5 * TEXT), width_ratios=(1, 0.8))
    _matrix(axes[0], schur, alpha)
    _damage(axes[1], ablations.set_index("removed"))
    figure.suptitle(heading, fontweight="bold")
    return figure


def outline(mask: np.ndarray) -> np.ndarray:
    """Return the corners of the cells of a coupling, as (column, row), in order around it.

    Parameters
    ----------
    mask : ndarray, shape (N, N), bool
        As `rnnschur.coordinates.sectors.coupling_masks` gives it: in every row that it has cells
        in they are next to each other, and these rows are, too.

    Returns
    -------
    ndarray, shape (corners, 2)
        Without rows where the coupling has no cell. Cell (i, j) reaches from j - 1/2 to j + 1/2.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    first = np.argmax(mask[rows], axis=1) - 0.5
    last = len(mask) - 0.5 - np.argmax(mask[rows, ::-1], axis=1)
    heights = np.stack([rows - 0.5, rows + 0.5], axis=1).ravel()
    down = np.stack([np.repeat(first, 2), heights], axis=1)
    up = np.stack([np.repeat(last, 2), heights], axis=1)[::-1]
    return np.concatenate([down, up])


def _matrix(axis: Axes, schur: OrderedSchur, alpha: float) -> None:
    """Draw |T| in grey, and over it the couplings, by colour, hatch and name."""
    size = len(schur.T)
    border = np.count_nonzero(leading_rows(schur, alpha))
    magnitude = np.abs(schur.T)
    peak = magnitude.max() or 1.0
    axis.imshow(
        np.where(magnitude > FAINTEST * peak, magnitude, np.nan),
        norm=LogNorm(FAINTEST * peak, peak),
        cmap="Greys",
        interpolation="none",
    )
    for name, mask in coupling_masks(schur, alpha).items():
        if not mask.any():
            continue
        look = {"edgecolor": COLOURS[name], "hatch": HATCHES[name], "linewidth": 1.5}
        axis.add_patch(Polygon(outline(mask), facecolor="none", **look))
        row, column = (np.mean(indices) for indices in np.nonzero(mask))
        box = {"facecolor": "white", "edgecolor": COLOURS[name], "pad": 1.5}
        axis.text(column, row, name, ha="center", va="center", bbox=box, fontweight="bold")
    sectors = {"R": (0, border), "C": (border, size)}
    middles = {name: (a + b - 1) / 2 for name, (a, b) in sectors.items() if b > a}
    axis.set_xticks(list(middles.values()), middles)
    axis.set_yticks(list(middles.values()), middles)
    axis.tick_params(length=0)
    axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    axis.set(xlabel="from sector", ylabel="to sector")
    axis.set_title(f"|T|: {border} of {size} eigenvalues in R")


def _damage(axis: Axes, rows: pd.DataFrame) -> None:
    """Draw the measure of the intact network and without each coupling."""
    metric = METRICS[rows["metric"].iloc[0]]
    shown = [name for name in ("none", *COUPLINGS) if name in rows.index]
    for place, name in enumerate(shown):
        row = rows.loc[name]
        look = {"edgecolor": COLOURS.get(name, "0.3"), "hatch": HATCHES.get(name, "")}
        axis.barh(place, row["value"], 0.5, facecolor="white", linewidth=1.5, **look)
        text = digits(row["value"])
        if name != "none":
            text += f"; mass {digits(row['removed_mass'])}, d {digits(row['rollout_difference'])}"
            text += f": {row['verdict']}" if pd.notna(row["verdict"]) else ""
        axis.text(0, place - 0.28, text, va="bottom")
    intact = rows.loc["none", "value"]
    axis.axvline(intact, color="0.3", linewidth=0.8, linestyle=":")
    axis.set_yticks(range(len(shown)), ["intact" if n == "none" else f"without {n}" for n in shown])
    axis.set_ylim(len(shown) - 0.6, -0.75)
    axis.set_xlabel(metric.label)
    axis.set_title("what the network does")
