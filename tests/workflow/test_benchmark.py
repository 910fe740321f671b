"""The benchmarks run and write what they say; their times are nobody's business here."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


def quick(name, folder):
    """Return what a quick run of a benchmark prints."""
    run = subprocess.run(
        [sys.executable, f"tests/benchmark/{name}.py", "--quick", "--output", folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "workflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-8000:]
    return run.stdout


@pytest.mark.workflow
def test_a_quick_run_writes_its_tables_and_its_figure(tmp_path):
    printed = quick("engines", tmp_path)
    table = pd.read_csv(tmp_path / "engines.csv")
    assert {"nn.RNN", "Python loop", "reference engine", "fast engine"} <= set(table["contender"])
    assert (table.drop(columns="contender") > 0).all(axis=None)
    assert (tmp_path / "engines.md").read_text() in printed
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".md", ".png", ".pdf"}


@pytest.mark.workflow
def test_a_quick_run_of_the_diagnosis_agrees_with_plain_loops_and_writes_its_tables(tmp_path):
    printed = quick("diagnosis", tmp_path)
    table = pd.read_csv(tmp_path / "diagnosis.csv")
    assert set(table["contender"]) == {
        "loop", "reference", "fast", "scipy.linalg.schur", "ordered"
    }  # fmt: skip
    rollouts = table[table["contender"] == "reference"]
    assert len(rollouts) == 8 and (rollouts["different"] <= rollouts["ablations"]).all()
    assert (table[["s_median", "ratio"]] > 0).all(axis=None)
    assert (tmp_path / "diagnosis.md").read_text() in printed


@pytest.mark.workflow
def test_a_large_study_is_counted_without_running_it():
    run = subprocess.run(
        [sys.executable, "tests/benchmark/scale.py", "--seeds", "4", "--per-job", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names, values = (line.split(" | ") for line in run.stdout.splitlines())
    row = dict(zip(names, values, strict=True))
    blocks = 15 * 2
    assert (row["networks"], row["submissions"]) == ("60", str(blocks + 1))
    jobs, files = (int(row[name].replace(",", "")) for name in ("jobs", "files"))
    assert jobs > 5 * blocks and files > 20 * blocks
