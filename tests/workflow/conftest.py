"""A copy of the project, configured for a small study, and its run, once for all tests."""

import os
import shutil
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
import yaml
from filelock import FileLock
from snakemake.utils import update_config

ROOT = Path(__file__).parents[2]
TEXTS = {
    file.relative_to(ROOT).as_posix(): file.read_text()
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md")))
}
SMALL = Path(__file__).parent / "small.yaml"
PARTS = ("Snakefile", "Makefile", "config.yaml", "workflow", "report", "profiles", "envs")

# Dry runs start from a process that has imported libraries, and nothing of the project: half of
# what a dry run takes.
PLANNERS = get_context("forkserver")
PLANNERS.set_forkserver_preload([__name__, "snakemake.cli", "jsonschema", "pandas", "scipy.linalg"])


def plan(folder: Path, printed: str, arguments: tuple[str, ...]) -> None:
    """Be Snakemake in a folder; what it prints goes to a file."""
    os.chdir(folder)
    file = os.open(printed, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    from snakemake.cli import main

    main(list(arguments))


class Project:
    """A copy of the project in a folder of its own."""

    def __init__(self, folder: Path):
        """Copy the project; times are kept, so that compiled kernels are used again."""
        self.folder = folder
        self.results = folder / "results"
        folder.mkdir(parents=True)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        (folder / ".venv").symlink_to(sys.prefix)
        self.configure()

    def configure(self, changes: str = "") -> None:
        """Make the small study, changed by some YAML, the configuration of the copy.

        Families of interventions that the changes name are its only ones.
        """
        config, changed = (
            yaml.safe_load((ROOT / "config.yaml").read_text()),
            yaml.safe_load(changes),
        )
        update_config(config, yaml.safe_load(SMALL.read_text()))
        update_config(config, changed or {})
        if families := (changed or {}).get("interventions"):
            config["interventions"] = {name: config["interventions"][name] for name in families}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def start(self, *command: str, **options) -> subprocess.Popen:
        """Start a command in the copy, in the environment that the tests run in."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *command: str, success: bool = True) -> str:
        """Run a command to its end and return what it prints."""
        if command[0] == "snakemake" and "--dry-run" in command:
            return self.planned(*command[1:], success=success)
        process = self.start(*command)
        printed, _ = process.communicate()
        assert (process.returncode == 0) == success, printed[-8000:]
        return printed

    def planned(self, *arguments: str, success: bool = True) -> str:
        """Return what a dry run prints."""
        with NamedTemporaryFile("r") as file:
            process = PLANNERS.Process(target=plan, args=(self.folder, file.name, arguments))
            process.start()
            process.join()
            printed = file.read()
        assert (process.exitcode == 0) == success, printed[-8000:]
        return printed

    def make(self, target: str) -> str:
        """Run make without its set-up of the environment."""
        return self.run("make", "--assume-old=.venv/.ready", target)

    def demo(self) -> str:
        """Run the demo with the configuration of the copy, which then is what it runs."""
        file = self.folder / "workflow" / "studies" / "demo.yaml"
        kept = file.read_text()
        demo = yaml.safe_load(kept)
        update_config(demo, yaml.safe_load((self.folder / "config.yaml").read_text()))
        file.write_text(yaml.safe_dump(demo))
        printed = self.make("demo")
        file.write_text(kept)
        return printed


def copied(original: Path, folder: Path, **how) -> Project:
    """Return a copy of a project's folder, results included; `how` as for `shutil.copytree`."""
    shutil.copytree(original, folder, symlinks=True, **how)
    copy = object.__new__(Project)
    copy.folder, copy.results = folder, folder / "results"
    return copy


def jobs(printed: str) -> dict[str, int]:
    """Return how often each rule would run, from what a dry run prints."""
    counts = {}
    for line in printed.split("Job stats:")[1].splitlines()[3:]:
        words = line.split()
        if len(words) != 2 or words[0] == "total":
            break
        counts[words[0]] = int(words[1])
    return counts


@pytest.fixture
def project(tmp_path) -> Project:
    """Return a fresh copy without results."""
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """Return a copy in which the small study has run, as `make demo` runs its own."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # the study runs once, and every worker has a copy
    original, printed = shared / "finished" / "project", shared / "finished.txt"
    with FileLock(shared / "finished.lock"):
        if not printed.exists():
            project = Project(original)
            printed.write_text(project.demo())
    project = copied(original, tmp_path_factory.mktemp("study") / "project")
    project.printed = printed.read_text()
    return project


@pytest.fixture
def study_run(finished) -> Project:
    """Return the finished study; whatever a test configures is undone."""
    yield finished
    finished.configure()
