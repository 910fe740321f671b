"""Run the controls of a block's networks."""

import sys

import pandas as pd

from rnnschur import kernels, rollout, streams, tasks, weights
from rnnschur.controls import change_of_coordinates, order_within_sectors
from rnnschur.schur import OrderedSchur

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

cell, settings = snakemake.wildcards, snakemake.params.diagnosis
study_seed = settings["study_seed"]
task = tasks.make(cell.task, **settings["protocol"])
inputs, targets = task.held_out(
    settings["held_out_sequences"], streams.generator(study_seed, cell.task, "held-out")
)
networks = weights.load_weights(snakemake.input.weights)
forms = weights.load(snakemake.input.schur)
engine = {"fast": kernels.rollout, "reference": rollout.rollout}[settings["engine"]]

symmetries, orders = [], []
for index, seed in enumerate(networks.seed):
    network = networks.W_hh[index], networks.W_xh[index], networks.W_hy[index]
    form = OrderedSchur.from_factors(forms["Q"][index], forms["T"][index])
    rng = streams.generator(study_seed, cell.task, cell.architecture, cell.width, seed, "controls")
    symmetries.append(
        change_of_coordinates(*network, form, inputs, task.onset, engine, rng).assign(seed=seed)
    )
    orders.append(
        order_within_sectors(
            *network,
            form,
            snakemake.params.alpha,
            snakemake.params.near_tie,
            snakemake.params.orders,
            task.metric,
            inputs,
            targets,
            engine,
            rng,
        ).assign(seed=seed)
    )
pd.concat(symmetries).set_index("seed").to_csv(snakemake.output.symmetries)
pd.concat(orders).set_index("seed").to_csv(snakemake.output.orders)
