"""Judge the paper's claims and numbers over the networks that have learned."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import comparability, findings
from rnnschur.criterion import Criterion
from rnnschur.paper import claims
from rnnschur.statistics import Bootstrap
from rnnschur.tables import by_matrix

log(snakemake)


def learned(name):
    """Return a table in wide form, of the networks that have learned."""
    table = tables[name]
    return claims.wide(table[table["learned"]])


tables = {Path(file).stem: by_matrix(pd.read_csv(file)) for file in snakemake.input.tables}
networks, modules = tables["networks"], snakemake.params.modules
tables["spectra"] = findings.with_sectors(tables["spectra"], networks)
described = comparability.descriptions(tables["ablations"], networks, tables["spectra"])
tables["recognised"] = comparability.recognised(described, modules)
ledger = claims.judge(
    claims.measured(claims.load(snakemake.input.claims), tables),
    pd.read_csv(snakemake.input.comparison),
    learned("ablations"),
    learned("thresholds"),
    networks,
    Criterion(**snakemake.params.criterion),
    Bootstrap(**snakemake.params.statistics),
)
ledger.to_csv(snakemake.output.table, index=False)
leave_record(snakemake)
