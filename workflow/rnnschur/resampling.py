"""Intervals over sequences: what another draw of the same sequences would have measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnschur import streams


@dataclass(frozen=True, eq=False)
class Resampling:
    """Bootstrap samples of the sequences that a network is judged on, the same for all measures.

    Attributes
    ----------
    counts : numpy.ndarray, shape (R, B)
        How often each of B sequences is in each of R samples.
    confidence : float
        Coverage of the intervals, between 0 and 1.
    """

    counts: np.ndarray
    confidence: float = 0.95

    @classmethod
    def of(cls, sequences: int, seed: int, resamples: int = 1000) -> Resampling:
        """Draw samples of as many sequences as there are, with replacement.

        Parameters
        ----------
        sequences : int
            B.
        seed : int
            Not negative; the same one gives the same samples.
        resamples : int
            R.
        """
        rng = streams.generator(seed, "sequences")
        counts = rng.multinomial(sequences, np.full(sequences, 1 / sequences), resamples)
        return cls(counts.astype(np.float64))

    def interval(self, parts: np.ndarray, wholes: np.ndarray) -> tuple[float, float]:
        r"""Return the percentile interval of a ratio of sums over sequences.

        .. math:: r = \sum_b p_b \, / \, \sum_b w_b

        Parameters
        ----------
        parts, wholes : numpy.ndarray, shape (B,)

        Returns
        -------
        low, high : float
            NaN for fewer than two sequences, of which resampling says nothing, and where a sample
            has no ratio.

        References
        ----------
        B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

        Examples
        --------
        >>> resampling = Resampling.of(4, seed=0)
        >>> resampling.interval(np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4))
        (0.0, 1.0)
        >>> resampling.interval(np.array([2.0, 2.0, 2.0, 2.0]), np.ones(4))
        (2.0, 2.0)
        """
        if len(parts) < 2:
            return np.nan, np.nan
        with np.errstate(all="ignore"):  # of a network that ran away
            ratios = (self.counts @ parts) / (self.counts @ wholes)
            ends = [(1 - self.confidence) / 2, (1 + self.confidence) / 2]
            low, high = np.quantile(ratios, ends).tolist()
        return low, high
