"""Networks that were trained elsewhere, as the file that ``rnnschur import`` writes.

It is a safetensors file of weights, ``weights.W_hh`` and so on, with its networks along the first
axis, and of sequences, ``batch.inputs`` and so on; its metadata say the rest, so that nothing else
is needed to read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from rnnschur import documents, tensors
from rnnschur.batch import STARTS, Batch
from rnnschur.cells import CELLS, make
from rnnschur.metrics import METRICS
from rnnschur.network import Network
from rnnschur.weights import load_networks

FORMAT = "rnnschur networks 1"

#: How the numbers of networks and units are written.
COUNT = re.compile("[1-9][0-9]{0,4}")

NOT_CHECKED = "not checked against its authors' code"


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


def save(path: str | Path, networks: Sequence[Given]) -> None:
    """Write networks of one description as one safetensors file, whole or not at all.

    Parameters
    ----------
    path : path
    networks : sequence of Given
        At least one; they differ in their weights and how these were checked.
    """
    first = networks[0]
    batch = {n: getattr(first.batch, n) for n in ("inputs", "targets", "mask", *STARTS)}
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
    # Cell and numbers become the names of files.
    if (cell := found.get("cell")) not in CELLS:
        raise ValueError(f"{path}: cell is {cell!r}; allowed: {', '.join(CELLS)}")
    for name in ("networks", "units"):
        if not COUNT.fullmatch(found.get(name, "")):
            raise ValueError(f"{path}: {name} is {found.get(name)!r}; allowed: 1 to 99999")
    try:
        sources = json.loads(found.get("sources", ""))
    except (ValueError, RecursionError):
        sources = None
    if not isinstance(sources, dict) or not sources or documents.strange(sources) is not None:
        raise ValueError(f"{path}: sources are no list of files; allowed: files and their SHA-256")
    return found


def load(path: str | Path) -> list[Given]:
    """Read a file that `save` wrote.

    Raises
    ------
    ValueError
        If it is no such file; the message names it.
    """
    says, parts = about(path), {"weights": {}, "batch": {}}
    try:
        for name, array in tensors.load(path).items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        cell = make(says["cell"], **json.loads(says["options"]))
        batch = Batch(onset=int(says["onset"]), **parts["batch"])
        checked, found = json.loads(says["checked"]), json.loads(says["differences"])
        for words in checked:
            if not (isinstance(words, str) and words.isprintable() and words[:1].isalpha()):
                raise ValueError(f"checked is {words!r}")
        if says["metric"] not in METRICS:
            raise ValueError(f"metric is {says['metric']!r}")
        members = zip(*parts["weights"].values(), strict=True)
        weights = [dict(zip(parts["weights"], arrays, strict=True)) for arrays in members]
        networks = [
            Given(
                Network(cell, of_one, checked=words),
                batch,
                says["metric"],
                None if apart is None else np.array(apart, float),
                json.loads(says["sources"]),
            )
            for of_one, words, apart in zip(weights, checked, found, strict=True)
        ]
        sizes = str(len(networks)), str(networks[0].network.sizes["unit"])
        if (says["networks"], says["units"]) != sizes:
            raise ValueError(f"networks and units are {says['networks']} and {says['units']}")
        return networks
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        fault = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: {fault}; allowed: what rnnschur import writes") from None


def block(files: Sequence[str | Path], first: int = 0) -> dict[int, Given]:
    """Return the networks of several files, numbered one after the other.

    Raises
    ------
    ValueError
        As `load`.
    """
    networks = [network for file in files for network in load(file)]
    return dict(enumerate(networks, first))


def files_of(files: Sequence[str | Path], first: int = 0) -> dict[int, str]:
    """Return in which file each network of `block` is, its number from 0 behind one of several.

    Raises
    ------
    ValueError
        As `about`.
    """
    found = []
    for file in files:
        count = int(about(file)["networks"])
        found += [f"{file}[{k}]" for k in range(count)] if count > 1 else [str(file)]
    return dict(enumerate(found, first))


def networks(
    files: str | Path | Sequence[str | Path], cell: str | None, first: int = 0
) -> dict[int, Network]:
    """Return the networks of a block of a study by seed.

    Parameters
    ----------
    files : path or sequence of path
        The file of a block of the grid, or imported ones.
    cell : str or None
        Of the grid; imported networks say themselves what they are.
    first : int
        Seed of the first.

    Raises
    ------
    ValueError
        As `load` and `rnnschur.weights.load_networks`.
    """
    if cell is not None:
        return load_networks(files, cell)
    return {seed: given.network for seed, given in block(files, first).items()}
