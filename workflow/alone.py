"""Snakemake as make starts it: one at a time in a folder, and after a kill without `--unlock`.

Snakemake locks the files of a run by files in `.snakemake/locks`, which stay when it is killed: the
next run cannot tell them from those of a run that is still at work. Here the owner of a run holds a
lock of the system's on `OWNER`, which goes with the process, however it ends. Whoever gets it knows
that no other run of make is alive, and takes away what a killed one has left.

Locks of a Snakemake that was started by hand are not touched. Where it is at work, it says so by
`disown`, and Snakemake itself refuses.
"""

import fcntl
import os
import platform
import runpy
import shutil
import sys
from pathlib import Path

#: Who runs, or has run last: process and machine, in one line.
OWNER = Path(".snakemake", "owner")
#: Where Snakemake keeps its locks.
LOCKS = Path(".snakemake", "locks")


def own() -> object:
    """Become the only run of make in this folder, and unlock what a killed one has locked.

    Returns
    -------
    file
        To be kept open for as long as the run lasts.

    Raises
    ------
    SystemExit
        If there is another run; the message names it.
    """
    OWNER.parent.mkdir(exist_ok=True)
    file = OWNER.open("a+")
    file.seek(0)
    process, _, machine = file.read().strip().partition(" ")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(
            f"make is at work in this folder already, as process {process} on {machine}; wait "
            "until it has ended, or stop it"
        ) from None
    except OSError:
        return file  # a file system without locks: nobody knows who is alive
    if machine == platform.node() and LOCKS.is_dir() and any(LOCKS.iterdir()):
        print(f"The last run, process {process}, was killed; this one goes on.", file=sys.stderr)
        shutil.rmtree(LOCKS)
    _write(f"{os.getpid()} {platform.node()}")
    return file


def disown() -> None:
    """Note that Snakemake was started by hand: what it locks is not make's."""
    if OWNER.exists() and OWNER.read_text().partition(" ")[0] != str(os.getpid()):
        _write("")


def _write(owner: str) -> None:
    OWNER.write_text(owner)  # in place: the lock is on this file


if __name__ == "__main__":
    kept = own()
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
