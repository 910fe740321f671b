"""Train the networks of a block one after the other; each finished one survives an interruption."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rnnschur import tasks, weights
from rnnschur.tables import keyed
from rnnschur.training import Diverged, Schedule, train
from rnnschur.versions import versions

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)
torch.set_num_threads(snakemake.threads)


def digest(files):
    """Return a digest of the modules that a result depends on."""
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


cell, name, settings = snakemake.wildcards, snakemake.params.task, snakemake.params.training
device = settings["device"]
if device == "auto":
    device = "cuda" if torch.cuda.is_available() else "cpu"
# The kernel is the CPU's; on another device the reference engine takes its place.
engine = settings["engine"] if device == "cpu" else "reference"
schedule = Schedule(**settings["schedule"])
task = tasks.make(name, **settings["protocol"])
record = {
    "task": cell.task,
    "architecture": cell.architecture,
    "width": int(cell.width),
    "training": {**settings, "engine": engine, "device": device},
    "versions": versions(),
    "code": digest(snakemake.input),
}

# Finished networks wait here until their block is complete. They count only for this very record.
waiting = Path(f"{snakemake.output.weights}.partial")
stamp = json.dumps(record, sort_keys=True)
kept = waiting / "record.json"
if waiting.exists() and not (kept.exists() and kept.read_text() == stamp):
    shutil.rmtree(waiting)
waiting.mkdir(parents=True, exist_ok=True)
weights.whole_file(kept, lambda path: path.write_text(stamp))

failures, trained, histories = [], [], []
for seed in range(int(cell.first), int(cell.last) + 1):
    finished = waiting / f"seed{seed}.safetensors"
    if not finished.exists():
        try:
            tensors, history = train(
                name,
                task,
                cell.architecture,
                int(cell.width),
                seed,
                schedule,
                settings["study_seed"],
                engine,
                device,
            )
        except Diverged as failure:
            failures.append(str(failure))
            continue
        columns = {f"history.{name}": history[name].to_numpy() for name in history}
        weights.save(finished, {**tensors, **columns})
    stored = weights.load(finished)
    trained.append({name: stored[name] for name in ("W_hh", "W_xh", "W_hy")})
    history = {
        name.removeprefix("history."): column
        for name, column in stored.items()
        if name.startswith("history.")
    }
    columns = ["update", "loss", "gradient_norm", "value"]
    histories.append((seed, pd.DataFrame(history)[columns]))
if failures:
    sys.exit("\n".join(failures))

stack = {name: np.stack([tensors[name] for tensors in trained]) for name in trained[0]}
seeds = np.arange(int(cell.first), int(cell.last) + 1)
weights.save(snakemake.output.weights, {**stack, "seed": seeds})
names = (cell.task, cell.architecture, cell.width)
keyed(histories, names).to_csv(snakemake.output.history, index=False)
Path(snakemake.output.record).write_text(json.dumps(record, indent=2) + "\n")
shutil.rmtree(waiting)
