"""Compare the Schur forms that were planted with those that are found."""

import pandas as pd

from freshness import leave_record
from job import log
from rnnschur import weights
from rnnschur.coordinates import planted
from rnnschur.coordinates.sectors import Sectors
from rnnschur.tables import NETWORK, keyed, write

log(snakemake)

moduli, masses = [], []
for file, schur, (*condition, cell) in zip(
    snakemake.input.weights, snakemake.input.schur, snakemake.params.blocks, strict=True
):
    networks, parts = weights.load_networks(file, cell), weights.load_parts(file)
    weights.load_forms(schur, networks)
    found, norms = {}, {}
    for seed, network in networks.items():
        form = network.schur()
        found[seed] = planted.moduli(form, parts[seed]["W_hh.gamma"])
        of = {name.removeprefix("W_hh."): part for name, part in parts[seed].items()}
        sectors = Sectors.of(network.headline[1].matrix, snakemake.params.alpha, form)
        both = planted.masses(form, of["T"]) | planted.couplings(sectors, of)
        norms[seed] = pd.DataFrame([both])
    moduli.append(keyed(found.items(), condition))
    masses.append(keyed(norms.items(), condition))

learned = pd.read_csv(snakemake.input.networks)[[*NETWORK, "learned"]]
for tables, file in ((moduli, snakemake.output.moduli), (masses, snakemake.output.masses)):
    table = pd.concat(tables).merge(learned, on=NETWORK)
    write(table, file)
leave_record(snakemake)
