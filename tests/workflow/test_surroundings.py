"""Where and by whom the study is started changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Project

pytestmark = pytest.mark.workflow

TINY = """
{seeds: 1, seeds_per_job: 1, statistics: {resamples: 100}, diagnosis: {held_out_sequences: 16},
 experiments: [{task: sine, architectures: [orthogonal], widths: [8]}],
 tasks: {sine: {epochs: 1, updates_per_epoch: 20, batch: 8}}}
"""
FIGURE = "results/figures/spectra_sine.png"


def tiny(folder: Path) -> Project:
    project = Project(folder)
    project.configure(TINY)
    return project


def started(project, *command, **environment):
    """Run a command in the bare environment of a user with the given settings."""
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    run = subprocess.run(
        command,
        cwd=project.folder,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Return the tiny study, run as the README says."""
    project = tiny(tmp_path_factory.mktemp("usual") / "project")
    project.run("snakemake", FIGURE, "results/tables/ablations.csv")
    return project


def same(folder, usual):
    """Compare a table and a figure with those of the usual run, byte for byte."""
    for file in ("results/tables/ablations.csv", FIGURE):
        assert (folder / file).read_bytes() == (usual.folder / file).read_bytes(), file


def test_a_space_in_the_path_of_checkout_and_environment(tmp_path, usual):
    project = tiny(tmp_path / "my projects" / "a study")
    snakemake = [str(project.folder / ".venv" / "bin" / "python"), "-m", "snakemake"]
    started(project, *snakemake, FIGURE, "results/tables/ablations.csv")
    same(project.folder, usual)


def test_an_environment_that_is_not_active_and_settings_of_the_user(tmp_path, usual):
    project = tiny(tmp_path / "project")
    home = tmp_path / "home"
    for folder in (".config/matplotlib", "modules", ".local/share/jupyter/kernels/python3"):
        (home / folder).mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text("text.usetex: True\nfont.size: 3\n")
    (home / "modules" / "pandas.py").write_text("raise SystemExit('a foreign module')")
    (home / ".local/share/jupyter/kernels/python3/kernel.json").write_text(
        '{"argv": ["false"], "display_name": "foreign", "language": "python"}'
    )
    home.chmod(0o555)
    started(
        project,
        str(Path(sys.prefix) / "bin" / "snakemake"),
        *(FIGURE, "results/tables/ablations.csv"),
        HOME=str(home),
        MATPLOTLIBRC=str(home / ".config/matplotlib/matplotlibrc"),
        JUPYTER_PATH=str(home / ".local/share/jupyter"),
        MPLBACKEND="TkAgg",
        NUMBA_DISABLE_JIT="1",
        PYTHONWARNINGS="error",
        LC_ALL="de_DE.UTF-8",
        OMP_NUM_THREADS="3",
    )
    same(project.folder, usual)


def test_another_working_folder(tmp_path, usual):
    project = tiny(tmp_path / "project")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = ["snakemake", "-s", str(project.folder / "Snakefile"), "--cores", "2"]
    project.run(*command, "--directory", str(elsewhere), FIGURE, "results/tables/ledger.csv")
    same(elsewhere, usual)
