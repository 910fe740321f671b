"""Named nonlinearities, for numpy and PyTorch, and what may be done to the units under each.

A unit's sign may be flipped where the function is odd, its scale changed where the function is
positively homogeneous, f(c x) = c f(x) for c > 0. Only linear functions are both.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

import numpy as np


class Nonlinearity(NamedTuple):
    """A function of one unit.

    Attributes
    ----------
    function : callable
        Takes an array and the module that it belongs to, `numpy` or `torch`.
    odd : bool
        f(-x) = -f(x).
    homogeneous : bool
        f(c x) = c f(x) for c > 0.
    """

    function: Callable
    odd: bool = False
    homogeneous: bool = False

    def __call__(self, x, xp=np):
        return self.function(x, xp)


def _tanh(x, xp):
    return xp.tanh(x)


def _relu(x, xp):
    return np.maximum(x, 0) if xp is np else xp.relu(x)


def _sigmoid(x, xp):
    if xp is not np:
        return xp.sigmoid(x)
    # exp may overflow on the way to 0. One new array: the gates spend their time here.
    with np.errstate(over="ignore"):
        result = np.negative(x)
        np.exp(result, out=result)
        result += 1
        return np.reciprocal(result, out=result)


def _softplus(x, xp):
    return xp.logaddexp(x, xp.zeros_like(x))


def _elu(x, xp):
    return xp.where(x > 0, x, xp.expm1(xp.clip(x, None, 0)))


def _softmax(x, xp):
    e = xp.exp(x - xp.max(x, -1, keepdims=True) if xp is np else x - xp.amax(x, -1, keepdim=True))
    return e / e.sum(-1)[..., None]


#: The functions by name. ``hard_sigmoid`` is that of PyTorch and Keras 3, the other that of Keras 2
#: and TensorFlow 1; ``softplus`` is log(1 + e^x) everywhere, where PyTorch's is x from 20 on.
NONLINEARITIES = MappingProxyType(
    {
        "linear": Nonlinearity(lambda x, xp: x, odd=True, homogeneous=True),
        "tanh": Nonlinearity(_tanh, odd=True),
        "relu": Nonlinearity(_relu, homogeneous=True),
        "sigmoid": Nonlinearity(_sigmoid),
        "softplus": Nonlinearity(_softplus),
        "retanh": Nonlinearity(lambda x, xp: _relu(xp.tanh(x), xp)),
        "elu": Nonlinearity(_elu),
        "hard_sigmoid": Nonlinearity(lambda x, xp: xp.clip(x / 6 + 0.5, 0, 1)),
        "hard_sigmoid_keras2": Nonlinearity(lambda x, xp: xp.clip(0.2 * x + 0.5, 0, 1)),
    }
)

#: What outputs may go through: functions of one output, or softmax over all of them.
OUTPUTS = MappingProxyType({**NONLINEARITIES, "softmax": Nonlinearity(_softmax)})
