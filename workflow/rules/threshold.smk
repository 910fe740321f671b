"""Threshold sensitivity: the ablations again, at other borders between the sectors.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.thresholds.csv      the columns of {block}.ablations.csv
                 {block}.threshold_sets.csv  those of {block}.ablation_sets.csv
"""


use rule ablation as threshold with:
    output:
        **set_tables("threshold"),
        couplings=f"{NETWORKS}.thresholds.csv",
        record=f"{NETWORKS}.thresholds.json",
    log:
        f"{LOGS}/threshold/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/threshold/{BLOCK}.tsv"
    params:
        families={"couplings": {"alphas": config["diagnosis"]["thresholds"]}},
        shared={},
        task=lambda wildcards: study.module(config, wildcards.task),
        cell=lambda wildcards: study.cell(config, wildcards.architecture),
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
