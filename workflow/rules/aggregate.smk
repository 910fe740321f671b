"""Aggregation: tidy tables over all networks, and their summary over the networks of a cell.

REQUIRED INPUTS  what the rules before left for every block of networks
OUTPUTS          tables/networks.csv, ablations.csv, thresholds.csv, spectra.csv, histories.csv,
                 symmetries.csv, orders.csv
                 tables/*_summary.csv  mean, spread and bootstrap interval over networks
                 tables/paper_comparison.csv  the paper's numbers beside ours
                 tables/ledger.csv      the paper's claims and numbers with their verdicts
"""


rule tables:
    """Gather the rows of all blocks, judge them, and mark the networks that have learned."""
    input:
        sources("scripts/tables.py"),
        histories=(
            [f"{GIVEN}/tables/histories.csv"]
            if GIVEN
            else of_all_blocks(".history.csv")
        ),
        spectra=of_all_blocks(".spectrum.csv"),
        ablations=of_all_blocks(".ablations.csv"),
        thresholds=of_all_blocks(".thresholds.csv"),
        nonnormality=of_all_blocks(".nonnormality.csv"),
        symmetries=of_all_blocks(".symmetries.csv"),
        orders=of_all_blocks(".orders.csv"),
    output:
        networks=f"{TABLES}/networks.csv",
        histories=f"{TABLES}/histories.csv",
        spectra=f"{TABLES}/spectra.csv",
        ablations=f"{TABLES}/ablations.csv",
        thresholds=f"{TABLES}/thresholds.csv",
        symmetries=f"{TABLES}/symmetries.csv",
        orders=f"{TABLES}/orders.csv",
    log:
        f"{LOGS}/tables.log",
    benchmark:
        f"{BENCHMARKS}/tables.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        criterion=study.criterion(config),
        learned={task: config["tasks"][task]["learned"] for task in TASKS},
    script:
        "../scripts/tables.py"


rule summaries:
    """Summarise over the networks that have learned, and put the paper's numbers beside ours."""
    input:
        sources("scripts/summaries.py"),
        ablations=rules.tables.output.ablations,
        thresholds=rules.tables.output.thresholds,
        networks=rules.tables.output.networks,
        paper="report/paper.csv",
    output:
        ablations=report(
            f"{TABLES}/ablation_summary.csv",
            caption="../../report/captions/ablation_summary.rst",
            category="Tables",
            labels={"table": "ablations, mean and interval over networks"},
        ),
        thresholds=report(
            f"{TABLES}/threshold_summary.csv",
            caption="../../report/captions/threshold_summary.rst",
            category="Tables",
            labels={"table": "ablations at other thresholds"},
        ),
        networks=report(
            f"{TABLES}/network_summary.csv",
            caption="../../report/captions/network_summary.rst",
            category="Tables",
            labels={"table": "networks of each cell"},
        ),
        comparison=report(
            f"{TABLES}/paper_comparison.csv",
            caption="../../report/captions/paper_comparison.rst",
            category="Tables",
            labels={"table": "the paper's numbers beside ours"},
        ),
    log:
        f"{LOGS}/summaries.log",
    benchmark:
        f"{BENCHMARKS}/summaries.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        statistics=config["statistics"],
        study_seed=config["study_seed"],
    script:
        "../scripts/summaries.py"


rule ledger:
    """Judge the paper's claims and numbers, network by network."""
    input:
        sources("scripts/ledger.py"),
        ablations=rules.tables.output.ablations,
        thresholds=rules.tables.output.thresholds,
        networks=rules.tables.output.networks,
        comparison=rules.summaries.output.comparison,
        claims="report/claims.yaml",
    output:
        f"{TABLES}/ledger.csv",
    log:
        f"{LOGS}/ledger.log",
    benchmark:
        f"{BENCHMARKS}/ledger.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        criterion=study.criterion(config),
        statistics=config["statistics"],
        study_seed=config["study_seed"],
    script:
        "../scripts/ledger.py"
