"""Ablation: every subset of the couplings removed, at the paper's threshold.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.ablations.csv      one row a network and ablation
                 {block}.ablation_sets.csv  one row a network, ablation and set of sequences
"""

COUPLED = ["workflow/rnnschur/interventions/couplings.py"]
if IMPORTED:  # the couplings in equivalent networks stand beside
    COUPLED += ["workflow/rnnschur/interventions/gauges.py"]


rule ablation:
    """Remove all 8 subsets of RR, CR and CC at one alpha, with input and readout fixed."""
    input:
        weights=weights,
        schur=rules.schur.output.schur,
    output:
        **set_tables("ablation"),
        couplings=f"{NETWORKS}.ablations.csv",
        record=f"{NETWORKS}.ablations.json",
    log:
        f"{LOGS}/ablation/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/ablation/{BLOCK}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=lambda wildcards: sources(
            "workflow/scripts/intervene.py",
            *COUPLED,
            *plugins(wildcards, "tasks", "cells"),
        ),
        records=lambda wildcards: [
            *origin(wildcards),
            f"{NETWORKS}.schur.json".format(**wildcards),
        ],
        families={"couplings": {"alphas": [config["diagnosis"]["alpha"]]}},
        shared={},
        task=lambda wildcards: study.module(config, wildcards.task),
        cell=lambda wildcards: study.cell(config, wildcards.architecture),
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
    script:
        "../scripts/intervene.py"
