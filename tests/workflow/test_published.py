"""What is published can be rendered, ablated again and compared, without training."""

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
from conftest import ROOT, Project, jobs
from safetensors.numpy import load_file, save_file

pytestmark = pytest.mark.workflow
VERIFY = [
    *("snakemake", "verify", "--configfile", "results/published/config.json"),
    *("--config", "results=results/verified", "networks=results/published"),
]


@pytest.fixture(scope="module")
def published(finished, tmp_path_factory) -> Project:
    """Return a clone of the project in which the small study is the published one."""
    if not shutil.which("git") or not (ROOT / ".gitignore").exists():
        pytest.skip("needs git, and a checkout made by it")
    place = tmp_path_factory.mktemp("published")
    project, repository = Project(place / "project"), place / "repository"
    shutil.copytree(finished.results, repository / "results" / "published")
    shutil.copy(ROOT / ".gitignore", repository)
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    git = ["git", "ls-files", "--others", "--exclude-standard", "results"]
    listed = subprocess.run(git, cwd=repository, check=True, capture_output=True, text=True)
    for file in listed.stdout.splitlines():
        (project.folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repository / file, project.folder / file)
    return project


def test_a_clone_has_what_took_long_and_what_people_read(published):
    folder = published.results / "published"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    sine = "networks/sine/default/n16/seeds0-2"
    assert {f"{sine}.{end}" for end in ("safetensors", "history.csv", "json")} <= found
    assert {"config.json", "tables/ledger_table.html", "tables/ablation_sets.csv"} <= found
    left_out = {f"{sine}.ablations.csv", f"{sine}.schur.safetensors", "tables/histories.csv"}
    left_out |= {"report.html"}
    assert not left_out & found


def test_more_seeds_train_only_the_new_networks(published):
    published.configure("{results: results/published, seeds: 6}")
    printed = published.run("snakemake", "--dry-run")
    published.configure()
    trained = re.findall(r"^rule train:\n.*?/(seeds\S+?)\.safetensors", printed, re.M | re.S)
    assert trained == ["seeds3-5"] * 4 and jobs(printed)["train"] == 4


def test_findings_of_a_clone_train_nothing(published):
    """The records beside published weights are those of today's code and settings."""
    published.configure("results: results/published")
    planned = jobs(published.run("snakemake", "--dry-run", "law", "comparability", "findings"))
    published.configure()
    assert planned["findings"] == 1 and "train" not in planned


def test_findings_of_the_published_study_train_nothing(project):
    """Its records are those of today's code and settings: networks are trained only once."""
    shutil.copy2(ROOT / "config.yaml", project.folder)
    project.results.mkdir()
    (project.results / "published").symlink_to(ROOT / "results" / "published")
    settings = ("--configfile", "workflow/studies/published.yaml", "--forcerun", "findings")
    targets = ("law", "comparability", "findings")
    planned = jobs(project.run("snakemake", "--dry-run", *targets, *settings))
    assert planned["findings"] == 1 and "train" not in planned


def test_figures_and_pages_come_back_without_training(published, finished):
    folder = published.results / "published"
    for page in (folder / "tables").glob("*.html"):
        page.unlink()
    printed = published.run("snakemake", "published_figures")
    assert "train" not in printed.split("Job stats:")[1].split("total")[0]
    for kind, pattern in (
        ("figures", "*.png"),
        *(("tables", f"*.{e}") for e in ("html", "md", "tex")),
    ):
        files = {path.name for path in (folder / kind).glob(pattern)}
        assert files == {path.name for path in (finished.results / kind).glob(pattern)} and files
    for path in (folder / "figures").glob("*.png"):
        assert path.read_bytes() == (finished.results / "figures" / path.name).read_bytes()


def test_verify_computes_every_table_again_to_its_bytes_and_trains_to_the_same_bits(published):
    printed = published.make("verify")
    outcomes = pd.read_csv(published.results / "verified" / "verified.csv").set_index("file")
    assert (outcomes["differing"] == 0).all() and (outcomes["wrong"] == 0).all()
    tables = {path.name for path in (published.results / "published" / "tables").glob("*.csv")}
    tables -= {"histories.csv"}  # nothing that is computed
    assert {file for file in outcomes.index if file.endswith(".csv")} == tables
    again = outcomes.filter(like="trained again", axis=0)["outcome"]
    assert len(again) == 4 and (again == "the same bits").all()  # one of each architecture
    assert "ledger.csv: " in printed and "This is not the machine" not in printed
    for path in (published.results / "published" / "tables").glob("*.csv"):
        ours = published.results / "verified" / "tables" / path.name
        assert ours.read_bytes() == path.read_bytes(), path.name


def test_verify_names_file_row_and_column_that_differ(published):
    folder = published.results / "published"
    weights = folder / "networks/sine/default/n16/seeds0-2.safetensors"
    ledger, good = folder / "tables" / "ledger.csv", weights.read_bytes()
    tensors = load_file(weights)
    tensors["W_hh"][1] *= 1.0000005
    save_file(tensors, weights)
    # Their record knows that these are others; without it, the tables tell.
    published.run(*VERIFY, success=False)
    log = published.results / "verified/logs/schur/sine/default/n16/seeds0-2.log"
    assert "seeds0-2.safetensors is not what its job wrote" in log.read_text()
    record = weights.with_suffix(".json")
    told = record.read_text()
    record.write_text(json.dumps(json.loads(told) | {"outputs": {}}))
    written = ledger.read_text()
    ledger.write_text(written.replace("In copy, CC can be removed.", "CC can be removed."))
    printed = published.run(*VERIFY, success=False)
    assert "This is not what was published" in printed
    differences = pd.read_csv(published.results / "verified" / "logs" / "differences.csv")
    weights.write_bytes(good)
    record.write_text(told)
    ledger.write_text(written)
    rows = differences[differences["file"] == "spectra.csv"]
    assert set(rows["row"].str.rsplit("/", n=1).str[0]) == {"sine/default/16/1"}
    assert {"real", "modulus"} <= set(rows["column"])
    (typed,) = differences[differences["file"] == "ledger.csv"].to_dict("records")
    assert (typed["row"], typed["column"]) == ("copy-CC-removable", "claim")
    assert typed["ours"] == "In copy, CC can be removed."


def test_on_another_machine_verify_compares_within_tolerances_and_says_so(published):
    folder = published.results / "published"
    records = list((folder / "networks").rglob("*.json"))
    kept = {path: path.read_text() for path in records}
    for path, text in kept.items():
        path.write_text(text.replace('"numpy": "', '"numpy": "0.'))
    ablations = folder / "tables" / "ablations.csv"
    written = pd.read_csv(ablations)
    written.assign(value=written["value"] * (1 + 1e-9)).to_csv(ablations, index=False)
    published.run(*VERIFY)
    said = (published.results / "verified" / "logs" / "verify.log").read_text()
    assert "This is not the machine of the published run: numpy is" in said
    assert "none of them beyond the tolerances" in said and "the same beginning" in said
    wrong = written.copy()
    wrong.loc[5, "value"] *= 1.03
    wrong.to_csv(ablations, index=False)
    published.run(*VERIFY, success=False)
    differences = pd.read_csv(published.results / "verified" / "logs" / "differences.csv")
    assert (differences["column"] == "value").all() and len(differences) == 1
    for path, text in kept.items():
        path.write_text(text)
    written.to_csv(ablations, index=False)


def test_networks_that_are_not_there_are_named_before_anything_runs(published):
    printed = published.run("snakemake", "--config", "networks=results/nowhere", success=False)
    assert "networks is 'results/nowhere', which is not there; allowed: a results folder" in printed
    printed = published.run(*VERIFY, "networks=results", success=False)
    assert "networks is 'results'; allowed: a results folder that has networks/" in printed


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
