"""One list of pinned libraries, in two files that agree."""

import ast
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_conda_environment_agrees_with_the_requirements():
    lines = (ROOT / "envs" / "requirements.txt").read_text().splitlines()
    pins = dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))
    environment = yaml.safe_load((ROOT / "envs" / "study.yaml").read_text())
    (listed,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    assert len(listed) > 10
    for requirement in listed:
        name, version = requirement.lower().split("==")
        assert pins[name] == version


def test_every_library_that_the_study_imports_is_listed():
    environment = yaml.safe_load((ROOT / "envs" / "study.yaml").read_text())
    (listed,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    listed = {requirement.lower().partition("==")[0] for requirement in listed}
    names = {"yaml": "pyyaml", "llvmlite": "numba", "IPython": "ipykernel", "PIL": "pillow"}
    names["snakemake_interface_logger_plugins"] = "snakemake"  # which needs it
    own = {"rnnschur", "snakemake_logger_plugin_progress"}
    own |= {path.stem for path in (ROOT / "workflow").glob("*.py")}
    for path in (ROOT / "workflow").rglob("*.py"):
        for statement in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(statement, ast.Import):
                modules = [name.name for name in statement.names]
            elif isinstance(statement, ast.ImportFrom):
                modules = [statement.module]
            for module in {name.partition(".")[0] for name in modules} - own - STANDARD:
                assert names.get(module, module).lower() in listed, (path, module)


STANDARD = set(sys.stdlib_module_names)
