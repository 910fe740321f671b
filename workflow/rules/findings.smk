"""Findings: what we say of the networks beside the paper's claims, and tables beside them.

REQUIRED INPUTS  tables of the study; for told_apart.csv the weights
OUTPUTS          tables/findings.csv    our findings, on the seeds that suggested them and on fresh ones
                 tables/dimensions.csv  of copy networks, bits and sizes of the sectors; a row a network
                 tables/law.csv         the same, a row a condition
                 tables/spread.csv      how much the networks of a condition differ
                 tables/told_apart.csv  how well task and architecture are read off a network
                 tables/distances.csv   of changes, distance in weights and in function, and a figure
                 figures/dial_all.*     of copy networks, what couplings cost against the size of states

Where a study has all tables that its findings are about, they belong to its results. The others are
targets of their own: snakemake law comparability distances dial.
"""


rule law:
    """Count the dimensions of the sectors beside the bits that a network must keep."""
    input:
        networks=rules.networks.output.networks,
        spectra=rules.networks.output.spectra,
        ablations=f"{TABLES}/ablations.csv",
    output:
        dimensions=f"{TABLES}/dimensions.csv",
        law=f"{TABLES}/law.csv",
        record=f"{RECORDS}/law.json",
    log:
        f"{LOGS}/law.log",
    benchmark:
        f"{BENCHMARKS}/law.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/law.py"),
        records=records("networks", "ablations"),
        bits=study.bits(config),
    script:
        "../scripts/law.py"


rule findings:
    """Judge our own findings, on the networks that suggested them and on fresh ones."""
    input:
        networks=rules.networks.output.networks,
        tables=lambda wildcards: table(*judged()),
        findings=beside(config["findings"]),
    output:
        table=f"{TABLES}/findings.csv",
        record=f"{RECORDS}/findings.json",
    log:
        f"{LOGS}/findings.log",
    benchmark:
        f"{BENCHMARKS}/findings.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/findings.py", config["findings"]),
        records=lambda wildcards: records(
            "networks", *("law" if t == "dimensions" else t for t in judged())
        ),
        criterion=study.criterion(config),
        statistics=study.statistics(config),
    script:
        "../scripts/findings.py"


rule comparability:
    """Measure how much networks differ, and what a plain classifier reads off their coordinates."""
    input:
        networks=rules.networks.output.networks,
        spectra=rules.networks.output.spectra,
        ablations=f"{TABLES}/ablations.csv",
        weights=of_all_blocks("", WEIGHTS),
    output:
        spread=f"{TABLES}/spread.csv",
        told_apart=f"{TABLES}/told_apart.csv",
        record=f"{RECORDS}/comparability.json",
    log:
        f"{LOGS}/comparability.log",
    benchmark:
        f"{BENCHMARKS}/comparability.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/comparability.py"),
        records=[
            *records("networks", "ablations"),
            *(of_all_blocks("", WEIGHTS) if GIVEN else of_all_blocks(".json")),
        ],
        blocks=[list(block[:3]) for block in study.blocks(config)],
        modules={task: study.module(config, task) for task in TASKS},
        statistics=study.statistics(config),
    script:
        "../scripts/comparability.py"


# Families with changes of weights that stand for themselves, and the controls of couplings.
CHANGES = [f for f in FAMILIES if f in ("orders", "symmetries", "rotations", "matched")]
CHANGES = {f: of_all_blocks(f".{f}.csv") for f in ("ablations", *CHANGES)}


rule distances:
    """Lay distance in weights beside distance in function, for the changes of every network."""
    input:
        *CHANGES.values(),
        networks=rules.networks.output.networks,
    output:
        table=f"{TABLES}/distances.csv",
        picture=drawing("distances", "all", "Ablations"),
        record=f"{RECORDS}/distances.json",
    log:
        f"{LOGS}/distances.log",
    benchmark:
        f"{BENCHMARKS}/distances.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/distances.py"),
        records=[
            *records("networks"),
            *of_all_blocks(".ablations.json"),
            *of_all_blocks(".controls.json"),
        ],
        families=CHANGES,
        criterion=study.criterion(config),
    script:
        "../scripts/distances.py"


if REPLAYS and {"borders", "rotations"} <= set(FAMILIES):

    rule dial:
        """Lay what couplings cost beside the size of states and what rotations cost."""
        input:
            rotations=f"{TABLES}/rotations.csv",
            borders=f"{TABLES}/borders.csv",
        output:
            picture=drawing("dial", "all", "Ablations"),
            record=f"{RECORDS}/dial.json",
        log:
            f"{LOGS}/dial.log",
        benchmark:
            f"{BENCHMARKS}/dial.tsv"
        conda:
            "../../envs/study.yaml"
        threads: 1
        params:
            code=sources("workflow/scripts/dial.py"),
            records=records("rotations", "borders"),
            bits=study.bits(config),
            alpha=config["diagnosis"]["alpha"],
            criterion=study.criterion(config),
        script:
            "../scripts/dial.py"
