"""Every command of the README and of docs/ is run by a test, this one or another."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT, TEXTS


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the blocks of code in a language, each with the file that it stands in."""
    pattern = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(file, block) for file, text in TEXTS.items() for block in pattern.findall(text)]


def without_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


COMMANDS = list(
    dict.fromkeys(
        line.split("#")[0].strip() for _, block in blocks("sh") for line in block.splitlines()
    )
)
TOGETHER = "docs/your-network.md"  # its blocks need one another: tests/unit/test_your_network.py
EXAMPLES = [(file, block) for file, block in blocks("python") if file != TOGETHER]
ELSEWHERE = {
    "make study": "test_freshness.py, after an interruption",
    "make demo": "the fixture `finished` runs it in smaller sizes",
    "make test": "runs these tests",
    "make compare": "test_published.py",
    "make verify": "test_published.py",
    "make claim ID=copy-CC-removable": "test_reproducibility.py, another claim",
    "make docs": "test_site.py, where Sphinx is installed",
    "python workflow/configuration.py mine.yaml": "test_bad_configurations.py",
    "pip-audit --no-deps --disable-pip -r envs/requirements.txt": "asks PyPI: by hand",
    "make search": "test_search.py, on protocols that take seconds",
    "snakemake published_figures": "test_published.py",
    "rnnschur import network.yaml": "tests/unit/test_your_network.py",
    "rnnschur diagnose network.yaml": "tests/unit/test_your_network.py",
    "snakemake --configfile workflow/studies/demo.yaml mine.yaml": "test_plug_ins.py plans it",
    "snakemake --configfile workflow/studies/peers.yaml": "test_given_study.py, with more networks",
    "snakemake": "the run after a divergence in test_study.py completes with it",
}
ELSEWHERE |= dict.fromkeys(
    (line for line in COMMANDS if "uv pip compile" in line), "asks PyPI, before a release"
)
DRY = {
    "snakemake --configfile workflow/studies/planted.yaml": (
        "test_curriculum_and_planted.py runs smaller ones whole"
    ),
    "snakemake dial all --configfile workflow/studies/dial.yaml": "test_configuration.py checks it",
    "snakemake --configfile workflow/studies/demo.yaml": "as make demo",
    "snakemake --configfile workflow/studies/law.yaml": "test_configuration.py checks it",
    "snakemake --profile profiles/slurm": "tests/cluster runs it whole, on a Slurm",
    "snakemake --profile profiles/cluster-generic": "tests/cluster runs its tables, on a Slurm",
}


@pytest.mark.workflow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ELSEWHERE])
def test_commands_run(command, finished):
    if command.startswith("make"):
        printed = finished.make(command.split()[1])
    else:
        printed = finished.run(*command.split(), *(["--dry-run"] if command in DRY else []))
    assert "Error" not in printed


def test_the_commands_run_elsewhere_are_still_in_the_texts():
    assert set(COMMANDS) >= ELSEWHERE.keys() | DRY.keys()


def test_the_readme_is_a_screen_and_a_half():
    lines = TEXTS["README.md"].splitlines()
    assert len(lines) <= 110 and lines.index("```sh") < 28


def test_the_readme_has_one_example_in_python():
    (example,) = [example for file, example in EXAMPLES if file == "README.md"]
    assert sum(line != "" for line in example.splitlines()) <= 5


@pytest.mark.parametrize(("file", "example"), EXAMPLES, ids=[file for file, _ in EXAMPLES])
def test_the_examples_in_python_run(file, example):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=ROOT / "workflow",
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    if file == "README.md":
        assert "rollout_difference" in run.stdout
        assert "does not do what the targets say: " in run.stdout  # whole, and said below it


def test_paths_in_the_texts_exist():
    named = re.findall(r"`([\w./]+/[\w./]*|\w+\.(?:yaml|cff|py))`", "\n".join(TEXTS.values()))
    assert named
    modules = {path.name for path in (ROOT / "workflow" / "rnnschur").rglob("*.py")}
    for name in named:
        if not name.startswith("results/") and name not in {*modules, "network.yaml"}:
            assert (ROOT / name).exists() or (ROOT / "report" / name).exists(), name


def links(text: str) -> list[str]:
    """Return where the links and images of a text lead within the repository."""
    targets = re.findall(r"\]\(([^()\s]+)\)", without_blocks(text))
    return [target for target in targets if not target.startswith("https://")]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a text."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", TEXTS)
def test_links_lead_to_files_of_the_repository(file):
    for target in links(TEXTS[file]):
        path, _, anchor = target.partition("#")
        found = (ROOT / file).parent.joinpath(path).resolve() if path else ROOT / file
        assert found.is_relative_to(ROOT.resolve()) and found.exists(), target
        ignored = subprocess.run(["git", "check-ignore", "--quiet", found], cwd=ROOT)
        assert ignored.returncode != 0, f"{target} is not in the repository"
        if anchor:
            assert anchor in anchors(found.read_text()), target


def test_the_readme_and_the_index_lead_to_every_page():
    found = {f"docs/{target}" for target in links(TEXTS["docs/index.md"])}
    found |= set(links(TEXTS["README.md"]))
    assert found >= TEXTS.keys() - {"README.md", "docs/index.md"}
