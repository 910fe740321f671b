"""Threshold sensitivity: the ablations again, at other borders between the sectors.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.thresholds.csv  the columns of {block}.ablations.csv
"""


use rule ablation as threshold with:
    output:
        f"{NETWORKS}.thresholds.csv",
    log:
        f"{LOGS}/threshold/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/threshold/{BLOCK}.tsv"
    params:
        alphas=config["diagnosis"]["thresholds"],
        task=lambda wildcards: study.module(config, wildcards.task),
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
