"""Run the controls of a block's networks."""

import sys

from rnnschur import streams, tasks, weights
from rnnschur.controls import change_of_coordinates, order_within_sectors
from rnnschur.rollout import by_engine
from rnnschur.schur import OrderedSchur
from rnnschur.tables import keyed

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

cell, name, settings = snakemake.wildcards, snakemake.params.task, snakemake.params.diagnosis
study_seed, rollout = settings["study_seed"], by_engine(settings["engine"])
task = tasks.make(name, **settings["protocol"])
inputs, targets = task.held_out(
    settings["held_out_sequences"], streams.generator(study_seed, name, "held-out")
)
forms = weights.load(snakemake.input.schur)

symmetries, orders = {}, {}
for index, (seed, network) in enumerate(weights.load_weights(snakemake.input.weights)):
    form = OrderedSchur.from_factors(forms["Q"][index], forms["T"][index])
    rng = streams.generator(study_seed, name, cell.architecture, cell.width, seed, "controls")
    symmetries[seed] = change_of_coordinates(*network, form, inputs, task.onset, rollout, rng)
    orders[seed] = order_within_sectors(
        *network,
        form,
        snakemake.params.alpha,
        snakemake.params.near_tie,
        snakemake.params.orders,
        task.metric,
        inputs,
        targets,
        rollout,
        rng,
    )
name_of_cell = (cell.task, cell.architecture, cell.width)
keyed(symmetries.items(), name_of_cell).to_csv(snakemake.output.symmetries, index=False)
keyed(orders.items(), name_of_cell).to_csv(snakemake.output.orders, index=False)
