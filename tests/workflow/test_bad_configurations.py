"""What no study can be is one line that names key, value and what is allowed, before any job."""

import copy
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

import checks
import claim
import configuration

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SCHEMA = yaml.safe_load(checks.SCHEMA.read_text())
#: Of no key: a scalar of another kind, a mapping, a list in a list, and numbers without an end.
WRONG = [{"no such key": 1}, [[[]]], math.nan, -math.inf, 10**12, -(10**12), "no\x00name", b"x"]


def resolved(schema):
    """Return a schema whose reference is followed."""
    return SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def places(schema, value, path=()):
    """Yield every place of a configuration that the schema knows: its path, schema and value."""
    schema = resolved(schema)
    yield path, schema, value
    if isinstance(value, dict):
        for name, part in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if isinstance(known, dict):
                yield from places(known, part, (*path, name))
    elif isinstance(value, list) and value:
        yield from places(schema["items"], value[0], (*path, 0))


def put(path, value):
    """Return the configuration with another value in one place."""
    config = copy.deepcopy(CONFIG)
    place = config
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return config


def fits(value, schema):
    """Tell whether a value is of a kind that the schema allows in a place, by its type alone."""
    kinds = schema.get("type", "string")
    names = {"object": dict, "array": list, "string": str, "null": type(None)}
    names |= {"integer": int, "number": (int, float)}
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return any(isinstance(value, names[kind]) for kind in kinds)


def broken():
    """Yield configurations that are wrong in one place, and that place."""
    for path, schema, value in places(SCHEMA, CONFIG):
        if isinstance(value, dict) and schema.get("additionalProperties") is False:
            yield (*path, "misspelt"), put((*path, "misspelt"), 1)
            for name in schema["required"]:
                config = put((*path, name), None)
                place = config
                for part in path:
                    place = place[part]
                del place[name]
                yield (*path, name), config
        for wrong in (*WRONG, True, None, 3, "text", [], {}) if path else ():
            if (not fits(wrong, schema) or wrong in WRONG) and path != ("study_seed",):
                if isinstance(wrong, dict) and fits(wrong, schema) and "properties" not in schema:
                    continue  # a mapping by names, which may be any
                yield path, put(path, wrong)


BROKEN = list(broken())


def refused(function, *arguments):
    """Return the line by which something is refused."""
    with pytest.raises(ValueError, match=r"; (allowed|needed): |is not YAML: see line") as error:
        function(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def accepted(config):
    """Do what the Snakefile does with a configuration before any rule."""
    configuration.complete(config)
    checks.check(config)
    claim.narrow(config)


def test_there_are_enough():
    assert len(BROKEN) > 500
    accepted(copy.deepcopy(CONFIG))


@pytest.mark.parametrize("part", range(10))
def test_every_place_of_the_schema_refuses_what_it_cannot_be(part):
    for path, config in BROKEN[part::10]:
        line = refused(accepted, config)
        keys = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        named = re.match(r"[\w.\[\]]+", line)[0]
        assert keys.startswith(named) or named.startswith(keys), (keys, line)


def test_every_option_of_tasks_and_families_refuses_what_it_cannot_be():
    kinds = [(("tasks", n, "protocol"), t["protocol"]) for n, t in CONFIG["tasks"].items()]
    kinds += [(("interventions", n), options) for n, options in CONFIG["interventions"].items()]
    tried = 0
    for path, options in kinds:
        for key in options:
            for wrong in [{"a": 1}, [[]], None, True, "text", math.nan, math.inf, 10**12, -1, ""]:
                tried += 1
                line = refused(accepted, put((*path, key), wrong))
                assert line.startswith(f"{'.'.join(path)}.{key}"), line
    assert tried > 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seeds: 1000000000000", "seeds is 1000000000000; allowed: at most 10000000"),
        ("seeds: 1000000", "seeds is 1000000, which makes 12000000 networks in 2400000 jobs"),
        ("{seeds: 9000, seeds_per_job: 1}", "seeds is 9000, which makes 108000 networks in 108"),
        (
            "experiments: [{task: sine, architectures: [default], widths: [8], seeds: 9000000}]",
            "experiments[0].seeds is 9000000, which makes 9000000 networks in 1800000 jobs",
        ),
        ("diagnosis: {thresholds: [%s]}" % ("0.5, " * 2000), "diagnosis.thresholds has 2000 ent"),
        ("interventions: {frontier: {levels: 100000000}}", "interventions.frontier.levels is 1000"),
        ("results: /etc/passwd", "results is '/etc/passwd', where /etc/passwd leads to"),
        ("results: .", "results is '.', which holds other things; allowed: a folder of its own"),
        ("results: ../..", "results is '../..', which holds other things"),
        ("results: /", "results is '/', which holds other things"),
        (f"results: {ROOT}/workflow/studies", "workflow/studies', which holds other things"),
        (f"results: {ROOT}/x/../report", "x/../report', which holds other things"),
        ("claim: [copy-CC-removable]", "claim is ['copy-CC-removable']; allowed: the id"),
        ("claim: nothing", "claim is 'nothing'; allowed: copy-CC-removable, "),
        ("{claim: copy-CC-removable, experiments: 3}", "experiments is 3; allowed: a list"),
        ("{claim: copy-CC-removable, findings: 3}", "findings is 3; allowed: a file in report/"),
        ("tasks: {other: {like: [copy]}}", "tasks.other.like is ['copy']; allowed: copy, flip"),
        ("tasks: {other: {like: {copy: 1}}}", "tasks.other.like is {'copy': 1}; allowed: copy"),
        ("tasks: {other: {like: copy, protocol: 4}}", "tasks.other.protocol is 4; allowed: the"),
        ("tasks: {copy: {protocol: 4}, other: {like: copy}}", "tasks.copy.protocol is 4; allowed"),
        ("tasks: {copy: 4, other: {like: copy}}", "tasks.other.like is 'copy'; allowed: flip_fl"),
        ("architectures: {1: {cell: tanh, start: normal}}", "architectures is 1; allowed: lower"),
        ("architectures: {../a: {cell: tanh, start: normal}}", "architectures is '../a'; allowed"),
        ("tasks: {'a; ls': {like: copy}}", "tasks is 'a; ls'; allowed: lower-case letters"),
        ("networks: [., /]", "networks is '.', which is not there; allowed: a results folder, "),
        ("networks: {a: //}", "networks is '//', which is not there; allowed: a results folder, "),
        ("networks: a**", "networks is 'a**', which is not there; allowed: a results folder, "),
        ('results: "results\\n"', r"results is 'results\n'; allowed: one line of text"),
        ("results: -y", "results is '-y'; allowed: a folder without spaces"),
        ("results: $(touch x)", "results is '$(touch x)'; allowed: a folder without spaces"),
        (f"results: {ROOT}/.git/hooks", ".git/hooks', which holds other things"),
        ("networks: '*;ls'", "networks is '*;ls'; allowed: null, a results folder"),
        ('networks: "a\\nb"', r"networks is 'a\nb'; allowed: one line of text"),
        ('tasks: {"a\\n": {like: copy}}', r"'a\n' is a key; allowed: one line of text"),
        ('{"x\\e[2J": 1}', r"'x\x1b[2J' is a key; allowed: one line of text"),
        ("tasks: {copy: {shifts: {../a: {inputs: 2}}}}", "tasks.copy.shifts is '../a'; allowed"),
        ("architectures: {a: {cell: os, start: normal}}", "architectures.a.cell is 'os'; allowed"),
        ("interventions: {os: {}}", "interventions is 'os'; allowed: "),
        ("claim: x; touch y", "claim is 'x; touch y'; allowed: copy-CC-removable, "),
        ("findings: report/../../etc.yaml", "findings is 'report/../../etc.yaml'; allowed"),
    ],
)
def test_what_was_found_only_by_a_job_or_never_is_found(text, words):
    config = copy.deepcopy(CONFIG)
    update_config(config, yaml.safe_load(text))
    assert words in refused(accepted, config)


def test_a_gpu_that_is_not_there_is_missed_before_any_job(monkeypatch):
    config = put(("training", "device"), "cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert refused(checks.device, config).startswith("training.device is 'cuda', which this")
    checks.device({**config, "networks": "results"})  # nothing is trained
    checks.device(put(("training", "device"), "auto"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    checks.device(config)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda place, mode: False)
    line = refused(checks.results, {"results": str(tmp_path / "a" / "b")})
    assert f"and {tmp_path} cannot be written to; allowed: a folder that can" in line


@pytest.mark.parametrize("family", ["orders", "symmetries"])
def test_a_study_without_what_its_figures_show_is_refused(family):
    config = copy.deepcopy(CONFIG)
    del config["interventions"][family]
    line = f"interventions.{family} is missing; needed: orders, symmetries"
    assert refused(accepted, config) == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seeds: 1\nseeds: 2", "seeds is given twice, in lines 1 and 2; allowed: once"),
        ("diagnosis: {alpha: 1, alpha: 0.9}", "alpha is given twice, in lines 1 and 1"),
        ("seeds: 010", "010 in line 1 is another number in YAML"),
        ("experiments: {}", "experiments is {} in mine.yaml, which changes nothing"),
        ("interventions: {}", "interventions is {} in mine.yaml, which changes nothing"),
        ("interventions: {frontier: {}}", "interventions.frontier is {} in mine.yaml, which"),
        ("seeds: {}", "seeds is {} in mine.yaml, which changes nothing"),
        ("", "mine.yaml holds a NoneType; allowed: keys and values"),
        ("[a, b]", "mine.yaml holds a list; allowed: keys and values"),
        ("a: [", "mine.yaml is not YAML"),
        ("a: &a [x, x]\nb: [" + "*a, " * 9000 + "]", "stands for more than"),
        ("a: &a [*a]", "a value contains itself"),
        ('{"seeds": 1, "seeds": 2}', "seeds is given twice"),
    ],
)
def test_what_a_merge_would_drop_is_named(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text)
    assert words in refused(configuration.read, str(ROOT / "config.yaml"), ["mine.yaml"], {})
    if " in mine.yaml" not in words:
        assert words in refused(configuration.read, "mine.yaml", [], {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_template_of_python_is_refused_before_snakemake_opens_it(tmp_path, monkeypatch):
    """By hand, too: `python workflow/configuration.py mine.yaml`; in a clone the Snakefile does."""
    monkeypatch.chdir(tmp_path)
    touch = "a: ?__import__('pathlib').Path('pwned').touch()"
    for key in ("__use_yte__", r'"__use\x5fyte__"'):
        Path("mine.yaml").write_text(f"{key}: true\n{touch}\n")
        command = [sys.executable, ROOT / "workflow" / "configuration.py", "mine.yaml"]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 1 and run.stderr.count("\n") == 1
        assert "mine.yaml has the key __use_yte__, by which Snakemake runs" in run.stderr
    assert not Path("pwned").exists()
    lines = (ROOT / "Snakefile").read_text().splitlines()
    assert lines.index("        configuration.read(") < lines.index("configfile: DEFAULT")
    load_configfile("mine.yaml")
    assert Path("pwned").exists()


def test_what_is_said_at_the_command_line_counts_too():
    own = str(ROOT / "config.yaml")
    assert "experiments is {} in --config" in refused(
        configuration.read, own, [], {"experiments": {}}
    )
    configuration.read(own, [], {"seeds": 3, "diagnosis": {"alpha": 0.5}})
    with pytest.raises(ValueError, match="is not there"):
        configuration.read("nowhere.yaml", [], {})


def test_studies_that_change_something_are_read(tmp_path):
    own = str(ROOT / "config.yaml")
    for file in ROOT.glob("workflow/studies/*.yaml"):
        configuration.read(own, [file], {})
    # Every key of a study, whatever there was: what it leaves empty is no change.
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump(put(("architectures",), {"a": {"cell": "tanh"}})))
    configuration.read(str(mine), [ROOT / "results" / "published" / "config.json"], {})
    configuration.read(None, [own], {})


@pytest.mark.parametrize("file", sorted((ROOT / "workflow" / "studies").glob("*.yaml")))
def test_changes_are_merged_as_snakemake_does(file):
    changes = yaml.safe_load(file.read_text())
    merged = copy.deepcopy(CONFIG)
    update_config(merged, copy.deepcopy(changes))
    before = copy.deepcopy(CONFIG)
    assert configuration.changed(CONFIG, changes, "x") == merged
    assert before == CONFIG
