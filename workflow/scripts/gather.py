"""Gather the rows of a family of interventions over all blocks, and judge them."""

from pathlib import Path

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.findings import judged
from rnnschur.tables import EXACT, FOUR_DIGITS, gather, read, same_networks, write

log(snakemake)

bounds = snakemake.params.criterion
name = Path(snakemake.output.table).stem
rows, networks = gather(snakemake.input.rows), read(snakemake.input.networks)
if name in EXACT:  # of the others, some are of no network or of few
    same_networks({snakemake.input.networks: networks, name: rows})
table = judged(rows, networks, name, bounds and Criterion(**bounds))
digits = None if name in EXACT else FOUR_DIGITS
write(table, snakemake.output.table, digits)
leave_record(snakemake)
