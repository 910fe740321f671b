"""Histories: how the networks were trained, all of them in one table.

REQUIRED INPUTS  {block}.history.csv, of given networks beside their weights
OUTPUTS          tables/histories.csv, empty for networks that were trained elsewhere
"""

HISTORIES = [] if IMPORTED else of_all_blocks(".history.csv", GIVEN_OR_TRAINED)


rule histories:
    """Gather what was recorded while the networks were trained."""
    input:
        rows=HISTORIES,
    output:
        table=f"{TABLES}/histories.csv",
        record=f"{RECORDS}/histories.json",
    log:
        f"{LOGS}/histories.log",
    benchmark:
        f"{BENCHMARKS}/histories.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/histories.py"),
        records=HISTORIES if GIVEN or IMPORTED else of_all_blocks(".json"),
    script:
        "../scripts/histories.py"
