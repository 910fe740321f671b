"""The paper's claims and numbers, judged network by network.

A claim of `report/claims.yaml` is an expression that is true or false of one network. The share
of networks of which it is true decides; nobody types a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pandas as pd

from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.criterion import Criterion
from rnnschur.metrics import METRICS, RELATIVE_TOLERANCE, relative_misfit
from rnnschur.options import is_number
from rnnschur.paper import statements
from rnnschur.paper.statements import Variable, naming, observations, pivot, read, rule, share
from rnnschur.statistics import Bootstrap
from rnnschur.strictness import UNCHANGED, unchanged
from rnnschur.tables import CONDITION, NETWORK

VERDICTS = ("reproduced", "partly", "not")

#: What an expression may name, followed by `_` and what was removed (`RR_CC` for RR+CC, `all`).
QUANTITIES = {
    "value": "value",
    "damage": "damage",
    "mass": "removed_mass",
    "sensitivity": "sensitivity",
    "difference": "rollout_difference",
}
#: The bounds that all claims share.
NAMED = {*(bound.name for bound in fields(Criterion)), *UNCHANGED.values()}
COLUMNS = ["id", "kind", "claim", "rule", "quantity", "paper", "networks", "left_out"]
COLUMNS += ["mean", "low", "high", "share", "share_low", "share_high", "verdict"]


def load(path: str | Path) -> dict:
    """Read a ledger of claims.

    Returns
    -------
    dict
        `bounds`, the least share of networks of the verdicts ``reproduced`` and ``partly`` and the
        strictness (`rnnschur.strictness`), and `claims`, a list. A claim has the keys id, claim (in
        words), networks (see `rnnschur.paper.statements.observations`) and agrees (an expression)
        and, optionally, quantity (the expression whose mean is shown; `agrees` may name it), paper
        (its published value), alphas (thresholds at each of which the claim must hold) and bounds
        (numbers that its expressions name, the strictness of the file among them).

    Raises
    ------
    ValueError
        As `rnnschur.paper.statements.read`, and for bounds that are missing, unknown, not above 0,
        or not named by the claim whose they are; the message names them.
    """
    needed = {"id", "claim", "networks", "agrees"}
    found = read(path, "claim", needed, {"quantity", "paper", "alphas", "bounds"})
    whole = {*VERDICTS[:2], "strictness"}
    _check(f"{path}: bounds", found.get("bounds"), whole)
    if set(found["bounds"]) != whole:
        missing = ", ".join(sorted(whole - set(found["bounds"])))
        raise ValueError(f"{path}: bounds lack {missing}; needed: {', '.join(sorted(whole))}")
    for claim in found["claims"]:
        if "bounds" in claim:
            named = {n for n in statements.names(claim) - NAMED if not _measured(n)}
            _check(f"{path}: claim {claim['id']!r}: bounds", claim["bounds"], named)
        shared = {"strictness": found["bounds"]["strictness"]}
        claim["bounds"] = {**shared, **claim.get("bounds", {})}
    return found


def _measured(name: str) -> bool:
    """Tell whether a name is that of a quantity, with that of a task before it or not."""
    names = [naming(quantity, subset) for quantity in QUANTITIES for subset in SUBSETS]
    return any(f"_{name}".endswith(f"_{measured}") for measured in names)


def _check(where: str, bounds, allowed: set[str]) -> None:
    """Raise ValueError unless bounds are positive numbers under names that are allowed."""
    if not isinstance(bounds, dict):
        raise ValueError(f"{where} is {bounds!r}; allowed: numbers by name")
    for name, value in bounds.items():
        if name not in allowed:
            names = ", ".join(sorted(allowed))
            raise ValueError(f"{where}: {name!r} bounds nothing; allowed: {names}")
        if not (is_number(value) and 0 < value < np.inf):
            raise ValueError(f"{where}: {name} is {value!r}; allowed: a number above 0")


def bounds(claim: dict, criterion: Criterion) -> dict[str, float]:
    """Return the bounds that the expressions of a claim may name.

    They are those of `criterion`, its own, and what counts as unchanged by the strictness.
    """
    named = {**asdict(criterion), **claim.get("bounds", {})}
    return named | (unchanged(named["strictness"]) if "strictness" in named else {})


def wide(ablations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a network and threshold, or set, with a column a quantity and ablation.

    Parameters
    ----------
    ablations : pandas.DataFrame
        Rows of ablations.csv or thresholds.csv; or of their sets, as `rnnschur.held_out.measured`
        returns them.

    Returns
    -------
    pandas.DataFrame
        Index task, architecture, width, seed, alpha and, of sets, set; columns such as
        ``damage_RR_CC``, of every quantity and ablation, even where there is no network at all, and
        metric.
    """
    index = [*NETWORK, "alpha", *(["set"] if "set" in ablations else [])]
    variables = {name: Variable(column, ("removed",)) for name, column in QUANTITIES.items()}
    table = pivot(ablations, index, variables)
    columns = [naming(name, subset) for name in QUANTITIES for subset in SUBSETS]
    metric = ablations.groupby(index)["metric"].first()
    return table.reindex(columns=columns).assign(metric=metric)


def evaluate(claim: dict, table: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """Return the quantity of a claim and whether it holds, one row an observation.

    Expressions may also name `bounds`. A claim without `alphas` needs a table at
    one threshold. One with `alphas` holds where it does at each of these thresholds, and the
    quantity is the mean over them; networks that were not ablated at all of them are left out.

    Raises
    ------
    ValueError
        As `rnnschur.paper.statements.evaluate`.
    """
    if "alphas" in claim:
        alpha = table.index.get_level_values("alpha").to_numpy()[:, None]
        table = table[np.isclose(alpha, claim["alphas"]).any(axis=1)]
    seen = observations(table, claim["networks"])
    seen = statements.evaluate(claim, seen, bounds(claim, criterion))
    by = [name for name in seen.index.names if name != "alpha"]
    networks = seen.groupby(by, sort=False)
    whole = networks.size() == (len(claim["alphas"]) if "alphas" in claim else 1)
    return networks.agg(quantity=("quantity", "mean"), agrees=("agrees", "all"))[whole]


def number(row: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Return the observations of one of the paper's numbers, one a network, by seed.

    Parameters
    ----------
    row : pandas.Series
        A row of `report/paper.csv`: task, architecture, width, removed, quantity, paper.
    table : pandas.DataFrame
        As `wide` returns it, at one threshold.
    """
    quantity = {"delta": "damage"}.get(row["quantity"], row["quantity"])  # of an FVU the same
    return observations(table, _cell(row))[naming(quantity, row["removed"])].dropna()


def misfit(row: pd.Series, table: pd.DataFrame, ours) -> np.ndarray:
    """Return the distance of numbers from one of the paper's, in units of what counts as reached.

    That of the metric for its values (`rnnschur.metrics.Metric.misfit`), `relative_misfit`
    elsewhere.

    Parameters
    ----------
    row, table
        As for `number`; `table` tells the metric.
    ours : array_like
    """
    if row["quantity"] != "value":
        return relative_misfit(ours, row["paper"])
    metrics = observations(table, _cell(row))["metric"]
    return METRICS[metrics.iloc[0]].misfit(ours, row["paper"]) if len(metrics) else np.array([])


def _tolerance(row: pd.Series, table: pd.DataFrame) -> str:
    """Return what counts as reached, in words; nothing for a value without networks."""
    if row["quantity"] != "value":
        return RELATIVE_TOLERANCE
    metrics = observations(table, _cell(row))["metric"]
    return METRICS[metrics.iloc[0]].tolerance if len(metrics) else ""


def _cell(row: pd.Series) -> str:
    return "{task}/{architecture}/{width}".format(**row)


def verdict(share: float, least: Mapping[str, float]) -> str:
    """Return the verdict on a claim from the share of networks of which it is true."""
    passed = [share >= least[name] for name in VERDICTS[:2]]
    return VERDICTS[passed.index(True) if any(passed) else 2]


def number_verdict(
    target: pd.Series, table: pd.DataFrame, values: pd.Series, tolerance: float = 1
) -> str:
    """Return the verdict on a number, see `judge`.

    Parameters
    ----------
    target : pandas.Series
        A row of paper_comparison.csv.
    table : pandas.DataFrame
        As `wide` returns it; it tells the metric.
    values : pandas.Series
        As `number` returns it.
    tolerance : float
        What counts as reached, in units of `misfit`.
    """
    off = misfit(target, table, target[["ours", "low", "high"]]) / tolerance
    reached = np.all(off <= [1, 2, 2])
    near = off[0] <= 2 and values.min() <= target["paper"] <= values.max()
    return VERDICTS[0 if reached else 1 if near else 2]


def judge(
    ledger: dict,
    comparison: pd.DataFrame,
    table: pd.DataFrame,
    thresholds: pd.DataFrame,
    networks: pd.DataFrame,
    criterion: Criterion,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Judge every claim and every number of the paper.

    A claim is reproduced when it holds for at least the share `bounds` asks for, partly when it
    holds for at least the lower share, and not below. A number is reproduced when the mean over
    networks reaches it (`misfit` at most 1) and is certain enough to say so (at most 2 at both
    ends of its interval), else partly when the mean is off by at most 2 and the number lies within
    the range of our single networks. Conditions without networks leave a verdict empty.

    Parameters
    ----------
    ledger : dict
        As `load` returns it.
    comparison : pandas.DataFrame
        Rows of paper_comparison.csv: the paper's numbers with our means and their intervals.
    table, thresholds : pandas.DataFrame
        As `wide` returns them, of networks that have learned: at the paper's threshold, and at
        all that were tried.
    networks : pandas.DataFrame
        Rows of networks.csv: all networks that were trained.
    criterion : Criterion
        Bounds that expressions may name.
    bootstrap : Bootstrap

    Returns
    -------
    pandas.DataFrame
        Columns id, kind (claim or number), claim, rule, quantity, paper, networks, left_out
        (trained, but they count in no share or mean), mean, low, high (of the quantity: bootstrap
        interval of the mean), share, share_low, share_high (networks that agree: exact binomial
        interval) and verdict.
    """
    trained = networks.set_index([*CONDITION, "seed"])[["learned"]]
    rows = []
    for claim in ledger["claims"]:
        seen = evaluate(claim, thresholds if "alphas" in claim else table, criterion)
        row = {"id": claim["id"], "kind": "claim", "claim": claim["claim"], "verdict": ""}
        row |= {"rule": rule(claim, bounds(claim, criterion))}
        row |= {"quantity": claim.get("quantity", ""), "paper": claim.get("paper", np.nan)}
        row |= share(seen["agrees"], len(observations(trained, claim["networks"])), bootstrap)
        if len(seen):
            row["mean"] = seen["quantity"].mean()
            if "quantity" in claim:
                interval = bootstrap.interval(seen["quantity"].dropna(), "claims", claim["id"])
                row["low"], row["high"] = interval
            row["verdict"] = verdict(row["share"], ledger["bounds"])
        rows.append(row)
    for _, target in comparison.iterrows():
        values, paper = number(target, table), target["paper"]
        row = {"id": target["id"], "kind": "number", "claim": target["claim"], "verdict": ""}
        row |= {"rule": _tolerance(target, table), "quantity": target["quantity"], "paper": paper}
        reach = misfit(target, table, values) <= 1
        row |= share(reach, len(observations(trained, _cell(target))), bootstrap)
        if len(values):
            row |= {"mean": target["ours"], "low": target["low"], "high": target["high"]}
            row["verdict"] = number_verdict(target, table, values)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
