"""The study that a configuration describes: its check, its grid, the settings of each task.

This is all that the Snakefile knows of the configuration beyond paths. It imports nothing slow,
since Snakemake reads it again in every job.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import checks
import claim
import given

SCHEMA = Path(__file__).parent / "schemas" / "config.schema.yaml"
ROOT = SCHEMA.parents[2]

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


def changed(changes: dict) -> dict:
    """Return the configuration beside the workflow with some of its keys changed.

    Raises
    ------
    ValueError
        As `checks.changed`.
    """
    from rnnschur import documents  # only for a module of another workflow

    config = documents.read(ROOT / "config.yaml")
    return checks.changed(config, changes, "the configuration of the module")


def complete(config: dict) -> None:
    """Fill in, in place, the tasks that are `like` another.

    A task that is like another is another protocol of it, whose settings hold where it gives none.

    Raises
    ------
    ValueError
        If a task is like one that the configuration does not describe in full.
    """
    described = config.get("tasks")
    if not isinstance(described, dict):
        return  # the check says so
    full = {n: of for n, of in described.items() if isinstance(of, dict) and "like" not in of}
    for name, said in described.items():
        if isinstance(said, dict) and "like" in said:
            _one_of(f"tasks.{name}.like", said["like"], [*full])
            model, protocol = full[said["like"]], said.get("protocol", {})
            known = model.get("protocol")
            if isinstance(known, dict) and isinstance(protocol, dict):
                protocol = {**known, **protocol}
            described[name] = {**model, **said, "protocol": protocol}


def module(config: dict, task: str) -> str | None:
    """Return the name of the module that defines a task; imported networks have data instead."""
    return None if given.elsewhere(config) else config["tasks"][task].get("like", task)


def check(config: dict) -> None:
    """Check a configuration against the schema and the package's plug-ins.

    Raises
    ------
    ValueError
        One line that names the key, its value and what is allowed.
    """
    # Only here: jobs read this module again, and what they get has been checked.
    from rnnschur import cells, interventions, tasks
    from rnnschur import curriculum as curricula
    from rnnschur import shifts as others
    from rnnschur.architectures import STARTS
    from rnnschur.paper import replication

    checks.plain(config)
    for error in _schema().iter_errors(config):
        raise ValueError(_one_line(error))
    checks.count(config)
    for index, experiment in enumerate(config["experiments"]):
        key = f"experiments[{index}]"
        _one_of(f"{key}.task", experiment["task"], config["tasks"])
        for architecture in experiment["architectures"]:
            _one_of(f"{key}.architectures", architecture, [*config["architectures"], *STARTS])
    for name, settings in config["architectures"].items():
        _one_of(f"architectures.{name}.cell", settings["cell"], cells.CELLS)
        try:
            cells.trained(settings["cell"])
        except ValueError as error:
            raise ValueError(f"architectures.{name}.{error}") from None
        _one_of(f"architectures.{name}.start", settings["start"], STARTS)
    for name, settings in config["tasks"].items():
        kind = settings.get("like", name)
        _one_of("tasks", kind, tasks.TASKS)
        try:
            task = tasks.make(kind, **settings["protocol"])
        except ValueError as error:
            raise ValueError(f"tasks.{name}.protocol.{error}") from None
        _curriculum(config, name)
        try:
            curricula.stages(kind, task, curriculum(config, name))
        except ValueError as error:
            raise ValueError(f"tasks.{name}.curriculum{error}") from None
        try:
            others.shifts(kind, settings["protocol"], settings.get("shifts", {}))
        except ValueError as error:
            raise ValueError(f"tasks.{name}.shifts.{error}") from None
        if task.metric == "replay_accuracy" and settings["learned"] > 1:
            raise ValueError(
                f"tasks.{name}.learned is {settings['learned']}; allowed: an accuracy, at most 1"
            )
    for name, settings in config["interventions"].items():
        _one_of("interventions", name, interventions.FAMILIES)
        try:
            interventions.make(name, settings, shared(config))
        except ValueError as error:
            raise ValueError(f"interventions.{name}.{error}") from None
    checks.results(config)
    _given(config)
    if not (ROOT / config["findings"]).is_file():
        raise ValueError(
            f"findings is {config['findings']!r}; allowed: a file in report/ that is there"
        )
    replication.load(ROOT / config["findings"])
    for table in judged(config):
        _one_of(f"{config['findings']}: table", table, [*TABLES, *interventions.FAMILIES])
    for table in claim.tables():
        _one_of(f"{claim.CLAIMS}: table", table, [*claim.TABLES, *interventions.FAMILIES])
    seen = set()
    for condition in conditions(config):
        if condition in seen:
            raise ValueError(
                f"experiments has {'/'.join(map(str, condition))} twice; allowed: once"
            )
        seen.add(condition)
    diagnosis = config["diagnosis"]
    if diagnosis["fragile"] <= diagnosis["epsilon"]:
        raise ValueError(
            f"diagnosis.fragile is {diagnosis['fragile']}; allowed: a number above "
            f"diagnosis.epsilon, which is {diagnosis['epsilon']}"
        )


@cache
def _schema():
    """Return what validates a configuration."""
    import yaml
    from jsonschema import Draft202012Validator

    return Draft202012Validator(yaml.safe_load(SCHEMA.read_text()))


def _curriculum(config: dict, task: str) -> None:
    """Raise ValueError if a stage of a task's curriculum, or the task, has no update of its own."""
    before, end = 0, updates(config, task)
    for index, stage in enumerate(curriculum(config, task)):
        if not before < stage["last"] < end:
            until = config["tasks"][task]["curriculum"][index]["until"]
            raise ValueError(
                f"tasks.{task}.curriculum[{index}].until is {until}, which is update "
                f"{stage['last']}; allowed: after {before} and before {end}"
            )
        before = stage["last"]


def _given(config: dict) -> None:
    """Raise ValueError if networks that are to be diagnosed are not there."""
    given.check(config)
    folder = given.results(config)
    for block in blocks(config) if folder else []:
        task, architecture, width, first, last = block
        for suffix in ("safetensors", "history.csv"):
            file = f"networks/{task}/{architecture}/n{width}/seeds{first}-{last}.{suffix}"
            if not Path(folder, file).exists():
                raise ValueError(
                    f"networks is {folder!r}; allowed: a results folder that has {file}"
                )


def _one_of(key: str, value: str, allowed, words: str = "") -> None:
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}; allowed: {words or ', '.join(allowed)}")


def _one_line(error) -> str:
    """Return a schema error as 'KEY is VALUE; allowed: ...'."""
    key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.path).lstrip(".")
    known = error.schema.get("properties", {})
    if error.validator == "additionalProperties":
        unknown = next(name for name in error.instance if name not in known)
        return f"{key}{'.' if key else ''}{unknown} is unknown; allowed: {', '.join(known)}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{key}{'.' if key else ''}{missing} is missing; needed: " + ", ".join(
            error.validator_value
        )
    value = repr(error.instance)
    if error.validator in ("oneOf", "not"):
        value = "a mapping of " + ", ".join(error.instance)
    return f"{key} is {value[:80]}; allowed: {error.schema['description']}"


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
