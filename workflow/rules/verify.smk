"""Verification: a study whose networks are given must end in the tables of the study they are from.

REQUIRED INPUTS  results of a finished study: weights and records of its networks, tables
OUTPUTS          tables/*.csv             all that can be computed from the weights, again
                 retrained/*.safetensors  one network of each architecture, trained again
                 verified.csv             a row a file: what was compared, how much differs
                 logs/differences.csv     a row a cell that differs
"""

from functools import cache

MADE = [*rules.tables.input, *rules.summaries.output, *rules.ledger.output]
MADE += rules.findings.output if FOUND else []
AGAIN = [file for file in MADE if file.endswith(".csv")]
AGAIN.remove(
    f"{TABLES}/histories.csv"
)  # of the given histories, and nothing that is computed
GIVEN_TABLES = [f"{GIVEN}/tables/{Path(file).name}" for file in AGAIN]
MADE_RECORDS = [file for file in MADE if file.endswith(".json")]
# The first block of each architecture, in the order of the grid, and of it the first network.
FIRST_BLOCKS = {
    block.architecture: block
    for block in reversed(study.blocks(config))
    if block.first == 0
}.values()
FIRST_SEEDS = [block._replace(last=block.first) for block in FIRST_BLOCKS]


def given_blocks(suffix):
    """Return the given files of the blocks whose first network is trained again."""
    return [GIVEN_OR_TRAINED.format(**b._asdict()) + suffix for b in FIRST_BLOCKS]


@cache
def changes():
    """Return in what this machine and its libraries differ from those of the given study."""
    # Only where it is asked for: every job reads this file.
    from rnnschur import versions

    first = GIVEN_OR_TRAINED.format(**study.blocks(config)[0]._asdict())
    try:
        recorded = json.loads(Path(f"{first}.json").read_text())["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{first}.json does not say what the networks were trained with; "
            "allowed: the record that training left"
        ) from None
    return versions.changes(recorded)


def retraining(wildcards):
    """Return the settings of a training, cut to its beginning where bits cannot come back."""
    settings = study.training(config, wildcards.task)
    if changes():
        settings["schedule"]["updates"] = settings["schedule"]["record_every"]
    return settings


def retrained(suffix):
    """Return the files of the retrained networks with the given suffix."""
    stem = f"{RESULTS}/retrained/{BLOCK}{suffix}"
    return [stem.format(**block._asdict()) for block in FIRST_SEEDS]


use rule train as retrain with:
    output:
        weights=f"{RESULTS}/retrained/{BLOCK}.safetensors",
        history=f"{RESULTS}/retrained/{BLOCK}.history.csv",
        record=f"{RESULTS}/retrained/{BLOCK}.json",
    log:
        f"{LOGS}/retrain/{BLOCK}.log",
    benchmark:
        f"{BENCHMARKS}/retrain/{BLOCK}.tsv"
    params:
        task=lambda wildcards: study.module(config, wildcards.task),
        architecture=lambda wildcards: study.architecture(
            config, wildcards.architecture
        ),
        training=retraining,


rule verify:
    """Compare all tables, and a network of each architecture, with the given study (a target)."""
    input:
        tables=AGAIN,
        published=GIVEN_TABLES,
        trained=retrained(".safetensors"),
        history=retrained(".history.csv"),
        weights=given_blocks(".safetensors"),
        histories=given_blocks(".history.csv"),
    output:
        table=f"{RESULTS}/verified.csv",
        record=f"{RECORDS}/verify.json",
    log:
        f"{LOGS}/verify.log",
        differences=f"{LOGS}/differences.csv",  # a log, since it must outlive a failure
    benchmark:
        f"{BENCHMARKS}/verify.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/verify.py"),
        records=[
            *MADE_RECORDS,
            *retrained(".json"),
            *GIVEN_TABLES,
            *given_blocks(".history.csv"),
        ],
        changes=lambda wildcards: changes(),
        minimum_mass=config["diagnosis"]["minimum_mass"],
        networks=[
            dict(zip(("task", "architecture", "width", "seed"), block))
            for block in FIRST_SEEDS
        ],
    script:
        "../scripts/verify.py"
