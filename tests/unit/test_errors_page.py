"""docs/errors.md has every refusal that a user's own network can meet, in the words of the code."""

import ast
import re
from pathlib import Path

import rnnschur

ROOT = Path(rnnschur.__file__).parent
PAGE = (ROOT.parents[1] / "docs" / "errors.md").read_text()
MODULES = [
    *("documents", "torch_layers", "simulator", "formats", "entries", "keys", "layout", "trials"),
    *("description", "comparison", "given", "imported", "network", "batch", "arrays"),
    *(
        "constraints",
        "tensors",
        "metrics",
        "evaluation",
        "response",
        "command",
        "options",
        "criterion",
    ),
    *(f"cells/{path.stem}" for path in (ROOT / "cells").glob("*.py")),
]


def pattern(node: ast.expr) -> str:
    """Return the words of a message, … where it names something."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(pattern, node.values))
    if isinstance(node, ast.BinOp):
        return pattern(node.left) + pattern(node.right)
    return "…"


def messages(module: str) -> set[str]:
    """Return the messages of a module, but for those that only pass on another's words."""
    found = set()
    for call in ast.walk(ast.parse((ROOT / f"{module}.py").read_text())):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            place = {"ValueError": 0, "ClickException": 0, "refusal": 1, "_Refused": 0}.get(name)
            if place is not None and len(call.args) > place:
                found.add(re.sub("…+", "…", pattern(call.args[place])))
    return {words for words in found if len(re.findall("[a-zA-Z]", words)) >= 5}


def test_every_message_stands_on_the_page_and_no_other():
    code = set().union(*map(messages, MODULES))
    assert len(code) > 90
    # What a comparison finds is put together from parts.
    code.add(
        "outputs differ from the reference by … standard deviations, from step … on, in … of … "
        "sequences; allowed: …; …"
    )
    page = re.findall(r"^- `(.*)`$", PAGE, re.MULTILINE)
    assert len(page) == len(set(page))
    assert set(page) == code


def test_every_message_is_explained():
    for part in re.split(r"\n\n(?=- `)", PAGE)[1:]:
        explanation = re.sub(r"^- .*$|^#.*$", "", part, flags=re.MULTILINE).strip()
        assert len(explanation) > 20, part
