"""What every task offers to training and diagnosis."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

Batch = tuple[np.ndarray, np.ndarray]


def option(allowed: str, check) -> object:
    """Declare a protocol key: what is allowed, in words, and the predicate that says so."""
    return field(metadata={"allowed": allowed, "check": check})


def whole(low: int) -> object:
    """Declare a protocol key that is a whole number of at least `low`."""
    return option(
        f"a whole number of at least {low}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low,
    )


def real(low: float, high: float) -> object:
    """Declare a protocol key that is a number between `low` and `high`, both included."""
    return option(f"a number from {low} to {high}", lambda v: _number(v) and low <= v <= high)


def positive(high: float) -> object:
    """Declare a protocol key that is a number above 0 and at most `high`."""
    return option(f"a number in (0, {high}]", lambda value: _number(value) and 0 < value <= high)


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class TaskBase(ABC):
    """A task distribution: batches of input sequences and the outputs they ask for.

    The fields of a subclass are its protocol keys. All arrays are float32 and time-major: inputs
    have shape (T, B, inputs), targets (T - onset, B, outputs), where B counts the sequences and
    only steps from `onset` on are compared with a target.

    Attributes
    ----------
    metric : str
        The name of the measure in `rnnschur.behaviour` by which the paper judges the task.
    inputs, outputs : int
        Size of the input and output of the network.
    onset : int
        First step that is compared with a target, counted from 0.
    """

    metric: ClassVar[str]
    inputs: ClassVar[int]
    outputs: ClassVar[int]
    onset: ClassVar[int] = 0

    @classmethod
    def from_protocol(cls, protocol: dict) -> "TaskBase":
        """Return the task, after a check of every protocol key (see `rnnschur.tasks.make`)."""
        known = {key.name: key.metadata for key in fields(cls)}
        for key in {**protocol, **known}:
            if key not in known:
                raise ValueError(f"{key} is unknown; allowed: {', '.join(known)}")
            if key not in protocol:
                raise ValueError(f"{key} is missing; allowed: {known[key]['allowed']}")
            if not known[key]["check"](protocol[key]):
                raise ValueError(f"{key} is {protocol[key]!r}; allowed: {known[key]['allowed']}")
        return cls(**protocol)

    @abstractmethod
    def sample(self, batch: int, generator: np.random.Generator) -> Batch:
        """Draw a training batch of `batch` sequences: (inputs, targets)."""

    def held_out(self, batch: int, generator: np.random.Generator) -> Batch:
        """Draw sequences to judge a network by; the same distribution as training unless said."""
        return self.sample(batch, generator)
