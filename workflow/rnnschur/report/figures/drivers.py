"""What decides which coupling dominates."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.drivers import ALL, SETTINGS, SIZE, THRESHOLD
from rnnschur.report.figures.style import COLOURS, TEXT, legend_below

MARKERS = dict(zip(COUPLINGS, "sov", strict=True))
NAMES = {THRESHOLD: "α", SETTINGS: "all settings", ALL: "all of these"}


def drivers(shares: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Draw each coupling's share of the damage against |R|, and what explains it and |R|.

    Parameters
    ----------
    shares : pandas.DataFrame
        As `rnnschur.drivers.damage_shares` returns it.
    table : pandas.DataFrame
        As `rnnschur.drivers.drivers` returns it.

    Returns
    -------
    Figure
        Above, a point a network, threshold and coupling, and means over |R| up to the same power of
        two. Below left, R² of each driver alone; right, how many doublings of |R| go with one unit
        of each driver, with the interval.
    """
    figure, axes = plt.subplot_mosaic([["shares"] * 2, ["explained", "sizes"]], figsize=(TEXT, 5.2))
    _against_size(axes["shares"], shares)
    _explained(axes["explained"], table[table["response"] != SIZE])
    _sizes(axes["sizes"], table[(table["response"] == SIZE) & table["coefficient"].notna()])
    legend_below(figure)
    return figure


def _against_size(axis: Axes, shares: pd.DataFrame) -> None:
    """Draw the shares of the damage against |R|."""
    size = shares["leading"].to_numpy(float)
    power = np.ceil(np.log2(size))
    shift = np.linspace(-0.12, 0.12, len(shares)) if len(shares) else 0  # |R| is a count
    for coupling in COUPLINGS:
        style = {"color": COLOURS[coupling], "marker": MARKERS[coupling], "linestyle": ""}
        axis.plot(
            size * 2**shift,
            shares[coupling],
            **style,
            markersize=2.5,
            alpha=0.35,
            markeredgewidth=0,
        )
        means = pd.DataFrame({"x": np.log2(size), "y": shares[coupling]}).groupby(power).mean()
        style |= {"linestyle": "-", "label": coupling}
        axis.plot(2 ** means["x"], means["y"], **style, markersize=6, markeredgecolor="white")
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set(xlabel="|R|", ylabel="share of the damage", title="Which coupling dominates?")


def _explained(axis: Axes, table: pd.DataFrame) -> None:
    """Draw R² of each driver alone, for the share of each coupling."""
    names = table["driver"].drop_duplicates().tolist()
    for offset, coupling in zip((-0.22, 0, 0.22), COUPLINGS, strict=True):
        alone = table[table["response"] == coupling].set_index("driver")["alone"][names]
        style = {"color": COLOURS[coupling], "marker": MARKERS[coupling], "linestyle": ""}
        axis.plot(alone, np.arange(len(names)) + offset, **style, markersize=4.5)
    for row in np.arange(len(names) - 1) + 0.5:
        axis.axhline(row, color="0.85", linewidth=0.6)
    axis.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names])
    axis.set(xlim=(-0.03, 1), ylim=(len(names) - 0.5, -0.5))
    axis.set(xlabel="variance explained, alone", title="What explains the shares?")


def _sizes(axis: Axes, table: pd.DataFrame) -> None:
    """Draw what moves |R|, in doublings of |R|."""
    places = np.arange(len(table))
    reach = [table["coefficient"] - table["low"], table["high"] - table["coefficient"]]
    axis.errorbar(table["coefficient"], places, xerr=reach, fmt="o", color="0.2", markersize=4)
    axis.axvline(0, color="0.6", linewidth=0.8)
    units = table["per"].map(lambda per: {"doubling": ", doubled", "": ""}.get(per, f" + {per}"))
    names = table["driver"].map(lambda name: NAMES.get(name, name)) + units
    axis.set_yticks(places, names)
    axis.set(ylim=(max(len(table), 1) - 0.5, -0.5), xlabel="doublings of |R|")
    axis.set_title("What moves |R|?")
