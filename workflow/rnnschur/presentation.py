"""The tables of the report: summaries in the shape in which the paper prints them."""

from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from pandas.io.formats.style import Styler

from rnnschur.behaviour import METRICS
from rnnschur.figures import NAMES, ORDER
from rnnschur.sectors import COUPLINGS
from rnnschur.stabilizers import VERDICTS

CELL = ["task", "architecture", "width"]


def number(value: float) -> str:
    """Return a number with three significant digits, whole up to 100,000; nothing for NaN."""
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if 1000 <= abs(value) < 100_000 else f"{value:.3g}"


def interval(row: pd.Series) -> str:
    """Return '[low, high]' of a row of a summary; nothing where there is no interval."""
    return "" if np.isnan(row["low"]) else f"[{number(row['low'])}, {number(row['high'])}]"


def with_interval(row: pd.Series) -> str:
    """Return 'mean [low, high]' of a row of a summary."""
    return f"{number(row['mean'])} {interval(row)}".strip()


def main_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's main table: ablations of the copy network, the paper beside ours."""
    rows = comparison[comparison["task"] == "copy"].set_index("removed").reindex(ORDER)
    table = pd.DataFrame(
        {
            "paper": rows["paper"].map(number),
            "ours (mean)": rows["ours"].map(number),
            "interval": rows.apply(interval, axis=1),
            "sd over networks": rows["sd"].map(number),
            "networks": rows["networks"].fillna(0).astype(int),
            "ours - paper": rows["difference"].map(number),
        }
    )
    return table.rename(index=NAMES).rename_axis("couplings removed")


def damage_table(
    summary: pd.DataFrame, comparison: pd.DataFrame, minimum_mass: float
) -> pd.DataFrame:
    """Return damage, mass and sensitivity of the single couplings, a row a cell and coupling.

    No sensitivity is shown where the mean removed mass is below `minimum_mass`: rounding divided
    by next to nothing says nothing.
    """
    table = summary[summary["removed"].isin(COUPLINGS)]
    mass = table[table["quantity"] == "removed_mass"].set_index([*CELL, "removed"])["mean"]
    light = pd.MultiIndex.from_frame(table[[*CELL, "removed"]]).map(mass) < minimum_mass
    table = table[~(light & (table["quantity"] == "sensitivity"))]
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


def dominance_table(ablations: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Return in how many networks each single coupling does the most damage, a row a cell.

    Once by damage and once by sensitivity (the paper's dominant fragile block), and by damage in
    Schur forms whose blocks stand in random order within the sectors, each of which counts.
    Networks in which no coupling does any damage count under none.
    """
    network = [*CELL, "seed"]
    rows = ablations[ablations["learned"]]
    sign = rows["metric"].map(lambda metric: METRICS[metric][1])
    rows = rows.assign(damage=sign * rows["delta"], sign=sign)
    intact = rows[rows["removed"] == "none"].set_index(network)
    shuffled = orders[(orders["order"] == "any") & orders["learned"]]
    shuffled = shuffled.pivot(index=[*network, "draw"], columns="removed", values="value")
    shuffled = shuffled.sub(intact["value"], axis=0).mul(intact["sign"], axis=0)
    damage, sensitivity = (
        rows.pivot(index=network, columns="removed", values=quantity)
        for quantity in ("damage", "sensitivity")
    )
    parts = {
        "damage": _most(damage, damage),
        "sensitivity": _most(sensitivity, damage),
        "damage, random orders": _most(shuffled, shuffled),
    }
    table = pd.concat(parts, axis=1).fillna(0).astype(int)
    table.columns = [f"{name}: {coupling}" for name, coupling in table.columns]
    networks = damage.groupby(CELL, sort=False).size()
    table = table.reindex(networks.index, fill_value=0)
    table.insert(0, "networks", networks)
    return table.reset_index()


def _most(values: pd.DataFrame, damage: pd.DataFrame) -> pd.DataFrame:
    """Count, cell by cell, the rows in which each coupling that does damage has most of a value."""
    values = values.where(damage > 0).reindex(columns=list(COUPLINGS))
    most = values.rank(axis=1, method="first", ascending=False) == 1
    return most.groupby(CELL, sort=False).sum()


def verdict_table(ablations: pd.DataFrame) -> pd.DataFrame:
    """Return how many networks of a cell get each verdict, a row a cell and single coupling."""
    rows = ablations[ablations["removed"].isin(COUPLINGS) & ablations["learned"]]
    counts = rows.groupby([*CELL, "removed"], sort=False)["verdict"].value_counts()
    wide = counts.unstack(fill_value=0, sort=False).reindex(columns=list(VERDICTS), fill_value=0)
    wide.columns.name = None
    return wide.reset_index()


def training_table(networks: pd.DataFrame) -> pd.DataFrame:
    """Return how the networks of each cell learned, over those that did."""
    rows = []
    for cell, trained in networks.groupby(CELL, sort=False):
        learned = trained[trained["learned"]]
        sign = METRICS[trained["metric"].iloc[0]][1]
        row = {
            "trained": len(trained),
            "learned": len(learned),
            "intact, mean": number(learned["value"].mean()),
            "intact, worst": number(sign * (sign * learned["value"]).max()),
            "ever perfect": int(learned["first_perfect"].notna().sum()),
            "first perfect, median of those": number(learned["first_perfect"].median()),
            "spectral radius": number(learned["spectral_radius"].mean()),
            "size of R": number(learned["leading"].mean()),
        }
        rows.append({**dict(zip(CELL, cell, strict=True)), **row})
    return pd.DataFrame(rows)


def nonnormality_table(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each measure of non-normality and coupling mass, a row a cell."""
    shown = ["departure", "commutator", "numerical_abscissa", "spectral_abscissa"]
    shown += ["transient_gain", "scaled_gain", "eigenvector_condition", "schur_condition"]
    shown += ["mass_RR", "mass_CR", "mass_CC"]
    networks = networks[networks["learned"]]
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
    movable = changes.groupby([*CELL, "order"], sort=False)["movable"].mean().unstack(sort=False)
    for order in movable:
        wide[f"movable blocks, {order}"] = (
            movable[order].map(number).loc[wide.index.droplevel("removed")].to_numpy()
        )
    return wide.reset_index()


def ledger_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's claims and numbers with their verdicts, a row a claim."""
    rows = ledger[ledger["networks"] > 0]
    agree = (rows["share"] * rows["networks"]).round().astype(int)
    return pd.DataFrame(
        {
            "claim": rows["claim"],
            "quantity": rows["quantity"].fillna(""),
            "paper": rows["paper"].map(number),
            "ours (mean)": rows["mean"].map(number),
            "interval": [interval(row) for _, row in rows.iterrows()],
            "networks that agree": [
                f"{a} of {n}" + (f" ({out} left out)" if out else "")
                for a, n, out in zip(agree, rows["networks"], rows["left_out"], strict=True)
            ],
            "verdict": rows["verdict"],
            "rule": rows["rule"],
        }
    )


def search_table(protocols: pd.DataFrame) -> pd.DataFrame:
    """Return the protocols of a search in the order of their distance, task by task."""
    parts = [rows.sort_values("distance") for _, rows in protocols.groupby("task", sort=False)]
    rows = pd.concat(parts)
    whole = rows[["numbers_reached", "numbers", "claims_reproduced", "claims"]]
    whole = whole.fillna(0).astype(int).astype(str)
    return pd.DataFrame(
        {
            "task": rows["task"],
            "protocol": rows["protocol"],
            "learned": rows["learned"].astype(str) + " of " + rows["networks"].astype(str),
            "distance": rows["distance"].map(number),
            "worst misfit": rows["worst_misfit"].map(number),
            "numbers reached": whole["numbers_reached"] + " of " + whole["numbers"],
            "claims reproduced": whole["claims_reproduced"] + " of " + whole["claims"],
            "": np.where(rows["chosen"], "chosen", ""),
        }
    )


def show(table: pd.DataFrame, stem: str | Path, caption: str) -> None:
    """Write a table as a page of HTML and show it in a notebook."""
    styled = page(table, caption)
    styled.to_html(f"{stem}.html", doctype_html=True)
    display(styled)


def page(table: pd.DataFrame, caption: str) -> Styler:
    """Return a table as a page of HTML."""
    look = [
        {"selector": "", "props": "border-collapse: collapse; font: 14px sans-serif;"},
        {"selector": "caption", "props": "text-align: left; padding: 8px; max-width: 60em;"},
        {"selector": "th, td", "props": "padding: 3px 10px; text-align: left;"},
        {"selector": "thead th", "props": "border-bottom: 1px solid #888;"},
    ]
    # A fixed identity instead of a random one: the same table gives the same page.
    styler = table.style.set_uuid("table").set_caption(caption).set_table_styles(look)
    styler = styler.set_table_attributes('cellspacing="0"').format(
        {"alpha": "{:.2f}"} if "alpha" in table else None
    )
    return styler.hide(axis="index") if table.index.name is None else styler
