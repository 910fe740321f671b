"""A bad configuration is one clear line before any job starts; a good one is the paper's grid."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

import checks
import claim
import configuration
import study
from rnnschur import tasks
from rnnschur.report.sentences import changes

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SCHEMA = yaml.safe_load(checks.SCHEMA.read_text())


def change(path, value):
    config = copy.deepcopy(CONFIG)
    *parents, last = path
    place = config
    for part in parents:
        place = place[part]
    place[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ["findings"],
            "mine.yaml",
            "findings is 'mine.yaml'; allowed: a file in report/ that ends in",
        ),
        (
            ["findings"],
            "report/no.yaml",
            "findings is 'report/no.yaml'; allowed: a file in report/ ",
        ),
        (
            ["experiments", 0, "task"],
            "copi",
            "experiments[0].task is 'copi'; allowed: ",
        ),
        (
            ["experiments", 0, "architectures"],
            ["lstm"],
            "experiments[0].architectures is 'lstm'; allowed: cayley, default, ",
        ),
        (["experiments", 1, "widths"], [0], "experiments[1].widths[0] is 0; allowed: a whole "),
        (["experiments", 1, "widths"], [64, 64], "experiments[1].widths is [64, 64]; allowed: "),
        (["experiments"], [], "experiments is []; allowed: a list of at least one experiment"),
        (["experiments", 0, "widths"], [], "experiments[0].widths is []; allowed: a list of at "),
        (["experiments", 0, "width"], [64], "experiments[0].width is unknown (widths?); allowed: "),
        (["diagnosis", "alpha"], 0, "diagnosis.alpha is 0; allowed: a number in (0, 1]"),
        (["diagnosis", "alpha"], 1.01, "diagnosis.alpha is 1.01; allowed: a number in (0, 1]"),
        (["diagnosis", "thresholds"], [0.9, -1], "diagnosis.thresholds[1] is -1; allowed: a num"),
        (["diagnosis", "epsilon"], -0.1, "diagnosis.epsilon is -0.1; allowed: a number of at lea"),
        (
            ["diagnosis", "epsilon"],
            float("nan"),
            "diagnosis.epsilon is nan; allowed: a finite",
        ),
        (["diagnosis", "epsilon"], 1.0, "diagnosis.fragile is 1.0; allowed: a number above"),
        (["seeds"], 0, "seeds is 0; allowed: a whole number of at least 1"),
        (
            ["experiments", 0, "seeds"],
            0,
            "experiments[0].seeds is 0; allowed: a whole number of at",
        ),
        (["experiments", 2, "seeds"], "5", "experiments[2].seeds is '5'; allowed: a whole number"),
        (["diagnosis", "held_out_sets"], 0, "diagnosis.held_out_sets is 0; allowed: a whole num"),
        (["diagnosis", "held_out_sequences"], 1, "diagnosis.held_out_sequences is 1; allowed: a "),
        (["seed"], 0, "seed is unknown (seeds?); allowed: study_seed, results, "),
        (["tasks", "copy", "updates"], 1.5, "tasks.copy.updates is 1.5; allowed: a whole number"),
        (
            ["tasks", "copy", "epochs"],
            3,
            "tasks.copy is a mapping of protocol, input_scale, updates, ",
        ),
        (
            ["tasks", "sine", "shifts", "longer"],
            {"step": 100},
            "tasks.sine.shifts.longer.step is unknown; allowed: steps, lowest_frequency, ",
        ),
        (
            ["tasks", "sine", "shifts", "none"],
            {"steps": 100},
            "tasks.sine.shifts.none is the task without a shift; allowed: another name",
        ),
        (["tasks", "sine", "shifts", "longer"], {}, "tasks.sine.shifts.longer is {}; allowed: "),
        (
            ["tasks", "copy", "protocol", "replays"],
            0,
            "tasks.copy.protocol.replays is 0; allowed: a whole number of at least 1",
        ),
        (
            ["tasks", "pong"],
            CONFIG["tasks"]["sine"],
            "tasks is 'pong'; allowed: ",
        ),
        (
            ["tasks", "sine", "input_scale"],
            0,
            "tasks.sine.input_scale is 0; allowed: a number above 0",
        ),
        (["training", "engine"], "quick", "training.engine is 'quick'; allowed: fast, reference"),
        (["training"], None, "training is None; allowed: "),
        (["tasks"], None, "tasks is None; allowed: tasks by name"),
        (["tasks", "copy 2"], {}, "tasks is 'copy 2'; allowed: lower-case letters, digits and _"),
        (["results"], "my results", "results is 'my results'; allowed: "),
    ],
)
def test_bad_values_are_named(path, value, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)) as error:
        checks.check(change(path, value))
    assert "\n" not in str(error.value)


def test_an_experiment_without_a_protocol_and_a_cell_given_twice_are_named():
    config = copy.deepcopy(CONFIG)
    del config["tasks"]["sine"]
    with pytest.raises(ValueError, match=r"experiments\[2\].task is 'sine'; allowed: copy, flip"):
        checks.check(config)
    config = copy.deepcopy(CONFIG)
    config["experiments"].append(config["experiments"][1])
    with pytest.raises(ValueError, match="experiments has flip_flop/orthogonal/64 twice"):
        checks.check(config)


def like(**settings):
    """Return the study with one more task, like another."""
    config = copy.deepcopy(CONFIG)
    config["tasks"]["other"] = settings
    configuration.complete(config)
    return config


def test_a_task_like_another_has_its_settings_where_it_gives_none():
    config = like(like="copy", protocol={"replays": 2}, gradient_clip=None)
    checks.check(config)
    copied, other = config["tasks"]["copy"], config["tasks"]["other"]
    assert other["protocol"] == {**copied["protocol"], "replays": 2}
    assert other == {**copied, "like": "copy", "protocol": other["protocol"], "gradient_clip": None}
    assert copied == CONFIG["tasks"]["copy"]
    assert study.module(config, "other") == study.module(config, "copy") == "copy"
    again = copy.deepcopy(config)
    configuration.complete(again)
    assert again == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"like": "pong"}, "tasks.other.like is 'pong'; allowed: copy, flip_flop, "),
        ({"like": "other"}, "tasks.other.like is 'other'; allowed: copy, flip_flop, "),
        ({"like": "copy", "protocol": {"replays": 0}}, "tasks.other.protocol.replays is 0; "),
        (
            {"like": "copy", "epochs": 3},
            "tasks.other is a mapping of protocol, input_scale, updates, ",
        ),
        ({"like": 3}, "tasks.other.like is 3; allowed: "),
        (
            {"like": "copy", "frozen_readout": 0},
            "tasks.other.frozen_readout is 0; allowed: a number above 0, or null",
        ),
        (
            {"like": "copy", "frozen_readout": True},
            "tasks.other.frozen_readout is True; allowed: a number above 0, or null",
        ),
        (
            {"like": "copy", "curriculum": [{"until": 1, "protocol": {"replays": 2}}]},
            "tasks.other.curriculum[0].until is 1; allowed: a number between 0 and 1",
        ),
        (
            {"like": "copy", "curriculum": [{"until": 0.1, "protocol": {"replay": 2}}]},
            "tasks.other.curriculum[0].protocol.replay is unknown; allowed: symbols, ",
        ),
        (
            {"like": "copy", "curriculum": [{"until": 0.1, "protocol": {}}]},
            "tasks.other.curriculum[0].protocol is {}; allowed: protocol keys that the stage ",
        ),
        (
            {"like": "copy", "curriculum": [{"until": 0.1, "batch": 2}]},
            "tasks.other.curriculum[0].batch is unknown; allowed: until, protocol",
        ),
        (
            {"like": "copy", "curriculum": [{"until": 0.1}]},
            "tasks.other.curriculum[0].protocol is missing; needed: until, protocol",
        ),
        (
            {"like": "flip_flop", "curriculum": [{"until": 0.1, "protocol": {"channels": 2}}]},
            "tasks.other.curriculum[0].protocol gives the network 2 inputs and 2 outputs; allowed: "
            "3 and 3, as the task's own protocol",
        ),
        (
            {
                "like": "copy",
                "curriculum": [
                    {"until": 0.2, "protocol": {"replays": 2}},
                    {"until": 0.1, "protocol": {"replays": 3}},
                ],
            },
            "tasks.other.curriculum[1].until is 0.1, which is update 4000; allowed: after 8000 and "
            "before 40000",
        ),
        (
            {
                "like": "copy",
                "updates": 3,
                "curriculum": [{"until": 0.1, "protocol": {"replays": 2}}],
            },
            "tasks.other.curriculum[0].until is 0.1, which is update 0; allowed: after 0 and befor",
        ),
        (
            {
                "like": "copy",
                "updates": 3,
                "curriculum": [{"until": 0.9, "protocol": {"replays": 2}}],
            },
            "tasks.other.curriculum[0].until is 0.9, which is update 3; allowed: after 0 and befor",
        ),
    ],
)
def test_a_task_that_is_wrongly_like_another_is_named(settings, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        checks.check(like(**settings))


def test_a_curriculum_is_part_of_the_training_and_of_nothing_else():
    stage = {"until": 0.29, "protocol": {"replays": 2}}
    config = like(like="copy", updates=100, curriculum=[stage])
    checks.check(config)
    with_it, without = study.training(config, "other"), study.training(config, "copy")
    (stage,) = with_it.pop("curriculum")
    assert stage == {"last": 29, "protocol": {**CONFIG["tasks"]["copy"]["protocol"], "replays": 2}}
    assert with_it == {**without, "schedule": {**without["schedule"], "updates": 100}}
    assert study.diagnosis(config, "other") == study.diagnosis(config, "copy")
    config = like(like="copy", curriculum=[])
    assert study.training(config, "other") == study.training(config, "copy")
    assert study.training(config, "copy") == study.training(CONFIG, "copy")
    assert "curriculum" not in study.training(CONFIG, "copy")  # the records of old networks hold


def test_a_frozen_readout_is_part_of_the_training_and_of_nothing_else():
    config = like(like="copy", frozen_readout=0.5)
    checks.check(config)
    schedule = study.training(config, "copy")["schedule"]
    assert study.training(config, "other") == {
        **study.training(config, "copy"), "schedule": {**schedule, "frozen_readout": 0.5}
    }  # fmt: skip
    assert study.diagnosis(config, "other") == study.diagnosis(config, "copy")
    config = like(like="copy", frozen_readout=None)
    checks.check(config)
    assert study.training(config, "other") == study.training(CONFIG, "copy")
    assert "frozen_readout" not in schedule  # the records of old networks hold


def test_what_replays_and_what_is_planted_is_known():
    others = [
        {"until": 0.1, "protocol": {"replays": 2}},
        {"until": 0.2, "protocol": {"symbols": 4}},
    ]
    config = like(like="copy", curriculum=others)
    config["experiments"].append({"task": "other", "architectures": ["nnrnn"], "widths": [9]})
    config["architectures"]["mine"] = {"cell": "tanh", "start": "nnrnn"}
    config["experiments"].append({"task": "sine", "architectures": ["mine"], "widths": [9]})
    assert study.periods(config) == {"copy": 8, "other": 8}
    assert study.replays(config) == {"copy": [4], "other": [2, 4]}
    assert study.bits(config) == {"copy": 64, "other": 64}
    assert study.planted(config) == [("other", "nnrnn", 9), ("sine", "mine", 9)]
    assert study.planted(CONFIG) == [] and study.replays(CONFIG) == {"copy": [4]}


@pytest.mark.parametrize("key", sorted(CONFIG))
def test_a_missing_key_is_named(key):
    config = {name: value for name, value in CONFIG.items() if name != key}
    with pytest.raises(ValueError, match=f"^{key} is missing; needed: "):
        checks.check(config)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"experiments": [], "networks": 0}'])
def test_a_published_configuration_of_another_version_is_named(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(
        ValueError, match=r"config\.json is not what a study of this version leaves"
    ):
        study.published(path)
    assert study.published(ROOT / "results/published/config.json")["results"] == "results/published"


def test_config_and_schema_do_not_drift_apart():
    checks.check(CONFIG)

    def compare(schema, config, path):
        if "properties" in schema and isinstance(config, dict):
            missing = schema["properties"].keys() - config.keys()
            optional = {"updates", "epochs", "updates_per_epoch", "like", "curriculum"}
            optional |= {"frozen_readout", "claim"}
            assert missing <= optional, (path, missing)
            for key, part in schema["properties"].items():
                if key in config:
                    compare(part, config[key], f"{path}.{key}")

    compare(SCHEMA, CONFIG, "config")
    for name, settings in CONFIG["tasks"].items():
        compare(SCHEMA["properties"]["tasks"]["additionalProperties"], settings, name)
    assert set(CONFIG["tasks"]) == set(tasks.TASKS)


def test_the_grid_is_the_papers():
    conditions = set(study.conditions(CONFIG))
    assert len(conditions) == 15
    copy_cells = {(a, w) for task, a, w in conditions if task == "copy"}
    assert copy_cells == {
        (a, w) for a in ("default", "orthogonal", "normal", "cayley") for w in (56, 64, 72)
    }
    assert {condition for condition in conditions if condition.task != "copy"} == {
        (task, "orthogonal", 64) for task in ("flip_flop", "sine", "context_integration")
    }
    assert CONFIG["diagnosis"]["alpha"] == 0.9
    assert CONFIG["diagnosis"]["thresholds"] == [0.85, 0.9, 0.95]
    for task in ("flip_flop", "sine", "context_integration"):
        settings = CONFIG["tasks"][task]
        assert (settings["epochs"], settings["batch"], settings["learning_rate"]) == (30, 64, 1e-3)


@pytest.mark.parametrize(
    ("seeds", "per_job", "spans"),
    [
        (5, 5, ["0-4"]),
        (5, 2, ["0-1", "2-3", "4-4"]),
        (1, 50, ["0-0"]),
        (3, 1, ["0-0", "1-1", "2-2"]),
    ],
)
def test_blocks_cover_every_seed_once(seeds, per_job, spans):
    config = {**CONFIG, "seeds": seeds, "seeds_per_job": per_job}
    blocks = study.blocks(config)
    assert [f"{b.first}-{b.last}" for b in blocks[: len(spans)]] == spans
    assert len(blocks) == 15 * len(spans)


def test_an_experiment_may_have_seeds_of_its_own():
    config = change(["experiments", 2, "seeds"], 12)
    checks.check(config)
    assert study.conditions(config) == study.conditions(CONFIG)
    blocks = {condition: [] for condition in study.conditions(config)}
    for *condition, first, last in study.blocks(config):
        blocks[tuple(condition)].append((first, last))
    assert blocks.pop(("sine", "orthogonal", 64)) == [(0, 4), (5, 9), (10, 11)]
    assert len(blocks) == 14 and set(map(tuple, blocks.values())) == {((0, 4),)}


@pytest.mark.parametrize("file", sorted((ROOT / "workflow" / "studies").glob("*.yaml")))
def test_the_other_studies_are_valid(file):
    config = copy.deepcopy(CONFIG)
    update_config(config, yaml.safe_load(file.read_text()))
    configuration.complete(config)
    checks.check(config)
    assert study.blocks(config)


def test_usual_settings_of_a_task_like_another_are_those_that_it_has(tmp_path, monkeypatch):
    """Else the report would call them other ones than usual."""
    config = copy.deepcopy(CONFIG)
    config["tasks"]["again"] = {"like": "sine", "batch": 3}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setattr(configuration, "ROOT", tmp_path)
    configuration.complete(config)
    usual = configuration.usual_tasks()
    assert changes(config["tasks"], usual) == [] and usual["again"]["updates_per_epoch"]
    config["tasks"]["again"]["batch"] = 4
    assert changes(config["tasks"], usual) == ["tasks.again.batch"]


def test_snakemake_stops_with_one_line(project):
    project.configure("diagnosis: {alpha: 7}")
    printed = project.run("snakemake", "--cores", "1", success=False)
    line = "Error in the configuration: diagnosis.alpha is 7; allowed: a number in (0, 1]"
    assert line in printed.splitlines()
    assert "Traceback" not in printed
    assert not project.results.exists()
    # Of a file that changes it, and of the file itself, what Snakemake would not notice.
    project.configure()
    (project.folder / "mine.yaml").write_text("experiments: {}")
    printed = project.run("snakemake", "--configfile", "mine.yaml", success=False)
    line = f"Error in the configuration: experiments is {{}} in {project.folder / 'mine.yaml'}, "
    assert [said for said in printed.splitlines() if said.startswith(line)]
    with (project.folder / "config.yaml").open("a") as file:
        file.write("seeds: 4\n")
    printed = project.run("snakemake", "--config", "results=results/other", success=False)
    line = "Error in the configuration: config.yaml: seeds is given twice, in lines "
    assert [said for said in printed.splitlines() if said.startswith(line)]
    assert "Traceback" not in printed
    assert not project.results.exists()


@pytest.mark.parametrize("results", ["off", "off/results", "file"])
def test_a_results_folder_that_cannot_be_one_is_named(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "off").symlink_to(tmp_path / "disk")
    (tmp_path / "file").touch()
    place = results.partition("/")[0]
    message = f"results is '{results}', where {place} leads to {(tmp_path / place).resolve()}; "
    with pytest.raises(ValueError, match=f"^{re.escape(message)}allowed: a folder, or a link to"):
        checks.check({**CONFIG, "results": results})
    (tmp_path / "disk").mkdir()
    checks.check({**CONFIG, "results": "off/results"})


def test_importing_the_study_is_quick_to_parse():
    code = "import study, sys; print('torch' in sys.modules or 'numba' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "workflow", capture_output=True, text=True
    ).stdout
    assert printed.strip() == "False"


def studied(name):
    """Return the configuration of one of the studies, completed."""
    config = copy.deepcopy(CONFIG)
    update_config(config, yaml.safe_load((ROOT / "workflow" / "studies" / name).read_text()))
    configuration.complete(config)
    return config


def named(config):
    """Return the conditions that the findings of a study name, and their file."""
    said = yaml.safe_load((ROOT / config["findings"]).read_text())
    names = [f["networks"] for f in said["findings"]]
    names = [
        n if isinstance(n, list) else list(getattr(n, "values", lambda n=n: [n])()) for n in names
    ]
    parts = [name.split("/") for several in names for name in several]
    return {study.Condition(task, start, int(width)) for task, start, width in parts}, said


@pytest.mark.parametrize("name", [p.name for p in sorted(ROOT.glob("workflow/studies/*.yaml"))])
def test_a_study_judges_findings_about_networks_of_the_same_protocol(name):
    """Whatever the file of findings names, is the same task in the study as in config.yaml."""
    config = studied(name)
    for condition in named(config)[0] & set(study.conditions(config)):
        if condition.task in CONFIG["tasks"]:
            protocols = [c["tasks"][condition.task]["protocol"] for c in (config, CONFIG)]
            assert protocols[0] == protocols[1], condition


def test_no_network_that_suggested_the_law_of_dimensions_tests_it():
    """Its rules name conditions of its study whose networks have another number of bits than 64."""
    config = studied("law.yaml")
    conditions, said = named(config)
    assert said["fresh"] == 0 and conditions <= set(study.conditions(config))
    assert 64 not in {study.bits(config)[condition.task] for condition in conditions}
    assert not conditions & set(study.conditions(studied("published.yaml")))
    # Were a rule true of all its networks, their number would be enough to say so.
    for finding in said["findings"]:
        parts = [name.split("/") for name in finding["networks"]]
        starts = len({(start, width) for _, start, width in parts}) * config["seeds"]
        assert said["most"] ** starts * len(said["findings"]) <= 0.05, finding["id"]


def test_findings_about_a_table_that_no_study_has_are_refused_before_any_job(tmp_path, monkeypatch):
    """Whether or not this study has it: one without the family leaves the finding empty."""
    config, file = copy.deepcopy(CONFIG), tmp_path / "report" / "mine.yaml"
    file.parent.mkdir()
    monkeypatch.setattr(study, "ROOT", tmp_path)
    config["findings"], text = "report/mine.yaml", (ROOT / "report" / "findings.yaml").read_text()
    file.write_text(text)
    del config["interventions"]["shift"]
    checks.check(config)
    file.write_text(text.replace("table: shift", "table: shfit"))
    with pytest.raises(
        ValueError, match=r"^report/mine.yaml: table is 'shfit'; allowed: networks, dim"
    ):
        checks.check(config)
    file.write_text(text.replace("copy/orthogonal/72", "copy/orthogonal"))
    with pytest.raises(ValueError, match="networks is 'copy/orthogonal'; allowed: task/arch"):
        checks.check(config)


def test_claims_about_a_table_that_no_study_has_are_refused_before_any_job(tmp_path, monkeypatch):
    text, file = (ROOT / claim.CLAIMS).read_text(), tmp_path / claim.CLAIMS
    file.parent.mkdir()
    monkeypatch.setattr(claim, "ROOT", tmp_path)
    file.write_text(text)
    checks.check(CONFIG)
    file.write_text(text.replace("table: graded", "table: grated"))
    with pytest.raises(ValueError, match=r"^report/claims.yaml: table is 'grated'; allowed: "):
        checks.check(CONFIG)
    file.write_text(text.replace("column: complex", "colum: complex"))
    with pytest.raises(ValueError, match=r"claims.yaml: variable 'complex_share' lacks or does"):
        checks.check(CONFIG)
