"""A family of interventions, a cell and an architecture of one's own: a module and a line each."""

import re

import pandas as pd
import pytest
from conftest import ROOT, TEXTS, Project, jobs

from rnnschur.tensors import load

pytestmark = pytest.mark.workflow

#: The family of docs/add-your-own.md, which also looks at the sequences that it is handed.
(FAMILY,) = re.findall(r"```python\n(.*?)```", TEXTS["docs/add-your-own.md"], re.DOTALL)
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXTS["docs/add-your-own.md"], re.DOTALL)
FAMILY = FAMILY.replace("name, recurrent", "assert fit.sequences == 64\n        name, recurrent")
CELL = '''
"""A rectified layer without biases."""

from dataclasses import dataclass

import numpy as np

from rnnschur.cells.base import CellBase


@dataclass(frozen=True)
class Cell(CellBase):
    """h_t = max(0, W_hh h_{t-1} + W_xh x_t)."""

    def states(self, weights, inputs, xp=np):
        recurrent, driven = weights["W_hh"].mT, inputs @ weights["W_xh"].mT
        hidden, states = 0 * xp.zeros_like(recurrent[..., :1, :]), []
        for drive in driven:
            hidden = hidden @ recurrent + drive
            hidden = hidden * (hidden > 0)
            states.append(hidden)
        return xp.stack(states, -3)
'''


STUDY = """
seeds: 2
seeds_per_job: 2
interventions: {families}
architectures: {{rectified: {{cell: rectified, start: orthogonal}}}}
experiments: [{{task: sine, architectures: [rectified, orthogonal], widths: [8]}}]
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """Return a study with a family and a cell that are not in the package."""
    project = Project(tmp_path_factory.mktemp("extended") / "project")
    package = project.folder / "workflow" / "rnnschur"
    (package / "interventions" / "shares.py").write_text(FAMILY)
    (package / "cells" / "rectified.py").write_text(CELL)
    project.configure(STUDY.format(families="{shares: {draws: 3}, orders: {}, symmetries: {}}"))
    project.run("snakemake", "tables")
    return project


def test_a_family_gets_a_table_of_its_own(extended):
    table = pd.read_csv(extended.results / "tables" / "shares.csv")
    assert len(table) == 2 * 2 * 3 and set(table["draw"]) == {0, 1, 2}
    # The same draws whatever the network is made of: each has a stream of its own name.
    assert table["removed_mass"].nunique() == len(table)
    for column in ("damage", "rollout_difference", "verdict", "learned", "sensitivity"):
        assert table[column].notna().all(), column


def test_the_page_says_how_to_try_a_family_and_a_task(extended):
    family, task = EXAMPLES
    (extended.folder / "mine.yaml").write_text(family.replace("results/demo", "results"))
    planned = jobs(extended.run("snakemake", "--dry-run", "--configfile", "mine.yaml"))
    assert planned["controls"] == 2 and "train" not in planned
    copy = extended.folder / "workflow" / "rnnschur" / "tasks" / "delay.py"
    copy.write_text((ROOT / "workflow" / "rnnschur" / "tasks" / "sine.py").read_text())
    frequencies = "lowest_frequency: 0.01, highest_frequency: 0.05"  # of this one
    (extended.folder / "mine.yaml").write_text(
        task.replace("steps: 40", f"steps: 40, {frequencies}")
    )
    assert jobs(extended.run("snakemake", "--dry-run", "--configfile", "mine.yaml"))["train"] == 1
    copy.unlink()


def test_more_draws_and_another_family_move_no_other_row(extended):
    tables, key = extended.results / "tables", ["task", "architecture", "width", "seed"]
    names = ("shares", "orders", "symmetries", "ablations", "ablation_sets")
    before = {name: pd.read_csv(tables / f"{name}.csv") for name in names}
    package = extended.folder / "workflow" / "rnnschur" / "interventions"
    (package / "again.py").write_text(FAMILY)
    families = "{again: {}, shares: {draws: 5}, orders: {draws: 3}, symmetries: {}}"
    extended.configure(STUDY.format(families=families))
    extended.run("snakemake", "tables")
    for name, rows in before.items():
        found = pd.read_csv(tables / f"{name}.csv")
        more = {"shares": 2 / 3, "orders": 2 / 9}.get(name, 0)  # of 3 draws, of 9 forms
        assert len(found) == round((1 + more) * len(rows))
        named = [n for n in (*key, "order", "draw", "removed", "control", "set") if n in rows]
        found = rows[named].merge(found, sort=False)[list(rows)]
        pd.testing.assert_frame_equal(found, rows, check_exact=True)
    assert not set(pd.read_csv(tables / "again.csv")["removed_mass"]) & {
        *pd.read_csv(tables / "shares.csv")["removed_mass"]
    }


def test_a_cell_is_trained_and_diagnosed(extended):
    tables = {
        n: pd.read_csv(extended.results / "tables" / f"{n}.csv") for n in ("ablations", "networks")
    }
    mine = tables["ablations"].query("architecture == 'rectified'")
    assert len(mine) == 2 * 8 and (mine.query("removed == 'none'")["rollout_difference"] == 0).all()
    assert (mine.query("removed == 'RR+CR+CC'")["rollout_difference"] > 0).all()
    assert tables["networks"].groupby("architecture")["value"].first().nunique() == 2
    symmetries = pd.read_csv(extended.results / "tables" / "symmetries.csv")
    exact = symmetries[symmetries["control"].str.startswith("permutation")]
    assert (exact["rollout_difference"] < 1e-4).all()
    assert set(exact.query("architecture == 'rectified'")["control"]) == {"permutation"}
    stem = extended.results / "networks" / "sine" / "rectified" / "n8" / "seeds0-1"
    assert load(f"{stem}.safetensors")["W_hh"].shape == (2, 8, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            "interventions: {share: {}, orders: {}, symmetries: {}}",
            "interventions is 'share'; allowed: activity, borders, ",
        ),
        (
            "interventions: {orders: {draws: 0}, symmetries: {}}",
            "interventions.orders.draws is 0; allowed: a whole",
        ),
        (
            "interventions: {orders: {draw: 1}, symmetries: {}}",
            "interventions.orders.draw is unknown; allowed: ",
        ),
        (
            "architectures: {mine: {cell: lstn, start: orthogonal}}",
            "architectures.mine.cell is 'lstn'; allowed: gru, leaky, ",
        ),
        (
            "architectures: {mine: {cell: tanh, start: ortogonal}}",
            "architectures.mine.start is 'ortogonal'; allowed: cayley, ",
        ),
    ],
)
def test_wrong_names_and_options_are_named_before_any_work(project, changes, message):
    project.configure(changes)
    printed = project.run("snakemake", "--dry-run", success=False)
    assert f"Error in the configuration: {message}" in printed
    assert not project.results.exists()
