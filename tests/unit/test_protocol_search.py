"""The distance of a protocol from the paper's numbers."""

import numpy as np
import pandas as pd
import pytest
from test_claims import CRITERION, PAPER, ROOT, rows, the_papers_network

from rnnschur.paper import claims, search


def at_the_papers_threshold(task):
    table = the_papers_network()
    return table[(table["task"] == task) & (table["alpha"] == 0.9)].assign(
        removed_share=table["removed_mass"] ** 2
    )


@pytest.mark.parametrize("task", ["copy", "flip_flop", "sine", "context_integration"])
def test_the_papers_own_numbers_have_no_distance(task):
    table = at_the_papers_threshold(task)
    table = table[table["architecture"] == "orthogonal"]
    reached = search.numbers(table, PAPER)
    expected = PAPER.loc[PAPER["task"] == task, "id"].tolist()
    assert reached.loc[reached["counted"], "id"].tolist() == expected
    assert search.distance(reached) == pytest.approx(0, abs=0.02)
    ledger = claims.load(ROOT / "report" / "claims.yaml")
    held = search.claims_that_hold(table, ledger, CRITERION)
    assert len(held) and (held == 1).all()


def test_the_distance_is_the_root_mean_square_of_capped_misfits():
    numbers = pd.DataFrame({"misfit": [3.0, np.inf, 99.0], "counted": [True, True, False]})
    assert search.distance(numbers) == pytest.approx(np.sqrt((9 + 100) / 2))


def test_the_sensitivity_by_share_divides_by_the_square_and_does_not_count():
    table = rows("sine/orthogonal/64", 0, {"none": 0.0, "CR": 2.0}, {"CR": 0.1})
    reached = search.numbers(table.assign(removed_share=0.01), PAPER).set_index("id")
    assert reached.loc["sine-CR-sensitivity", "ours"] == pytest.approx(20)
    assert reached.loc["sine-CR-sensitivity-by-share", "ours"] == pytest.approx(200)
    assert not reached.loc["sine-CR-sensitivity-by-share", "counted"]


@pytest.mark.parametrize(
    ("distances", "learned", "chosen"),
    [
        ([1.0, 0.6, 0.7], [5, 5, 5], "sine"),  # nearer, but not by the margin
        ([1.0, 0.4, 0.3], [5, 5, 5], "b"),
        ([1.0, 0.4, 0.3], [5, 5, 4], "a"),  # one network did not learn
        ([np.nan, 2.0, 3.0], [0, 5, 5], "a"),
        ([np.nan, np.nan, np.nan], [0, 0, 0], "sine"),
    ],
)
def test_the_choice(distances, learned, chosen):
    scores = pd.DataFrame(
        {"task": "sine", "protocol": ["sine", "a", "b"], "networks": 5, "learned": learned}
    ).assign(distance=distances)
    assert scores.loc[search.choose(scores), "protocol"].tolist() == [chosen]


@pytest.mark.parametrize(("ours", "misfit"), [(0.846, 1), (0.816, 2), (0.876, 0)])
def test_an_accuracy_is_off_by_its_difference_whatever_the_task(ours, misfit):
    paper = PAPER[PAPER["id"] == "copy-RR"].assign(task="parity")
    table = rows("parity/orthogonal/72", 0, {"none": 1.0, "RR": ours}, metric="replay_accuracy")
    row = search.numbers(table, paper).iloc[0]
    assert (row["id"], row["networks"]) == ("copy-RR", 1)
    assert row["misfit"] == pytest.approx(misfit)


def protocols(*parts):
    """Return the rows of some protocols: a name, an intact accuracy, its seeds, who has learned."""
    tables = [
        rows("copy/orthogonal/72", seed, {"none": value, "CR": 0.5}).assign(
            protocol=name, learned=learned
        )
        for name, value, seeds, learned in parts
        for seed in seeds
    ]
    return pd.concat(tables, ignore_index=True).assign(
        removed_share=lambda table: table["removed_mass"] ** 2
    )


def test_every_protocol_is_scored_by_its_networks_that_learned():
    ledger = claims.load(ROOT / "report" / "claims.yaml")
    table = protocols(
        ("copy", 0.9, [0, 1, 2], True), ("copy", 0.7, [3], False), ("b", 0.9, [0, 1], False)
    )
    found, scores = search.score(table, PAPER, ledger, CRITERION)
    assert list(scores) == [*search.SCORES, "chosen"] and list(found) == search.NUMBERS
    known = scores.set_index("protocol")
    assert known["networks"].to_dict() == {"copy": 4, "b": 2}
    assert known["learned"].to_dict() == {"copy": 3, "b": 0}
    assert known["chosen"].to_dict() == {"copy": True, "b": False}
    # None of b's learned: nothing is known of it.
    assert known.loc["b", ["distance", "numbers", "claims_share"]].isna().all()
    assert set(found["protocol"]) == {"copy"} and set(found["networks"]) == {3}

    learned = table[(table["protocol"] == "copy") & (table["seed"] < 3)].drop(
        columns=["protocol", "learned"]
    )
    numbers = search.numbers(learned, PAPER)
    pd.testing.assert_frame_equal(
        found[numbers.columns].reset_index(drop=True), numbers, check_dtype=False
    )
    row = known.loc["copy"]
    assert row["distance"] == search.distance(numbers)
    assert row["worst_misfit"] == numbers["misfit"].max()
    assert (row["numbers"], row["numbers_reached"]) == (8, (numbers["misfit"] <= 1).sum())
    held = search.claims_that_hold(learned, ledger, CRITERION)
    assert (row["claims"], row["claims_share"]) == (len(held), held.mean())
    assert row["claims_reproduced"] == (held >= ledger["bounds"]["reproduced"]).sum()
    assert 0 < row["claims_reproduced"] < len(held)


def test_a_search_in_which_no_network_learned_has_no_numbers():
    ledger = claims.load(ROOT / "report" / "claims.yaml")
    table = protocols(("copy", 0.7, [0, 1], False))
    found, scores = search.score(table, PAPER, ledger, CRITERION)
    assert found.empty and list(found) == search.NUMBERS
    assert scores[["networks", "learned", "chosen"]].to_numpy().tolist() == [[2, 0, True]]


def test_a_table_of_protocols_goes_by_the_papers_tasks():
    table = pd.DataFrame({"task": ["b", "copy", "b"], "seed": [0, 0, 1], "value": [1.0, 2.0, 3.0]})
    found = search.by_protocol(table, {"copy": "copy", "b": "copy"})
    assert list(found) == ["task", "protocol", "seed", "value"]
    assert set(found["task"]) == {"copy"} and found["protocol"].tolist() == ["b", "copy", "b"]
    assert found["value"].tolist() == [1.0, 2.0, 3.0] and list(table) == ["task", "seed", "value"]
