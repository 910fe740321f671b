"""What an intervention is, and what every family of them offers to the diagnosis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from rnnschur.batch import Batch
from rnnschur.cells import Recurrent
from rnnschur.coordinates.schur import OrderedSchur, frobenius
from rnnschur.coordinates.sectors import Sectors
from rnnschur.network import Network
from rnnschur.options import Options

#: Name of the row, of a network with several matrices, in which one of them is zero.
RECURRENCE = "recurrence"

#: Name of what is done to all matrices of a network together.
ALL = "all"


#: Gives the random generator of the stream with some name; see `rnnschur.streams.generator`.
Stream = Callable[..., np.random.Generator]


@dataclass(frozen=True, eq=False)
class Intervention:
    """A change of a network's weights, and of what drives it.

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
    added : callable, optional
        ``added(batch)`` gives further inputs (T, B, K) and their weights (N, K); see
        `rnnschur.network.Network.outputs`.
    least : int
        Sequences that it takes to judge this; with fewer it is left out.

    Examples
    --------
    >>> half = Intervention("half of it", {"W_hh": 0.5 * np.eye(3)}, mass=0.5)
    >>> half.labels
    {}
    """

    removed: str
    changes: Mapping[str, np.ndarray]
    mass: float
    labels: Mapping[str, object] = field(default_factory=dict)
    basis: np.ndarray | None = None
    added: Callable[[Batch], tuple[np.ndarray, np.ndarray]] | None = None
    least: int = 1


def left_basis(recurrent: Recurrent, schur: OrderedSchur) -> np.ndarray:
    r"""Return L, with which a change E of T changes the weight by :math:`L E Q^\top`.

    Q itself where the weight is the matrix. In the weight of a step matrix,
    :math:`S = I + \mathrm{diag}(a)(W - I)`, it is :math:`\mathrm{diag}(a)^{-1} Q`, whose columns
    are not orthogonal where units have an a of their own.
    """
    if recurrent.weight is None:
        return schur.Q
    (moved,) = recurrent.write_back(recurrent.matrix + schur.Q).values()
    return moved - recurrent.weight


def cut(recurrent: Recurrent, sectors: Sectors, mask) -> tuple[dict[str, np.ndarray], float]:
    r"""Set Schur entries of a recurrent matrix to zero.

    Parameters
    ----------
    recurrent : Recurrent
    sectors : Sectors
        Of its matrix.
    mask : array_like, shape (N, N), bool
        Entries of `T` that go.

    Returns
    -------
    changes : dict of str to numpy.ndarray
        The weights that change.
    mass : float
        :math:`\|\Delta W\|_F / \|W\|_F` of the weight that changes. Of a step matrix this is not
        the mass of its own change: the identity in it would dilute that.
    """
    matrix, mass = sectors.without(mask)
    changes = recurrent.write_back(matrix)
    if recurrent.weight is not None:
        (changed,) = changes.values()
        mass = frobenius(changed - recurrent.weight) / (frobenius(recurrent.weight) or 1.0)
    return changes, mass


@dataclass(frozen=True)
class FamilyBase(Options, ABC):
    """A family of interventions; the fields of a subclass are its options.

    Attributes
    ----------
    judges : int, optional
        How many of the held-out sequences of a network judge this family, the first ones; by
        default all. An option of families with so many interventions that some have to do.
    chooses : bool
        Whether interventions are chosen on sequences, which must not judge them.
    shifted : bool
        Whether sequences that the network was not trained on judge this family as well: those that
        the task has as ``shifts``.
    """

    judges: ClassVar[int | None] = None
    chooses: ClassVar[bool] = False
    shifted: ClassVar[bool] = False

    @abstractmethod
    def of(
        self, network: Network, fit: Batch | None, stream: Stream | None
    ) -> Iterator[Intervention]:
        """Yield the interventions of this family on a network.

        Parameters
        ----------
        network : Network
        fit : Batch, optional
            Sequences to choose an intervention on; never those that judge it.
        stream : callable
            Source of all that is drawn: ``stream(*name)`` is the generator of that name, numbers
            and words. What is drawn has a name of its own, so that more draws, or other ones
            before it, leave it as it is.
        """

    def judging(self, held_out: Batch) -> Batch:
        """Return those of a network's held-out sequences that judge this family."""
        return held_out.part(slice(self.judges))

    def split(self, fit: Batch | None, judge: Batch) -> tuple[Batch | None, Batch]:
        """Return the sequences to choose on and those that judge.

        Of a network that brings one batch and no others, a family that chooses takes every second
        sequence to choose on, and the rest judge; of a single one it can choose on none.
        """
        if fit is None and self.chooses and judge.sequences > 1:
            return judge.halves()
        return fit, judge

    def summary(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what is kept of the rows of a network, as `rnnschur.evaluate` gives them.

        By default all of them. A family of many draws keeps what they say together: the draws
        themselves come back from their streams.
        """
        return rows
