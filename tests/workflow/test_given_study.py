"""Networks that were trained elsewhere, through the DAG: files, patterns and stacks of them."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from click.testing import CliRunner
from conftest import ROOT

import checks
import given
import study
from rnnschur import diagnose
from rnnschur import given as doors
from rnnschur.command import main

PEERS = ROOT / "workflow" / "studies" / "peers.yaml"
FILES = [ROOT / file for file in yaml.safe_load(PEERS.read_text())["networks"].values()]


def stack(folder, networks=3, units=6):
    """Import a stack of GRUs, with a description and arrays beside it; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    layers = [torch.nn.GRU(2, units) for _ in range(networks)]
    names = layers[0].state_dict()
    weights = {n: np.stack([layer.state_dict()[n].numpy() for layer in layers]) for n in names}
    np.savez(folder / "weights.npz", **weights, eye=np.stack([np.eye(units)] * networks))
    inputs = np.random.default_rng(0).standard_normal((15, 20, 2)).astype(np.float32)
    np.savez(folder / "trials.npz", inputs=inputs)
    keys = {"cell": "gru", "data": {"file": "trials.npz"}}
    keys["weights"] = {"file": "weights.npz", "layer": "", "W_hy": "eye", "stacked": True}
    (folder / "network.yaml").write_text(yaml.safe_dump(keys))
    run = CliRunner().invoke(main, ["import", str(folder / "network.yaml")])
    assert run.exit_code == 0, run.output
    return folder / "network.safetensors"


def configuration(networks, **changes):
    return yaml.safe_load((ROOT / "config.yaml").read_text()) | {"networks": networks} | changes


def test_networks_are_numbered_by_task_cell_and_width_in_the_order_of_their_files(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name, count, units in (("b", 2, 6), ("a", 1, 6), ("c", 3, 5)):
        stack(tmp_path / name, count, units)
    config = configuration({"mine": "*/network.safetensors"}, seeds_per_job=2)
    assert study.blocks(config) == [
        ("mine", "gru", 6, 0, 2),
        ("mine", "gru", 5, 0, 2),
    ]
    assert given.blocks(config)["mine", "gru", 6, 0, 2] == [
        "a/network.safetensors",
        "b/network.safetensors",
    ]
    assert given.blocks(config | {"seeds_per_job": 1}) == {
        ("mine", "gru", 6, 0, 0): ["a/network.safetensors"],
        ("mine", "gru", 6, 1, 2): ["b/network.safetensors"],
        ("mine", "gru", 5, 0, 2): ["c/network.safetensors"],
    }
    checks.check(config)
    # Without names each file is a task; a description stands for what was imported from it.
    shutil.move("a/network.safetensors", "Delayed-match.2.safetensors")
    config = configuration(["Delayed*", "b/network.*", "./b/network.yaml"])
    assert given.files(config) == {
        "delayed_match_2": ["Delayed-match.2.safetensors"],
        "b": ["b/network.safetensors"],
    }


def refused(networks):
    with pytest.raises(ValueError, match="networks") as error:
        checks.check(configuration(networks))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_cannot_be_given_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = stack(tmp_path / "mine").relative_to(tmp_path)
    assert "is 'nowhere', which is not there; allowed: a results folder" in refused("nowhere")
    assert "is 'no*e', which is not there" in refused({"mine": ["mine/network.yaml", "no*e"]})
    assert "networks is 3; allowed: null, a results folder, files" in refused(3)
    assert "networks is []" in refused([])
    assert "networks[0] is 'a b'; allowed: a file without spaces" in refused(["a b"])
    assert "lower-case letters" in refused({"Mine": str(file)})
    assert "mine/weights.npz is not a safetensors file" in refused("mine/weights.npz")
    np.savez("mine/trials.npz", inputs=np.ones((2, 2, 2)))
    message = refused({"mine": str(file)})
    assert "mine/trials.npz has changed since mine/network.safetensors was imported" in message
    assert message.endswith("run: rnnschur import mine/network.yaml")
    file.unlink()
    message = refused("mine/network.yaml")
    assert message.endswith("is not imported yet; run: rnnschur import mine/network.yaml")


@pytest.mark.workflow
def test_a_study_of_given_networks_ends_in_the_same_tables_and_figures(project, tmp_path):
    """Among them both networks of other people; `diagnose` says the same of each."""
    for file in FILES:
        target = project.folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True)
        shutil.copy(file, target)
    stack(project.folder / "tests" / "networks" / "stack")
    given_study = yaml.safe_load(PEERS.read_text()) | {"results": "results/given"}
    given_study["interventions"]["gauges"] = {"draws": 2}
    project.configure("interventions: {orders: {}, symmetries: {}, activity: {}}")
    given_study["networks"]["stack"] = "tests/networks/sta*/network.yaml"
    (project.folder / "given.yaml").write_text(yaml.safe_dump(given_study))
    printed = project.run("snakemake", "tables", "figures", "--configfile", "given.yaml")
    assert "train" not in printed.split("Job stats:")[1].split("total")[0]
    results = project.results / "given"
    tables = {file.stem: pd.read_csv(file) for file in (results / "tables").glob("*.csv")}
    networks = tables["networks"]
    assert networks["learned"].all() and networks["updates"].isna().all()
    assert set(networks["matrix"]) == {"step", "W_hn", "W_hr", "W_hz"}
    assert len(tables["histories"]) == 0
    assert not [name for name in tables if name.endswith("_sets")]
    found = tables["ablations"]
    stacked = [f"tests/networks/stack/network.safetensors[{k}]" for k in range(3)]
    names = [str(file.relative_to(ROOT)) for file in FILES] + stacked
    for table in (networks, found, tables["thresholds"]):
        files = table.groupby(["task", "seed"], sort=False)["file"].unique().map(list)
        assert sorted(files.tolist()) == sorted([name] for name in names)
        assert files["stack"].tolist() == [[name] for name in stacked]
    for file in FILES:
        one = doors.load(file)[0]
        rows = found[found["task"] == {"phase_coding_tanh": "phase_coding"}.get(
            file.parent.name, "perceptual_discrimination")]  # fmt: skip
        expected = diagnose(one.network, one.batch, one.metric, seed=2606)
        for column in ("removed", "matrix", "verdict", "checked", "determined", "leading_half"):
            assert rows[column].tolist() == expected[column].tolist()
        for column in ("value", "value_low", "removed_mass", "from_epsilon", "mass_moves"):
            np.testing.assert_allclose(rows[column], expected[column], rtol=1e-6, atol=1e-9)
    gru = found[found["task"] == "stack"]
    assert gru.groupby("seed").size().tolist() == [36, 36, 36]  # 4 matrices, 9 rows
    assert (gru["checked"] == "not checked against its authors' code").all()
    summary = tables["ablation_summary"]
    assert set(summary["matrix"]) == {"step", "W_hn", "W_hr", "W_hz", "all"}
    assert set(tables["gauges"]["task"]) == {"perceptual_discrimination", "stack"}
    figures = {file.name for file in (results / "figures").glob("*.png")}
    assert {"diagnosis_stack_gru_n6.png", "profile_phase_coding.png"} <= figures
    assert not any(name.startswith(("learning", "ledger")) for name in figures)
    text = Path(results / "tables" / "damage_table.html").read_text()
    assert "gru, W_hn" in text and "leaky" in text
    # The published diagnosis of both is this one, to the rounding of another machine.
    published = pd.read_csv(ROOT / "results" / "published" / "peers" / "tables" / "ablations.csv")
    ours = found[found["task"] != "stack"].reset_index(drop=True)
    for column in ("task", "width", "removed", "verdict", "checked", "leading"):
        assert ours[column].tolist() == published[column].tolist()
    for column in ("value", "removed_mass", "rollout_difference", "damage_high"):
        np.testing.assert_allclose(ours[column], published[column], rtol=0.01, atol=0.001)
