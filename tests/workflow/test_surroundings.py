"""Where and by whom the study is started changes nothing."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import ROOT, Project, jobs

import surroundings

pytestmark = pytest.mark.workflow

TINY = """
{seeds: 1, seeds_per_job: 1, statistics: {resamples: 100}, diagnosis: {held_out_sequences: 16},
 experiments: [{task: sine, architectures: [orthogonal], widths: [8]}],
 tasks: {sine: {epochs: 1, updates_per_epoch: 20, batch: 8}}}
"""
FIGURE = "results/figures/spectra_sine.png"


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """Write a wheel of nothing but its name, version and requirement."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        file.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        file.writestr(f"{info}/WHEEL", tags)
        file.writestr(f"{info}/RECORD", "")


def tiny(folder: Path) -> Project:
    project = Project(folder)
    project.configure(TINY)
    return project


def started(project, *command, success=True, umask=-1, **environment):
    """Run a command in the bare environment of a user with the given settings."""
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    run = subprocess.run(
        command,
        cwd=project,
        env={**plain, **environment},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode == 0) == success, (run.stdout + run.stderr)[-6000:]
    return run.stdout + run.stderr


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


def written(folder: Path, **files: str) -> Path:
    """Write Python modules, by name, and return their folder."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    return folder


FOREIGN = "raise SystemExit('a foreign {}')"


def test_settings_of_the_user_and_a_space_in_every_path(tmp_path, usual):
    """All at once; what is the culprit stands in the log that Snakemake prints."""
    project = tiny(tmp_path / "my projects" / "a study")
    home = tmp_path / "my home"
    modules = written(home / "modules", seaborn=FOREIGN.format("seaborn"))
    for folder in ("matplotlib", "jupyter/kernels/python3"):
        (home / folder).mkdir(parents=True)
    (home / "matplotlib" / "matplotlibrc").write_text("text.usetex: True\nfont.size: 3\n")
    (home / "jupyter" / "kernels" / "python3" / "kernel.json").write_text(
        '{"argv": ["false"], "display_name": "foreign", "language": "python"}'
    )
    started(
        project.folder,
        *(str(project.folder / ".venv" / "bin" / "python"), "-m", "snakemake"),
        *(FIGURE, "results/tables/ablations.csv"),
        umask=0o027,
        HOME="/dev/null",  # not even root can write there
        XDG_CACHE_HOME=str(home / "cache"),
        XDG_CONFIG_HOME=str(home),
        XDG_DATA_HOME=str(home),
        TMPDIR=str(tmp_path / "no such folder"),
        PYTHONPATH=str(modules),
        PYTHONIOENCODING="ascii",
        PYTHONWARNINGS="error",
        MATPLOTLIBRC=str(home / "matplotlib" / "matplotlibrc"),
        MPLBACKEND="TkAgg",
        JUPYTER_PATH=str(home / "jupyter"),
        NUMBA_DISABLE_JIT="1",
        LC_ALL="de_DE.UTF-8",
        OMP_NUM_THREADS="3",
        CONDA_PREFIX=str(home),
        GIT_DIR=str(home),
    )
    same(project.folder, usual)
    for path in project.results.rglob("*"):
        assert oct(path.stat().st_mode & 0o777) == ("0o750" if path.is_dir() else "0o640"), path


def test_another_working_folder_with_modules_and_results_on_another_disk(tmp_path, usual):
    """The networks are there already; a table and the figures are made again."""
    project = tiny(tmp_path / "project")
    elsewhere = written(tmp_path / "elsewhere", pandas=FOREIGN.format("pandas"))
    shutil.copytree(usual.results, tmp_path / "disk" / "results")
    (elsewhere / "results").symlink_to(tmp_path / "disk" / "results")
    command = ["snakemake", "-s", str(project.folder / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(elsewhere), FIGURE, "results/tables/ablations.csv"]
    for file in (FIGURE, "results/tables/ablations.csv"):
        (elsewhere / file).unlink()
    # From there, so that its modules stand on the path of whatever is started by `python -m`.
    project.folder, place = elsewhere, project.folder
    assert jobs(project.run(*command)) == {"gather": 1, "render_networks": 1}
    same(elsewhere, usual)
    shutil.copy(place / "Makefile", elsewhere)
    project.run("make", "clean")
    assert not list((tmp_path / "disk" / "results").iterdir())
    assert (elsewhere / "results").is_symlink()


def test_what_make_hands_on(tmp_path):
    """The environment of what make starts, before the Snakefile can decide anything."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    show = "show:\n\t@$(subst $(RUN) snakemake,env,$(SNAKEMAKE))\n"
    (tmp_path / "show.mk").write_text(show)
    settings = {
        "PYTHONPATH": "/modules",
        "PYTHONHOME": "/python",
        "PYTHONSTARTUP": "/start.py",
        "SNAKEMAKE_PROFILE": "mine",
        "PIP_EXTRA_INDEX_URL": "https://example.org",
    }
    make = ["make", "-f", "Makefile", "-f", "show.mk", "show"]
    shown = started(tmp_path, *make, **settings).splitlines()
    names = {line.partition("=")[0] for line in shown}
    assert names & settings.keys() == {"PIP_EXTRA_INDEX_URL", "PYTHONPATH"}
    assert f"PYTHONPATH={tmp_path}/workflow" in shown  # where the plugin of make lies
    assert "PYTHONSAFEPATH=1" in shown
    assert f"XDG_CACHE_HOME={tmp_path}/.snakemake/cache" in shown  # if relative, it is ignored


def test_modules_that_snakemake_has_taken_from_elsewhere_are_refused(tmp_path):
    """Those that it has not yet imported are the environment's from then on."""
    modules = written(tmp_path / "modules", yaml="", pandas="", sitecustomize="", mine="")
    code = "import sys, pathlib, {}; import surroundings; sys.path.insert(0, sys.argv[1]); "
    code += "surroundings.settle(pathlib.Path(sys.argv[1]), pathlib.Path('settings')); "
    code += "import pandas; print(pandas.__file__)"
    path = f"{modules}{os.pathsep}{ROOT / 'workflow'}"

    def run(imported, success):
        command = [sys.executable, "-c", code.format(imported), str(ROOT / "workflow")]
        return started(tmp_path, *command, success=success, PYTHONPATH=path)

    assert str(modules) not in run("mine, sitecustomize", True)
    line = f"PYTHONPATH makes Snakemake import yaml from {modules / 'yaml.py'} and not from its"
    printed = run("yaml", False)
    assert printed.startswith(line) and printed.count("\n") == 1


BACKEND = """
import shutil

def build_editable(folder, *_):
    return shutil.copy("wheels/mine-1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""
PIP_CONF = """
[global]
no-index = true
find-links = {wheels}
user = true
quiet = 3
[install]
target = {target}
"""


def test_a_moved_environment_and_settings_of_pip(tmp_path):
    """A real environment, of wheels that only the user's find-links leads to; no network."""
    folder, home = tmp_path / "project", tmp_path / "home"
    for part in ("workflow/surroundings.py", "Makefile"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, folder / part)
    (folder / "wheels").mkdir()
    wheel(folder / "wheels", "mine", "1.0")
    wheel(folder / "wheels", "other", "2.0")
    wheel(folder / "wheels", "pinned", "1.0", "Requires-Dist: other\n")
    (folder / "envs").mkdir()
    (folder / "envs" / "requirements.txt").write_text("# a comment\npinned==1.0\n")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "mine"\nversion = "1.0"\n'
    )
    (folder / "backend.py").write_text(BACKEND)
    modules = written(home / "modules", pip=FOREIGN.format("pip"), venv=FOREIGN.format("venv"))
    (home / "pip").mkdir()
    conf = PIP_CONF.format(wheels=folder / "wheels", target=home / "target")
    (home / "pip" / "pip.conf").write_text(conf)
    settings = {"XDG_CONFIG_HOME": str(home), "PYTHONPATH": str(modules)}
    settings |= {"PIP_USER": "1", "PIP_PREFIX": str(home / "prefix"), "PIP_NO_DEPS": "1"}
    settings |= {"PIP_DRY_RUN": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PYTHON": "/bin/false"}
    # As after `mv`: what is there names another place.
    (folder / ".venv").mkdir()
    (folder / ".venv" / ".ready").write_text("/old/.venv\n")
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}"
    printed = started(folder, "make", "environment", f"PYTHON={base}", **settings)
    assert ".venv was made for /old/.venv, or for a Python that is gone: it is made anew" in printed
    packages = {path.name for path in folder.glob(".venv/lib/python*/site-packages/*.dist-info")}
    assert packages >= {"pinned-1.0.dist-info", "other-2.0.dist-info", "mine-1.0.dist-info"}
    assert not (home / "target").exists() and not (home / "prefix").exists()
    make = ["make", "--dry-run", "environment"]
    assert "Nothing to be done" in started(folder, *make)
    # A link to it will do; a copy of it will not, nor one whose Python has gone.
    linked, moved = tmp_path / "linked", tmp_path / "moved"
    for place in (linked, moved):
        shutil.copytree(folder, place, symlinks=True)
    shutil.rmtree(linked / ".venv")
    (linked / ".venv").symlink_to(folder / ".venv")
    assert "Nothing to be done" in started(linked, *make)
    assert "it is made anew" in started(moved, *make)
    (folder / ".venv" / "lib").rename(folder / ".venv" / "lost")
    assert "it is made anew" in started(folder, *make)


def test_an_environment_that_lacks_something_says_so():
    have = version("numpy")
    assert surroundings.unmet(f"# numpy==0\nnumpy=={have}\n") is None
    assert surroundings.unmet(f"numpy=={have}\nnumpy==0\n") == f"has numpy {have}, not 0"
    assert surroundings.unmet("no_such_thing==1.0\n") == "has no_such_thing none, not 1.0"
    assert surroundings.unmet((ROOT / "envs" / "requirements.txt").read_text()) is None


def test_a_checkout_has_the_ends_of_lines_that_were_committed(tmp_path):
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("needs git, and a checkout made by it")
    git = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    subprocess.run([*git, "clone", "--quiet", "--no-hardlinks", ROOT, "clone"], cwd=tmp_path)
    shown = subprocess.run(
        [*git, "ls-files", "--eol"], cwd=tmp_path / "clone", capture_output=True, text=True
    )
    ends = {line.split()[1] for line in shown.stdout.splitlines()}
    assert ends == {"w/lf", "w/-text"}
