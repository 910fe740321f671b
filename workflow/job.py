"""What every script of a rule begins with."""

import fcntl
import sys

from freshness import has_left_record
from rnnschur.streams import Identity


def log(snakemake) -> None:
    """Send all that the script prints, errors included, to the log of its rule, line by line.

    The log is locked while the script runs. Where it is locked already, a job of a Snakemake that
    was killed has outlived it and is making the same files: this one waits, and has nothing to do
    if the other one ends well.
    """
    file = open(snakemake.log[0], "a", buffering=1)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"An earlier run is still writing {file.name}; waiting for it.", file=sys.stderr)
        fcntl.flock(file, fcntl.LOCK_EX)
        if has_left_record(snakemake):
            file.close()
            sys.exit()
    except OSError:
        pass  # a file system without locks
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
