"""Ordered real Schur diagnosis of trained tanh networks.

The package holds the science and knows nothing of Snakemake or of file layout. In the order in
which the data flows: streams, tasks, kernels, rollout, networks, behaviour, weights, versions,
training, schur, sectors, ablation, stabilizers, diagnosis, nonnormality, symmetries, controls,
statistics, claims, protocols, comparison, figures, presentation. Each module imports only from
those before it.
"""

__version__ = "0.1.0"
