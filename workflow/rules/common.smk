"""Grid and paths, and the files of the report, nothing else."""

import json

from sources import sources

RESULTS = config["results"]
BLOCK = "{task}/{architecture}/n{width}/seeds{first}-{last}"
NETWORKS = f"{RESULTS}/networks/{BLOCK}"
GIVEN = config["networks"]  # a finished study's results, or none
GIVEN_OR_TRAINED = f"{GIVEN or RESULTS}/networks/{BLOCK}"
WEIGHTS = f"{GIVEN_OR_TRAINED}.safetensors"
TABLES = f"{RESULTS}/tables"
FIGURES = f"{RESULTS}/figures"
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"


wildcard_constraints:
    task="[a-z0-9_]+",
    architecture="[a-z0-9_]+",
    width="[0-9]+",
    first="[0-9]+",
    last="[0-9]+",


def of_all_blocks(suffix):
    """Return the file with the given suffix of every block of networks in the study."""
    return [
        NETWORKS.format(**block._asdict()) + suffix for block in study.blocks(config)
    ]


TASKS = list(dict.fromkeys(cell.task for cell in study.cells(config)))
CELLS = ["{0}_{1}_n{2}".format(*cell) for cell in study.cells(config)]
FIRST_NETWORKS = {
    "{0}/{1}/{2}".format(*block): GIVEN_OR_TRAINED.format(**block._asdict())
    for block in study.blocks(config)
    if block.first == 0
}


def of_first_blocks(suffix):
    """Return the file with the given suffix of the first block of every cell of the grid."""
    return [stem + suffix for stem in FIRST_NETWORKS.values()]


def table(*names):
    """Return tables of the study."""
    return [f"{TABLES}/{name}.csv" for name in names]


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
    """Return the page of a table, for the report."""
    return report(
        f"{TABLES}/{name}.html",
        caption=f"../../report/captions/{name}.rst",
        category="Tables",
        labels={"table": name.replace("_", " ")},
    )
