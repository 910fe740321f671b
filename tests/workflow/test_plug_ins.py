"""A family of interventions, a cell and an architecture of one's own: a module and a line each."""

import pandas as pd
import pytest

from rnnschur.tensors import load

pytestmark = pytest.mark.workflow

FAMILY = '''
"""The recurrent matrix scaled, as much as a user could think of."""

from dataclasses import dataclass

from rnnschur.interventions.base import FamilyBase, Intervention
from rnnschur.options import whole


@dataclass(frozen=True)
class Family(FamilyBase):
    """Random shares of W_hh removed."""

    draws: int = whole(1)

    def of(self, network, fit, rng):
        name, recurrent = network.headline
        assert fit.sequences == 64
        for draw in range(self.draws):
            share = rng.uniform(0, 0.5)
            matrix = (1 - share) * recurrent.matrix
            yield Intervention("a share", recurrent.write_back(matrix), share, {"draw": draw})
'''
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


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """Return a study with a family and a cell that are not in the package."""
    from conftest import Project

    project = Project(tmp_path_factory.mktemp("extended") / "project")
    package = project.folder / "workflow" / "rnnschur"
    (package / "interventions" / "shares.py").write_text(FAMILY)
    (package / "cells" / "rectified.py").write_text(CELL)
    project.configure(
        """
        seeds: 2
        seeds_per_job: 1
        interventions: {shares: {draws: 3}}
        architectures: {rectified: {cell: rectified, start: orthogonal}}
        experiments: [{task: sine, architectures: [rectified, orthogonal], widths: [8]}]
        """
    )
    project.run("snakemake", "tables")
    return project


def test_a_family_gets_a_table_of_its_own(extended):
    table = pd.read_csv(extended.results / "tables" / "shares.csv")
    assert len(table) == 2 * 2 * 3 and set(table["draw"]) == {0, 1, 2}
    # The same draws whatever the network is made of: each has a stream of its own name.
    assert table["removed_mass"].nunique() == len(table)
    for column in ("damage", "rollout_difference", "verdict", "learned", "sensitivity"):
        assert table[column].notna().all(), column


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
    stem = extended.results / "networks" / "sine" / "rectified" / "n8" / "seeds0-0"
    assert load(f"{stem}.safetensors")["W_hh"].shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            "interventions: {share: {}}",
            "interventions is 'share'; allowed: couplings, gauges, orders, ",
        ),
        (
            "interventions: {orders: {draws: 0}}",
            "interventions.orders.draws is 0; allowed: a whole",
        ),
        ("interventions: {orders: {draw: 1}}", "interventions.orders.draw is unknown; allowed: "),
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
