"""Verdicts that count once: what statements rest on, groups of them, and their number."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnschur import METRICS, Criterion
from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.metrics import relative_misfit
from rnnschur.paper import claims, numbers, verdicts

ROOT = Path(__file__).parents[2]
CLAIMS = claims.load(ROOT / "report" / "claims.yaml")["claims"]
PAPER = numbers.load(ROOT / "report" / "paper.csv")
CRITERION = Criterion(epsilon=0.1, minimum_mass=0.01, fragile=1.0)


def ledger(*rows):
    """Return a ledger of rows of kind, rests_on, group, share and verdict."""
    table = pd.DataFrame(rows, columns=["kind", "rests_on", "group", "share", "verdict"])
    table["id"] = [f"s{place}" for place in range(len(table))]
    table["claim"] = [f"S{place}." for place in range(len(table))]
    counted = {"networks": 10, "left_out": 0, "share_low": 0.0, "share_high": 1.0}
    return table.assign(**counted)


M, C, T = verdicts.MEASUREMENT, verdicts.CONSEQUENCE, verdicts.THEOREM
EXAMPLE = ledger(
    ("claim", M, "a/CC", 1.0, "reproduced"),
    ("claim", M, "a/CR", 1.0, "reproduced"),
    ("claim", M, "a/CC", 0.6, "partly"),
    ("claim", M, "a/CC", 0.5, "partly"),
    ("claim", C, "s0, s1", 0.1, "not"),
    ("claim", T, "theorem", 1.0, "holds"),
    ("claim", M, "b/CC", np.nan, ""),
    ("number", M, "a/CC", 0.2, "not"),
    ("number", M, "a/CR", 0.3, "reproduced"),
    ("number", M, "a/CR", 0.1, "reproduced"),
)


def test_a_group_has_the_verdict_of_its_weakest_statement():
    found = verdicts.groups(EXAMPLE).set_index(["kind", "group"])
    assert found["verdict"].to_dict() == {
        ("claim", "a/CC"): "partly",
        ("claim", "a/CR"): "reproduced",
        ("number", "a/CC"): "not",
        ("number", "a/CR"): "reproduced",
    }
    assert found["statements"].tolist() == [1, 3, 1, 2]
    # The weakest of them: of several, the one that fewest networks agree with.
    assert found["claim"].tolist() == ["S1.", "S3.", "S7.", "S9."]
    # In any order of the rows.
    shuffled = verdicts.groups(EXAMPLE.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(
        shuffled.set_index(["kind", "group"]).sort_index(), found.sort_index()
    )


def test_only_groups_count():
    found = verdicts.counts(EXAMPLE)
    assert found.loc["claim"].to_dict() == {
        "statements": 6, "theorem": 1, "consequence": 1, "independent": 2,
        "reproduced": 1, "partly": 1, "not": 0,
    }  # fmt: skip
    assert found.loc["number"].to_list() == [3, 0, 0, 2, 1, 0, 1]
    assert (verdicts.counts(EXAMPLE[:0]) == 0).all(axis=None)
    assert verdicts.groups(EXAMPLE[:0]).empty


@pytest.mark.parametrize(
    "on", ["copy/CC", "all tasks/CC", "theorem", ["c"], ["c", "other"]], ids=str
)
def test_what_a_statement_can_rest_on(on):
    said = [{"id": "c", "rests_on": "copy/CC"}, {"id": "other", "rests_on": "copy/CR"}]
    verdicts.check("f", "claim", [*said, {"id": "this", "rests_on": on}])


@pytest.mark.parametrize(
    "on",
    [
        *("copy", "/CC", "copy/", "a/b/c", "theorm", "", 3, None, np.nan, {"c": 1}),
        *([], ["d"], ["this"], ["t"], ["c", "follows"], [3], [["c"]]),
    ],
    ids=str,
)
def test_what_a_statement_cannot_rest_on_is_named(on):
    said = [
        {"id": "c", "rests_on": "copy/CC"},
        {"id": "t", "rests_on": "theorem"},
        {"id": "follows", "rests_on": ["c"]},
        {"id": "this", "rests_on": on},
    ]
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the message is compared as a whole
        verdicts.check("f.yaml", "claim", said)
    assert str(refused.value) == (
        f"f.yaml: claim 'this' rests on {on!r}; allowed: a measurement such as copy/CC, a list of "
        "ids of claims that are measured, or theorem"
    )


def test_every_claim_of_the_paper_rests_on_something():
    by_id = {claim["id"]: verdicts.grounds(claim["rests_on"]) for claim in CLAIMS}
    assert {n for n, on in by_id.items() if on["rests_on"] == T} == {
        "cayley-no-mass", "cayley-no-damage"
    }  # fmt: skip
    assert {n for n, on in by_id.items() if on["rests_on"] == C} == {
        "copy-thresholds", "no-coupling-safe-everywhere"
    }  # fmt: skip


def random_study(rng, size=400):
    """Return networks of all conditions, their ablations at random, about the bounds of claims."""
    widths = {"copy": 72, "flip_flop": 64, "sine": 64, "context_integration": 64}
    table = pd.DataFrame(
        list(product(widths, range(size), (0.85, 0.9, 0.95), SUBSETS)),
        columns=["task", "seed", "alpha", "removed"],
    )
    network = table.groupby(["task", "seed", "removed"], sort=False).ngroup()
    damage = rng.choice([0.0, 0.01, 0.05, 0.3], network.max() + 1)[network]  # at all thresholds
    copied = table["task"] == "copy"
    table["delta"] = np.where(copied, -1, 1) * np.where(table["removed"] == "none", 0, damage)
    return table.assign(
        value=copied + table["delta"], metric=np.where(copied, "replay_accuracy", "fvu"),
        removed_mass=0.1, sensitivity=1.0, rollout_difference=0.0,
        architecture="orthogonal", width=table["task"].map(widths),
    )  # fmt: skip


def test_a_claim_follows_from_what_it_rests_on():
    """In random networks, too: that at the three thresholds one ablation is made, is assumed."""
    study = claims.wide(random_study(np.random.default_rng(0)))
    one = study[study.index.get_level_values("alpha") == 0.9]

    def holds(claim):
        found = claims.evaluate(claim, study if "alphas" in claim else one, CRITERION)
        return found["agrees"].groupby("seed").all()

    by_id = {claim["id"]: claim for claim in CLAIMS}
    consequences = [claim for claim in CLAIMS if isinstance(claim["rests_on"], list)]
    assert consequences
    for claim in consequences:
        premises = pd.concat([holds(by_id[name]) for name in claim["rests_on"]], axis=1).all(axis=1)
        assert premises.any() and not premises.all()
        assert holds(claim)[premises].all(), claim["id"]
        # None of them is idle.
        for name in claim["rests_on"]:
            fewer = [other for other in claim["rests_on"] if other != name]
            fewer = pd.concat([holds(by_id[other]) for other in fewer], axis=1).all(axis=1)
            assert not holds(claim)[fewer].all(), (claim["id"], name)


def same_number(one, other):
    """Tell whether two of the paper's numbers are one: the rule of docs/method.md."""
    if one["removed"] == other["removed"]:
        return True
    more, less = (set(n["removed"].replace("none", "").split("+")) - {""} for n in (one, other))
    if one["quantity"] != other["quantity"] or not (more <= less or less <= more):
        return False
    if one["quantity"] != "value":
        return relative_misfit(one["paper"], other["paper"]) <= 1
    metric = METRICS["replay_accuracy" if one["task"] == "copy" else "fvu"]
    return metric.misfit(one["paper"], other["paper"]) <= 1


def test_the_numbers_of_the_paper_are_grouped_by_the_rule():
    group = {row["id"]: row["id"] for _, row in PAPER.iterrows()}
    for (_, one), (_, other) in combinations(PAPER.iterrows(), 2):
        condition = ["task", "architecture", "width"]
        if (one[condition] == other[condition]).all() and same_number(one, other):
            old, new = group[other["id"]], group[one["id"]]
            group = {name: new if of == old else of for name, of in group.items()}
    found = PAPER.groupby("rests_on")["id"].agg(frozenset)
    expected = PAPER["id"].groupby(PAPER["id"].map(group)).agg(frozenset)
    assert set(found) == set(expected)


HEAD = "id,claim,task,architecture,width,removed,quantity,paper,rests_on\n"


@pytest.mark.parametrize(
    ("text", "digit"),
    [("1.00", 0.01), ("0.876", 0.001), ("21.1", 0.1), ("7", 1), ("-0.5", 0.1), ("2e-3", 0.001)],
)
def test_the_last_digit_of_a_number_is_that_of_its_print(text, digit, tmp_path):
    path = tmp_path / "paper.csv"
    path.write_text(f"{HEAD}n,N.,copy,orthogonal,72,none,value,{text},copy/intact\n")
    (row,) = numbers.load(path).to_dict("records")
    assert (row["paper"], row["digit"]) == (float(text), digit)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.00", "one", "number 'n': paper is 'one'; allowed: a number as it is printed"),
        ("1.00", "", "number 'n': paper is nan; allowed: a number as it is printed"),
        ("1.00", "inf", "number 'n': paper is 'inf'; allowed: a number as it is printed"),
        ("copy/intact", "copy", "number 'n' rests on 'copy'; allowed: a measurement such as"),
        ("copy/intact", "", "number 'n' rests on nan; allowed: a measurement such as copy/CC"),
        ("rests_on", "rest", "lacks rests_on; needed: id, claim, task, architecture, width, rem"),
        ("paper,", "print,", "lacks paper; needed: id, claim"),
    ],
)
def test_a_number_that_cannot_be_read_is_named(old, new, message, tmp_path):
    path = tmp_path / "paper.csv"
    text = f"{HEAD}n,N.,copy,orthogonal,72,none,value,1.00,copy/intact\n"
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message) as refused:
        numbers.load(path)
    assert str(refused.value).startswith(f"{path}") and "\n" not in str(refused.value)
