"""Tell what decides which coupling dominates in one task of a search, in a table and a figure."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import drivers
from rnnschur.report import figures
from rnnschur.tables import write

log(snakemake)

thresholds = pd.read_csv(snakemake.input.thresholds)
thresholds = thresholds[thresholds["protocol"].isin(snakemake.params.tasks)]
table = drivers.drivers(
    thresholds,
    drivers.settings(snakemake.params.tasks, snakemake.params.start),
    snakemake.params.statistics["confidence"],
)
write(table, snakemake.output.table)
shares = drivers.damage_shares(thresholds[thresholds["learned"]], ["protocol", "seed", "alpha"])
figures.use_style()
figures.save(figures.drivers(shares, table), Path(snakemake.output.picture[0]).with_suffix(""))
leave_record(snakemake)
