"""What all figures share: names, colours, layout, files."""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from IPython.display import Image, display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image as Pixels

from rnnschur.coordinates.sectors import COUPLINGS, SUBSETS

#: Ablations in the order of the paper's main table.
ORDER = ("none", "CC", "RR", "RR+CC", "CR", "CR+CC", "RR+CR", "RR+CR+CC")
NAMES = {**{subset: subset for subset in SUBSETS}, "none": "intact", "RR+CR+CC": "all"}

PALETTE = sns.color_palette("colorblind")
#: Of the verdicts on the paper's claims and numbers.
VERDICTS = {"reproduced": PALETTE[2], "partly": PALETTE[1], "not": PALETTE[3]}
COLOURS = dict(zip(COUPLINGS, (PALETTE[0], PALETTE[1], PALETTE[2]), strict=True))


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
    """Write a figure as PNG and PDF, without dates, so that the same figure gives the same file.

    The PNG has a palette of 256 colours: a third of the size, and all figures are in the report.
    """
    Path(stem).parent.mkdir(parents=True, exist_ok=True)
    pixels = BytesIO()
    figure.savefig(pixels, format="png")
    picture = Pixels.open(pixels).convert("RGB").quantize(256, dither=Pixels.Dither.NONE)
    picture.save(f"{stem}.png", optimize=True)
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
    """Return the heading of a condition of the grid."""
    return f"{task.replace('_', ' ')}, {architecture}, $N_h$ = {width}"


def condition_grid(table: pd.DataFrame, width: float, height: float, **options):
    """Lay out one task's conditions, architectures down and widths across.

    Returns
    -------
    figure : Figure
    axes : list of (condition, Axes)
        Each (task, architecture, width) of `table`, in its order.
    """
    conditions = table[["task", "architecture", "width"]].drop_duplicates()
    rows = list(conditions["architecture"].drop_duplicates())
    columns = sorted(conditions["width"].unique())
    figure, axes = grid(len(rows), len(columns), width, height, **options)
    found = []
    for condition in conditions.itertuples(index=False, name=None):
        found.append((condition, axes[rows.index(condition[1]), columns.index(condition[2])]))
    for axis in set(axes.flat) - {axis for _, axis in found}:
        axis.set_visible(False)
    return figure, found


def rows_of(table: pd.DataFrame, condition: tuple) -> pd.DataFrame:
    """Return the rows of one condition of the grid."""
    task, architecture, width = condition
    return table[
        (table["task"] == task)
        & (table["architecture"] == architecture)
        & (table["width"] == width)
    ]


def legend_below(figure: Figure) -> None:
    """Put one legend of all that the axes show below the whole figure."""
    shown = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    columns = max(1, int(figure.get_figwidth() // (0.4 + 0.09 * max(map(len, shown)))))
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=columns, frameon=False
    )
