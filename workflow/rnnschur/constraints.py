"""Connectivity masks and Dale's principle: how a raw weight becomes the one that acts.

Networks that are trained under such constraints are often stored with the weight that was trained,
and the code that runs them applies mask and signs at every step. The diagnosis decomposes the
matrix that acts: `effective` gives it, and `forbidden` tells how far a change leaves what mask and
signs allow.
"""

from __future__ import annotations

import numpy as np

from rnnschur.arrays import in_range, real_array

MAGNITUDES = ("as given", "absolute", "rectified")


def effective(weight, mask=None, signs=None, magnitude: str = "as given") -> np.ndarray:
    r"""Weight that acts, :math:`W_{ij} = M_{ij}\, m(V_{ij})\, s_j`.

    Parameters
    ----------
    weight : array_like, shape (targets, sources)
        :math:`V`, as it was trained.
    mask : array_like, shape (targets, sources), optional
        :math:`M`, what each connection is multiplied by: 0 where there is none.
    signs : array_like, shape (sources,), optional
        :math:`s`, of the connections that leave each unit: +1 excitatory, -1 inhibitory.
    magnitude : {"as given", "absolute", "rectified"}
        :math:`m(v)`: v, abs(v) or max(0, v).

    Returns
    -------
    numpy.ndarray, shape (targets, sources)

    Raises
    ------
    ValueError
        If shapes do not fit together, an argument is refused by `rnnschur.arrays.real_array`, or
        `magnitude` is another word.

    References
    ----------
    H. F. Song, G. R. Yang, X.-J. Wang, PLoS Comput. Biol. 12 (2016), on Dale's principle.

    Examples
    --------
    >>> effective([[-2.0, 3.0], [4.0, 5.0]], [[1, 1], [0, 1]], [1, -1], "absolute")
    array([[ 2., -3.],
           [ 0., -5.]])
    """
    weight = real_array(weight, "weight", 2)
    if magnitude not in MAGNITUDES:
        raise ValueError(f"magnitude is {magnitude!r}; allowed: {', '.join(MAGNITUDES)}")
    if magnitude != "as given":
        weight = np.abs(weight) if magnitude == "absolute" else np.maximum(weight, 0)
    for name, factor, shape in (("mask", mask, weight.shape), ("signs", signs, weight.shape[1:])):
        if factor is not None:
            factor = real_array(factor, name)
            if factor.shape != shape:
                raise ValueError(f"{name} has shape {factor.shape}; allowed: {shape}")
            weight = weight * factor.astype(weight.dtype)
    return weight + 0.0  # no negative zero


def check(mask=None, signs=None) -> None:
    """Raise ValueError unless a mask holds 0 and 1 only, and signs -1, 0 (free) and +1."""
    if mask is not None and not np.isin(mask, (0, 1)).all():
        raise ValueError("mask_hh has entries other than 0 and 1; allowed: 1 for a connection")
    if signs is not None and not np.isin(signs, (-1, 0, 1)).all():
        raise ValueError(
            "sign_h has entries other than -1, 0 and 1; allowed: the sign of the weights that "
            "leave each unit, 0 where it is free"
        )


def forbidden(changed, weight, mask=None, signs=None) -> float:
    r"""Share of a change that falls on entries, or signs, which the constraints do not allow.

    .. math:: \|F \circ \tilde W\| / \|\tilde W - W\|

    F marks entries that the mask forbids or whose sign is not that of their source.

    Parameters
    ----------
    changed, weight : array_like, shape (N, N)
        :math:`\tilde W` and :math:`W`.
    mask : array_like, shape (N, N), optional
        0 where there is no connection.
    signs : array_like, shape (N,), optional
        -1, 0 (free) or +1, of the weights that leave each unit.

    Returns
    -------
    float
        Frobenius norms, dimensionless; 0 where nothing changes.

    Raises
    ------
    ValueError
        If an argument is refused by `rnnschur.arrays.real_array`.

    Examples
    --------
    >>> forbidden([[0.0, 4.0], [0.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]], mask=[[1, 0], [1, 1]])
    0.8
    """
    changed, weight = real_array(changed, "changed", 2), real_array(weight, "weight", 2)
    wrong = np.zeros(changed.shape, bool)
    if mask is not None:
        wrong |= real_array(mask, "mask", 2) == 0
    if signs is not None:
        wrong |= changed * real_array(signs, "signs", 1) < 0
    part, whole, _ = in_range(np.where(wrong, changed, 0), changed - weight)
    norm = np.linalg.norm(whole)
    return float(np.linalg.norm(part) / norm) if norm else 0.0
