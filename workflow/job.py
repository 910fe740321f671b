"""What every script of a rule begins with."""

import sys

from rnnschur.streams import Identity


def log(snakemake) -> None:
    """Send all that the script prints, errors included, to the log of its rule, line by line."""
    sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)


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
