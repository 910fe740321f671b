"""Weights of trained networks on disk: safetensors, stacked over the networks of a condition."""

from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np

from rnnschur.cells import CellBase, make
from rnnschur.coordinates.schur import ERROR_FACTOR, OrderedSchur, backward_error
from rnnschur.network import Network
from rnnschur.tensors import load, save


def load_networks(path: str | Path, cell: CellBase | str = "tanh") -> dict[int, Network]:
    """Read the networks of a condition of the grid, by seed.

    Parameters
    ----------
    path : path
        Holds every weight of the cell, those that are optional or not, stacked along the first
        axis, and ``seed``, int64. Parts of weights, such as ``W_hh.T``, are for `load_parts`.
    cell : CellBase or str
        What the networks are made of.

    Raises
    ------
    ValueError
        If a tensor is missing or unknown, has the wrong shape or precision or is not finite, or a
        seed is not a whole number or stands there twice; the message names the file, the tensor
        and what is allowed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> network = Network("tanh", {"W_hh": [[0.5]], "W_xh": [[1]], "W_hy": [[1]]})
    >>> with TemporaryDirectory() as folder:
    ...     save(f"{folder}/two.safetensors", stacked({3: network, 7: network}))
    ...     list(load_networks(f"{folder}/two.safetensors"))
    [3, 7]
    """
    cell = make(cell) if isinstance(cell, str) else cell
    tensors = {name: stack for name, stack in load(path).items() if not _is_part(name, cell.known)}
    names = (*cell.axes, "seed")
    missing = [name for name in names if name not in tensors]
    unknown = [name for name in tensors if name not in (*cell.known, "seed")]
    if missing or unknown:
        fault = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}"
        raise ValueError(f"{path} {fault}; it must hold {', '.join(names)}")
    seeds = _seeds(path, tensors.pop("seed"))
    for name, stack in tensors.items():
        axes = ["unit" if axis == "gate" else axis for axis in cell.known[name]]
        if stack.ndim != len(axes) + 1 or len(stack) != len(seeds):
            words = ", ".join(["S", *(f"{axis}s" for axis in axes)])
            raise ValueError(
                f"{path}: {name} has shape {stack.shape}; allowed: ({words}), S = {len(seeds)}"
            )
    try:
        return {
            seed: Network(cell, {name: stack[index] for name, stack in tensors.items()})
            for index, seed in enumerate(seeds)
        }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def load_parts(path: str | Path) -> dict[int, dict[str, np.ndarray]]:
    """Read what parametrised weights are made of, by seed.

    Parameters
    ----------
    path : path
        As `load_networks` reads it.

    Returns
    -------
    dict of int to dict
        Arrays by name, such as ``W_hh.T`` (see `rnnschur.architectures.nnrnn`); none where weights
        have no parts.

    Raises
    ------
    ValueError
        If seeds are as `load_networks` does not take them, or a part is not one a seed or not
        finite; the message names the file, the tensor and what is allowed.
    """
    tensors = load(path)
    if "seed" not in tensors:
        raise ValueError(f"{path} lacks seed; it must hold the seeds of its networks")
    seeds = _seeds(path, tensors["seed"])
    parts = {name: stack for name, stack in tensors.items() if _is_part(name, tensors)}
    for name, stack in parts.items():
        if stack.shape[:1] != (len(seeds),) or not np.isfinite(stack).all():
            raise ValueError(
                f"{path}: {name} has shape {stack.shape} or entries that are not finite; "
                f"allowed: (S, ...), S = {len(seeds)}, finite numbers"
            )
    return {
        seed: {name: stack[index] for name, stack in parts.items()}
        for index, seed in enumerate(seeds)
    }


def _seeds(path: str | Path, seeds: np.ndarray) -> list[int]:
    """Return the seeds of the networks of a file, or raise ValueError if they are none."""
    found = seeds.ravel().tolist()
    if seeds.ndim != 1 or seeds.dtype.kind not in "iu" or len(set(found)) != len(found):
        raise ValueError(
            f"{path}: seed has shape {seeds.shape} and dtype {seeds.dtype}; "
            "allowed: (S,) different whole numbers"
        )
    return found


def _is_part(name: str, weights: Container[str]) -> bool:
    """Tell whether a tensor is a part of one of the weights, by its name."""
    weight, _, part = name.partition(".")
    return part != "" and weight in weights


def stacked(networks: Mapping[int, Network]) -> dict[str, np.ndarray]:
    """Return the weights of networks of one shape as `load_networks` reads them, and ``seed``."""
    names = next(iter(networks.values())).weights
    stacks = {name: np.stack([n.weights[name] for n in networks.values()]) for name in names}
    return {**stacks, "seed": np.array(list(networks), dtype=np.int64)}


def save_forms(path: str | Path, networks: Mapping[int, Network]) -> None:
    """Write the ordered Schur forms of networks of one condition.

    The file holds Q and T, float64, stacked over the networks, and ``seed``; of a cell with several
    recurrent matrices ``Q.W_hn``, ``T.W_hn`` and so on.
    """
    factors = {
        name: np.stack([getattr(n.schur(matrix), name[0]) for n in networks.values()])
        for name, matrix in _factors(networks).items()
    }
    save(path, {**factors, "seed": np.array(list(networks), dtype=np.int64)})


def _factors(networks: Mapping[int, Network]) -> dict[str, str]:
    """Return the names of all factors in a file, and the matrices that they are of."""
    network = next(iter(networks.values()))
    matrices = list(network.cell.matrices(network.weights))
    if len(matrices) == 1:
        return dict.fromkeys("QT", matrices[0])
    return {f"{factor}.{matrix}": matrix for matrix in matrices for factor in "QT"}


def load_forms(path: str | Path, networks: Mapping[int, Network]) -> None:
    """Give networks the ordered Schur forms of their recurrent matrices, from a file.

    Raises
    ------
    ValueError
        If the file does not hold the factors of these networks; the message names it.
    """
    factors, expected = load(path), _factors(networks)
    count = (len(networks),)
    if (
        set(factors) != {*expected, "seed"}
        or np.ravel(factors["seed"]).tolist() != list(networks)
        or any(factors[name].shape[:1] != count for name in factors)
    ):
        raise ValueError(
            f"{path} must hold {', '.join(expected)} and the seeds "
            f"{', '.join(map(str, networks))}; "
            f"it holds {', '.join(f'{name} {array.shape}' for name, array in factors.items())}"
        )
    for index, (seed, network) in enumerate(networks.items()):
        matrices = network.cell.matrices(network.weights)
        pairs = {matrix: name[1:] for name, matrix in expected.items()}
        for name, suffix in pairs.items():
            try:
                form = OrderedSchur.from_factors(*(factors[f + suffix][index] for f in "QT"))
                if not backward_error(matrices[name].matrix, form.Q, form.T) <= ERROR_FACTOR:
                    raise ValueError(f"not a Schur form of {name}")
            except ValueError as error:
                raise ValueError(f"{path}: seed {seed}: {error}") from None
            network.forms[name] = form
