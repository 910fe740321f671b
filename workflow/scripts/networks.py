"""Gather how the networks were trained and what their recurrent matrices are like."""

from freshness import leave_record
from job import log
from rnnschur.findings import network_table
from rnnschur.tables import gather, read, same_networks, write

log(snakemake)

ablations, spectra, nonnormality = (
    gather(snakemake.input[name]) for name in ("ablations", "spectra", "nonnormality")
)
histories = read(snakemake.input.histories)
same_networks(
    {
        "ablations": ablations,
        "spectra": spectra,
        "nonnormality": nonnormality,
        snakemake.input.histories: histories,
    }
)
networks = network_table(ablations, histories, spectra, nonnormality, snakemake.params.learned)
write(networks, snakemake.output.networks)
write(spectra, snakemake.output.spectra)
leave_record(snakemake)
