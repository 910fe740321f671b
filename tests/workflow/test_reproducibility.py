"""The page on reproducibility: a command for every claim, and what its text says."""

import re

import pandas as pd
import pytest
import yaml
from conftest import ROOT, TEXTS, jobs

import claim

PAGE = TEXTS["docs/reproducibility.md"]
SAID = yaml.safe_load((ROOT / "report" / "claims.yaml").read_text())["claims"]
NUMBERS = pd.read_csv(ROOT / "report" / "paper.csv")


def commands() -> str:
    """Return the table of commands, as the page has it."""
    rows = [(said["id"], said["claim"]) for said in SAID]
    rows += list(NUMBERS[["id", "claim"]].itertuples(index=False, name=None))
    lines = ["| claim or number | command | outcome: a row of |", "| --- | --- | --- |"]
    for name, words in rows:
        file = f"results/claims/{name.replace('+', '-')}/tables/ledger.csv"
        lines.append(f"| {words} | `make claim ID={name}` | `{file}` |")
    return "\n".join(lines)


def test_every_claim_and_number_has_its_command():
    assert f"\n\n{commands()}\n" in PAGE
    assert len(set(re.findall(r"`(results/claims/\S+)`", PAGE))) == len(SAID) + len(NUMBERS)


def test_what_the_page_says_of_the_search_is_in_its_tables():
    scores = pd.read_csv(ROOT / "results/published/search/tables/search_protocols.csv")
    reached = scores.set_index("protocol")["numbers_reached"]
    assert (reached["copy"], reached["copy_input_weights_70"]) == (2, 8)
    assert "moves copy from two of its eight numbers to all of them" in " ".join(PAGE.split())
    context = scores[scores["task"] == "context_integration"]
    assert (context["numbers_reached"] < context["numbers"]).all()


NEEDED = {  # what a claim needs: blocks of five networks, and whether controls
    "copy-RR+CC-equals-RR": (6, False, False),
    "CC-depends-on-the-task": (18, False, False),
    "sine-CR-sensitivity": (6, False, False),
    "flip_flop-thresholds": (6, False, False),
    "heavy-kept-light-fragile": (24, True, False),
    "readout-fixed-or-fitted": (6, True, True),
}


@pytest.fixture
def with_published(project):
    """Return a copy of the project beside the published results."""
    project.results.mkdir()
    (project.results / "published").symlink_to(ROOT / "results" / "published")
    return project


@pytest.mark.workflow
@pytest.mark.parametrize("name", NEEDED)
def test_a_claim_needs_its_own_networks_and_no_training(name, with_published):
    blocks, controls, finding = NEEDED[name]
    command = with_published.run(
        "make", "--dry-run", "--assume-old=.venv/.ready", f"ID={name}", "claim"
    )
    (line,) = [line for line in command.splitlines() if " -m alone " in line]
    assert f"results/claims/{name.replace('+', '-')}/tables/ledger.csv" in line
    planned = jobs(with_published.run("bash", "-c", f"{line} --dry-run"))
    assert planned["ablation"] == planned["schur"] == blocks and "train" not in planned
    assert planned.get("controls", 0) == blocks * controls
    assert planned.get("findings", 0) == finding and planned["ledger"] == 1


@pytest.mark.workflow
def test_a_claim_computed_again_is_the_published_one(with_published):
    """On another machine to the rounding of a rollout."""
    name = "flip_flop-RR-negligible"
    printed = with_published.run("make", "--assume-old=.venv/.ready", f"ID={name}", "claim")
    file = with_published.results / "claims" / name / "tables" / "ledger.csv"
    ours = pd.read_csv(file).set_index("id").loc[[name]]
    published = (
        pd.read_csv(ROOT / "results/published/tables/ledger.csv").set_index("id").loc[[name]]
    )
    pd.testing.assert_frame_equal(ours, published[list(ours)], rtol=0.01, atol=1e-5)
    outcome = "computed   reproduced; share 1 (0.8843 to 1); 30 networks"
    assert f"\n{outcome}\npublished  " in printed


def test_what_is_computed_again_is_told_beside_what_is_published(tmp_path):
    name, published = "copy-CC-stabilizer", ROOT / "results/published/tables/ledger.csv"
    outcome = "partly; share 0.6333 (0.4386 to 0.8007); 30 networks"
    assert claim.compared(name, published, published).splitlines()[1:] == [
        f"computed   {outcome}",
        "published  the same, to the last digit",
    ]
    ours = tmp_path / "ledger.csv"
    ours.write_text(published.read_text().replace(",partly,epsilon", ",not,epsilon"))
    assert claim.compared(name, ours, published).splitlines()[1:] == [
        f"computed   {outcome.replace('partly', 'not')}",
        f"published  {outcome}",
    ]


@pytest.mark.workflow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "claim is 'nothing'; allowed: copy-CC-removable, "),
        ("sine-CC-dominates", "claim is 'sine-CC-dominates', which is about sine/orthogonal/64; "),
    ],
)
def test_a_claim_that_cannot_be_judged_is_named(name, words, project):
    printed = project.run("snakemake", "--dry-run", "--config", f"claim={name}", success=False)
    assert f"Error in the configuration: {words}" in printed
