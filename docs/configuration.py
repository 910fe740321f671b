"""Write docs/configuration.md: every key of a study, from what declares it.

Allowed values, defaults and meanings stand in the schema, in config.yaml, and in the classes of
tasks and families, whose docstrings explain their fields. `make docs` brings the page up to date; a
test tells when it is not.
"""

import re
from dataclasses import MISSING, fields
from inspect import cleandoc
from pathlib import Path

import yaml

import checks
import study
from rnnschur import interventions, tasks

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
TYPES = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number"}
BEGINNING = """\
# Configuration

Every key of `config.yaml`, and of any file that a study is started with, which names only the keys
that it changes. What is not allowed is refused before any job starts, [in one line](errors.md).
Defaults are those of `config.yaml`. `make docs` makes this page from what declares the keys.
"""
NOTATION = """\
`[]` stands for each entry of a list, or of a mapping by names. Keys without a default here are
those that not every entry has; what the paper's study has there is below, and in `config.yaml`.
"""


def table(*rows: tuple) -> str:
    """Return rows as a table of Markdown, the first of them its head."""
    escaped = [[str(cell).replace("|", r"\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    return "\n".join([lines[0], "| --- " * len(rows[0]) + "|", *lines[1:]]) + "\n"


def shown(value) -> str:
    """Return a value as YAML has it."""
    written = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n")
    return f"`{written.strip()}`"


def schema_rows(schema: dict, definitions: dict, defaults: dict | None, prefix="") -> list[tuple]:
    """Return a row for each key of a schema, and for each within these.

    Parameters
    ----------
    schema : dict
        Of a mapping or of a list of mappings.
    definitions : dict
        What a ``$ref`` leads to.
    defaults : dict or None
        What the keys are in config.yaml; None where there are several such mappings.

    Raises
    ------
    ValueError
        If a key has no title, which says what it is for.
    """
    rows = []
    for name, declared in schema["properties"].items():
        if "title" not in declared:
            raise ValueError(f"{prefix}{name} has no title in the schema")
        key = {**definitions.get(declared.get("$ref", "").rpartition("/")[2], {}), **declared}
        types = key["type"] if isinstance(key.get("type"), list) else [key.get("type", "text")]
        kinds = " or ".join(TYPES.get(kind, kind) for kind in types)
        several = key.get("items", key.get("additionalProperties")) or {}
        value = "" if name not in (defaults or {}) else shown(defaults[name])
        if "properties" in key or len(value) > 60:  # told in other rows, or too long for one
            value = ""
        rows.append((f"`{prefix}{name}`", kinds, key["description"], value, key["title"]))
        if "properties" in key:
            rows += schema_rows(key, definitions, (defaults or {}).get(name), f"{prefix}{name}.")
        elif "properties" in several:
            rows += schema_rows(several, definitions, None, f"{prefix}{name}[].")
    return rows


def meanings(plugin: type) -> dict[str, str]:
    """Return what the section Parameters of a docstring says of each field."""
    _, _, section = cleandoc(plugin.__doc__).partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n---", section)[0]
    found = re.findall(r"^(\w[\w, ]*) : [^\n]*((?:\n(?: +[^\n]*)?)*)", section, re.MULTILINE)
    return {
        name: re.sub(r":math:`([^`]*)`", r"$\1$", " ".join(text.split())).replace("``", "`")
        for names, text in found
        for name in names.split(", ")
    }


def plugin_rows(plugin: type, given: dict, shared: dict) -> list[tuple]:
    """Return a row for each option of a task or a family, with what config.yaml gives it."""
    rows, said, summary = [], meanings(plugin), cleandoc(plugin.__doc__).partition("\n")[0]
    for key in fields(plugin):
        default = given.get(key.name, key.default)
        if key.name not in given and key.name in shared:
            default = "of `diagnosis`"
        else:
            default = "" if default is MISSING else shown(default)
        rows.append(
            (f"`{key.name}`", key.metadata["allowed"], default, said.get(key.name) or summary)
        )
    return rows


def page() -> str:
    """Return the page."""
    schema = yaml.safe_load(checks.SCHEMA.read_text())
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    head = ("key", "type", "allowed", "default", "meaning")
    parts = [BEGINNING, "## Keys\n", NOTATION]
    parts += [table(head, *schema_rows(schema, schema["$defs"], config))]
    parts += ["## Defaults of tasks\n"]
    named = schema["properties"]["tasks"]["additionalProperties"]["properties"]
    columns = [
        (
            f"`{key}`",
            *(shown(task[key]) if key in task else "" for task in config["tasks"].values()),
        )
        for key in named
        if any(key in task for task in config["tasks"].values())
        and key not in ("protocol", "shifts")
    ]
    parts += [table(("key", *(f"`{name}`" for name in config["tasks"])), *columns)]
    for name, task in config["tasks"].items():
        parts += [f"### protocol of {name}\n"]
        plugin = type(tasks.make(name, **task["protocol"]))
        parts += [table(("key", *head[2:]), *plugin_rows(plugin, task["protocol"], {}))]
        shifts = ", ".join(f"`{shift}` {shown(keys)}" for shift, keys in task["shifts"].items())
        parts += [f"`shifts`: {shifts}.\n"]
    parts += [
        "## Families of interventions\n",
        "What each does is in [Why a coupling can go](why.md).\n",
    ]
    for name, options in config["interventions"].items():
        family = type(interventions.make(name, options, study.shared(config)))
        rows = plugin_rows(family, options, study.shared(config))
        parts += [f"### {name}\n", table(("key", *head[2:]), *rows) if rows else "No options.\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
