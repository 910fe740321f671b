"""The networks that a study is given instead of training some.

They are those of a finished study, by its results folder, or networks that were trained elsewhere,
by the files that ``rnnschur import`` wrote.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: How a task may be called, in paths and tables.
NAME = re.compile(r"[a-z0-9_]+")
#: Files that a pattern may stand for, as the schema has it of those that are named.
PLAIN = re.compile(r"[\w./-]+")
ALLOWED = "a results folder, files that rnnschur import wrote, * for any text, or a list of these"


def results(config: dict) -> str | None:
    """Return the results folder of a finished study whose networks are given, if they are."""
    given = config["networks"]
    return given if isinstance(given, str) and Path(given).is_dir() else None


def elsewhere(config: dict) -> bool:
    """Tell whether networks are given that were trained elsewhere, without looking for them."""
    return bool(config["networks"]) and not results(config)


def files(config: dict) -> dict[str, list[str]]:
    """Return the imported files that are given, under the names of their tasks.

    A task is the name that the configuration gives to files, otherwise that of a file, or of its
    folder where it is called ``network``. A ``network.yaml`` stands for what was imported from it.

    Raises
    ------
    ValueError
        If there is no such file; the message names it.
    """
    given = config["networks"]
    if not elsewhere(config):
        return {}
    if isinstance(given, dict):
        return {name: _unique(_matching(patterns)) for name, patterns in given.items()}
    found = {}
    for file in _unique(_matching(given)):
        path = Path(file).resolve()
        stem = path.parent.name if path.stem == "network" else path.stem
        found.setdefault(re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_"), []).append(file)
    return found


def blocks(config: dict) -> dict[tuple, list[str]]:
    """Return task, cell, width and seeds, first and last, of every block, and its files.

    Networks of one task, cell and width are numbered from 0 in the order of their files. A block
    has whole files, as many as make `seeds_per_job` networks.

    Raises
    ------
    ValueError
        As `files`, and for a file that is not an imported one.
    """
    conditions: dict[tuple, list] = {}
    for task, paths in files(config).items():
        for path in paths:
            says = _about(path, Path(path).stat().st_mtime_ns)
            condition = task, says["cell"], int(says["units"])
            conditions.setdefault(condition, []).append((path, int(says["networks"])))
    found = {}
    for condition, members in conditions.items():
        first, block, count = 0, [], 0
        for index, (path, networks) in enumerate(members):
            block, count = [*block, path], count + networks
            if count >= config["seeds_per_job"] or index == len(members) - 1:
                found[*condition, first, first + count - 1] = block
                first, block, count = first + count, [], 0
    return found


def check(config: dict) -> None:
    """Check that all files that are given are there, and what was imported is what is there now.

    Raises
    ------
    ValueError
        One line that names the file.
    """
    for task, paths in files(config).items():
        if not NAME.fullmatch(task):
            raise ValueError(f"networks has {task!r}; allowed: lower-case letters, digits and _")
        for path in paths:
            _current(path, json.loads(_about(path, Path(path).stat().st_mtime_ns)["sources"]))


def _matching(patterns) -> Iterator[str]:
    """Yield the imported files that one or several patterns stand for."""
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        start = Path(Path(pattern).anchor)
        try:
            found = sorted(map(str, start.glob(str(Path(pattern).relative_to(start)))))
        except (ValueError, IndexError):  # a**, and what names no file: ., /
            found = []
        if not found:
            raise ValueError(f"networks is {pattern!r}, which is not there; allowed: {ALLOWED}")
        for file in found:
            if not PLAIN.fullmatch(file):
                raise ValueError(
                    f"networks is {pattern!r}, which stands for {file!r}; allowed: names of "
                    "letters, digits and _ . - / alone"
                )
            yield _imported(Path(file))


def _imported(path: Path) -> str:
    """Return the imported file that a path stands for."""
    if path.suffix not in (".yaml", ".yml"):
        return str(path)
    imported = path.with_suffix(".safetensors")
    if not imported.exists():
        raise ValueError(f"networks: {path} is not imported yet; run: rnnschur import {path}")
    return str(imported)


def _unique(paths: Iterator[str]) -> list[str]:
    """Return paths without those that lead to a file again."""
    return list({Path(path).resolve(): path for path in paths}.values())


@cache
def _about(path: str, changed: int) -> dict[str, str]:
    """Return what an imported file says of itself; it is read again if it has `changed`."""
    from rnnschur import imported  # only here: most studies train their networks

    try:
        return imported.about(path)
    except ValueError as error:
        raise ValueError(f"networks: {error}") from None


def _current(path: str, sources: dict[str, str]) -> None:
    """Raise ValueError if what a file was imported from is there and has changed."""
    folder = Path(path).parent
    description = next(iter(sources))
    if not (folder / description).exists():
        return  # imported files need no others
    for name, digest in sources.items():
        file = folder / name
        if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise ValueError(
                f"networks: {file} has changed since {path} was imported; run: rnnschur import "
                f"{folder / description}"
            )
