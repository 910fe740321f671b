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
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from rnnschur.arrays import finite_square, in_range, real_array, real_square

#: Axes that run over units: those that a change of units acts on, and those that it only permutes.
UNITS = ("unit", "gate")
SWEEPS = 200  # of balancing; a full matrix takes about ten

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
    (_, units), signs = _fitting(weights, axes), real_array(signs, "signs")
    if signs.shape != units.shape or np.any(np.abs(signs) != 1):
        raise ValueError(f"not {len(units)} signs")
    return permute_and_scale(weights, axes, permutation, signs)


def permute_and_scale(weights: Weights, axes: Axes, permutation, factors) -> dict[str, np.ndarray]:
    r"""Network with units permuted and multiplied, :math:`h'_i = c_i h_{\pi(i)}`.

    What runs over units on its first axis is multiplied by :math:`c_i`, since it makes the state,
    and divided by it on its second, since it reads the state.  An axis that is ``gate`` is permuted
    and not multiplied: a number for each unit that says how the unit works, and not where it is.

    Parameters
    ----------
    weights : mapping of str to array_like
    axes : mapping of str to tuple of str
        What the axes of each weight run over; those that are ``unit`` or ``gate`` have length N.
    permutation : array_like of int, shape (N,)
        Unit :math:`\pi(i)` of the old network that becomes unit i.
    factors : array_like, shape (N,)
        :math:`c_i`, finite and not 0.

    Returns
    -------
    dict of str to numpy.ndarray
        Weights in their own precision; without rounding where the factors are signs.

    Raises
    ------
    ValueError
        If an argument is refused by :func:`rnnschur.arrays.real_array`, or a weight has another
        number of axes or units.
    ValueError
        If `permutation` is not a permutation of the N units, or `factors` are not N finite numbers
        other than 0.

    Examples
    --------
    >>> permute_and_scale({"W_hy": [[1.0, 2.0]]}, {"W_hy": ("output", "unit")}, [1, 0], [4, 1])
    {'W_hy': array([[0.5, 1. ]])}
    """
    arrays, units = _fitting(weights, axes)
    permutation, factors = real_array(permutation, "permutation"), real_array(factors, "factors")
    if permutation.shape != units.shape or np.any(np.sort(permutation) != units):
        raise ValueError(f"not a permutation of {len(units)} units")
    if factors.shape != units.shape or not np.all(np.isfinite(factors) & (factors != 0)):
        raise ValueError(f"not {len(units)} finite factors other than 0")
    permutation = permutation.astype(np.intp)  # booleans would select, not permute
    changed = {}
    for name, array in arrays.items():
        for axis, runs_over in enumerate(axes[name]):
            if runs_over in UNITS:
                array = np.take(array, permutation, axis)
            if runs_over == "unit":
                along = [a for a in range(array.ndim) if a != axis]
                factor = np.expand_dims(factors.astype(array.dtype), along)
                array = array * factor if axis == 0 else array / factor
        changed[name] = array
    return changed


def balance(matrix) -> np.ndarray:
    r"""Scales of units under which a matrix has its least norm (Osborne 1960).

    With :math:`D = \mathrm{diag}(c)`, :math:`\|D W D^{-1}\|_F` is least where the rest of each row
    has the norm of the rest of its column.  Eigenvalues stay, so that Henrici's departure from
    normality is least as well.

    Parameters
    ----------
    matrix : array_like, shape (N, N)
        ``W``.

    Returns
    -------
    ndarray, shape (N,), float64
        :math:`c_i > 0`, of geometric mean 1; 1 for a unit whose row or column is 0 beside the
        diagonal, since no scale is best there.

    Raises
    ------
    ValueError
        As :func:`rnnschur.arrays.finite_square`.

    References
    ----------
    E. E. Osborne, On pre-conditioning of matrices, J. ACM 7 (1960).

    Examples
    --------
    >>> balance([[0.0, 4.0], [1.0, 0.0]]) ** 2
    array([0.5, 2. ])
    """
    square = in_range(finite_square(matrix, "matrix"))[0] ** 2
    np.fill_diagonal(square, 0)
    logarithms = np.zeros(len(square))
    for _ in range(SWEEPS):
        largest = 0.0
        for unit in range(len(square)):
            row, column = square[unit].sum(), square[:, unit].sum()
            if row > 0 and column > 0:
                ratio = np.sqrt(column / row)  # of squares: c^2 for row and 1 / c^2 for column
                square[unit] *= ratio
                square[:, unit] /= ratio
                change = np.log(ratio) / 2
                logarithms[unit] += change
                largest = max(largest, abs(change))
        if largest < 1e-12:
            break
    return np.exp(logarithms - logarithms.mean())


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
    return random_rotations(size, [rng])[0]


def random_rotations(size: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    r"""Orthogonal matrices, uniform (Haar) over O(N), one of each generator.

    Q of a Gaussian matrix QR, its columns multiplied by the signs of the diagonal of R.  The same
    as ``scipy.stats.ortho_group``, which takes one generator, and longer to import than all the
    rest together.

    Parameters
    ----------
    size : int
        Number of units N.
    rngs : sequence of numpy.random.Generator

    Returns
    -------
    ndarray, shape (len(rngs), N, N), float64

    References
    ----------
    F. Mezzadri, How to generate random matrices from the classical compact groups, Notices of the
    AMS 54 (2007).
    """
    Q, R = np.linalg.qr(np.stack([rng.standard_normal((size, size)) for rng in rngs]))
    return Q * np.copysign(1.0, np.diagonal(R, axis1=-2, axis2=-1))[:, None]


def _fitting(weights: Weights, axes: Axes) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Weights as real arrays, and the numbers of the units, or ValueError if they do not fit."""
    arrays = {name: real_array(w, name, len(axes[name])) for name, w in weights.items()}
    lengths = {
        name: [n for word, n in zip(axes[name], array.shape, strict=True) if word in UNITS]
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
