"""Gather the rows of a family of interventions over all blocks, and judge them."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.findings import judged
from rnnschur.tables import EXACT, FOUR_DIGITS, gather, write

log(snakemake)

bounds = snakemake.params.criterion
name = Path(snakemake.output.table).stem
table = judged(
    gather(snakemake.input.rows),
    pd.read_csv(snakemake.input.networks),
    name,
    bounds and Criterion(**bounds),
)
digits = None if name in EXACT else FOUR_DIGITS
write(table, snakemake.output.table, digits)
leave_record(snakemake)
