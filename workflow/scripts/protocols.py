"""Score every protocol of a search against the paper's numbers and claims."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.paper import claims, search

log(snakemake)

ablations, thresholds = (
    search.by_protocol(pd.read_csv(file), snakemake.params.tasks)
    for file in (snakemake.input.ablations, snakemake.input.thresholds)
)
ablations.to_csv(snakemake.output.ablations, index=False)
thresholds.to_csv(snakemake.output.thresholds, index=False)
numbers, protocols = search.score(
    ablations,
    pd.read_csv(snakemake.input.paper),
    claims.load(snakemake.input.claims),
    Criterion(**snakemake.params.criterion),
)
numbers.to_csv(snakemake.output.numbers, index=False)
protocols.to_csv(snakemake.output.protocols, index=False)
leave_record(snakemake)
