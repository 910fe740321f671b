"""Shifts: other sequences of a task than a network was trained on, to judge it by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnnschur import tasks
from rnnschur.batch import Batch
from rnnschur.options import is_number
from rnnschur.tasks import TaskBase

#: The shift that is none: the held-out sequences of the task itself.
NONE = "none"


@dataclass(frozen=True)
class Shift:
    """A task with another protocol, whose inputs may be scaled.

    Attributes
    ----------
    task : TaskBase
    scale : float
        What inputs are multiplied by. Targets are those of the task's protocol, which has to ask
        for what is right at that scale.
    """

    task: TaskBase
    scale: float

    def held_out(self, batch: int, generator: np.random.Generator) -> Batch:
        """Draw sequences to judge a network by."""
        drawn = self.task.held_out(batch, generator)
        inputs = np.asarray(self.scale * drawn.inputs, drawn.inputs.dtype)
        return replace(drawn, inputs=inputs)


def shifts(name: str, protocol: Mapping, given: Mapping[str, Mapping]) -> dict[str, Shift]:
    """Return the shifts of a task by name.

    Parameters
    ----------
    name : str
        Of the task's module.
    protocol : mapping
        All protocol keys of the task.
    given : mapping of str to mapping
        For each shift, the protocol keys that it changes, and ``inputs``, a factor on the inputs.

    Raises
    ------
    ValueError
        If a shift has the name of `NONE`, a protocol that is not one of the task or that asks for
        a network of other sizes, or a factor that is no number above 0; the message begins with
        the name of the shift.

    Examples
    --------
    >>> protocol = {"steps": 50, "channels": 3, "pulse_probability": 0.1}
    >>> found = shifts("flip_flop", protocol, {"longer": {"steps": 150, "inputs": 2}})
    >>> found["longer"].task.steps, found["longer"].scale
    (150, 2.0)
    """
    task, found = tasks.make(name, **protocol), {}
    for shift, changes in given.items():
        if shift == NONE:
            raise ValueError(f"{shift} is the task without a shift; allowed: another name")
        scale = changes.get("inputs", 1)
        if not (is_number(scale) and scale > 0):
            raise ValueError(f"{shift}.inputs is {scale!r}; allowed: a number above 0")
        changes = {key: value for key, value in changes.items() if key != "inputs"}
        try:
            other = tasks.make(name, **{**protocol, **changes})
        except ValueError as error:
            raise ValueError(f"{shift}.{error}") from None
        if (other.inputs, other.outputs) != (task.inputs, task.outputs):
            raise ValueError(
                f"{shift} gives the network {other.inputs} inputs and {other.outputs} outputs; "
                f"allowed: {task.inputs} and {task.outputs}, as the task's own protocol"
            )
        found[shift] = Shift(other, float(scale))
    return found
