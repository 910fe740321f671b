"""Which files a job runs: its script or notebook, and the modules of the project behind it."""

import ast
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

WORKFLOW = Path(__file__).parent
ROOT = WORKFLOW.parent
# Where results come from; `freshness` and this module decide when, not what.
OURS = ("rnnschur", "job")


@cache
def sources(*files: str) -> tuple[str, ...]:
    """Return the given files and the modules of the project that they import.

    Modules count whether they are imported directly or through others.

    Parameters
    ----------
    *files : str
        Paths relative to the project: Python files, notebooks, or data, which import nothing.

    Returns
    -------
    tuple of str
        Paths relative to the project, sorted.
    """
    queue, found = [ROOT / file for file in files], set()
    while queue:
        file = queue.pop()
        if file not in found:
            found.add(file)
            queue += _imported(file)
    # The package's own __init__ holds its version and no code.
    found.discard(WORKFLOW / "rnnschur" / "__init__.py")
    return tuple(sorted(file.relative_to(ROOT).as_posix() for file in found))


def beside(file: str) -> str:
    """Return the path of a file of the project, as it is seen from the working folder."""
    return os.path.relpath(ROOT / file)


@cache
def _imported(file: Path) -> list[Path]:
    """Return the modules of the project that a file imports."""
    imported = []
    for node in _statements(ast.parse(_code(file))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        ours = [name for name in names if name.split(".")[0] in OURS]
        imported += [path for name in ours for path in _files(name)]
    return imported


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a module, those within others among them; no expression has one."""
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, ast.expr):
            yield part
            yield from _statements(part)


def _code(file: Path) -> str:
    """Return the text of a Python file, of the code cells of a notebook, nothing of data."""
    if file.suffix == ".py":
        return file.read_text()
    if file.suffix == ".ipynb":
        try:
            cells = json.loads(file.read_text())["cells"]
            code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file} is no notebook; allowed: one of nbformat 4") from None
        return "\n".join(code)
    return ""


def _files(module: str) -> list[Path]:
    """Return the files that make up a module, none where the name is not a module's."""
    path = WORKFLOW.joinpath(*module.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()]
