"""Training: the networks of a condition, a block of seeds in a job.

OUTPUTS  {block}.safetensors  W_hh, W_xh, W_hy, seed, stacked over the networks
         {block}.history.csv  loss, gradient norm and behaviour in the course of training
         {block}.json         the record, with protocol and versions
"""


rule train:
    """Train the networks of a block of seeds as the paper does, by Adam."""
    output:
        weights=f"{NETWORKS}.safetensors",
        history=f"{NETWORKS}.history.csv",
        record=f"{NETWORKS}.json",
    log:
        f"{LOGS}/train/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/train/{BLOCK}.tsv"
    priority: 1  # the long jobs first; short ones fill the gaps at the end
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=lambda wildcards: sources(
            "workflow/scripts/train.py",
            *plugins(wildcards, "tasks", "cells", "architectures"),
        ),
        records=[],
        task=lambda wildcards: study.module(config, wildcards.task),
        architecture=lambda wildcards: study.architecture(
            config, wildcards.architecture
        ),
        training=lambda wildcards: study.training(config, wildcards.task),
    script:
        "../scripts/train.py"
