"""Judge our own findings, on the networks that suggested them and on fresh ones."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.paper import replication
from rnnschur.statistics import Bootstrap
from rnnschur.tables import by_matrix, write

log(snakemake)

files = [snakemake.input.networks, *snakemake.input.tables]
tables = {Path(file).stem: by_matrix(pd.read_csv(file)) for file in files}
found = replication.judge(
    replication.load(snakemake.input.findings),
    tables,
    tables["networks"],
    Criterion(**snakemake.params.criterion),
    Bootstrap(**snakemake.params.statistics),
)
write(found, snakemake.output.table)
leave_record(snakemake)
