"""YAML that people write, and JSON, which is YAML too: read strictly, so that nothing is lost.

A parser takes the last of two equal keys, an old spelling of another number, and a file of a few
lines that stands for a billion values. All of these are refused here, in one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: The most bytes of a file, and the most values in it, those that are repeated by an alias counted
#: each time.
LARGEST, MOST = 2**18, 20_000

#: How a whole number is written that is no other number in YAML 1.1, where 010 is 8 and 1:30 is 90.
_PLAIN = re.compile(r"[+-]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)")


def read(path: str | Path):
    """Read a file of YAML or JSON.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict, list, str, int, float, bool or None
        What the file says; nothing in it is executed.

    Raises
    ------
    ValueError
        If the file is not there, too large, or no YAML; if a mapping has a key twice, or one that
        no line of a message can hold; if a value contains itself, or aliases stand for too many
        values; and for a whole number with a leading zero or a colon. The message names the file
        and, where there is one, the line.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.yaml")
    ...     size = file.write_text("{seeds: 5, names: [a, b]}")
    ...     read(file)
    {'seeds': 5, 'names': ['a', 'b']}
    """
    import yaml  # only here: what trains and diagnoses does not need it

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is not there; allowed: a file of YAML")
    with path.open("rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST} bytes; allowed: at most so many")
    try:
        loader = yaml.SafeLoader(text.decode())
        node = loader.get_single_node()
        _check(node)
        return None if node is None else loader.construct_document(node)
    except _Refused as refused:
        raise ValueError(f"{path}: {refused}") from None
    except Exception as error:  # what is no YAML fails in many ways: a date that is none, !!int x
        place = getattr(error, "problem_mark", None)
        raise ValueError(
            f"{path} is not YAML" + (f": see line {place.line + 1}" if place else "")
        ) from None


def strange(value) -> str | None:
    """Return the first text in a value, keys included, that is not one line of printable signs.

    In a message it would be several lines, or change what a terminal shows.

    Examples
    --------
    >>> strange({"names": ["a", "b c"]}), strange({"names": ["a\\n"]})
    (None, 'a\\n')
    """
    if isinstance(value, str):
        return None if value.isprintable() else value
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    found = map(strange, value) if isinstance(value, list | tuple) else ()
    return next((text for text in found if text is not None), None)


class _Refused(ValueError):
    """What is YAML, and yet not taken."""


def _check(node) -> None:
    """Raise _Refused for what would be lost, or would not end."""
    if _count(node, {}, set()) > MOST:
        raise _Refused(f"stands for more than {MOST} values; allowed: at most so many")
    for part, line in _parts(node):
        if part.tag.endswith((":int", ":float")) and not _is_plain(part):
            raise _Refused(
                f"{part.value} in line {line} is another number in YAML; allowed: a number without "
                "leading zeros and colons, or text in quotes"
            )
        lines = {}
        for key, _ in part.value if part.id == "mapping" else ():
            if key.id != "scalar":
                continue
            again = key.start_mark.line + 1
            if not key.value.isprintable():
                raise _Refused(
                    f"the key {key.value!r} in line {again} cannot be printed; "
                    "allowed: text of one line"
                )
            if (first := lines.get(key.value)) is not None:
                raise _Refused(
                    f"{key.value} is given twice, in lines {first} and {again}; allowed: once"
                )
            lines[key.value] = again


def _is_plain(scalar) -> bool:
    """Tell whether a number is what a reader takes it for."""
    if scalar.tag.endswith(":float"):
        return ":" not in scalar.value
    return _PLAIN.fullmatch(scalar.value) is not None


def _children(node) -> list:
    """Return the nodes right below one of a YAML document, keys among them."""
    if getattr(node, "id", "") == "mapping":
        return [part for pair in node.value for part in pair]
    return node.value if getattr(node, "id", "") == "sequence" else []


def _count(node, known: dict, above: set) -> int:
    """Return how many values a node stands for, without going through them."""
    if id(node) in above:
        raise _Refused("a value contains itself; allowed: values that end")
    if id(node) not in known:
        within = above | {id(node)}
        known[id(node)] = 1 + sum(_count(part, known, within) for part in _children(node))
    return known[id(node)]


def _parts(node) -> Iterator[tuple]:
    """Yield every node of a document, and its line, from 1."""
    if node is not None:
        yield node, node.start_mark.line + 1
        for part in _children(node):
            yield from _parts(part)
