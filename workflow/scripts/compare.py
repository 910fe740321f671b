"""Compare the networks of a run with the published ones."""

import numpy as np
import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import tensors
from rnnschur.paper.agreement import compare
from rnnschur.tables import NETWORK, gather, write

log(snakemake)


def matrices(blocks, files):
    """Return the recurrent matrix of every network, by its name."""
    return {
        (*block[:3], seed): matrix
        for block, file in zip(blocks, files, strict=True)
        for stacks in [tensors.load(file)]
        for seed, matrix in zip(stacks["seed"].tolist(), stacks["W_hh"], strict=True)
    }


table = compare(gather(snakemake.input.ablations), pd.read_csv(snakemake.input.published))
found = matrices(snakemake.params.blocks, snakemake.input.weights)
known = matrices(snakemake.params.published_blocks, snakemake.input.published_weights)
table["weights_difference"] = [
    np.abs(found[name] - known[name]).max() if name in known else np.nan
    for name in table[NETWORK].itertuples(index=False, name=None)
]
write(table, snakemake.output.table)

for agreement, count in table["agreement"].value_counts().items():
    print(f"{count} networks: {agreement}")
leave_record(snakemake)
