r"""Matched controls: other changes of the recurrent matrix, each as large as a coupling.

That a coupling can go may say that it carries nothing, that it points where nothing reads, or
only that anything of its size could go. Each control shares something with the coupling and draws
the rest at random; where the coupling lies among the draws tells which of these it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import MappingProxyType

import numpy as np
import pandas as pd

from rnnschur.batch import Batch
from rnnschur.cells import Recurrent
from rnnschur.coordinates.schur import frobenius
from rnnschur.coordinates.sectors import COUPLINGS, Sectors, masked
from rnnschur.coordinates.symmetries import random_rotations
from rnnschur.interventions.base import FamilyBase, Intervention, left_basis
from rnnschur.options import positive, real, whole
from rnnschur.response import acting

#: Sequences that the drive of a change is measured on.
FITTED = 64

#: Rollout differences that differ by less are equal: the rounding of a rollout in single precision,
#: also under changes that are the same but for rounding.
EQUAL = {"rtol": 1e-5, "atol": 1e-6}

#: Memory that the draws of a control may take at a time, in bytes.
MEMORY = 2**22

#: Label of the coupling itself, beside the names of its controls.
ITSELF = "itself"

#: Of the draws of a control, one each.
Generators = Sequence[np.random.Generator]


@dataclass(frozen=True, eq=False)
class Part:
    r"""What a coupling is of a weight: the change :math:`\Delta W` that its removal takes off.

    Attributes
    ----------
    recurrent : Recurrent
    sectors : Sectors
        Of its matrix.
    mask : numpy.ndarray, shape (N, N), bool
        Entries M of `T` that are the coupling.
    moment : numpy.ndarray, shape (N, N), optional
        :math:`S = \mathrm{E}\,h h^\top` of the states that the weight acts on.
    """

    recurrent: Recurrent
    sectors: Sectors
    mask: np.ndarray
    moment: np.ndarray | None = None

    @cached_property
    def left(self) -> np.ndarray:
        """L, see `rnnschur.interventions.base.left_basis`; Q of a weight that is the matrix."""
        return left_basis(self.recurrent, self.sectors.schur)

    @cached_property
    def inverse(self) -> np.ndarray:
        """The inverse of L."""
        return np.linalg.inv(self.left)

    @cached_property
    def change(self) -> np.ndarray:
        r""":math:`\Delta W = L (T \circ M) Q^\top`."""
        return self.placed(masked(self.sectors.schur, self.mask))

    @cached_property
    def norm(self) -> float:
        r""":math:`\|\Delta W\|_F`."""
        return frobenius(self.change)

    def placed(self, entries: np.ndarray) -> np.ndarray:
        r"""Return the change of the weight that takes some entries off `T`, :math:`L E Q^\top`.

        Parameters
        ----------
        entries : numpy.ndarray, shape (N, N)
            E.
        """
        return self.left @ entries @ self.sectors.schur.Q.T

    def overlap(self, change: np.ndarray) -> float:
        r"""Return the share of a change that lies in the coupling's own place.

        .. math:: \|E \circ M\|_F^2 / \|E\|_F^2, \qquad E = L^{-1} \Delta W\, Q
        """
        entries = self.inverse @ change @ self.sectors.schur.Q
        return float((frobenius(entries[self.mask]) / frobenius(entries)) ** 2)

    def sized(self, changes: np.ndarray) -> np.ndarray:
        """Return changes, each scaled to the norm of the coupling."""
        norms = np.array([frobenius(change) for change in changes])
        return changes * (self.norm / norms)[:, None, None]

    def drive(self, change: np.ndarray) -> np.ndarray:
        r"""Return what changes send, :math:`\mathrm{E}\|\Delta W h\|^2 = \mathrm{tr}(\Delta W S
        \Delta W^\top)`.
        """
        return np.sum((change @ self.moment) * change, axis=(-2, -1))


def gaussian(part: Part, rngs: Generators) -> np.ndarray:
    """Return Gaussian matrices."""
    return np.stack([rng.standard_normal(part.mask.shape) for rng in rngs])


def dense(part: Part, rngs: Generators) -> np.ndarray:
    """Return Gaussian entries everywhere, of the same norm."""
    return part.sized(gaussian(part, rngs))


def rotated(part: Part, rngs: Generators) -> np.ndarray:
    r"""Return :math:`U \Delta W V`: the same singular values between other directions."""
    return targets(part, rngs) @ random_rotations(len(part.mask), rngs)


def same_drive(part: Part, rngs: Generators) -> np.ndarray:
    """Return Gaussian entries everywhere that send as much, whatever their norm."""
    changes = gaussian(part, rngs)
    wanted, found = part.drive(part.change), part.drive(changes)
    share = np.divide(wanted, found, out=np.zeros_like(found), where=found > 0)
    return changes * np.sqrt(share)[:, None, None]


def targets(part: Part, rngs: Generators) -> np.ndarray:
    r"""Return :math:`U \Delta W`: the same sources, aimed elsewhere."""
    return random_rotations(len(part.mask), rngs) @ part.change


def sources(part: Part, rngs: Generators) -> np.ndarray:
    r"""Return :math:`\Delta W V`: the same targets, fed from elsewhere."""
    return part.change @ random_rotations(len(part.mask), rngs)


def entries(part: Part, rngs: Generators) -> np.ndarray:
    """Return random entries of all three couplings, as many as have the norm.

    They are taken one after the other until they have it, and scaled down to it, since the last one
    is too much.
    """
    T, places = part.sectors.schur.T, np.flatnonzero(part.sectors.mask(*COUPLINGS))
    wanted, chosen = frobenius(T[part.mask]) ** 2, np.zeros((len(rngs), *T.shape))
    for one, rng in zip(chosen, rngs, strict=True):
        order = rng.permutation(places)
        count = 1 + np.searchsorted(np.cumsum(T.flat[order] ** 2), wanted)
        one.flat[order[:count]] = T.flat[order[:count]]
    return part.sized(part.placed(chosen))


def in_place(part: Part, rngs: Generators) -> np.ndarray:
    r"""Return Gaussian entries in the coupling's place, :math:`L (G \circ M) Q^\top`."""
    return part.sized(part.placed(np.where(part.mask, gaussian(part, rngs), 0)))


#: The control whose draws have another norm than the coupling.
DRIVE = "same drive"

#: The control that may be the coupling itself in part.
ENTRIES = "random entries"

#: What is taken off the weight instead of the coupling, by the name of the control.
CHANGES = MappingProxyType(
    {
        "dense": dense,
        "rotated": rotated,
        DRIVE: same_drive,
        "targets moved": targets,
        "sources moved": sources,
        ENTRIES: entries,
        "in place": in_place,
    }
)

#: The coupling sends what it does along another sequence, where it would send nothing.
ANOTHER = "another sequence"

#: Sequences that this takes: of two there is one ring alone.
SWAPPED = 3

#: The controls in the order of tables and figures.
CONTROLS = (*CHANGES, ANOTHER)


@dataclass(frozen=True)
class Family(FamilyBase):
    """Each coupling of the headline matrix removed, and random draws of its matched controls.

    Parameters
    ----------
    alpha : float
        Threshold between the sectors.
    minimum_mass : float
        Couplings of less removed mass have no controls.
    draws : int
        Of each control.
    judges : int
        Held-out sequences that judge.
    """

    chooses = True

    alpha: float = positive(1, default=0.9)
    minimum_mass: float = real(0, 1, default=0.01)
    draws: int = whole(1, default=20)
    judges: int = whole(1, default=64)

    def of(self, network, fit, stream) -> Iterator[Intervention]:
        """Yield each coupling's removal and its controls.

        Labels are leading, control (``itself`` or one of `CONTROLS`), draw and overlap, of draws
        of ``random entries`` the share that is the coupling itself, and NaN of others, in which
        that says nothing. Without sequences to fit there is no ``same drive``, and where states
        and inputs do not add up, as in gated cells, no ``another sequence``.
        """
        name, recurrent = network.headline
        sectors = Sectors.of(recurrent.matrix, recurrent.threshold(self.alpha), network.schur(name))
        (weight,) = recurrent.write_back(recurrent.matrix)
        norm = frobenius(recurrent.changing) or 1.0
        states = cache(partial(acting, network, name=weight))  # of each batch that judges
        moment = None if fit is None else _moment(states(fit.part(slice(FITTED))))
        for coupling in COUPLINGS:
            part = Part(recurrent, sectors, sectors.mask(coupling), moment)
            mass = part.norm / norm
            if mass == 0 or mass < self.minimum_mass:
                continue

            def changed(change, control, draw, coupling=coupling, part=part, **more):
                labels = {"leading": sectors.size, "control": control, "draw": draw}
                labels["overlap"] = part.overlap(change) if control == ENTRIES else np.nan
                size = frobenius(change) if control == DRIVE else part.norm
                changes = {weight: recurrent.changing - change}
                return Intervention(coupling, changes, size / norm, labels, **more)

            yield changed(part.change, ITSELF, 0)
            together = max(1, MEMORY // part.change.nbytes)
            for control, drawn in CHANGES.items():
                if control == DRIVE and moment is None:
                    continue
                for first in range(0, self.draws, together):
                    some = range(first, min(first + together, self.draws))
                    rngs = [stream(coupling, control, draw) for draw in some]
                    for draw, change in zip(some, drawn(part, rngs), strict=True):
                        yield changed(change, control, draw)
            if "W_xh" in network.weights:
                sent = cache(lambda b, part=part: _sent(states(b), part))
                for draw in range(self.draws):
                    names = partial(stream, coupling, ANOTHER, draw)
                    swapped = _swapped(sent, names)
                    yield changed(part.change, ANOTHER, draw, added=swapped, least=SWAPPED)

    def summary(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return where each coupling lies among the draws of each control.

        Parameters
        ----------
        rows : pandas.DataFrame
            Of one network.

        Returns
        -------
        pandas.DataFrame
            A row a coupling and control. Of the coupling: removed, leading, metric, removed_mass,
            damage and rollout_difference. Of the draws: their number draws, the median_difference
            with difference_05 and difference_95 (5 and 95 % of the draws are below), median_damage
            and median_mass, and overlap, also a median. Of both: quantile, the share of draws with
            a smaller rollout difference, equal ones counted half, and its 95 % interval
            (quantile_low, quantile_high); and ratio, of the coupling's difference to the median,
            NaN where either is nothing but rounding, or not finite.
        """
        if rows.empty:
            return pd.DataFrame(columns=_KEPT)
        itself = rows[rows["control"] == ITSELF].set_index("removed")
        drawn = rows[rows["control"] != ITSELF].groupby(["removed", "control"], sort=False)
        table = pd.DataFrame([_compared(itself.loc[key[0]], key, draws) for key, draws in drawn])
        return table[[*_KEPT, *(["checked"] if "checked" in rows else [])]]


_KEPT = ["removed", "control", "leading", "draws", "metric", "removed_mass", "damage"]
_KEPT += ["rollout_difference", "quantile", "quantile_low", "quantile_high", "ratio"]
_KEPT += ["median_difference", "difference_05", "difference_95", "median_damage", "median_mass"]
_KEPT += ["overlap"]


def _moment(states: np.ndarray) -> np.ndarray:
    """Return the second moment of states (B, T, N)."""
    flat = states.reshape(-1, states.shape[-1])
    return flat.T @ flat / len(flat)


def _sent(states: np.ndarray, part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return what a coupling sends from states (B, T, N), by signals (T, B, K) and weights (N, K).

    There are as many signals as the coupling has directions, often few.
    """
    U, s, Vt = np.linalg.svd(part.change)
    rank = np.count_nonzero(s > s[0] * len(s) * np.finfo(s.dtype).eps)
    return np.ascontiguousarray((states @ Vt[:rank].T).swapaxes(0, 1)), U[:, :rank] * s[:rank]


def _swapped(sent: Callable, stream: Callable) -> Callable[[Batch], tuple[np.ndarray, np.ndarray]]:
    """Return the function that gives every sequence what the coupling sends along another one.

    The sequences form a random ring, in which each takes from the next: none takes from itself.
    """

    def added(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        ring = stream().permutation(batch.sequences)
        source = np.empty_like(ring)
        source[ring] = np.roll(ring, 1)
        signals, kernel = sent(batch)
        return signals[:, source], kernel

    return added


def _compared(itself: pd.Series, key: tuple[str, str], drawn: pd.DataFrame) -> dict:
    """Return where a coupling lies among the draws of a control."""
    difference = drawn["rollout_difference"].fillna(np.inf)  # of a network that ran away
    own, median = itself["rollout_difference"], difference.median()
    comparable = all(EQUAL["atol"] < one < np.inf for one in (own, median))
    low, high = difference.quantile([0.05, 0.95], interpolation="nearest")
    return {
        **itself,
        **dict(zip(("removed", "control"), key, strict=True)),
        "draws": len(drawn),
        **quantile(own, difference.to_numpy()),
        "ratio": own / median if comparable else np.nan,
        "median_difference": median,
        "difference_05": low,
        "difference_95": high,
        "median_damage": drawn["damage"].median(),
        "median_mass": drawn["removed_mass"].median(),
        "overlap": drawn["overlap"].median(),
    }


def quantile(value: float, draws: np.ndarray, confidence: float = 0.95) -> dict[str, float]:
    """Return the share of draws below a value, those `EQUAL` to it counted half, and its interval.

    Parameters
    ----------
    value : float
        NaN is above all.
    draws : numpy.ndarray, shape (n,)
        At least one.
    confidence : float

    Returns
    -------
    dict of str to float
        quantile, and quantile_low and quantile_high, the exact binomial interval (Clopper and
        Pearson 1934), whichever way ties are broken.

    Examples
    --------
    >>> found = quantile(0.5, np.array([0.1, 0.5, 0.5, 0.7]))
    >>> found["quantile"], round(found["quantile_low"], 3), round(found["quantile_high"], 3)
    (0.5, 0.006, 0.994)
    """
    from scipy.stats import binomtest  # takes as long to import as all the rest together

    value = np.inf if np.isnan(value) else value
    equal = np.isclose(draws, value, **EQUAL)
    below, least = int(np.sum(~equal & (draws < value))), int(np.sum(equal | (draws < value)))
    low, high = (binomtest(k, len(draws)).proportion_ci(confidence) for k in (below, least))
    return {
        "quantile": (below + least) / (2 * len(draws)),
        "quantile_low": float(low.low),
        "quantile_high": float(high.high),
    }
