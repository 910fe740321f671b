"""Gather how the networks were trained and what their recurrent matrices are like."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur.findings import network_table
from rnnschur.tables import gather, write

log(snakemake)

spectra = gather(snakemake.input.spectra)
networks = network_table(
    gather(snakemake.input.ablations),
    pd.read_csv(snakemake.input.histories),
    spectra,
    gather(snakemake.input.nonnormality),
    snakemake.params.learned,
)
write(networks, snakemake.output.networks)
write(spectra, snakemake.output.spectra)
leave_record(snakemake)
