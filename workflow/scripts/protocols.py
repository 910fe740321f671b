"""Score every protocol of a search against the paper's numbers and claims."""

import sys

import numpy as np
import pandas as pd

from rnnschur import claims, protocols
from rnnschur.behaviour import has_learned

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)

NETWORK = ["task", "architecture", "width", "seed"]

paper = pd.read_csv(snakemake.input.paper)
ledger = claims.load(snakemake.input.claims)

blocks = []
for block, file in zip(snakemake.params.blocks, snakemake.input.ablations, strict=True):
    protocol, architecture, width = block[:3]
    task = snakemake.params.tasks[protocol]
    cell = {"task": task, "architecture": architecture, "width": width}
    blocks.append(pd.read_csv(file).assign(protocol=protocol, **cell))
ablations = pd.concat(blocks, ignore_index=True)

NUMBERS = ["task", "protocol", "id", "paper", "ours", "networks", "misfit", "counted"]
SCORES = ["task", "protocol", "networks", "learned", "distance", "worst_misfit"]
SCORES += ["numbers", "numbers_reached", "claims", "claims_reproduced", "claims_share"]

numbers, scores = [], []
for (task, protocol), rows in ablations.groupby(["task", "protocol"], sort=False):
    intact = rows[rows["removed"] == "none"]
    bound = np.full(len(intact), snakemake.params.learned[protocol])
    good = has_learned(intact["metric"], intact["value"], bound)
    rows = rows.merge(intact.loc[good, NETWORK])
    score = {"task": task, "protocol": protocol, "networks": len(intact), "learned": good.sum()}
    if len(rows):
        reached = protocols.numbers(rows, paper)
        held = protocols.claims_that_hold(rows, ledger, snakemake.params.criterion)
        numbers.append(reached.assign(task=task, protocol=protocol))
        counted = reached[reached["counted"]]
        score |= {
            "distance": protocols.distance(reached),
            "worst_misfit": counted["misfit"].max(),
            "numbers": len(counted),
            "numbers_reached": (counted["misfit"] <= 1).sum(),
            "claims": len(held),
            "claims_reproduced": (held >= ledger["bounds"]["reproduced"]).sum(),
            "claims_share": held.mean(),
        }
    scores.append(score)

pd.concat(numbers or [pd.DataFrame(columns=NUMBERS)])[NUMBERS].to_csv(
    snakemake.output.numbers, index=False
)
table = pd.DataFrame(scores, columns=SCORES)
table["chosen"] = protocols.choose(table)
table.to_csv(snakemake.output.protocols, index=False)
