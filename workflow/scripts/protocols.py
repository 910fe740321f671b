"""Score every protocol of a search, and judge every claim of the paper under each of them."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.paper import choices, claims, numbers, protocols, search
from rnnschur.statistics import Bootstrap
from rnnschur.tables import write

log(snakemake)

ablations, thresholds = (
    search.by_protocol(pd.read_csv(file), snakemake.params.tasks)
    for file in (snakemake.input.ablations, snakemake.input.thresholds)
)
write(ablations, snakemake.output.ablations)
write(thresholds, snakemake.output.thresholds)
paper = numbers.load(snakemake.input.paper)
ledger = claims.load(snakemake.input.claims)
criterion = Criterion(**snakemake.params.criterion)
reached, scores = search.score(ablations, paper, ledger, criterion)
write(reached, snakemake.output.numbers)
write(scores, snakemake.output.protocols)
judged = protocols.by_claim(
    *(ablations, thresholds, paper, ledger, criterion),
    Bootstrap(**snakemake.params.statistics),
)
write(judged, snakemake.output.by_claim)
write(
    protocols.summary(
        pd.concat([judged, protocols.combined(ablations, ledger, criterion)]),
        protocols.stages(scores, choices.load(snakemake.input.choices)["first"]),
    ),
    snakemake.output.summary,
)
leave_record(snakemake)
