"""Grid and paths, nothing else."""

import json

import given
import study

from sources import beside, sources

RESULTS = config["results"]
BLOCK = "{task}/{architecture}/n{width}/seeds{first}-{last}"
NETWORKS = f"{RESULTS}/networks/{BLOCK}"
GIVEN = given.results(config)  # a finished study's results, or none
GIVEN_OR_TRAINED = f"{GIVEN or RESULTS}/networks/{BLOCK}"
WEIGHTS = f"{GIVEN_OR_TRAINED}.safetensors"
# Files of every block of networks that were trained elsewhere, or none.
IMPORTED = given.blocks(config)
BLOCKS = study.blocks(config)
TABLES = f"{RESULTS}/tables"
FIGURES = f"{RESULTS}/figures"
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
RECORDS = f"{RESULTS}/records"  # of jobs that are no block's


wildcard_constraints:
    task="[a-z0-9_]+",
    architecture="[a-z0-9_]+",
    width="[0-9]+",
    first="[0-9]+",
    last="[0-9]+",


def of_all_blocks(suffix, stem=NETWORKS):
    """Return the file with the given suffix of every block of networks in the study."""
    return [stem.format(**block._asdict()) + suffix for block in BLOCKS]


def forget_waiting(jobs):
    """Remove the networks that waited for the rest of a block, of jobs that have finished."""
    for job in jobs:
        if job.rule.name in progress.TRAINING:
            shutil.rmtree(f"{job.output.weights}.partial", ignore_errors=True)


def set_tables(name):
    """Return the file with a row a set of held-out sequences, for networks that have sets.

    Networks from elsewhere are judged by the sequences that they bring.
    """
    return {} if IMPORTED else {"couplings_sets": f"{NETWORKS}.{name}_sets.csv"}


def gathered_sets():
    """Return the tables with a row a set, by their names, for networks that have sets."""
    found = {"ablations_sets": "ablation_sets", "thresholds_sets": "threshold_sets"}
    return {} if IMPORTED else {n: f"{TABLES}/{file}.csv" for n, file in found.items()}


def weights(wildcards):
    """Return the file with the weights of a block, of imported networks all their files."""
    seeds = int(wildcards.first), int(wildcards.last)
    block = study.Block(
        wildcards.task, wildcards.architecture, int(wildcards.width), *seeds
    )
    return IMPORTED[block] if IMPORTED else WEIGHTS.format(**block._asdict())


def origin(wildcards):
    """Return what the weights come from: their training, or, where given, they themselves."""
    if IMPORTED:
        return weights(wildcards)
    return [(WEIGHTS if GIVEN else f"{NETWORKS}.json").format(**wildcards)]


def records(*names):
    """Return the records of jobs that are no block's."""
    return [f"{RECORDS}/{name}.json" for name in names]


def plugins(wildcards, *kinds):
    """Return the modules of the plug-ins that a block of networks is made of."""
    cell, start = study.architecture(config, wildcards.architecture)
    names = {
        "tasks": study.module(config, wildcards.task),
        "cells": cell,
        "architectures": start,
    }
    return [f"workflow/rnnschur/{k}/{names[k]}.py" for k in kinds if names[k]]


def all_plugins(*kinds):
    """Return the modules of the plug-ins that the networks of the study are made of."""
    modules = (plugins(condition, *kinds) for condition in study.conditions(config))
    return sorted({module for several in modules for module in several})


FAMILIES = list(config["interventions"])
# Their tables: where activity is stands beside what its parts do.
CONTROLLED = [*FAMILIES, *(["energy"] if "activity" in FAMILIES else [])]
TASKS = list(dict.fromkeys(condition.task for condition in study.conditions(config)))
CONDITIONS = [
    "{0}_{1}_n{2}".format(*condition) for condition in study.conditions(config)
]
# Of tasks whose targets repeat: how often, in every stage of training; and their architectures.
REPLAYS = study.replays(config)
REPLAYING = list(
    dict.fromkeys(
        condition.architecture
        for condition in study.conditions(config)
        if condition.task in REPLAYS
    )
)
FOUND = study.has_findings(config)
PLANTED = study.planted(config)  # conditions whose Schur form is known
FIRST_NETWORKS = {
    "{0}/{1}/{2}".format(*block): {
        "cell": study.cell(config, block.architecture),
        "weights": IMPORTED.get(block) or WEIGHTS.format(**block._asdict()),
        "schur": f"{NETWORKS}.schur.safetensors".format(**block._asdict()),
        "record": f"{NETWORKS}.schur.json".format(**block._asdict()),
    }
    for block in BLOCKS
    if block.first == 0
}


def of_first_blocks(kind):
    """Return weights, Schur forms or records of the first networks of every condition."""
    found = [files[kind] for files in FIRST_NETWORKS.values()]
    return sum(found, []) if IMPORTED and kind == "weights" else found


def table(*names):
    """Return tables of the study."""
    return [f"{TABLES}/{name}.csv" for name in names]


def judged():
    """Return the tables that findings are about and that this study has."""
    made = {*MEASURED, *(["dimensions"] if REPLAYS else [])}
    return [name for name in study.judged(config) if name in made]


def drawing(kind, name, category):
    """Return the files of a figure, its PNG for the report."""
    stem = f"{FIGURES}/{kind}_{name}"
    picture = report(
        f"{stem}.png",
        caption=f"../../report/captions/{kind}.rst",
        category=category,
        labels={"figure": kind, "of": name},
    )
    return [picture, f"{stem}.pdf"]


def drawings(kind, names, category):
    """Return the files of one kind of figure, one for each of the names."""
    return [file for name in names for file in drawing(kind, name, category)]


def page(name):
    """Return the files of a table for people, its page for the report."""
    stem = f"{TABLES}/{name}"
    html = report(
        f"{stem}.html",
        caption=f"../../report/captions/{name}.rst",
        category="Tables",
        labels={"table": name.replace("_", " ")},
    )
    return [html, f"{stem}.md", f"{stem}.tex"]
