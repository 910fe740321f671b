"""The published study: render it again, ablate its networks again, compare a run with it.

REQUIRED INPUTS  results/published/  tables, and weights of every network
OUTPUTS          results/verified/   the ablations of the published weights, done again
                 tables/published_comparison.csv  this run and the published one, by network
"""

import json

PUBLISHED = "results/published"
published = json.loads(Path(PUBLISHED, "config.json").read_text())
published["results"] = PUBLISHED
PUBLISHED_BLOCKS = [
    BLOCK.format(**block._asdict()) for block in study.blocks(published)
]
VERIFIED = "results/verified"


module rendering:
    snakefile:
        "rendering.smk"
    config:
        published


if RESULTS != PUBLISHED:

    use rule * from rendering as published_*


use rule schur as verify_schur with:
    input:
        sources("scripts/schur.py"),
        weights=f"{PUBLISHED}/networks/{BLOCK}.safetensors",
    output:
        schur=temp(f"{VERIFIED}/{BLOCK}.schur.safetensors"),
        spectrum=temp(f"{VERIFIED}/{BLOCK}.spectrum.csv"),
        nonnormality=temp(f"{VERIFIED}/{BLOCK}.nonnormality.csv"),
    log:
        f"{VERIFIED}/logs/schur/{BLOCK}.log",
    benchmark:
        f"{VERIFIED}/benchmarks/schur/{BLOCK}.tsv"


use rule ablation as verify_ablation with:
    input:
        lambda wildcards: sources(
            "scripts/ablation.py",
            f"rnnschur/tasks/{study.module(published, wildcards.task)}.py",
        ),
        weights=f"{PUBLISHED}/networks/{BLOCK}.safetensors",
        schur=rules.verify_schur.output.schur,
    output:
        f"{VERIFIED}/{BLOCK}.ablations.csv",
    log:
        f"{VERIFIED}/logs/ablation/{BLOCK}.log",
    benchmark:
        f"{VERIFIED}/benchmarks/ablation/{BLOCK}.tsv"
    params:
        alphas=[published["diagnosis"]["alpha"]],
        task=lambda wildcards: study.module(published, wildcards.task),
        diagnosis=lambda wildcards: study.diagnosis(published, wildcards.task),


rule verify:
    """Compare the repeated ablations with the published table, row by row (a target)."""
    input:
        sources("scripts/compare.py"),
        ablations=[f"{VERIFIED}/{block}.ablations.csv" for block in PUBLISHED_BLOCKS],
        published=f"{PUBLISHED}/tables/ablations.csv",
    output:
        f"{VERIFIED}/comparison.csv",
    log:
        f"{VERIFIED}/logs/verify.log",
    benchmark:
        f"{VERIFIED}/benchmarks/verify.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        blocks=[list(block) for block in study.blocks(published)],
        must_agree=True,
    script:
        "../scripts/compare.py"


use rule verify as compare with:
    input:
        sources("scripts/compare.py"),
        ablations=of_all_blocks(".ablations.csv"),
        published=f"{PUBLISHED}/tables/ablations.csv",
        weights=of_all_blocks(".safetensors"),
        published_weights=[
            f"{PUBLISHED}/networks/{block}.safetensors" for block in PUBLISHED_BLOCKS
        ],
    output:
        f"{TABLES}/published_comparison.csv",
    log:
        f"{LOGS}/compare.log",
    benchmark:
        f"{BENCHMARKS}/compare.tsv"
    params:
        blocks=[list(block) for block in study.blocks(config)],
        published_blocks=[list(block) for block in study.blocks(published)],
        must_agree=False,
