"""``network.yaml``: which cell a network is, which tensor of which file is which, and its data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rnnschur import trials
from rnnschur.keys import Keys
from rnnschur.layout import Layout
from rnnschur.network import Network
from rnnschur.trials import Trials


@dataclass(frozen=True, eq=False)
class Description(Keys):
    """A ``network.yaml`` and what it names, read when it is asked for."""

    def members(self) -> list[Description]:
        """Return the description of every network of a stack; of a single network, this one.

        Raises
        ------
        ValueError
            As `network`, and if the tensors are of different numbers of networks.
        """
        given = self.keys.get("weights")
        stacked = given.get("stacked") if isinstance(given, dict) else None
        if stacked not in (None, False, True):
            raise self.refusal("weights", f"stacked is {stacked!r}; allowed: true or false")
        if not stacked:
            return [self]
        count = Layout(self, self.cell()).networks()
        return [replace(self, member=(number, count)) for number in range(count)]

    def network(self) -> Network:
        """Return the network.

        Raises
        ------
        ValueError
            If its cell, a key or a tensor is not what it must be, or a tensor of the file is named
            nowhere; the message names the file, tensor or key, what was found and what is allowed.
        """
        return Layout(self, self.cell()).network()

    def trials(self) -> Trials:
        """Return the data.

        Raises
        ------
        ValueError
            As `network`.
        """
        return trials.trials(self)
