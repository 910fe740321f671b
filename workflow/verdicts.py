"""Say at the end of a run what came out: where its results lie, and the verdicts of its ledger.

Run by `make`, with the configuration of the study and what changes it: config.yaml [STUDY.yaml]
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import yaml

#: Verdicts, in this order if there are some; others follow.
ORDER = ("reproduced", "partly", "not")
#: How many claims are named at most.
NAMED = 8


def verdicts(ledger: Path) -> list[str]:
    """Return the lines of a ledger's verdicts: how many there are, and what was not reproduced."""
    with ledger.open(newline="") as file:
        rows = list(csv.DictReader(file))
    judged = [(row["claim"], row["verdict"]) for row in rows if row["verdict"]]
    counts = Counter(verdict for _, verdict in judged)
    order = [*ORDER, *(verdict for verdict in counts if verdict not in ORDER)]
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
    lines = [f"Of {len(judged)} claims and numbers of the paper: {said or 'none judged'}."]
    if missing := len(rows) - len(judged):
        lines.append(f"{missing} more are about networks that this study does not have.")
    others = [(claim, verdict) for claim, verdict in judged if verdict != ORDER[0]]
    lines += [f"  {verdict:10} {claim}" for claim, verdict in others[:NAMED]]
    if len(others) > NAMED:
        lines.append(f"  and {len(others) - NAMED} more in {ledger}")
    return lines


def main(*files: str) -> None:
    """Print where the results of a study lie, and its verdicts."""
    said = {}
    for file in files:
        said |= yaml.safe_load(Path(file).read_text())
    results = Path(said["results"])
    ledger = results / "tables" / "ledger.csv"
    if ledger.exists():
        print(*verdicts(ledger), sep="\n")
    print(f"Open {results}/report.html; tables are in {results}/tables.")


if __name__ == "__main__":
    main(*sys.argv[1:])
