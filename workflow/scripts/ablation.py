"""Remove the couplings of a block's networks and measure what that does to their behaviour."""

import sys

from rnnschur import streams, tasks, weights
from rnnschur.diagnosis import diagnose
from rnnschur.rollout import by_engine
from rnnschur.schur import OrderedSchur
from rnnschur.tables import keyed

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

cell = (snakemake.wildcards.task, snakemake.wildcards.architecture, snakemake.wildcards.width)
name, settings = snakemake.params.task, snakemake.params.diagnosis
task = tasks.make(name, **settings["protocol"])
batch = task.held_out(
    settings["held_out_sequences"],
    streams.generator(settings["study_seed"], name, "held-out"),
)
forms = weights.load(snakemake.input.schur)

tables = {}
for index, (seed, network) in enumerate(weights.load_weights(snakemake.input.weights)):
    tables[seed] = diagnose(
        *network,
        OrderedSchur.from_factors(forms["Q"][index], forms["T"][index]),
        snakemake.params.alphas,
        task.metric,
        *batch,
        by_engine(settings["engine"]),
    )
keyed(tables.items(), cell).to_csv(snakemake.output[0], index=False)
