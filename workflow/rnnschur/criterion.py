"""The criterion: does an ablation leave the network's behaviour on its task alone?

An ablation is an epsilon-stabilizer on the task distribution D when the rollout difference
d_D(f_W, f_W~) is at most epsilon; where it also removes mass that is not negligible, the paper
calls it a candidate approximate invariance. The verdicts keep these apart.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnschur.options import is_number

VERDICTS = ("stabilizer", "negligible", "intermediate", "fragile")


@dataclass(frozen=True)
class Criterion:
    """The bounds of the verdicts; all three are ours.

    Attributes
    ----------
    epsilon : float
        Largest rollout difference of a stabilizer.
    minimum_mass : float
        Least removed mass that is not negligible.
    fragile : float
        Rollout difference from which an ablation is fragile, larger than `epsilon`.

    Raises
    ------
    ValueError
        If a bound is out of its range.

    Examples
    --------
    >>> Criterion(epsilon=0.1).verdict([0.05, 0.05, 0.5, 2.0], [0.3, 0.001, 0.3, 0.3]).tolist()
    ['stabilizer', 'negligible', 'intermediate', 'fragile']
    """

    epsilon: float = 0.1
    minimum_mass: float = 0.01
    fragile: float = 1.0

    def __post_init__(self):
        for name, value in vars(self).items():
            if not is_number(value):
                raise ValueError(f"{name} is {value!r}; allowed: a number")
        if not 0 <= self.epsilon < self.fragile < np.inf:
            raise ValueError(
                f"epsilon is {self.epsilon} and fragile {self.fragile}; "
                "allowed: 0 <= epsilon < fragile"
            )
        if not 0 <= self.minimum_mass <= 1:
            raise ValueError(f"minimum_mass is {self.minimum_mass}; allowed: a number from 0 to 1")

    def verdict(self, rollout_difference, removed_mass) -> np.ndarray:
        """Judge ablations by their rollout difference and removed mass.

        Parameters
        ----------
        rollout_difference, removed_mass : array_like of one shape
            See `rnnschur.metrics.rollout_difference` and `rnnschur.coordinates.sectors`.

        Returns
        -------
        numpy.ndarray of str
            ``stabilizer`` (difference at most epsilon, mass not negligible: a candidate
            invariance), ``negligible`` (difference at most epsilon, but hardly anything was
            removed), ``fragile`` (difference of at least `fragile`, or not a number) or
            ``intermediate``.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        difference, mass = np.asarray(rollout_difference), np.asarray(removed_mass)
        if difference.shape != mass.shape:
            raise ValueError(
                f"rollout_difference has shape {difference.shape}; allowed: that of the "
                f"removed mass, {mass.shape}"
            )
        safe = difference <= self.epsilon
        return np.select(
            [safe & (mass >= self.minimum_mass), safe, difference < self.fragile],
            ["stabilizer", "negligible", "intermediate"],
            default="fragile",
        )

    def verdicts(self, rows: pd.DataFrame) -> np.ndarray:
        """Judge the rows of a table, as `verdict` does.

        Parameters
        ----------
        rows : pandas.DataFrame
            As `rnnschur.evaluation.evaluate` returns them.

        Returns
        -------
        numpy.ndarray of str or None
            None where the outputs leave the basis of the states free (gauge ``any basis``): the
            couplings are then those of a basis that nobody chose. None where the sectors are not
            determined (see `rnnschur.determinacy`), and where nothing was measured (see
            `rnnschur.evaluation.evaluate_shifts`): no mass is said.
        """
        found = self.verdict(rows["rollout_difference"], rows["removed_mass"])
        open_ = rows["removed_mass"].isna().to_numpy(copy=True)
        if "gauge" in rows:
            open_ |= rows["gauge"] == "any basis"
        if "determined" in rows:
            open_ |= ~rows["determined"]
        return np.where(open_, None, found.astype(object)) if open_.any() else found

    def distances(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return how far the rows of a table are from each bound, above it where positive.

        Parameters
        ----------
        rows : pandas.DataFrame
            As `rnnschur.evaluation.evaluate` returns them.

        Returns
        -------
        pandas.DataFrame
            Columns from_epsilon, from_fragile (of the rollout difference) and from_minimum_mass.

        Examples
        --------
        >>> rows = pd.DataFrame({"rollout_difference": [0.25], "removed_mass": [0.51]})
        >>> Criterion(epsilon=0.125).distances(rows).iloc[0].tolist()
        [0.125, -0.75, 0.5]
        """
        difference, mass = rows["rollout_difference"], rows["removed_mass"]
        return pd.DataFrame(
            {
                "from_epsilon": difference - self.epsilon,
                "from_fragile": difference - self.fragile,
                "from_minimum_mass": mass - self.minimum_mass,
            }
        )

    def judged(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the table of a diagnosis with its distances from the bounds, and verdicts.

        Parameters
        ----------
        rows : pandas.DataFrame
            As `rnnschur.diagnosis.measured` returns them.
        """
        table = pd.concat([rows, self.distances(rows)], axis=1)
        table = table.assign(verdict=self.verdicts(table))
        return table[[*_FIRST, *(name for name in table if name not in {*_FIRST, *_LAST}), *_LAST]]


#: The columns that the table of a diagnosis begins and ends with.
_FIRST = ["matrix", "alpha", "threshold", "leading", "gap"]
_LAST = ["from_epsilon", "from_fragile", "from_minimum_mass", "leading_low", "leading_high"]
_LAST += ["mass_moves", "change_moves", "determined", "verdict", "note"]
