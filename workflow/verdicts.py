"""Say at the end of a run what came out: where its results lie, and the verdicts of its ledger.

Run by `make`, with the configuration of the study and what changes it: config.yaml [STUDY.yaml]
"""

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))  # which PYTHONSAFEPATH leaves out

from rnnschur.report import answer
from rnnschur.tables import read

#: How many statements are named at most.
NAMED = 8


def verdicts(tables: Path) -> list[str]:
    """Return what the answer of the report says: how many verdicts there are, and what fails."""
    networks, ledger = (read(tables / f"{name}.csv") for name in ("networks", "ledger"))
    none = "None of the paper's claims is about the networks of this study."
    lines = [answer.size(networks, ledger), *(answer.verdict(ledger) or [none])]
    if failed := answer.at_fault(ledger):
        lines += ["Not reproduced:", *(f"  {statement}" for statement in failed[:NAMED])]
    if len(failed) > NAMED:
        lines.append(f"  and {len(failed) - NAMED} more, which the report names")
    return lines


def main(*files: str) -> None:
    """Print where the results of a study lie, and its verdicts."""
    said = {}
    for file in files:
        said |= yaml.safe_load(Path(file).read_text())
    results = Path(said["results"])
    tables = results / "tables"
    if (tables / "ledger.csv").exists():
        print(*verdicts(tables), sep="\n")
    print(f"Open {results}/report.html; tables are in {tables}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
