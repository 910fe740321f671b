"""What every script of a rule begins with."""

import fcntl
import sys
from contextlib import suppress

from rnnschur.streams import Identity


def log(snakemake) -> None:
    """Send all that the script prints, errors included, to the log of its rule, line by line.

    The log is locked while the script runs: by that a later run knows that the job has outlived a
    Snakemake that was killed (`alone.wait_for_survivors`).
    """
    file = open(snakemake.log[0], "a", buffering=1)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.truncate(0)
    sys.stdout = sys.stderr = file


def condition(snakemake) -> tuple[str, str, int]:
    """Return task, architecture and width of the block that the job works on."""
    names = snakemake.wildcards
    return names.task, names.architecture, int(names.width)


def identity(snakemake, task: str, seed: int) -> Identity:
    """Return the identity that names the streams of a network of the block.

    Its task is the module of the task, so that a task `like` another draws the same numbers.
    """
    _, architecture, width = condition(snakemake)
    return Identity(task, architecture, width, seed)
