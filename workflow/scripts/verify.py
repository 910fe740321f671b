"""Compare what the published weights give, and networks trained again, with what is published."""

import sys
from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import tensors
from rnnschur.paper.agreement import table_differences, table_disagreements, trained_again
from rnnschur.tables import read, write

log(snakemake)

SHOWN = 20  # differences of a file that are printed; logs/differences.csv has them all
given, changes = snakemake.input, snakemake.params.changes

if changes:
    print(f"This is not the machine of the published run: {'; '.join(changes)}.")
    print("Where bytes differ, numbers are compared within tolerances, not bit for bit.")

rows, differences = [], []


def note(file, cells, differing, wrong, outcome):
    """Print the outcome of one file and keep it."""
    print(f"{file}: {outcome}")
    if len(wrong):
        print(wrong.head(SHOWN).to_string(index=False))
    rows.append((file, cells, differing, len(wrong), outcome))
    differences.append(wrong.assign(file=file))


for ours, published in zip(given.tables, given.published, strict=True):
    name, cells = Path(ours).stem, read(published).size
    wrong = found = table_differences(ours, published)
    outcome = f"{len(found)} of {cells} cells differ" if len(found) else f"{cells} cells identical"
    if len(found) and changes:
        tables = read(ours), read(published)
        wrong = table_disagreements(*tables, name, snakemake.params.minimum_mass)
        outcome += f", {len(wrong) or 'none'} of them beyond the tolerances"
    note(f"{name}.csv", cells, len(found), wrong, outcome)

again = zip(given.trained, given.weights, given.history, given.histories, strict=True)
for network, files in zip(snakemake.params.networks, again, strict=True):
    ours, published, history, published_history = files
    wrong = trained_again(
        *map(tensors.load, (ours, published)),
        read(history),
        read(published_history).merge(pd.DataFrame([network])),
        exact=not changes,
    )
    outcome = "differs" if len(wrong) else "the same beginning" if changes else "the same bits"
    name = "/".join(map(str, network.values()))
    note(f"{name} trained again", 3, len(wrong), wrong, outcome)

wrong = pd.concat(differences)[["file", "row", "column", "ours", "published"]]
write(wrong, snakemake.log.differences)
columns = ["file", "cells", "differing", "wrong", "outcome"]
write(pd.DataFrame(rows, columns=columns), snakemake.output.table)
if len(wrong):
    sys.exit(f"This is not what was published; {snakemake.log.differences} lists what differs.")
leave_record(snakemake)
