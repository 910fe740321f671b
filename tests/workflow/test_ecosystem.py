"""In the hands of others: another folder, another workflow, the catalog, a citation."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import PARTS, ROOT, jobs
from jsonschema import Draft202012Validator

MODULE = """
configfile: "config.yaml"

rule before:
    output: record="before.txt"  # a name that rules of ours have, too
    shell: "echo > {{output}}"

module rnn:
    snakefile: "{snakefile}"
    config: config{key}

use rule * from rnn{names}

rule theirs:
    default_target: True
    input: rules.{rule}.output, rules.before.output
    output: "theirs.txt"
    shell: "echo > {{output}}"
"""
GRID = "{results: out, seeds: 1, seeds_per_job: 1, experiments: [{task: sine, architectures: "
GRID += "[orthogonal], widths: [8]}]}"


@pytest.fixture(scope="module")
def workflow(tmp_path_factory) -> Path:
    """Return a copy of the project, so that no path of the environment leads to its files."""
    folder = tmp_path_factory.mktemp("a workflow") / "rnn"
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    return folder


def planned(folder: Path, *command: str, success: bool = True) -> str:
    """Return what a dry run prints, started in a folder without the project's own modules."""
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", *command],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert (run.returncode == 0) == success, (run.stdout + run.stderr)[-4000:]
    return run.stdout + run.stderr


def calling(folder: Path, workflow: Path, config: str, **parts: str) -> Path:
    """Write another workflow, of which ours is a module, and return its folder."""
    parts = {"key": "", "names": "", "rule": "ledger", **parts}
    text = MODULE.format(snakefile=workflow / "Snakefile", **parts)
    (folder / "Snakefile").write_text(text)
    (folder / "config.yaml").write_text(config)
    return folder


@pytest.mark.workflow
def test_it_is_a_module_of_another_workflow(tmp_path, workflow):
    """With the keys that it changes only; where the files of the package lie is not its matter."""
    printed = planned(calling(tmp_path, workflow, GRID))
    assert jobs(printed)["train"] == 1 and jobs(printed)["theirs"] == 1
    inputs = re.search(r"^rule ledger:\n +input: (.*)$", printed, re.MULTILINE)[1]
    claims = next(path for path in inputs.split(", ") if path.endswith("claims.yaml"))
    assert (tmp_path / claims).resolve() == (workflow / "report" / "claims.yaml").resolve()
    assert not (tmp_path / "report").exists()


@pytest.mark.workflow
def test_its_rules_may_have_other_names_and_its_configuration_a_part_of_another(tmp_path, workflow):
    config = f"samples: [a, b]\nrnn: {GRID}\n"
    names = {"key": '["rnn"]', "names": " as rnn_*", "rule": "rnn_html_report"}
    printed = planned(calling(tmp_path, workflow, config, **names))
    counts = jobs(printed)
    assert {name for name in counts if not name.startswith("rnn_")} == {"before", "theirs"}
    assert counts["rnn_train"] == 1 and counts["rnn_html_report"] == 1


@pytest.mark.workflow
def test_a_module_is_told_what_its_configuration_may_not_say(tmp_path, workflow):
    printed = planned(calling(tmp_path, workflow, "{seed: 3}"), success=False)
    assert "Error in the configuration: seed is unknown (seeds?); allowed: study_seed, " in printed


@pytest.mark.workflow
@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_it_runs_from_another_folder(tmp_path, workflow, snakefile):
    """With the configuration beside the workflow, as far as the folder has none."""
    command = ["--snakefile", str(workflow / snakefile), "--directory", str(tmp_path)]
    study = "{results: out, seeds: 1, seeds_per_job: 1}"
    (tmp_path / "mine.yaml").write_text(study)
    printed = planned(tmp_path, *command, "--configfile", "mine.yaml")
    assert jobs(printed)["train"] == 15 and "html_report" in jobs(printed)


def test_a_snakefile_alone_says_what_it_lacks(tmp_path, workflow):
    shutil.copy(workflow / "Snakefile", tmp_path)
    printed = planned(tmp_path, success=False)
    assert f"{tmp_path / 'Snakefile'} is without the files that stand beside it" in printed


def test_the_catalog_finds_what_it_asks_for():
    """What https://snakemake.github.io/snakemake-workflow-catalog asks of a standardized usage."""
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
    assert (ROOT / "workflow" / "Snakefile").is_file()
    assert list((ROOT / "workflow" / "rules").glob("*.smk"))
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert usage["software-stack-deployment"]["conda"] is True
    for rules in (ROOT / "workflow" / "rules").glob("*.smk"):
        for environment in re.findall(r"^\s+\"(.*envs/.*)\"$", rules.read_text(), re.MULTILINE):
            assert (rules.parent / environment).is_file()


def test_the_configuration_page_has_every_key():
    page = (ROOT / "config" / "README.md").read_text()
    keys = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)))
    assert keys == list(yaml.safe_load((ROOT / "config.yaml").read_text()))
    for target in re.findall(r"\]\((\S+?)(?:#\S+)?\)", page):
        assert (ROOT / "config" / target).exists(), target


def test_github_runs_what_one_runs_at_home():
    file = ROOT / ".github" / "workflows" / "tests.yml"
    content = yaml.safe_load(file.read_text())
    commands = [
        step["run"] for job in content["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert commands == ["make environment", "make test"]
    assert "secrets" not in file.read_text() and content["permissions"] == {"contents": "read"}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {command.split()[1] for command in commands} <= set(targets)


PERSON = {
    "type": "object",
    "anyOf": [{"required": ["name"]}, {"required": ["family-names", "given-names"]}],
    "properties": {
        name: {"type": "string", "minLength": 1}
        for name in (
            "name",
            "family-names",
            "given-names",
            "orcid",
            "affiliation",
            "email",
            "alias",
        )
    },
    "additionalProperties": False,
}
REFERENCE = {
    "type": "object",
    "required": ["type", "title", "authors"],
    "properties": {
        "type": {"enum": ["article", "software", "conference-paper", "generic"]},
        "title": {"type": "string", "minLength": 1},
        "authors": {"type": "array", "minItems": 1, "items": PERSON, "uniqueItems": True},
        "year": {"type": "integer"},
        "volume": {"type": "integer"},
        "start": {"type": "integer"},
        "journal": {"type": "string"},
        "notes": {"type": "string"},
        "doi": {"type": "string", "pattern": r"^10\.\d{4,9}(\.\d+)?/\S+$"},
        "url": {"type": "string", "pattern": "^https?://"},
        "identifiers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "value"],
                "properties": {
                    "type": {"enum": ["doi", "url", "swh", "other"]},
                    "value": {"type": "string", "minLength": 1},
                    "description": {"type": "string"},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
#: The part of the Citation File Format 1.2.0 that the file uses.
CITATION = {
    "type": "object",
    "required": ["cff-version", "message", "title", "authors"],
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "message": {"type": "string", "minLength": 1},
        "title": {"type": "string", "minLength": 1},
        "type": {"enum": ["software", "dataset"]},
        "version": {"type": ["string", "number"]},
        "license": {"const": "MIT"},
        "authors": {"type": "array", "minItems": 1, "items": PERSON, "uniqueItems": True},
        "references": {"type": "array", "items": REFERENCE, "uniqueItems": True},
        "abstract": {"type": "string"},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "date-released": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
        "repository-code": {"type": "string", "pattern": "^https?://"},
        "url": {"type": "string", "pattern": "^https?://"},
    },
    "additionalProperties": False,
}


def test_the_citation_keeps_to_its_format():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    errors = Draft202012Validator(CITATION).iter_errors(citation)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
