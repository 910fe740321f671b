"""A study with a curriculum and planted Schur forms, from training to the report's figures."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import Project
from matplotlib import image

import study
from rnnschur.weights import load_networks, load_parts

pytestmark = pytest.mark.workflow

STUDY = """
seeds: 2
seeds_per_job: 2
experiments:
  - {task: copy, architectures: [orthogonal, nnrnn], widths: [12]}
  - {task: copy_curriculum, architectures: [orthogonal], widths: [12]}
  - {task: sine, architectures: [planted_too], widths: [9]}
architectures: {planted_too: {cell: tanh, start: nnrnn}}
interventions: {orders: {}, symmetries: {}}
tasks:
  copy_curriculum: {like: copy, curriculum: [{until: 0.5, protocol: {replays: 1}}]}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("curriculum") / "project")
    project.configure(STUDY)
    project.run("snakemake")
    return project


def stem(ran, task, architecture, width):
    return f"{ran.results}/networks/{task}/{architecture}/n{width}/seeds0-1"


def table(ran, name):
    return pd.read_csv(ran.results / "tables" / f"{name}.csv")


def test_the_curriculum_is_trained_and_recorded(ran):
    plain, staged = (stem(ran, task, "orthogonal", 12) for task in ("copy", "copy_curriculum"))
    config = json.loads((ran.results / "config.json").read_text())
    with open(f"{staged}.json") as file:
        record = json.load(file)
    assert record["training"] == study.training(config, "copy_curriculum")
    assert [stage["last"] for stage in record["training"]["curriculum"]] == [300]
    with open(f"{plain}.json") as file:
        assert "curriculum" not in json.load(file)["training"]
    one, other = (load_networks(f"{s}.safetensors")[0].weights["W_hh"] for s in (plain, staged))
    assert not np.array_equal(one, other)
    histories = table(ran, "histories").set_index("task")
    both = [
        histories.loc[task].query("architecture == 'orthogonal'")
        for task in ("copy", "copy_curriculum")
    ]
    assert len(both[0]) == len(both[1]) and not np.array_equal(both[0]["loss"], both[1]["loss"])


def test_planted_forms_are_compared_with_those_that_are_found(ran):
    moduli, masses = table(ran, "planted_moduli"), table(ran, "planted_masses")
    conditions = {("copy", "nnrnn", 12), ("sine", "planted_too", 9)}
    for rows in (moduli, masses):
        found = rows[["task", "architecture", "width"]].drop_duplicates()
        assert set(found.itertuples(index=False, name=None)) == conditions
    assert len(moduli) == 2 * (12 + 9) and len(masses) == 4
    np.testing.assert_allclose(moduli["modulus"], moduli["planted"], atol=1e-3)
    squares = masses[["planted_mass", "found_mass", "inside_mass"]] ** 2
    np.testing.assert_allclose(
        squares["planted_mass"], squares["found_mass"] + squares["inside_mass"], atol=1e-5
    )
    np.testing.assert_array_equal(masses["planted_leading"], masses["found_leading"])
    for coupling in ("RR", "CR", "CC"):
        np.testing.assert_allclose(
            masses[f"planted_{coupling}"], masses[f"found_{coupling}"], atol=1e-3
        )
    networks = masses.merge(table(ran, "networks"))
    np.testing.assert_allclose(networks["found_CR"], networks["mass_CR"], rtol=1e-6)
    np.testing.assert_array_equal(networks["found_leading"], networks["leading"])
    np.testing.assert_allclose(networks["found_mass"], networks["coupling_mass"], rtol=1e-12)
    np.testing.assert_allclose(networks["planted_mass"], networks["departure"], atol=1e-4)
    for task, architecture, width in conditions:
        parts = load_parts(f"{stem(ran, task, architecture, width)}.safetensors")
        for part in parts.values():
            assert np.abs(part["W_hh.P"] @ part["W_hh.P"].T - np.eye(width)).max() < 1e-6


def test_phases_of_both_tasks_stand_in_one_figure_and_every_picture_is_drawn(ran):
    phases = table(ran, "phases")
    assert set(phases["task"]) == {"copy", "copy_curriculum"}
    for name in ("phases_orthogonal", "phases_nnrnn", "planted_all"):
        pixels = image.imread(ran.results / "figures" / f"{name}.png")[::3, ::3, :3]
        assert np.mean(pixels < 0.99) > 0.005, name
    page = (ran.results / "report.html").read_text()
    assert "planted_table" in page and "phases_orthogonal" in page
