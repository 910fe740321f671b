"""Where a configuration comes from, before it is checked, and what it leaves unsaid.

Snakemake merges the files of a configuration key by key and takes the last of two equal keys. So
the files are read once more, strictly, and what a merge would drop in silence is refused.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: A key that makes a template of a file of YAML: expressions in it are Python.
YTE = "__use_yte__"


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


def of_module(changes: dict) -> dict:
    """Return the configuration beside the workflow with some of its keys changed.

    Raises
    ------
    ValueError
        As `changed`.
    """
    from rnnschur import documents  # only for a module of another workflow

    config = documents.read(ROOT / "config.yaml")
    return changed(config, changes, "the configuration of the module")


def usual_tasks() -> dict:
    """Return the tasks of the configuration beside the workflow, complete."""
    from rnnschur import documents  # only for the report

    config = documents.read(ROOT / "config.yaml")
    complete(config)
    return config["tasks"]


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
            if (like := said["like"]) not in [*full]:  # which may be of any kind
                raise ValueError(f"tasks.{name}.like is {like!r}; allowed: {', '.join(full)}")
            model, protocol = full[like], said.get("protocol", {})
            known = model.get("protocol")
            if isinstance(known, dict) and isinstance(protocol, dict):
                protocol = {**known, **protocol}
            described[name] = {**model, **said, "protocol": protocol}


if __name__ == "__main__":  # FILE..., before Snakemake opens them
    try:
        read(None, sys.argv[1:], {})
    except ValueError as error:
        raise SystemExit(f"Error in the configuration: {error}") from None
