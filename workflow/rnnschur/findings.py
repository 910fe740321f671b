"""Findings: what tables say of networks, such as who has learned and which coupling dominates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnschur.coordinates.phases import phase_error
from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.criterion import Criterion
from rnnschur.metrics import METRICS
from rnnschur.tables import CONDITION, NETWORK, PUBLISHED, key_of


def with_damage(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of interventions with the column damage, from its metric and delta."""
    delta, metric = rows["delta"].to_numpy(), rows["metric"].to_numpy()
    damage = np.zeros(len(rows))
    for name in set(metric):
        damage[metric == name] = METRICS[name].damage(delta[metric == name])
    return rows.assign(damage=damage)


def dominant_couplings(ablations: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Return in how many networks each single coupling does the most damage, a row a condition.

    Once by damage and once by sensitivity (the paper's dominant fragile block), and by damage in
    Schur forms whose blocks stand in random order within the sectors, each of which counts.
    Networks in which no coupling does any damage count under none.

    Parameters
    ----------
    ablations, orders : pandas.DataFrame
        Tables of the study.
    """
    rows = with_damage(ablations[ablations["learned"]].reset_index(drop=True))
    intact = rows[rows["removed"] == "none"]
    shuffled = orders[(orders["order"] == "any") & orders["learned"]]
    shuffled = shuffled.merge(intact[[*NETWORK, "value"]], on=NETWORK, suffixes=("", "_intact"))
    shuffled = with_damage(shuffled.assign(delta=shuffled["value"] - shuffled["value_intact"]))
    shuffled = shuffled.pivot(index=[*NETWORK, "draw"], columns="removed", values="damage")
    damage, sensitivity = (
        rows.pivot(index=NETWORK, columns="removed", values=quantity)
        for quantity in ("damage", "sensitivity")
    )
    parts = {
        "damage": _most(damage, damage),
        "sensitivity": _most(sensitivity, damage),
        "damage, random orders": _most(shuffled, shuffled),
    }
    table = pd.concat(parts, axis=1).fillna(0).astype(int)
    table.columns = [f"{name}: {coupling}" for name, coupling in table.columns]
    networks = damage.groupby(CONDITION, sort=False).size()
    table = table.reindex(networks.index, fill_value=0)
    table.insert(0, "networks", networks)
    return table.reset_index()


def _most(values: pd.DataFrame, damage: pd.DataFrame) -> pd.DataFrame:
    """Count by condition the rows in which each coupling that does damage has most of a value."""
    values = values.where(damage > 0).reindex(columns=list(COUPLINGS))
    most = values.rank(axis=1, method="first", ascending=False) == 1
    return most.groupby(CONDITION, sort=False).sum()


def order_changes(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the other orders with their changes against the order by modulus."""
    key = [*NETWORK, "removed"]
    sorted_rows = orders[orders["order"] == "by modulus"]
    table = orders[orders["order"] != "by modulus"].merge(
        sorted_rows[[*key, "removed_mass", "value"]], on=key, suffixes=("", "_sorted")
    )
    return table.assign(
        mass_change=table["removed_mass"] - table["removed_mass_sorted"],
        value_change=table["value"] - table["value_sorted"],
    )


def judged(
    rows: pd.DataFrame, networks: pd.DataFrame, name: str, criterion: Criterion | None
) -> pd.DataFrame:
    """Return a table of interventions with verdicts and whether the network has learned.

    Parameters
    ----------
    rows : pandas.DataFrame
        As `rnnschur.evaluation.evaluate` returns them, under the names of their networks.
    networks : pandas.DataFrame
        As `network_table` returns it.
    name : str
        Of the table: those in `rnnschur.tables.PUBLISHED` have these columns and no others, but of
        networks from elsewhere (`rnnschur.given`) all that is known.
    criterion : Criterion or None
        None leaves the verdict out.
    """
    if "determined" in rows:  # of networks from elsewhere
        names, rows = rows[NETWORK], rows.drop(columns=NETWORK)
        rows = pd.concat([names, criterion.judged(rows)], axis=1)
    elif criterion is not None:
        rows = rows.assign(verdict=criterion.verdicts(rows))
    learned = networks.drop_duplicates(NETWORK).set_index(NETWORK)["learned"]
    table = rows.merge(learned, left_on=NETWORK, right_index=True)
    if name not in PUBLISHED or "checked" in table:
        return table
    return table[[*key_of(table), *PUBLISHED[name]]]


def network_table(
    ablations: pd.DataFrame,
    histories: pd.DataFrame,
    spectra: pd.DataFrame,
    nonnormality: pd.DataFrame,
    learned: dict[str, float],
) -> pd.DataFrame:
    """Return one row a network: how it was trained and what its recurrent matrix is like.

    Parameters
    ----------
    ablations, histories, spectra, nonnormality : pandas.DataFrame
        Rows of all networks, under their names. Where these say of which matrix they are, there is
        a row a matrix.
    learned : dict of str to float
        The measure, by task, from which on a network counts as trained; of other tasks all do.
    """
    key = key_of(ablations)
    measures = nonnormality.set_index(key)
    intact = ablations[ablations["removed"] == "none"].set_index(key)
    intact = intact[intact.index.isin(measures.index)]  # without what is of all matrices together
    known = [name for name in ("threshold", "checked", "file") if name in intact]
    table = intact[["metric", "value", "leading", *known]].copy()
    table.insert(0, "learned", has_learned(table.reset_index(), learned).to_numpy())
    network = pd.MultiIndex.from_frame(table.reset_index()[NETWORK])
    last = histories.groupby(NETWORK).last().reindex(network)
    table["updates"] = last["update"].to_numpy()
    table["final_loss"] = last["loss"].to_numpy()
    # The first recorded update at which nothing was wrong: said of accuracies only.
    accurate = table["metric"].map(lambda metric: METRICS[metric].absolute).to_numpy()
    perfect = histories[histories["value"] == 1].groupby(NETWORK)["update"].first()
    table["first_perfect"] = perfect.reindex(network).where(accurate).to_numpy()
    table["spectral_radius"] = spectra.groupby(key)["modulus"].max()
    for coupling in ("RR", "CR", "CC"):
        removed = ablations[ablations["removed"] == coupling].set_index(key)
        table[f"mass_{coupling}"] = removed["removed_mass"]
    return table.join(measures).reset_index()


def phase_table(
    spectra: pd.DataFrame, networks: pd.DataFrame, periods: dict[str, int]
) -> pd.DataFrame:
    """Return how far the phase of every eigenvalue is from a root of unity, a row an eigenvalue.

    Parameters
    ----------
    spectra, networks : pandas.DataFrame
        Tables of the study.
    periods : dict of str to int
        Steps after which the targets repeat, by task; other tasks are left out.

    Returns
    -------
    pandas.DataFrame
        Columns task, architecture, width, seed, index, modulus, period, phase_error (see
        `rnnschur.coordinates.phases.phase_error`), sector (R or C) and learned.
    """
    rows = spectra[spectra["task"].isin(periods)].reset_index(drop=True)
    rows["period"] = rows["task"].map(periods).astype(int)
    rows["phase_error"] = phase_error(rows["real"] + 1j * rows["imaginary"], rows["period"])
    rows = rows.merge(networks[[*NETWORK, "leading", "learned"]], on=NETWORK)
    rows["sector"] = np.where(rows["index"] < rows["leading"], "R", "C")
    columns = ["index", "modulus", "period", "phase_error", "sector", "learned"]
    return rows[[*NETWORK, *columns]]


def energy_shares(energy: pd.DataFrame) -> pd.DataFrame:
    r"""Return the share of the states' energy in each sector, a row a network, phase and sector.

    .. math:: \sum_t \mathrm{E}\|P_S h_t\|^2 / \sum_t \mathrm{E}\|h_t\|^2

    with the sums over the steps of the phase, those before the onset or those from it on.

    Parameters
    ----------
    energy : pandas.DataFrame
        Table of the study; where it says of which matrix, there is a row a matrix.

    Returns
    -------
    pandas.DataFrame
        Columns of the key, learned, phase, sector and share, which is NaN where no state is active.
    """
    key = [*key_of(energy), "learned", "phase"]
    parts = energy[key].assign(total=energy["energy"])
    for sector in ("R", "C"):
        parts[sector] = energy["energy"] * energy[sector]
    sums = parts.groupby(key, sort=False).sum()
    shares = sums[["R", "C"]].div(sums["total"].where(sums["total"] > 0), axis=0)
    return shares.reset_index().melt(key, var_name="sector", value_name="share")


def has_learned(rows: pd.DataFrame, threshold: dict[str, float]) -> pd.Series:
    """Tell which intact networks have learned their task, a row each.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns task, metric and value.
    threshold : dict of str to float
        The measure, by task, from which on a network counts as trained; of other tasks all do.
    """
    return pd.Series(
        [
            task not in threshold or bool(METRICS[metric].learned(value, threshold[task]))
            for task, metric, value in rows[["task", "metric", "value"]].itertuples(index=False)
        ],
        index=rows.index,
        dtype=bool,
    )
