"""Findings: what tables say of networks, such as who has learned and which coupling dominates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnschur.coordinates.phases import phase_error
from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.criterion import Criterion
from rnnschur.metrics import METRICS
from rnnschur.shifts import NONE
from rnnschur.tables import CONDITION, NETWORK, PUBLISHED, key_of

#: What an ablation leaves, see `rnnschur.interventions.readout`.
KEPT = ("function", "information", "neither")


def with_damage(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of interventions with the column damage, from its metric and delta."""
    delta, metric = rows["delta"].to_numpy(), rows["metric"].to_numpy()
    damage = np.zeros(len(rows))
    for name in set(metric):
        damage[metric == name] = METRICS[name].damage(delta[metric == name])
    return rows.assign(damage=damage)


def unbounded(costs: pd.Series) -> pd.Series:
    """Return rollout differences or damages, infinite where a network ran away (NaN).

    It is then above all others: medians would else be those of the networks that did not.
    """
    return costs.fillna(np.inf)


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


def with_sectors(spectra: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Return the eigenvalues with their sector and whether they are one of a complex pair.

    Parameters
    ----------
    spectra, networks : pandas.DataFrame
        Tables of the study.

    Returns
    -------
    pandas.DataFrame
        The rows of `spectra` with the columns sector (R or C) and complex (1 or 0).
    """
    rows = spectra.merge(networks[[*key_of(networks), "leading"]], on=key_of(networks))
    sector = np.where(rows["index"] < rows["leading"], "R", "C")
    complex_ = (rows["imaginary"] != 0).astype(float)
    return rows.drop(columns="leading").assign(sector=sector, complex=complex_)


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


def smallest_leading(borders: pd.DataFrame, bounds: dict[str, float]) -> pd.DataFrame:
    """Return for each network the smallest R from which on CC can go: a number without alpha.

    CC can go where what it costs is at most a bound, there and at every larger R. At the last
    border there is no CC, so that such an R always is.

    Parameters
    ----------
    borders : pandas.DataFrame
        Rows of networks as the family `rnnschur.interventions.borders` has them, those of several
        matrices as `rnnschur.tables.by_matrix` returns them.
    bounds : dict of str to float
        The largest cost, by column: rollout_difference or damage.

    Returns
    -------
    pandas.DataFrame
        One row a network and bound: cost (the column), bound, leading (the size of
        that R), alpha_low, alpha_high, gap (in modulus, relative to the spectral radius),
        largest_gap (whether no other border has a larger one, but the last), removed_mass (of
        the CC that goes there), before and after (the cost at the border before, NaN where this
        is the first, and at this one).
    """
    rows, found = borders[borders["removed"] == "CC"], []
    columns = [*NETWORK, "cost", "bound", "leading", "alpha_low", "alpha_high", "gap"]
    columns += ["largest_gap", "removed_mass", "before", "after"]
    for names, network in rows.groupby(NETWORK, sort=False):
        network = network.sort_values("leading")
        widest = network["gap"].iloc[:-1].max()
        for cost, bound in bounds.items():
            if network[cost].isna().all():  # damage, without targets
                continue
            costs = unbounded(network[cost])
            above = np.flatnonzero(costs > bound)
            first = above[-1] + 1 if len(above) else 0
            there = network.iloc[first]
            found.append(
                {
                    **dict(zip(NETWORK, names, strict=True)),
                    "cost": cost,
                    "bound": bound,
                    **there[["leading", "alpha_low", "alpha_high", "gap"]],
                    "largest_gap": bool(there["gap"] == widest),
                    "removed_mass": there["removed_mass"],
                    "before": costs.iloc[first - 1] if first else np.nan,
                    "after": costs.iloc[first],
                }
            )
    return pd.DataFrame(found, columns=columns)


def order_ranges(orders: pd.DataFrame) -> pd.DataFrame:
    """Return what each coupling costs whatever the order of blocks within the sectors.

    Parameters
    ----------
    orders : pandas.DataFrame
        Rows of networks as the family `rnnschur.interventions.orders` has them, those of several
        matrices as `rnnschur.tables.by_matrix` returns them.

    Returns
    -------
    pandas.DataFrame
        One row a network and coupling. Of rollout_difference, damage and
        removed_mass the mean, the smallest and the largest over the random orders of the kind
        ``any`` (``_mean``, ``_min``, ``_max``), which no convention decides, and that of blocks by
        modulus (``_sorted``); and orders, their number.
    """
    key = [*NETWORK, "removed"]
    columns = ["rollout_difference", "damage", "removed_mass"]
    random = orders[orders["order"] == "any"].groupby(key, sort=False)
    by_modulus = orders[orders["order"] == "by modulus"].set_index(key)[columns]
    table = random[columns].agg(["mean", "min", "max"])
    table.columns = ["_".join(pair) for pair in table.columns]
    table = table.join(by_modulus.add_suffix("_sorted"))
    names = [f"{name}_{kind}" for name in columns for kind in ("mean", "min", "max", "sorted")]
    return table[names].assign(orders=random.size()).reset_index()


def kept_counts(readout: pd.DataFrame) -> pd.DataFrame:
    """Return in how many networks each ablation leaves function, information or neither.

    Parameters
    ----------
    readout : pandas.DataFrame
        Rows of networks as the family `rnnschur.interventions.readout` has them.

    Returns
    -------
    pandas.DataFrame
        One row a condition and ablation, of networks that have learned, with the median value of
        readouts that are fixed and that are fitted.
    """
    if readout.empty:  # without its labels
        return pd.DataFrame(columns=[*CONDITION, "removed", *KEPT])
    rows = readout[readout["learned"]]
    by = rows.groupby([*CONDITION, "removed", "readout"], sort=False)["value"].median().unstack()
    kept = rows[rows["readout"] == "fixed"].groupby([*CONDITION, "removed"], sort=False)["kept"]
    counts = kept.value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=list(KEPT), fill_value=0)
    return counts.join(by.add_prefix("value, ")).reindex(kept.size().index).reset_index()


def stabilizers_by_shift(shift: pd.DataFrame) -> pd.DataFrame:
    """Return how many stabilizers are still some on other sequences.

    Parameters
    ----------
    shift : pandas.DataFrame
        Rows of networks as the family `rnnschur.interventions.shift` has them.

    Returns
    -------
    pandas.DataFrame
        One row a condition, coupling and shift: networks (those that have learned, in which the
        coupling is a stabilizer without a shift), still (those in which it is one with it), and
        the medians over all that have learned of rollout_difference and of intact, the value of
        the intact network on the same sequences.
    """
    rows = shift[shift["learned"] & shift["removed"].isin(COUPLINGS)]
    rows = rows.assign(
        stabilizer=rows["verdict"] == "stabilizer",
        intact=rows["value"] - rows["delta"],
        rollout_difference=unbounded(rows["rollout_difference"]),
    )
    plain = rows[rows["shift"] == NONE][[*NETWORK, "removed", "stabilizer"]]
    rows = rows.merge(plain, on=[*NETWORK, "removed"], suffixes=("", "_plain"))
    rows["still"] = rows["stabilizer"] & rows["stabilizer_plain"]
    return (
        rows.groupby([*CONDITION, "removed", "shift"], sort=False)
        .agg(
            networks=("stabilizer_plain", "sum"),
            still=("still", "sum"),
            rollout_difference=("rollout_difference", "median"),
            intact=("intact", "median"),
        )
        .reset_index()
    )
