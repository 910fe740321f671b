"""What does not depend on how a network is written down, and how far the rest does."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from rnnschur import Batch, Criterion, Network, cells, diagnose, interventions
from rnnschur.coordinates.symmetries import balance, permute_and_scale
from rnnschur.diagnosis import gauge_ranges
from rnnschur.evaluation import evaluate
from rnnschur.metrics import metric
from rnnschur.streams import generator


def draw(cell, seed=0, width=8):
    rng = np.random.default_rng(seed)
    shapes = cell.shapes(2, width, 3)
    return {n: rng.standard_normal(s) / np.sqrt(s[-1]) for n, s in shapes.items()}


def batch(seed=1):
    rng = np.random.default_rng(seed)
    return Batch(rng.standard_normal((20, 30, 2)), rng.standard_normal((20, 30, 3)))


def rows(network, seed=2, **options):
    family = interventions.make("gauges", options)
    changes = list(family.of(network, None, partial(generator, seed)))
    return evaluate(network, changes, batch(), metric("fvu"))


@given(st.integers(0, 2**32), st.integers(2, 9), st.floats(1e-150, 1e150))
def test_a_balanced_matrix_has_rows_of_the_norm_of_their_columns(seed, size, scale):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((size, size)) * np.exp(rng.standard_normal((size, 1)))
    scales = balance(scale * W)
    balanced = scales[:, None] * W / scales
    off = balanced - np.diag(np.diag(balanced))
    rows_, columns = np.linalg.norm(off, axis=1), np.linalg.norm(off, axis=0)
    np.testing.assert_allclose(rows_, columns, rtol=1e-8)
    assert np.prod(scales) == pytest.approx(1)
    # It is the least norm, so that no other scales do better.
    for _ in range(5):
        other = np.exp(0.1 * rng.standard_normal(size))
        norm = np.linalg.norm(other[:, None] * balanced / other)
        assert norm >= np.linalg.norm(balanced) * (1 - 1e-9)


def test_balance_of_what_has_no_best_scale_and_of_what_is_balanced():
    np.testing.assert_allclose(balance([[0.0, 4.0], [1.0, 0.0]]), [2**-0.5, 2**0.5])
    for matrix in (np.eye(4), np.zeros((3, 3)), [[1.0, 5.0], [0.0, 1.0]], ortho_group.rvs(5)):
        np.testing.assert_allclose(balance(matrix), 1)


@pytest.mark.parametrize("factors", [[1, 2], [1, 0, 2], [1, np.inf, 2], [1, np.nan, 2]])
def test_factors_that_do_not_fit_are_named(factors):
    axes = {"W_xh": ("unit", "input")}
    with pytest.raises(ValueError, match=r"^not 3 finite factors other than 0$"):
        permute_and_scale({"W_xh": np.ones((3, 1))}, axes, [0, 1, 2], factors)


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_the_balanced_rows_are_the_same_however_a_network_is_scaled(seed):
    """And those of the couplings as parametrised are not."""
    rng = np.random.default_rng(seed)
    cell = cells.make("relu")
    network = Network(cell, draw(cell))
    scaled = Network(cell, cell.scaled(network.weights, 2 ** rng.uniform(-2, 2, 8)))
    np.testing.assert_allclose(scaled.outputs(batch()), network.outputs(batch()), rtol=1e-9)
    columns = ["leading", "removed_mass", "rollout_difference"]
    first, second = (
        rows(n, draws=1, alphas=[0.7]).query("gauge == 'balanced'")[columns]
        for n in (network, scaled)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-9)
    given_rows = [diagnose(n, batch(), alphas=0.7)[columns] for n in (network, scaled)]
    assert np.abs(given_rows[0] - given_rows[1]).max(axis=None) > 1e-2


def test_a_gauge_of_ones_gives_the_couplings_as_they_are(monkeypatch):
    cell = cells.make("relu")
    network = Network(cell, draw(cell))
    monkeypatch.setattr(
        "rnnschur.interventions.gauges.balance", lambda matrix: np.ones(len(matrix))
    )
    columns = ["alpha", "leading", "removed", "removed_mass", "value", "rollout_difference"]
    found = rows(network, draws=1, alphas=[0.9, 0.7]).query("gauge == 'balanced'")[columns]
    expected = diagnose(network, batch(), alphas=[0.9, 0.7]).query("removed != 'none'")[columns]
    for column in columns:
        assert found[column].tolist() == pytest.approx(expected[column].tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "free"),
    [
        ("tanh", {}, []),
        ("leaky", {"a": 0.3}, []),
        ("leaky", {"a": 0.3, "nonlinearity": "softplus"}, []),
        ("relu", {}, ["W_hh"]),
        ("leaky", {"a": 0.3, "nonlinearity": "relu", "readout": "relu"}, ["step"]),
        ("leaky", {"a": 0.3, "nonlinearity": "relu", "readout": "tanh"}, []),
        ("gru", {}, ["W_hr", "W_hz"]),
        ("gru", {"nonlinearity": "sigmoid"}, []),
        ("lstm", {"nonlinearity": "relu"}, ["W_hg", "W_hi", "W_hf", "W_ho"]),
    ],
)
def test_matrices_whose_sectors_depend_on_the_gauge(name, options, free):
    cell = cells.make(name, **options)
    network = Network(cell, draw(cell))
    assert [n for n, r in cell.matrices(network.weights).items() if r.gauge] == free
    table = diagnose(network, batch())
    found = rows(network, draws=3)
    if not free:
        assert found.empty and "gauge" not in table
        assert not [column for column in table if "gauge" in column]
        return
    # The table of a diagnosis has the same ranges beside its rows; none where nothing is free.
    cut = table[~table["removed"].isin(["none", "recurrence"]) & (table["matrix"] != "all")]
    assert cut["leading_gauge_low"].notna().tolist() == cut["matrix"].isin(free).tolist()
    assert (cut["removed_mass_gauge_low"] <= cut["removed_mass_gauge_high"])[
        cut["matrix"].isin(free)
    ].all()
    assert table["verdict"].notna().all()
    kinds = {"random"} if name == "gru" else {"random", "balanced"}
    assert set(found["gauge"]) == kinds
    assert len(found) == 7 * len(free) * (3 + len(kinds) - 1)
    ranges = gauge_ranges(found)
    assert len(ranges) == 7 * len(free)
    every = ranges[ranges["removed"] == "RR+CR+CC"]
    assert (every["removed_mass_gauge_low"] < every["removed_mass_gauge_high"]).all()
    assert (ranges["rollout_difference_gauge_low"] <= ranges["rollout_difference_gauge_high"]).all()
    assert ("removed_mass_balanced" in ranges) == (name != "gru")


@pytest.mark.parametrize("name", ["relu", "gru"])
def test_more_draws_leave_the_others_as_they_are(name):
    cell = cells.make(name)
    network = Network(cell, draw(cell))
    few, more = rows(network, draws=2), rows(network, draws=4)
    again = more[more["draw"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, again, check_exact=True)


def test_a_linear_network_gets_no_verdict():
    network = Network("linear", draw(cells.make("linear")))
    table = diagnose(network, batch())
    assert set(table["gauge"]) == {"any basis"} and table["verdict"].isna().all()
    assert set(rows(network, draws=2)["gauge"]) == {"balanced", "random"}
    rest = table.drop(columns="gauge")
    assert (
        Criterion().verdicts(rest).tolist()
        == Criterion().verdict(rest["rollout_difference"], rest["removed_mass"]).tolist()
    )
