"""Controls: every other family of interventions, such as exact symmetries and orders of blocks.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.{family}.csv  one row a network and intervention, for each family that the
                                       configuration names under interventions
"""


use rule ablation as controls with:
    input:
        lambda wildcards: sources(
            "scripts/intervene.py",
            *(f"rnnschur/interventions/{family}.py" for family in FAMILIES),
            *plugins(wildcards, "tasks", "cells"),
        ),
        weights=WEIGHTS,
        schur=rules.schur.output.schur,
    output:
        **{family: f"{NETWORKS}.{family}.csv" for family in FAMILIES},
    log:
        f"{LOGS}/controls/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/controls/{BLOCK}.tsv"
    params:
        families=config["interventions"],
        shared=study.shared(config),
        task=lambda wildcards: study.module(config, wildcards.task),
        cell=lambda wildcards: study.architecture(config, wildcards.architecture)[0],
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
