"""One run of make at a time in a folder, and none beside jobs of an earlier one."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import alone
import sources

WORKFLOW = str(sources.WORKFLOW)
OWN = "import alone; kept = alone.own(); print('mine', flush=True); "


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(code: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": WORKFLOW},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def own() -> tuple[int, str, str]:
    process = python(OWN)
    printed, said = process.communicate(timeout=60)
    return process.returncode, printed.strip(), said.strip()


@pytest.fixture
def running():
    """A run that is at work, with a child that outlives it."""
    child = "import subprocess, sys, time; "
    child += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    process = python(OWN + child + "print('on', flush=True); time.sleep(60)")
    assert [process.stdout.readline().strip() for _ in range(2)] == ["mine", "on"]
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def locked(folder):
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "0.output.lock").write_text("results/a\n")
    return locks


def test_a_second_run_is_refused_in_one_line(folder, running):
    locks = locked(folder)
    code, printed, said = own()
    assert code == 1 and printed == "" and locks.exists()
    machine = platform.node()
    assert said == (
        f"make is at work in this folder already, as process {running.pid} on {machine}; wait "
        "until it has ended, or stop it"
    )


def test_after_a_kill_what_it_had_locked_is_unlocked(folder, running):
    locks = locked(folder)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    code, printed, said = own()
    assert (code, printed) == (0, "mine") and not locks.exists()
    assert said == f"The last run, process {running.pid}, was killed; this one goes on."


def test_after_a_run_that_ended_nothing_is_said(folder):
    assert own() == own() == (0, "mine", "")


@pytest.mark.parametrize("owner", ["", "12 another-machine"])
def test_locks_of_others_stay(folder, owner):
    """Of a Snakemake that was started by hand, or on another machine that shares the folder."""
    locks = locked(folder)
    (folder / ".snakemake" / "owner").write_text(owner)
    assert own() == (0, "mine", "") and locks.exists()


def test_a_snakemake_started_by_hand_takes_the_locks_as_its_own(folder):
    disown = python("import alone; alone.disown()")
    disown.communicate()
    assert not (folder / ".snakemake").exists()  # no make has been here
    assert own() == (0, "mine", "")
    python("import alone; alone.disown()").communicate()
    locks = locked(folder)
    assert own() == (0, "mine", "") and locks.exists()


def test_the_run_of_make_does_not_disown_itself(folder):
    python(OWN + "alone.disown()").communicate()
    locks = locked(folder)
    assert "was killed" in own()[2] and not locks.exists()


WORK = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
import job
said = sys.stdout
job.log(SimpleNamespace(log=["job.log"]))
print("working")
said.write("begun\\n")
said.flush()
time.sleep(1)
Path("table.csv").write_text("made by the other")
"""


def test_a_run_waits_for_jobs_that_have_outlived_another(folder, capsys):
    (folder / "job.log").write_text("of an earlier run\n")
    other = python(WORK)
    assert other.stdout.readline() == "begun\n"
    assert (folder / "job.log").read_text() == "working\n"
    alone.wait_for_survivors(["no.log", "job.log"])
    assert Path("table.csv").read_text() == "made by the other"
    other.communicate()
    said = "An earlier run is still writing job.log; waiting for it.\n"
    assert capsys.readouterr().err == said
    alone.wait_for_survivors(["job.log"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("local", [True, False])
def test_a_run_asks_slurm_for_jobs_of_an_earlier_one(folder, monkeypatch, local):
    """By their names and folder; tests/cluster has the real Slurm."""
    monkeypatch.setenv("PATH", str(folder))
    alone.refuse_survivors(local)  # no Slurm
    squeue = folder / "squeue"
    said = (
        f"1|rnnschur-part_a|{folder}\n2|rnnschur-part_b|/elsewhere\n3|mine|{folder}\n"
        f"4|rnnschur-part_c|{folder}\n"
    )
    squeue.write_text(f"#!/bin/sh\nprintf '%s' '{said}'\n")
    squeue.chmod(0o755)
    with pytest.raises(SystemExit, match=r"in this folder: 1 4; wait .* scancel 1 4$"):
        alone.refuse_survivors(local)
    squeue.write_text("#!/bin/sh\necho not there >&2; exit 1\n")
    if local:
        alone.refuse_survivors(local)
    else:
        with pytest.raises(SystemExit, match=r"when it answers: not there$"):
            alone.refuse_survivors(local)
