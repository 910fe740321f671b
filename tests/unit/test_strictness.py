"""What a score loses at most, and as a rule, where outputs move by d."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnschur.metrics import METRICS, fvu, replay_accuracy, rollout_difference
from rnnschur.strictness import expected, most, unchanged

TABLES = Path(__file__).parents[2] / "results" / "published" / "tables"
moves = arrays(np.float64, (6, 4, 2), elements=st.floats(-3, 3))


def signs(seed=0, shape=(6, 4, 2)):
    """Return outputs that are -1 and +1 equally often."""
    rng = np.random.default_rng(seed)
    return rng.permuted(np.resize(np.repeat([-1.0, 1.0], shape[1] * shape[2]), shape), axis=0)


@given(move=moves)
def test_no_movement_of_signs_costs_more_accuracy_than_the_most(move):
    outputs = signs()
    d = rollout_difference(outputs + move, outputs)
    lost = replay_accuracy(outputs, outputs) - replay_accuracy(outputs + move, outputs)
    assert lost <= most("replay_accuracy", d, 1.0) + 1e-12


def test_the_most_accuracy_is_lost_where_outputs_vanish():
    outputs = signs()
    moved = outputs.copy()
    moved[0, :2] = 0
    d = rollout_difference(moved, outputs)
    lost = 1 - replay_accuracy(moved, outputs)
    assert lost == pytest.approx(most("replay_accuracy", d, 1.0)) == pytest.approx(4 / 48)


@given(move=moves)
def test_of_movements_to_either_side_half_is_lost(move):
    outputs = signs()
    d = rollout_difference(outputs + move, outputs)
    lost = [1 - replay_accuracy(outputs + side * move, outputs) for side in (-1, 1)]
    # An output of exactly 0 counts as wrong on the one side, and stays right on the other.
    assert np.mean(lost) <= expected("replay_accuracy", d) + 1e-12


@given(move=moves, seed=st.integers(0, 9))
def test_no_movement_adds_more_fvu_than_the_most(move, seed):
    """Where the intact outputs vary no more than their targets."""
    rng = np.random.default_rng(seed)
    outputs = signs(seed) * 0.8
    targets = signs(seed) + rng.normal(0, 0.2, outputs.shape)
    if np.var(targets, axis=(0, 1)).mean() < np.var(outputs, axis=(0, 1)).mean():
        return
    d, intact = rollout_difference(outputs + move, outputs), fvu(outputs, targets)
    added = fvu(outputs + move, targets) - intact
    assert added <= most("fvu", d, intact) + 1e-9
    # On the average of two opposite movements the error does not matter: what is expected, or less.
    added = np.mean([fvu(outputs + side * move, targets) for side in (-1, 1)]) - intact
    assert added <= expected("fvu", d) + 1e-9


def test_the_most_fvu_is_added_along_the_error():
    rng = np.random.default_rng(3)
    outputs = rng.normal(size=(200, 50, 1))
    outputs = (outputs - outputs.mean()) / outputs.std()
    targets = outputs + 0.1 * np.roll(outputs, 1)
    targets = (targets - targets.mean()) / targets.std()  # both vary by the same
    intact = fvu(outputs, targets)
    moved = outputs + 0.5 * (outputs - targets)
    added, d = fvu(moved, targets) - intact, rollout_difference(moved, outputs)
    assert added == pytest.approx(most("fvu", d, intact), rel=1e-6)
    other = rng.normal(size=outputs.shape) * 0.1
    added, d = fvu(outputs + other, targets) - intact, rollout_difference(outputs + other, outputs)
    assert added == pytest.approx(expected("fvu", d), rel=0.15)


def test_one_strictness_gives_both_bounds():
    assert unchanged(0.2) == pytest.approx({"unchanged_accuracy": 0.02, "unchanged_fvu": 0.04})
    assert all(name.startswith("unchanged_") for name in unchanged(0.1))
    for function in (lambda: expected("accuracy", 0.1), lambda: most("accuracy", 0.1, 0.5)):
        with pytest.raises(ValueError, match="metric is 'accuracy'; allowed: replay_accuracy, fvu"):
            function()


@pytest.fixture(scope="module")
def published():
    """Return every ablation of every published network that has learned."""
    table = pd.read_csv(TABLES / "ablations.csv")
    key = ["task", "architecture", "width", "seed"]
    intact = table[table["removed"] == "none"].set_index(key)["value"].rename("intact")
    table = table[table["learned"] & (table["removed"] != "none")].join(intact, on=key)
    for name, rows in table.groupby("metric"):
        table.loc[rows.index, "damage"] = METRICS[name].damage(rows["delta"])
        d = rows["rollout_difference"]
        table.loc[rows.index, "most"] = most(name, d, rows["intact"])
        table.loc[rows.index, "expected"] = expected(name, d)
    return table


def test_published_ablations_keep_the_bounds(published):
    """Every added FVU; every lost accuracy, but where outputs that stay near zero decide."""
    by = published.groupby("metric")
    assert by.size().to_dict() == {"fvu": 630, "replay_accuracy": 2051}
    over = published["damage"] - published["most"]
    assert (over[published["metric"] == "fvu"] <= 1e-12).all()
    over = over[published["metric"] == "replay_accuracy"]
    assert (over > 0).sum() == 17 and over.max() < 0.001


def test_what_is_expected_is_what_published_ablations_do(published):
    """Where outputs move by a twentieth to one standard deviation: how tight both bounds are."""
    moved = published[published["rollout_difference"].between(0.05, 1)]
    ratio = {
        name: (moved["damage"] / moved[name]).groupby(moved["metric"])
        for name in ("expected", "most")
    }
    assert ratio["expected"].median().round(2).to_dict() == {"fvu": 0.99, "replay_accuracy": 0.62}
    assert ratio["most"].median().round(2).to_dict() == {"fvu": 0.69, "replay_accuracy": 0.31}
    assert ratio["expected"].max()["replay_accuracy"] < 1.05
