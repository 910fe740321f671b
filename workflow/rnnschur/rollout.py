"""The forward pass, as the equation stands: the reference for the fast kernel."""

from collections.abc import Callable
from types import ModuleType

import numpy as np

ENGINES = ("fast", "reference")


def rollout(W_xh, W_hh, W_hy, inputs, onset: int = 0, xp: ModuleType = np):
    r"""Return the outputs of a one-layer tanh network, or of several recurrent matrices at once.

    .. math::
        h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t, \qquad h_0 = 0

    Parameters
    ----------
    W_xh : array, shape (N, inputs)
    W_hh : array, shape (N, N) or (K, N, N)
        Several recurrent matrices share the other weights and the inputs.
    W_hy : array, shape (outputs, N)
    inputs : array, shape (T, B, inputs)
    onset : int
        First step, counted from 0, whose outputs are returned.
    xp : module
        `numpy`, or `torch` for tensors on any device, differentiable.

    Returns
    -------
    array, shape (T - onset, B, outputs) or (K, T - onset, B, outputs)
    """
    recurrent, driven = W_hh.mT, inputs @ W_xh.mT
    hidden = xp.tanh(driven[0] + xp.zeros_like(recurrent[..., :1, :]))
    states = [hidden]
    for drive in driven[1:]:
        hidden = xp.tanh(hidden @ recurrent + drive)
        states.append(hidden)
    return xp.stack(states[onset:], -3) @ W_hy.mT


def by_engine(engine: str) -> Callable:
    """Return the forward pass of an engine: `rollout`, or the kernel's, which wants numpy arrays.

    Raises
    ------
    ValueError
        For an engine that is not in `ENGINES`.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; allowed: {', '.join(ENGINES)}")
    if engine == "reference":
        return rollout
    from rnnschur import kernels  # only here: the reference engine must not need the compiler

    return kernels.rollout
