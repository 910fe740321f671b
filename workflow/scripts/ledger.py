"""Judge the paper's claims and numbers over the networks that have learned."""

import sys

import pandas as pd

from rnnschur import claims

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)


def learned(name):
    """Return a table in wide form, of the networks that have learned."""
    table = pd.read_csv(snakemake.input[name])
    return claims.wide(table[table["learned"]])


ledger = claims.judge(
    claims.load(snakemake.input.claims),
    pd.read_csv(snakemake.input.comparison),
    learned("ablations"),
    learned("thresholds"),
    pd.read_csv(snakemake.input.networks),
    snakemake.params.criterion,
    **snakemake.params.statistics,
    study_seed=snakemake.params.study_seed,
)
ledger.to_csv(snakemake.output[0], index=False)
