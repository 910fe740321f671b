"""Judge the paper's claims and numbers over the networks that have learned."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.paper import claims
from rnnschur.statistics import Bootstrap
from rnnschur.tables import by_matrix

log(snakemake)


def learned(name):
    """Return a table in wide form, of the networks that have learned."""
    table = by_matrix(pd.read_csv(snakemake.input[name]))
    return claims.wide(table[table["learned"]])


ledger = claims.judge(
    claims.load(snakemake.input.claims),
    pd.read_csv(snakemake.input.comparison),
    learned("ablations"),
    learned("thresholds"),
    pd.read_csv(snakemake.input.networks),
    Criterion(**snakemake.params.criterion),
    Bootstrap(**snakemake.params.statistics),
)
ledger.to_csv(snakemake.output.table, index=False)
leave_record(snakemake)
