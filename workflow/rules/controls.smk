"""Controls: exact symmetries, a rotation that is none, and the order that convention decides.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors
OUTPUTS          {block}.symmetries.csv  a network against itself in other coordinates
                 {block}.orders.csv      ablations in Schur forms with blocks in another order
"""


rule controls:
    """Check what must change nothing, and measure what only convention decides."""
    input:
        lambda wildcards: sources(
            "scripts/controls.py",
            f"rnnschur/tasks/{study.module(config, wildcards.task)}.py",
        ),
        weights=WEIGHTS,
        schur=rules.schur.output.schur,
    output:
        symmetries=f"{NETWORKS}.symmetries.csv",
        orders=f"{NETWORKS}.orders.csv",
    log:
        f"{LOGS}/controls/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/controls/{BLOCK}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        alpha=config["diagnosis"]["alpha"],
        near_tie=config["diagnosis"]["near_tie"],
        orders=config["diagnosis"]["orders"],
        task=lambda wildcards: study.module(config, wildcards.task),
        diagnosis=lambda wildcards: study.diagnosis(config, wildcards.task),
    script:
        "../scripts/controls.py"
