"""Lay distance in weights beside distance in function, for every change of every network."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.report import figures
from rnnschur.tables import NETWORK, gather

log(snakemake)

learned = pd.read_csv(snakemake.input.networks).drop_duplicates(NETWORK)[[*NETWORK, "learned"]]
tables = {}
for family, files in snakemake.params.families.items():
    rows = gather(files)
    # A family that keeps a summary of its draws has no distances.
    if {"removed_mass", "rollout_difference"} <= set(rows):
        tables[family] = rows.merge(learned, on=NETWORK)
found = figures.changes(tables)
found.to_csv(snakemake.output.table, index=False)
figures.use_style()
figure = figures.distances(found, snakemake.params.criterion["epsilon"])
figures.save(figure, Path(snakemake.output.picture[0]).with_suffix(""))
leave_record(snakemake)
