"""Summarise the tables over networks and compare with the paper."""

import sys

import pandas as pd

from rnnschur.statistics import summarize

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

CELL = ["task", "architecture", "width"]
ABLATION = [*CELL, "alpha", "removed", "metric"]
MEASURED = [
    "value",
    "delta",
    "removed_mass",
    "removed_share",
    "sensitivity",
    "rollout_difference",
]


def summary(table, by, quantities):
    """Return the summary of a table over the networks that have learned."""
    return summarize(
        table[table["learned"]],
        by,
        quantities,
        snakemake.params.statistics["confidence"],
        snakemake.params.statistics["resamples"],
        snakemake.params.study_seed,
    )


def against_paper(paper, ablations):
    """Return the paper's numbers with ours beside them; cells that were not run stay empty."""
    key = [*CELL, "removed", "quantity"]
    ours = ablations.rename(columns={"mean": "ours"})
    ours = ours[[*key, "networks", "ours", "sd", "low", "high"]]
    table = paper.merge(ours, on=key, how="left")
    table["difference"] = table["ours"] - table["paper"]
    table["ratio"] = table["ours"] / table["paper"]
    return table


tables = {
    name: pd.read_csv(snakemake.input[name])
    for name in ("ablations", "thresholds", "networks", "paper")
}
ablations = summary(tables["ablations"], ABLATION, MEASURED)
ablations.to_csv(snakemake.output.ablations, index=False)
summary(tables["thresholds"], ABLATION, MEASURED).to_csv(snakemake.output.thresholds, index=False)

networks = tables["networks"]
counts = networks.groupby(CELL, sort=False)["learned"].agg(trained="size", learned="sum")
described = ["value", "first_perfect", "spectral_radius", "leading"]
described += ["mass_RR", "mass_CR", "mass_CC", "departure", "commutator", "numerical_abscissa"]
described += ["transient_gain", "scaled_gain", "eigenvector_condition", "schur_condition"]
table = summary(networks, CELL, described)
counts.reset_index().merge(table, on=CELL, how="left").to_csv(
    snakemake.output.networks, index=False
)
against_paper(tables["paper"], ablations).to_csv(snakemake.output.comparison, index=False)
