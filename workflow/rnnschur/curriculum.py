"""A curriculum: other protocols of a task, with which training begins."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rnnschur import tasks
from rnnschur.tasks import TaskBase


class Stage(NamedTuple):
    """A part of training and what its batches are drawn from.

    Attributes
    ----------
    last : int
        Its last update, counted from 1. It begins where the stage before it ends.
    task : TaskBase
    """

    last: int
    task: TaskBase


def stages(name: str, task: TaskBase, given: Iterable[Mapping]) -> tuple[Stage, ...]:
    """Return the stages of a curriculum, which come before the task itself.

    Parameters
    ----------
    name : str
        Of the task's module.
    task : TaskBase
        What training ends with, and what every network is judged by.
    given : iterable of mapping
        For each stage ``last``, its last update, and ``protocol``, all protocol keys of its task.

    Raises
    ------
    ValueError
        If a protocol is not one of the task, or asks for a network of other sizes; the message
        begins with the number of the stage.
    """
    found = []
    for index, stage in enumerate(given):
        try:
            part = tasks.make(name, **stage["protocol"])
        except ValueError as error:
            raise ValueError(f"[{index}].protocol.{error}") from None
        if (part.inputs, part.outputs) != (task.inputs, task.outputs):
            raise ValueError(
                f"[{index}].protocol gives the network {part.inputs} inputs and {part.outputs} "
                f"outputs; allowed: {task.inputs} and {task.outputs}, as the task's own protocol"
            )
        found.append(Stage(stage["last"], part))
    return tuple(found)
