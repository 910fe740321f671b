"""Train the networks of a block one after the other; an interruption costs a minute at most."""

import json
import sys

import numpy as np
import torch

from freshness import leave_record
from job import condition, identity, log
from rnnschur import curriculum, tasks, tensors
from rnnschur.architectures import Architecture
from rnnschur.tables import keyed, write
from rnnschur.training import Diverged, Schedule, Training
from rnnschur.training.resume import Waiting
from rnnschur.versions import versions

log(snakemake)
torch.set_num_threads(snakemake.threads)


name, settings = snakemake.params.task, snakemake.params.training
device = settings["device"]
if device == "auto":
    device = "cuda" if torch.cuda.is_available() else "cpu"
architecture = Architecture(*snakemake.params.architecture)
# The kernel is the CPU's, and the tanh cell's; elsewhere the reference engine takes its place.
fast = device == "cpu" and architecture.cell == "tanh"
engine = settings["engine"] if fast else "reference"
task = tasks.make(name, **settings["protocol"])
stages = curriculum.stages(name, task, settings.get("curriculum", []))
schedule = Schedule(**settings["schedule"], curriculum=stages)
record = dict(zip(("task", "architecture", "width"), condition(snakemake), strict=True)) | {
    "training": {**settings, "engine": engine, "device": device},
    "versions": versions(),
}

recipe = json.loads(snakemake.params.recipe)
waiting = Waiting(f"{snakemake.output.weights}.partial", {**record, **recipe})
seeds = range(int(snakemake.wildcards.first), int(snakemake.wildcards.last) + 1)
failures = []
for seed in seeds:
    if seed not in waiting:
        network = identity(snakemake, name, seed)
        try:
            training = Training(
                network, task, architecture, schedule, settings["study_seed"], engine, device
            )
            trained = training.run(waiting.checkpoint(seed))
        except Diverged as failure:
            failures.append(str(failure))
        else:
            waiting.put(seed, *trained)
if failures:
    sys.exit("\n".join(failures))

weights, histories = zip(*map(waiting.get, seeds), strict=True)
stacks = {name: np.stack([part[name] for part in weights]) for name in weights[0]}
tensors.save(snakemake.output.weights, {**stacks, "seed": np.array(seeds)})
write(keyed(zip(seeds, histories, strict=True), condition(snakemake)), snakemake.output.history)
leave_record(snakemake, **record)
