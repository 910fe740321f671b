"""What the report says in words: couplings, limits, what pictures show. All of it is computed."""

from collections.abc import Iterable, Mapping

import pandas as pd

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.metrics import METRICS
from rnnschur.report.answer import listed, some
from rnnschur.report.figures.ablations import commonest, paper_values
from rnnschur.report.figures.style import rows_of, words
from rnnschur.report.formats import digits, interval
from rnnschur.tables import CONDITION, NETWORK


def named(condition: tuple) -> str:
    """Return the name of a condition.

    Examples
    --------
    >>> named(("flip_flop", "orthogonal", 64))
    'flip flop, orthogonal, N_h = 64'
    """
    task, architecture, width = condition
    return f"{words(task)}, {architecture}, N_h = {width}"


def conditions(table: pd.DataFrame) -> list[tuple]:
    """Return the conditions of a table in its order."""
    return list(table[CONDITION].drop_duplicates().itertuples(index=False, name=None))


def key_conditions(networks: pd.DataFrame, paper: pd.DataFrame) -> list[tuple]:
    """Return one condition a task: that of the paper's numbers, else one like it, else the first.

    Parameters
    ----------
    networks : pandas.DataFrame
        Rows of networks.csv.
    paper : pandas.DataFrame
        Rows of paper_comparison.csv.
    """
    printed = conditions(paper)
    alike = [condition[1:] for condition in printed]

    def distance(condition):
        like = alike.index(condition[1:]) if condition[1:] in alike else len(alike)
        return condition not in printed, like

    keys = {}
    for condition in sorted(conditions(networks), key=distance):
        keys.setdefault(condition[0], condition)
    return [keys[task] for task in dict.fromkeys(networks["task"])]


def couplings(tables: Mapping[str, pd.DataFrame], condition: tuple) -> pd.DataFrame:
    """Return what removing each coupling does in one condition, a row a coupling.

    Parameters
    ----------
    tables : mapping
        Rows of ablations.csv, ablation_summary.csv and paper_comparison.csv by these names.
    condition : tuple
        Task, architecture and width.

    Returns
    -------
    pandas.DataFrame
        Means over the networks that learned of mass and damage, the damage's bootstrap interval
        (low, high), the paper's damage (NaN for none), the commonest verdict (empty for none,
        several of a tie), in how many (count) of how many (networks). Indexed by coupling;
        without rows where no network learned.
    """
    means = rows_of(tables["ablation_summary"], condition).set_index(["removed", "quantity"])
    ablations = rows_of(tables["ablations"], condition)
    ablations = ablations[ablations["learned"].astype(bool)]
    printed = paper_values(rows_of(tables["paper_comparison"], condition))
    rows = {}
    for name in COUPLINGS:
        verdicts = ablations[ablations["removed"] == name]["verdict"]
        if (name, "delta") not in means.index or verdicts.empty:
            continue
        metric = METRICS[means.loc[(name, "delta"), "metric"]]
        delta = means.loc[(name, "delta"), ["mean", "low", "high"]].to_numpy(float)
        mean, *ends = metric.damage(delta) + 0.0  # not -0
        paper = metric.damage(printed.get(name, float("nan")) - printed.get("none", float("nan")))
        most, count = commonest(verdicts)
        rows[name] = {
            "mass": means.loc[(name, "removed_mass"), "mean"],
            "damage": mean,
            "low": min(ends),
            "high": max(ends),
            "paper": paper,
            "verdict": " and ".join(most),
            "count": count,
            "networks": len(verdicts),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def in_how_many(row: pd.Series, noun: str = "") -> str:
    """Return how many networks have the commonest verdict on a coupling, of a tie each: '2 of 5'.

    Parameters
    ----------
    row : pandas.Series
        Of what `couplings` returns.
    noun : str
        Of what they are, if it is to be said.
    """
    number = some(row["networks"], noun) if noun else row["networks"]
    return f"{row['count']} of {number}{' each' if ' and ' in row['verdict'] else ''}"


def measured(metric: str) -> str:
    """Return what damage is in a measure: 'lost replay accuracy', 'added FVU'."""
    return f"{'added' if METRICS[metric].worse > 0 else 'lost'} {METRICS[metric].label}"


def without(found: pd.DataFrame, metric: str) -> str:
    """Return what removing each coupling of one condition does, for those who see no picture."""
    if found.empty:
        return "no network learned"
    parts = []
    for name, row in found.iterrows():
        most = f"{row['verdict']} in {in_how_many(row, 'network')}"
        parts.append(f"{digits(row['damage'])} without {name} ({most if row['verdict'] else ''})")
    return f"{measured(metric)} {listed(parts)}".replace(" ()", " (no verdict)")


def first_network(ablations: pd.DataFrame, condition: tuple) -> pd.DataFrame:
    """Return the ablations of the first network of a condition."""
    rows = rows_of(ablations, condition)
    return rows[rows["seed"] == rows["seed"].min()]


def of_one(rows: pd.DataFrame) -> str:
    """Return what one network does intact and without each coupling.

    Parameters
    ----------
    rows : pandas.DataFrame
        Its rows of ablations.csv.
    """
    rows = rows.set_index("removed")
    parts = [
        f"{digits(rows.loc[name, 'value'])} {'intact' if name == 'none' else f'without {name}'}"
        for name in ("none", *COUPLINGS)
        if name in rows.index
    ]
    return f"{METRICS[rows['metric'].iloc[0]].label} {listed(parts)}"


def of_rotations(rotations: pd.DataFrame, keys: Iterable[tuple], epsilon: float) -> str:
    """Return what random rotations do in each condition, for those who do not see the picture."""
    parts = []
    for condition in keys:
        rows = rows_of(rotations, condition)
        rows = rows[rows["learned"].astype(bool)]
        if len(rows):
            moved = rows["rollout_difference"]
            parts.append(
                f"{named(condition)}: median d {digits(moved.median())}, at most {epsilon:g} in "
                f"{(moved <= epsilon).sum()} of {some(len(rows), 'network')}"
            )
    return "Under a random rotation of the states, by task. " + "; ".join(parts) + "."


def of_findings(findings: pd.DataFrame) -> str:
    """Return how many of our findings hold, on fresh networks where there are some.

    Empty where none is about the networks of the study.

    Parameters
    ----------
    findings : pandas.DataFrame
        Rows of findings.csv.
    """
    judged = findings[findings["fresh_networks"].fillna(0) > 0]
    seen = findings[findings["seen_networks"].fillna(0) > 0]
    if len(judged):
        held = (judged["verdict"] == "borne out").sum()
        return (
            f"Of {some(len(judged), 'finding')}, {held} {'is' if held == 1 else 'are'} borne out "
            "by networks that nobody had looked at when they were written down."
        )
    if seen.empty:
        return ""
    return (
        f"{some(len(seen), 'finding')} can be told of networks of this study. None of these has a "
        "seed that counts as fresh, so that there is no verdict."
    )


def changes(tasks: Mapping, usual: Mapping, path: str = "tasks") -> list[str]:
    """Return the settings of tasks that are other ones than usual, by their keys.

    A task without usual settings is another task, and has none that are changed.

    Examples
    --------
    >>> changes({"sine": {"updates": 9, "gain": 1}}, {"sine": {"updates": 10, "gain": 1}})
    ['tasks.sine.updates']
    """
    found = []
    for key, value in tasks.items():
        if isinstance(value, Mapping) and isinstance(usual.get(key), Mapping):
            found += changes(value, usual[key], f"{path}.{key}")
        elif path != "tasks" and (key not in usual or value != usual[key]):
            found.append(f"{path}.{key}")
    return found


def limits(tables: Mapping[str, pd.DataFrame], confidence: float) -> list[str]:
    """Return what limits the verdicts of a study, a sentence each.

    Parameters
    ----------
    tables : mapping
        Rows of networks.csv and ledger.csv by these names.
    confidence : float
        That of the intervals.
    """
    networks = tables["networks"].drop_duplicates(NETWORK)
    by = networks.groupby(CONDITION, sort=False)["learned"]
    sizes, missed = by.size(), by.agg(lambda learned: int((~learned.astype(bool)).sum()))
    said = []
    if missed.sum():
        where = [f"{n} of {sizes[c]} in {named(c)}" for c, n in missed.items() if n]
        said.append(
            f"{some(missed.sum(), 'network')} did not learn the task and count in no mean and no "
            f"verdict: {listed(where)}."
        )
    ledger = tables["ledger"]
    judged = ledger[ledger["verdict"].notna()]
    whole = judged[judged["share"] == 1].nlargest(1, "networks")
    for _, row in whole.iterrows():
        said.append(
            f"Where all of {some(row['networks'], 'network')} agree, the share of all networks "
            f"there could be has the exact {confidence:.0%} interval {interval(row, 'share_')}."
        )
    unsettled = judged[judged["unsettled"].fillna(0) > 0]
    if len(unsettled):
        row = unsettled.loc[unsettled["unsettled"].idxmax()]
        said.append(
            f"Other held-out sequences can turn networks in {some(len(unsettled), 'verdict')}, "
            f"at most {digits(row['unsettled'])} of {row['networks']} ({row['claim'].rstrip('.')})."
        )
    near = judged[judged["flips"].notna()]
    if len(near):
        said.append(
            f"{len(near)} of {some(len(judged), 'verdict')} would be another one at a bound "
            "within a factor of two, or at another threshold of the study."
        )
    return said
