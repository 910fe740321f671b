"""Factorise the recurrent matrices of a block."""

import sys

import numpy as np
import pandas as pd

from rnnschur import weights
from rnnschur.nonnormality import describe
from rnnschur.schur import backward_error, ordered_real_schur, orthogonality_error
from rnnschur.tables import keyed

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

cell = (snakemake.wildcards.task, snakemake.wildcards.architecture, snakemake.wildcards.width)
networks = weights.load_weights(snakemake.input.weights)
forms = [ordered_real_schur(matrix) for matrix in networks.W_hh]
weights.save(
    snakemake.output.schur,
    {
        "Q": np.stack([form.Q for form in forms]),
        "T": np.stack([form.T for form in forms]),
        "seed": networks.seed,
    },
)
spectra = (
    pd.DataFrame(
        {
            "index": np.arange(len(form.T)),
            "real": form.eigenvalues.real,
            "imaginary": form.eigenvalues.imag,
            "modulus": np.repeat(form.moduli, form.sizes),
            "block": np.repeat(np.arange(len(form.sizes)), form.sizes),
        }
    )
    for form in forms
)
keyed(zip(networks.seed, spectra, strict=True), cell).to_csv(snakemake.output.spectrum, index=False)

measures = (
    {
        **describe(matrix, form),
        # In units of N times the machine epsilon.
        "backward_error": backward_error(matrix.astype(np.float64), form.Q, form.T),
        "orthogonality_error": orthogonality_error(form.Q),
    }
    for matrix, form in zip(networks.W_hh, forms, strict=True)
)
rows = ((seed, pd.DataFrame([row])) for seed, row in zip(networks.seed, measures, strict=True))
keyed(rows, cell).to_csv(snakemake.output.nonnormality, index=False)
