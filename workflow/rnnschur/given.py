"""Networks that were trained elsewhere: read, compared with their authors' code, kept in one file.

A file of ours is a safetensors file of weights, ``weights.W_hh`` and so on, with its networks along
the first axis, and of sequences, ``batch.inputs`` and so on; its metadata say the rest, so that
nothing else is needed to read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from rnnschur import tensors
from rnnschur.batch import Batch
from rnnschur.cells import make
from rnnschur.comparison import NOT_CHECKED, SUSPECTS, TOLERANCES, cause, differences
from rnnschur.description import Description
from rnnschur.metrics import METRICS
from rnnschur.network import Network

FORMAT = "rnnschur networks 1"


@dataclass(frozen=True, eq=False)
class Given:
    """A network that was trained elsewhere, and its data.

    Attributes
    ----------
    network : Network
        Its `checked` says how it compares with its authors' code.
    batch : Batch
    metric : str
        The measure of its behaviour.
    differences : numpy.ndarray, optional
        From the reference, one an output (`rnnschur.comparison.differences`).
    sources : dict of str to str
        Files that it comes from, and their SHA-256.
    """

    network: Network
    batch: Batch
    metric: str
    differences: np.ndarray | None
    sources: dict[str, str]

    @classmethod
    def read(cls, path: str | Path) -> Given:
        """Read the only network of a file.

        Raises
        ------
        ValueError
            As `load`, and for a stack of several.
        """
        networks = load(path)
        if len(networks) > 1:
            raise ValueError(
                f"{path} holds {len(networks)} networks; allowed: one, or rnnschur.given.load, "
                "which returns them all"
            )
        return networks[0]


def load(path: str | Path) -> list[Given]:
    """Read the networks of a ``network.yaml`` or of a file that `save` wrote, one or more.

    The trials of a ``network.yaml`` that have reference outputs are run first.

    Raises
    ------
    ValueError
        If a network is not what the file says, or its outputs are not those of the reference; the
        message names the file, the key or tensor, and what is allowed.
    """
    if Path(path).suffix == ".safetensors":
        return _kept(path)
    return [_described(description) for description in Description.read(path).members()]


def save(path: str | Path, networks: Sequence[Given]) -> None:
    """Write networks of one description as one safetensors file, whole or not at all."""
    first = networks[0]
    batch = {name: getattr(first.batch, name) for name in ("inputs", "targets", "mask", "h0")}
    names = first.network.weights
    arrays = {f"weights.{n}": np.stack([g.network.weights[n] for g in networks]) for n in names}
    arrays |= {f"batch.{name}": array for name, array in batch.items() if array is not None}
    if first.batch.mask is not None:
        arrays["batch.mask"] = first.batch.mask.astype(np.uint8)
    cell = first.network.cell
    options = {name: value for name, value in asdict(cell).items() if value is not None}
    found = [None if g.differences is None else g.differences.tolist() for g in networks]
    metadata = {
        "format": FORMAT,
        "networks": str(len(networks)),
        "units": str(first.network.sizes["unit"]),
        "cell": type(cell).__module__.rpartition(".")[2],
        "options": json.dumps(options),
        "onset": str(first.batch.onset),
        "metric": first.metric,
        "checked": json.dumps([g.network.checked or NOT_CHECKED for g in networks]),
        "differences": json.dumps(found),
        "sources": json.dumps(first.sources),
    }
    tensors.save(path, arrays, metadata)


def about(path: str | Path) -> dict[str, str]:
    """Return what a file that `save` wrote says of its networks, without reading them.

    Raises
    ------
    ValueError
        If it is not there or no such file.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path} is not there; allowed: a file that rnnschur import wrote")
    try:
        with safe_open(path, framework="numpy") as file:
            found = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None
    if found.get("format") != FORMAT:
        raise ValueError(
            f"{path} has the format {found.get('format')!r}; allowed: {FORMAT!r}, which "
            "rnnschur import writes"
        )
    return found


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
                raise ValueError(_refusal(description, found, tolerance))
            checked = (
                f"within {found.max():.1e} standard deviations of its authors' code, "
                f"allowed {tolerance:g}"
            )
        outputs = network.outputs(trials.batch)
        if not np.isfinite(outputs).all():
            raise ValueError("outputs of the network are not finite: it runs away")
        metric = metric or _metric(network, trials.batch)
        METRICS[metric](outputs, trials.batch)
    except ValueError as error:
        raise ValueError(f"{data}: {error}") from None
    network = Network(network.cell, network.weights, checked=checked)
    names = (description.path.name, *description.files)
    sources = {name: _digest(description.path.parent / name) for name in names}
    return Given(network, trials.batch, metric, found, sources)


def _kept(path: str | Path) -> list[Given]:
    """Read a file that `save` wrote."""
    says, parts = about(path), {"weights": {}, "batch": {}}
    try:
        for name, array in tensors.load(path).items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        cell = make(says["cell"], **json.loads(says["options"]))
        batch = Batch(onset=int(says["onset"]), **parts["batch"])
        checked, found = json.loads(says["checked"]), json.loads(says["differences"])
        members = zip(*parts["weights"].values(), strict=True)
        weights = [dict(zip(parts["weights"], arrays, strict=True)) for arrays in members]
        return [
            Given(
                Network(cell, of_one, checked=words),
                batch,
                says["metric"],
                None if apart is None else np.array(apart),
                json.loads(says["sources"]),
            )
            for of_one, words, apart in zip(weights, checked, found, strict=True)
        ]
    except (KeyError, TypeError, ValueError) as error:
        fault = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: {fault}; allowed: what rnnschur import writes") from None


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
    """
    given = Given.read(path)
    return given.network, given.batch


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


def _refusal(description: Description, found: np.ndarray, tolerance: float) -> str:
    """Say how far a network is from the reference, and why it may be."""
    reason = cause(description, tolerance)
    return (
        f"outputs differ from the reference by {', '.join(f'{d:.2g}' for d in found)} standard "
        f"deviations; allowed: {tolerance:g}; "
        + (
            f"{description.path} fits with {reason}"
            if reason
            else f"no usual mistake makes it fit ({SUSPECTS})"
        )
    )


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
