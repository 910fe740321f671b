"""Architectures: a cell, and how its recurrent matrix starts or is parametrised.

Every module here is a start under its own name. To add one, write a module with a function
``initialise(network, generator)`` that fills, or parametrises, `network.W_hh`. Under the same name
it is an architecture of the paper's tanh cell; another cell with it is an `Architecture` that the
study names.
"""

from typing import NamedTuple

from rnnschur.options import load, plugins

STARTS = plugins(__path__)


class Architecture(NamedTuple):
    """The cell of a network and the start of its recurrent matrix, by their names."""

    cell: str
    start: str


def of(name: str) -> Architecture:
    """Return the architecture that a start gives by itself, with the tanh cell."""
    return Architecture("tanh", name)


def start(name: str):
    """Return the function that fills, or parametrises, a recurrent matrix.

    Raises
    ------
    ValueError
        For a start that is not in `STARTS`.
    """
    return load("architecture", "rnnschur.architectures", STARTS, name).initialise
