"""What runs again after what: results follow the code and the settings, and never the clock."""

import json
import os
import re
import shutil
import signal
import time

import pytest
import yaml
from conftest import ROOT, Project, copied, jobs

pytestmark = pytest.mark.workflow
BLOCKS = 5  # of the small study
# A table each, and one of the energy of the states.
FAMILIES = len(yaml.safe_load((ROOT / "config.yaml").read_text())["interventions"]) + 1

REPORT = {"html_report": 1, "all": 1}
ABLATION_PAGES = {"render_ablations": 1, **REPORT}
SUMMARIES = {"summaries": 1, "ledger": 1, **ABLATION_PAGES}
# Claims that findings decide.
FINDINGS = {"findings": 1, "render_findings": 1, "ledger": 1, **ABLATION_PAGES}
CONTROL_PAGES = ("coordinates", "couplings", "activity", "robustness", "frontier", "findings")
CONTROL_PAGES = {f"render_{page}": 1 for page in CONTROL_PAGES}
PAGES = {"render_networks": 1, **CONTROL_PAGES, **ABLATION_PAGES}
TABLES = {"networks": 1, "phases": 1, **SUMMARIES, **FINDINGS, "gather": 4 + FAMILIES, **PAGES}
CONTROLS = {"controls": BLOCKS, "gather": FAMILIES, **CONTROL_PAGES, **FINDINGS, **ABLATION_PAGES}
CONTROLS |= {"ledger": 1}  # thresholds that nobody tried, by the borders
# Families may choose by epsilon, and all but two have verdicts.
VERDICTS = {**CONTROLS, **SUMMARIES, "gather": 4 + FAMILIES}


def blocks(count, *rules):
    """Return a number of jobs of every rule, and what follows from them."""
    return {**dict.fromkeys(rules, count), **TABLES}


def diagnosis(count):
    return blocks(count, "schur", "ablation", "threshold", "controls")


def training(count):
    return {"train": count, "histories": 1, **diagnosis(count)}


def append(file, text="# edited\n"):
    def edit(folder):
        with (folder / file).open("a") as stream:
            stream.write(text)

    return edit


def replace(file, old, new):
    def edit(folder):
        content = (folder / file).read_bytes()
        assert old.encode() in content
        (folder / file).write_bytes(content.replace(old.encode(), new.encode()))

    return edit


def stamped(edit, file, when):
    """Return an edit after which the file has a time stamp of another day."""

    def stamp(folder):
        edit(folder)
        os.utime(folder / file, (when, when))

    return stamp


def touch(pattern):
    def edit(folder):
        for path in folder.glob(pattern):
            path.touch()

    return edit


def delete(file):
    return lambda folder: (folder / file).unlink()


SCRIPT = "workflow/scripts/schur.py"
PACKAGE = "workflow/rnnschur"
SINE = "results/networks/sine/default/n16/seeds0-2"
OLD, FUTURE = time.time() - 1e8, time.time() + 1e5

# What makes nothing run again, all of it at once.
HARMLESS = {
    "everything touched but results": touch("[!r.]*/**/*.*"),
    "touched results": touch("results/**/*.safetensors"),
    "touched claims": touch("report/claims.yaml"),
    "other ends of lines": replace(SCRIPT, "\n", "\r\n"),
    "a module that the study does not run": append(f"{PACKAGE}/description.py"),
    "a rule's comment": append("workflow/rules/schur.smk"),
    "what no job runs": append("Makefile"),
    "a comment in the configuration": append("config.yaml"),
    "a lost table of a block": delete(f"{SINE}.ablations.csv"),
}

# Every other edit, and how many jobs of which rules it makes run again. A comment counts as code.
EDITS = {
    # code
    "a script, stamped long ago": (stamped(append(SCRIPT), SCRIPT, OLD), diagnosis(BLOCKS)),
    "a script, stamped tomorrow": (stamped(append(SCRIPT), SCRIPT, FUTURE), diagnosis(BLOCKS)),
    "a module, stamped long ago": (
        stamped(append(f"{PACKAGE}/evaluation.py"), f"{PACKAGE}/evaluation.py", OLD),
        blocks(BLOCKS, "ablation", "threshold", "controls"),
    ),
    "a family": (
        append(f"{PACKAGE}/interventions/couplings.py"),
        blocks(BLOCKS, "ablation", "threshold", "controls"),
    ),
    "a family of controls": (
        append(f"{PACKAGE}/interventions/graded.py"),
        CONTROLS,
    ),
    "a task": (append(f"{PACKAGE}/tasks/sine.py"), training(1)),
    "an architecture": (append(f"{PACKAGE}/architectures/cayley.py"), training(1)),
    "what every script begins with": (append("workflow/job.py"), training(BLOCKS)),
    "a module that draws": (
        append(f"{PACKAGE}/report/figures/networks.py"),
        PAGES,
    ),
    "a notebook": (
        replace("workflow/notebooks/networks.ipynb", '"source": [', '"source": [\n    "#\\n",'),
        {"render_networks": 1, **REPORT},
    ),
    "a command": (
        replace("workflow/rules/report.smk", "--no-progress-bar", "--no-progress-bar --log-output"),
        PAGES,
    ),
    "a claim": (append("report/claims.yaml"), {"ledger": 1, **ABLATION_PAGES}),
    "a finding": (append("report/findings.yaml"), FINDINGS),
    "a number of the paper": (replace("report/paper.csv", "0.639", "0.638"), SUMMARIES),
    "a caption": (append("report/captions/profile.rst", "."), REPORT),
    "the page of the report": (append("report/article.html", "<!-- edited -->"), REPORT),
    # settings
    "epsilon": (replace("config.yaml", "epsilon: 0.1", "epsilon: 0.2"), VERDICTS),
    "alpha": (
        replace("config.yaml", " alpha: 0.9", " alpha: 0.8"),
        blocks(BLOCKS, "ablation", "controls"),
    ),
    "resamples": (
        replace("config.yaml", "resamples: 200", "resamples: 300"),
        {**SUMMARIES, **FINDINGS},
    ),
    "engine": (
        replace("config.yaml", "engine: fast", "engine: reference"),
        training(BLOCKS),
    ),
    "sets of sequences": (
        replace("config.yaml", "held_out_sets: 4", "held_out_sets: 5"),
        blocks(BLOCKS, "ablation", "threshold", "controls"),
    ),
    # results
    "a lost report": (delete("results/report.html"), REPORT),
    "a lost table": (delete("results/tables/ledger.csv"), {"ledger": 1, "all": 1}),
    "a lost record": (delete("results/records/ledger.json"), {"ledger": 1, **ABLATION_PAGES}),
    "half a record": (
        lambda folder: (folder / "results/records/ledger.json").write_text('{"code": "4'),
        {"ledger": 1, **ABLATION_PAGES},
    ),
    "other networks, stamped long ago": (
        stamped(replace(f"{SINE}.json", "python", "Python"), f"{SINE}.json", OLD),
        {"histories": 1, **diagnosis(1)},
    ),
}


def planned(project, *arguments):
    """Return how often each rule would run."""
    printed = project.run("snakemake", "--dry-run", *arguments)
    return {} if "Nothing to be done" in printed else jobs(printed)


@pytest.fixture(scope="module")
def original(finished, tmp_path_factory) -> Project:
    """Return a copy of the finished study, times included, to be edited."""
    return copied(finished.folder, tmp_path_factory.mktemp("freshness") / "project")


@pytest.fixture
def restored(original):
    """Return the copy; the files that a test edits are put back, as new files."""
    kept = {
        path: path.read_bytes()
        for path in original.folder.rglob("*")
        if path.is_file()
        and path.suffix not in {".safetensors", ".pyc", ".nbi", ".nbc"}
        and not {".venv", ".snakemake"} & set(path.parts)
    }
    yield original
    for path, content in kept.items():
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def test_nothing_runs_again_without_need(restored):
    for change in HARMLESS.values():
        change(restored.folder)
    assert planned(restored) == {}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_reruns_what_depends_on_it(restored, edit):
    change, expected = EDITS[edit]
    change(restored.folder)
    assert planned(restored) == expected


@pytest.mark.parametrize("how", ["with times", "without times", "without Snakemake's records"])
def test_a_copy_elsewhere_is_as_fresh_as_its_original(finished, tmp_path, how):
    function = shutil.copy2 if how == "with times" else shutil.copyfile
    project = copied(finished.folder, tmp_path / "copy", copy_function=function)
    if how == "without Snakemake's records":
        shutil.rmtree(project.folder / ".snakemake")
    assert planned(project) == {}
    append(SCRIPT)(project.folder)
    assert planned(project) == diagnosis(BLOCKS)


def test_a_user_can_vouch_for_an_edit(finished, tmp_path):
    project = copied(finished.folder, tmp_path / "copy")
    append(f"{PACKAGE}/evaluation.py")(project.folder)
    before = (project.results / "tables" / "ablations.csv").read_bytes()
    project.run("snakemake", "--touch")
    assert planned(project) == {}
    assert (project.results / "tables" / "ablations.csv").read_bytes() == before
    record = json.loads((project.folder / f"{SINE}.json").read_text())
    assert record["task"] == "sine"  # what else it tells is still there


def test_a_clone_of_published_results_trains_nothing(finished, tmp_path):
    """What git leaves out is missed only where something that needs it is outdated."""
    project = copied(finished.folder, tmp_path / "clone", copy_function=shutil.copyfile)
    shutil.rmtree(project.folder / ".snakemake")
    left_out = ["figures/*.pdf", "networks/**/*.csv", "networks/**/*.schur.safetensors"]
    left_out += ["notebooks/*", "benchmarks/**/*.tsv", "tables/histories.csv"]
    for path in {path for pattern in left_out for path in project.results.glob(pattern)}:
        if not path.name.endswith(".history.csv"):
            path.unlink()
    pages = ("render_networks", "render_ablations", *CONTROL_PAGES, "all")
    assert planned(project) == {"histories": 1, "schur": BLOCKS, **dict.fromkeys(pages, 1)}
    append("workflow/rnnschur/evaluation.py")(project.folder)
    assert planned(project)["ablation"] == BLOCKS


def test_cluster_profiles_judge_alike(finished):
    assert planned(finished, "--profile", "profiles/slurm") == {}


@pytest.fixture
def epsilon(restored):
    """Return the copy with another epsilon and few families; afterwards all is as it was."""
    before = restored.folder.with_name("before")
    shutil.copytree(restored.results, before)
    restored.configure("{diagnosis: {epsilon: 0.2}, interventions: {orders: {}, symmetries: {}}}")
    yield restored
    shutil.rmtree(restored.results)
    before.rename(restored.results)


def test_a_report_of_other_tables_does_not_stand(epsilon):
    report, config = epsilon.results / "report.html", epsilon.results / "config.json"
    assert "ε = 0.1 " in report.read_text()
    printed = epsilon.run("snakemake", "--until", "tables")
    assert not report.exists() and not config.exists() and "Report " not in printed
    # A single target that the report shows.
    assert planned(epsilon) == {**SUMMARIES, "render_coordinates": 1}
    epsilon.run("snakemake", "results/tables/ledger.csv")
    assert not report.exists()
    assert planned(epsilon) == {**ABLATION_PAGES, "render_coordinates": 1}
    assert re.search("^Report  +results/report.html$", epsilon.run("snakemake"), re.MULTILINE)
    assert "ε = 0.2 " in report.read_text()
    assert json.loads(config.read_text())["diagnosis"]["epsilon"] == 0.2
    assert planned(epsilon) == {}


def test_a_report_of_these_tables_stands(restored):
    """What comes before the tables may be done anew: the report is still one of the tables."""
    report = restored.results / "report.html"
    before = report.read_text()
    replace("config.yaml", " alpha: 0.9", " alpha: 0.8")(restored.folder)
    restored.run("snakemake", f"{SINE}.ablations.csv")
    assert report.read_text() == before
    assert planned(restored)["ablation"] == BLOCKS - 1
    restored.configure()
    restored.run("snakemake", f"{SINE}.ablations.csv")
    assert planned(restored) == {}  # the same record again: nothing that follows is outdated


def test_an_interrupted_report_comes_back(restored):
    report = restored.results / "report.html"
    log = restored.results / "logs" / "html_report.log"
    report.unlink()
    log.unlink()
    # As at a terminal: what runs in the background ignores Ctrl-C.
    terminal = {
        "start_new_session": True,
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    process = restored.start("make", "--assume-old=.venv/.ready", "study", **terminal)
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode != 0 and not report.exists()
    printed = restored.make("study")
    assert "Nothing to be done" not in printed and report.exists()
    assert "This study has" in printed
    assert not [path.name for path in restored.results.iterdir() if path.name.startswith(".")]


def test_a_report_that_fails_says_why(restored):
    (restored.folder / "report" / "article.html").write_text("{{ nothing.at.all }}")
    printed = restored.run("snakemake", success=False)
    assert "The report was not made: 'nothing' is undefined." in printed
    assert "The tables and figures are complete." in printed
    assert "results/logs/html_report.log" in printed
    assert not (restored.results / "report.html").exists()
    assert not [path.name for path in restored.results.iterdir() if path.name.startswith(".")]
