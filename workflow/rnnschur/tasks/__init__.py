"""The tasks of the study and their registry.

To add a task, write one module here whose class ``Task`` derives from `TaskBase`, and name it in
`TASKS`; its protocol keys are the fields of the class and go under ``tasks:`` in the
configuration.
"""

from importlib import import_module

from rnnschur.tasks.base import TaskBase

TASKS = ("copy", "flip_flop", "sine", "context_integration")


def make(name: str, **protocol) -> TaskBase:
    """Return the task `name` with the given protocol.

    Raises
    ------
    ValueError
        For a task that is not in `TASKS`, an unknown or missing protocol key, or a value out of
        range; the message names the key, the value and what is allowed.
    """
    if name not in TASKS:
        raise ValueError(f"task is {name!r}; allowed: {', '.join(TASKS)}")
    return import_module(f"rnnschur.tasks.{name}").Task.from_protocol(protocol)
