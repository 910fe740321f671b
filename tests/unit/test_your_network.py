"""What docs/your-network.md says is done as it stands there, in its order, in an empty folder."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnschur import cells
from rnnschur.description import Data, Entry
from rnnschur.formats import ENDINGS
from rnnschur.nonlinearities import NONLINEARITIES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your-network.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_runs(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    printed = ""
    for language, block in BLOCKS:
        if language == "yaml":
            (tmp_path / "network.yaml").write_text(block)
            continue
        if language == "python":
            commands = [[sys.executable, "-W", "error", "-c", block]]
        else:  # as the installed script does
            lines = [line.split("#")[0].split() for line in block.splitlines()]
            assert all(words[0] == "rnnschur" for words in lines)
            commands = [[sys.executable, "-W", "error", "-m", *words] for words in lines]
        for words in commands:
            run = subprocess.run(
                words, cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert run.returncode == 0, run.stderr
            printed += run.stdout
    assert printed.count("of its authors' code, allowed 0.001") == 2
    assert "rollout_difference" in printed
    table = pd.read_csv(tmp_path / "network.csv")
    assert set(table.matrix) >= {"W_hn", "W_hr", "W_hz"}
    assert set(np.load(tmp_path / "weights.npz")) == {"cell.kernel", "cell.bias"}


@pytest.mark.parametrize("options", [Data, Entry, *(type(cells.make(n)) for n in cells.CELLS)])
def test_every_key_stands_in_a_table(options):
    words = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*\|$", PAGE, re.MULTILINE))))
    assert {key.name for key in fields(options)} <= words


def test_every_weight_cell_and_nonlinearity_is_named():
    words = set(re.findall(r"`([^`]*)`", PAGE))
    for name in cells.CELLS:
        assert f"cell: {name}" in words
        known = {
            weight for weight in cells.make(name).known if not re.search("_.?[rznifgo]$", weight)
        }
        assert known <= words
    assert set(NONLINEARITIES) <= words
    assert all(ending in PAGE for ending in ENDINGS)
