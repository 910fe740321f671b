"""Architectures of the recurrent matrix and their registry.

To add an architecture, write one module here with a function ``initialise(network, generator)``
that fills, or parametrises, `network.W_hh`, and name it in `ARCHITECTURES`.
"""

ARCHITECTURES = ("default", "orthogonal", "normal", "cayley")
