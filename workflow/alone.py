"""Snakemake as make starts it: one at a time in a folder, and after a kill without `--unlock`.

Snakemake locks the files of a run by files in `.snakemake/locks`, which stay when it is killed: the
next run cannot tell them from those of a run that is still at work. Here the owner of a run holds a
lock of the system's on `OWNER`, which goes with the process, however it ends. Whoever gets it knows
that no other run of make is alive, and takes away what a killed one has left.

Locks of a Snakemake that was started by hand are not touched. Where it is at work, it says so by
`disown`, and Snakemake itself refuses.

Jobs that outlive a Snakemake on this machine hold the locks of their logs, on which `job.log` has
put them; `wait_for_survivors` waits for these. A job could not: Snakemake removes its log before it
starts, and with it the lock.

What a Snakemake that was killed has submitted to a cluster outlives it, and holds no lock that
every file system knows. Slurm is asked for it, by `refuse_survivors`.
"""

import fcntl
import os
import platform
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: Who runs, or has run last: process and machine, in one line.
OWNER = Path(".snakemake", "owner")
#: Where Snakemake keeps its locks.
LOCKS = Path(".snakemake", "locks")
#: How the names of submissions begin, by both profiles for clusters.
SUBMITTED = "rnnschur-part"


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
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process, machine = _owner(file)
        raise SystemExit(
            f"make is at work in this folder already, as process {process} on {machine}; wait "
            "until it has ended, or stop it"
        ) from None
    except OSError:
        return file  # a file system without locks: nobody knows who is alive
    process, machine = _owner(file)
    if machine == platform.node() and _locked():
        print(f"The last run, process {process}, was killed; this one goes on.", file=sys.stderr)
        shutil.rmtree(LOCKS)
    _write(f"{os.getpid()} {platform.node()}")
    return file


def disown() -> None:
    """Note that Snakemake was started by hand, unless make is at work: its locks are not make's."""
    if OWNER.exists():
        with OWNER.open("a") as file, suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write("")


def wait_for_survivors(logs: Iterable[str]) -> None:
    """Wait for jobs that have outlived a run that was killed, by the logs of those to run now."""
    for log in filter(os.path.exists, logs):
        with open(log, "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"An earlier run is still writing {log}; waiting for it.", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                return  # a file system without locks


def refuse_survivors(local: bool) -> None:
    """Refuse to start beside jobs that an earlier run has submitted to Slurm in this folder.

    Snakemake cancels them when it is interrupted; killed, it cannot, and both runs would make the
    same files. Schedulers other than Slurm are not asked.

    Parameters
    ----------
    local : bool
        Whether this run submits nothing; then it does not need an answer.

    Raises
    ------
    SystemExit
        If there are any, and where Slurm does not answer; the message names them.
    """
    queue = ["squeue", f"--user={os.getuid()}", "--noheader", "--format=%i|%j|%Z"]
    try:
        asked = subprocess.run(queue, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return
    except subprocess.TimeoutExpired:
        asked = subprocess.CompletedProcess(queue, 1, "", "no answer within a minute")
    if asked.returncode and not local:
        raise SystemExit(
            "Slurm does not say whether jobs of an earlier run are at work in this folder; start "
            f"again when it answers: {' '.join(asked.stderr.split())}"
        )
    jobs = (line.split("|", 2) for line in asked.stdout.splitlines())
    here = os.path.realpath(os.curdir)
    found = [
        id
        for id, name, folder in jobs
        if name.startswith(SUBMITTED) and os.path.realpath(folder) == here
    ]
    if found:
        raise SystemExit(
            f"Slurm has jobs of an earlier run in this folder: {' '.join(found)}; wait until they "
            f"have ended, or stop them: scancel {' '.join(found)}"
        )


def _locked() -> bool:
    """Return whether Snakemake has locked files."""
    return LOCKS.is_dir() and any(LOCKS.iterdir())


def _owner(file) -> list[str]:
    """Return process and machine of the run that has written its name last."""
    file.seek(0)
    return [*file.read().split(), "?", "?"][:2]


def _write(owner: str) -> None:
    OWNER.write_text(owner)  # in place: the lock is on this file


if __name__ == "__main__":
    kept = own()
    try:
        runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
    finally:
        if not _locked():  # whoever is named has locked what stands there
            _write("")
