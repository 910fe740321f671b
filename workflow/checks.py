"""What no study can be: a configuration is checked whole, before any work starts.

Whatever is wrong is one line that names the key, its value and what is allowed.
"""

import math
import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import claim
import given
import study

SCHEMA = study.ROOT / "workflow" / "schemas" / "config.schema.yaml"

#: The largest whole number of a configuration, but for the seed, and the longest list.
LARGEST, LONGEST = 10_000_000, 1000
#: The most networks of a study, and the most jobs that train them.
NETWORKS, JOBS = 100_000, 10_000
#: Folders of the project that no results go into.
OWN = (".git", ".github", ".snakemake", ".venv")
OWN += ("config", "docs", "envs", "profiles", "report", "tests", "workflow")


def check(config: dict) -> None:
    """Check a configuration against the schema and the package's plug-ins.

    Raises
    ------
    ValueError
        One line that names the key, its value and what is allowed.
    """
    plain(config)
    for error in _schema().iter_errors(config):
        raise ValueError(_one_line(error))
    count(config)
    _grid(config)
    _architectures(config["architectures"])
    for name in config["tasks"]:
        _task(config, name)
    _interventions(config)
    results(config)
    _given(config)
    _judged(config)
    diagnosis = config["diagnosis"]
    if diagnosis["fragile"] <= diagnosis["epsilon"]:
        raise ValueError(
            f"diagnosis.fragile is {diagnosis['fragile']}; allowed: a number above "
            f"diagnosis.epsilon, which is {diagnosis['epsilon']}"
        )


def device(config: dict) -> None:
    """Raise ValueError if networks are to be trained here by a GPU that this machine lacks."""
    if config["training"]["device"] == "cuda" and config["networks"] is None:
        import torch  # only where it is asked for

        if not torch.cuda.is_available():
            raise ValueError(
                "training.device is 'cuda', which this machine has not; allowed: cpu, or auto"
            )


@cache
def _schema():
    """Return what validates a configuration."""
    import yaml
    from jsonschema import Draft202012Validator

    return Draft202012Validator(yaml.safe_load(SCHEMA.read_text()))


def plain(config: Mapping) -> None:
    """Check that numbers and lists have an end, and texts no second line, whatever their keys mean.

    Raises
    ------
    ValueError
        At the first number that is not finite, since a comparison with NaN passes every bound of a
        schema, and at the first that no study has; and at a text of several lines or with signs
        that cannot be printed: it would pass a schema's pattern, whose `$` stands before a last
        end of line, too.
    """
    for key, value in config.items():
        _check(_printed(key), value)


def _printed(key) -> str:
    """Return a key as text of one line, or raise ValueError."""
    if not str(key).isprintable():
        raise ValueError(f"{key!r} is a key; allowed: one line of text that can be printed")
    return str(key)


def _check(key: str, value) -> None:
    """Raise ValueError at the first number below `key` without an end, or text of two lines."""
    if isinstance(value, dict):
        for name, part in value.items():
            _check(f"{key}.{_printed(name)}", part)
    elif isinstance(value, list):
        if len(value) > LONGEST:
            raise ValueError(f"{key} has {len(value)} entries; allowed: at most {LONGEST}")
        for index, part in enumerate(value):
            _check(f"{key}[{index}]", part)
    elif isinstance(value, str) and not value.isprintable():
        raise ValueError(f"{key} is {value!r}; allowed: one line of text that can be printed")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{key} is {value}; allowed: a finite number")
    elif isinstance(value, int) and key != "study_seed" and abs(value) > LARGEST:
        raise ValueError(f"{key} is {value}; allowed: at most {LARGEST}")


def count(config: dict) -> None:
    """Raise ValueError if the grid has more networks or jobs than can be planned."""
    networks = jobs = 0
    for index, experiment in enumerate(config["experiments"]):
        seeds = experiment.get("seeds", config["seeds"])
        conditions = len(experiment["architectures"]) * len(experiment["widths"])
        networks += conditions * seeds
        jobs += conditions * math.ceil(seeds / config["seeds_per_job"])
        if networks > NETWORKS or jobs > JOBS:
            key = f"experiments[{index}].seeds" if "seeds" in experiment else "seeds"
            raise ValueError(
                f"{key} is {seeds}, which makes {networks} networks in {jobs} jobs; "
                f"allowed: at most {NETWORKS} in {JOBS}"
            )


def results(config: dict) -> None:
    """Raise ValueError if the results folder cannot be one, as a link to a disk that is off."""
    folder = Path(config["results"])
    for place in (folder, *folder.parents):
        if os.path.lexists(place) and not place.is_dir():
            raise ValueError(
                f"results is {str(folder)!r}, where {place} leads to {place.resolve()}; "
                "allowed: a folder, or a link to one that is there"
            )
    where, here = folder.resolve(), Path.cwd()
    above = {study.ROOT, *study.ROOT.parents, here, *here.parents}
    if where in above or any((study.ROOT / name) in (where, *where.parents) for name in OWN):
        raise ValueError(
            f"results is {str(folder)!r}, which holds other things; allowed: a folder of its own"
        )
    there = next(place for place in (where, *where.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(
            f"results is {str(folder)!r}, and {there} cannot be written to; "
            "allowed: a folder that can"
        )


def _grid(config: dict) -> None:
    """Raise ValueError if the grid names what is not there, or a condition twice."""
    from rnnschur.architectures import STARTS

    for index, experiment in enumerate(config["experiments"]):
        key = f"experiments[{index}]"
        _one_of(f"{key}.task", experiment["task"], config["tasks"])
        for architecture in experiment["architectures"]:
            _one_of(f"{key}.architectures", architecture, [*config["architectures"], *STARTS])
    seen = set()
    for condition in [] if given.elsewhere(config) else study.conditions(config):
        if condition in seen:
            raise ValueError(
                f"experiments has {'/'.join(map(str, condition))} twice; allowed: once"
            )
        seen.add(condition)


def _architectures(architectures: dict) -> None:
    """Raise ValueError if an architecture has a cell or a start that is not there."""
    from rnnschur import cells
    from rnnschur.architectures import STARTS

    for name, settings in architectures.items():
        _one_of(f"architectures.{name}.cell", settings["cell"], cells.CELLS)
        try:
            cells.trained(settings["cell"])
        except ValueError as error:
            raise ValueError(f"architectures.{name}.{error}") from None
        _one_of(f"architectures.{name}.start", settings["start"], STARTS)


def _task(config: dict, name: str) -> None:
    """Raise ValueError if a task's protocol, curriculum, shifts or bound cannot be."""
    from rnnschur import curriculum, shifts, tasks

    settings = config["tasks"][name]
    kind = settings.get("like", name)
    _one_of("tasks", kind, tasks.TASKS)
    try:
        task = tasks.make(kind, **settings["protocol"])
    except ValueError as error:
        raise ValueError(f"tasks.{name}.protocol.{error}") from None
    _curriculum(config, name)
    try:
        curriculum.stages(kind, task, study.curriculum(config, name))
    except ValueError as error:
        raise ValueError(f"tasks.{name}.curriculum{error}") from None
    try:
        shifts.shifts(kind, settings["protocol"], settings.get("shifts", {}))
    except ValueError as error:
        raise ValueError(f"tasks.{name}.shifts.{error}") from None
    if task.metric == "replay_accuracy" and settings["learned"] > 1:
        raise ValueError(
            f"tasks.{name}.learned is {settings['learned']}; allowed: an accuracy, at most 1"
        )


def _interventions(config: dict) -> None:
    """Raise ValueError if a family of interventions, or an option of one, is not there."""
    from rnnschur import interventions

    for name, settings in config["interventions"].items():
        _one_of("interventions", name, interventions.FAMILIES)
        try:
            interventions.make(name, settings, study.shared(config))
        except ValueError as error:
            raise ValueError(f"interventions.{name}.{error}") from None


def _judged(config: dict) -> None:
    """Raise ValueError if findings or claims are about tables that no study has."""
    from rnnschur import interventions
    from rnnschur.paper import replication

    file = config["findings"]
    if not (study.ROOT / file).is_file():
        raise ValueError(f"findings is {file!r}; allowed: a file in report/ that is there")
    replication.load(study.ROOT / file)
    for table in study.judged(config):
        _one_of(f"{file}: table", table, [*study.TABLES, *interventions.FAMILIES])
    for table in claim.tables():
        _one_of(f"{claim.CLAIMS}: table", table, [*claim.TABLES, *interventions.FAMILIES])


def _curriculum(config: dict, task: str) -> None:
    """Raise ValueError if a stage of a task's curriculum, or the task, has no update of its own."""
    before, end = 0, study.updates(config, task)
    for index, stage in enumerate(study.curriculum(config, task)):
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
    for block in study.blocks(config) if folder else []:
        task, architecture, width, first, last = block
        for suffix in ("safetensors", "history.csv"):
            file = f"networks/{task}/{architecture}/n{width}/seeds{first}-{last}.{suffix}"
            if not Path(folder, file).exists():
                raise ValueError(
                    f"networks is {folder!r}; allowed: a results folder that has {file}"
                )


def _one_of(key: str, value: str, allowed) -> None:
    """Raise ValueError if a value is none of those that are allowed."""
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}; allowed: {', '.join(allowed)}")


def _one_line(error) -> str:
    """Return a schema error as 'KEY is VALUE; allowed: ...'."""
    key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.path).lstrip(".")
    known = error.schema.get("properties", {})
    if error.validator == "additionalProperties":
        unknown = next(name for name in error.instance if name not in known)
        near = "".join(f" ({name}?)" for name in get_close_matches(unknown, known, 1))
        return f"{key}{'.' if key else ''}{unknown} is unknown{near}; allowed: {', '.join(known)}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{key}{'.' if key else ''}{missing} is missing; needed: " + ", ".join(
            error.validator_value
        )
    value = repr(error.instance)
    if error.validator in ("oneOf", "not"):
        value = "a mapping of " + ", ".join(error.instance)
    return f"{key} is {value[:80]}; allowed: {error.schema['description']}"
