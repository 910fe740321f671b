"""What the way through a cluster adds to a job: one small study, by Snakemake alone and on Slurm.

Brings up a Slurm of one node with the cores of this machine; that takes root and Debian's packages.
Every block is one network, trained in no time, so that most of what is measured is added time.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "cluster"))

from one_node_slurm import OneNodeSlurm  # noqa: E402

SLURM = [
    *("--profile", "profiles/slurm", "--max-status-checks-per-second", "1"),
    *("--slurm-init-seconds-before-status-checks", "3"),
]


def run(folder: Path, blocks: int, *arguments: str) -> tuple[float, float]:
    """Run a study of so many blocks up to its tables.

    Returns
    -------
    wall : float
        Seconds from the start of Snakemake to its end.
    work : float
        Mean over the blocks of the seconds that their scripts took, by Snakemake's benchmarks.
    """
    folder.mkdir()
    study = {
        "results": str(folder / "results"),
        "seeds": blocks,
        "seeds_per_job": 1,
        "experiments": [{"task": "sine", "architectures": ["default"], "widths": [16]}],
        "tasks": {"sine": {"epochs": 1}},
        "diagnosis": {"held_out_sets": 1, "held_out_sequences": 64},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "snakemake", "tables", "--quiet", "all"]
    command += ["--configfile", str(folder / "study.yaml"), *arguments]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True)
    wall = time.perf_counter() - start
    benchmarks = (folder / "results" / "benchmarks").rglob("seeds*.tsv")
    return wall, sum(pd.read_csv(path, sep="\t")["s"].item() for path in benchmarks) / blocks


def elapsed() -> pd.Series:
    """Return the seconds that every submission has run, in their order."""
    command = ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%S %e"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    times = [map(datetime.fromisoformat, line.split()) for line in lines]
    return pd.Series([-(start - end).total_seconds() for start, end in times])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=8, help="networks, each a block of its own")
    blocks, cores = parser.parse_args().blocks, os.cpu_count()
    with TemporaryDirectory() as folder, OneNodeSlurm(cores=cores):
        run(Path(folder, "warm"), cores, "--cores", "all")  # compiles what is not compiled yet
        local, work = run(Path(folder, "local"), blocks, "--cores", "all")
        slurm, slurm_work = run(Path(folder, "slurm"), blocks, *SLURM)
        jobs = elapsed()[:-1].mean()  # without the last submission, the tables
    print(f"{blocks} blocks of one network, {cores} cores")
    print(f"alone     wall {local:5.1f} s   work of a block {work:5.1f} s")
    print(f"on Slurm  wall {slurm:5.1f} s   work of a block {slurm_work:5.1f} s")
    print(f"a submission runs {jobs:.1f} s, {jobs - slurm_work:.1f} s more than its work")


if __name__ == "__main__":
    main()
