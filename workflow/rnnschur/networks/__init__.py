"""Architectures of the recurrent matrix.

Every module here but `network` is an architecture under its own name. To add one, write a module
with a function ``initialise(network, generator)`` that fills, or parametrises, `network.W_hh`.
"""

from pkgutil import iter_modules

ARCHITECTURES = tuple(module.name for module in iter_modules(__path__) if module.name != "network")
