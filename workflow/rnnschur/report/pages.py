"""The tables of the report: summaries in the shape in which the paper prints them."""

from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.criterion import VERDICTS
from rnnschur.files import write_text
from rnnschur.findings import order_changes, unbounded
from rnnschur.metrics import METRICS
from rnnschur.report.figures import NAMES, ORDER
from rnnschur.report.formats import (
    digits,
    interval,
    latex,
    markdown,
    markdown_rows,
    page,
    shorthand,
    with_interval,
)
from rnnschur.tables import CONDITION


def main_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's main table: ablations of the copy network, the paper beside ours."""
    rows = comparison[comparison["task"] == "copy"].set_index("removed").reindex(ORDER)
    table = pd.DataFrame(
        {
            "paper": rows["paper"].map(digits),
            "ours": list(map(shorthand, rows["ours"], rows["sd"])),
            "interval": rows.apply(interval, axis=1),
            "networks": rows["networks"].fillna(0).astype(int),
            "ours - paper": rows["difference"].map(digits),
        }
    )
    return table.rename(index=NAMES).rename_axis("couplings removed")


def damage_table(
    summary: pd.DataFrame, comparison: pd.DataFrame, minimum_mass: float
) -> pd.DataFrame:
    """Return damage, mass and sensitivity of the single couplings, a row a condition and coupling.

    No sensitivity is shown where the mean removed mass is below `minimum_mass`: rounding divided
    by next to nothing says nothing.
    """
    table = summary[summary["removed"].isin(COUPLINGS)]
    mass = table[table["quantity"] == "removed_mass"].set_index([*CONDITION, "removed"])["mean"]
    light = pd.MultiIndex.from_frame(table[[*CONDITION, "removed"]]).map(mass) < minimum_mass
    table = table[~(light & (table["quantity"] == "sensitivity"))]
    table = table.assign(text=table.apply(with_interval, axis=1))
    index = [*CONDITION, "removed"]
    shown = {"delta": "change", "removed_mass": "removed mass", "sensitivity": "sensitivity"}
    wide = table[table["quantity"].isin(shown)].pivot_table(
        index=index, columns="quantity", values="text", aggfunc="first", sort=False
    )
    wide = wide.reindex(columns=list(shown)).fillna("").rename(columns=shown)
    paper = comparison.set_index([*index, "quantity"])["paper"]
    for quantity, name in (("delta", "change"), ("sensitivity", "sensitivity")):
        values = [paper.get((*row, quantity), np.nan) for row in wide.index]
        wide.insert(wide.columns.get_loc(name) + 1, f"{name}, paper", [digits(v) for v in values])
    return wide.reset_index()


def threshold_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the mean measure under every ablation, a row a condition and threshold."""
    values = summary[summary["quantity"] == "value"]
    values = values.assign(text=list(map(shorthand, values["mean"], values["sd"])))
    wide = values.pivot_table(
        index=[*CONDITION, "alpha"], columns="removed", values="text", aggfunc="first", sort=False
    ).reindex(columns=list(ORDER))
    wide = wide.fillna("").rename(columns=NAMES)
    wide.columns.name = None
    return wide.reset_index()


def verdict_table(ablations: pd.DataFrame) -> pd.DataFrame:
    """Return how many networks get each verdict, a row a condition and single coupling."""
    rows = ablations[ablations["removed"].isin(COUPLINGS) & ablations["learned"]]
    counts = rows.groupby([*CONDITION, "removed"], sort=False)["verdict"].value_counts()
    wide = counts.unstack(fill_value=0, sort=False).reindex(columns=list(VERDICTS), fill_value=0)
    wide.columns.name = None
    return wide.reset_index()


def training_table(networks: pd.DataFrame) -> pd.DataFrame:
    """Return how the networks of each condition learned, over those that did."""
    rows = []
    for condition, trained in networks.groupby(CONDITION, sort=False):
        learned = trained[trained["learned"]]
        sign = METRICS[trained["metric"].iloc[0]].worse
        row = {
            "trained": len(trained),
            "learned": len(learned),
            "intact, mean": shorthand(learned["value"].mean(), learned["value"].std()),
            "intact, worst": digits(sign * (sign * learned["value"]).max()),
            "ever perfect": int(learned["first_perfect"].notna().sum()),
            "first perfect, median of those": digits(learned["first_perfect"].median()),
            "spectral radius": digits(learned["spectral_radius"].mean()),
            "size of R": digits(learned["leading"].mean()),
        }
        rows.append({**dict(zip(CONDITION, condition, strict=True)), **row})
    return pd.DataFrame(rows)


def nonnormality_table(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the median of each measure of non-normality and coupling mass, a row a condition."""
    shown = ["departure", "commutator", "numerical_abscissa", "spectral_abscissa"]
    shown += ["transient_gain", "scaled_gain", "eigenvector_condition", "schur_condition"]
    shown += ["mass_RR", "mass_CR", "mass_CC"]
    networks = networks[networks["learned"]]
    table = networks.groupby(CONDITION, sort=False)[shown].median().map(digits)
    return table.rename(columns=lambda name: name.replace("_", " ")).reset_index()


def symmetry_table(symmetries: pd.DataFrame) -> pd.DataFrame:
    """Return the extremes of the changes under each control, a row a condition and control."""
    by = symmetries.groupby([*CONDITION, "control"], sort=False)
    table = by.agg(
        rollout_smallest=("rollout_difference", "min"),
        rollout_largest=("rollout_difference", "max"),
        moduli_largest=("moduli_change", "max"),
        departure_largest=("departure_change", "max"),
    ).map(digits)
    names = {
        "rollout_smallest": "rollout difference, smallest",
        "rollout_largest": "largest",
        "moduli_largest": "moduli, largest change",
        "departure_largest": "departure, largest change",
    }
    return table.rename(columns=names).reset_index()


def order_table(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the largest changes under other orders in a sector, a row a condition and coupling."""
    changes = order_changes(orders)
    changes[["mass", "measure"]] = changes[["mass_change", "value_change"]].abs()
    wide = changes.pivot_table(
        index=[*CONDITION, "removed"],
        columns="order",
        values=["mass", "measure"],
        aggfunc="max",
        sort=False,
    ).map(digits)
    wide.columns = [f"{quantity}, {order}" for quantity, order in wide.columns]
    movable = (
        changes.groupby([*CONDITION, "order"], sort=False)["movable"].mean().unstack(sort=False)
    )
    for order in movable:
        wide[f"movable blocks, {order}"] = (
            movable[order].map(digits).loc[wide.index.droplevel("removed")].to_numpy()
        )
    return wide.reset_index()


def energy_table(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the share of energy in sector C, a row a condition and phase.

    Parameters
    ----------
    shares : pandas.DataFrame
        As `rnnschur.findings.energy_shares` returns it.
    """
    rows = shares[shares["learned"] & (shares["sector"] == "C")]
    by = rows.groupby([*CONDITION, "phase"], sort=False)["share"]
    table = by.agg(["size", "median", "min", "max"]).set_axis(
        ["networks", "share of C, median", "smallest", "largest"], axis=1
    )
    return table.assign(**table.iloc[:, 1:].map(digits)).reset_index()


def activity_table(activity: pd.DataFrame) -> pd.DataFrame:
    """Return mass and rollout difference of the parts of couplings, a row a condition and coupling.

    Medians over the networks that learned, in which the coupling counts.
    """
    key = [*CONDITION, "removed"]
    rows = activity[activity["learned"].astype(bool)]
    whole = rows[rows["part"] == "whole"].groupby(key, sort=False)
    table = whole[["acting_axes", "seen_axes"]].median().map(digits)
    table.insert(0, "networks", whole.size())
    for part in ("whole", "active", "visible", "active and visible", "rest"):
        by = rows[rows["part"] == part].groupby(key, sort=False)
        table[f"mass, {part}"] = by["removed_mass"].median().map(digits)
        table[f"d, {part}"] = by["rollout_difference"].median().map(digits)
    return table.rename(columns=lambda name: name.replace("_", " ")).reset_index()


def rotation_table(rotations: pd.DataFrame) -> pd.DataFrame:
    """Return what random rotations do and how nonlinear networks are, a row a condition.

    Medians over the networks that learned, of each the median over rotations.
    """
    by = rotations[rotations["learned"]].groupby(CONDITION, sort=False)
    table = by[["mean_state", "nonlinearity", "rollout_difference"]].median()
    table["smallest"] = by["rollout_difference_min"].min()
    table["largest"] = by["rollout_difference_max"].max()
    table["value"] = by["value"].median()
    table = table.map(digits)
    table.insert(0, "networks", by.size())
    table["within epsilon"] = by["verdict"].agg(lambda verdicts: (verdicts == "stabilizer").sum())
    return table.rename(columns=lambda name: name.replace("_", " ")).reset_index()


def order_range_table(ranges: pd.DataFrame, epsilon: float) -> pd.DataFrame:
    """Return what couplings cost whatever the order, a row a condition and coupling.

    Medians over networks, and in how many of them the rollout difference is at most `epsilon` with
    blocks by modulus, and in at least one and in every random order.

    Parameters
    ----------
    ranges : pandas.DataFrame
        As `rnnschur.findings.order_ranges` returns it, of networks that have learned.
    epsilon : float
    """
    by = [*CONDITION, "removed"]
    columns = [
        f"{name}_{kind}"
        for name in ("rollout_difference", "damage")
        for kind in ("sorted", "mean", "min", "max")
    ]
    table = ranges.groupby(by, sort=False)[columns].median().map(digits)
    words = {"sorted": "by modulus", "mean": "mean over orders", "min": "least", "max": "most"}
    table.columns = [
        f"{name.replace('_', ' ')}, {words[kind]}"
        for name, _, kind in (column.rpartition("_") for column in columns)
    ]
    table.insert(0, "networks", ranges.groupby(by, sort=False).size())
    for kind, words in (("sorted", "by modulus"), ("min", "in some order"), ("max", "in every")):
        within = ranges[f"rollout_difference_{kind}"] <= epsilon
        table[f"at most epsilon, {words}"] = within.groupby(
            [ranges[name] for name in by], sort=False
        ).sum()
    return table.reset_index()


def leading_table(smallest: pd.DataFrame) -> pd.DataFrame:
    """Return from which size of R on CC can go, a row a condition and cost.

    Medians over networks; of the size also the least and the largest.

    Parameters
    ----------
    smallest : pandas.DataFrame
        As `rnnschur.findings.smallest_leading` returns it, of networks that have learned.
    """
    by = smallest.groupby([*CONDITION, "cost", "bound"], sort=False)
    size = by["leading"].agg(["median", "min", "max"]).map(digits)
    medians = by[["removed_mass", "before", "after"]].median().map(digits)
    table = pd.DataFrame(
        {
            "networks": by.size(),
            "size of R": size["median"] + " [" + size["min"] + ", " + size["max"] + "]",
            "mass of CC": medians["removed_mass"],
            "cost one border before": medians["before"],
            "cost": medians["after"],
            "at the widest gap": by["largest_gap"].sum(),
        }
    )
    return table.rename_axis(index={"cost": "by"}).reset_index()


def kept_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return `rnnschur.findings.kept_counts` for people."""
    values = [name for name in counts if name.startswith("value, ")]
    return counts.assign(**{name: counts[name].map(digits) for name in values})


def shift_table(shifts: pd.DataFrame) -> pd.DataFrame:
    """Return `rnnschur.findings.stabilizers_by_shift` for people."""
    table = shifts.assign(
        **{name: shifts[name].map(digits) for name in ("rollout_difference", "intact")}
    )
    names = {"networks": "stabilizers", "still": "of these still"}
    names |= {"rollout_difference": "rollout difference", "intact": "intact measure"}
    return table.rename(columns=names)


def removable_table(frontier: pd.DataFrame, epsilon: float) -> pd.DataFrame:
    """Return the median removable mass at one epsilon, a row a condition and basis."""
    rows = frontier[frontier["learned"] & (frontier["epsilon"] == epsilon)]
    index = [*CONDITION, "basis"]
    wide = rows.pivot_table(
        index=index, columns="ranking", values="removed_mass", aggfunc="median", sort=False
    )
    wide.columns.name = None
    wide["available"] = rows.groupby(index, sort=False)["available"].median()
    return wide.map(digits).reset_index()


def foretold_table(frontier: pd.DataFrame) -> pd.DataFrame:
    """Return what the costs of entries foretell of whole couplings, a row a condition and coupling.

    Medians over networks.
    """
    rows = frontier[frontier["learned"] & frontier["removed"].isin(COUPLINGS)]
    rows = rows.assign(rollout_difference=unbounded(rows["rollout_difference"]))
    names = {"removed_mass": "mass", "entries": "entries"}
    names |= {"foretold": "rollout difference, of entries each for itself"}
    names |= {"first_order": "of all to first order", "rollout_difference": "measured"}
    table = rows.groupby([*CONDITION, "removed"], sort=False)[list(names)].median().map(digits)
    return table.rename(columns=names).reset_index()


def findings_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return our findings on seen and on fresh seeds with their verdicts, a row a finding.

    Those about networks that the study does not have are left out.

    Parameters
    ----------
    found : pandas.DataFrame
        As `rnnschur.paper.replication.judge` returns it.
    """
    rows = found[found[["seen_networks", "fresh_networks"]].fillna(0).sum(axis=1) > 0]
    # Read from a file, a column without any text holds numbers, all of them NaN.
    rows = rows.assign(**rows[["quantity", "verdict"]].astype(object).fillna(""))
    return pd.DataFrame(
        {
            "finding": rows["finding"],
            "quantity": rows["quantity"],
            "seen, mean": rows["seen_mean"].map(digits),
            "seen networks that agree": _agreeing(rows, "seen"),
            "fresh, mean": rows["fresh_mean"].map(digits),
            "fresh networks that agree": _agreeing(rows, "fresh"),
            "adjusted p": rows["p_adjusted"].map(digits),
            "verdict": rows["verdict"],
            "rule": rows["rule"],
        }
    )


def _agreeing(rows: pd.DataFrame, part: str) -> list[str]:
    """Return 'k of n (left out): share [low, high]' of seen or fresh networks, if there are any."""
    names = ("networks", "left_out", "share", "share_low", "share_high")
    texts = []
    for n, out, share, low, high in zip(*(rows[f"{part}_{name}"] for name in names), strict=True):
        if not n > 0:
            texts.append("")
            continue
        left_out = f" ({out:.0f} left out)" if out else ""
        bounds = f"[{digits(low)}, {digits(high)}]"
        texts.append(f"{share * n:.0f} of {n:.0f}{left_out}: {digits(share)} {bounds}")
    return texts


def findings_markdown(found: pd.DataFrame) -> str:
    """Return our findings as a table of Markdown, as docs/why.md has it.

    Parameters
    ----------
    found : pandas.DataFrame
        As `rnnschur.paper.replication.judge` returns it.
    """
    table = findings_table(found)
    shown = ["finding", "seen networks that agree", "fresh networks that agree", "verdict"]
    return markdown_rows(("finding", "seen", "fresh", "verdict"), table[shown].to_numpy())


def planted_table(moduli: pd.DataFrame, masses: pd.DataFrame) -> pd.DataFrame:
    """Return how far found Schur forms are from the planted ones, a row a condition."""
    gaps = (moduli["modulus"] - moduli["planted"]).abs()
    largest = gaps.groupby([moduli[name] for name in CONDITION], sort=False).max()
    by = masses.assign(
        share=masses["found_mass"] ** 2 / masses["planted_mass"] ** 2,
        same_size=masses["planted_leading"] == masses["found_leading"],
        off=(masses["planted_CR"] - masses["found_CR"]).abs(),
    )
    by = by.groupby(CONDITION, sort=False)
    means = by[["planted_mass", "found_mass", "share"]].mean().map(digits)
    names = ("planted mass", "found mass", "found share of its square")
    table = means.set_axis(names, axis=1)
    table.insert(0, "networks", by.size())
    table.insert(1, "moduli, largest difference", largest.map(digits))
    table["same size of R"] = by["same_size"].sum().astype(str) + " of " + by.size().astype(str)
    table["planted CR"] = by["planted_CR"].mean().map(digits)
    table["CR, largest difference"] = by["off"].max().map(digits)
    return table.reset_index()


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
            "distance": rows["distance"].map(digits),
            "worst misfit": rows["worst_misfit"].map(digits),
            "numbers reached": whole["numbers_reached"] + " of " + whole["numbers"],
            "claims reproduced": whole["claims_reproduced"] + " of " + whole["claims"],
            "": np.where(rows["chosen"], "chosen", ""),
        }
    )


def search_claims_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return under how many protocols and in how many networks claims and numbers hold.

    Parameters
    ----------
    summary : pandas.DataFrame
        As `rnnschur.paper.protocols.summary` returns it.
    """
    counts = summary[["reproduced", "partly", "not", "protocols", "agree", "networks"]].astype(str)
    return pd.DataFrame(
        {
            "claim": summary["claim"],
            "protocols that reproduce it": counts["reproduced"] + " of " + counts["protocols"],
            "partly, not": counts["partly"] + ", " + counts["not"],
            "networks that agree": counts["agree"] + " of " + counts["networks"],
            "share": summary["networks_share"].map(digits),
            "first version": summary["first"].fillna(""),
            "start": summary["start"].fillna(""),
            "chosen": summary["chosen"].fillna(""),
        }
    )


def show(table: pd.DataFrame, stem: str | Path, caption: str) -> None:
    """Write a table as HTML, Markdown and LaTeX, and show it in a notebook."""
    styled = page(table, caption)
    write_text(f"{stem}.html", styled.to_html(doctype_html=True))
    write_text(f"{stem}.md", markdown(table, caption))
    label = f"tab:{Path(stem).name.removesuffix('_table')}"
    write_text(f"{stem}.tex", latex(table, caption, label))
    display(styled)
