"""What a large study costs before its first job runs, and how many files it leaves.

A dry run of the paper's grid with many seeds, through profiles/slurm. Nothing is trained, and no
Slurm is needed. Prints the row of report/scale.md.
"""

import argparse
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import PurePath
from tempfile import TemporaryDirectory

CONDITIONS = 15  # of the paper's grid


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=667, help="networks in each of 15 conditions")
    parser.add_argument("--per-job", type=int, default=5, help="seeds_per_job")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--dry-run"]
        command += ["--config", f"seeds={options.seeds}", f"seeds_per_job={options.per_job}"]
        command += [f"results={folder}/results"]
        start = time.perf_counter()
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - start
        results = PurePath(folder, "results")
        # This was the only child, so that its peak is the largest.
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024

    listed = {
        kind: [PurePath(path) for line in re.findall(rf"^ *{kind}: (.*)$", printed, re.MULTILINE)
               for path in line.split(", ")]
        for kind in ("output", "log", "benchmark")
    }  # fmt: skip
    files = [file for kind in listed.values() for file in kind]
    folders = {parent for file in files for parent in file.parents if results in parent.parents}
    fullest = Counter(file.parent for file in files).most_common(1)[0][1]
    row = {
        "networks": CONDITIONS * options.seeds,
        "`seeds_per_job`": options.per_job,
        "jobs": len(listed["log"]),
        "submissions": printed.count("Group job "),
        "dry run [s]": round(seconds),
        "peak memory [MB]": round(megabytes),
        "files": len(files),
        "in the fullest folder": fullest,
        "folders": len(folders),
        "metadata": len(listed["output"]),
    }
    print(*row, sep=" | ")
    print(*(f"{value:,}" for value in row.values()), sep=" | ")


if __name__ == "__main__":
    main()
