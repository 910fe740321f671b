"""What all figures share: sizes, type, names, colours, layout, files.

A figure is as wide as a column or as the text of a page, and its type has 8 points there. Whatever
tells two things apart does so in grey as well: by lightness, marker or line.
"""

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from IPython.display import Image, display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Bbox
from PIL import Image as Pixels

from rnnschur.coordinates.sectors import COUPLINGS, SUBSET_COUPLINGS, SUBSETS
from rnnschur.files import whole_file

#: Widths of a figure in inches: a column, and the text of a page.
COLUMN, TEXT = 3.25, 6.75

#: Ablations in the order of the paper's main table.
ORDER = ("none", "CC", "RR", "RR+CC", "CR", "CR+CC", "RR+CR", "RR+CR+CC")
NAMES = {**{subset: subset for subset in SUBSETS}, "none": "intact", "RR+CR+CC": "all"}

PALETTE = sns.color_palette("colorblind")
#: Of the verdicts on the paper's claims and numbers.
VERDICTS = {"reproduced": PALETTE[2], "partly": PALETTE[1], "not": PALETTE[3]}
#: Colour, marker and line of each coupling. Colours: Paul Tol's high-contrast scheme, made to be
#: told apart in grey and by the colour-blind.
COLOURS = dict(zip(COUPLINGS, ("#004488", "#BB5566", "#DDAA33"), strict=True))
MARKERS = dict(zip(COUPLINGS, "os^", strict=True))
LINES = dict(zip(COUPLINGS, ("-", (0, (4, 1)), (0, (1, 0.7))), strict=True))

#: The look, as settings of matplotlib.
STYLE = {
    **sns.axes_style("ticks"),
    "font.family": "DejaVu Sans",
    **dict.fromkeys(
        (
            *("font.size", "axes.titlesize", "axes.labelsize", "figure.titlesize"),
            *("xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize"),
        ),
        8,
    ),
    **dict.fromkeys(("axes.titlepad", "axes.labelpad"), 3),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.7),
    **dict.fromkeys(("xtick.minor.width", "ytick.minor.width"), 0.5),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 3),
    **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 1.5),
    **dict.fromkeys(("xtick.major.pad", "ytick.major.pad"), 2),
    "lines.linewidth": 1,
    "lines.markersize": 4,
    "legend.handletextpad": 0.4,
    "legend.markerscale": 1.3,
    "legend.columnspacing": 1.2,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
}


def use_style() -> None:
    """Set the look that all figures share."""
    mpl.rcParams.update(STYLE)


def show(figure: Figure, stem: str | Path) -> None:
    """Save a figure and show it in a notebook."""
    save(figure, stem)
    display(Image(f"{stem}.png"))


def save(figure: Figure, stem: str | Path) -> None:
    """Write a figure as PNG and PDF, without dates, so that the same figure gives the same file.

    The PNG has a palette of 256 colours: a third of the size, and all figures are in the report.
    """
    _lay_out(figure)
    pixels = BytesIO()
    figure.savefig(pixels, format="png", dpi=figure.dpi)
    picture = Pixels.open(pixels).convert("RGB").quantize(256, dither=Pixels.Dither.NONE)
    whole_file(f"{stem}.png", lambda file: picture.save(file, "png", optimize=True))
    undated = {"Creator": None, "Producer": None, "CreationDate": None}
    whole_file(f"{stem}.pdf", lambda file: figure.savefig(file, format="pdf", metadata=undated))
    plt.close(figure)


def _lay_out(figure: Figure) -> None:
    """Lay a figure out for good: once, and to a millionth of its size.

    The solver behind matplotlib's layout adds up in the order of addresses in memory, so that the
    last bits of a position, and with them a pixel or two, are other ones in every process.
    """
    figure.set_dpi(STYLE["savefig.dpi"])
    if figure.axes and (engine := figure.get_layout_engine()):
        engine.execute(figure)
    figure.set_layout_engine("none")
    for axis in figure.axes:
        axis.set_position(Bbox(axis.get_position(original=True).get_points().round(6)))
    _keep_titles_inside(figure)


def _keep_titles_inside(figure: Figure) -> None:
    """Move titles that are wider than their axes and would be cut at an edge of the figure.

    The layout makes room for their height alone.
    """
    edge = figure.bbox.width
    pad = 0.03 * figure.dpi
    for axis in figure.axes:
        box = axis.title.get_window_extent()
        beyond = min(box.x0 - pad, 0) or max(box.x1 + pad - edge, 0)
        if beyond and axis.get_visible():
            axis.title.set_x(axis.title.get_position()[0] - beyond / axis.bbox.width)


def grid(rows: int, columns: int, ratio: float, width: float | None = None, **options):
    """Return a figure and a 2-d array of axes, as wide as a column or, of several, as the text.

    Parameters
    ----------
    rows, columns : int
    ratio : float
        Height of a place in the grid over its width.
    width : float, optional
        Of the figure in inches, if another one.
    options
        Of `matplotlib.pyplot.subplots`.
    """
    width = width or (COLUMN if columns == 1 else TEXT)
    size = width, rows * ratio * width / columns + 0.3  # room for the legend below
    return plt.subplots(rows, columns, figsize=size, squeeze=False, **options)


def title(task: str, architecture: str, width: int) -> str:
    """Return the heading of a condition of the grid."""
    return f"{words(task)}, {architecture}, $N_h$ = {width}"


def words(name: str) -> str:
    """Return the name of a task or a column for people."""
    return name.replace("_", " ")


def places(table: pd.DataFrame) -> tuple[int, int, list[tuple[tuple, int, int]]]:
    """Return where the conditions of one task stand: architectures down, widths across.

    Returns
    -------
    rows, columns : int
    places : list of (condition, row, column)
        Each (task, architecture, width) of `table`, in its order.
    """
    conditions = table[["task", "architecture", "width"]].drop_duplicates()
    rows = list(conditions["architecture"].drop_duplicates())
    columns = sorted(conditions["width"].unique())
    found = [
        (condition, rows.index(condition[1]), columns.index(condition[2]))
        for condition in conditions.itertuples(index=False, name=None)
    ]
    return len(rows), len(columns), found


def condition_grid(table: pd.DataFrame, ratio: float, **options):
    """Lay out one task's conditions, architectures down and widths across, and name them.

    Returns
    -------
    figure : Figure
    axes : list of (condition, Axes)
        Each (task, architecture, width) of `table`, in its order.
    """
    rows, columns, found = places(table)
    figure, axes = grid(rows, columns, ratio, **options)
    found = [(condition, axes[row, column]) for condition, row, column in found]
    for axis in set(axes.flat) - {axis for _, axis in found}:
        axis.set_visible(False)
    name_conditions(figure, found)
    return figure, found


def name_conditions(figure: Figure, found: list[tuple[tuple, Axes]]) -> None:
    """Write conditions above their axes, and the task, which several share, above all of them."""
    for condition, axis in found:
        name = title(*condition)
        axis.set_title(name if len(found) == 1 else name.split(", ", 1)[1])
    if len(found) > 1:
        figure.suptitle(words(found[0][0][0]), fontweight="bold")


def task_grid(tasks: Iterable[str], ratio: float, **options):
    """Lay out a panel a task, at most three across; four tasks stand two by two.

    Returns
    -------
    figure : Figure
    axes : list of (task, Axes)
    """
    tasks = list(tasks)
    columns = 2 if len(tasks) == 4 else min(len(tasks), 3)
    figure, axes = grid(-(-len(tasks) // columns), columns, ratio, **options)
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    found = list(zip(tasks, axes.flat[: len(tasks)], strict=True))
    for task, axis in found:
        axis.set_title(words(task))
    return figure, found


def add_finding(axis: Axes, text: str) -> None:
    """Write below the title of a panel what it shows, in numbers of its table."""
    axis.set_title(f"{axis.get_title()}\n{text}" if text else axis.get_title())


def rows_of(table: pd.DataFrame, condition: tuple) -> pd.DataFrame:
    """Return the rows of one condition of the grid."""
    task, architecture, width = condition
    return table[
        (table["task"] == task)
        & (table["architecture"] == architecture)
        & (table["width"] == width)
    ]


def coupling_strip(axis: Axes, removed: Iterable[str] = ORDER) -> None:
    """Show below each place of an axis which couplings are removed there: filled cells.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    removed : iterable of str
        What stands at 0, 1, 2, …: names of `rnnschur.coordinates.sectors.SUBSETS`; any other is
        written as it is, a word a line.
    """
    removed = list(removed)
    cells = [
        "\n".join("■" if coupling in SUBSET_COUPLINGS[name] else "□" for coupling in COUPLINGS)
        if name in SUBSET_COUPLINGS
        else name.replace(" ", "\n")
        for name in removed
    ]
    axis.set_xticks(range(len(removed)), cells, linespacing=0.95)
    axis.set_xlim(-0.7, len(removed) - 0.3)
    # The names of the lines stand at the left end, as a tick that is not drawn.
    axis.set_xticks([-0.7], ["\n".join(COUPLINGS)], minor=True, ha="right", linespacing=0.95)
    axis.tick_params(axis="x", which="minor", length=0, pad=STYLE["xtick.major.pad"] + 3)
    axis.set_xlabel("■ removed")


def label_outer(figure: Figure, ticks: bool = True) -> None:
    """Leave the labels of shared axes only where no other panel is below, or to the left.

    Where panels do not share their horizontal axis, `ticks` is false, and its ticks keep theirs.
    """
    shown = [axis for axis in figure.axes if axis.get_visible() and axis.get_subplotspec()]
    cells = [(axis, axis.get_subplotspec().get_topmost_subplotspec()) for axis in shown]
    for axis, cell in cells:
        row, column = cell.rowspan.start, cell.colspan.start
        below = any(c.colspan.start == column and c.rowspan.start > row for _, c in cells)
        beside = any(c.rowspan.start == row and c.colspan.start < column for _, c in cells)
        if ticks:
            axis.tick_params(axis="x", which="both", labelbottom=not below)
        axis.tick_params(axis="y", which="both", labelleft=not beside)
        if isinstance(axis.xaxis.get_minor_locator(), FixedLocator):  # lines of a strip
            axis.tick_params(axis="x", which="minor", labelbottom=not (below or beside))
        if below:
            axis.set_xlabel("")
        if beside:
            axis.set_ylabel("")


def legend_below(figure: Figure) -> None:
    """Put one legend of all that the axes show below the whole figure, in as few lines as fit."""
    shown = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    if not shown:
        return
    lengths = [len(re.sub(r"\\\w+", "x", label).replace("$", "")) for label in shown]

    def inches(lines: int) -> float:  # filled column by column
        parts = (lengths[start : start + lines] for start in range(0, len(lengths), lines))
        return sum(0.52 + 0.064 * max(part) for part in parts)

    fit = (n for n in range(1, len(shown)) if inches(n) <= figure.get_figwidth())
    columns = -(-len(shown) // next(fit, len(shown)))
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=columns, frameon=False
    )
