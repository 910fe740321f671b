"""Coordinates: the ordered real Schur form of every recurrent matrix.

REQUIRED INPUTS  {block}.safetensors
OUTPUTS          {block}.schur.safetensors  Q and T, float64
                 {block}.spectrum.csv       eigenvalues, in the order of T
                 {block}.nonnormality.csv   measures of non-normality and conditioning, accuracy
"""


rule schur:
    """Write W_hh = Q T Q^T with eigenvalues in non-increasing modulus (the paper's coordinates)."""
    input:
        weights=weights,
    output:
        schur=f"{NETWORKS}.schur.safetensors",
        spectrum=f"{NETWORKS}.spectrum.csv",
        nonnormality=f"{NETWORKS}.nonnormality.csv",
        record=f"{NETWORKS}.schur.json",
    log:
        f"{LOGS}/schur/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/schur/{BLOCK}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=lambda wildcards: sources(
            "workflow/scripts/schur.py", *plugins(wildcards, "cells")
        ),
        records=origin,
        cell=lambda wildcards: study.cell(config, wildcards.architecture),
    script:
        "../scripts/schur.py"
