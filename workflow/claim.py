"""What the paper's claims need of a study, and a study of one of them."""

import csv
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLAIMS, PAPER = "report/claims.yaml", "report/paper.csv"
#: Tables that claims may be about, beside that of every family of interventions; who is put to its
#: task (`recognised`) is found out where claims are judged.
TABLES = ["networks", "spectra", "ablations", "thresholds", "ablation_summary", "recognised"]


def tables() -> tuple[str, ...]:
    """Return the tables that the variables of claims are from, each once."""
    file = ROOT / CLAIMS
    return _tables_of(file, file.stat().st_mtime_ns)


@cache
def _tables_of(ledger: Path, changed: int) -> tuple[str, ...]:
    """Return the tables of a file of claims; it is read again if it has `changed`."""
    from rnnschur.paper import claims  # only where claims are judged
    from rnnschur.paper.variables import tables_of

    return tuple(tables_of(claims.load(ledger)["variables"]))


def narrow(config: dict) -> None:
    """Leave, in place, of a configuration what its key `claim` needs, if it has one.

    Experiments keep the conditions that the claim is about, with as many networks; families of
    interventions are those whose tables it names, and all where a finding decides it.

    Raises
    ------
    ValueError
        For a claim that the ledger does not have, and one about conditions that the study does not
        have; the message names it.
    """
    if "claim" not in config:
        return
    named, families = _needs(config["claim"], config["findings"])
    experiments = [
        {**experiment, "architectures": [architecture], "widths": [width]}
        for experiment in config["experiments"]
        for architecture in experiment["architectures"]
        for width in experiment["widths"]
        if f"{experiment['task']}/{architecture}/{width}" in named
    ]
    if not experiments:
        raise ValueError(
            f"claim is {config['claim']!r}, which is about {', '.join(sorted(named))}; "
            "allowed: one about networks of the study"
        )
    config["experiments"] = experiments
    if families is not None:
        kept = {name: said for name, said in config["interventions"].items() if name in families}
        config["interventions"] = kept


def _needs(name: str, findings: str) -> tuple[set[str], set[str] | None]:
    """Return the conditions that a claim or number is about, and tables; None means all."""
    from rnnschur.paper import claims, replication  # only where a claim is asked for
    from rnnschur.paper.variables import used

    with (ROOT / PAPER).open() as file:
        numbers = {
            row["id"]: "{task}/{architecture}/{width}".format(**row) for row in csv.DictReader(file)
        }
    ledger = claims.load(ROOT / CLAIMS)
    said = {claim["id"]: claim for claim in ledger["claims"]}
    if name in numbers:
        return {numbers[name]}, set()
    if name not in said:
        raise ValueError(f"claim is {name!r}; allowed: {', '.join([*said, *numbers])}")
    if "finding" in said[name]:
        found = {f["id"]: f for f in replication.load(ROOT / findings).findings}
        if said[name]["finding"] not in found:
            raise ValueError(
                f"claim is {name!r}, which the finding {said[name]['finding']!r} decides; "
                f"allowed: a study whose findings are those of report/findings.yaml"
            )
        return _conditions(found[said[name]["finding"]]), None
    return _conditions(said[name]), set(used(ledger["variables"], said[name]))


def _conditions(statement: dict) -> set[str]:
    """Return the conditions that a statement is about."""
    networks = statement["networks"]
    if isinstance(networks, dict):
        networks = list(networks.values())
    return {networks} if isinstance(networks, str) else set(networks)


def compared(name: str, computed: str | Path, published: str | Path) -> str:
    """Return a row of a ledger in words, and whether the published ledger has the same."""
    ours, theirs = _row(name, computed), _row(name, published)
    same = all(theirs[column] == value for column, value in ours.items())
    return (
        f"{ours['claim']}\n"
        f"computed   {_outcome(ours)}\n"
        f"published  {'the same, to the last digit' if same else _outcome(theirs)}"
    )


def _row(name: str, ledger: str | Path) -> dict[str, str]:
    with Path(ledger).open(newline="") as file:
        return next(row for row in csv.DictReader(file) if row["id"] == name)


def _outcome(row: dict[str, str]) -> str:
    """Return the verdict of a row, and what it rests on: the share that agrees, or the mean."""
    value = "share" if row["share"] else "mean"
    low, high = ("share_low", "share_high") if row["share"] else ("low", "high")
    numbers = [f"{float(row[column]):.4g}" for column in (value, low, high) if row[column]]
    found = f"{value} {numbers[0]} ({' to '.join(numbers[1:])})" if numbers else ""
    return "; ".join(
        filter(None, [row["verdict"] or "no verdict", found, f"{row['networks']} networks"])
    )


if __name__ == "__main__":  # ID, for make
    print(compared(sys.argv[1], *sys.argv[2:]))
