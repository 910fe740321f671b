"""Verdict curves: what claims and numbers are judged over the bounds and thresholds behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.criterion import Criterion
from rnnschur.metrics import sensitivity
from rnnschur.paper import numbers
from rnnschur.paper.claims import (
    bounds,
    evaluate,
    verdict,
)
from rnnschur.paper.statements import Variable, names, naming, observations, pivot
from rnnschur.paper.verdicts import THEOREM
from rnnschur.statistics import Bootstrap
from rnnschur.strictness import UNCHANGED
from rnnschur.tables import NETWORK

#: What bounds are multiplied with: four to a doubling.
FACTORS = tuple((2.0 ** (np.arange(-8, 9) / 4)).tolist())
#: A verdict that changes within this factor of a bound hangs on it.
NEAR = 2.0
#: The thresholds of a curve, beside those of the study.
ALPHAS = tuple(np.round(np.arange(0.5, 1.001, 0.025), 3).tolist())

COLUMNS = ["id", "kind", "claim", "bound", "value", "factor", "used", "near"]
COLUMNS += ["networks", "share", "share_low", "share_high", "verdict"]


def at_borders(borders: pd.DataFrame, alphas=ALPHAS) -> pd.DataFrame:
    """Return what single couplings do at any threshold, from the border that it gives.

    Parameters
    ----------
    borders : pandas.DataFrame
        Rows of borders.csv, of networks that have learned.
    alphas : iterable of float

    Returns
    -------
    pandas.DataFrame
        As `rnnschur.paper.claims.wide` returns it, but for values, metric and other subsets.
    """
    columns = {"damage": "damage", "mass": "removed_mass", "difference": "rollout_difference"}
    columns |= {"sensitivity": "sensitivity"}
    rows = borders.assign(sensitivity=sensitivity(borders["damage"], borders["removed_mass"]))
    parts = [
        rows[(rows["alpha_low"] < alpha) & (alpha <= rows["alpha_high"])].assign(alpha=alpha)
        for alpha in alphas
    ]
    variables = {name: Variable(column, ("removed",)) for name, column in columns.items()}
    table = pivot(pd.concat(parts), [*NETWORK, "alpha"], variables)
    return table.reindex(columns=[naming(name, c) for name in columns for c in COUPLINGS])


def claim_curves(
    ledger: dict,
    table: pd.DataFrame,
    thresholds: pd.DataFrame,
    borders: pd.DataFrame | None,
    criterion: Criterion,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Judge every claim at other values of each of its bounds, and at other thresholds.

    A bound is scanned by itself, with all others as they are: from a quarter to four times of it.
    What counts as unchanged is scanned as the strictness that it follows from. A claim that holds
    at several thresholds is told of each alone; one about other tables, at the one that these have.
    What a finding decides is not scanned, and no theorem.

    Parameters
    ----------
    ledger : dict
        As `rnnschur.paper.claims.load` returns it.
    table, thresholds : pandas.DataFrame
        As for `rnnschur.paper.claims.judge`.
    borders : pandas.DataFrame, optional
        As `at_borders` returns it: thresholds that nobody tried, of claims about single couplings.
    criterion : Criterion
    bootstrap : Bootstrap
        Its confidence is that of the intervals.

    Returns
    -------
    pandas.DataFrame
        A row a claim, bound and value: id, kind (claim), claim, bound (its name, or alpha), value,
        factor (of the bound; empty for alpha), used (whether the ledger uses this value), near
        (whether it is within a factor of 2, of alpha whether it is one of the study's thresholds),
        networks, share, share_low, share_high and verdict.
    """
    rows = []
    for claim in ledger["claims"]:
        source, scans = thresholds if "alphas" in claim else table, []
        decided = "finding" in claim or claim["rests_on"] == THEOREM
        if decided or observations(source, claim["networks"]).empty:
            continue
        for name, value in _scanned(claim, criterion).items():
            for factor in FACTORS:
                other = {**claim, "bounds": {**claim.get("bounds", {}), name: factor * value}}
                place = {"bound": name, "value": factor * value, "factor": factor}
                near = 1 / NEAR <= factor <= NEAR
                scans.append((other, source, {**place, "used": factor == 1, "near": near}))
        alone = {key: value for key, value in claim.items() if key != "alphas"}
        at = {} if "measured" in claim else _by_alpha(claim, table, thresholds, borders)
        for alpha, (source, tried) in at.items():
            used = bool(np.isclose(claim.get("alphas", _alphas(table)), alpha).any())
            place = {"bound": "alpha", "value": alpha, "factor": np.nan}
            scans.append((alone, source, {**place, "used": used, "near": tried}))
        for other, source, place in scans:
            agrees = evaluate(other, source, criterion)["agrees"]
            if len(agrees):
                row = {"kind": "claim", **place, **_row(claim, agrees, bootstrap)}
                rows.append({**row, "verdict": verdict(claim, row["share"], ledger["bounds"])})
    return pd.DataFrame(rows, columns=COLUMNS)


def number_curves(
    comparison: pd.DataFrame,
    summary: pd.DataFrame,
    table: pd.DataFrame,
    thresholds: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Judge every number at other tolerances, in units of what counts as reached, and thresholds.

    Parameters
    ----------
    comparison, summary : pandas.DataFrame
        Rows of paper_comparison.csv and of threshold_summary.csv.
    table, thresholds : pandas.DataFrame
        As for `rnnschur.paper.claims.judge`.
    bootstrap : Bootstrap

    Returns
    -------
    pandas.DataFrame
        As `claim_curves`, of kind number, over the bounds tolerance and alpha.
    """
    rows = []
    said = comparison.loc[:, :"source"]
    scans = [("tolerance", factor, factor, comparison, table) for factor in FACTORS]
    for alpha, part in summary.groupby("alpha"):
        if not np.isclose(alpha, _alphas(table)).any():
            there = np.isclose(thresholds.index.get_level_values("alpha"), alpha)
            scans.append(
                ("alpha", alpha, 1.0, numbers.against_paper(said, part), thresholds[there])
            )
    scans += [("alpha", alpha, 1.0, comparison, table) for alpha in _alphas(table)]
    for bound, value, tolerance, targets, source in scans:
        for _, target in targets.iterrows():
            values = numbers.observed(target, source)
            if len(values) < 2:  # one network alone gets no verdict
                continue
            row = _row(target, numbers.misfit(target, source, values) <= tolerance, bootstrap)
            row |= {"kind": "number", "bound": bound, "value": value}
            row |= {"factor": value if bound == "tolerance" else np.nan}
            row |= {"used": tolerance == 1 and source is table}
            row |= {"near": 1 / NEAR <= tolerance <= NEAR}
            inside = numbers.plausible(target, source, bootstrap.confidence)[2]
            row |= {"verdict": numbers.verdict(target, source, inside, tolerance)}
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(
        ["id", "bound", "value"], key=_in_order, kind="stable", ignore_index=True
    )


def with_flips(judged: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger with the bounds near which a verdict is another one.

    Parameters
    ----------
    judged : pandas.DataFrame
        As `rnnschur.paper.claims.judge` returns it.
    curves : pandas.DataFrame
        As `claim_curves` and `number_curves` return them.

    Returns
    -------
    pandas.DataFrame
        The columns of `judged` and flips: the bounds of which a value that is `near` gives another
        verdict than the one used, with commas between them.
    """
    found: dict[str, list[str]] = {name: [] for name in judged["id"]}
    near = curves[curves["near"].astype(bool)]
    for (name, bound), rows in near.groupby(["id", "bound"], sort=False):
        if len(set(rows["verdict"])) > 1:
            found[name].append(bound)
    return judged.assign(flips=[", ".join(found[name]) for name in judged["id"]])


def _in_order(column: pd.Series) -> pd.Series:
    """Return what sorts a column: numbers as they are, names as they first come."""
    return column if column.name == "value" else pd.Series(pd.factorize(column)[0])


def _scanned(claim: dict, criterion: Criterion) -> dict[str, float]:
    """Return the bounds that a claim names, those that follow from the strictness as the latter."""
    said, known = names(claim), bounds(claim, criterion)
    derived = said & set(UNCHANGED.values())
    said = (said - derived) | ({"strictness"} if derived else set())
    return {name: value for name, value in known.items() if name in said}


def _alphas(table: pd.DataFrame) -> list[float]:
    return sorted(table.index.unique("alpha"))


def _by_alpha(claim: dict, table, thresholds, borders) -> dict[float, tuple[pd.DataFrame, bool]]:
    """Return the table that tells of each threshold, and whether the study tried it.

    Borders tell only of claims about what they have, and only where the study did not try.
    """
    sources = [(thresholds, True), (table, True)]
    if borders is not None:
        columns = [f"_{name}" for name in borders]
        known = [n for n in names(claim) if any(f"_{n}".endswith(c) for c in columns)]
        if known and names(claim) <= {*known, *bounds(claim, Criterion())}:
            sources.insert(0, (borders, False))
    found = {}
    for source, tried in sources:
        alphas = source.index.get_level_values("alpha")
        for alpha in _alphas(source):
            found[round(float(alpha), 6)] = source[np.isclose(alphas, alpha)], tried
    return dict(sorted(found.items()))


def _row(said, agrees: pd.Series, bootstrap: Bootstrap) -> dict:
    """Return what a row says of a claim or number: the share of networks that agree."""
    low, high = bootstrap.share(agrees)
    row = {"id": said["id"], "claim": said["claim"], "networks": len(agrees)}
    return row | {"share": np.mean(agrees), "share_low": low, "share_high": high}
