"""A one-node Slurm for the session, and a small study with two blocks of two networks on it."""

from contextlib import suppress
from pathlib import Path
from shutil import copytree

import psutil
import pytest
from one_node_slurm import OneNodeSlurm, Unavailable, wait_until

# tests/ is on the path by its own conftest.py.
from workflow.conftest import Project

QUICK = "networks/sine/default/n16/seeds0-1"
KERNELS = "workflow/rnnschur/kernels"
SLOW = "networks/flip_flop/orthogonal/n16/seeds0-1"
TABLE = "results/tables/ablations.csv"  # of all blocks
STUDY = """
seeds: 2
experiments:
  - {task: sine, architectures: [default], widths: [16]}
  - {task: flip_flop, architectures: [orthogonal], widths: [16]}
tasks:
  flip_flop: {updates_per_epoch: 2000}
interventions: {orders: {}, symmetries: {}}  # a family is nothing to a cluster
"""
# Shorter waits than on a real cluster.
SITES = {
    "slurm": [
        "--slurm-init-seconds-before-status-checks=3",
        "--max-status-checks-per-second=1",
    ],
    "cluster-generic": ["--seconds-between-status-checks=1"],
}
# The plugin for Slurm waits ten seconds longer after each look that finds nothing ended.
IMPATIENT = """
import sys

if "--profile" in sys.orig_argv:
    from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

    RemoteExecutor.next_seconds_between_status_checks = property(lambda _: 2, lambda *_: None)
"""


class Cluster(Project):
    """A copy of the project and the Slurm that it runs on."""

    def __init__(self, folder: Path, slurm: OneNodeSlurm):
        """Copy the project; the submissions so far are none of its own."""
        super().__init__(folder)
        self.slurm, self.runs = slurm, []
        self.before = {job.id for job in slurm.jobs()}
        self.configure(STUDY)

    def snakemake(self, profile: str, *arguments: str):
        """Start the study on Slurm through one of the project's profiles."""
        command = ["snakemake", "--profile", f"profiles/{profile}", *SITES[profile], *arguments]
        (self.folder / "impatient").mkdir(exist_ok=True)
        (self.folder / "impatient" / "sitecustomize.py").write_text(IMPATIENT)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(self.folder / "impatient"))
            self.runs.append(self.start(*command))
        return self.runs[-1]

    def submissions(self, group: str = "") -> list:
        """Return the submissions, or those of one group of rules, in their order."""
        own = [job for job in self.slurm.jobs() if job.id not in self.before]
        return [job for job in own if f"{group}_" in job.name + job.comment] if group else own

    def states(self, group: str) -> list[str]:
        """Return how the submissions of a group of rules are, in their order."""
        return [job.state for job in self.submissions(group)]

    def hold(self, block: str = SLOW) -> psutil.Process:
        """Suspend the training of a block after its first network, and return the process."""
        first = self.results / f"{block}.safetensors.partial" / "seed0.safetensors"
        wait_until(first.exists)
        log = str(self.results / f"{block}.log".replace("networks", "logs/train"))
        (process,) = (process for process in psutil.process_iter() if log in opened(process))
        process.suspend()
        assert first.exists()
        return process

    def gate(self, script: str) -> Path:
        """Return a file: while it is there, what this script does waits."""
        path, gate = self.folder / "workflow" / "scripts" / script, self.folder / "gate"
        wait = (
            f"import pathlib, time\nwhile pathlib.Path({str(gate)!r}).exists(): time.sleep(0.1)\n"
        )
        path.write_text(wait + path.read_text())
        return gate

    def trained(self, block: str = SLOW) -> list[str]:
        """Return which networks the last run of a block's training trained."""
        log = (self.results / f"{block}.log".replace("networks", "logs/train")).read_text()
        return [seed for seed in ("seed0", "seed1") if seed in log]

    def tables(self) -> dict[str, bytes]:
        """Return the bytes of every table, by name."""
        return {path.name: path.read_bytes() for path in self.results.glob("tables/*.csv")}

    def files(self, block: str) -> dict[str, tuple]:
        """Return what tells a file written again from one that was not, for a block's files."""
        found = sorted(path for path in self.results.glob(f"{block}.*") if path.is_file())
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def opened(process: psutil.Process) -> list[str]:
    """Return the files that a process has open, none if it has just ended."""
    with suppress(psutil.Error):
        return [file.path for file in process.open_files()]
    return []


def finish(process) -> str:
    """Wait for a run that must succeed and return what it printed."""
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 0, printed[-8000:]
    return printed


@pytest.fixture(scope="session")
def slurm():
    """Return a running Slurm, or skip where there can be none."""
    try:
        with OneNodeSlurm() as slurm:
            yield slurm
    except Unavailable as reason:
        pytest.skip(f"{reason}")


@pytest.fixture
def cluster(tmp_path, slurm, reference):
    """Return a fresh copy of the project; whatever a failed test leaves running is ended."""
    project = Cluster(tmp_path / "project", slurm)
    # Kernels are compiled once, and not in every copy of a new clone.
    copytree(reference.folder / KERNELS, project.folder / KERNELS, dirs_exist_ok=True)
    yield project
    for run in project.runs:
        with run:
            run.kill()
    slurm.clear()


@pytest.fixture(scope="session")
def reference(tmp_path_factory, slurm) -> Cluster:
    """Return the same study, run without the cluster and undisturbed, up to the table."""
    project = Cluster(tmp_path_factory.mktemp("local") / "project", slurm)
    project.run("snakemake", TABLE)
    return project
