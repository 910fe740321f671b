"""How near a protocol comes to the paper: its numbers and claims, in one distance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rnnschur.criterion import Criterion
from rnnschur.paper.claims import evaluate, of_ablations, wide
from rnnschur.paper.numbers import misfit, observed

#: A number that is off by more than this many tolerances counts as this many: one number that is
#: out of reach under every protocol must not decide between them.
LARGEST_MISFIT = 10.0
#: Another protocol is chosen only if it is nearer by this much: means over few networks are noisy.
MARGIN = 0.5

NUMBERS = ["task", "protocol", "id", "paper", "ours", "networks", "misfit", "counted"]
SCORES = ["task", "protocol", "networks", "learned", "distance", "worst_misfit"]
SCORES += ["numbers", "numbers_reached", "claims", "claims_reproduced", "claims_share"]


def by_protocol(table: pd.DataFrame, tasks: Mapping[str, str]) -> pd.DataFrame:
    """Return a table of a search, whose tasks are protocols, under the names of the paper's tasks.

    Parameters
    ----------
    table : pandas.DataFrame
        A table of a study, its protocols in the column task.
    tasks : mapping of str to str
        The paper's task of each protocol.

    Returns
    -------
    pandas.DataFrame
        Columns task and protocol, then those of `table`.
    """
    named = table.rename(columns={"task": "protocol"})
    named.insert(0, "task", named["protocol"].map(tasks))
    return named


def numbers(ablations: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers beside the means of one protocol's networks.

    Parameters
    ----------
    ablations : pandas.DataFrame
        Rows of ablations.csv of one protocol, under the name of the paper's task.
    paper : pandas.DataFrame
        `report/paper.csv`.

    Returns
    -------
    pandas.DataFrame
        Columns id, paper, ours, networks, misfit (see `rnnschur.paper.numbers.misfit`), counted.
        The sensitivity comes twice: per removed mass, and per removed share, its square, which is
        another reading of the paper and does not count.
    """
    table = wide(ablations)
    by_share = wide(
        ablations.assign(sensitivity=ablations["sensitivity"] / ablations["removed_mass"])
    )
    rows = []
    for _, target in paper.iterrows():
        readings = [(target["id"], table, True)]
        if target["quantity"] == "sensitivity":
            readings.append((f"{target['id']}-by-share", by_share, False))
        for name, source, counted in readings:
            values = observed(target, source)
            if len(values):
                off = float(misfit(target, source, values.mean()))
                rows.append((name, target["paper"], values.mean(), len(values), off, counted))
    return pd.DataFrame(rows, columns=["id", "paper", "ours", "networks", "misfit", "counted"])


def distance(numbers: pd.DataFrame) -> float:
    """Return the root mean square misfit of the numbers that count, each at most 10."""
    off = numbers.loc[numbers["counted"], "misfit"].clip(upper=LARGEST_MISFIT)
    return float(np.sqrt(np.mean(off**2)))


def claims_that_hold(ablations: pd.DataFrame, ledger: dict, criterion: Criterion) -> pd.Series:
    """Return the share of one protocol's networks for which each claim holds, by claim.

    Claims about other conditions, several tasks, other thresholds or other tables are left out.
    """
    table = wide(ablations)
    conditions = {
        "/".join(map(str, condition)) for condition in table.index.droplevel(["seed", "alpha"])
    }
    chosen = [claim for claim in of_ablations(ledger) if "alphas" not in claim]
    chosen = [claim for claim in chosen if isinstance(claim["networks"], str)]
    return pd.Series(
        {
            claim["id"]: evaluate(claim, table, criterion)["agrees"].mean()
            for claim in chosen
            if claim["networks"] in conditions
        },
        dtype=float,
    )


def score(
    ablations: pd.DataFrame,
    paper: pd.DataFrame,
    ledger: dict,
    criterion: Criterion,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every protocol of a search against the paper's numbers and claims.

    Parameters
    ----------
    ablations : pandas.DataFrame
        Rows of search_ablations.csv, see `by_protocol`.
    paper : pandas.DataFrame
        `report/paper.csv`.
    ledger : dict
        As `rnnschur.paper.claims.load` returns it.
    criterion : Criterion

    Returns
    -------
    numbers, scores : pandas.DataFrame
        A row a protocol and number (`numbers`), and a row a protocol, with the one chosen.
    """
    found, scores = [], []
    for (task, protocol), rows in ablations.groupby(["task", "protocol"], sort=False):
        intact = rows[rows["removed"] == "none"]
        rows = rows[rows["learned"]]
        row = {"task": task, "protocol": protocol, "networks": len(intact)}
        row["learned"] = intact["learned"].sum()
        if len(rows):
            reached = numbers(rows, paper)
            held = claims_that_hold(rows, ledger, criterion)
            found.append(reached.assign(task=task, protocol=protocol))
            counted = reached[reached["counted"]]
            row |= {
                "distance": distance(reached),
                "worst_misfit": counted["misfit"].max(),
                "numbers": len(counted),
                "numbers_reached": (counted["misfit"] <= 1).sum(),
                "claims": len(held),
                "claims_reproduced": (held >= ledger["bounds"]["reproduced"]).sum(),
                "claims_share": held.mean(),
            }
        scores.append(row)
    table = pd.DataFrame(scores, columns=SCORES)
    table["chosen"] = choose(table)
    return pd.concat(found or [pd.DataFrame(columns=NUMBERS)])[NUMBERS], table


def choose(scores: pd.DataFrame) -> pd.Series:
    """Tell which protocol of each task is chosen.

    It is the one that the search starts from, which has the task's own name, unless another one
    whose networks all learned is nearer by more than `MARGIN`; then the nearest.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a protocol: task, protocol, networks, learned, distance (NaN where none learned).
    """
    distance = scores["distance"].where(scores["learned"] == scores["networks"], np.inf)
    chosen = pd.Series(False, index=scores.index)
    for task, rows in distance.groupby(scores["task"]):
        start = rows.index[scores.loc[rows.index, "protocol"] == task]
        nearest = rows.idxmin()
        stays = len(start) and not rows[nearest] < rows[start[0]] - MARGIN
        chosen[start[0] if stays else nearest] = True
    return chosen
