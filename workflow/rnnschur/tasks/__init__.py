"""The tasks of the study.

Every module here but `base` is a task under its own name. To add one, write a module whose class
``Task`` derives from `TaskBase`; its protocol keys are the fields of the class.
"""

from importlib import import_module
from pkgutil import iter_modules

from rnnschur.tasks.base import TaskBase

TASKS = tuple(module.name for module in iter_modules(__path__) if module.name != "base")


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
