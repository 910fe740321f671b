"""Find how far the phases of eigenvalues are from those of a replay."""

from freshness import leave_record
from job import log
from rnnschur.findings import phase_table
from rnnschur.tables import read, write

log(snakemake)

tables = (read(snakemake.input[name]) for name in ("spectra", "networks"))
write(phase_table(*tables, snakemake.params.periods), snakemake.output.table)
leave_record(snakemake)
