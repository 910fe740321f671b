"""The paper's claims and numbers, judged network by network.

A claim of `report/claims.yaml` is an expression that is true or false of one network. The share
of networks of which it is true decides; nobody types a verdict. It is about what ablations do, and
about columns of other tables where the ledger declares them. A claim may also point to one of our
findings (`rnnschur.paper.replication`), which then decides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pandas as pd

from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.criterion import Criterion
from rnnschur.options import is_number
from rnnschur.paper import numbers, statements, verdicts
from rnnschur.paper.statements import Variable, naming, observations, pivot, read, rule, share
from rnnschur.paper.variables import columns, declared, named, used
from rnnschur.paper.verdicts import CHECKED, THEOREM, VERDICTS
from rnnschur.statistics import Bootstrap
from rnnschur.strictness import UNCHANGED, unchanged
from rnnschur.tables import CONDITION, NETWORK

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
#: What the row of a finding says of its fresh networks.
FRESH = ("networks", "left_out", "mean", "share", "share_low", "share_high")
COLUMNS = ["id", "kind", "rests_on", "group", "claim", "rule", "quantity", "paper"]
COLUMNS += ["networks", "left_out", "mean", "low", "high"]
COLUMNS += ["prediction_low", "prediction_high", "inside"]
COLUMNS += ["share", "share_low", "share_high", "verdict"]


def load(path: str | Path) -> dict:
    """Read a ledger of claims.

    Returns
    -------
    dict
        `bounds`, the least share of networks of the verdicts ``reproduced`` and ``partly`` and the
        strictness (`rnnschur.strictness`), `claims`, a list, and `variables`, tables and columns by
        name that expressions may name beside what ablations do (see
        `rnnschur.paper.variables.declared`; none if the file has none). A claim has the keys id,
        claim (in words), rests_on (see `rnnschur.paper.verdicts.check`), networks (see
        `rnnschur.paper.statements.observations`) and agrees (an expression) and, optionally,
        quantity (the expression whose mean is shown; `agrees` may name it), paper (its published
        value), alphas (thresholds at each of which the claim must hold) and bounds (numbers that
        its expressions name, the strictness of the file among them); or id, claim, rests_on and
        finding, the id of one of our findings.

    Raises
    ------
    ValueError
        As `rnnschur.paper.statements.read` and `rnnschur.paper.verdicts.check`, for variables as
        `rnnschur.paper.variables.declared`, and for bounds that are missing, unknown, not above 0,
        or not named by the claim whose they are; the message names them.
    """
    needed = {"id", "claim", "rests_on", "networks", "agrees"}
    optional = {"quantity", "paper", "alphas", "bounds"}
    found = read(path, "claim", needed, optional, elsewhere="finding")
    verdicts.check(path, "claim", found["claims"])
    found = {**found, "variables": declared(path, found.get("variables", {}))}
    _check_bounds(path, found)
    shared = {"strictness": found["bounds"]["strictness"]}
    told = [{**claim, "bounds": {**shared, **claim.get("bounds", {})}} for claim in found["claims"]]
    return {**found, "claims": told}


def _check_bounds(path: str | Path, found: dict) -> None:
    """Raise ValueError for bounds that are missing, no numbers above 0, or bound nothing."""
    whole = {*VERDICTS[:2], "strictness"}
    _check(f"{path}: bounds", found.get("bounds"), whole)
    if set(found["bounds"]) != whole:
        missing = ", ".join(sorted(whole - set(found["bounds"])))
        raise ValueError(f"{path}: bounds lack {missing}; needed: {', '.join(sorted(whole))}")
    for claim in found["claims"]:
        if "bounds" in claim:
            known = NAMED | {
                name
                for name in statements.names(claim)
                if _is_quantity(name) or named(found["variables"], name, claim["networks"])
            }
            allowed = statements.names(claim) - known
            _check(f"{path}: claim {claim['id']!r}: bounds", claim["bounds"], allowed)


def _is_quantity(name: str) -> bool:
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


def of_ablations(ledger: dict) -> list[dict]:
    """Return the claims of a ledger that ablations alone decide."""
    claims = [claim for claim in ledger["claims"] if "finding" not in claim]
    return [claim for claim in claims if not used(ledger.get("variables", {}), claim)]


def measured(ledger: dict, tables: Mapping[str, pd.DataFrame]) -> dict:
    """Return a ledger whose claims know what other tables say.

    Parameters
    ----------
    ledger : dict
        As `load` returns it.
    tables : mapping of str to pandas.DataFrame
        Tables of the study by name, of which a row is about a network or, where there are no
        seeds, about a condition. A claim about one that is not there, or about rows that no
        network has, is about no network.

    Returns
    -------
    dict
        The ledger. Claims that name variables have the key measured, a list of tables of these;
        those that a finding decides have found, its row of the table ``findings`` or nothing.

    Raises
    ------
    ValueError
        As `rnnschur.paper.statements.Variable.of`.
    """
    claims = []
    for claim in ledger["claims"]:
        if "finding" in claim:
            claims.append({**claim, "found": _found(claim, tables.get("findings"))})
        elif uses := used(ledger["variables"], claim):
            parts, needed = _measured(uses, tables), columns(ledger["variables"], claim)
            parts = [_of_no_network(needed)] if needed.difference(*parts) else parts
            claims.append({**claim, "measured": parts})
        else:
            claims.append(claim)
    return {**ledger, "claims": claims}


def _found(claim: dict, findings: pd.DataFrame | None) -> dict:
    """Return the row of the finding that decides a claim; nothing where it was not judged."""
    rows = [] if findings is None else findings[findings["id"] == claim["finding"]]
    return rows.iloc[0].to_dict() if len(rows) else {}


def _measured(
    uses: Mapping[str, Mapping[str, Variable]], tables: Mapping[str, pd.DataFrame]
) -> list[pd.DataFrame]:
    """Return variables, a table each of the tables that they are from and that are there."""
    parts = []
    for name in uses.keys() & tables.keys():
        index = [key for key in NETWORK if key in tables[name]]
        parts.append(pivot(tables[name], index, uses[name]))
    return parts


def _of_no_network(names: set[str]) -> pd.DataFrame:
    """Return a table with columns of these names and no row."""
    index = pd.MultiIndex.from_arrays([[]] * len(NETWORK), names=NETWORK)
    return pd.DataFrame(index=index, columns=sorted(names), dtype=float)


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

    A claim that names variables of other tables has been `measured`, and networks count that are in
    all of these. Expressions may also name `bounds`. A claim without `alphas` needs a table at one
    threshold. One with `alphas` holds where it does at each of these thresholds, and the quantity
    is the mean over them; networks that were not ablated at all of them are left out.

    Raises
    ------
    ValueError
        As `rnnschur.paper.statements.evaluate`.
    """
    for part in claim.get("measured", []):
        table = table.join(part, on=list(part.index.names), how="inner")
    if "alphas" in claim:
        alpha = table.index.get_level_values("alpha").to_numpy()[:, None]
        table = table[np.isclose(alpha, claim["alphas"]).any(axis=1)]
    seen = observations(table, claim["networks"])
    seen = statements.evaluate(claim, seen, bounds(claim, criterion))
    by = [name for name in seen.index.names if name != "alpha"]
    networks = seen.groupby(by, sort=False)
    whole = networks.size() == (len(claim["alphas"]) if "alphas" in claim else 1)
    return networks.agg(quantity=("quantity", "mean"), agrees=("agrees", "all"))[whole]


def verdict(claim: dict, share: float, least: Mapping[str, float]) -> str:
    """Return the verdict on a claim that is true of a share of networks; see `judge`."""
    if claim["rests_on"] == THEOREM:
        return CHECKED[0 if share == 1 else 1]
    return next((name for name in VERDICTS[:2] if share >= least[name]), VERDICTS[2])


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
    holds for at least the lower share, and not below. A theorem must hold for every network: it
    ``holds`` or ``fails``, and reproduces nothing.

    A number is reproduced when two things are true of it. The mean over networks reaches it
    (`misfit` at most 1) and is certain enough to say so (at most 2 at both ends of its interval);
    and the paper's network could be one of ours: the number, as far as it is printed, is inside the
    `rnnschur.paper.prediction.interval` for one more. It is partly reproduced when only one is
    true and the mean is off by at most 2: where networks differ a lot, any number is inside.

    Conditions without networks leave a verdict empty, and so does a number with one network.

    A claim that one of our findings decides is judged over its fresh networks alone: those that
    suggested the finding are no evidence of it.

    Parameters
    ----------
    ledger : dict
        As `measured` returns it.
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
        Its confidence is that of all intervals.

    Returns
    -------
    pandas.DataFrame
        Columns id, kind (claim or number), rests_on (measurement, consequence or theorem), group
        (what it rests on), claim, rule, quantity, paper, networks, left_out (trained, but they
        count in no share or mean), mean, low, high (of the quantity: bootstrap interval of the
        mean), prediction_low, prediction_high and inside (of numbers), share, share_low,
        share_high (networks that agree: exact binomial interval, Clopper and Pearson 1934) and
        verdict.
    """
    trained = networks.set_index([*CONDITION, "seed"])[["learned"]]
    rows = []
    for claim in ledger["claims"]:
        row = {"id": claim["id"], "kind": "claim", "claim": claim["claim"], "verdict": ""}
        row |= verdicts.grounds(claim["rests_on"])
        rows.append(row)
        if "finding" in claim:
            row |= _by_finding(claim)
            row["verdict"] = _verdict(claim, row, ledger["bounds"])
            continue
        seen = evaluate(claim, thresholds if "alphas" in claim else table, criterion)
        row |= {"rule": rule(claim, bounds(claim, criterion))}
        row |= {"quantity": claim.get("quantity", ""), "paper": claim.get("paper", np.nan)}
        row |= share(seen["agrees"], len(observations(trained, claim["networks"])), bootstrap)
        if len(seen):
            row["mean"] = seen["quantity"].mean()
            if "quantity" in claim:
                interval = bootstrap.interval(seen["quantity"].dropna(), "claims", claim["id"])
                row["low"], row["high"] = interval
        row["verdict"] = _verdict(claim, row, ledger["bounds"])
    for _, target in comparison.iterrows():
        row = numbers.compared(target, table, bootstrap)
        trained_there = len(observations(trained, numbers.cell(target)))
        reach = numbers.misfit(target, table, numbers.observed(target, table)) <= 1
        rows.append(row | share(reach, trained_there, bootstrap))
    return pd.DataFrame(rows, columns=COLUMNS)


def _verdict(claim: dict, row: dict, least: Mapping[str, float]) -> str:
    """Return the verdict on a claim, nothing without any network."""
    return verdict(claim, row["share"], least) if row["networks"] else ""


def _by_finding(claim: dict) -> dict:
    """Return what the ledger says of a claim that a finding decides, from its fresh networks."""
    found = claim.get("found", {})
    row = {name: found[f"fresh_{name}"] for name in FRESH if pd.notna(found.get(f"fresh_{name}"))}
    counts = {name: int(row.get(name, 0)) for name in ("networks", "left_out")}
    said = {"rule": found.get("rule", ""), "quantity": found.get("quantity", "")}
    said = {name: "" if pd.isna(text) else text for name, text in said.items()}
    return {**said, "paper": np.nan, **row, **counts}
