"""The tables of the report: summaries in the shape in which the paper prints them."""

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from rnnschur.figures import NAMES, ORDER
from rnnschur.sectors import COUPLINGS
from rnnschur.stabilizers import VERDICTS

CELL = ["task", "architecture", "width"]


def number(value: float) -> str:
    """Return a number with three significant digits; nothing for NaN."""
    if np.isnan(value):
        return ""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def with_interval(row: pd.Series) -> str:
    """Return 'mean [low, high]' of a row of a summary."""
    if np.isnan(row["low"]):
        return number(row["mean"])
    return f"{number(row['mean'])} [{number(row['low'])}, {number(row['high'])}]"


def main_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's main table: ablations of the copy network, the paper beside ours."""
    rows = comparison[comparison["task"] == "copy"].set_index("removed")
    rows = rows.reindex(ORDER).rename(columns={"ours": "mean"})
    return pd.DataFrame(
        {
            "paper": rows["paper"].map(number),
            "ours (mean)": rows["mean"].map(number),
            "interval": [
                "" if np.isnan(low) else f"[{number(low)}, {number(high)}]"
                for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "sd over networks": rows["sd"].map(number),
            "networks": rows["networks"].fillna(0).astype(int),
            "ours - paper": rows["difference"].map(number),
        },
        index=pd.Index([NAMES[name] for name in ORDER], name="couplings removed"),
    )


def damage_table(summary: pd.DataFrame, comparison: pd.DataFrame) -> pd.DataFrame:
    """Return damage, mass and sensitivity of the single couplings, a row a cell and coupling."""
    table = summary[summary["removed"].isin(COUPLINGS)]
    table = table.assign(text=table.apply(with_interval, axis=1))
    index = [*CELL, "removed"]
    shown = {"delta": "change", "removed_mass": "removed mass", "sensitivity": "sensitivity"}
    wide = table[table["quantity"].isin(shown)].pivot_table(
        index=index, columns="quantity", values="text", aggfunc="first", sort=False
    )
    wide = wide.reindex(columns=list(shown)).fillna("").rename(columns=shown)
    paper = comparison.set_index([*index, "quantity"])["paper"]
    for quantity, name in (("delta", "change"), ("sensitivity", "sensitivity")):
        values = [paper.get((*row, quantity), np.nan) for row in wide.index]
        wide.insert(wide.columns.get_loc(name) + 1, f"{name}, paper", [number(v) for v in values])
    return wide.reset_index()


def threshold_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the mean measure under every ablation, a row a cell and threshold."""
    values = summary[summary["quantity"] == "value"]
    wide = values.pivot_table(
        index=[*CELL, "alpha"], columns="removed", values="mean", sort=False
    ).reindex(columns=list(ORDER))
    wide = wide.map(number).rename(columns=NAMES)
    wide.columns.name = None
    return wide.reset_index()


def verdict_table(ablations: pd.DataFrame) -> pd.DataFrame:
    """Return how many networks of a cell get each verdict, a row a cell and single coupling."""
    rows = ablations[ablations["removed"].isin(COUPLINGS) & ablations["learned"]]
    counts = rows.groupby([*CELL, "removed"], sort=False)["verdict"].value_counts()
    wide = counts.unstack(fill_value=0).reindex(columns=list(VERDICTS), fill_value=0)
    wide.columns.name = None
    return wide.reset_index()


def nonnormality_table(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each measure of non-normality and coupling mass, a row a cell."""
    shown = ["departure", "commutator", "numerical_abscissa", "spectral_radius", "transient_gain"]
    shown += ["scaled_gain", "eigenvector_condition", "mass_RR", "mass_CR", "mass_CC"]
    table = networks.groupby(CELL, sort=False)[shown].median().map(number)
    return table.rename(columns=lambda name: name.replace("_", " ")).reset_index()


def symmetry_table(symmetries: pd.DataFrame) -> pd.DataFrame:
    """Return the extremes of the changes under each control, a row a cell and control."""
    by = symmetries.groupby([*CELL, "control"], sort=False)
    table = by.agg(
        rollout_smallest=("rollout_difference", "min"),
        rollout_largest=("rollout_difference", "max"),
        moduli_largest=("moduli_change", "max"),
        departure_largest=("departure_change", "max"),
    ).map(number)
    names = {
        "rollout_smallest": "rollout difference, smallest",
        "rollout_largest": "largest",
        "moduli_largest": "moduli, largest change",
        "departure_largest": "departure, largest change",
    }
    return table.rename(columns=names).reset_index()


def order_changes(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the other orders with their changes against the order by modulus."""
    key = [*CELL, "seed", "removed"]
    sorted_rows = orders[orders["order"] == "by modulus"]
    table = orders[orders["order"] != "by modulus"].merge(
        sorted_rows[[*key, "removed_mass", "value"]], on=key, suffixes=("", "_sorted")
    )
    return table.assign(
        mass_change=table["removed_mass"] - table["removed_mass_sorted"],
        value_change=table["value"] - table["value_sorted"],
    )


def order_table(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the largest changes under other orders within a sector, a row a cell and coupling."""
    changes = order_changes(orders)
    changes[["mass", "measure"]] = changes[["mass_change", "value_change"]].abs()
    wide = changes.pivot_table(
        index=[*CELL, "removed"],
        columns="order",
        values=["mass", "measure"],
        aggfunc="max",
        sort=False,
    ).map(number)
    wide.columns = [f"{quantity}, {order}" for quantity, order in wide.columns]
    return wide.reset_index()


def page(table: pd.DataFrame, caption: str) -> Styler:
    """Return a table as a page of HTML."""
    look = [
        {"selector": "", "props": "border-collapse: collapse; font: 14px sans-serif;"},
        {"selector": "caption", "props": "text-align: left; padding: 8px; max-width: 60em;"},
        {"selector": "th, td", "props": "padding: 3px 10px; text-align: left;"},
        {"selector": "thead th", "props": "border-bottom: 1px solid #888;"},
    ]
    styler = table.style.set_caption(caption).set_table_styles(look)
    styler = styler.set_table_attributes('cellspacing="0"').format(
        {"alpha": "{:.2f}"} if "alpha" in table else None
    )
    return styler.hide(axis="index") if table.index.name is None else styler
