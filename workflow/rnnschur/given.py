"""Networks that were trained elsewhere: read, compared with their authors' code, kept in one file.

A file of ours is a safetensors file of the weights ``weights.W_hh`` and so on and the sequences
``batch.inputs`` and so on; its metadata say the rest, so that nothing else is needed to read it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from rnnschur.batch import Batch
from rnnschur.cells import make
from rnnschur.comparison import NOT_CHECKED, SUSPECTS, TOLERANCES, cause, differences
from rnnschur.description import Description
from rnnschur.metrics import METRICS
from rnnschur.network import Network
from rnnschur.tensors import load, save

FORMAT = "rnnschur network 1"


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
        """Read a ``network.yaml`` or a file that `save` wrote.

        The trials of a ``network.yaml`` that have reference outputs are run first.

        Raises
        ------
        ValueError
            If the network is not what the file says, or its outputs are not those of the
            reference; the message names the file, the key or tensor, and what is allowed.
        """
        return cls._saved(path) if Path(path).suffix == ".safetensors" else cls._described(path)

    @classmethod
    def _described(cls, path: str | Path) -> Given:
        """Read a ``network.yaml``."""
        description = Description.read(path)
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
        return cls(network, trials.batch, metric, found, sources)

    @classmethod
    def _saved(cls, path: str | Path) -> Given:
        """Read a file that `save` wrote."""
        if not Path(path).is_file():
            raise ValueError(f"{path} is not there; allowed: a file that rnnschur import wrote")
        try:
            with safe_open(path, framework="numpy") as file:
                about = file.metadata() or {}
        except SafetensorError as error:
            raise ValueError(f"{path} is not a safetensors file: {error}") from None
        if about.get("format") != FORMAT:
            raise ValueError(
                f"{path} has the format {about.get('format')!r}; allowed: {FORMAT!r}, which "
                "rnnschur import writes"
            )
        parts = {"weights": {}, "batch": {}}
        try:
            for name, array in load(path).items():
                part, _, rest = name.partition(".")
                parts[part][rest] = array
            cell = make(about["cell"], **json.loads(about["options"]))
            network = Network(cell, parts["weights"], checked=about["checked"])
            batch = Batch(onset=int(about["onset"]), **parts["batch"])
            found = json.loads(about["differences"])
            found = None if found is None else np.array(found)
            return cls(network, batch, about["metric"], found, json.loads(about["sources"]))
        except (KeyError, TypeError, ValueError) as error:
            fault = str(error).removeprefix(f"{path}: ")
            raise ValueError(f"{path}: {fault}; allowed: what rnnschur import writes") from None

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, whole or not at all."""
        batch = {name: getattr(self.batch, name) for name in ("inputs", "targets", "mask", "h0")}
        arrays = {f"weights.{name}": array for name, array in self.network.weights.items()}
        arrays |= {f"batch.{name}": array for name, array in batch.items() if array is not None}
        if self.batch.mask is not None:
            arrays["batch.mask"] = self.batch.mask.astype(np.uint8)
        cell = self.network.cell
        options = {name: value for name, value in asdict(cell).items() if value is not None}
        about = {
            "format": FORMAT,
            "cell": type(cell).__module__.rpartition(".")[2],
            "options": json.dumps(options),
            "onset": str(self.batch.onset),
            "metric": self.metric,
            "checked": self.network.checked or NOT_CHECKED,
            "differences": json.dumps(
                None if self.differences is None else self.differences.tolist()
            ),
            "sources": json.dumps(self.sources),
        }
        save(path, arrays, about)


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
