"""Signatures stay short: what travels together is an object with a name."""

import ast
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / "workflow"
LONGEST = 7
# Compiled code takes arrays, not objects.
FILES = [path for path in sorted(WORKFLOW.rglob("*.py")) if path.parent.name != "kernels"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(WORKFLOW)))
def test_no_function_takes_more_than_seven_parameters(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            more = [arguments.vararg, arguments.kwarg]
            names = {a.arg for a in [*named, *filter(None, more)]} - {"self", "cls"}
            assert len(names) <= LONGEST, f"{node.name} takes {len(names)}"


def test_one_function_is_called_diagnose():
    found = [
        path.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "diagnose"
    ]
    assert found == ["diagnosis.py"]
