"""Controls: every other family of interventions, such as exact symmetries and orders of blocks.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.{family}.csv  one row a network and intervention, for each family that the
                                       configuration names under interventions
                 {block}.energy.csv    with activity among them, one row a network and step
"""


use rule ablation as controls with:
    output:
        **{table: f"{NETWORKS}.{table}.csv" for table in CONTROLLED},
        record=f"{NETWORKS}.controls.json",
    log:
        f"{LOGS}/controls/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/controls/{BLOCK}.tsv"
    params:
        code=lambda wildcards: sources(
            "workflow/scripts/intervene.py",
            *(f"workflow/rnnschur/interventions/{family}.py" for family in FAMILIES),
            *plugins(wildcards, "tasks", "cells"),
        ),
        families=config["interventions"],
        shared=study.shared(config),
        task=lambda wildcards: study.module(config, wildcards.task),
        cell=lambda wildcards: study.cell(config, wildcards.architecture),
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
        shifts=lambda wildcards: study.shifts(config, wildcards.task),
