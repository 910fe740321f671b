"""Whether coordinates are comparable across networks: their spread over seeds, and what they tell.

A description of a network is comparable across instances if networks of a kind have much the same
one and networks of different kinds do not. The first is a spread. The second is how well a plain
classifier tells the kinds apart, the same for every description.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rnnschur import streams
from rnnschur.paper.claims import wide
from rnnschur.statistics import AT_ONCE, NETWORK_QUANTITIES, Bootstrap, holm, summarize
from rnnschur.tables import CONDITION, NETWORK

#: Rollout differences below this are taken for it: logarithms would tell rounding errors apart.
LEAST = 1e-6

#: Permutations of the labels behind a p value.
PERMUTATIONS = 999

SCORES = ["features", "size", "networks", "accuracy", "chance", "p"]


def descriptions(
    ablations: pd.DataFrame, networks: pd.DataFrame, spectra: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return descriptions of networks that have learned, a row a network each.

    Parameters
    ----------
    ablations, networks, spectra : pandas.DataFrame
        Tables of the study, whose networks have one recurrent matrix each.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``profile``: logarithms of the rollout differences of all ablations, removed masses and
        |R|. Damage is not among them: its unit is the measure of a task, and tells the task by
        itself. ``sectors``: masses and |R| alone, which no rollout is needed for. ``moduli``: of
        all eigenvalues, from the largest down; empty (NaN) beyond the width of a network.
    """
    keep = networks[networks["learned"]].set_index(NETWORK)
    table = wide(ablations).droplevel("alpha")
    table = table.loc[table.index.isin(keep.index)].drop(columns="metric")
    table = table[[name for name in table if not name.endswith("_none")]]
    masses = table.filter(regex="^mass_").assign(leading=keep["leading"])
    differences = np.log10(table.filter(regex="^difference_").clip(lower=LEAST))
    moduli = spectra.pivot(index=NETWORK, columns="index", values="modulus")
    moduli = moduli.loc[table.index].rename(columns="modulus_{}".format)
    return {"profile": differences.join(masses), "sectors": masses, "moduli": moduli}


def spread(
    ablations: pd.DataFrame,
    networks: pd.DataFrame,
    spectra: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Return how much networks of a condition that have learned differ, a row a quantity.

    Parameters
    ----------
    ablations, networks, spectra : pandas.DataFrame
        Tables of the study, whose networks have one recurrent matrix each.
    bootstrap : Bootstrap

    Returns
    -------
    pandas.DataFrame
        As `rnnschur.statistics.summarize` returns it of the measures of networks (``leading``,
        |R|, masses, ...), of ``damage_CR`` and so on, ``difference_CR`` and so on, and of the
        quartiles of the moduli of a network (``modulus_25`` is exceeded by three in four), and the
        column variation, the coefficient sd / mean: of quantities that are above 0 in all these
        networks, and of others nothing (NaN), whose mean may be next to 0.
    """
    keep = networks[networks["learned"]].set_index(NETWORK)
    profile = wide(ablations).droplevel("alpha").filter(regex="^(damage|difference)_")
    profile = profile[[name for name in profile if not name.endswith("_none")]]
    quartiles = spectra.groupby(NETWORK)["modulus"].quantile([0.25, 0.5, 0.75]).unstack()
    quartiles.columns = [f"modulus_{round(100 * q)}" for q in quartiles.columns]
    own = keep[[name for name in NETWORK_QUANTITIES if name in keep]]
    table = own.join(profile).join(quartiles)
    quantities = list(table.columns)
    found = summarize(table.reset_index(), CONDITION, quantities, bootstrap)
    return found.assign(variation=found["sd"] / found["mean"].where(found["minimum"] > 0))


def questions(
    descriptions: Mapping[str, pd.DataFrame], study_seed: int, modules: Mapping[str, str]
) -> pd.DataFrame:
    """Return what each description tells of the task and of the architecture of a network.

    The task is asked for among networks of the same architecture and width, the architecture among
    those of the same task and width. Tasks that are one module, such as another training schedule
    or protocol, begin with the same weights and are no other task: of each module the first counts
    where the task is asked for.

    Parameters
    ----------
    descriptions : mapping of str to pandas.DataFrame
        As `descriptions` returns them; others may be added.
    study_seed : int
    modules : mapping of str to str
        The module of each task, in the order of the study.

    Returns
    -------
    pandas.DataFrame
        Columns asked (task or architecture), task, architecture and width (what was given; empty
        what is asked for), kinds (how many there are), those of `told_apart` and p_adjusted (Holm,
        of all p values of the table).
    """
    index = next(iter(descriptions.values())).index
    tables = []
    for asked, given in (("task", "architecture"), ("architecture", "task")):
        names = pd.MultiIndex.from_arrays([index.get_level_values(n) for n in (given, "width")])
        for group in names.unique():
            among = index[names == group]
            if asked == "task":
                among = _distinct(among, modules)
            kinds = among.get_level_values(asked).nunique()
            if kinds < 2:
                continue
            part = {name: table.loc[among] for name, table in descriptions.items()}
            scores = told_apart(part, asked, study_seed, asked, *group)
            known = {"asked": asked, given: group[0], "width": group[1], "kinds": kinds}
            tables.append(scores.assign(**known))
    columns = ["asked", *CONDITION, "kinds", *SCORES]
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    found = found.reindex(columns=columns)
    return found.assign(p_adjusted=holm(found["p"]))


def recognised(
    descriptions: Mapping[str, pd.DataFrame], modules: Mapping[str, str]
) -> pd.DataFrame:
    """Return which networks are put to their task, as `questions` asks for it.

    Parameters
    ----------
    descriptions, modules
        As for `questions`.

    Returns
    -------
    pandas.DataFrame
        A row a network and description: task, architecture, width, seed, features and right, 1 or
        0. Only networks of seeds that every task has are asked about (see `told_apart`).
    """
    index = next(iter(descriptions.values())).index
    group = pd.MultiIndex.from_arrays(
        [index.get_level_values(n) for n in ("architecture", "width")]
    )
    rows = []
    for condition in group.unique():
        among = _distinct(index[group == condition], modules)
        for features, table in descriptions.items():
            X, kinds, seeds = _balanced(table.loc[among], "task")
            if min(X.shape[:2]) < 2:
                continue
            right = classified(X).astype(float)
            names = [(kind, *condition, seed, features) for seed in seeds for kind in kinds]
            rows += [(*name, value) for name, value in zip(names, right.ravel(), strict=True)]
    return pd.DataFrame(rows, columns=[*NETWORK, "features", "right"])


def _distinct(index: pd.MultiIndex, modules: Mapping[str, str]) -> pd.MultiIndex:
    """Return the networks of the first task of each module."""
    there = set(index.get_level_values("task"))
    first = {modules[task]: task for task in reversed(modules) if task in there}
    return index[index.get_level_values("task").isin(first.values())]


def _balanced(table: pd.DataFrame, by: str) -> tuple[np.ndarray, list, list[int]]:
    """Return numbers that all networks have, (S, K, F), the kinds and the seeds that all have."""
    parts = {kind: part.droplevel(CONDITION) for kind, part in table.groupby(level=by, sort=False)}
    table = table.dropna(axis=1)
    shared = set.intersection(*(set(part.index) for part in parts.values())) if parts else set()
    seeds = sorted(shared)
    X = [part.loc[seeds, table.columns].to_numpy(float) for part in parts.values()]
    return np.stack(X, axis=1) if X else np.empty((0, 0, 0)), list(parts), seeds


def told_apart(
    descriptions: Mapping[str, pd.DataFrame], by: str, study_seed: int, *name: str | int
) -> pd.DataFrame:
    """Return how well each description tells networks of different kinds apart.

    Parameters
    ----------
    descriptions : mapping of str to pandas.DataFrame
        As `descriptions` returns them, of all networks among which is told apart. Columns without
        a number in all of these networks are left out.
    by : str
        The level of their index that says of which kind a network is, such as ``task``. Networks
        are paired by seed, and seeds count that every kind has: networks of one seed may begin
        alike or see the same sequences, and are left out together.
    study_seed : int
    *name : str or int
        Of the random stream of the permutations.

    Returns
    -------
    pandas.DataFrame
        Columns features (the description), size (numbers in it), networks (of a kind), accuracy,
        chance and p (see `classified` and `p_value`); nothing (NaN) where a kind has fewer than
        two networks or there is only one kind.
    """
    rows = []
    for features, table in descriptions.items():
        X, kinds, seeds = _balanced(table, by)
        row = {"features": features, "size": X.shape[2], "networks": len(seeds)}
        if len(seeds) >= 2 and len(kinds) >= 2:
            rng = streams.generator(study_seed, "comparability", *name, features)
            row |= {"accuracy": float(np.mean(classified(X))), "p": p_value(X, rng)}
        rows.append({**row, "chance": 1 / len(kinds) if kinds else np.nan})
    return pd.DataFrame(rows, columns=SCORES)


def classified(X: np.ndarray) -> np.ndarray:
    r"""Tell which networks a nearest-centroid classifier gets right that has not seen them.

    Of every kind one network is left out at a time, so that the kinds stay balanced: leaving out a
    single one would put its own kind at a disadvantage. Numbers are standardised by the networks
    that are not left out; those that do not vary there do not count. With these,

    .. math:: \hat k(x) = \arg\min_k \lVert x - \mu_k \rVert .

    Parameters
    ----------
    X : ndarray, shape (S, K, F)
        F numbers of each of S networks of each of K kinds; S and K at least 2.

    Returns
    -------
    ndarray, shape (S, K), bool

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning (2009), sections
    7.10 and 18.2.
    """
    return _right(*_standardised(X), _labels(X)[None])[0]


def p_value(X: np.ndarray, rng: np.random.Generator, permutations: int = PERMUTATIONS) -> float:
    """Return the probability of as many right networks or more if the kinds were the same.

    The networks that are left out together swap kinds at random (Phipson and Smyth 2010: what was
    found counts among the permutations, so that p is never 0).

    Parameters
    ----------
    X : ndarray, shape (S, K, F)
        As for `classified`.
    rng : numpy.random.Generator
    permutations : int
    """
    labels, standardised = _labels(X), _standardised(X)
    found, more = np.sum(_right(*standardised, labels[None])), 0
    size = max(1, AT_ONCE // (labels.shape[1] * max(X.shape[2], labels.size)))
    for first in range(0, permutations, size):
        some = range(first, min(first + size, permutations))
        right = _right(*standardised, np.stack([rng.permuted(labels, axis=1) for _ in some]))
        more += int(np.sum(right.sum(axis=(1, 2)) >= found))
    return (1 + more) / (1 + permutations)


def _labels(X: np.ndarray) -> np.ndarray:
    """Return the kind of every network, (S, K)."""
    return np.tile(np.arange(X.shape[1]), (len(X), 1))


def _standardised(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers in units that suit all, (S, K, F), and their weights in each fold, (S, F).

    A weight is that of a squared difference, 1 / sd^2 over the networks that are not left out; 0
    of what does not vary there.
    """
    folds, kinds, _ = X.shape
    sd = X.std(axis=(0, 1))
    unit = np.where(sd > 0, sd, 1)
    Z = (X - X.mean(axis=(0, 1))) / unit
    own, squares, count = Z.sum(axis=1), np.square(Z).sum(axis=1), (folds - 1) * kinds
    variance = (squares.sum(0) - squares) / count - np.square((own.sum(0) - own) / count)
    # What is as good as constant, by itself or without a fold, is looked at number by number.
    doubtful = (variance < 1e-6) | (sd < 1e-6 * np.abs(X).max(axis=(0, 1)))
    for fold in np.flatnonzero(doubtful.any(axis=1)):
        few = np.flatnonzero(doubtful[fold])
        rest = np.delete(X[..., few], fold, axis=0).reshape(count, -1)
        sd = rest.std(axis=0)
        # What differs by rounding alone does not vary.
        varies = sd > 1e-12 * np.abs(rest).max(axis=0)
        variance[fold, few] = np.where(varies, np.square(sd / unit[few]), np.inf)
    return Z, 1 / variance


def _right(X: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    r"""Tell which networks are classified as labelled, for several labellings: (P, S, K).

    With the sum :math:`T_k` of all S networks labelled k, and the one of them that is left out,
    :math:`x_k`, the centroid is :math:`\mu_k = (T_k - x_k) / (S - 1)`, so that

    .. math:: (S - 1)^2 \lVert x - \mu_k \rVert^2 = \lVert T_k \rVert^2 - 2 T_k \cdot x_k
        + \lVert x_k \rVert^2 - 2 (S - 1) (T_k \cdot x - x_k \cdot x) + \ldots

    up to what is the same for every k. Memory and time grow with S, not with its square.

    Parameters
    ----------
    X, weights : ndarray
        As `_standardised` returns them; the weights are those of the inner products.
    labels : ndarray, shape (P, S, K), int
        Of each fold every kind once.
    """
    folds, kinds, size = X.shape
    one_hot = np.eye(kinds)[labels]  # (P, S, K, kind)
    totals = np.moveaxis(one_hot, 3, 1).reshape(-1, folds * kinds) @ X.reshape(-1, size)
    weighted = X * weights[:, None]
    inner = weighted @ X.swapaxes(1, 2)  # x . x' of those left out together, (S, K, K)
    crossed = (weighted.reshape(-1, size) @ totals.T).reshape(folds, kinds, -1, kinds)
    crossed = np.moveaxis(crossed, 2, 0)  # x . T_k, (P, S, K, kind)
    squares = np.square(totals) @ weights.T  # (P kind, S)
    squares = squares.reshape(-1, kinds, folds).swapaxes(1, 2)
    own = np.argsort(labels, axis=2)  # who is labelled k, (P, S, kind)
    fold, kind = np.arange(folds)[:, None], np.arange(kinds)
    norms = squares + inner[fold, own, own]
    norms -= 2 * np.take_along_axis(crossed, own[:, :, None], axis=2)[:, :, 0]
    products = crossed - inner[fold[..., None], kind[:, None], own[:, :, None]]
    distances = norms[:, :, None] - 2 * (folds - 1) * products
    return np.argmin(distances, axis=3) == labels
