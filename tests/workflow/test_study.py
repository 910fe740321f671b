"""A small real study: every rule runs, and its tables mean what they say."""

import html
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, jobs
from matplotlib import image
from safetensors.numpy import load_file

import study
from rnnschur import METRICS, Batch, load_networks, streams, tasks
from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.criterion import VERDICTS

pytestmark = pytest.mark.workflow
COLUMNS = [
    *("task", "architecture", "width", "seed", "alpha", "removed", "metric", "value", "delta"),
    *("removed_mass", "removed_share", "sensitivity", "rollout_difference", "verdict"),
]
CONDITIONS = 5  # of the small study
NETWORK = ["task", "architecture", "width", "seed"]


@pytest.fixture(scope="module")
def config(finished):
    return json.loads((finished.results / "config.json").read_text())


@pytest.fixture(scope="module")
def table(finished):
    return lambda name: pd.read_csv(finished.results / "tables" / f"{name}.csv")


@pytest.mark.parametrize(("name", "thresholds"), [("ablations", 1), ("thresholds", 3)])
def test_one_row_a_network_ablation_and_threshold(table, config, name, thresholds):
    rows = table(name)
    assert set(COLUMNS) <= set(rows.columns)
    networks = sum(block.last + 1 - block.first for block in study.blocks(config))
    assert networks == 4 * config["seeds"] + 2  # the last experiment has seeds of its own
    assert len(rows) == networks * len(SUBSETS) * thresholds
    assert not rows.duplicated([*NETWORK, "alpha", "removed"]).any()
    assert set(rows["removed"]) == set(SUBSETS)
    assert set(rows["verdict"]) <= set(VERDICTS)
    assert set(rows["learned"]) <= {True, False}


@pytest.mark.parametrize("name", ["ablations", "thresholds"])
def test_intact_rows_have_no_damage_and_no_mass(table, name):
    intact = table(name).query("removed == 'none'")
    changes = intact[["delta", "removed_mass", "removed_share", "rollout_difference"]]
    assert (changes.to_numpy() == 0).all()
    assert intact["sensitivity"].isna().all()


@pytest.mark.parametrize("name", ["ablations", "thresholds"])
def test_shares_add_up(table, name):
    rows = table(name)
    shares = rows.pivot_table(index=[*NETWORK, "alpha"], columns="removed", values="removed_share")
    for subset in SUBSETS[1:]:
        parts = shares[subset.split("+")].sum(axis=1)
        np.testing.assert_allclose(shares[subset], parts, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(rows["removed_mass"] ** 2, rows["removed_share"], atol=1e-15)
    assert (shares.to_numpy() < 1).all()


@pytest.mark.parametrize("name", ["ablations", "thresholds"])
def test_delta_and_sensitivity_follow_from_the_other_columns(table, name):
    rows = table(name)
    intact = rows[rows["removed"] == "none"].set_index([*NETWORK, "alpha"])["value"]
    own = intact.loc[pd.MultiIndex.from_frame(rows[[*NETWORK, "alpha"]])]
    expected = rows["value"].to_numpy() - own.to_numpy()
    np.testing.assert_allclose(rows["delta"], expected, atol=1e-12)
    removed = rows[rows["removed_mass"] > 0]
    damage = np.where(removed["metric"] == "fvu", removed["delta"], -removed["delta"])
    np.testing.assert_allclose(removed["sensitivity"], damage / removed["removed_mass"], rtol=1e-9)


@pytest.mark.parametrize("name", ["ablation", "threshold"])
def test_every_ablation_has_a_row_a_set_of_sequences(table, config, name):
    rows, pooled = table(f"{name}_sets"), table(f"{name}s")
    key = [*NETWORK, "alpha", "removed"]
    assert not rows.duplicated([*key, "set"]).any() and (rows.groupby(key).size() == 4).all()
    assert set(rows["set"]) == set(range(config["diagnosis"]["held_out_sets"]))
    assert rows[key].drop_duplicates().to_numpy().tolist() == pooled[key].to_numpy().tolist()
    intact = rows[rows["removed"] == "none"]
    assert (intact[["delta", "rollout_difference"]].to_numpy() == 0).all()
    # Shares of right elements add up over sets of one size; an FVU does not.
    means = rows.groupby(key, sort=False)["value"].mean().to_numpy()
    accuracy = (pooled["metric"] == "replay_accuracy").to_numpy()
    np.testing.assert_allclose(means[accuracy], pooled["value"][accuracy], rtol=1e-12)
    assert (means[~accuracy] != pooled["value"][~accuracy]).any()


def test_every_network_is_judged_by_sequences_of_its_own(finished, table, config):
    """Drawn here from the streams that bear its name, and run by the network itself."""
    value = table("ablation_sets").query("removed == 'none'").set_index([*NETWORK, "set"])["value"]
    pooled = table("ablations").query("removed == 'none'").set_index(NETWORK)["value"]
    diagnosis, seen = config["diagnosis"], set()
    for block in study.blocks(config):
        stem = finished.results / "networks" / block.task / block.architecture / f"n{block.width}"
        networks = load_networks(stem / f"seeds{block.first}-{block.last}.safetensors", "tanh")
        task = tasks.make(block.task, **config["tasks"][block.task]["protocol"])
        metric = METRICS[task.metric]
        for seed, network in networks.items():
            name = (block.task, block.architecture, block.width, seed)
            sets = [
                task.held_out(
                    diagnosis["held_out_sequences"],
                    streams.generator(config["study_seed"], *name, "held out", index),
                )
                for index in range(diagnosis["held_out_sets"])
            ]
            seen |= {one.inputs.tobytes() for one in sets}
            for index, one in enumerate(sets):
                expected = metric(network.outputs(one, "fast"), one)
                assert value[(*name, index)] == pytest.approx(expected, rel=1e-4)
            whole = Batch.joined(sets)
            expected = metric(network.outputs(whole, "fast"), whole)
            assert pooled[name] == pytest.approx(expected, rel=1e-4)
    assert len(seen) == len(value)  # no two alike


def test_the_papers_threshold_gives_the_same_rows_in_both_tables(table):
    one, other = (
        rows.sort_values([*NETWORK, "removed"], ignore_index=True)
        for rows in (table("ablations"), table("thresholds").query("alpha == 0.9"))
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_cayley_has_no_coupling_and_nothing_changes(table):
    cayley = table("ablations").query("architecture == 'cayley'")
    assert len(cayley) and (cayley["removed_mass"] < 1e-5).all()
    assert (cayley["rollout_difference"] < 1e-3).all()
    assert (cayley["verdict"] == "negligible").all()
    others = table("ablations").query("architecture != 'cayley' and removed == 'RR+CR+CC'")
    assert (others["removed_mass"] > 0.01).all()


def test_spectra_are_the_eigenvalues_of_the_weights(finished, table, config):
    spectra = table("spectra").set_index(NETWORK)
    for block in study.blocks(config):
        stem = finished.results / "networks" / block.task / block.architecture / f"n{block.width}"
        tensors = load_file(stem / f"seeds{block.first}-{block.last}.safetensors")
        assert tensors["W_hh"].shape == (len(tensors["seed"]), block.width, block.width)
        assert list(tensors["seed"]) == list(range(block.first, block.last + 1))
        for seed, W in zip(tensors["seed"], tensors["W_hh"], strict=True):
            rows = spectra.loc[(block.task, block.architecture, block.width, seed)]
            moduli = np.sort(np.abs(np.linalg.eigvals(W.astype(float))))[::-1]
            np.testing.assert_allclose(rows["modulus"], moduli, rtol=1e-6, atol=1e-7)
            assert (np.diff(rows["modulus"]) <= 1e-12).all()


def test_phases_are_those_of_the_spectra_of_copy(table, config):
    phases, spectra = table("phases"), table("spectra").query("task == 'copy'")
    assert study.periods(config) == {"copy": 2} and (phases["period"] == 2).all()
    pd.testing.assert_frame_equal(
        phases[[*NETWORK, "index", "modulus"]],
        spectra[[*NETWORK, "index", "modulus"]].reset_index(drop=True),
    )
    # The roots of unity of period 2 are 1 and -1.
    angles = np.abs(np.arctan2(spectra["imaginary"].abs(), spectra["real"].abs()))
    np.testing.assert_allclose(phases["phase_error"], angles / np.pi, atol=1e-9)
    leading = table("networks").query("task == 'copy'")["leading"].sum()
    assert (phases["sector"] == "R").sum() == leading


def test_records_name_protocol_and_versions(finished, config):
    # Those of the other jobs have one more word in their names, .schur.json.
    records = list((finished.results / "networks").rglob("seeds*-[0-9].json"))
    assert len(records) == len(study.blocks(config))
    for path in records:
        record = json.loads(path.read_text())
        assert record["training"] == study.training(config, record["task"])
        assert {"python", "numpy", "torch", "numba", "snakemake"} <= set(record["versions"])


def test_networks_learn_something(table):
    histories = table("histories")
    networks = table("networks")
    # Chance is 0.5 for copy and an FVU of 1 elsewhere; the small schedules get well past them.
    assert networks.query("task == 'copy'")["value"].mean() > 0.8
    assert networks.query("task != 'copy'")["value"].mean() < 0.6
    assert networks["learned"].mean() > 0.8
    perfect = networks.dropna(subset="first_perfect").set_index(NETWORK)["first_perfect"]
    for identity, update in perfect.items():
        history = histories.set_index(NETWORK).loc[identity].set_index("update")["value"]
        assert history[update] == 1 and (history[history.index < update] < 1).all()


def test_summaries_are_the_statistics_of_the_tables(table):
    rows = table("ablations").query("learned and removed == 'CC'")
    summary = table("ablation_summary").query(
        "removed == 'CC' and quantity == 'rollout_difference'"
    )
    condition = ["task", "architecture", "width"]
    means = rows.groupby(condition)["rollout_difference"].agg(["mean", "count"])
    found = summary.set_index(condition)
    np.testing.assert_allclose(found["mean"], means["mean"].loc[found.index], rtol=1e-12)
    assert (found["networks"] == means["count"].loc[found.index]).all()
    inside = found.dropna(subset="low")
    assert (inside["low"] <= inside["mean"]).all() and (inside["mean"] <= inside["high"]).all()


def test_every_figure_exists_as_png_and_pdf_and_is_not_blank(finished, config):
    folder = finished.results / "figures"
    pictures = sorted(folder.glob("*.png"))
    conditions, tasks = len(study.conditions(config)), len(config["experiments"])
    for kind, number in {
        "learning": tasks,
        "spectra": tasks,
        "profile": tasks,
        "thresholds": tasks,
        "phases": 2,  # architectures of copy
        "schur": conditions,
        "rollouts": conditions,
        "ledger": 1,
        "verdicts": 1,
        "summary": 1,
        "method": 1,
        "criterion": 1,
        "conditioning": 1,
        "orders": 1,
        "energy": tasks,
        "response": 1,
        "linearity": 1,
        "borders": tasks,
        "readout": tasks,
        "graded": tasks,
        "shift": tasks,
        "removable": tasks,
        "rankings": tasks,
        "blocks": conditions,
    }.items():
        assert len([p for p in pictures if p.stem.startswith(kind)]) == number, kind
    for picture in pictures:
        pixels = image.imread(picture)[::3, ::3, :3]
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20, picture
        assert np.mean(pixels < 0.99) > 0.005, picture
        pdf = picture.with_suffix(".pdf").read_bytes()
        assert pdf.startswith(b"%PDF") and len(pdf) > 3000


def test_the_report_is_one_file_that_needs_no_network(finished):
    page = (finished.results / "report.html").read_text()
    assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["']https?://""", page)
    for words in ("Replay", "criterion", "main table", "rollouts"):
        assert words.lower() in page.lower()


def test_table_pages_are_readable(finished):
    page = (finished.results / "tables" / "damage_table.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and "nan" not in page
    for words in ("flip_flop", "removed mass", "sensitivity"):
        assert words in page


def rows_of_page(page):
    """Return how many rows a table has as HTML, Markdown and LaTeX."""
    html, md, tex = (page.with_suffix(end).read_text() for end in (".html", ".md", ".tex"))
    body = tex.split(r"\endlastfoot" if "longtable" in tex else r"\midrule")[1]
    body = body.split(r"\bottomrule")[0]
    below_heading = md.count("\n| ") - 2
    return html.split("<tbody>")[1].count("<tr"), below_heading, body.count("\\\\\n")


def test_every_table_page_has_the_same_rows_as_markdown_and_latex(finished):
    pages = sorted((finished.results / "tables").glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        html, md, tex = rows_of_page(page)
        assert html == md == tex, page


def test_logs_hold_no_warning(finished):
    for log in (finished.results / "logs").rglob("*.log"):
        assert "Warning" not in log.read_text(), log


def test_make_says_where_things_lie(finished):
    for name, place in (("Tables", "tables/"), ("Figures", "figures/"), ("Report", "report.html")):
        assert re.search(rf"^{name} +results/{place}$", finished.printed, re.MULTILINE)
        assert (finished.results / place).exists()
    jobs = re.findall(r"^\d\d:\d\d:\d\d (\d+) of (\d+) jobs done", finished.printed, re.MULTILINE)
    assert len(set(jobs[-1])) == 1  # the last line: all of them
    assert "jobid" not in finished.printed
    answer = re.search(r"^This study has.*?(?=^Open )", finished.printed, re.DOTALL | re.MULTILINE)
    page = html.unescape((finished.results / "report.html").read_text())
    said = [line.strip() for line in answer[0].splitlines() if not line.startswith("  and ")]
    assert len(said) > 1 and all(line in page for line in said)  # in the same words


def test_run_again_does_nothing(finished):
    """The demo has run what is the study here."""
    before = (finished.results / "report.html").stat().st_mtime_ns
    assert "Nothing to be done" in finished.make("study")
    assert (finished.results / "report.html").stat().st_mtime_ns == before


def test_more_seeds_in_whole_blocks_add_only_the_new_ones(study_run):
    study_run.configure("{seeds: 6}")
    # The last experiment has seeds of its own.
    assert jobs(study_run.run("snakemake", "--dry-run"))["train"] == CONDITIONS - 1


def test_a_new_plug_in_leaves_the_others_alone(study_run):
    package = study_run.folder / "workflow" / "rnnschur"
    models = {
        "tasks": "sine", "architectures": "normal", "interventions": "orders", "cells": "tanh"
    }  # fmt: skip
    new = [package / folder / "another.py" for folder in models]
    for path, model in zip(new, models.values(), strict=True):
        shutil.copy(path.with_name(f"{model}.py"), path)
    study_run.configure(
        """
        tasks: {another: {protocol: {steps: 9, lowest_frequency: 0.01, highest_frequency: 0.05},
                          input_scale: 1, updates: 10, batch: 8, learning_rate: 0.01,
                          gradient_clip: null, learned: 0.9}}
        """
    )
    # The configuration stands in the report's folder.
    assert jobs(study_run.run("snakemake", "--dry-run")) == {"html_report": 1, "all": 1}
    for path in new:
        path.unlink()


def test_findings_wait_only_for_the_tables_that_they_are_about(project):
    """Of what is gathered nine tables, and of copy networks the dimensions if they are named."""
    planned = jobs(project.run("snakemake", "--dry-run", "findings"))
    assert planned["gather"] == 9 and "law" not in planned
    planned = jobs(
        project.run("snakemake", "--dry-run", "findings", "--config", "findings=report/law.yaml")
    )
    assert planned["gather"] == 1 and planned["law"] == 1  # the ablations, for the dimensions


def test_dry_run_of_the_papers_grid(project):
    shutil.copy2(ROOT / "config.yaml", project.folder / "config.yaml")
    families = yaml.safe_load((ROOT / "config.yaml").read_text())["interventions"]
    assert jobs(project.run("snakemake", "--dry-run")) == {
        **dict.fromkeys(("train", "schur", "ablation", "threshold", "controls"), 15),
        **dict.fromkeys(("histories", "networks", "phases", "summaries", "ledger", "findings"), 1),
        **dict.fromkeys(("html_report", "all"), 1),
        **dict.fromkeys(("render_networks", "render_ablations", "render_coordinates"), 1),
        "render_robustness": 1,
        "gather": 4 + len(families) + 1,  # the energy of states, too
        "render_frontier": 1,
        "render_activity": 1,
        "render_couplings": 1,
        "render_findings": 1,
    }


def test_a_study_without_a_family_that_findings_are_about_has_no_page_of_them(project):
    config = yaml.safe_load((project.folder / "config.yaml").read_text())
    del config["interventions"]["rotations"]
    (project.folder / "config.yaml").write_text(yaml.safe_dump(config))
    planned = jobs(project.run("snakemake", "--dry-run"))
    assert planned["render_frontier"] == 1 and not {"findings", "render_findings"} & set(planned)
    assert jobs(project.run("snakemake", "--dry-run", "findings"))["findings"] == 1


def test_the_study_of_the_law_judges_findings_of_its_own(project):
    shutil.copy2(ROOT / "config.yaml", project.folder / "config.yaml")
    law = ("--configfile", "workflow/studies/law.yaml")
    planned = jobs(project.run("snakemake", "--dry-run", *law))
    assert planned["law"] == planned["findings"] == planned["render_findings"] == 1


def weights_of(project, task, architecture, width):
    """Return the recurrent matrices of a condition as bytes, by seed."""
    folder = project.results / "networks" / task / architecture / f"n{width}"
    networks = {}
    for path in folder.glob("seeds*.safetensors"):
        if ".schur." not in path.name:
            tensors = load_file(path)
            for seed, matrix in zip(tensors["seed"], tensors["W_hh"], strict=True):
                networks[int(seed)] = matrix.tobytes()
    return networks


def test_a_networks_bits_do_not_depend_on_its_companions(finished, project):
    project.configure("seeds_per_job: 1")
    target = "results/networks/flip_flop/orthogonal/n16/seeds1-1.safetensors"
    project.run("snakemake", target)
    alone = weights_of(project, "flip_flop", "orthogonal", 16)
    together = weights_of(finished, "flip_flop", "orthogonal", 16)
    assert alone[1] == together[1] != together[0]


BROKEN = """
def initialise(network, generator):
    network.W_hh.data.fill_(float("nan"))
"""


def test_a_diverged_network_is_named_and_the_others_go_on(project):
    """The broken networks are an architecture of their own, added as docs/add-your-own.md says."""
    package = project.folder / "workflow" / "rnnschur" / "architectures"
    (package / "broken.py").write_text(BROKEN)
    project.configure(
        """
        experiments: [{task: sine, architectures: [broken, orthogonal], widths: [8]}]
        seeds_per_job: 3
        interventions: {orders: {}, symmetries: {}}
        """
    )
    printed = project.run("snakemake", "tables", success=False)
    for seed in range(3):
        assert f"network sine/broken/n8/seed{seed}: the loss is nan at update 1" in printed
    log = "results/logs/train/sine/broken/n8/seeds0-2.log"
    assert f"Failed: train sine broken 8 0 2; its log is {log}" in printed
    assert (project.folder / log).exists()
    assert "The same command, once the cause is mended, goes on" in printed
    folder = project.results / "networks" / "sine"
    assert len(pd.read_csv(folder / "orthogonal" / "n8" / "seeds0-2.ablations.csv")) == 24
    assert not list(folder.glob("broken/n8/seeds*.safetensors"))
    project.configure(
        """
        experiments: [{task: sine, architectures: [orthogonal], widths: [8]}]
        seeds_per_job: 3
        interventions: {orders: {}, symmetries: {}}
        """
    )
    assert "train" not in jobs(project.run("snakemake", "--dry-run"))
    assert "(100%) done" in project.run("snakemake", "tables")


def test_an_interrupted_block_keeps_its_finished_networks(project):
    project.configure("{seeds: 2, tasks: {flip_flop: {updates_per_epoch: 2000}}}")
    target = (
        project.results / "networks" / "flip_flop" / "orthogonal" / "n16" / "seeds0-1.safetensors"
    )
    waiting = Path(f"{target}.partial") / "seed0.safetensors"
    command = ["snakemake", str(target.relative_to(project.folder))]
    process = project.start(*command, start_new_session=True)
    deadline = time.monotonic() + 120
    while not waiting.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert waiting.exists() and not target.exists()
    finished = load_file(waiting)["W_hh"].tobytes()
    project.run("snakemake", "--unlock")
    project.run(*command)
    log = next((project.results / "logs" / "train").rglob("*.log")).read_text()
    assert "seed1" in log and "seed0" not in log
    assert not waiting.parent.exists()
    assert weights_of(project, "flip_flop", "orthogonal", 16)[0] == finished
