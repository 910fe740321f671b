"""Summarise the tables over networks and compare with the paper."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.held_out import measured
from rnnschur.paper import numbers
from rnnschur.statistics import ABLATION_QUANTITIES, NETWORK_QUANTITIES, Bootstrap, summarize
from rnnschur.tables import CONDITION, NETWORK, write

log(snakemake)

bootstrap = Bootstrap(**snakemake.params.statistics)


def summary(name, by, quantities):
    """Return the summary of a table over the networks that have learned, and over their sets."""
    table = pd.read_csv(snakemake.input[name])
    table = table[table["learned"]]
    sets = snakemake.input.get(f"{name}_sets")  # networks from elsewhere have none
    sets = measured(pd.read_csv(sets), table) if sets else None
    matrix = ["matrix"] if "matrix" in table else []
    return summarize(table, [*CONDITION, *matrix, *by], quantities, bootstrap, sets)


ablation = ["alpha", "removed", "metric"]
ablations = summary("ablations", ablation, ABLATION_QUANTITIES)
write(ablations, snakemake.output.ablations)
write(summary("thresholds", ablation, ABLATION_QUANTITIES), snakemake.output.thresholds)

networks = pd.read_csv(snakemake.input.networks)
counts = (
    networks.drop_duplicates(NETWORK)
    .groupby(CONDITION, sort=False)["learned"]
    .agg(trained="size", learned="sum")
)
table = summary("networks", [], NETWORK_QUANTITIES)
write(counts.reset_index().merge(table, on=CONDITION, how="left"), snakemake.output.networks)
paper = numbers.load(snakemake.input.paper)
write(numbers.against_paper(paper, ablations), snakemake.output.comparison)
leave_record(snakemake)
