"""Distance in weights against distance in function."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.interventions.matched import ANOTHER
from rnnschur.interventions.symmetries import SYMMETRIES
from rnnschur.report.figures.style import (
    COLOURS,
    MARKERS,
    PALETTE,
    label_outer,
    legend_below,
    task_grid,
)
from rnnschur.tables import NETWORK

#: What is smaller is drawn here, on axes that have no zero: rounding is above it.
FLOOR = 1e-8

#: Marker and colour of each kind of change.
KINDS = {
    "exact symmetry": ("*", "black"),
    "rotation": ("D", PALETTE[2]),
    **{coupling: (MARKERS[coupling], COLOURS[coupling]) for coupling in COUPLINGS},
    "several couplings": ("P", PALETTE[4]),
    "other order": ("v", PALETTE[9]),
    "matched control": (".", "0.6"),
}


def changes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return every change of every network that has learned, with its two distances.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By name, any of ablations, orders (those by modulus are the ablations themselves and left
        out), symmetries, rotations (the medians over their draws) and matched (of each coupling and
        control the medians over the draws; ``another sequence`` is no change of weights and left
        out), with the column learned. Changes that change nothing are left out.

    Returns
    -------
    pandas.DataFrame
        Columns task, architecture, width, seed, kind (one of `KINDS`), removed_mass and
        rollout_difference.

    Raises
    ------
    ValueError
        For another table, and for one that lacks a column; the message names it.
    """
    parts = []
    for name, table in tables.items():
        if name not in _KIND:
            raise ValueError(f"table {name!r} has no kind of change; allowed: {', '.join(_KIND)}")
        moved, kind = _MOVED.get(name, DISTANCES), _KIND[name]
        for column in (*moved, "learned"):
            if column not in table:
                raise ValueError(f"table {name!r} has no column {column}")
        rows = table[table["learned"].astype(bool) & (table[moved[0]] > 0)]
        kinds = pd.Series([kind(row) for row in rows.to_dict("records")], rows.index, dtype=object)
        rows = rows[[*NETWORK, *moved]].set_axis([*NETWORK, *DISTANCES], axis=1)
        parts.append(rows.assign(kind=kinds)[kinds.notna()])
    found = pd.concat(parts, ignore_index=True)
    return found.astype(dict.fromkeys(DISTANCES, float))


#: Columns of the distance in weights and in function.
DISTANCES = ["removed_mass", "rollout_difference"]
_MOVED = {"matched": ["median_mass", "median_difference"]}


def _ablation(row: Mapping) -> str:
    return row["removed"] if row["removed"] in COUPLINGS else "several couplings"


def _order(row: Mapping) -> str | None:
    return None if row["order"] == "by modulus" else "other order"


def _symmetry(row: Mapping) -> str:
    return "exact symmetry" if row["control"] in SYMMETRIES.values() else "rotation"


def _matched(row: Mapping) -> str | None:
    return None if row["control"] == ANOTHER else "matched control"


#: Which of `KINDS` a row of each table is; None for one that is no change of its own.
_KIND = {
    "ablations": _ablation,
    "orders": _order,
    "symmetries": _symmetry,
    "rotations": lambda row: "rotation",
    "matched": _matched,
}


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
    figure, axes = task_grid(table["task"].drop_duplicates(), 0.9, sharex=True, sharey=True)
    for task, axis in axes:
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
                markersize=5 if marker == "*" else 2.5,
                alpha=0.5,
                markeredgewidth=0,
            )
        axis.axhline(epsilon, color="0.3", linewidth=0.8, linestyle="--", label=r"$\epsilon$")
        axis.set(xscale="log", yscale="log", xlabel=r"in weights, $\|\Delta W\| / \|W\|$")
        axis.set(ylabel="in function, $d$")
    label_outer(figure)
    legend_below(figure)
    return figure
