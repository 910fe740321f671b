"""The published study: render it again, compare a run with it.

REQUIRED INPUTS  results/published/  tables, and weights of every network
OUTPUTS          tables/published_comparison.csv  this run and the published one, by network
"""

PUBLISHED = "results/published"
try:
    published = study.published(f"{PUBLISHED}/config.json")
except ValueError as error:
    raise SystemExit(str(error))
published["results"] = PUBLISHED
PUBLISHED_WEIGHTS = [
    f"{PUBLISHED}/networks/{BLOCK}.safetensors".format(**block._asdict())
    for block in study.blocks(published)
]


module rendering:
    snakefile:
        "rendering.smk"
    config:
        published


if RESULTS != PUBLISHED:

    use rule * from rendering as published_*


rule compare:
    """Compare this run with the published one, network by network (a target)."""
    input:
        ablations=of_all_blocks(".ablations.csv"),
        published=f"{PUBLISHED}/tables/ablations.csv",
        weights=of_all_blocks(".safetensors"),
        published_weights=PUBLISHED_WEIGHTS,
    output:
        table=f"{TABLES}/published_comparison.csv",
        record=f"{RECORDS}/compare.json",
    log:
        f"{LOGS}/compare.log",
    benchmark:
        f"{BENCHMARKS}/compare.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/compare.py"),
        records=[
            *of_all_blocks(".ablations.json"),
            f"{PUBLISHED}/tables/ablations.csv",
            *PUBLISHED_WEIGHTS,
        ],
        blocks=[list(block) for block in study.blocks(config)],
        published_blocks=[list(block) for block in study.blocks(published)],
    script:
        "../scripts/compare.py"
