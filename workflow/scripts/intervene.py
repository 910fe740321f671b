"""Intervene on the networks of a block, one table a family, and measure what that does."""

from freshness import leave_record
from job import condition, identity, log
from rnnschur import imported, interventions, metrics, streams, tasks, weights
from rnnschur.diagnosis import measured
from rnnschur.evaluation import evaluate
from rnnschur.tables import keyed

log(snakemake)

name, settings = snakemake.params.task, snakemake.params.diagnosis
study_seed, engine = settings["study_seed"], settings["engine"]
first = int(snakemake.wildcards.first)
networks = imported.networks(snakemake.input.weights, snakemake.params.cell, first)
weights.load_forms(snakemake.input.schur, networks)
if name is None:
    # Networks from elsewhere bring the sequences that judge them, and there are no others.
    given = imported.block(snakemake.input.weights, first)
    judges = {seed: network.batch for seed, network in given.items()}
    measures = {seed: metrics.metric(network.metric) for seed, network in given.items()}
    files = imported.files_of(snakemake.input.weights, first)
    fit = None
else:
    task, count = tasks.make(name, **settings["protocol"]), settings["held_out_sequences"]
    judge = task.held_out(count, streams.generator(study_seed, name, "held-out"))
    fit = task.held_out(count, streams.generator(study_seed, name, "fit"))
    judges = dict.fromkeys(networks, judge)
    measures = dict.fromkeys(networks, metrics.metric(task.metric))

families = {
    family: interventions.make(family, options, snakemake.params.shared)
    for family, options in snakemake.params.families.items()
}
tables = {family: {} for family in families}
for seed, network in networks.items():
    stream = identity(snakemake, name or snakemake.wildcards.task, seed)
    rng = streams.generator(study_seed, *stream, "controls")
    how = judges[seed], measures[seed], engine
    for family, made in families.items():
        if name is None and family == "couplings":  # with what each row can be trusted for
            rows = measured(network, made.alphas, *how, study_seed)
            tables[family][seed] = rows.assign(file=files[seed])
        else:
            # Drawn to the end before the next family begins: they share a stream.
            tables[family][seed] = evaluate(network, list(made.of(network, fit, rng)), *how)
for family, table in tables.items():
    keyed(table.items(), condition(snakemake)).to_csv(snakemake.output[family], index=False)
leave_record(snakemake)
