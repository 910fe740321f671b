"""The tasks of the study.

Every module here but `base` is a task under its own name. To add one, write a module whose class
``Task`` derives from `TaskBase`; its protocol keys are the fields of the class.
"""

from rnnschur.options import load, plugins
from rnnschur.tasks.base import TaskBase

TASKS = plugins(__path__)


def make(name: str, **protocol) -> TaskBase:
    """Return the task `name` with the given protocol.

    Raises
    ------
    ValueError
        For a task that is not in `TASKS`, an unknown or missing protocol key, or a value out of
        range; the message names the key, the value and what is allowed.
    """
    return load("task", "rnnschur.tasks", TASKS, name).Task.checked(protocol)
