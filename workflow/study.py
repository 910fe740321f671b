"""The study that a configuration describes: its grid, and the settings of each task.

This is all that the Snakefile knows of the configuration beyond paths. It imports nothing slow,
since Snakemake reads it again in every job.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import given

ROOT = Path(__file__).resolve().parents[1]

#: Tables that findings may be about, beside that of every family of interventions.
TABLES = ["networks", "dimensions", "ablations", "thresholds", "ablation_sets", "threshold_sets"]
TABLES += ["energy"]


class Condition(NamedTuple):
    """A condition: a place in the grid, whose networks differ in their seeds."""

    task: str
    architecture: str
    width: int


class Block(NamedTuple):
    """A condition and the seeds, first to last, that share a job."""

    task: str
    architecture: str
    width: int
    first: int
    last: int


def module(config: dict, task: str) -> str | None:
    """Return the name of the module that defines a task; imported networks have data instead."""
    return None if given.elsewhere(config) else config["tasks"][task].get("like", task)


def conditions(config: dict) -> list[Condition]:
    """Return the conditions of the grid, in the order of the configuration.

    Those of imported networks are their task, cell and width.
    """
    if given.elsewhere(config):
        return list(dict.fromkeys(Condition(*block[:3]) for block in given.blocks(config)))
    return [condition for condition, _ in _grid(config)]


def _grid(config: dict) -> Iterator[tuple[Condition, int]]:
    """Yield the conditions and how many networks each has: `seeds` of its experiment or study."""
    for experiment in config["experiments"]:
        for architecture, width in product(experiment["architectures"], experiment["widths"]):
            condition = Condition(experiment["task"], architecture, width)
            yield condition, experiment.get("seeds", config["seeds"])


def blocks(config: dict) -> list[Block]:
    """Return every condition with every block of at most `seeds_per_job` seeds."""
    if given.elsewhere(config):
        return [Block(*block) for block in given.blocks(config)]
    size = config["seeds_per_job"]
    return [
        Block(*condition, first, min(first + size, count) - 1)
        for condition, count in _grid(config)
        for first in range(0, count, size)
    ]


def published(path: str | Path) -> dict:
    """Return the configuration of a finished study, from the file that it leaves in its results.

    Raises
    ------
    ValueError
        If it is no such file, or that of another version; the message names it.
    """
    try:
        found = json.loads(Path(path).read_text())
        blocks(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"{path} is not what a study of this version leaves; allowed: its config.json"
        ) from None
    return found


def updates(config: dict, task: str) -> int:
    """Return the number of updates that the networks of a task are trained for."""
    settings = config["tasks"][task]
    return settings.get("updates") or settings["epochs"] * settings["updates_per_epoch"]


def curriculum(config: dict, task: str) -> list[dict]:
    """Return the stages that training begins with: the last update of each, and its protocol."""
    settings = config["tasks"][task]
    return [
        {
            "last": round(stage["until"] * updates(config, task)),
            "protocol": {**settings["protocol"], **stage["protocol"]},
        }
        for stage in settings.get("curriculum", [])
    ]


def training(config: dict, task: str) -> dict:
    """Return all that the training of a task's networks depends on besides their identity."""
    settings, stages = config["tasks"][task], curriculum(config, task)
    frozen = settings.get("frozen_readout")
    return {
        "study_seed": config["study_seed"],
        "protocol": settings["protocol"],
        **({"curriculum": stages} if stages else {}),
        "engine": config["training"]["engine"],
        "device": config["training"]["device"],
        "schedule": {
            "updates": updates(config, task),
            "batch": settings["batch"],
            "learning_rate": settings["learning_rate"],
            "gradient_clip": settings["gradient_clip"],
            "input_scale": settings["input_scale"],
            "record_every": config["training"]["record_every"],
            "monitored": config["training"]["monitored_sequences"],
            **({} if frozen is None else {"frozen_readout": frozen}),
        },
    }


def diagnosis(config: dict, task: str) -> dict:
    """Return all that the rollouts of a task's networks depend on besides the matrices."""
    if given.elsewhere(config):  # they bring their sequences
        return {"study_seed": config["study_seed"], "engine": config["training"]["engine"]}
    return {
        "study_seed": config["study_seed"],
        "protocol": config["tasks"][task]["protocol"],
        "engine": config["training"]["engine"],
        "held_out_sets": config["diagnosis"]["held_out_sets"],
        "held_out_sequences": config["diagnosis"]["held_out_sequences"],
    }


def shifts(config: dict, task: str) -> dict:
    """Return the other sequences that judge a task's networks; imported ones bring all theirs."""
    return {} if given.elsewhere(config) else config["tasks"][task].get("shifts", {})


def architecture(config: dict, name: str) -> list[str]:
    """Return cell and start of an architecture; one without settings is a start of tanh."""
    if given.elsewhere(config):
        return [name, None]
    settings = config["architectures"].get(name, {"cell": "tanh", "start": name})
    return [settings["cell"], settings["start"]]


def cell(config: dict, name: str) -> str | None:
    """Return the cell of an architecture; imported networks say themselves what they are."""
    return None if given.elsewhere(config) else architecture(config, name)[0]


def _replaying(config: dict) -> list[str]:
    """Return the tasks of the grid that ask for a sequence over and over."""
    tasks = dict.fromkeys(c.task for c in conditions(config))
    return [task for task in tasks if module(config, task) == "copy"]


def periods(config: dict) -> dict[str, int]:
    """Return the steps after which the targets repeat, of tasks where they do."""
    return {task: config["tasks"][task]["protocol"]["symbols"] for task in _replaying(config)}


def bits(config: dict) -> dict[str, int]:
    """Return the bits that a network must keep, of tasks that ask for a sequence over and over."""
    protocols = {task: config["tasks"][task]["protocol"] for task in _replaying(config)}
    return {task: said["symbols"] * said["symbol_size"] for task, said in protocols.items()}


def judged(config: dict) -> list[str]:
    """Return the tables that the findings of the study are about, each once."""
    file = ROOT / config["findings"]
    return [*_tables_of(file, file.stat().st_mtime_ns)]


@cache
def _tables_of(findings: Path, changed: int) -> tuple[str, ...]:
    """Return the tables of a file of findings; it is read again if it has `changed`."""
    from rnnschur import documents  # only where findings are judged

    variables = documents.read(findings)["variables"].values()
    return tuple(dict.fromkeys(variable["table"] for variable in variables))


def has_findings(config: dict) -> bool:
    """Tell whether the study has every table that its findings are about.

    One without a family of interventions lacks its table; networks from elsewhere have no findings.
    """
    if given.elsewhere(config) or "findings" not in config:  # published before there were any
        return False
    missing = set() if "activity" in config["interventions"] else {"energy"}
    missing |= set() if _replaying(config) else {"dimensions"}
    return set(judged(config)) <= {*TABLES, *config["interventions"]} - missing


def replays(config: dict) -> dict[str, list[int]]:
    """Return, for the same tasks, the replays that training asks for, stage by stage.

    Stages with another period than the task's own are left out.
    """
    return {
        task: [
            stage["protocol"]["replays"]
            for stage in (*curriculum(config, task), config["tasks"][task])
            if stage["protocol"]["symbols"] == period
        ]
        for task, period in periods(config).items()
    }


def planted(config: dict) -> list[Condition]:
    """Return the conditions whose networks are trained by their Schur form."""
    return [c for c in conditions(config) if architecture(config, c.architecture)[1] == "nnrnn"]


def learned(config: dict) -> dict[str, float]:
    """Return the measure, by task, from which on a network counts; of imported ones all do."""
    tasks = [] if given.elsewhere(config) else dict.fromkeys(c.task for c in conditions(config))
    return {task: config["tasks"][task]["learned"] for task in tasks}


def shared(config: dict) -> dict:
    """Return the options that every family of interventions has of the study, if it has them."""
    found = {key: config["diagnosis"][key] for key in ("alpha", "epsilon", "minimum_mass")}
    return found | {"alphas": [found["alpha"]]}


def criterion(config: dict) -> dict:
    """Return the bounds of the verdicts."""
    return {key: config["diagnosis"][key] for key in ("epsilon", "minimum_mass", "fragile")}


def statistics(config: dict) -> dict:
    """Return the settings of the bootstrap, its seed included."""
    return {**config["statistics"], "study_seed": config["study_seed"]}
