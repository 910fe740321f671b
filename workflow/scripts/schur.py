"""Factorise the recurrent matrices of a block."""

import numpy as np
import pandas as pd

from freshness import leave_record
from job import condition, log
from rnnschur import weights
from rnnschur.coordinates.nonnormality import describe
from rnnschur.coordinates.schur import backward_error, orthogonality_error
from rnnschur.tables import keyed

log(snakemake)

networks = weights.load_networks(snakemake.input.weights, snakemake.params.cell)
forms = {seed: network.schur() for seed, network in networks.items()}
weights.save_forms(snakemake.output.schur, forms)

spectra, measures = {}, {}
for seed, form in forms.items():
    spectra[seed] = pd.DataFrame(
        {
            "index": np.arange(len(form.T)),
            "real": form.eigenvalues.real,
            "imaginary": form.eigenvalues.imag,
            "modulus": np.repeat(form.moduli, form.sizes),
            "block": np.repeat(np.arange(len(form.sizes)), form.sizes),
        }
    )
    matrix = networks[seed].headline[1].matrix
    row = {
        **describe(matrix, form),
        # In units of N times the machine epsilon.
        "backward_error": backward_error(matrix.astype(np.float64), form.Q, form.T),
        "orthogonality_error": orthogonality_error(form.Q),
    }
    measures[seed] = pd.DataFrame([row])
for tables, file in (
    (spectra, snakemake.output.spectrum),
    (measures, snakemake.output.nonnormality),
):
    keyed(tables.items(), condition(snakemake)).to_csv(file, index=False)
leave_record(snakemake)
