"""Score every protocol of a search, and judge every claim of the paper under each of them."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.criterion import Criterion
from rnnschur.paper import choices, claims, numbers, protocols, search
from rnnschur.statistics import Bootstrap
from rnnschur.tables import read

log(snakemake)

ablations, thresholds = (
    search.by_protocol(read(file), snakemake.params.tasks)
    for file in (snakemake.input.ablations, snakemake.input.thresholds)
)
ablations.to_csv(snakemake.output.ablations, index=False)
thresholds.to_csv(snakemake.output.thresholds, index=False)
paper = numbers.load(snakemake.input.paper)
ledger = claims.load(snakemake.input.claims)
criterion = Criterion(**snakemake.params.criterion)
reached, scores = search.score(ablations, paper, ledger, criterion)
reached.to_csv(snakemake.output.numbers, index=False)
scores.to_csv(snakemake.output.protocols, index=False)
judged = protocols.by_claim(
    *(ablations, thresholds, paper, ledger, criterion),
    Bootstrap(**snakemake.params.statistics),
)
judged.to_csv(snakemake.output.by_claim, index=False)
protocols.summary(
    pd.concat([judged, protocols.combined(ablations, ledger, criterion)]),
    protocols.stages(scores, choices.load(snakemake.input.choices)["first"]),
).to_csv(snakemake.output.summary, index=False)
leave_record(snakemake)
