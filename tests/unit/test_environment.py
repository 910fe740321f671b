"""One list of pinned libraries, in two files that agree."""

import re
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
    environment = (ROOT / "envs" / "study.yaml").read_text().lower()
    names = {"yaml": "pyyaml", "llvmlite": "numba", "IPython": "ipykernel"}
    for path in (ROOT / "workflow").rglob("*.py"):
        for module in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE):
            if module not in {"rnnschur", "study", "sources"} | STANDARD:
                assert names.get(module, module).lower() in environment, (path, module)


STANDARD = set(__import__("sys").stdlib_module_names)
