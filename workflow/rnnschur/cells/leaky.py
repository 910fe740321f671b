"""A leaky layer: a differential equation in steps of Euler's method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnschur.cells.base import Layer, Recurrent, Weights, driven, named
from rnnschur.nonlinearities import NONLINEARITIES
from rnnschur.options import option, positive

PLACES = ("before", "after", "currents")
BIASES = ("inside", "outside")


@dataclass(frozen=True)
class Cell(Layer):
    r"""A leaky layer, its nonlinearity in any of the three places that published networks use.

    With the step in units of the time constant, :math:`a = \Delta t / \tau`, and
    :math:`u_t = W_{xh} x_t`, they are

    ============ ========================================================================
    `place`      step
    ============ ========================================================================
    ``before``   :math:`h_t = (1 - a) h_{t-1} + a f(W_{hh} h_{t-1} + u_t + b_h)`
    ``after``    :math:`h_t = f((1 - a) h_{t-1} + a (W_{hh} h_{t-1} + u_t + b_h))`
    ``currents`` :math:`h_t = (1 - a) h_{t-1} + a (W_{hh} f(h_{t-1}) + u_t + b_h)`
    ============ ========================================================================

    The bias stands beside the input. On the other side of the nonlinearity it is
    :math:`a (f(W_{hh} h_{t-1} + u_t) + b_h)` before, :math:`f(\dots) + b_h` after, and
    :math:`W_{hh} f(h_{t-1} + b_h)` in currents.

    W_hh has the shape (N, N), W_xh (N, inputs) and W_hy (outputs, N). Optional weights are b_h
    (N,), h0 (N,), b_y (outputs,), and a (N,) for a time constant of each unit.

    The matrix that is decomposed is that of the step about a state at rest,
    :math:`S = I + \mathrm{diag}(a)(W_{hh} - I)`. Its eigenvalues crowd towards 1 as the step
    shrinks, so that a threshold alpha is one for a whole time constant: a step has
    :math:`\alpha^{\bar a}`, :math:`\bar a` the mean of a over units.

    Parameters
    ----------
    a : float, optional
        :math:`\Delta t / \tau`, in (0, 1], where it is the same for all units.
    place : {"before", "after", "currents"}
    nonlinearity : str
        :math:`f`, by its name in `rnnschur.nonlinearities.NONLINEARITIES`.
    bias : {"inside", "outside"}, optional
        Of the nonlinearity; by default beside the input, which is outside in currents and inside
        otherwise.

    Examples
    --------
    One unit without input forgets half of what it holds at each step:

    >>> cell = Cell.checked({"a": 0.5, "place": "currents", "nonlinearity": "relu"})
    >>> weights = {"W_hh": np.zeros((1, 1)), "W_xh": np.ones((1, 1)), "h0": np.ones(1)}
    >>> cell.states(weights, np.zeros((3, 1, 1))).ravel()
    array([0.5  , 0.25 , 0.125])
    """

    a: float | None = positive(1, default=None)
    place: str = option(", ".join(PLACES), lambda v: v in PLACES, "before")
    nonlinearity: str = named(NONLINEARITIES, "tanh")
    bias: str | None = option(", ".join(BIASES), lambda v: v in BIASES, None)

    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {"a": ("gate",), **Layer.optional}

    def check(self, weights: Weights) -> None:
        """Raise ValueError unless the step is there once, and in its range."""
        super().check(weights)
        if ("a" in weights) == (self.a is not None):
            raise ValueError(
                f"a is {'given twice' if 'a' in weights else 'missing'}; allowed: a number in "
                "(0, 1] as an option of the cell, or one for each unit as a weight"
            )
        if "a" in weights and not np.all((weights["a"] > 0) & (weights["a"] <= 1)):
            raise ValueError(
                f"a has entries from {weights['a'].min()} to {weights['a'].max()}; "
                "allowed: numbers in (0, 1]"
            )

    def matrices(self, weights: Weights) -> dict[str, Recurrent]:
        W = weights["W_hh"].astype(np.float64)
        a = np.broadcast_to(np.asarray(weights.get("a", self.a), np.float64), len(W))
        step = a[:, None] * W + np.diag(1 - a)

        def write_back(matrix):
            return {"W_hh": W + (matrix - step) / a[:, None]}

        return {"step": Recurrent(step, write_back, W, float(a.mean()), self.gauge("unit"))}

    def steps(self, weights: Weights, inputs, xp: ModuleType = np) -> Iterator:
        f, recurrent = NONLINEARITIES[self.nonlinearity].function, weights["W_hh"].mT
        a = weights.get("a", self.a)
        keep, shift = 1 - a, self._shift(weights)
        bias = "b_h" if shift is None else ""
        inputs, (kernel,) = driven(weights, inputs, [("W_xh", bias)], xp)
        if self.place != "before":  # there, a multiplies what is in the products already
            kernel, recurrent = a * kernel, a * recurrent
        hidden = self.start(weights, xp=xp)
        for x in inputs:
            if self.place == "before":
                active = f(hidden @ recurrent + x @ kernel, xp)
                hidden = keep * hidden + a * (active if shift is None else active + shift)
            elif self.place == "after":
                active = f(keep * hidden + hidden @ recurrent + x @ kernel, xp)
                hidden = active if shift is None else active + shift
            else:
                active = f(hidden if shift is None else hidden + shift, xp)
                hidden = keep * hidden + active @ recurrent + x @ kernel
            yield hidden

    def read(self, weights: Weights, states, xp: ModuleType = np):
        """Return what the readout weighs; an activity sees the bias that the nonlinearity sees."""
        shift = self._shift(weights)
        if shift is not None and self.place == "currents" and self.readout != "linear":
            states = states + shift
        return super().read(weights, states, xp)

    def _shift(self, weights: Weights):
        """Return the bias where it stands on the other side of the nonlinearity than the input."""
        beside = self.bias is None or (self.bias == "outside") == (self.place == "currents")
        return None if beside else weights.get("b_h")
