"""How near a protocol comes to the paper: its numbers and claims, in one distance."""

import numpy as np
import pandas as pd

from rnnschur.claims import evaluate, is_accuracy, misfit, number, wide

#: A number that is off by more than this many tolerances counts as this many: one number that is
#: out of reach under every protocol must not decide between them.
LARGEST_MISFIT = 10.0
#: Another protocol is chosen only if it is nearer by this much: means over few networks are noisy.
MARGIN = 0.5


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
        Columns id, paper, ours, networks, misfit (see `rnnschur.claims.misfit`), counted. The
        sensitivity comes twice: per removed mass, and per removed share, its square, which is
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
            values = number(target, source)
            if len(values):
                off = misfit(values.mean(), target["paper"], is_accuracy(target))
                rows.append((name, target["paper"], values.mean(), len(values), off, counted))
    return pd.DataFrame(rows, columns=["id", "paper", "ours", "networks", "misfit", "counted"])


def distance(numbers: pd.DataFrame) -> float:
    """Return the root mean square misfit of the numbers that count, each at most 10."""
    off = numbers.loc[numbers["counted"], "misfit"].clip(upper=LARGEST_MISFIT)
    return float(np.sqrt(np.mean(off**2)))


def claims_that_hold(ablations: pd.DataFrame, ledger: dict, criterion: dict) -> pd.Series:
    """Return the share of one protocol's networks for which each claim holds, by claim.

    Claims about other cells, several tasks or other thresholds are left out.
    """
    table = wide(ablations)
    cells = {"/".join(map(str, cell)) for cell in table.index.droplevel(["seed", "alpha"])}
    chosen = [claim for claim in ledger["claims"] if "alphas" not in claim]
    chosen = [claim for claim in chosen if isinstance(claim["networks"], str)]
    return pd.Series(
        {
            claim["id"]: evaluate(claim, table, criterion)["agrees"].mean()
            for claim in chosen
            if claim["networks"] in cells
        },
        dtype=float,
    )


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
