"""The paper's claims and numbers, judged network by network.

A claim of `report/claims.yaml` is an expression that is true or false of one network. The share
of networks of which it is true decides; nobody types a verdict.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from rnnschur import streams
from rnnschur.ablation import SUBSETS
from rnnschur.behaviour import damage
from rnnschur.statistics import bootstrap_interval

CELL = ["task", "architecture", "width"]
VERDICTS = ("reproduced", "partly", "not")

#: What an expression may name, followed by `_` and what was removed (`RR_CC` for RR+CC, `all`).
QUANTITIES = {
    "value": "value",
    "damage": "damage",
    "mass": "removed_mass",
    "sensitivity": "sensitivity",
    "difference": "rollout_difference",
}
#: A number counts as reached within this distance in accuracy, and this factor elsewhere.
ACCURACY_TOLERANCE = 0.03
FACTOR_TOLERANCE = 1.5
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
        quantity and ablation, even where there is no network at all.
    """
    table = ablations.reset_index(drop=True)
    table["damage"] = 0.0
    for metric, rows in table.groupby("metric"):
        table.loc[rows.index, "damage"] = damage(metric, rows["delta"])
    columns = list(QUANTITIES.values())
    table = table.pivot(index=[*CELL, "seed", "alpha"], columns="removed", values=columns)
    table = table.reindex(columns=pd.MultiIndex.from_product([columns, SUBSETS]))
    names = {column: name for name, column in QUANTITIES.items()}
    removed = {"RR+CR+CC": "all"}
    table.columns = [
        f"{names[quantity]}_{removed.get(subset, subset.replace('+', '_'))}"
        for quantity, subset in table.columns
    ]
    return table


def observations(table: pd.DataFrame, networks: str | list | dict) -> pd.DataFrame:
    """Return the networks that a claim is about, one row an observation and threshold.

    Parameters
    ----------
    table : pandas.DataFrame
        As `wide` returns it.
    networks : str, list or dict
        A cell such as ``copy/orthogonal/72``; several cells, whose networks are pooled; or cells
        by name, for a claim about several tasks at once: then an observation is one network of
        each, those with the same seed, and the columns carry the names, ``sine_damage_CC``.
    """
    if isinstance(networks, dict):
        parts = [observations(table, cell).add_prefix(f"{n}_") for n, cell in networks.items()]
        parts = [part.droplevel(CELL) for part in parts]
        return pd.concat(parts, axis=1, join="inner")
    cells = [networks] if isinstance(networks, str) else networks
    keys = [(task, name, int(width)) for task, name, width in (c.split("/") for c in cells)]
    chosen = pd.MultiIndex.from_arrays([table.index.get_level_values(n) for n in CELL]).isin(keys)
    return table[chosen]


def evaluate(claim: dict, table: pd.DataFrame, criterion: dict) -> pd.DataFrame:
    """Return the quantity of a claim and whether it holds, one row an observation.

    Expressions may also name the bounds of `criterion` (see `rnnschur.stabilizers.verdict`).
    A claim without `alphas` needs a table at one threshold. One with `alphas` holds where it does
    at each of these thresholds, and the quantity is the mean over them; networks that were not
    ablated at all of them are left out.

    Raises
    ------
    ValueError
        If an expression cannot be evaluated; the message names the claim and the expression.
    """
    if "alphas" in claim:
        alpha = table.index.get_level_values("alpha").to_numpy()[:, None]
        table = table[np.isclose(alpha, claim["alphas"]).any(axis=1)]
    seen = observations(table, claim["networks"])
    for key in ("quantity", "agrees"):
        try:
            known = {"engine": "python", "resolvers": [criterion]}
            value = seen.eval(claim[key], **known) if key in claim else np.nan
            seen = seen.assign(**{key: value})
        except Exception as error:  # whatever pandas finds wrong with it
            raise ValueError(f"claim {claim['id']!r}: {key}: {claim[key]!r}: {error}") from None
    by = [name for name in seen.index.names if name != "alpha"]
    networks = seen.groupby(by, sort=False)
    whole = networks.size() == (len(claim["alphas"]) if "alphas" in claim else 1)
    return networks.agg(quantity=("quantity", "mean"), agrees=("agrees", "all"))[whole]


def misfit(ours, paper, accuracy) -> np.ndarray:
    r"""Distance of numbers from the paper's, in units of what counts as reached.

    .. math::
        |\mathrm{ours} - \mathrm{paper}| / 0.03 \quad\text{for an accuracy,}\qquad
        |\ln(\mathrm{ours} / \mathrm{paper})| / \ln 1.5 \quad\text{elsewhere}

    At most 1 is reached. Infinite where a ratio has no logarithm.
    """
    ours, paper = np.asarray(ours, dtype=float), np.asarray(paper, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(np.log(np.where(ours > 0, ours, 0) / paper)) / np.log(FACTOR_TOLERANCE)
    return np.where(accuracy, np.abs(ours - paper) / ACCURACY_TOLERANCE, ratio)


def number(row: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Return the observations of one of the paper's numbers, one a network, by seed.

    Parameters
    ----------
    row : pandas.Series
        A row of `report/paper.csv`: task, architecture, width, removed, quantity, paper.
    table : pandas.DataFrame
        As `wide` returns it, at one threshold.
    """
    # A change of FVU is its damage.
    quantity = {"delta": "damage"}.get(row["quantity"], row["quantity"])
    removed = {"RR+CR+CC": "all"}.get(row["removed"], row["removed"].replace("+", "_"))
    cell = "{task}/{architecture}/{width}".format(**row)
    return observations(table, cell)[f"{quantity}_{removed}"].dropna()


def is_accuracy(row: pd.Series) -> bool:
    """Tell whether one of the paper's numbers is an accuracy."""
    return row["task"] == "copy" and row["quantity"] == "value"


def judge(
    ledger: dict,
    comparison: pd.DataFrame,
    table: pd.DataFrame,
    thresholds: pd.DataFrame,
    networks: pd.DataFrame,
    criterion: dict,
    confidence: float,
    resamples: int,
    study_seed: int,
) -> pd.DataFrame:
    """Judge every claim and every number of the paper.

    A claim is reproduced when it holds for at least the share `bounds` asks for, partly when it
    holds for at least the lower share, and not below. A number is reproduced when the mean over
    networks reaches it (`misfit` at most 1) and is certain enough to say so (at most 2 at both
    ends of its interval), else partly when the mean is off by at most 2 and the number lies within
    the range of our single networks. Cells without networks leave a verdict empty.

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
    criterion : dict
        Bounds that expressions may name: epsilon, minimum_mass, fragile.

    Returns
    -------
    pandas.DataFrame
        Columns id, kind (claim or number), claim, rule, quantity, paper, networks, left_out
        (trained, but they count in no share or mean), mean, low, high (of the quantity: bootstrap
        interval of the mean), share, share_low, share_high (networks that agree: exact binomial
        interval, since resampling says nothing about a share of 0 or 1) and verdict.
    """
    trained = networks.set_index([*CELL, "seed"])[["learned"]]
    rows = []
    for claim in ledger["claims"]:
        seen = evaluate(claim, thresholds if "alphas" in claim else table, criterion)
        row = {"id": claim["id"], "kind": "claim", "claim": claim["claim"]}
        row |= {"rule": _rule(claim, criterion)}
        row |= {"quantity": claim.get("quantity", ""), "paper": claim.get("paper", np.nan)}
        row |= _share(seen["agrees"], len(observations(trained, claim["networks"])), confidence)
        if len(seen):
            row["mean"] = seen["quantity"].mean()
            if "quantity" in claim:
                rng = streams.generator(study_seed, "claims", claim["id"])
                interval = bootstrap_interval(seen["quantity"], confidence, resamples, rng)
                row["low"], row["high"] = interval
            passed = [row["share"] >= ledger["bounds"][v] for v in VERDICTS[:2]]
            row["verdict"] = VERDICTS[passed.index(True) if any(passed) else 2]
        rows.append(row)
    for _, target in comparison.iterrows():
        values, paper, accuracy = number(target, table), target["paper"], is_accuracy(target)
        rule = f"within {ACCURACY_TOLERANCE}" if accuracy else f"within a factor {FACTOR_TOLERANCE}"
        row = {"id": target["id"], "kind": "number", "claim": target["claim"], "rule": rule}
        row |= {"quantity": target["quantity"], "paper": paper}
        cell = "{task}/{architecture}/{width}".format(**target)
        reach = misfit(values, paper, accuracy) <= 1
        row |= _share(reach, len(observations(trained, cell)), confidence)
        if len(values):
            row |= {"mean": target["ours"], "low": target["low"], "high": target["high"]}
            off = misfit(target[["ours", "low", "high"]], paper, accuracy)
            reached = np.all(off <= [1, 2, 2])
            near = off[0] <= 2 and values.min() <= paper <= values.max()
            row["verdict"] = VERDICTS[0 if reached else 1 if near else 2]
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rule(claim: dict, criterion: dict) -> str:
    """Return what decides a claim, its quantity and the bounds of the criterion written out."""
    quantity = claim.get("quantity", "")
    if re.search(r"\W", quantity):
        quantity = f"({quantity})"
    rule = claim["agrees"]
    for name, meaning in {"quantity": quantity, **criterion}.items():
        rule = re.sub(rf"\b{name}\b", str(meaning), rule)
    return rule


def _share(agrees, trained: int, confidence: float) -> dict:
    """Return how many networks count and the share that agrees, with its interval."""
    counts = {"networks": len(agrees), "left_out": trained - len(agrees)}
    if len(agrees) == 0:
        return {**counts, "verdict": ""}
    share = stats.binomtest(int(np.sum(agrees)), len(agrees)).proportion_ci(confidence, "exact")
    interval = {"share_low": share.low, "share_high": share.high}
    return {**counts, "share": np.mean(agrees), **interval}
