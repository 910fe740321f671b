"""Ordered real Schur diagnosis of trained recurrent networks.

The package holds the science and knows nothing of Snakemake or of file layout. In the order in
which the data flows: versions, extras, files, streams, tables, tensors, formats, arrays, options,
nonlinearities, constraints, batch, metrics, resampling, coordinates, kernels, cells, tasks,
curriculum, shifts, architectures, training, torch_layers, network, weights, imported, simulator,
entries, keys, layout, trials, description, suspects, comparison, given, response, linearity,
interventions, determinacy, criterion, strictness, evaluation, diagnosis, command, statistics,
findings, held_out, drivers, dimensions, paper, comparability, report. Each module imports only from
those before it.

Three travel: a `Network`, a cell and its weights by name; a `Batch`, sequences with their
targets; and `Sectors`, a recurrent matrix in its coordinates. `diagnose` joins them:

>>> import numpy as np
>>> import rnnschur
>>> rng = np.random.default_rng(0)
>>> weights = {"W_hh": rng.standard_normal((8, 8)) / 3, "W_xh": rng.standard_normal((8, 2))}
>>> network = rnnschur.Network("tanh", {**weights, "W_hy": rng.standard_normal((1, 8))})
>>> batch = rnnschur.Batch(rng.standard_normal((20, 30, 2)), rng.standard_normal((20, 30, 1)))
>>> len(rnnschur.diagnose(network, batch))  # a row an ablation
8
"""

from importlib import import_module

__version__ = "0.1.0"

#: The public names and the modules that hold them, loaded when they are first used: the workflow
#: reads the package in every job.
_PUBLIC = {
    "Batch": "batch",
    "METRICS": "metrics",
    "Metric": "metrics",
    "OrderedSchur": "coordinates.schur",
    "ordered_real_schur": "coordinates.schur",
    "Sectors": "coordinates.sectors",
    "Network": "network",
    "load_networks": "weights",
    "check": "comparison",
    "read": "given",
    "Intervention": "interventions",
    "Criterion": "criterion",
    "controls": "diagnosis",
    "diagnose": "diagnosis",
    "evaluate": "evaluation",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    """Load a public name from its module."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'rnnschur' has no attribute {name!r}")
    return getattr(import_module(f"rnnschur.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
