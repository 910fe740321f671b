"""Count the dimensions of the sectors beside the bits that a network must keep."""

from freshness import leave_record
from job import log
from rnnschur.dimensions import dimensions, law
from rnnschur.tables import read

log(snakemake)

names = ("networks", "spectra", "ablations")
tables = [read(snakemake.input[name]) for name in names]
table = dimensions(*tables, snakemake.params.bits)
table.to_csv(snakemake.output.dimensions, index=False)
law(table).to_csv(snakemake.output.law, index=False)
leave_record(snakemake)
