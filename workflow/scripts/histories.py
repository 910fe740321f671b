"""Gather the training histories of all blocks."""

from freshness import leave_record
from job import log
from rnnschur.tables import HISTORY, NETWORK, gather

log(snakemake)

table = gather(snakemake.input.rows, [*NETWORK, *HISTORY])
table.to_csv(snakemake.output.table, index=False)
leave_record(snakemake)
