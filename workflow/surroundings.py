"""What jobs inherit from where and by whom Snakemake was started: decided here, for all of them.

A user's shell, settings and folders differ; results may not. Every variable of the environment is
handed on but those below: they are replaced, or dropped since they would change what is imported,
how figures look, or where a notebook's kernel comes from.
"""

import os
import sys
from pathlib import Path

#: Dropped: settings of Python, Jupyter, matplotlib and numba that are the user's own.
DROPPED = ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "MATPLOTLIBRC")
DROPPED += ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "JUPYTER_PREFER_ENV_PATH")
DROPPED += ("NUMBA_DISABLE_JIT", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_OPT")
#: Set: numbers and messages in one language and encoding, and no window.
SET = {"LC_ALL": "C.UTF-8", "LANGUAGE": "en", "MPLBACKEND": "agg", "PYTHONUTF8": "1"}


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
    for name in DROPPED:
        os.environ.pop(name, None)
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
