"""Compare ablations, and weights where they are given, with the published ones."""

import sys

import numpy as np
import pandas as pd

from rnnschur import weights
from rnnschur.comparison import compare
from rnnschur.tables import NETWORK, gather

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)


def matrices(blocks, files):
    """Return the recurrent matrix of every network."""
    return {
        (*block[:3], seed): network[0]
        for block, file in zip(blocks, files, strict=True)
        for seed, network in weights.load_weights(file)
    }


table = compare(gather(snakemake.input.ablations), pd.read_csv(snakemake.input.published))
found = matrices(snakemake.params.blocks, snakemake.input.weights)
known = matrices(snakemake.params.published_blocks, snakemake.input.published_weights)
table["weights_difference"] = [
    np.abs(found[name] - known[name]).max() if name in known else np.nan
    for name in table[NETWORK].itertuples(index=False, name=None)
]
table.to_csv(snakemake.output[0], index=False)

for agreement, count in table["agreement"].value_counts().items():
    print(f"{count} networks: {agreement}")
