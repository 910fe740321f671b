"""Factorise the recurrent matrices of a block."""

import numpy as np
import pandas as pd

from freshness import leave_record
from job import condition, log
from rnnschur import weights
from rnnschur.coordinates.nonnormality import describe
from rnnschur.coordinates.schur import backward_error, orthogonality_error
from rnnschur.imported import networks
from rnnschur.tables import keyed, write

log(snakemake)

first = int(snakemake.wildcards.first)
found = networks(snakemake.input.weights, snakemake.params.cell, first)
weights.save_forms(snakemake.output.schur, found)

spectra, measures = {}, {}
for seed, network in found.items():
    parts, rows = [], []
    for name, recurrent in network.cell.matrices(network.weights).items():
        # Tables of networks from elsewhere say of which matrix they are.
        names = {} if network.checked is None else {"matrix": name}
        matrix, form = recurrent.matrix, network.schur(name)
        spectrum = {
            "index": np.arange(len(form.T)),
            "real": form.eigenvalues.real,
            "imaginary": form.eigenvalues.imag,
            "modulus": np.repeat(form.moduli, form.sizes),
            "block": np.repeat(np.arange(len(form.sizes)), form.sizes),
        }
        row = {
            **describe(matrix, form),
            # In units of N times the machine epsilon.
            "backward_error": backward_error(matrix.astype(np.float64), form.Q, form.T),
            "orthogonality_error": orthogonality_error(form.Q),
        }
        parts.append(pd.DataFrame(names | spectrum))
        rows.append(names | row)
    spectra[seed], measures[seed] = pd.concat(parts), pd.DataFrame(rows)
for tables, file in (
    (spectra, snakemake.output.spectrum),
    (measures, snakemake.output.nonnormality),
):
    write(keyed(tables.items(), condition(snakemake)), file)
leave_record(snakemake)
