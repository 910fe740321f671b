"""Every command of the README is run by a test, this one or another."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
ELSEWHERE = {
    "make study": "the fixture `finished` runs it",
    "make test": "runs these tests",
    "make compare": "test_published.py",
    "make verify": "test_published.py",
    "make search": "test_search.py, on protocols that take seconds",
    "snakemake published_figures": "test_published.py",
    "snakemake": "the run after a divergence in test_study.py completes with it",
}
DRY = {
    "snakemake --configfile workflow/studies/demo.yaml": "make demo runs it whole",
    "snakemake --profile profiles/slurm": "tests/cluster runs it whole, on a Slurm",
    "snakemake --profile profiles/cluster-generic": "tests/cluster runs it whole, on a Slurm",
}


@pytest.mark.workflow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ELSEWHERE])
def test_commands_run(command, finished):
    if command.startswith("make"):
        printed = finished.make(command.split()[1])
    else:
        printed = finished.run(*command.split(), *(["--dry-run"] if command in DRY else []))
    assert "Error" not in printed


def test_the_commands_run_elsewhere_are_still_in_the_readme():
    assert set(COMMANDS) >= ELSEWHERE.keys() | DRY.keys()


def test_the_example_in_python_runs():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=ROOT / "workflow",
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "rollout_difference" in run.stdout


def test_paths_in_the_readme_exist():
    named = re.findall(r"`([\w./]+/[\w./]*|\w+\.(?:yaml|cff|py))`", README)
    assert named
    for name in named:
        if not name.startswith("results/") and name != "sine.py" and name != "normal.py":
            assert (ROOT / name).exists() or (ROOT / "report" / name).exists(), name
