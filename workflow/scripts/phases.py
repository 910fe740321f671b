"""Find how far the phases of eigenvalues are from those of a replay."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.findings import phase_table
from rnnschur.tables import write

log(snakemake)

tables = (pd.read_csv(snakemake.input[name]) for name in ("spectra", "networks"))
write(phase_table(*tables, snakemake.params.periods), snakemake.output.table)
leave_record(snakemake)
