"""What the paper leaves open: what was chosen for it, when, and whether its numbers decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rnnschur.paper.statements import read

#: When a choice was made, as `report/choices.yaml` says it and in words.
WHEN = {
    "trials": "in trials before the first version",
    "first": "in the first version",
    "before": "before the search",
    "search": "by the search",
    "later": "after the search",
}
_NEEDED = {"id", "choice", "keys", "when", "numbers", "why"}


def load(path: str | Path) -> dict:
    """Read `report/choices.yaml`.

    Returns
    -------
    dict
        `first`, the protocols of the first version by task, where the search starts from others,
        and `choices`, a list. A choice has the keys id, choice (in words), keys (of config.yaml,
        with dots, below tasks or diagnosis), when (one of `WHEN`), numbers (whether it was made for
        the paper's numbers) and why.

    Raises
    ------
    ValueError
        As `rnnschur.paper.statements.read`, and for a time or an answer that there is not.
    """
    found = read(path, "choice", _NEEDED, set())
    for choice in found["choices"]:
        for key, allowed in (("when", list(WHEN)), ("numbers", [True, False])):
            if choice[key] not in allowed:
                raise ValueError(
                    f"{path}: choice {choice['id']!r}: {key} is {choice[key]!r}; "
                    f"allowed: {', '.join(map(str, allowed))}"
                )
    return found


def of(config: Mapping, key: str):
    """Return the value of a key, such as ``copy.protocol.replays`` or ``diagnosis.epsilon``."""
    place = config if key.startswith("diagnosis.") else config["tasks"]
    for part in key.split("."):
        place = place[part]
    return place


def table(choices: list[dict], config: Mapping, search: Mapping) -> pd.DataFrame:
    """Return every choice beside what else was tried.

    Parameters
    ----------
    choices : list of dict
        As `load` returns them.
    config, search : mapping
        Configurations of the main study and of the search, complete.

    Returns
    -------
    pandas.DataFrame
        Columns choice, value, tried (other values in the search), when, numbers (yes or no) and
        why, all in words.
    """
    rows = []
    for choice in choices:
        chosen, tried = {}, {}
        for key in choice["keys"]:
            task, *_, name = key.split(".")
            name, value = name.replace("_", " "), of(config, key)
            protocols = [p for n, p in search["tasks"].items() if p.get("like", n) == task]
            others = [of({"tasks": {task: protocol}}, key) for protocol in protocols]
            chosen.setdefault(name, []).append(value)
            tried.setdefault(name, []).extend(other for other in others if other != value)
        rows.append(
            {
                "choice": choice["choice"],
                "value": _words(chosen),
                "tried": _words(tried),
                "when": WHEN[choice["when"]],
                "numbers": "yes" if choice["numbers"] else "no",
                "why": choice["why"],
            }
        )
    return pd.DataFrame(rows)


def _words(values: Mapping[str, list]) -> str:
    """Return the values of some keys in words, each once, with the names of several keys."""
    texts = {name: ", ".join(dict.fromkeys(map(_word, v))) for name, v in values.items() if v}
    return "; ".join(texts.values() if len(values) == 1 else (f"{n} {t}" for n, t in texts.items()))


def _word(value) -> str:
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:g}"
