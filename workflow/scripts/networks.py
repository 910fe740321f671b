"""Gather how the networks were trained and what their recurrent matrices are like."""

from freshness import leave_record
from job import log
from rnnschur.findings import network_table
from rnnschur.tables import HISTORY, NETWORK, gather

log(snakemake)

histories = gather(snakemake.input.histories, [*NETWORK, *HISTORY])
spectra = gather(snakemake.input.spectra)
networks = network_table(
    gather(snakemake.input.ablations),
    histories,
    spectra,
    gather(snakemake.input.nonnormality),
    snakemake.params.learned,
)
networks.to_csv(snakemake.output.networks, index=False)
histories.to_csv(snakemake.output.histories, index=False)
spectra.to_csv(snakemake.output.spectra, index=False)
leave_record(snakemake)
