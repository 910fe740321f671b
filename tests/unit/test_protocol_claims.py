"""Every claim of the paper under every protocol of a search."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from test_claims import (
    BOOTSTRAP,
    CRITERION,
    FVU_TASKS,
    PAPER,
    ROOT,
    ledger_of,
    rows,
    the_papers_network,
)

from rnnschur.paper import claims, protocols

LEDGER = claims.load(ROOT / "report" / "claims.yaml")
TASKS = ("copy", *FVU_TASKS)
SHORT = ("copy", "flip_flop", "sine", "context")  # as claims about several tasks name them


def searched(table, protocol=None, learned=True):
    """Return rows as a search has them: the start of each task, or one protocol of them all."""
    named = table["task"] if protocol is None else table["task"] + f"_{protocol}"
    return table.assign(protocol=named, learned=learned)


def the_papers_protocols():
    """Return three networks with the paper's numbers, of the conditions that the search has."""
    table = pd.concat([the_papers_network(seed) for seed in range(3)])
    width = np.where(table["task"] == "copy", 72, 64)
    return table[(table["architecture"] == "orthogonal") & (table["width"] == width)]


def test_the_papers_own_networks_reproduce_it_under_every_protocol():
    thresholds = pd.concat([searched(the_papers_protocols(), p) for p in (None, "b")])
    ablations = thresholds[thresholds["alpha"] == 0.9]
    paper = (ablations, thresholds, PAPER, LEDGER, CRITERION, BOOTSTRAP)
    found = protocols.by_claim(*paper)
    assert list(found) == protocols.COLUMNS
    assert (found["share"] == 1).all() and (found["verdict"] == "reproduced").all()
    assert (found["networks"] == 3).all() and found["plausible"].all()
    assert found["share_low"].to_numpy() == pytest.approx(binomtest(3, 3).proportion_ci().low)
    # Claims of other conditions and of several tasks are left out, numbers are not.
    told = claims.of_ablations(LEDGER)
    about = {c["id"] for c in told if isinstance(c["networks"], str)}
    for protocol, part in found.groupby("protocol"):
        task = next(task for task in TASKS if protocol.startswith(task))
        assert set(part["task"]) == {task}
    assert set(found["id"]) == about | set(PAPER["id"])
    assert not found.duplicated(["protocol", "id"]).any()
    several = protocols.combined(ablations, LEDGER, CRITERION)
    tasks = [c for c in told if isinstance(c["networks"], dict) and set(c["networks"]) <= {*SHORT}]
    ids = {c["id"]: len(c["networks"]) for c in tasks}
    assert several.groupby("id").size().to_dict() == {name: 2**n for name, n in ids.items()}
    assert (several["verdict"] == "reproduced").all() and (several["networks"] == 3).all()


CLAIM = ledger_of("quantity > 0.2", "sine/orthogonal/64", quantity="damage_CC")


def sines(protocol, *damages, learned=True):
    """Return networks of a protocol of sine, one a damage of CC."""
    parts = [
        rows("sine/orthogonal/64", seed, {"none": 0.0, "CC": damage})
        for seed, damage in enumerate(damages)
    ]
    return searched(pd.concat(parts), protocol).assign(learned=learned)


def test_shares_and_verdicts_count_the_networks_that_learned_and_the_plausible_protocols():
    table = pd.concat(
        [
            *(sines(None, 1.0, 1.0), sines("b", 1.0, 0.0), sines("c", 0.0, 0.0)),
            # One of its networks did not learn: it stands in the table, but is not plausible.
            sines("d", 1.0, 1.0).assign(learned=lambda t: t["seed"] == 0),
        ]
    )
    found = protocols.by_claim(table, table, PAPER.iloc[:0], CLAIM, CRITERION, BOOTSTRAP)
    known = found.set_index("protocol")
    assert known["share"].to_dict() == {"sine": 1, "sine_b": 0.5, "sine_c": 0, "sine_d": 1}
    assert known["verdict"].tolist() == ["reproduced", "partly", "not", "reproduced"]
    assert known["plausible"].tolist() == [True, True, True, False]
    assert known.loc["sine_d", ["networks", "left_out"]].tolist() == [1, 1]
    stages = {"first": {"sine": "sine_b"}, "start": {"sine": "sine"}, "chosen": {"sine": "gone"}}
    (row,) = protocols.summary(found, stages).to_dict("records")
    assert (row["protocols"], row["reproduced"], row["partly"], row["not"]) == (3, 1, 1, 1)
    assert (row["networks"], row["agree"]) == (6, 3)
    assert (row["reproduced_share"], row["networks_share"]) == (1 / 3, 0.5)
    assert (row["first"], row["start"], row["chosen"]) == ("partly", "reproduced", "")


def test_a_protocol_of_which_no_network_learned_has_no_rows():
    table = pd.concat([sines(None, 1.0), sines("b", 1.0, learned=False)])
    found = protocols.by_claim(table, table, PAPER, CLAIM, CRITERION, BOOTSTRAP)
    assert set(found["protocol"]) == {"sine"}
    nothing = sines(None, 1.0, learned=False)
    found = protocols.by_claim(nothing, nothing, PAPER, CLAIM, CRITERION, BOOTSTRAP)
    assert found.empty and list(found) == protocols.COLUMNS
    assert list(protocols.summary(found, {})) == protocols.SUMMARY


def test_combinations_are_those_of_a_loop_over_protocols_and_seeds():
    rng = np.random.default_rng(0)
    conditions = {"copy": "copy/orthogonal/72", "context": "context_integration/orthogonal/64"}
    names = {"copy": ["copy", "copy_b", "copy_c"]}
    names["context"] = ["context_integration", "context_integration_b"]
    damage = {
        (part, name, seed): rng.uniform()
        for part in conditions
        for name in names[part]
        for seed in range(4)
    }
    parts = [
        rows(conditions[part], seed, {"none": 0.5, "CR": 0.5 + (cost if part != "copy" else -cost)})
        .assign(protocol=name, learned=(name, seed) != ("copy_c", 3))
        for (part, name, seed), cost in damage.items()
    ]  # fmt: skip
    ledger = ledger_of("copy_damage_CR > context_damage_CR", conditions)
    found = protocols.combined(pd.concat(parts), ledger, CRITERION).set_index("protocol")
    assert len(found) == 6
    for one, other in product(*names.values()):
        seeds = range(3) if one == "copy_c" else range(4)
        agree = [damage["copy", one, s] > damage["context", other, s] for s in seeds]
        row = found.loc[f"{one}, {other}"]
        assert (row["networks"], row["share"]) == (len(seeds), np.mean(agree))
        assert row["plausible"] == (one != "copy_c")
        assert row["verdict"] == claims.verdict(
            ledger["claims"][0], np.mean(agree), ledger["bounds"]
        )
        assert row["task"] == "copy, context_integration"
    assert 0 < found["share"].mean() < 1


def test_a_claim_about_a_task_that_the_search_does_not_have_is_left_out():
    found = protocols.combined(sines(None, 1.0), LEDGER, CRITERION)
    assert found.empty and list(found) == protocols.COLUMNS


def test_the_stages_are_the_first_version_the_start_and_the_choice():
    scores = pd.DataFrame(
        {
            "task": ["copy", "copy", "sine"],
            "protocol": ["copy", "copy_b", "sine"],
            "chosen": [False, True, True],
        }
    )
    assert protocols.stages(scores, {"copy": "copy_c"}) == {
        "first": {"copy": "copy_c", "sine": "sine"},
        "start": {"copy": "copy", "sine": "sine"},
        "chosen": {"copy": "copy_b", "sine": "sine"},
    }
    table = pd.DataFrame({"kind": ["claim", "claim", "number"], "start": ["not", "partly", "not"]})
    assert protocols.counts(table, "start", "claim") == [0, 1, 1]


@pytest.mark.parametrize(
    ("share", "verdict"), [(1, "reproduced"), (0.9, "reproduced"), (0.89, "partly"), (0.4, "not")]
)
def test_the_first_bound_that_is_reached_decides(share, verdict):
    least = {"reproduced": 0.9, "partly": 0.5}
    assert claims.verdict({"rests_on": "a/b"}, share, least) == verdict
    assert claims.verdict({"rests_on": "theorem"}, share, least) == (
        "holds" if share == 1 else "fails"
    )
