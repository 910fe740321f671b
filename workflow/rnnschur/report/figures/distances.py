"""Distance in weights against distance in function."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.interventions.symmetries import SYMMETRIES
from rnnschur.report.figures.style import COLOURS, PALETTE, grid, legend_below
from rnnschur.tables import NETWORK

#: What is smaller is drawn here, on axes that have no zero: rounding is above it.
FLOOR = 1e-8

#: Marker and colour of each kind of change; what is none of these has the last.
KINDS = {
    "exact symmetry": ("*", "black"),
    "rotation": ("D", PALETTE[3]),
    **{coupling: ("o", COLOURS[coupling]) for coupling in COUPLINGS},
    "several couplings": ("s", PALETTE[4]),
    "other order": ("^", PALETTE[5]),
    "control": (".", "0.6"),
}


def changes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return every change of every network that has learned, with its two distances.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Tables of interventions by the name of their family, with the columns removed_mass,
        rollout_difference and learned. Changes that change nothing are left out.

    Returns
    -------
    pandas.DataFrame
        Columns task, architecture, width, seed, kind (one of `KINDS`), removed_mass and
        rollout_difference.

    Raises
    ------
    ValueError
        For a table that lacks a column; the message names both.
    """
    parts = []
    for family, table in tables.items():
        for column in ("removed_mass", "rollout_difference", "learned"):
            if column not in table:
                raise ValueError(f"table {family!r} has no column {column}")
        rows = table[table["learned"] & (table["removed_mass"] > 0)]
        kinds = [_kind(family, row) for row in rows.to_dict("records")]
        rows = rows[[*NETWORK, "removed_mass", "rollout_difference"]]
        parts.append(rows.assign(kind=kinds))
    return pd.concat(parts, ignore_index=True)


def _kind(family: str, row: Mapping) -> str:
    """Return which of `KINDS` a row of a table of interventions is."""
    if family == "symmetries":
        exact = row["control"] in SYMMETRIES.values()
        return "exact symmetry" if exact else "rotation"
    if family in ("ablations", "thresholds"):
        return row["removed"] if row["removed"] in COUPLINGS else "several couplings"
    if family == "orders":
        return "other order"
    return "control"


def distances(table: pd.DataFrame, epsilon: float) -> Figure:
    r"""Draw how far outputs move over how far weights do, a panel a task.

    Were distance in weights a measure of distance in function, points would lie about a line. What
    lies far to the right and low is a symmetry, exact or not: exact ones lie where rounding does.

    Parameters
    ----------
    table : pandas.DataFrame
        As `changes` returns it: :math:`\|\Delta W\| / \|W\|` of the recurrent matrix, and d.
    epsilon : float
        Largest rollout difference of a stabilizer.
    """
    tasks = list(table["task"].drop_duplicates())
    figure, axes = grid(1, len(tasks), 3.2, 3.2, sharex=True, sharey=True)
    for task, axis in zip(tasks, axes.flat, strict=True):
        rows = table[table["task"] == task]
        for kind in reversed(KINDS):  # the rarer ones on top
            points = rows[rows["kind"] == kind]
            marker, colour = KINDS[kind]
            axis.plot(
                points["removed_mass"].clip(lower=FLOOR),
                points["rollout_difference"].clip(lower=FLOOR),
                marker=marker,
                color=colour,
                label=kind if (table["kind"] == kind).any() else None,
                linestyle="none",
                markersize=6 if marker == "*" else 3,
                alpha=0.5,
            )
        axis.axhline(epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$")
        axis.set(xscale="log", yscale="log", title=task.replace("_", " "))
        axis.set(xlabel=r"distance in weights, $\|\Delta W\| / \|W\|$")
        axis.set(ylabel="distance in function, $d$")
        axis.label_outer()
    legend_below(figure)
    return figure
