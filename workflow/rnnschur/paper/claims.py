"""The paper's claims and numbers, judged network by network.

A claim of `report/claims.yaml` is an expression that is true or false of one network. The share
of networks of which it is true decides; nobody types a verdict.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.criterion import Criterion
from rnnschur.findings import with_damage
from rnnschur.metrics import METRICS, RELATIVE_TOLERANCE, relative_misfit
from rnnschur.paper.expressions import parse
from rnnschur.statistics import Bootstrap
from rnnschur.tables import CONDITION

VERDICTS = ("reproduced", "partly", "not")

#: What an expression may name, followed by `_` and what was removed (`RR_CC` for RR+CC, `all`).
QUANTITIES = {
    "value": "value",
    "damage": "damage",
    "mass": "removed_mass",
    "sensitivity": "sensitivity",
    "difference": "rollout_difference",
}
COLUMNS = ["id", "kind", "claim", "rule", "quantity", "paper", "networks", "left_out"]
COLUMNS += ["mean", "low", "high", "share", "share_low", "share_high", "verdict"]


def load(path: str | Path) -> dict:
    """Read a ledger of claims.

    Returns
    -------
    dict
        `bounds`, the least share of networks of the verdicts ``reproduced`` and ``partly``, and
        `claims`, a list. A claim has the keys id, claim (in words), networks (see
        `observations`) and agrees (an expression) and, optionally, quantity (the expression whose
        mean is shown; `agrees` may name it), paper (its published value) and alphas (thresholds
        at each of which the claim must hold).

    Raises
    ------
    ValueError
        For a claim with a missing or unknown key; the message names it.
    """
    ledger = yaml.safe_load(Path(path).read_text())
    needed, optional = {"id", "claim", "networks", "agrees"}, {"quantity", "paper", "alphas"}
    for claim in ledger["claims"]:
        keys = set(claim)
        if not needed <= keys <= needed | optional:
            wrong = sorted((needed - keys) | (keys - needed - optional))
            raise ValueError(
                f"{path}: claim {claim.get('id')!r} lacks or does not know {', '.join(wrong)}; "
                f"allowed: {', '.join(sorted(needed))} and {', '.join(sorted(optional))}"
            )
    return ledger


def wide(ablations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a network and threshold, with a column a quantity and ablation.

    Parameters
    ----------
    ablations : pandas.DataFrame
        Rows of ablations.csv or thresholds.csv.

    Returns
    -------
    pandas.DataFrame
        Index task, architecture, width, seed, alpha; columns such as ``damage_RR_CC``, of every
        quantity and ablation, even where there is no network at all, and metric.
    """
    index = [*CONDITION, "seed", "alpha"]
    columns = list(QUANTITIES.values())
    rows = with_damage(ablations.reset_index(drop=True))
    table = rows.pivot(index=index, columns="removed", values=columns)
    table = table.reindex(columns=pd.MultiIndex.from_product([columns, SUBSETS]))
    names = {column: name for name, column in QUANTITIES.items()}
    table.columns = [f"{names[quantity]}_{_word(subset)}" for quantity, subset in table.columns]
    return table.assign(metric=rows.groupby(index)["metric"].first())


def _word(subset: str) -> str:
    """Return what an ablation removes as an expression may say it."""
    return {"RR+CR+CC": "all"}.get(subset, subset.replace("+", "_"))


def observations(table: pd.DataFrame, networks: str | list | dict) -> pd.DataFrame:
    """Return the networks that a claim is about, one row an observation and threshold.

    Parameters
    ----------
    table : pandas.DataFrame
        As `wide` returns it.
    networks : str, list or dict
        A condition such as ``copy/orthogonal/72``; several conditions, whose networks are pooled;
        or conditions by name, for a claim about several tasks at once: then an observation is one
        network of each, those with the same seed, and the columns carry the names,
        ``sine_damage_CC``.
    """
    if isinstance(networks, dict):
        parts = [
            observations(table, condition).add_prefix(f"{n}_") for n, condition in networks.items()
        ]
        parts = [part.droplevel(CONDITION) for part in parts]
        return pd.concat(parts, axis=1, join="inner")
    conditions = [networks] if isinstance(networks, str) else networks
    keys = [(task, name, int(width)) for task, name, width in (c.split("/") for c in conditions)]
    chosen = pd.MultiIndex.from_arrays([table.index.get_level_values(n) for n in CONDITION]).isin(
        keys
    )
    return table[chosen]


def evaluate(claim: dict, table: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """Return the quantity of a claim and whether it holds, one row an observation.

    Expressions may also name the bounds of `criterion`. A claim without `alphas` needs a table at
    one threshold. One with `alphas` holds where it does at each of these thresholds, and the
    quantity is the mean over them; networks that were not ablated at all of them are left out. A
    claim about a quantity that is undefined (NaN) in a network does not hold there.

    Raises
    ------
    ValueError
        If an expression cannot be evaluated; the message names the claim and the expression.
    """
    if "alphas" in claim:
        alpha = table.index.get_level_values("alpha").to_numpy()[:, None]
        table = table[np.isclose(alpha, claim["alphas"]).any(axis=1)]
    seen = observations(table, claim["networks"])
    known = {**{name: seen[name] for name in seen}, **asdict(criterion)}
    declared = "quantity" in claim
    quantity = _value(claim, "quantity", known) if declared else np.nan
    quantity = pd.Series(quantity, index=seen.index, dtype=float)
    known |= {"quantity": quantity} if declared else {}
    agrees = _value(claim, "agrees", known)
    if np.asarray(agrees).dtype != bool:
        words = f"claim {claim['id']!r}: agrees: {claim['agrees']!r} is a number"
        raise ValueError(f"{words}; allowed: what is true or false")
    agrees = pd.Series(agrees, index=seen.index)
    if declared:
        agrees &= quantity.notna()
    seen = pd.DataFrame({"quantity": quantity, "agrees": agrees})
    by = [name for name in seen.index.names if name != "alpha"]
    networks = seen.groupby(by, sort=False)
    whole = networks.size() == (len(claim["alphas"]) if "alphas" in claim else 1)
    return networks.agg(quantity=("quantity", "mean"), agrees=("agrees", "all"))[whole]


def _value(claim: dict, key: str, known: dict):
    """Return the value of an expression of a claim."""
    try:
        return parse(claim[key]).evaluate(known)
    except ValueError as error:
        raise ValueError(f"claim {claim['id']!r}: {key}: {claim[key]!r}: {error}") from None


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
    return observations(table, _cell(row))[f"{quantity}_{_word(row['removed'])}"].dropna()


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
        row = {"id": claim["id"], "kind": "claim", "claim": claim["claim"]}
        row |= {"rule": _rule(claim, criterion)}
        row |= {"quantity": claim.get("quantity", ""), "paper": claim.get("paper", np.nan)}
        row |= _share(seen["agrees"], len(observations(trained, claim["networks"])), bootstrap)
        if len(seen):
            row["mean"] = seen["quantity"].mean()
            if "quantity" in claim:
                interval = bootstrap.interval(seen["quantity"].dropna(), "claims", claim["id"])
                row["low"], row["high"] = interval
            passed = [row["share"] >= ledger["bounds"][v] for v in VERDICTS[:2]]
            row["verdict"] = VERDICTS[passed.index(True) if any(passed) else 2]
        rows.append(row)
    for _, target in comparison.iterrows():
        values, paper = number(target, table), target["paper"]
        row = {"id": target["id"], "kind": "number", "claim": target["claim"]}
        row |= {"rule": _tolerance(target, table), "quantity": target["quantity"], "paper": paper}
        reach = misfit(target, table, values) <= 1
        row |= _share(reach, len(observations(trained, _cell(target))), bootstrap)
        if len(values):
            row |= {"mean": target["ours"], "low": target["low"], "high": target["high"]}
            off = misfit(target, table, target[["ours", "low", "high"]])
            reached = np.all(off <= [1, 2, 2])
            near = off[0] <= 2 and values.min() <= paper <= values.max()
            row["verdict"] = VERDICTS[0 if reached else 1 if near else 2]
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rule(claim: dict, criterion: Criterion) -> str:
    """Return what decides a claim, its quantity and the bounds of the criterion written out."""
    quantity = claim.get("quantity", "")
    if re.search(r"\W", quantity):
        quantity = f"({quantity})"
    rule = claim["agrees"]
    for name, meaning in {"quantity": quantity, **asdict(criterion)}.items():
        rule = re.sub(rf"\b{name}\b", str(meaning), rule)
    return rule


def _share(agrees, trained: int, bootstrap: Bootstrap) -> dict:
    """Return how many networks count and the share that agrees, with its interval."""
    counts = {"networks": len(agrees), "left_out": trained - len(agrees)}
    if len(agrees) == 0:
        return {**counts, "verdict": ""}
    low, high = bootstrap.share(agrees)
    return {**counts, "share": np.mean(agrees), "share_low": low, "share_high": high}
