"""Judge the paper's claims and numbers over the networks that have learned."""

from pathlib import Path

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import comparability, findings
from rnnschur.criterion import Criterion
from rnnschur.held_out import measured
from rnnschur.paper import claims, curves, sets
from rnnschur.statistics import Bootstrap
from rnnschur.tables import by_matrix, write

log(snakemake)


def learned(name):
    """Return a table, of the networks that have learned; None if the study does not have it."""
    file = snakemake.input.get(name)
    table = tables[name] if name in tables else by_matrix(pd.read_csv(file)) if file else None
    return table if table is None else table[table["learned"]]


def wide(name):
    """Return a table of ablations in wide form, and so that of the held-out sets."""
    table, by_set = learned(name), learned(f"{name}_sets")
    return claims.wide(table), None if by_set is None else claims.wide(measured(by_set, table))


tables = {Path(file).stem: by_matrix(pd.read_csv(file)) for file in snakemake.input.tables}
networks, modules = tables["networks"], snakemake.params.modules
tables["spectra"] = findings.with_sectors(tables["spectra"], networks)
described = comparability.descriptions(tables["ablations"], networks, tables["spectra"])
tables["recognised"] = comparability.recognised(described, modules)
said = claims.measured(claims.load(snakemake.input.claims), tables)
criterion = Criterion(**snakemake.params.criterion)
bootstrap = Bootstrap(**snakemake.params.statistics)
comparison = pd.read_csv(snakemake.input.comparison)
ablated = {name: wide(name) for name in ("ablations", "thresholds")}
pooled = [of_networks for of_networks, _ in ablated.values()]
ledger = claims.judge(said, comparison, *pooled, networks, criterion, bootstrap)
ledger = sets.with_sets(
    ledger, claims.of_ablations(said), comparison, ablated, criterion, bootstrap
)

borders = learned("borders")
borders = None if borders is None else curves.at_borders(borders)
summary = pd.read_csv(snakemake.input.summary)
found = pd.concat(
    [
        curves.claim_curves(said, *pooled, borders, criterion, bootstrap),
        curves.number_curves(comparison, summary, *pooled, bootstrap),
    ]
)
write(found, snakemake.output.curves)
write(curves.with_flips(ledger, found), snakemake.output.table)
leave_record(snakemake)
