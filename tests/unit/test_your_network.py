"""What docs/your-network.md says is done as it stands there, in its order, in an empty folder."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from rnnschur import cells
from rnnschur.command import main
from rnnschur.comparison import PATIENCE, TOLERANCES
from rnnschur.description import Description
from rnnschur.entries import Entry
from rnnschur.formats import ENDINGS
from rnnschur.layout import Layout
from rnnschur.nonlinearities import NONLINEARITIES
from rnnschur.suspects import SUSPECTS
from rnnschur.trials import Data

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your-network.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    printed = ""
    for language, block in BLOCKS:
        if language == "yaml":
            Path("network.yaml").write_text(block)
        elif language == "python":
            exec(compile(block, "docs/your-network.md", "exec"), {})
            printed += capsys.readouterr().out
        elif language == "sh":
            for line in block.splitlines():
                name, *words = line.split("#")[0].split()
                run = CliRunner().invoke(main, words)
                assert name == "rnnschur" and run.exit_code == 0, run.output
                printed += run.output
    assert printed.count("of its authors' code, allowed 0.001") == 2
    assert "rollout_difference" in printed
    table = pd.read_csv(tmp_path / "network.csv")
    assert set(table.matrix) >= {"W_hn", "W_hr", "W_hz"}
    assert set(np.load(tmp_path / "weights.npz")) == {"cell.kernel", "cell.bias"}


def test_the_languages_are_those_that_are_run_and_one_that_cannot_be():
    assert {language for language, _ in BLOCKS} == {"python", "yaml", "sh", "matlab"}


@pytest.mark.parametrize("block", [block for language, block in BLOCKS if language == "yaml"])
def test_every_description_has_keys_that_there_are(tmp_path, block):
    """Files are missing, whatever else is said of the keys comes first."""
    path = tmp_path / "network.yaml"
    path.write_text(block)
    said = Description.read(path)
    Data.checked(said.keys["data"])
    assert {*said.keys["weights"]} <= {*Layout(said, said.cell()).known}
    for entry in said.keys["weights"].values():
        Entry.checked(entry if isinstance(entry, dict) else {"tensor": entry})
    with pytest.raises(ValueError, match=f"{said.keys['weights']['file']} is not there"):
        said.network()


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


def test_what_passes_and_how_long_a_cause_is_looked_for_stand_there():
    assert TOLERANCES == {"float32": 1e-3, "float64": 1e-5}
    assert "up to 1e-5, and up to 1e-3 where the reference is float32" in PAGE
    words = " ".join(PAGE.split())
    assert f"{SUSPECTS}. The search for them takes {PATIENCE} seconds at most" in words
