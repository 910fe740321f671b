"""Our own findings, judged on the networks that suggested them and on fresh ones.

A finding is formulated after some networks have been looked at, and is true of these for that
reason alone. What it is worth, networks tell that nobody had seen: a file of findings names the
first fresh seed, and every finding is judged on both sides of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
import scipy  # statistics take a second to import: only where they are used

from rnnschur.criterion import Criterion
from rnnschur.options import is_number
from rnnschur.paper import statements
from rnnschur.paper.statements import Variable, observations, read, rule, share
from rnnschur.paper.variables import allow, declared, named, prefixes, tables_of, used
from rnnschur.statistics import Bootstrap, holm
from rnnschur.tables import NETWORK

#: Verdicts on what fresh networks say of a finding.
BORNE_OUT, NOT_BORNE_OUT = "borne out", "not borne out"

#: Bounds that expressions may name.
BOUNDS = {bound.name for bound in fields(Criterion)}

#: How a condition is named.
CONDITIONS = "task/architecture/width"

_PART = ["networks", "left_out", "mean", "share", "share_low", "share_high"]
COLUMNS = ["id", "finding", "rule", "quantity"]
COLUMNS += [f"{part}_{name}" for part in ("seen", "fresh") for name in _PART]
COLUMNS += ["starts", "most", "p", "comparisons", "p_adjusted", "verdict"]


@dataclass(frozen=True)
class Findings:
    """A file of findings, such as `report/findings.yaml`.

    Attributes
    ----------
    fresh : int
        The first seed that had not been looked at when the findings were formulated.
    most : float
        A finding is borne out by fresh networks if it is true of more than this share of all
        networks there could be; a finding may have a share of its own.
    variables : mapping of str to tuple of (str, Variable)
        What expressions may name: the table and the column of it.
    findings : list of dict
        Keys id, finding (in words), networks (see `rnnschur.paper.statements.observations`), agrees
        (an expression that is true or false) and, optionally, quantity (the expression whose mean
        is shown; `agrees` may name it), where (an expression: the networks that count) and most.
    """

    fresh: int
    most: float
    variables: Mapping[str, tuple[str, Variable]]
    findings: list[dict]

    def tables(self) -> list[str]:
        """Return the names of the tables that the variables are from, each once."""
        return tables_of(self.variables)

    def uses(self, finding: dict) -> dict[str, dict[str, Variable]]:
        """Return the variables that a finding names, by table and name.

        Raises
        ------
        ValueError
            For a name that is neither a variable, with what follows in it, nor a bound.
        """
        for name in sorted(statements.names(finding) - BOUNDS):
            if named(self.variables, name, finding["networks"]) is None:
                raise ValueError(
                    f"finding {finding['id']!r}: {name!r} is no variable; "
                    f"allowed: {', '.join([*self.variables, *sorted(BOUNDS)])}"
                )
        return used(self.variables, finding)


def load(path: str | Path) -> Findings:
    """Read a file of findings.

    Raises
    ------
    ValueError
        For a key that is missing, unknown or not what it must be; the message names it.
    """
    needed = {"id", "finding", "networks", "agrees"}
    found = read(path, "finding", needed, {"quantity", "where", "most"})
    keys = {"fresh", "most", "variables", "findings"}
    if wrong := sorted(keys ^ set(found)):
        raise ValueError(
            f"{path} lacks or does not know {', '.join(wrong)}; needed: {', '.join(sorted(keys))}"
        )
    fresh, said = found["fresh"], found["variables"]
    allow(path, "fresh", fresh, type(fresh) is int and fresh >= 0, "a seed")
    for name, holder in [("most", found), *((f"{f['id']}: most", f) for f in found["findings"])]:
        most = holder.get("most", 0.5)
        allow(path, name, most, is_number(most) and 0 < most < 1, "between 0 and 1")
    for finding in found["findings"]:
        networks = finding["networks"]
        key = f"finding {finding['id']!r}: networks"
        allow(path, key, networks, _conditions(networks), f"{CONDITIONS}, a list of them, or names")
    made = Findings(fresh, found["most"], declared(path, said), found["findings"])
    for finding in made.findings:
        try:
            made.uses(finding)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return made


def _conditions(networks) -> bool:
    """Tell whether something names conditions: one, several, or several by name."""
    if isinstance(networks, dict):
        networks = list(networks.values())
    named = networks if isinstance(networks, list) else [networks]
    return bool(named) and all(
        isinstance(name, str) and re.fullmatch(r"[^/]+/[^/]+/[1-9]\d*", name) for name in named
    )


def judge(
    findings: Findings,
    tables: Mapping[str, pd.DataFrame],
    networks: pd.DataFrame,
    criterion: Criterion,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    r"""Judge every finding on the networks that suggested it and on fresh ones.

    The fresh networks have n starts, and of k of these a finding is true in all the networks that
    begin there. Were it true of no more than the share `most` of all starts, so many would be rare:

    .. math:: p = P(K \ge k), \qquad K \sim \mathrm{Binomial}(n, \text{most})

    A start is an architecture, a width and a seed: networks that have these in common may begin
    with the same weights, whatever their task, and do not count as independent. Every finding with
    fresh networks is a comparison, and p is adjusted for their number (Holm). A finding whose
    adjusted p value is above 1 - confidence is not borne out.

    Parameters
    ----------
    findings : Findings
    tables : mapping of str to pandas.DataFrame
        Tables of the study by name. A finding about one that is not there, about conditions that
        the study does not have, or about rows that their networks lack, stays empty.
    networks : pandas.DataFrame
        Rows of networks.csv: all networks that were trained. Those that have not learned, those
        without a row in a table that the finding needs, and those that its key where excludes are
        left out.
    criterion : Criterion
        Bounds that expressions may name.
    bootstrap : Bootstrap
        Its confidence is that of the intervals and of the verdicts.

    Returns
    -------
    pandas.DataFrame
        Columns id, finding, rule, quantity; once after ``seen_`` and once after ``fresh_``:
        networks, left_out, mean (of the quantity), share (of networks of which it is true),
        share_low and share_high (exact interval, Clopper and Pearson 1934); starts (of fresh
        networks), most, p, comparisons (how many there are), p_adjusted and verdict (borne out, not
        borne out, or nothing where no network is fresh).
    """
    bounds = asdict(criterion)
    trained = networks.drop_duplicates(NETWORK).set_index(NETWORK)[["learned"]]
    rows = []
    for finding in findings.findings:
        row = {"id": finding["id"], "finding": finding["finding"], "rule": rule(finding, bounds)}
        row |= {"quantity": finding.get("quantity", ""), "verdict": "", "p": np.nan}
        row |= {"most": finding.get("most", findings.most)}
        rows.append(row)
        uses = findings.uses(finding)
        if not set(uses) <= set(tables):
            continue
        candidates = observations(trained, finding["networks"])
        if candidates.empty:
            continue
        seen = _measured(trained[trained["learned"]], uses, tables)
        seen = observations(seen, finding["networks"])
        missing = sorted(statements.names(finding) - {*seen.columns, *BOUNDS})
        _possible(missing, finding, uses, tables)
        if seen.empty or missing:
            continue
        seen = statements.evaluate(finding, seen, bounds)
        for part, fresh in (("seen", False), ("fresh", True)):
            among, of = (_side(table, findings.fresh, fresh) for table in (seen, candidates))
            counted = share(among["agrees"], len(of), bootstrap)
            if "quantity" in finding and len(among):
                counted["mean"] = among["quantity"].mean()
            row |= {f"{part}_{name}": value for name, value in counted.items()}
            if fresh and len(among):
                starts = _by_start(among["agrees"])
                agree, row["starts"] = int(starts.sum()), len(starts)
                test = scipy.stats.binomtest(agree, len(starts), row["most"], alternative="greater")
                row["p"] = float(test.pvalue)
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    judged = table["p"].notna()
    table["comparisons"] = int(judged.sum())
    table["p_adjusted"] = holm(table["p"])
    holds = table["p_adjusted"] <= 1 - bootstrap.confidence
    table.loc[judged, "verdict"] = np.where(holds[judged], BORNE_OUT, NOT_BORNE_OUT)
    return table


def _measured(
    learned: pd.DataFrame,
    uses: Mapping[str, Mapping[str, Variable]],
    tables: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Return variables, a row a network that has learned and is in all of the tables."""
    parts = [
        statements.pivot(tables[table], NETWORK, variables) for table, variables in uses.items()
    ]
    return pd.concat([learned[[]], *parts], axis=1, join="inner")


def _possible(
    missing: list[str],
    finding: dict,
    uses: Mapping[str, Mapping[str, Variable]],
    tables: Mapping[str, pd.DataFrame],
) -> None:
    """Raise ValueError if a name is missing that no network could have, such as a misspelt one."""
    known = set()
    for table, variables in uses.items():
        rows = tables[table].drop_duplicates(NETWORK).set_index(NETWORK)[[]]
        if not len(observations(rows, finding["networks"])):
            return
        known |= {n for v, variable in variables.items() for n in variable.named(tables[table], v)}
    known = sorted(prefix + name for prefix in prefixes(finding["networks"]) for name in known)
    for name in missing:
        if name not in known:
            near = ", ".join(get_close_matches(name, known)) or ", ".join(
                known[: statements.LISTED]
            )
            raise ValueError(f"finding {finding['id']!r}: {name!r} is in no row; allowed: {near}")


def _by_start(agrees: pd.Series) -> pd.Series:
    """Return whether a finding is true in all networks of a start, which may differ in the task."""
    return agrees.groupby(level=[name for name in agrees.index.names if name != "task"]).all()


def _side(table: pd.DataFrame, first: int, fresh: bool) -> pd.DataFrame:
    """Return the rows of fresh seeds, or of the others."""
    return table[(table.index.get_level_values("seed") >= first) == fresh]
