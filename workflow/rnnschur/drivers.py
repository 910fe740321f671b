r"""Drivers: what decides which coupling dominates, |R| or the protocol a network was trained by.

A coupling's share of the damage of the three,

.. math:: s_k = \max(D_k, 0) / \textstyle\sum_j \max(D_j, 0), \qquad j, k \in \{RR, CR, CC\},

is regressed on :math:`\log_2 |R|`, on α and on the settings in which protocols differ, and
:math:`\log_2 |R|` on the last two. A network is there once a threshold, so that its rows depend on
each other: intervals are cluster-robust.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy  # statistics take a second to import: only where they are used

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.findings import with_damage

#: |R|, as a driver and as what the others drive; α; all settings together; all of them.
SIZE, THRESHOLD, SETTINGS, ALL = "|R|", "alpha", "protocol", "all"
#: The unit of α: from one of the paper's thresholds to the next.
STEP = 0.05
#: What coefficients are per, where not per doubling.
UNITS = {THRESHOLD: f"{STEP:g}", SETTINGS: "", ALL: ""}

COLUMNS = ["response", "driver", "per", "networks", "coefficient", "low", "high", "alone", "lost"]


def damage_shares(ablations: pd.DataFrame, index: list[str]) -> pd.DataFrame:
    """Return the share of each coupling in the damage of all three, and which one dominates.

    Parameters
    ----------
    ablations : pandas.DataFrame
        A table with the columns leading, removed and damage, or metric and delta.
    index : list of str
        Columns that name a network and what its sectors are: a threshold, say.

    Returns
    -------
    pandas.DataFrame
        Columns `index`, leading, RR, CR, CC and dominant. Networks in which no coupling does any
        damage are left out.
    """
    rows = ablations if "damage" in ablations else with_damage(ablations.reset_index(drop=True))
    keys = list(dict.fromkeys([*index, "leading"]))
    damage = rows.pivot(index=keys, columns="removed", values="damage")[list(COUPLINGS)]
    damage = damage[(damage > 0).any(axis=1)].clip(lower=0)
    shares = damage.div(damage.sum(axis=1), axis=0)
    return shares.assign(dominant=damage.idxmax(axis=1)).rename_axis(columns=None).reset_index()


def settings(tasks: Mapping[str, Mapping], start: str) -> pd.DataFrame:
    """Return in what the protocols of a task differ from the start, a row a protocol.

    Parameters
    ----------
    tasks : mapping of str to mapping
        Settings of each protocol, complete.
    start : str

    Returns
    -------
    pandas.DataFrame
        A column a setting that is not everywhere the same: the binary logarithm of its ratio to the
        start's; where a protocol has none (null), 0, and 1 in another column, ``no`` and its name.
    """
    flat = {
        name: {**{k: v for k, v in task.items() if not isinstance(v, dict)}, **task["protocol"]}
        for name, task in tasks.items()
    }
    table = pd.DataFrame.from_dict(flat, orient="index").drop(columns="like", errors="ignore")
    found = {}
    for name in table:
        values, words = pd.to_numeric(table[name]), name.replace("_", " ")
        found[words] = np.log2(values / values[start]).fillna(0)
        found[f"no {words}"] = values.isna().astype(float)
    found = pd.DataFrame(found)
    return found.loc[:, (found != found.iloc[0]).any()]


def determination(y: np.ndarray, x: np.ndarray) -> float:
    """Return R², the share of the variance of y that a linear regression on x explains.

    NaN where y does not vary.
    """
    x = np.column_stack([np.ones(len(y)), x])
    rest, whole = y - x @ np.linalg.lstsq(x, y)[0], np.sum((y - y.mean()) ** 2)
    return float(1 - rest @ rest / whole) if whole > 0 else np.nan


def cluster_robust(
    y: np.ndarray, x: np.ndarray, clusters: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return coefficients of a linear regression and intervals that hold for dependent rows.

    .. math:: V = c \, (X^T X)^{-1} \Big(\sum_g X_g^T e_g e_g^T X_g\Big) (X^T X)^{-1}, \qquad
        c = \frac{G}{G - 1} \, \frac{n - 1}{n - k}

    with residuals e_g of G clusters, n rows, k coefficients, and t with G - 1 degrees of freedom.

    Parameters
    ----------
    y : numpy.ndarray, shape (n,)
    x : numpy.ndarray, shape (n, k - 1)
        Without the constant.
    clusters : numpy.ndarray, shape (n,)
        Rows of one cluster depend on each other, those of different ones do not.
    confidence : float

    Returns
    -------
    coefficients, low, high : numpy.ndarray, shape (k - 1,)
        Without the constant.

    References
    ----------
    K.-Y. Liang, S. L. Zeger, Biometrika 73 (1986); A. C. Cameron, D. L. Miller, J. Human Resources
    50 (2015).
    """
    x = np.column_stack([np.ones(len(y)), x])
    bread = np.linalg.inv(x.T @ x)
    coefficients = bread @ x.T @ y
    labels, which = np.unique(clusters, return_inverse=True)
    scores = np.zeros((len(labels), x.shape[1]))
    np.add.at(scores, which, x * (y - x @ coefficients)[:, None])
    (n, k), groups = x.shape, len(labels)
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    error = np.sqrt(factor * np.diag(bread @ scores.T @ scores @ bread))
    reach = scipy.stats.t.ppf((1 + confidence) / 2, groups - 1) * error
    return tuple(v[1:] for v in (coefficients, coefficients - reach, coefficients + reach))


def drivers(thresholds: pd.DataFrame, protocols: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return what drives the share of each coupling, and |R|, a row a response and driver.

    Parameters
    ----------
    thresholds : pandas.DataFrame
        Rows of search_thresholds.csv of one task; networks that did not learn are left out.
    protocols : pandas.DataFrame
        As `settings` returns it.
    confidence : float

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`: the response, a coupling (its share of the damage) or |R| (its binary logarithm);
        the driver and what its coefficient is per; the number of networks; the coefficient beside
        all other drivers and its interval (`cluster_robust`); R² of the driver alone, and how much
        of R² is lost without it. All settings together, and all drivers, have no coefficient;
        neither has any where networks are too few, or drivers change together.
    """
    shares = damage_shares(thresholds[thresholds["learned"]], ["protocol", "seed", "alpha"])
    known = protocols.loc[shares["protocol"]].reset_index(drop=True)
    known.insert(0, THRESHOLD, shares["alpha"] / STEP)
    size = np.log2(shares["leading"].to_numpy(float))
    networks = shares.groupby(["protocol", "seed"]).ngroup().to_numpy()
    responses = {coupling: shares[coupling].to_numpy() for coupling in COUPLINGS} | {SIZE: size}
    rows = []
    for response, y in responses.items():
        x = known if response == SIZE else pd.concat([pd.Series(size, name=SIZE), known], axis=1)
        found = {}
        if x.shape[1] + 1 < len(np.unique(networks)) and _told_apart(x):
            intervals = zip(*cluster_robust(y, x.to_numpy(), networks, confidence), strict=True)
            found = dict(zip(x, intervals, strict=True))
        whole = determination(y, x.to_numpy())
        sets = {name: [name] for name in x} | {SETTINGS: list(protocols), ALL: list(x)}
        for driver, columns in sets.items():
            row = {"response": response, "driver": driver}
            row["per"] = "" if driver.startswith("no ") else UNITS.get(driver, "doubling")
            row["networks"] = len(np.unique(networks))
            row |= dict(zip(("coefficient", "low", "high"), found.get(driver, ()), strict=False))
            row["alone"] = determination(y, x[columns].to_numpy())
            row["lost"] = whole - determination(y, x.drop(columns=columns).to_numpy())
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _told_apart(x: pd.DataFrame) -> bool:
    """Tell whether each driver changes in a way that the others do not."""
    return np.linalg.matrix_rank(np.column_stack([np.ones(len(x)), x])) == x.shape[1] + 1
