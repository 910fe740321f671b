"""Aggregation: tidy tables over all networks, and their summary over the networks of a condition.

REQUIRED INPUTS  what the rules before left for every block of networks
OUTPUTS          tables/networks.csv, spectra.csv
                 tables/ablations.csv, thresholds.csv, and one for each family of interventions
                 tables/ablation_sets.csv, threshold_sets.csv  by set of held-out sequences
                 tables/*_summary.csv  mean, spread and bootstrap interval over networks
                 tables/paper_comparison.csv  the paper's numbers beside ours
                 tables/ledger.csv      the paper's claims and numbers with their verdicts
                 tables/verdict_curves.csv  the verdicts over their bounds and over alpha
                 tables/phases.csv      of tasks that replay, how far eigenvalues are from a replay's
"""

import claim


rule networks:
    """Gather the networks, their training and their spectra, and mark those that have learned."""
    input:
        histories=rules.histories.output.table,
        spectra=of_all_blocks(".spectrum.csv"),
        ablations=of_all_blocks(".ablations.csv"),
        nonnormality=of_all_blocks(".nonnormality.csv"),
    output:
        networks=f"{TABLES}/networks.csv",
        spectra=f"{TABLES}/spectra.csv",
        record=f"{RECORDS}/networks.json",
    log:
        f"{LOGS}/networks.log",
    benchmark:
        f"{BENCHMARKS}/networks.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/networks.py"),
        records=[
            *records("histories"),
            *of_all_blocks(".schur.json"),
            *of_all_blocks(".ablations.json"),
        ],
        learned=study.learned(config),
    script:
        "../scripts/networks.py"


# Which job measures what; all families beside the ablations share one.
MEASURED = {"ablations": "ablations", "thresholds": "thresholds"}
SETS = [] if IMPORTED else ["ablation_sets", "threshold_sets"]
if not IMPORTED:
    MEASURED |= {"ablation_sets": "ablations", "threshold_sets": "thresholds"}
MEASURED |= dict.fromkeys(CONTROLLED, "controls")


rule gather:
    """Gather what a family of interventions did, and judge it by the criterion."""
    input:
        rows=lambda wildcards: of_all_blocks(f".{wildcards.family}.csv"),
        networks=rules.networks.output.networks,
    output:
        table=f"{TABLES}/{{family}}.csv",
        record=f"{RECORDS}/{{family}}.json",
    log:
        f"{LOGS}/gather/{{family}}.log",
    benchmark:
        f"{BENCHMARKS}/gather/{{family}}.tsv"
    wildcard_constraints:
        family="|".join(MEASURED),
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/gather.py"),
        records=lambda wildcards: [
            *of_all_blocks(f".{MEASURED[wildcards.family]}.json"),
            *records("networks"),
        ],
        # Without a verdict: another criterion leaves these alone.
        criterion=lambda wildcards: (
            None
            if wildcards.family in ("symmetries", "orders", "energy")
            else study.criterion(config)
        ),
    script:
        "../scripts/gather.py"


rule phases:
    """Find how far the phases of eigenvalues are from roots of unity, where targets repeat."""
    input:
        spectra=rules.networks.output.spectra,
        networks=rules.networks.output.networks,
    output:
        table=f"{TABLES}/phases.csv",
        record=f"{RECORDS}/phases.json",
    log:
        f"{LOGS}/phases.log",
    benchmark:
        f"{BENCHMARKS}/phases.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/phases.py"),
        records=records("networks"),
        periods=study.periods(config),
    script:
        "../scripts/phases.py"


rule tables:
    """Gather all that was measured (a target)."""
    input:
        rules.histories.output,
        rules.networks.output,
        table(*MEASURED),
        records(*MEASURED),
        rules.phases.output if REPLAYS else [],


rule summaries:
    """Summarise over the networks that have learned, and put the paper's numbers beside ours."""
    input:
        **gathered_sets(),
        ablations=f"{TABLES}/ablations.csv",
        thresholds=f"{TABLES}/thresholds.csv",
        networks=rules.networks.output.networks,
        paper=beside("report/paper.csv"),
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
            labels={"table": "networks of each condition"},
        ),
        comparison=report(
            f"{TABLES}/paper_comparison.csv",
            caption="../../report/captions/paper_comparison.rst",
            category="Tables",
            labels={"table": "the paper's numbers beside ours"},
        ),
        record=f"{RECORDS}/summaries.json",
    log:
        f"{LOGS}/summaries.log",
    benchmark:
        f"{BENCHMARKS}/summaries.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/summaries.py", "report/paper.csv"),
        records=records("networks", "ablations", "thresholds", *SETS),
        statistics=study.statistics(config),
    script:
        "../scripts/summaries.py"


# What claims are about beside the ablations, as far as this study has it.
CLAIMED = [family for family in claim.tables() if family in FAMILIES]
CLAIMED += ["findings"] if FOUND else []


rule ledger:
    """Judge the paper's claims and numbers, network by network, and at other bounds."""
    input:
        **gathered_sets(),
        **({"borders": f"{TABLES}/borders.csv"} if "borders" in FAMILIES else {}),
        tables=table(
            *("networks", "spectra", "ablations", "thresholds", "ablation_summary"),
            *CLAIMED,
        ),
        comparison=rules.summaries.output.comparison,
        summary=rules.summaries.output.thresholds,
        claims=beside("report/claims.yaml"),
    output:
        table=f"{TABLES}/ledger.csv",
        curves=f"{TABLES}/verdict_curves.csv",
        record=f"{RECORDS}/ledger.json",
    log:
        f"{LOGS}/ledger.log",
    benchmark:
        f"{BENCHMARKS}/ledger.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/ledger.py", "report/claims.yaml"),
        records=records(
            *("networks", "ablations", "thresholds", "summaries"),
            *dict.fromkeys(
                [*CLAIMED, *SETS, *(["borders"] if "borders" in FAMILIES else [])]
            ),
        ),
        modules={task: study.module(config, task) for task in TASKS},
        criterion=study.criterion(config),
        statistics=study.statistics(config),
    script:
        "../scripts/ledger.py"
