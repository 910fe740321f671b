"""Remove the couplings of a block's networks and measure what that does to their behaviour."""

import sys

import pandas as pd

from rnnschur import kernels, rollout, streams, tasks, weights
from rnnschur.diagnosis import diagnose
from rnnschur.schur import OrderedSchur
from rnnschur.stabilizers import verdict

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

cell, settings = snakemake.wildcards, snakemake.params.diagnosis
task = tasks.make(cell.task, **settings["protocol"])
inputs, targets = task.held_out(
    settings["held_out_sequences"],
    streams.generator(settings["study_seed"], cell.task, "held-out"),
)
networks = weights.load_weights(snakemake.input.weights)
forms = weights.load(snakemake.input.schur)
engine = {"fast": kernels.rollout, "reference": rollout.rollout}[settings["engine"]]

tables = []
for index, seed in enumerate(networks.seed):
    table = diagnose(
        networks.W_hh[index],
        networks.W_xh[index],
        networks.W_hy[index],
        OrderedSchur.from_factors(forms["Q"][index], forms["T"][index]),
        snakemake.params.alphas,
        task.metric,
        inputs,
        targets,
        engine,
    )
    table["verdict"] = verdict(
        table["rollout_difference"],
        table["removed_mass"],
        settings["epsilon"],
        settings["minimum_mass"],
        settings["fragile"],
    )
    table.insert(0, "seed", seed)
    tables.append(table)
pd.concat(tables).to_csv(snakemake.output[0], index=False)
