"""What the draw of held-out sets does to the ledger: wider intervals, and unsettled networks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnschur import streams
from rnnschur.criterion import Criterion
from rnnschur.paper import numbers
from rnnschur.paper.claims import evaluate
from rnnschur.paper.statements import names, observations
from rnnschur.statistics import Bootstrap

#: How often the sets of a network are drawn again to see whether it still agrees.
DRAWS = 400

#: The rows of drawn networks that are judged at once, about.
ROWS = 200_000

COLUMNS = ["sets_low", "sets_high", "unsettled"]


def with_sets(
    judged: pd.DataFrame,
    claims: list[dict],
    comparison: pd.DataFrame,
    tables: dict[str, tuple[pd.DataFrame, pd.DataFrame | None]],
    criterion: Criterion,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    r"""Return the ledger with what the draw of held-out sets does to it.

    The sets of a network are drawn again, m of m with replacement. Its number x on all sequences,
    and :math:`x_s` on set s, becomes

    .. math:: x + \frac{1}{m} \sum_{s^*} x_{s^*} - \frac{1}{m} \sum_s x_s

    as in `rnnschur.statistics.Bootstrap.nested`. A network is unsettled if it agrees in less than
    the share `confidence` of the draws, or disagrees in less, as it does on all its sequences.

    Parameters
    ----------
    judged : pandas.DataFrame
        As `rnnschur.paper.claims.judge` returns it.
    claims : list of dict
        Those of the ledger.
    comparison : pandas.DataFrame
        Rows of paper_comparison.csv.
    tables : dict of (pandas.DataFrame, pandas.DataFrame)
        As `rnnschur.paper.claims.wide` returns them, of networks and of their sets: under
        ``ablations`` at the paper's threshold, under ``thresholds`` at all that were tried. The
        second is None for networks that have no sets.
    criterion : Criterion
    bootstrap : Bootstrap

    Returns
    -------
    pandas.DataFrame
        The columns of `judged`; sets_low and sets_high, the interval of the mean over networks and
        sets, after its own; and unsettled, how many networks are, after that of the share. They
        are empty without sets.
    """
    found = {}
    for claim in claims:
        pooled, sets = tables["thresholds" if "alphas" in claim else "ablations"]
        if sets is not None and len(seen := evaluate(claim, pooled, criterion)):
            found[claim["id"]] = _of_claim(claim, seen, (pooled, sets), criterion, bootstrap)
    pooled, sets = tables["ablations"]
    for _, target in comparison.iterrows() if sets is not None else ():
        if len(values := numbers.observed(target, pooled)):
            each = numbers.observed(target, sets).unstack("set")
            drawn = values.to_numpy() + _moved(each.to_numpy(), bootstrap)
            agree = numbers.misfit(target, pooled, drawn) <= 1
            settled = _settled(agree, numbers.misfit(target, pooled, values) <= 1, bootstrap)
            found[target["id"]] = (target["sets_low"], target["sets_high"], (~settled).sum())
    rows = [found.get(name, (np.nan,) * len(COLUMNS)) for name in judged["id"]]
    table = judged.copy()
    for place, name, values in zip(
        ("high", "high", "share_high"), COLUMNS, np.reshape(rows, (-1, 3)).T, strict=True
    ):
        after = "sets_low" if name == "sets_high" else place
        table.insert(table.columns.get_loc(after) + 1, name, values)
    return table


def _of_claim(claim, seen, tables, criterion: Criterion, bootstrap: Bootstrap) -> tuple:
    """Return the interval with sets, and how many networks are unsettled."""
    pooled, sets = tables
    interval = np.nan, np.nan
    known = seen["quantity"].dropna()
    if "quantity" in claim and len(known):
        each = evaluate(claim, sets, criterion)["quantity"].unstack("set").loc[known.index]
        interval = bootstrap.nested(known, each, "claims", claim["id"])
    about = claim["networks"]
    about = list(about.values()) if isinstance(about, dict) else about
    pooled, sets = observations(pooled, about), observations(sets, about)
    used = [c for c in sets if any(f"_{n}".endswith(f"_{c}") for n in names(claim))]
    every = sets[used].unstack("set").loc[pooled.index]
    drawn = {name: _moved(every[name].to_numpy(), bootstrap) for name in used}
    agrees = []
    for some in np.array_split(np.arange(DRAWS), -(-DRAWS * len(pooled) // ROWS)):
        draws = {
            k: pooled[used] + pd.DataFrame({n: drawn[n][k] for n in used}, index=pooled.index)
            for k in some
        }
        table = pd.concat(draws, names=["draw"])
        table = table.reorder_levels([*pooled.index.names, "draw"])
        found = evaluate(claim, table, criterion)["agrees"].unstack("draw").loc[seen.index]
        agrees.append(found.to_numpy().T)
    settled = _settled(np.concatenate(agrees), seen["agrees"].to_numpy(), bootstrap)
    return (*interval, (~settled).sum())


def _moved(sets: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """Return by how much numbers move as sets are drawn again, of shape (draws, n).

    Sets that belong to different networks are independent: the same draw serves all of them, and
    is the same for all numbers of a network.
    """
    m = sets.shape[1]
    rng = streams.generator(bootstrap.study_seed, "sets of the ledger")
    counts = rng.multinomial(m, np.full(m, 1 / m), DRAWS)
    return counts @ (sets - sets.mean(axis=1, keepdims=True)).T / m


def _settled(drawn: np.ndarray, agrees: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """Tell which networks say the same in almost all draws, of shape (draws, n)."""
    return np.mean(drawn == np.asarray(agrees), axis=0) >= bootstrap.confidence
