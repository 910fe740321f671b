"""The published study: render it again, compare a run with it.

REQUIRED INPUTS  results/published/  tables, and weights of every network
OUTPUTS          tables/published_comparison.csv  this run and the published one, by network
"""

import json

PUBLISHED = "results/published"
published = json.loads(Path(PUBLISHED, "config.json").read_text())
published["results"] = PUBLISHED
PUBLISHED_BLOCKS = [
    BLOCK.format(**block._asdict()) for block in study.blocks(published)
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
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        blocks=[list(block) for block in study.blocks(config)],
        published_blocks=[list(block) for block in study.blocks(published)],
    script:
        "../scripts/compare.py"
