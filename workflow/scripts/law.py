"""Count the dimensions of the sectors beside the bits that a network must keep."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.dimensions import dimensions, law
from rnnschur.tables import write

log(snakemake)

names = ("networks", "spectra", "ablations")
tables = [pd.read_csv(snakemake.input[name]) for name in names]
table = dimensions(*tables, snakemake.params.bits)
write(table, snakemake.output.dimensions)
write(law(table), snakemake.output.law)
leave_record(snakemake)
