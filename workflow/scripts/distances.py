"""Lay distance in weights beside distance in function, for the changes of every network."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.report import figures
from rnnschur.tables import NETWORK, gather, write

log(snakemake)

learned = pd.read_csv(snakemake.input.networks).drop_duplicates(NETWORK)[[*NETWORK, "learned"]]
families = snakemake.params.families.items()
found = figures.changes({name: gather(f).merge(learned, on=NETWORK) for name, f in families})
write(found, snakemake.output.table)
figures.use_style()
figure = figures.distances(found, snakemake.params.criterion["epsilon"])
figures.save(figure, Path(snakemake.output.picture[0]).with_suffix(""))
leave_record(snakemake)
