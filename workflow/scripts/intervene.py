"""Intervene on the networks of a block, one table a family, and measure what that does."""

from functools import partial

from freshness import leave_record
from job import condition, identity, log
from rnnschur import imported, interventions, metrics, streams, tasks, weights
from rnnschur.batch import Batch
from rnnschur.diagnosis import measured
from rnnschur.evaluation import evaluate, evaluate_sets, evaluate_shifts
from rnnschur.shifts import NONE, shifts
from rnnschur.tables import keyed, write

log(snakemake)

name, settings = snakemake.params.task, snakemake.params.diagnosis
study_seed, engine = settings["study_seed"], settings["engine"]
first = int(snakemake.wildcards.first)
networks = imported.networks(snakemake.input.weights, snakemake.params.cell, first)
weights.load_forms(snakemake.input.schur, networks)
# Networks from elsewhere bring the sequences that judge them, and there are no others.
given = imported.block(snakemake.input.weights, first) if name is None else {}
files = imported.files_of(snakemake.input.weights, first) if name is None else {}
families = {
    family: interventions.make(family, options, snakemake.params.shared)
    for family, options in snakemake.params.families.items()
}
tables = {table: {} for table, _ in snakemake.output.items() if table != "record"}


def drawn(stream):
    """Return the sets of sequences that judge a network of the grid, those to fit, its measure."""
    task = tasks.make(name, **settings["protocol"])
    count, size = settings["held_out_sets"], settings["held_out_sequences"]
    sets = [task.held_out(size, stream("held out", index)) for index in range(count)]
    return sets, task.held_out(count * size, stream("fit")), task.metric


def of_shifts(stream, count):
    """Return the sequences of every shift of the task, as many as judge a family."""
    size, found = settings["held_out_sequences"], {}
    for shift, one in shifts(name, settings["protocol"], snakemake.params.shifts).items():
        sets = [one.held_out(size, stream("shift", shift, k)) for k in range(-(-count // size))]
        found[shift] = Batch.joined(sets).part(slice(count))
    return found


for seed, network in networks.items():
    names = identity(snakemake, name or snakemake.wildcards.task, seed)
    stream = partial(streams.generator, study_seed, *names)
    if name is None:
        sets, fit, metric = [given[seed].batch], None, given[seed].metric
    else:
        sets, fit, metric = drawn(stream)
    metric, held_out = metrics.metric(metric), Batch.joined(sets)
    for family, made in families.items():
        # Sequences that a network brought judge all of them: they may come in any order.
        judge = made.judging(held_out) if name else held_out
        chosen_on, judge = made.split(fit, judge)
        changes = made.of(network, chosen_on, partial(stream, family))
        if f"{family}_sets" in tables:
            rows, tables[f"{family}_sets"][seed] = evaluate_sets(
                network, changes, sets, metric, engine
            )
        elif name is None and family == "couplings":  # with what each row can be trusted for
            rows = measured(network, made.alphas, judge, metric, engine, study_seed)
            rows = rows.assign(file=files[seed])
        elif made.shifted:
            others = {} if name is None else of_shifts(stream, judge.sequences)
            batches = {NONE: judge, **others}
            rows = made.summary(evaluate_shifts(network, changes, batches, metric, engine))
        else:
            rows = made.summary(evaluate(network, changes, judge, metric, engine))
        tables[family][seed] = rows
    if "energy" in tables:  # where activity is, on the sequences that judge: nothing is chosen
        tables["energy"][seed] = families["activity"].energies(network, held_out)
for table, rows in tables.items():
    write(keyed(rows.items(), condition(snakemake)), snakemake.output[table])
leave_record(snakemake)
