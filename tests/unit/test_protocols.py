"""The distance of a protocol from the paper's numbers."""

import numpy as np
import pandas as pd
import pytest
from test_claims import CRITERION, PAPER, ROOT, rows, the_papers_network

from rnnschur import claims, protocols


def at_the_papers_threshold(task):
    table = the_papers_network()
    return table[(table["task"] == task) & (table["alpha"] == 0.9)].assign(
        removed_share=table["removed_mass"] ** 2
    )


@pytest.mark.parametrize("task", ["copy", "flip_flop", "sine", "context_integration"])
def test_the_papers_own_numbers_have_no_distance(task):
    table = at_the_papers_threshold(task)
    table = table[table["architecture"] == "orthogonal"]
    reached = protocols.numbers(table, PAPER)
    expected = PAPER.loc[PAPER["task"] == task, "id"].tolist()
    assert reached.loc[reached["counted"], "id"].tolist() == expected
    assert protocols.distance(reached) == pytest.approx(0, abs=0.02)
    ledger = claims.load(ROOT / "report" / "claims.yaml")
    held = protocols.claims_that_hold(table, ledger, CRITERION)
    assert len(held) and (held == 1).all()


def test_the_distance_is_the_root_mean_square_of_capped_misfits():
    numbers = pd.DataFrame({"misfit": [3.0, np.inf, 99.0], "counted": [True, True, False]})
    assert protocols.distance(numbers) == pytest.approx(np.sqrt((9 + 100) / 2))


def test_the_sensitivity_by_share_divides_by_the_square_and_does_not_count():
    table = rows("sine/orthogonal/64", 0, {"none": 0.0, "CR": 2.0}, {"CR": 0.1})
    reached = protocols.numbers(table.assign(removed_share=0.01), PAPER).set_index("id")
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
    assert scores.loc[protocols.choose(scores), "protocol"].tolist() == [chosen]
