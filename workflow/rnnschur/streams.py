"""Independent random streams, each named by the study seed and what it is for.

Every random number of the study comes from a stream whose name says it all: for example
``generator(2606, "copy", "orthogonal", 72, 3, "training")``. Two different names give
statistically independent streams, the same name always gives the same one, and no stream depends
on the order of jobs or on which networks share a job.
"""

import hashlib
from typing import NamedTuple

import numpy as np


class Identity(NamedTuple):
    """What names a network of a study, and its random streams."""

    task: str
    architecture: str
    width: int
    seed: int

    @property
    def label(self) -> str:
        """The name in messages and logs."""
        return f"{self.task}/{self.architecture}/n{self.width}/seed{self.seed}"


def generator(study_seed: int, *name: str | int) -> np.random.Generator:
    """Return the random generator of the stream with the given name.

    Parameters
    ----------
    study_seed : int
        Seed of the whole study, not negative.
    *name : str or int
        Parts of the name, in order: task, architecture, width, seed and purpose, say.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded by ``SeedSequence`` from the study seed and a SHA-256 digest of the name
        (Python's own ``hash`` differs from one process to the next).
    """
    digest = hashlib.sha256("/".join(map(str, name)).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence(study_seed, spawn_key=words))
