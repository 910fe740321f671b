"""Which modules of the package a script runs, so that an edit reruns what depends on it."""

import ast
import json
import os
from functools import cache
from pathlib import Path

WORKFLOW = Path(__file__).parent


def sources(*files: str) -> list[str]:
    """Return the modules of `rnnschur` that the given files import, directly or through others.

    Parameters
    ----------
    *files : str
        Python files or notebooks under workflow/. Files of the package itself are part of the
        result.

    Returns
    -------
    list of str
        Paths relative to the working folder, sorted.
    """
    queue, found = [WORKFLOW / file for file in files], set()
    while queue:
        file = queue.pop()
        if file in found:
            continue
        found.add(file)
        queue += _imported(file)
    # The package's own __init__ holds its version and no code.
    package = [path for path in found if (WORKFLOW / "rnnschur") in path.parents]
    package = [path for path in package if path != WORKFLOW / "rnnschur" / "__init__.py"]
    return sorted(os.path.relpath(path) for path in package)


def beside(file: str) -> str:
    """Return the path of a file of the repository, as it is seen from the working folder."""
    return os.path.relpath(WORKFLOW.parent / file)


@cache
def _imported(file: Path) -> list[Path]:
    """Return the modules of the package that a file imports."""
    imported = []
    for node in ast.walk(ast.parse(_code(file))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnschur"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            imported += [path for name in names for path in _files(name)]
    return imported


def _code(file: Path) -> str:
    """Return the text of a Python file or of the code cells of a notebook."""
    if file.suffix != ".ipynb":
        return file.read_text()
    cells = json.loads(file.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def _files(module: str) -> list[Path]:
    """Return the files that make up a module, none where the name is not a module's."""
    path = WORKFLOW.joinpath(*module.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()]
