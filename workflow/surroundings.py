"""What the workflow inherits from where and by whom it was started: decided here, for all of it.

A user's shell, settings and folders differ; results may not. Jobs get every variable of the
environment but those below: they are replaced, or dropped since they would change what is imported,
how figures look, or where a notebook's kernel comes from. `make` installs by this module, too, with
those of pip's settings that say where packages come from.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: Dropped, by how they begin: settings of Python and of libraries that are the user's own ...
DROPPED = ("PYTHON", "IPYTHON", "JUPYTER_", "PAPERMILL_", "MATPLOTLIBRC", "NUMBA_", "GIT_")
#: ... and of Snakemake, which writes the report by itself. What is run by hand still obeys it.
DROPPED += ("SNAKEMAKE_PROFILE",)
#: Not dropped: where compiled code is kept, and what changes no result.
KEPT = ("NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
#: Set: numbers and messages in one language and encoding, no window, and no module is imported
#: from the folder that a job happens to run in.
SET = {"LC_ALL": "C.UTF-8", "LANGUAGE": "en", "MPLBACKEND": "agg", "PYTHONUTF8": "1"}
SET |= {"PYTHONSAFEPATH": "1"}
#: Of pip's settings, where packages come from. The others (user, target, no-deps, ...) would put
#: packages elsewhere, or leave some out.
PIP = ("index-url", "extra-index-url", "no-index", "find-links", "constraint", "keyring-provider")
PIP += ("cert", "client-cert", "trusted-host", "proxy", "timeout", "default-timeout", "retries")
PIP += ("cache-dir", "no-cache-dir", "use-feature", "use-deprecated")


def settle(package: Path, scratch: Path) -> None:
    """Make this process, and with it every job that it starts, independent of the user's settings.

    Parameters
    ----------
    package : path
        Folder of the modules that scripts and notebooks import; nothing else stands on their path
        beside the installed libraries.
    scratch : path
        Folder for the settings of Jupyter, IPython and matplotlib, in place of the user's home.
    """
    _refuse_foreign_modules(package)
    for name in list(os.environ):
        if name.startswith(DROPPED) and name not in KEPT:
            del os.environ[name]
    home = str(scratch.absolute())
    os.environ.update(
        SET,
        PYTHONPATH=str(package),
        JUPYTER_CONFIG_DIR=home,
        JUPYTER_DATA_DIR=home,
        JUPYTER_RUNTIME_DIR=home,
        IPYTHONDIR=home,
        MPLCONFIGDIR=home,
    )
    # The tools beside this Python come first, whether or not its environment is active; and
    # Snakemake does not quote the path of the interpreter, which a space would cut in two.
    folder, name = os.path.split(sys.executable)
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
    if any(map(str.isspace, folder)):
        sys.executable = name


def _refuse_foreign_modules(package: Path) -> None:
    """Look into the user's PYTHONPATH last, and stop where Snakemake has already found too much."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    foreign = {Path(folder).resolve() for folder in given if folder} - {package.resolve()}
    if not foreign:
        return
    sys.path.sort(key=lambda folder: Path(folder).resolve() in foreign)
    others = [folder for folder in sys.path if Path(folder).resolve() not in foreign]
    for name in [name for name in sys.modules if foreign and "." not in name]:
        file = Path(getattr(sys.modules[name], "__file__", None) or os.devnull).resolve()
        if (
            not foreign.isdisjoint(file.parents)
            and name not in ("sitecustomize", "usercustomize")  # of a debugger, say
            and PathFinder.find_spec(name, others)
        ):
            raise SystemExit(
                f"PYTHONPATH makes Snakemake import {name} from {file} and not from its "
                "environment; start it without, by `env -u PYTHONPATH` before the command"
            )


def install(requirements: Path) -> None:
    """Install pinned requirements, and the package, into the environment that runs this.

    Parameters
    ----------
    requirements : path
        Pins, NAME.txt; NAME.lock beside it has the hashes of their files, of PyPI's every one.

    Raises
    ------
    SystemExit
        If pip fails, or if afterwards the environment has something else.
    """
    user = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    pip = [sys.executable, "-I", "-m", "pip"]
    # With pip's own variables it might list nothing, or run in another environment.
    plain = {k: v for k, v in user.items() if not k.startswith("PIP_") or k == "PIP_CONFIG_FILE"}
    loudly = {**plain, "PIP_VERBOSE": "3"}  # a user's file may silence it
    listed = subprocess.run([*pip, "config", "list"], env=loudly, capture_output=True, text=True)
    settings = {**plain, **kept_by_pip(listed.stdout, user), "PIP_CONFIG_FILE": os.devnull}
    quietly = [*pip, "install", "--disable-pip-version-check", "--quiet"]
    # Python compiles a module when it is first imported; of 13,000 most never are.
    quietly += ["--no-compile"]
    # First what has hashes, every file checked; then what has none, and is still missing: torch.
    lock = requirements.with_suffix(".lock")
    checked = [["--require-hashes", "--no-deps", "--requirement", lock]] if lock.exists() else []
    for what in (*checked, ["--requirement", requirements], ["--no-deps", "--editable", "."]):
        if subprocess.run([*quietly, *what], env=settings).returncode:
            raise SystemExit("pip has not installed everything; it says why above.")
    if lacking := unmet(requirements.read_text()):
        raise SystemExit(
            f"{sys.prefix} {lacking}, though pip reports no fault; remove that folder and start "
            f"again, without what `{sys.executable} -m pip config list` shows of your settings"
        )


def kept_by_pip(listed: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return what stays of pip's settings, as variables.

    Parameters
    ----------
    listed : str
        What ``pip config list`` prints of the user's files.
    variables : mapping of str to str
        The user's variables, which come before the files.
    """
    found = {}
    for section in ("global", "install"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.*)$", listed, re.MULTILINE):
            found["PIP_" + name.upper().replace("-", "_")] = ast.literal_eval(value)
    found |= variables
    kept = ("PIP_" + name.upper().replace("-", "_") for name in PIP)
    return {name: found[name] for name in kept if name in found}


def unmet(requirements: str) -> str | None:
    """Return what this environment has instead of the first pinned version that it lacks."""
    for line in requirements.splitlines():
        name, pinned, wanted = line.partition("==")
        if pinned and not line.startswith("#"):
            try:
                found = version(name).partition("+")[0]  # torch's says for which processor
            except PackageNotFoundError:
                found = "none"
            if found != wanted:
                return f"has {name} {found}, not {wanted}"
    return None


if __name__ == "__main__":  # for make
    install(Path(sys.argv[1]))
