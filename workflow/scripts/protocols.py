"""Score every protocol of a search against the paper's numbers and claims."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.paper import claims, search
from rnnschur.tables import gather

log(snakemake)

ablations = gather(snakemake.input.ablations)
protocol = ablations["task"]
numbers, protocols = search.score(
    ablations.assign(protocol=protocol, task=protocol.map(snakemake.params.tasks)),
    pd.read_csv(snakemake.input.paper),
    claims.load(snakemake.input.claims),
    Criterion(**snakemake.params.criterion),
    snakemake.params.learned,
)
numbers.to_csv(snakemake.output.numbers, index=False)
protocols.to_csv(snakemake.output.protocols, index=False)
leave_record(snakemake)
