"""Gather the training histories of all blocks."""

from freshness import leave_record
from job import log
from rnnschur.tables import HISTORY, NETWORK, gather, write

log(snakemake)

table = gather(snakemake.input.rows, [*NETWORK, *HISTORY])
write(table, snakemake.output.table)
leave_record(snakemake)
