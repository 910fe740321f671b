"""Every claim and number of the paper under every protocol of a search, and not the best one only.

Which protocols count is told without the paper's numbers: a protocol is plausible if all of its
networks learned the task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

import numpy as np
import pandas as pd

from rnnschur.criterion import Criterion
from rnnschur.paper import statements
from rnnschur.paper.claims import bounds, judge, of_ablations, verdict, wide
from rnnschur.paper.numbers import against_paper
from rnnschur.paper.statements import observations
from rnnschur.paper.verdicts import VERDICTS
from rnnschur.statistics import Bootstrap, summarize
from rnnschur.tables import CONDITION, NETWORK

#: Stages of the study: the protocols that were written down first, those that the search started
#: from, and those that it chose.
STAGES = ("first", "start", "chosen")

COLUMNS = ["task", "protocol", "plausible", "id", "kind", "claim", "paper", "networks", "left_out"]
COLUMNS += ["mean", "share", "share_low", "share_high", "verdict"]
SUMMARY = ["task", "id", "kind", "claim", "protocols", *VERDICTS, "reproduced_share"]
SUMMARY += ["networks", "agree", "networks_share", *STAGES]


def by_claim(
    ablations: pd.DataFrame,
    thresholds: pd.DataFrame,
    paper: pd.DataFrame,
    ledger: dict,
    criterion: Criterion,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Judge each claim and number under each protocol of its task, as the ledger does.

    Parameters
    ----------
    ablations, thresholds : pandas.DataFrame
        Rows of search_ablations.csv and search_thresholds.csv.
    paper : pandas.DataFrame
        `report/paper.csv`.
    ledger : dict
        As `rnnschur.paper.claims.load` returns it.
    criterion : Criterion
    bootstrap : Bootstrap

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`: a row a protocol and claim or number, with the networks that learned, the share
        of them that agrees and its exact interval, and the verdict of so many networks. Claims
        about conditions that the search does not have, or about several tasks (`combined`), are
        left out.
    """
    parts = []
    conditions = _searched(ablations)
    told = of_ablations(ledger)
    searched = [c for c in told if isinstance(c["networks"], str) and c["networks"] in conditions]
    ledger = {**ledger, "claims": searched}
    for (task, protocol), rows in ablations.groupby(["task", "protocol"], sort=False):
        of = {"task": task, "protocol": protocol, "plausible": bool(rows["learned"].all())}
        learned = rows[rows["learned"]]
        numbers = paper[paper["task"] == task]
        compared = learned[learned["removed"].isin(numbers["removed"])]
        ours = summarize(
            *(compared, [*CONDITION, "removed", "metric"], numbers["quantity"].unique()), bootstrap
        )
        others = thresholds[(thresholds["protocol"] == protocol) & thresholds["learned"]]
        networks = rows.drop_duplicates(NETWORK)
        judged = judge(
            *(ledger, against_paper(numbers, ours)),
            *(wide(learned), wide(others), networks, criterion, bootstrap),
        )
        parts.append(judged[judged["networks"] > 0].assign(**of))
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)


def _searched(ablations: pd.DataFrame) -> set[str]:
    """Return the conditions that a search has."""
    conditions = ablations[CONDITION].drop_duplicates().astype(str)
    return set(conditions.agg("/".join, axis=1))


def _conditions(claim: dict) -> set[str]:
    """Return the conditions that a claim is about."""
    networks = claim["networks"]
    named = networks.values() if isinstance(networks, dict) else networks
    return {networks} if isinstance(networks, str) else set(named)


def combined(ablations: pd.DataFrame, ledger: dict, criterion: Criterion) -> pd.DataFrame:
    """Judge the claims about several tasks under every combination of a protocol for each.

    As in the ledger, an observation is one network of each task, those with the same seed.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS` as far as they are known; tasks and protocols are joined by commas.
    """
    parts = []
    plausible = ablations.groupby("protocol")["learned"].all()
    learned = ablations[ablations["learned"]]
    conditions = _searched(learned)
    for claim in of_ablations(ledger):
        if not isinstance(claim["networks"], dict) or not _conditions(claim) <= conditions:
            continue
        tasks = [condition.split("/")[0] for condition in claim["networks"].values()]
        places = list(claim["networks"])
        seen = reduce(lambda left, right: left.merge(right, on="seed"), _observed(learned, claim))
        holds = statements.evaluate(claim, seen, bounds(claim, criterion))["agrees"]
        found = holds.groupby([seen[place] for place in places], sort=False).agg(["size", "mean"])
        named = found.index.to_frame(index=False)
        parts.append(
            pd.DataFrame(
                {
                    "task": ", ".join(tasks),
                    "protocol": named.agg(", ".join, axis=1),
                    "plausible": named.apply(lambda names: names.map(plausible)).all(axis=1),
                    **{"id": claim["id"], "kind": "claim", "claim": claim["claim"]},
                    **{"networks": found["size"].to_numpy(), "share": found["mean"].to_numpy()},
                    "verdict": [verdict(claim, s, ledger["bounds"]) for s in found["mean"]],
                }
            )
        )
    return pd.concat(parts or [pd.DataFrame()], ignore_index=True).reindex(columns=COLUMNS)


def _observed(learned: pd.DataFrame, claim: dict) -> Iterator[pd.DataFrame]:
    """Yield seed, protocol and the numbers that a claim names, of the networks of each task."""
    named = statements.names(claim)
    for name, condition in claim["networks"].items():
        rows = learned[learned["task"] == condition.split("/")[0]]
        parts = {
            protocol: observations(wide(part), condition).droplevel([*CONDITION, "alpha"])
            for protocol, part in rows.groupby("protocol", sort=False)
        }
        table = pd.concat(parts, names=[name]).drop(columns="metric").add_prefix(f"{name}_")
        yield table[[column for column in table if column in named]].reset_index()


def summary(judged: pd.DataFrame, stages: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return how many protocols and networks each claim and number is true of.

    Shares have no interval: protocols are no sample, and networks of one seed begin with the same
    weights under all protocols.

    Parameters
    ----------
    judged : pandas.DataFrame
        As `by_claim` and `combined` return it, one below the other.
    stages : mapping of str to mapping of str to str
        The protocol of each task at each of `STAGES`.

    Returns
    -------
    pandas.DataFrame
        `SUMMARY`: plausible protocols (combinations, for a claim about several tasks), how many of
        them reproduce the claim, partly and not, and their share; networks under them, how many
        agree, and their share; the verdict under the protocols of each stage, empty where the
        search does not have them.
    """
    rows = []
    for (task, name), group in judged.groupby(["task", "id"], sort=False):
        row = {"task": task, "id": name, "kind": group["kind"].iloc[0]}
        row["claim"] = group["claim"].iloc[0]
        counted = group[group["plausible"].astype(bool)]
        row["protocols"] = len(counted)
        row |= {v: int((counted["verdict"] == v).sum()) for v in VERDICTS}
        row["networks"] = int(counted["networks"].sum())
        row["agree"] = round((counted["share"] * counted["networks"]).sum())
        if len(counted):
            row["reproduced_share"] = row["reproduced"] / row["protocols"]
            row["networks_share"] = row["agree"] / row["networks"]
        known = group.set_index("protocol")["verdict"]
        for stage in STAGES:
            at = ", ".join(stages[stage].get(part, "") for part in task.split(", "))
            row[stage] = known.get(at, "")
        rows.append(row)
    return pd.DataFrame(rows, columns=SUMMARY)


def stages(scores: pd.DataFrame, first: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the protocol of each task at each of `STAGES`.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `rnnschur.paper.search.score` returns it.
    first : mapping of str to str
        The protocol of each task that was written down first, where the search starts elsewhere.
    """
    tasks = scores["task"].unique().tolist()
    chosen = scores[scores["chosen"]].set_index("task")["protocol"].to_dict()
    start = {task: task for task in tasks}
    return {"first": {**start, **first}, "start": start, "chosen": chosen}


def counts(table: pd.DataFrame, stage: str, kind: str) -> list[int]:
    """Return how many claims or numbers are reproduced, partly and not at a stage."""
    verdicts = table.loc[table["kind"] == kind, stage]
    return [int(np.sum(verdicts == v)) for v in VERDICTS]
