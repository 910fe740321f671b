"""Gather the rows of a family of interventions over all blocks, and judge them."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.findings import judged
from rnnschur.tables import gather

log(snakemake)

bounds = snakemake.params.criterion
table = judged(
    gather(snakemake.input.rows),
    pd.read_csv(snakemake.input.networks),
    Path(snakemake.output.table).stem,
    bounds and Criterion(**bounds),
)
table.to_csv(snakemake.output.table, index=False)
leave_record(snakemake)
