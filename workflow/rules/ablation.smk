"""Ablation: every subset of the couplings removed, at the paper's threshold.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.ablations.csv  one row a network and ablation
"""


rule ablation:
    """Remove all 8 subsets of RR, CR and CC at one alpha, with input and readout fixed."""
    input:
        lambda wildcards: sources(
            "scripts/ablation.py",
            f"rnnschur/tasks/{study.module(config, wildcards.task)}.py",
        ),
        weights=WEIGHTS,
        schur=rules.schur.output.schur,
    output:
        f"{NETWORKS}.ablations.csv",
    log:
        f"{LOGS}/ablation/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/ablation/{BLOCK}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        alphas=[config["diagnosis"]["alpha"]],
        task=lambda wildcards: study.module(config, wildcards.task),
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
    script:
        "../scripts/ablation.py"
