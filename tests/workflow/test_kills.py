"""A run ends in the same bytes, however often it is killed, and wherever it is started.

Ten kills; `pytest tests/workflow/test_kills.py --kills 100` for more.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from conftest import Project, copied

pytestmark = pytest.mark.workflow
STUDY = """
seeds: 3
seeds_per_job: 3
experiments:
  - {task: copy, architectures: [cayley], widths: [12]}
  - {task: flip_flop, architectures: [orthogonal], widths: [16]}
tasks: {copy: {updates: 1500}, flip_flop: {epochs: 5, updates_per_epoch: 3000}}
"""
TABLES = " ".join(f"results/tables/{n}.csv" for n in ("networks", "ablations", "histories"))
TARGET = f"some:\n\t$(STUDY) {TABLES} --cores $(CORES) $(SHOWN)\n"
NOTED = 'waiting.put(seed, *trained)\n            open("trained", "a").write(f"{name}{seed} ")\n'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Project:
    """Return a project that notes what it has trained, and has a checkpoint in every second."""
    project = Project(tmp_path_factory.mktemp("prepared") / "project")
    project.configure(STUDY)
    (project.folder / "some.mk").write_text(TARGET)
    for file, old, new in (
        ("scripts/train.py", "waiting.put(seed, *trained)\n", NOTED),
        ("rnnschur/training/resume.py", "EVERY = 60.0", "EVERY = 0.5"),
    ):
        path = project.folder / "workflow" / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
    return project


def start(project: Project, cores: int = 2, **variables: str) -> subprocess.Popen:
    """Start the study by make; what it prints goes to a file, which orphans may keep open."""
    make = ["make", "--assume-old=.venv/.ready", "-f", "Makefile", "-f", "some.mk", "some"]
    with (project.folder / "printed.txt").open("a") as printed:
        return subprocess.Popen(
            [*make, f"CORES={cores}"],
            cwd=project.folder,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            | variables,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(project: Project, process: subprocess.Popen) -> None:
    assert process.wait(600) == 0, (project.folder / "printed.txt").read_text()[-6000:]


def results(project: Project) -> dict[str, bytes]:
    """Return weights, tables and records; logs and benchmarks tell of times."""
    files = [path for path in project.results.rglob("*") if path.is_file()]
    found = {path.relative_to(project.results).as_posix(): path.read_bytes() for path in files}
    told = ("logs/", "benchmarks/")
    return {
        name: content
        for name, content in found.items()
        if not name.startswith(told) and not Path(name).name.startswith(".")
    }


def trained(project: Project) -> Counter:
    return Counter((project.folder / "trained").read_text().split())


ONCE = Counter([f"{task}{seed}" for task in ("copy", "flip_flop") for seed in range(3)])


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory) -> dict[str, bytes]:
    """Return the results of a run that nothing happens to, two jobs at a time."""
    project = copied(prepared.folder, tmp_path_factory.mktemp("undisturbed") / "project")
    finish(project, start(project))
    assert trained(project) == ONCE
    found = results(project)
    assert len(found) == 27 and not any(".partial" in name for name in found)
    return found


def test_neither_jobs_nor_surroundings_change_a_byte(prepared, undisturbed, tmp_path):
    elsewhere = copied(prepared.folder, tmp_path / "an other folder" / "of another name")
    finish(
        elsewhere,
        start(elsewhere, 1, LC_ALL="tr_TR.UTF-8", TZ="Asia/Kathmandu", PYTHONHASHSEED="1"),
    )
    assert results(elsewhere) == undisturbed


def killed(project: Project, process: subprocess.Popen, whom: str) -> None:
    """Kill the run and its jobs, or Snakemake alone, whose jobs go on."""
    owner = project.folder / ".snakemake" / "owner"
    if whom == "all" or not owner.exists():
        os.killpg(process.pid, signal.SIGKILL)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(owner.read_text().split()[0]), signal.SIGKILL)
    process.wait(60)


def test_kills_cost_no_network_and_no_byte(prepared, undisturbed, tmp_path, request):
    """At random moments after a job has started; a study that has ended begins again."""
    project = copied(prepared.folder, tmp_path / "project")
    rng = random.Random(2606)
    left, ended = request.config.getoption("--kills"), 0
    while left or not ended:
        begun, process = time.time(), start(project)
        logs = project.results / "logs"
        while left and process.poll() is None:
            if any(log.stat().st_mtime > begun for log in logs.rglob("*.log")):
                break
            time.sleep(0.05)
        moment = time.time() + rng.uniform(0, 5)
        while left and process.poll() is None and time.time() < moment:
            time.sleep(0.02)
        if left and process.poll() is None:
            killed(project, process, rng.choice(("all", "Snakemake alone")))
            left -= 1
            continue
        finish(project, process)
        assert results(project) == undisturbed
        assert trained(project) == ONCE
        ended += 1
        if left:
            shutil.rmtree(project.results)
            (project.folder / "trained").unlink()
    printed = (project.folder / "printed.txt").read_text()
    assert "was killed; this one goes on" in printed and "--unlock" not in printed
