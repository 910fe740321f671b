"""Networks that were trained elsewhere: read, and compared with their authors' code."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from rnnschur import imported
from rnnschur.batch import Batch
from rnnschur.comparison import (
    PATIENCE,
    TOLERANCES,
    agreement,
    cause,
    differences,
    misfit,
)
from rnnschur.description import Description
from rnnschur.formats import ENDINGS
from rnnschur.imported import NOT_CHECKED, Given
from rnnschur.metrics import METRICS
from rnnschur.network import Network
from rnnschur.suspects import SUSPECTS


def load(path: str | Path) -> list[Given]:
    """Read the networks of a ``network.yaml`` or of a file made of it, one or more.

    The trials of a ``network.yaml`` that have reference outputs are run first.

    Raises
    ------
    ValueError
        If a network is not what the file says, or its outputs are not those of the reference; the
        message names the file, the key or tensor, and what is allowed.
    """
    ending = Path(path).suffix.lower()
    if ending == ".safetensors":
        return imported.load(path)
    if ending in ENDINGS:
        raise ValueError(f"{path} holds weights; allowed: a network.yaml that describes them")
    found = []
    for description in Description.read(path).members():
        try:
            found.append(_described(description))
        except ValueError as error:
            if description.member is None:
                raise
            number = description.member[0]
            raise ValueError(f"{error}; of network {number} of the stack, from 0") from None
    return found


def read(path: str | Path) -> tuple[Network, Batch]:
    """Read a network that was trained elsewhere, with its sequences.

    Parameters
    ----------
    path : path
        A ``network.yaml``, which ``docs/your-network.md`` explains, or what ``rnnschur import``
        made of it.

    Returns
    -------
    Network
        Its `checked` says how it compares with its authors' code.
    Batch

    Raises
    ------
    ValueError
        If the network is not what the file says, or its outputs are not those of its authors' code;
        the message names the file, the key or tensor, what was found and what is allowed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> text = '''
    ... cell: tanh
    ... weights: {file: all.npz, W_hh: W, W_xh: U, W_hy: {identity: true}, ignore: [inputs]}
    ... data: {file: all.npz}
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/all.npz", W=np.eye(2), U=np.ones((2, 1)), inputs=np.ones((5, 3, 1)))
    ...     size = Path(folder, "network.yaml").write_text(text)
    ...     network, batch = read(f"{folder}/network.yaml")
    >>> network.sizes, network.checked
    ({'unit': 2, 'input': 1, 'output': 2}, "not checked against its authors' code")
    """
    networks = load(path)
    if len(networks) > 1:
        raise ValueError(
            f"{path} holds {len(networks)} networks; allowed: one, or all by: "
            "from rnnschur.given import load"
        )
    return networks[0].network, networks[0].batch


def _described(description: Description) -> Given:
    """Read a network of a ``network.yaml``."""
    network, trials = description.network(), description.trials()
    data = description.path.parent / description.keys["data"]["file"]
    metric, found, checked = description.metric(), None, NOT_CHECKED
    try:
        if trials.outputs is not None:
            found = differences(network, trials)
            tolerance = TOLERANCES[trials.precision]
            if found.max() > tolerance:
                raise ValueError(misfit(network, trials, _reason(description, tolerance)))
            checked = agreement(found, tolerance)
        outputs = network.outputs(trials.batch)
        if not np.isfinite(outputs).all():
            raise ValueError("outputs of the network are not finite: it runs away")
        metric = metric or _metric(network, trials.batch)
        METRICS[metric].of(network.cell.output)(outputs, trials.batch)
    except ValueError as error:
        raise ValueError(f"{data}: {error}") from None
    network = Network(network.cell, network.weights, checked=checked)
    names = (description.path.name, *description.files)
    sources = {name: _digest(description.path.parent / name) for name in names}
    return Given(network, trials.batch, metric, found, sources)


def _metric(network: Network, batch: Batch) -> str:
    """Return the measure that suits the targets: accuracy where they are labels, else the FVU."""
    if batch.targets is None:
        return "fvu"
    width, outputs = batch.targets.shape[-1], network.sizes["output"]
    counted = batch.counted(batch.targets)
    if width == 1 < outputs and np.array_equal(counted, np.round(counted)):
        return "accuracy"
    if width != outputs:
        raise ValueError(
            f"targets have {width} features; allowed: {outputs}, as many as outputs, or one label"
        )
    return "fvu"


def _reason(description: Description, tolerance: float) -> str:
    """Say why a network may not be what the reference comes from."""
    try:
        reason = cause(description, tolerance)
    except TimeoutError:
        return f"no mistake was found in {PATIENCE} s that makes it fit ({SUSPECTS})"
    if reason is None:
        return f"no usual mistake makes it fit ({SUSPECTS})"
    return f"{description.path} fits with {reason}"


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
