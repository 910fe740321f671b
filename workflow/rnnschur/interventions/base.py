"""What an intervention is, and what every family of them offers to the diagnosis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from rnnschur.batch import Batch
from rnnschur.network import Network
from rnnschur.options import Options


@dataclass(frozen=True, eq=False)
class Intervention:
    """A change of a network's weights, as plain data.

    Attributes
    ----------
    removed : str
        What was done, in words: ``CR``, ``permutation and flips``.
    changes : mapping of str to numpy.ndarray
        The weights that change, by name; none where nothing is done.
    mass : float
        Norm of the change of the decomposed matrix relative to the matrix, ||dW|| / ||W||
        (Frobenius).
    labels : mapping of str to object
        Further columns of the table: threshold, order, draw.
    basis : numpy.ndarray, shape (N, N), optional
        Where the changes move the whole network into other coordinates, :math:`h' = B h`: initial
        states that come with the sequences are taken along.
    """

    removed: str
    changes: Mapping[str, np.ndarray]
    mass: float
    labels: Mapping[str, object] = field(default_factory=dict)
    basis: np.ndarray | None = None


@dataclass(frozen=True)
class FamilyBase(Options, ABC):
    """A family of interventions; the fields of a subclass are its options."""

    @abstractmethod
    def of(
        self, network: Network, fit: Batch | None, rng: np.random.Generator | None
    ) -> Iterator[Intervention]:
        """Yield the interventions of this family on a network.

        Parameters
        ----------
        network : Network
        fit : Batch
            Sequences to choose an intervention on; never those that judge it.
        rng : numpy.random.Generator
            Source of all that is drawn.
        """
