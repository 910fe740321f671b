"""What is published can be rendered, ablated again and compared, without training."""

import json
import shutil

import pandas as pd
import pytest
from conftest import Project
from safetensors.numpy import load_file, save_file

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def published(finished, tmp_path_factory) -> Project:
    """Return a copy of the project in which the small study is the published one."""
    project = Project(tmp_path_factory.mktemp("published") / "project")
    folder = project.results / "published"
    folder.mkdir(parents=True)
    shutil.copytree(finished.results / "tables", folder / "tables")
    shutil.copy(finished.results / "config.json", folder)
    shutil.copytree(
        finished.results / "networks",
        folder / "networks",
        ignore=shutil.ignore_patterns("*.csv", "*.schur.*"),
    )
    return project


def test_figures_and_pages_come_back_without_training(published, finished):
    folder = published.results / "published"
    for page in (folder / "tables").glob("*.html"):
        page.unlink()
    printed = published.run("snakemake", "published_figures")
    assert "train" not in printed.split("Job stats:")[1].split("total")[0]
    for kind, pattern in (("figures", "*.png"), ("tables", "*.html")):
        files = {path.name for path in (folder / kind).glob(pattern)}
        assert files == {path.name for path in (finished.results / kind).glob(pattern)} and files
    for path in (folder / "figures").glob("*.png"):
        assert path.read_bytes() == (finished.results / "figures" / path.name).read_bytes()


def test_verify_repeats_the_ablations_and_finds_the_same_rows(published):
    published.make("verify")
    comparison = pd.read_csv(published.results / "verified" / "comparison.csv")
    assert len(comparison) == 15 and (comparison["agreement"] == "identical").all()
    assert (comparison["rows"] == 8).all()


def test_verify_names_a_network_that_does_not_bear_out_its_rows(published):
    path = published.results / "published/networks/sine/default/n16/seeds0-1.safetensors"
    good = path.read_bytes()
    tensors = load_file(path)
    tensors["W_hh"][1] *= 1.05
    save_file(tensors, path)
    printed = published.run("snakemake", "verify", success=False)
    assert "These differ from the published tables" in printed
    assert "sine" in printed.split("These differ")[1]
    path.write_bytes(good)


def test_compare_tells_the_same_networks_from_others(published):
    config = json.loads((published.results / "published" / "config.json").read_text())
    assert config["seeds"] == 3
    published.configure(
        """
        {seeds: 1, seeds_per_job: 1, tasks: {sine: {epochs: 4}}, experiments: [
          {task: flip_flop, architectures: [orthogonal], widths: [16]},
          {task: sine, architectures: [default], widths: [16]},
          {task: sine, architectures: [default], widths: [17]}]}
        """
    )
    published.run("snakemake", "compare")
    table = pd.read_csv(published.results / "tables" / "published_comparison.csv")
    assert table["agreement"].tolist() == ["identical", "different", "not published"]
    assert table.loc[0, "weights_difference"] == 0 < table.loc[1, "weights_difference"]
    published.configure()
