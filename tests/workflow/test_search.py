"""The protocol search, on protocols that take seconds."""

import pandas as pd
import pytest
from conftest import ROOT, Project
from safetensors.numpy import load_file

from rnnschur.criterion import Criterion
from rnnschur.paper import claims, search

pytestmark = pytest.mark.workflow

SEARCH = """
results: results/search
experiments:
  - {task: copy, architectures: [orthogonal], widths: [72]}
  - {task: copy_again, architectures: [orthogonal], widths: [72]}
  - {task: sine, architectures: [orthogonal], widths: [64]}
  - {task: sine_untrained, architectures: [orthogonal], widths: [64]}
  - {task: flip_flop, architectures: [orthogonal], widths: [64]}
seeds: 2
tasks:
  copy: {updates: 300}
  copy_again: {like: copy}
  sine: {learned: 0.99}
  flip_flop: {epochs: 1, updates_per_epoch: 1, learned: 0.0001}
  sine_untrained: {like: sine, epochs: 1, updates_per_epoch: 1, learned: 0.0001}
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("search") / "project")
    project.configure(SEARCH)
    project.run("snakemake", "search")
    return project


def table(project, name):
    return pd.read_csv(project.results / "search" / "tables" / f"search_{name}.csv")


def test_every_protocol_is_scored_and_one_of_each_task_is_chosen(searched):
    protocols = table(searched, "protocols").set_index("protocol")
    assert set(protocols.index) == {"copy", "copy_again", "sine", "sine_untrained", "flip_flop"}
    assert (protocols["networks"] == 2).all()
    assert protocols["learned"].to_dict()["sine_untrained"] == 0
    assert pd.isna(protocols.loc["sine_untrained", "distance"])
    # Where none learned, the one it starts from stays.
    assert protocols["chosen"].to_dict() == {
        "copy": True, "copy_again": False, "sine": True, "sine_untrained": False, "flip_flop": True
    }  # fmt: skip
    numbers = table(searched, "numbers")
    assert (numbers.groupby("protocol")["networks"].max() == 2).all()


def test_the_tables_have_every_network_and_the_scores_follow_from_them(searched):
    ablations, thresholds = table(searched, "ablations"), table(searched, "thresholds")
    for rows, alphas in ((ablations, {0.9}), (thresholds, {0.85, 0.9, 0.95})):
        assert list(rows)[:5] == ["task", "protocol", "architecture", "width", "seed"]
        networks = rows.groupby(["task", "protocol", "seed"]).size()
        assert len(networks) == 10 and (networks == 8 * len(alphas)).all()
        assert set(rows["alpha"]) == alphas
        assert set(rows["task"]) == {"copy", "sine", "flip_flop"}
    file = "networks/copy_again/orthogonal/n72/seeds0-1.ablations.csv"
    block = pd.read_csv(searched.results / "search" / file)
    mine = ablations[ablations["protocol"] == "copy_again"]
    assert mine["value"].tolist() == block["value"].tolist()
    numbers, protocols = search.score(
        ablations,
        pd.read_csv(ROOT / "report" / "paper.csv"),
        claims.load(ROOT / "report" / "claims.yaml"),
        Criterion(),
    )
    for found, name in ((numbers, "numbers"), (protocols, "protocols")):
        found = found.reset_index(drop=True)
        pd.testing.assert_frame_equal(found, table(searched, name), check_dtype=False)


def test_the_same_protocol_under_another_name_trains_the_same_networks(searched):
    folder = searched.results / "search" / "networks"
    path = "orthogonal/n72/seeds0-1.safetensors"
    one, other = (load_file(folder / name / path)["W_hh"] for name in ("copy", "copy_again"))
    assert one.tobytes() == other.tobytes()
    protocols = table(searched, "protocols").set_index("protocol")
    assert protocols.loc["copy", "distance"] == protocols.loc["copy_again", "distance"]


def test_figures_and_pages_exist(searched):
    for name in ("figures/search_copy.png", "figures/search_sine.pdf", "tables/search_table.html"):
        assert (searched.results / "search" / name).stat().st_size > 1000
