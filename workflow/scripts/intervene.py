"""Intervene on the networks of a block, one table a family, and measure what that does."""

from freshness import leave_record
from job import condition, identity, log
from rnnschur import interventions, metrics, streams, tasks, weights
from rnnschur.evaluation import evaluate
from rnnschur.tables import keyed

log(snakemake)

name, settings = snakemake.params.task, snakemake.params.diagnosis
study_seed, count = settings["study_seed"], settings["held_out_sequences"]
task = tasks.make(name, **settings["protocol"])
judge = task.held_out(count, streams.generator(study_seed, name, "held-out"))
fit = task.held_out(count, streams.generator(study_seed, name, "fit"))

networks = weights.load_networks(snakemake.input.weights, snakemake.params.cell)
weights.load_forms(snakemake.input.schur, networks)
families = {
    family: interventions.make(family, options, snakemake.params.shared)
    for family, options in snakemake.params.families.items()
}
tables = {family: {} for family in families}
for seed, network in networks.items():
    rng = streams.generator(study_seed, *identity(snakemake, name, seed), "controls")
    for family, made in families.items():
        # Drawn to the end before the next family begins: they share a stream.
        changes = list(made.of(network, fit, rng))
        tables[family][seed] = evaluate(
            network, changes, judge, metrics.metric(task.metric), settings["engine"]
        )
for family, table in tables.items():
    keyed(table.items(), condition(snakemake)).to_csv(snakemake.output[family], index=False)
leave_record(snakemake)
