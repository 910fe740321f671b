"""Where a configuration comes from, and what no study can have, before anything else is looked at.

Snakemake merges the files of a configuration key by key and takes the last of two equal keys. So
the files are read once more, strictly, and what a merge would drop in silence is refused.
"""

import math
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: The largest whole number of a configuration, but for the seed, and the longest list.
LARGEST, LONGEST = 10_000_000, 1000
#: The most networks of a study, and the most jobs that train them.
NETWORKS, JOBS = 100_000, 10_000
#: A key that makes a template of a file of YAML: expressions in it are Python.
YTE = "__use_yte__"
#: Folders of the project that no results go into.
OWN = (".git", ".github", ".snakemake", ".venv")
OWN += ("config", "docs", "envs", "profiles", "report", "tests", "workflow")


def read(own: str | None, files: Iterable[str | Path], given: Mapping) -> None:
    """Read the files of a configuration strictly.

    Parameters
    ----------
    own : str or None
        The file that the study starts from, if it starts from one.
    files : iterable of path
        Those that change it, by ``--configfile``.
    given : mapping
        What ``--config`` says.

    Raises
    ------
    ValueError
        As `rnnschur.documents.read` and `changed`, and for a file without keys, or with one that
        makes code of it.
    """
    from rnnschur import documents  # only where a study starts

    config = {}
    for file in ([own] if own else []) + [*files]:
        said = documents.read(file)
        if not isinstance(said, dict):
            raise ValueError(f"{file} holds a {type(said).__name__}; allowed: keys and values")
        if YTE in said:
            raise ValueError(
                f"{file} has the key {YTE}, by which Snakemake runs what it says as Python; "
                "allowed: the keys of config.yaml"
            )
        # What says every key, as the config.json of a study, changes whatever there is.
        whole = config.keys() <= said.keys()
        config = said if whole else changed(config, said, str(file))
    changed(config, given, "--config")


def changed(config: dict, changes: Mapping, where: str) -> dict:
    """Return a configuration with some of its keys changed, mappings key by key.

    Parameters
    ----------
    config : dict
        Stays as it is.
    changes : mapping
        As ``--configfile`` takes them.
    where : str
        What they stand in, for messages.

    Raises
    ------
    ValueError
        For an empty mapping in place of another value, which would change nothing.
    """
    found = dict(config)
    for key, value in changes.items():
        if not isinstance(value, Mapping):
            found[key] = value
        elif value or not found.get(key):
            inner = found[key] if isinstance(found.get(key), Mapping) else {}
            try:
                found[key] = changed(inner, value, where)
            except _Empty as empty:
                raise _Empty(f"{key}.{empty}") from None
        else:
            raise _Empty(
                f"{key} is {{}} in {where}, which changes nothing; allowed: keys that it changes"
            )
    return found


class _Empty(ValueError):
    """A mapping that changes nothing, by its key."""


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
    above = {ROOT, *ROOT.parents, here, *here.parents}
    if where in above or any((ROOT / name) in (where, *where.parents) for name in OWN):
        raise ValueError(
            f"results is {str(folder)!r}, which holds other things; allowed: a folder of its own"
        )
    there = next(place for place in (where, *where.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(
            f"results is {str(folder)!r}, and {there} cannot be written to; "
            "allowed: a folder that can"
        )


def device(config: dict) -> None:
    """Raise ValueError if networks are to be trained here by a GPU that this machine lacks."""
    if config["training"]["device"] == "cuda" and config["networks"] is None:
        import torch  # only where it is asked for

        if not torch.cuda.is_available():
            raise ValueError(
                "training.device is 'cuda', which this machine has not; allowed: cpu, or auto"
            )


if __name__ == "__main__":  # FILE..., before Snakemake opens them
    try:
        read(None, sys.argv[1:], {})
    except ValueError as error:
        raise SystemExit(f"Error in the configuration: {error}") from None
