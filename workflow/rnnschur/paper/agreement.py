"""Two runs of the same networks, side by side: network by network, or whole tables cell by cell."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from rnnschur.tables import CONDITION, NETWORK

MEASURED = ["value", "removed_mass", "rollout_difference"]
#: Numbers agree within this absolute and relative difference; another processor rounds otherwise.
ABSOLUTE, RELATIVE = 1e-3, 1e-2

#: The first recorded losses of a network trained on two machines agree within this share.
FIRST_LOSS = 0.05

#: What names a row of each table that can be computed again from the weights.
KEYS = {
    "ablations": [*NETWORK, "alpha", "removed"],
    "thresholds": [*NETWORK, "alpha", "removed"],
    "ablation_sets": [*NETWORK, "alpha", "removed", "set"],
    "threshold_sets": [*NETWORK, "alpha", "removed", "set"],
    "orders": [*NETWORK, "order", "draw", "removed"],
    "symmetries": [*NETWORK, "control"],
    "matched": [*NETWORK, "removed", "control"],
    "activity": [*NETWORK, "removed", "part"],
    "energy": [*NETWORK, "step"],
    "rotations": NETWORK,
    "frontier": [*NETWORK, "basis", "ranking", "epsilon", "removed"],
    "borders": [*NETWORK, "leading", "removed"],
    "readout": [*NETWORK, "removed", "readout"],
    "graded": [*NETWORK, "removed", "factor"],
    "shift": [*NETWORK, "shift", "removed"],
    "spectra": [*NETWORK, "index"],
    "phases": [*NETWORK, "index"],
    "networks": NETWORK,
    "ablation_summary": [*CONDITION, "alpha", "removed", "quantity"],
    "threshold_summary": [*CONDITION, "alpha", "removed", "quantity"],
    "network_summary": [*CONDITION, "quantity"],
    "paper_comparison": ["id"],
    "ledger": ["id"],
    "verdict_curves": ["id", "bound", "value"],
    "findings": ["id"],
}

#: Tables with a row an eigenvalue, and the two columns that tell one from another.
EIGENVALUES = {"spectra": ("real", "imaginary"), "phases": ("modulus", "phase_error")}
#: What the place of an eigenvalue among others says, and not itself.
PLACED = ("index", "block", "sector")

#: Columns and quantities that are nothing but rounding, and the largest value they may have.
ROUNDING = {
    "backward_error": 30.0,
    "orthogonality_error": 30.0,
    "moduli_change": 1e-12,
    "departure_change": 1e-12,
}
#: Columns and quantities that are a ratio of two roundings where next to nothing was removed.
RATIOS = ("sensitivity",)
#: Steps at which a gain is reached, and the last there is (`transient_gain`): where gains tie,
#: rounding picks one. The gains are compared.
PICKED = {"transient_step": 128, "scaled_step": 128}


def compare(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Compare the ablations of the networks that two runs share, row by row.

    Parameters
    ----------
    ours, published : pandas.DataFrame
        Rows of ablations.csv.

    Returns
    -------
    pandas.DataFrame
        One row a network of `ours`: task, architecture, width, seed, rows (ablations found in
        both), the largest absolute difference of value, removed_mass and rollout_difference, and
        agreement: ``identical``, ``close`` (every measured number within 0.001 plus 1 %),
        ``different``, or ``not published``. A number that is undefined (NaN) in both is the same.
    """
    key = [*NETWORK, "alpha", "removed"]
    pairs = ours[[*key, *MEASURED]].merge(
        published[[*key, *MEASURED]],
        on=key,
        how="left",
        suffixes=("", "_published"),
        indicator="found",
    )
    known = pairs["found"] == "both"
    same, near = known.to_numpy(copy=True), known.to_numpy(copy=True)
    for name in MEASURED:
        other = pairs[f"{name}_published"]
        pairs[f"{name}_difference"] = (pairs[name] - other).abs()
        same &= (pairs[name] == other) | (pairs[name].isna() & other.isna())
        near &= close(pairs[name], other)
    differences = [f"{name}_difference" for name in MEASURED]
    pairs = pairs.assign(rows=known, same=same, near=near)
    table = pairs.groupby(NETWORK, sort=False).agg(
        {"rows": "sum", "same": "all", "near": "all", **dict.fromkeys(differences, "max")}
    )
    table["agreement"] = np.select(
        [table["rows"] == 0, table["same"], table["near"]],
        ["not published", "identical", "close"],
        default="different",
    )
    return table.drop(columns=["same", "near"]).reset_index()


def close(ours, published) -> np.ndarray:
    """Tell which numbers agree within 0.001 plus 1 %, or are undefined (NaN) in both."""
    ours, published = np.asarray(ours, dtype=float), np.asarray(published, dtype=float)
    with np.errstate(invalid="ignore"):
        near = np.abs(ours - published) <= ABSOLUTE + RELATIVE * np.abs(published)
    return near | (ours == published) | (np.isnan(ours) & np.isnan(published))


def table_differences(ours: str | Path, published: str | Path) -> pd.DataFrame:
    """Compare two files of one table, character by character.

    Parameters
    ----------
    ours, published : path
        CSV files whose name, without the suffix, is in `KEYS`.

    Returns
    -------
    pandas.DataFrame
        One row a cell that differs: row (its key, in words), column, ours and published, as text.
        A row or column that only one of them has stands there once, with ``absent`` for the other.
        A difference of order alone is one row.
    """
    key = KEYS[Path(ours).stem]
    if Path(ours).read_bytes() == Path(published).read_bytes():
        return pd.DataFrame(columns=["row", "column", "ours", "published"])
    one, other = (
        pd.read_csv(file, dtype=str, keep_default_na=False).pipe(_by, key)
        for file in (ours, published)
    )
    found = _unshared(one, other)
    shared = one.index[one.index.isin(other.index)]
    for column in (name for name in one.columns if name in other.columns):
        ours_, theirs = one[column].loc[shared], other[column].loc[shared]
        for row in shared[(ours_ != theirs).to_numpy()]:
            found.append((row, column, ours_[row], theirs[row]))
    if not found:
        found.append(("all", "all", "another order or format", "see the files"))
    return pd.DataFrame(found, columns=["row", "column", "ours", "published"])


def table_disagreements(
    ours: pd.DataFrame, published: pd.DataFrame, name: str, minimum_mass: float
) -> pd.DataFrame:
    """Compare two versions of one table within what another processor's rounding may change.

    Numbers agree within 0.001 plus 1 %. Columns that are nothing but rounding need only be small
    (`ROUNDING`) or possible (`PICKED`), a damage per removed mass counts only where at least
    `minimum_mass` was removed, and the eigenvalues of a network are compared as a set, since ties
    have no order.

    Parameters
    ----------
    ours, published : pandas.DataFrame
        Versions of the table.
    name : str
        Its name, one of `KEYS`.
    minimum_mass : float
        Removed mass from which a sensitivity is more than a ratio of roundings.

    Returns
    -------
    pandas.DataFrame
        As `table_differences` returns it, of the numbers that do not agree.
    """
    if name in EIGENVALUES:
        ours = _matched(ours, published, EIGENVALUES[name])
    light = pd.Series(_light(published, minimum_mass), index=_names(published, KEYS[name]))
    one, other = _by(ours, KEYS[name]), _by(published, KEYS[name])
    found = _unshared(one, other)
    shared = one.index[one.index.isin(other.index)]
    one, other, light = one.loc[shared], other.loc[shared], light.loc[shared]
    for column in (column for column in other.columns if column in one.columns):
        mine, theirs = one[column], other[column]
        if column in PICKED:
            agree = mine.between(0, PICKED[column]) & (mine % 1 == 0)
        elif column in ROUNDING:
            agree = mine.abs() <= ROUNDING[column]
        elif pd.api.types.is_numeric_dtype(theirs) and pd.api.types.is_numeric_dtype(mine):
            agree = close(mine, theirs)
            if column in RATIOS or name.endswith("_summary"):
                agree = agree | light.to_numpy()
        else:
            agree = (mine == theirs) | (mine.isna() & theirs.isna())
        for row in shared[~np.asarray(agree)]:
            found.append((row, column, str(mine[row]), str(theirs[row])))
    return pd.DataFrame(found, columns=["row", "column", "ours", "published"])


def trained_again(
    ours: dict[str, np.ndarray],
    published: dict[str, np.ndarray],
    history: pd.DataFrame,
    published_history: pd.DataFrame,
    exact: bool,
) -> pd.DataFrame:
    """Compare a network that was trained again with the published one of the same seed.

    Parameters
    ----------
    ours, published : dict
        Stacks of weights with their ``seed``; the first network of `ours` is compared.
    history, published_history : pandas.DataFrame
        Of that network, see `rnnschur.training.train.train`.
    exact : bool
        Whether weights must have the same bits. Otherwise, as training amplifies rounding, only
        the first recorded loss is compared, within 5 %.

    Returns
    -------
    pandas.DataFrame
        As `table_differences` returns it, a row a weight or loss that differs.
    """
    found, seed = [], ours["seed"][0]
    if exact:
        place = int(np.flatnonzero(published["seed"] == seed)[0])
        for name in (name for name in ours if name != "seed"):
            one, other = ours[name][0], published[name][place]
            if one.tobytes() != other.tobytes():
                off = f"largest difference {np.abs(one - other).max():.3g}"
                found.append((f"seed {seed}", name, off, "the same bits"))
    loss, other = history["loss"].iloc[0], published_history["loss"].iloc[0]
    if not abs(loss - other) <= FIRST_LOSS * other:
        found.append((f"seed {seed}", "loss", str(loss), str(other)))
    return pd.DataFrame(found, columns=["row", "column", "ours", "published"])


def _by(table: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Return a table indexed by its key in words, such as ``sine/orthogonal/64/0/0.9/CC``."""
    return table.set_axis(_names(table, key)).drop(columns=key)


def _names(table: pd.DataFrame, key: list[str]) -> pd.Index:
    """Return the key of every row in words."""
    return pd.Index(table[key].astype(str).agg("/".join, axis=1))


def _unshared(one: pd.DataFrame, other: pd.DataFrame) -> list[tuple]:
    """Return the rows and columns that only one of two tables has, as differences."""
    found = [(row, "all", "present", "absent") for row in one.index.difference(other.index)]
    found += [(row, "all", "absent", "present") for row in other.index.difference(one.index)]
    found += [("all", name, "present", "absent") for name in one.columns.difference(other.columns)]
    return found + [
        ("all", name, "absent", "present") for name in other.columns.difference(one.columns)
    ]


def _light(table: pd.DataFrame, minimum_mass: float) -> np.ndarray:
    """Tell which rows hold a damage per next to no removed mass."""
    if "removed_mass" in table:
        return (table["removed_mass"] < minimum_mass).to_numpy()
    if not {"quantity", "removed"} <= set(table.columns) or "mean" not in table:
        return np.zeros(len(table), dtype=bool)
    group = [*CONDITION, "alpha", "removed"]
    mass = table[table["quantity"] == "removed_mass"].set_index(group)["mean"]
    masses = pd.MultiIndex.from_frame(table[group]).map(mass)
    return (table["quantity"].isin(RATIOS) & (masses < minimum_mass)).to_numpy()


def _matched(ours: pd.DataFrame, published: pd.DataFrame, columns: tuple[str, str]) -> pd.DataFrame:
    """Return the eigenvalues of `ours` in the order of those of `published` they are nearest to.

    The order, and with it the number of the block, is taken over: among ties it means nothing.
    """
    matched = []
    theirs = dict(list(published.groupby(NETWORK, sort=False)))
    for network, rows in ours.groupby(NETWORK, sort=False):
        other = theirs.get(network)
        if other is not None and len(other) == len(rows):
            one, two = (t[list(columns)].to_numpy() @ [1, 1j] for t in (rows, other))
            order = linear_sum_assignment(np.abs(two[:, None] - one))[1]
            places = [name for name in PLACED if name in rows and name in other]
            rows = rows.iloc[order].assign(**{name: other[name].to_numpy() for name in places})
        matched.append(rows)
    return pd.concat(matched)
