"""Measure how much networks differ, and what a plain classifier reads off their coordinates."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import comparability, tensors
from rnnschur.statistics import Bootstrap
from rnnschur.tables import NETWORK, write

log(snakemake)

ablations, networks, spectra = (
    pd.read_csv(snakemake.input[name]) for name in ("ablations", "networks", "spectra")
)
bootstrap = Bootstrap(**snakemake.params.statistics)
write(comparability.spread(ablations, networks, spectra, bootstrap), snakemake.output.spread)
described = comparability.descriptions(ablations, networks, spectra)
matrices = {}
for file, condition in zip(snakemake.input.weights, snakemake.params.blocks, strict=True):
    stored = tensors.load(file)
    for seed, matrix in zip(stored["seed"], stored["W_hh"], strict=True):
        matrices[(*condition, int(seed))] = pd.Series(matrix.ravel())
weights = pd.DataFrame(matrices).T  # smaller networks end with NaN
weights.index = pd.MultiIndex.from_tuples(weights.index, names=NETWORK)
described["weights"] = weights.loc[described["profile"].index]
found = comparability.questions(described, bootstrap.study_seed, snakemake.params.modules)
write(found, snakemake.output.told_apart)
leave_record(snakemake)
