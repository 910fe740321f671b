"""Grid and paths, nothing else."""

from sources import sources

RESULTS = config["results"]
BLOCK = "{task}/{architecture}/n{width}/seeds{first}-{last}"
NETWORKS = f"{RESULTS}/networks/{BLOCK}"
TABLES = f"{RESULTS}/tables"
FIGURES = f"{RESULTS}/figures"
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"


wildcard_constraints:
    task="[a-z_]+",
    architecture="[a-z_]+",
    width="[0-9]+",
    first="[0-9]+",
    last="[0-9]+",


def of_all_blocks(suffix):
    """Return the file with the given suffix of every block of networks in the study."""
    return [NETWORKS.format(**block._asdict()) + suffix for block in study.blocks(config)]


def of_first_blocks(suffix):
    """Return the file with the given suffix of the first block of every cell of the grid."""
    return [
        NETWORKS.format(**block._asdict()) + suffix
        for block in study.blocks(config)
        if block.first == 0
    ]
