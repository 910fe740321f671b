"""The published results belong to this code: nothing in them is typed, and they come back."""

import hashlib
import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, TEXTS, jobs
from safetensors.numpy import load_file
from snakemake.utils import update_config

import study
from rnnschur import architectures, findings, tasks
from rnnschur.criterion import Criterion
from rnnschur.held_out import measured
from rnnschur.paper import claims, curves, replication, search, sets
from rnnschur.report import pages
from rnnschur.statistics import Bootstrap
from rnnschur.streams import Identity
from rnnschur.tables import by_matrix
from rnnschur.training import Schedule, train
from rnnschur.versions import versions

PUBLISHED = ROOT / "results" / "published"
SEARCH = PUBLISHED / "search" / "tables"
PUBLISHED_STUDY = "workflow/studies/published.yaml"
CONFIG = json.loads((PUBLISHED / "config.json").read_text())


def table(name):
    return pd.read_csv(PUBLISHED / "tables" / f"{name}.csv")


def sentences(file):
    """Return a text without its line breaks."""
    return " ".join(TEXTS[file].split())


def test_the_published_records_fit_together():
    """Each tells of the records that it was made from; a clone takes the results as they are."""

    def inputs(record):
        return json.loads(record.read_text())["inputs"]

    def digest(records):
        each = [hashlib.sha256(record.read_bytes()).hexdigest() for record in records]
        return hashlib.sha256("".join(each).encode()).hexdigest()

    stems = [
        PUBLISHED / f"networks/{b.task}/{b.architecture}/n{b.width}/seeds{b.first}-{b.last}"
        for b in study.blocks(CONFIG)
    ]
    trained, factorised, ablated = (
        [Path(f"{stem}{kind}.json") for stem in stems] for kind in ("", ".schur", ".ablations")
    )
    for stem, network, form in zip(stems, trained, factorised, strict=True):
        assert inputs(network) == digest([]) and inputs(form) == digest([network])
        for kind in ("ablations", "thresholds", "controls"):
            assert inputs(Path(f"{stem}.{kind}.json")) == digest([network, form])
    histories, gathered = (PUBLISHED / "records" / f"{n}.json" for n in ("histories", "networks"))
    assert inputs(histories) == digest(trained)
    assert inputs(gathered) == digest([histories, *factorised, *ablated])


def test_a_clone_takes_the_published_networks_and_tables_for_those_of_this_code(project):
    """After an edit that changes no result, `snakemake --touch` brings the records up to date."""
    shutil.copy(ROOT / "config.yaml", project.folder)
    left_out = shutil.ignore_patterns("*.schur.safetensors", "histories.csv", "*.pdf")
    shutil.copytree(PUBLISHED, project.results / "published", ignore=left_out)
    printed = project.run("snakemake", "--dry-run", "--configfile", PUBLISHED_STUDY)
    planned = set(jobs(printed))
    rendered = {rule for rule in planned if rule.startswith("render_")}
    assert rendered and planned == {"histories", "schur", *rendered, "all"}


def test_the_published_study_is_the_main_one_with_more_seeds():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    five = config["seeds"]
    update_config(config, yaml.safe_load((ROOT / "workflow/studies/published.yaml").read_text()))
    study.complete(config)
    assert config == CONFIG
    assert CONFIG["seeds"] >= 10 and CONFIG["seeds"] > five
    for block in study.blocks(CONFIG):
        stem = PUBLISHED / "networks" / block.task / block.architecture / f"n{block.width}"
        tensors = load_file(stem / f"seeds{block.first}-{block.last}.safetensors")
        assert tensors["seed"].tolist() == list(range(block.first, block.last + 1))
        record = json.loads((stem / f"seeds{block.first}-{block.last}.json").read_text())
        assert record["training"] == study.training(CONFIG, block.task)


def learned(name):
    rows = table(name)
    return rows[rows["learned"]]


def with_sets(name):
    """Return a table of ablations in wide form, and that of its held-out sets."""
    each = measured(learned(f"{name}_sets"), learned(f"{name}s"))
    return claims.wide(learned(f"{name}s")), claims.wide(each)


needs_curves = pytest.mark.skipif(
    not (PUBLISHED / "tables" / "verdict_curves.csv").exists(), reason="no curves are published"
)


@needs_curves
def test_the_ledger_follows_from_the_published_tables():
    said = claims.load(ROOT / "report" / "claims.yaml")
    criterion = Criterion(**study.criterion(CONFIG))
    bootstrap = Bootstrap(**study.statistics(CONFIG))
    tables = {f"{name}s": with_sets(name) for name in ("ablation", "threshold")}
    pooled = [of_networks for of_networks, _ in tables.values()]
    comparison = table("paper_comparison")
    found = claims.judge(said, comparison, *pooled, table("networks"), criterion, bootstrap)
    found = sets.with_sets(found, said["claims"], comparison, tables, criterion, bootstrap)
    borders = curves.at_borders(learned("borders"))
    drawn = pd.concat(
        [
            curves.claim_curves(said, *pooled, borders, criterion, bootstrap),
            curves.number_curves(comparison, table("threshold_summary"), *pooled, bootstrap),
        ]
    )
    found = curves.with_flips(found, drawn)
    for name, made in (("ledger", found), ("verdict_curves", drawn)):
        made = pd.read_csv(StringIO(made.to_csv(index=False)))
        pd.testing.assert_frame_equal(made, table(name), rtol=1e-9)


@needs_curves
def test_a_verdict_curve_meets_the_ledger_at_what_it_uses():
    drawn, ledger = table("verdict_curves"), table("ledger").set_index("id")
    several = {c["id"] for c in claims.load(ROOT / "report/claims.yaml")["claims"] if "alphas" in c}
    for name, rows in drawn[drawn["used"]].groupby("id"):
        if name not in several:
            assert set(rows["verdict"]) == {ledger.loc[name, "verdict"]}, name
            np.testing.assert_allclose(rows["share"], ledger.loc[name, "share"])


@needs_curves
def test_what_is_said_of_held_out_sets_and_of_what_verdicts_hang_on():
    ledger, method = table("ledger").set_index("id"), sentences("docs/method.md")
    numbers = ledger[ledger["kind"] == "number"].drop(["copy-none", "copy-CC"])
    width = (numbers["sets_high"] - numbers["sets_low"]) / (numbers["high"] - numbers["low"])
    assert width.between(0.97, 1.03).all() and "wider by 3 % at most" in method
    flips = ledger["flips"].fillna("")
    epsilon = flips.index[flips.str.contains("epsilon")]
    assert epsilon.tolist() == ["copy-CC-stabilizer"]
    drawn = table("verdict_curves").set_index(["id", "bound"]).loc["copy-CC-stabilizer", "epsilon"]
    drawn = drawn.set_index("factor").loc[[0.5, 2], "share"] * 30
    counts = "in {:.0f} of 30 at half of ε and {:.0f} at twice".format(*drawn)
    assert counts in method
    others = flips[(ledger["kind"] == "claim") & (flips != "")].index.tolist()
    assert others == [
        *("copy-CC-stabilizer", "copy-RR+CC-equals-RR"),
        *("context-CC-dominates", "CC-depends-on-the-task"),
    ]
    context = table("verdict_curves").set_index(["id", "bound", "value"])["share"] * 30
    counts = [context["context-CC-dominates", "alpha", alpha] for alpha in (0.85, 0.9, 0.95)]
    assert "CC dominates in {:.0f}, {:.0f} and {:.0f} of 30".format(*counts) in method


def test_the_verdicts_in_the_texts_are_those_of_the_ledger():
    ledger = table("ledger")
    shown = pages.ledger_table(ledger).drop(columns=["rule", "with held-out sets", "unsettled"])
    rows = [f"| {' | '.join(map(str, row))} |" for row in shown.itertuples(index=False, name=None)]
    assert "\n".join(rows) in TEXTS["docs/results.md"]
    reproduced = sum(text.count("| reproduced |") for text in TEXTS.values())
    assert reproduced == (ledger["verdict"] == "reproduced").sum()
    counts = ledger.groupby("kind")["verdict"].value_counts()
    claimed, numbers = (
        [counts.get((kind, v), 0) for v in claims.VERDICTS] for kind in ("claim", "number")
    )
    headline = (
        "Of its {} claims {} reproduce, {} partly and {} not; of its {} numbers {}, {} and {}."
    ).format(sum(claimed), *claimed, sum(numbers), *numbers)
    assert headline in sentences("README.md")


needs_findings = pytest.mark.skipif(
    not (PUBLISHED / "tables" / "findings.csv").exists(), reason="no findings are published"
)


@needs_findings
def test_the_findings_follow_from_the_published_tables():
    said = replication.load(ROOT / CONFIG["findings"])
    found = replication.judge(
        said,
        {name: by_matrix(table(name)) for name in said.tables()},
        by_matrix(table("networks")),
        Criterion(**study.criterion(CONFIG)),
        Bootstrap(**study.statistics(CONFIG)),
    )
    found = pd.read_csv(StringIO(found.to_csv(index=False)))
    pd.testing.assert_frame_equal(found, table("findings"), rtol=1e-9)


@needs_findings
def test_what_the_readme_says_of_findings_is_in_their_table():
    found = table("findings")
    out = (found["verdict"] == "borne out").sum()
    readme = sentences("README.md")
    assert f"Of {len(found)} findings" in readme and f", {out} hold in twenty fresh ones" in readme
    verdicts = found.set_index("id")["verdict"]
    named = ["copy-R-is-the-bits", "copy-C-is-used-at-the-input", "copy-C-is-empty-in-the-answer"]
    named += ["copy-all-couplings-beat-random-changes", "copy-every-rotation-passes"]
    named += ["copy-information-is-kept", "sine-couplings-compute", "damage-is-in-the-active-part"]
    named += ["principal-axes-hold-the-redundancy-elsewhere"]
    assert (verdicts[named] == "borne out").all()


@needs_findings
def test_the_findings_in_the_texts_are_those_of_the_published_table():
    shown = pages.findings_markdown(table("findings"))
    assert f"\n\n{shown}\n\n" in TEXTS["docs/why.md"]


def test_the_counts_of_the_dominant_coupling_in_the_readme_are_those_of_the_tables():
    counts = findings.dominant_couplings(table("ablations"), table("orders"))
    row = counts.set_index("task").loc["context_integration"]
    readme = sentences("README.md")
    assert (
        "(CR in {}, RR in {}, CC in {})".format(
            *(row[f"damage: {coupling}"] for coupling in ("CR", "RR", "CC"))
        )
        in readme
    )
    shuffled = [row[f"damage, random orders: {coupling}"] for coupling in ("RR", "CR", "CC")]
    assert f"in random orders CC does the most damage in {shuffled[2]} of {sum(shuffled)}" in readme


def test_the_scores_of_the_search_follow_from_its_networks():
    found = search.score(
        pd.read_csv(SEARCH / "search_ablations.csv"),
        pd.read_csv(ROOT / "report" / "paper.csv"),
        claims.load(ROOT / "report" / "claims.yaml"),
        Criterion(**study.criterion(CONFIG)),
    )
    for ours, name in zip(found, ("numbers", "protocols"), strict=True):
        published = pd.read_csv(SEARCH / f"search_{name}.csv")
        ours = pd.read_csv(StringIO(ours.to_csv(index=False)))
        pd.testing.assert_frame_equal(ours, published, rtol=1e-9)


def test_the_main_protocols_are_those_that_the_search_chose():
    scores = pd.read_csv(SEARCH / "search_protocols.csv")
    assert (search.choose(scores) == scores["chosen"]).all()
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "workflow/studies/search.yaml").read_text()))
    study.complete(config)
    chosen = scores[scores["chosen"]].set_index("task")["protocol"]
    assert set(chosen.index) == {task for task, of in CONFIG["tasks"].items() if "like" not in of}
    for task, protocol in chosen.items():
        settings = {k: v for k, v in config["tasks"][protocol].items() if k != "like"}
        assert settings == CONFIG["tasks"][task], protocol


def test_what_the_protocol_page_says_of_the_search_is_in_its_tables():
    scores = pd.read_csv(SEARCH / "search_protocols.csv")
    numbers = pd.read_csv(SEARCH / "search_numbers.csv")
    page = sentences("docs/protocol.md")
    assert (
        f"with {len(scores) - scores['task'].nunique()} protocols beside one to start from" in page
    )
    copies = scores[scores["task"] == "copy"]
    assert f"all eight numbers are reached, under no other of the {len(copies)} protocols" in page
    all_eight = copies[copies["numbers_reached"] == copies["numbers"]]
    assert (copies["numbers"] == 8).all() and all_eight["chosen"].tolist() == [True]
    assert (copies["claims"] == 8).all() and copies["claims_reproduced"].min() == 6
    starts = scores[scores["protocol"].isin(["flip_flop", "sine"])]
    assert starts["chosen"].all() and (starts["numbers_reached"] == starts["numbers"]).all()
    by_share = numbers[numbers["id"] == "sine-CR-sensitivity-by-share"]["ours"]
    assert f"would be {by_share.min():.0f} to {by_share.max():.0f} here" in page
    # Of context integration alone the paper has one claim, that CC dominates.
    context = scores[scores["task"] == "context_integration"].set_index("protocol")
    assert (context["claims"] == 1).all() and (context["numbers_reached"] < 3).all()
    share = context["claims_share"]
    assert share.idxmax() == "context_integration_input_weights_200" and share.max() == 1
    assert share.nlargest(2).iloc[1] == 0.6 and share.min() == 0
    assert "in none to three of five" in page
    assert f"under the other {len(context) - 1} protocols" in page


def test_what_the_protocol_page_says_of_phases_is_in_the_published_spectra():
    phases = findings.phase_table(table("spectra"), table("networks"), study.periods(CONFIG))
    leading = phases[phases["sector"] == "R"]
    beyond = leading["phase_error"] > 1 / CONFIG["tasks"]["copy"]["protocol"]["replays"]
    network = ["task", "architecture", "width", "seed"]
    share = 100 * beyond.groupby([leading[key] for key in network]).mean()
    caught = share.loc["copy", "cayley"]
    assert f"{caught.min():.0f} to {caught.max():.0f} % of the eigenvalues end beyond" in sentences(
        "docs/protocol.md"
    )
    assert (share.drop(("copy", "cayley")) == 0).all()
    networks = table("networks").query("task == 'copy_curriculum' and architecture == 'cayley'")
    assert len(networks) == 30 and networks["learned"].all()


def test_what_the_readme_says_of_networks_is_in_the_tables():
    networks = table("networks")
    rows = table("ablations").merge(networks[["task", "architecture", "width", "seed"]])
    cayley = networks[networks["architecture"] == "cayley"].set_index("task")
    readme = sentences("README.md")
    plain, curriculum = cayley.loc["copy"], cayley.loc["copy_curriculum"]
    missed = (~plain["learned"]).sum()
    assert f"no network gets beyond {plain['value'].max():.2f}, and {missed} of 30 miss" in readme
    assert f"all 30 learn: {curriculum['value'].min():.2f} to 1." in readme
    assert curriculum["learned"].all() and curriculum["value"].max() == 1
    cc = rows.query("architecture == 'orthogonal' and removed == 'CC'").set_index("task")
    copy = cc.loc["copy"]
    copy = copy[copy["removed_mass"] >= CONFIG["diagnosis"]["minimum_mass"]]
    stabilizers = copy.query("width == 72 and rollout_difference <= 0.1")
    assert f"CC is a stabilizer in {len(stabilizers)} of 30" in readme
    free = copy[copy["delta"] >= -0.02].groupby("width").size()
    assert free.to_dict() == {56: 3, 64: 3, 72: 30}
    assert "At 64 three networks of 30 have a CC to remove, and at 56 three" in readme
    sine = networks[networks["task"] == "sine"]["value"]
    low, high, mean = sine.min(), sine.max(), sine.mean()
    assert f"from {low:.4f} to {high:.2f} with a mean of {mean:.4f}" in readme
    near = table("ledger").set_index("id").loc["context_integration-CC"]
    agree = round(near["share"] * near["networks"])
    assert f"but only {agree} of the {near['networks']} networks do" in readme


@pytest.fixture
def one_thread():
    """Train as the study's jobs do: several threads round the initial matrix otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("task", "width"),
    [("copy", 56), ("flip_flop", 64), ("sine", 64), ("context_integration", 64)],
)
def test_a_published_network_trains_again_to_the_same_bits(task, width, one_thread):
    stem = PUBLISHED / "networks" / task / "orthogonal" / f"n{width}" / "seeds0-4"
    record = json.loads(stem.with_suffix(".json").read_text())
    settings = study.training(CONFIG, task)
    same = record["versions"] == versions()
    schedule = settings["schedule"]
    if not same:  # rounding differs, and training amplifies it: look at the beginning only
        schedule = {**schedule, "updates": schedule["record_every"]}
    weights, history = train(
        Identity(task, "orthogonal", width, 0),
        tasks.make(task, **settings["protocol"]),
        architectures.of("orthogonal"),
        Schedule(**schedule),
        settings["study_seed"],
    )
    rows = pd.read_csv(stem.with_suffix(".history.csv")).query("seed == 0")
    np.testing.assert_allclose(history["loss"].iloc[0], rows["loss"].iloc[0], rtol=0.05)
    if same:
        stored = load_file(stem.with_suffix(".safetensors"))
        for name, weight in weights.items():
            assert weight.tobytes() == stored[name][0].tobytes(), name
