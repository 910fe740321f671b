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
  - {task: context_integration, architectures: [orthogonal], widths: [64]}
  - {task: noisy, architectures: [orthogonal], widths: [64]}
seeds: 2
tasks:
  copy: {updates: 300}
  copy_again: {like: copy}
  sine: {learned: 0.99}
  flip_flop: {epochs: 1, updates_per_epoch: 1, learned: 0.0001}
  sine_untrained: {like: sine, epochs: 1, updates_per_epoch: 1, learned: 0.0001}
  context_integration: {epochs: 1, updates_per_epoch: 20, learned: 0.99}
  noisy: {like: context_integration, protocol: {noise: 0.8}}
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
    named = {"copy", "copy_again", "sine", "sine_untrained", "flip_flop", "context_integration"}
    assert set(protocols.index) == {*named, "noisy"}
    assert (protocols["networks"] == 2).all()
    assert protocols["learned"].to_dict()["sine_untrained"] == 0
    assert pd.isna(protocols.loc["sine_untrained", "distance"])
    # Where none learned, the one it starts from stays.
    assert protocols["chosen"].to_dict() == {
        "copy": True, "copy_again": False, "sine": True, "sine_untrained": False, "flip_flop": True,
        "context_integration": True, "noisy": False,
    }  # fmt: skip
    numbers = table(searched, "numbers")
    assert (numbers.groupby("protocol")["networks"].max() == 2).all()


def test_the_tables_have_every_network_and_the_scores_follow_from_them(searched):
    ablations, thresholds = table(searched, "ablations"), table(searched, "thresholds")
    for rows, alphas in ((ablations, {0.9}), (thresholds, {0.85, 0.9, 0.95})):
        assert list(rows)[:5] == ["task", "protocol", "architecture", "width", "seed"]
        networks = rows.groupby(["task", "protocol", "seed"]).size()
        assert len(networks) == 14 and (networks == 8 * len(alphas)).all()
        assert set(rows["alpha"]) == alphas
        assert set(rows["task"]) == {"copy", "sine", "flip_flop", "context_integration"}
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


def test_every_claim_is_judged_under_every_protocol_whose_networks_learned(searched):
    judged, summary = table(searched, "claims"), table(searched, "claims_summary")
    scores = table(searched, "protocols").set_index("protocol")
    assert set(judged["protocol"]) == set(scores.index[scores["learned"] > 0])
    assert judged["plausible"].all() == (scores["learned"].isin([0, 2])).all()
    again, once = (
        judged[judged["protocol"] == name].drop(columns="protocol").reset_index(drop=True)
        for name in ("copy", "copy_again")
    )
    pd.testing.assert_frame_equal(once, again)
    known = summary.set_index("id")
    copies = judged[judged["id"] == "copy-CR-not-removable"]
    assert known.loc["copy-CR-not-removable", "protocols"] == copies["plausible"].sum()
    # No network of flip-flop learned: nothing is known of it, nor of claims about it, too.
    assert not known.index.str.startswith("flip_flop").any()
    assert "no-coupling-safe-everywhere" not in known.index
    assert "CC-depends-on-the-task" in known.index


def test_what_drives_context_integration_is_told_of_its_protocols(searched):
    drivers = pd.read_csv(searched.results / "search" / "tables" / "search_drivers.csv")
    assert set(drivers["driver"]) == {"|R|", "alpha", "noise", "protocol", "all"}
    assert set(drivers["response"]) == {"RR", "CR", "CC", "|R|"}
    assert (drivers["networks"] == 4).all()


def test_the_same_protocol_under_another_name_trains_the_same_networks(searched):
    folder = searched.results / "search" / "networks"
    path = "orthogonal/n72/seeds0-1.safetensors"
    one, other = (load_file(folder / name / path)["W_hh"] for name in ("copy", "copy_again"))
    assert one.tobytes() == other.tobytes()
    protocols = table(searched, "protocols").set_index("protocol")
    assert protocols.loc["copy", "distance"] == protocols.loc["copy_again", "distance"]


def test_figures_and_pages_exist(searched):
    drawn = ("search_copy.png", "search_sine.pdf", "search_claims_flip_flop.png")
    drawn += ("search_claims_copy.pdf", "drivers_context_integration.png")
    pages = ("tables/search_table.html", "tables/search_claims_table.html")
    for name in (*pages, *(f"figures/{name}" for name in drawn)):
        assert (searched.results / "search" / name).stat().st_size > 1000
