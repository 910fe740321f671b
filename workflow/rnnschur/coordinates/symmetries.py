"""Changes of coordinates of a recurrent network, as controls of the ablations.

In a layer whose nonlinearity acts on each unit alone, a permutation of the units is an exact
symmetry, and so are flips of sign where the nonlinearity is odd.  A general rotation is not one,
although it leaves every orthogonal invariant of ``W_hh`` as it was: moduli, the size of the
sectors, the norm of ``T_{C->R}``, the departure from normality.

A change of units acts on every axis of a weight that runs over units, so that one rule serves all
weights whose axes are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import chain

import numpy as np

from rnnschur.arrays import real_array, real_square

Weights = Mapping[str, np.ndarray]
Axes = Mapping[str, tuple[str, ...]]


def permute_and_flip(weights: Weights, axes: Axes, permutation, signs) -> dict[str, np.ndarray]:
    r"""Network with units permuted and flipped, :math:`h'_i = s_i h_{\pi(i)}`.

    With :math:`O_{ij} = s_i \delta_{\pi(i) j}` the weights become :math:`O W_{xh}`,
    :math:`O W_{hh} O^\top` and :math:`W_{hy} O^\top`; the outputs stay the same to rounding.

    Parameters
    ----------
    weights : mapping of str to array_like
    axes : mapping of str to tuple of str
        What the axes of each weight run over; those that are ``unit`` have length N.
    permutation : array_like of int, shape (N,)
        Unit :math:`\pi(i)` of the old network that becomes unit i.
    signs : array_like, shape (N,)
        :math:`s_i`, each -1 or +1.

    Returns
    -------
    dict of str to numpy.ndarray
        Weights in their own precision; the entries are moved and negated without rounding.

    Raises
    ------
    ValueError
        If an argument is refused by :func:`rnnschur.arrays.real_array`, or a weight has another
        number of axes or units.
    ValueError
        If `permutation` is not a permutation of the N units.
    ValueError
        If `signs` is not N signs.

    References
    ----------
    Paper (arXiv 2606.18457), exact weight-space symmetries.

    Examples
    --------
    >>> permute_and_flip({"W_xh": [[1.0], [2.0]]}, {"W_xh": ("unit", "input")}, [1, 0], [1, -1])
    {'W_xh': array([[ 2.],
           [-1.]])}
    """
    arrays, units = _fitting(weights, axes)
    permutation, signs = real_array(permutation, "permutation"), real_array(signs, "signs")
    if permutation.shape != units.shape or np.any(np.sort(permutation) != units):
        raise ValueError(f"not a permutation of {len(units)} units")
    if signs.shape != units.shape or np.any(np.abs(signs) != 1):
        raise ValueError(f"not {len(units)} signs")
    permutation = permutation.astype(np.intp)  # booleans would select, not permute
    changed = {}
    for name, array in arrays.items():
        for axis, runs_over in enumerate(axes[name]):
            if runs_over == "unit":
                negative = np.expand_dims(signs < 0, [a for a in range(array.ndim) if a != axis])
                array = np.take(array, permutation, axis)
                array = np.where(negative, -array, array)
        changed[name] = array
    return changed


def rotate(weights: Weights, axes: Axes, rotation) -> dict[str, np.ndarray]:
    r"""Network in another orthonormal basis, :math:`h' = O h`.

    The weights become :math:`O W_{xh}`, :math:`O W_{hh} O^\top` and :math:`W_{hy} O^\top`.  The
    outputs of the linear network are the same, those of the tanh network are not.

    Parameters
    ----------
    weights, axes
        As for :func:`permute_and_flip`; of a weight, only the first two axes may run over units.
    rotation : array_like, shape (N, N)
        Orthogonal matrix :math:`O`.

    Returns
    -------
    dict of str to numpy.ndarray, float64

    Raises
    ------
    ValueError
        If an argument is refused by :func:`rnnschur.arrays.real_array`, or a weight has another
        number of axes or units.
    ValueError
        If `rotation` is not square, or not orthogonal to within 1e-10.

    References
    ----------
    Paper (arXiv 2606.18457), exact weight-space symmetries.

    Examples
    --------
    >>> rotate({"W_xh": [[1.0], [2.0]]}, {"W_xh": ("unit", "input")}, [[0.0, 1.0], [-1.0, 0.0]])
    {'W_xh': array([[ 2.],
           [-1.]])}
    """
    arrays, units = _fitting(weights, axes)
    rotation = real_square(rotation, "rotation").astype(np.float64)
    if len(rotation) != len(units):
        raise ValueError(f"rotation has shape {rotation.shape}; allowed: {len(units)} units")
    with np.errstate(over="ignore", invalid="ignore"):
        product = rotation @ rotation.T
    if not np.allclose(product, np.eye(len(rotation)), rtol=0, atol=1e-10):
        raise ValueError("rotation is not orthogonal")
    changed = {}
    for name, array in arrays.items():
        array = array.astype(np.float64)
        if axes[name][0] == "unit":
            array = rotation @ array
        if axes[name][1:2] == ("unit",):
            array = array @ rotation.T
        changed[name] = array
    return changed


def random_symmetry(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Permutation and signs, uniform over the symmetry group of a tanh network.

    Parameters
    ----------
    size : int
        Number of units N.
    rng : numpy.random.Generator

    Returns
    -------
    permutation : ndarray, shape (N,), int64
    signs : ndarray, shape (N,), int64
    """
    return rng.permutation(size), rng.choice([-1, 1], size)


def random_rotation(size: int, rng: np.random.Generator) -> np.ndarray:
    """Orthogonal matrix, uniform (Haar) over O(N).

    Parameters
    ----------
    size : int
        Number of units N.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (N, N), float64
    """
    from scipy.stats import ortho_group  # takes as long to import as all the rest together

    return ortho_group.rvs(size, random_state=rng)


def _fitting(weights: Weights, axes: Axes) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Weights as real arrays, and the numbers of the units, or ValueError if they do not fit."""
    arrays = {name: real_array(w, name, len(axes[name])) for name, w in weights.items()}
    lengths = {
        name: [n for word, n in zip(axes[name], array.shape, strict=True) if word == "unit"]
        for name, array in arrays.items()
    }
    # The length that most axes have; a weight with another one is the odd one out.
    units = Counter(chain(*lengths.values())).most_common(1)[0][0]
    for name, found in lengths.items():
        if set(found) - {units}:
            words = ", ".join(f"{word}s" for word in axes[name])
            shape = arrays[name].shape
            raise ValueError(f"{name} has shape {shape}; allowed: ({words}), {units} units")
    return arrays, np.arange(units)
