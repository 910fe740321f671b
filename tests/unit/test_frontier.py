"""Removable mass on networks whose answer is known."""

from functools import partial
from itertools import chain, combinations, pairwise, product

import numpy as np
import pandas as pd
import pytest
import torch

from rnnschur import METRICS, Batch, Intervention, Network, evaluate, interventions
from rnnschur.cells import make
from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.interventions.frontier import (
    BASES,
    RANKINGS,
    WHOLE,
    Entries,
    _bases,
    block_map,
    block_sums,
    prefixes,
)
from rnnschur.report import figures, pages
from rnnschur.response import response
from rnnschur.streams import generator


def network(W_hh, seed=0, cell="tanh", outputs=2, **more):
    rng = np.random.default_rng(seed)
    W_xh, W_hy = rng.standard_normal((len(W_hh), 2)), rng.standard_normal((outputs, len(W_hh)))
    return Network(cell, {"W_hh": W_hh, "W_xh": W_xh, "W_hy": W_hy, **more})


def batch(seed, steps=8, sequences=40, **more):
    return Batch(np.random.default_rng(seed).standard_normal((steps, sequences, 2)), **more)


def matrix(N, seed=0):
    return np.random.default_rng(seed).standard_normal((N, N)) / np.sqrt(N)


def frontier(found, judge, seed=1, fit="other", **options):
    """Return the family, its interventions and their rows."""
    family = interventions.make("frontier", options)
    fit = batch(99, judge.steps, 20) if fit == "other" else fit
    made = list(family.of(found, fit, partial(generator, seed)))
    return family, made, evaluate(found, made, judge, METRICS["fvu"])


RNG = np.random.default_rng(3)
ONE_STEP = batch(5, onset=7)  # one output at one step: projections have no error
SMALL = {
    "tanh": network(matrix(6), outputs=1),
    "leaky": network(matrix(6), cell=make("leaky"), outputs=1, a=RNG.uniform(0.2, 0.9, 6)),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("basis", BASES)
def test_the_cost_of_an_entry_is_the_difference_that_a_little_of_it_makes(name, basis):
    found = SMALL[name]
    response_ = response(found, ONE_STEP, 1, np.random.default_rng(0))
    entries = _bases(found, response_, np.random.default_rng(0))[basis]
    places, h = np.flatnonzero(entries.mask), 1e-5
    some = places[:: max(1, len(places) // 6)]
    W = found.weights["W_hh"]
    made = [Intervention("", {"W_hh": W - h * entries.removed([k])}, 0.0) for k in some]
    rows = evaluate(found, made, ONE_STEP, METRICS["fvu"])
    expected = np.sqrt(entries.costs.flat[some])
    np.testing.assert_allclose(rows["rollout_difference"] / h, expected, rtol=1e-3, atol=1e-7)
    assert entries.foretold(some) == pytest.approx(np.sqrt(np.sum(expected**2)))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("basis", BASES)
def test_all_entries_of_a_basis_are_the_matrix(name, basis):
    found = SMALL[name]
    response_ = response(found, ONE_STEP, 1, np.random.default_rng(0))
    entries = _bases(found, response_, np.random.default_rng(0))[basis]
    recurrent = found.headline[1]
    removed = entries.removed(np.flatnonzero(entries.mask))
    if basis == "Schur couplings":
        schur = found.schur()
        T = schur.Q.T @ recurrent.matrix @ schur.Q
        for first, size in zip(schur.starts, schur.sizes, strict=True):
            T[: first + size, first : first + size] *= np.arange(first + size)[:, None] < first
        step = np.diag(found.weights["a"]) if name == "leaky" else np.eye(6)
        np.testing.assert_allclose(step @ removed, schur.Q @ T @ schur.Q.T, atol=1e-12)
    else:
        np.testing.assert_allclose(removed, recurrent.changing, atol=1e-12)
    if name == "tanh" or basis != "Schur couplings":
        share = np.sum(removed**2)
        assert entries.masses[entries.mask].sum() == pytest.approx(share)


def test_masses_of_growing_sets_are_those_of_what_they_remove_also_of_a_step_matrix():
    differ = False
    for name, basis in product(SMALL, BASES):
        response_ = response(SMALL[name], ONE_STEP, 1, np.random.default_rng(0))
        entries = _bases(SMALL[name], response_, np.random.default_rng(0))[basis]
        for order in entries.orders(np.random.default_rng(1)).values():
            sets = [entries.removed(order[: count + 1]) for count in range(len(order))]
            masses = np.array([np.sum(removed**2) for removed in sets])
            expected = np.maximum.accumulate(masses)
            np.testing.assert_allclose(entries.reached(order), expected, rtol=1e-9)
            differ |= not np.allclose(np.cumsum(entries.masses.flat[order]), expected, rtol=0.05)
    assert differ  # a sum of the masses of entries would not do


@pytest.mark.parametrize("step", [{"a": 0.05}, {}])
def test_of_a_leaky_cell_no_more_can_go_than_there_is(step):
    """On the diagonal of the step matrix is the leak, which is in no weight."""
    more = {} if step else {"a": RNG.uniform(0.02, 0.5, 7)}
    found = network(matrix(7), cell=make("leaky", **step), **more)
    rows = frontier(found, batch(2), levels=12)[2]
    assert (rows["available"] <= 1 + 1e-9).all()
    grid = rows[rows["ranking"] != WHOLE]
    assert (grid["removed_mass"] <= grid["level"] * (1 + 1e-8)).all()
    last = grid.groupby(["basis", "ranking"])["removed_mass"].last().unstack(0)
    np.testing.assert_allclose(last.drop(columns="Schur couplings"), 1)
    available = grid.groupby("basis")["available"].first()
    assert (last["Schur couplings"] <= available["Schur couplings"] + 1e-9).all()
    gone = grid.groupby(["basis", "ranking"])["entries"].last()["Schur couplings"]
    if step:  # the grid ends with all of them; else they may weigh more than W on the way
        assert (gone == gone.iloc[0]).all() and (gone > 0).all()


def test_principal_axes_are_those_along_which_the_states_vary():
    found = SMALL["tanh"]
    response_ = response(found, ONE_STEP, 1, np.random.default_rng(0))
    axes = _bases(found, response_, np.random.default_rng(0))["principal axes"].left
    states = found.cell.states(found.weights, ONE_STEP.inputs)[:-1].reshape(-1, 6)
    moment = axes.T @ states.T @ states @ axes
    np.testing.assert_allclose(moment, np.diag(np.diag(moment)), atol=1e-9)


def test_sets_are_nested_and_masses_rise_to_all_there_is():
    found = network(matrix(7))
    _, made, _ = frontier(found, batch(2), levels=9)
    W, curves = found.weights["W_hh"], {}
    for one in made:
        labels = one.labels
        removed = np.linalg.norm(W - one.changes["W_hh"]) / np.linalg.norm(W)
        assert removed == pytest.approx(one.mass, abs=1e-12)
        if labels["ranking"] != WHOLE:
            curves.setdefault((labels["basis"], labels["ranking"]), []).append(one)
    assert list(curves) == [(basis, ranking) for basis in BASES for ranking in RANKINGS]
    response_ = response(found, batch(99, 8, 20), 2, generator(1, "projections"))
    bases = _bases(found, response_, generator(1, "axes"))
    for (basis, _), curve in curves.items():
        masses = np.array([one.mass for one in curve])
        levels = np.array([one.labels["level"] for one in curve])
        assert masses[0] == 0 and (np.diff(masses) >= 0).all()
        assert (masses <= levels * (1 + 1e-8)).all()
        assert curve[0].labels["available"] == pytest.approx(masses[-1])
        if basis != "Schur couplings":
            assert masses[-1] == pytest.approx(1)
        kept = [bases[basis].left.T @ one.changes["W_hh"] @ bases[basis].right for one in curve]
        gone = [np.abs(bases[basis].matrix - values) > 1e-9 for values in kept]
        gone = [set(np.flatnonzero(one & bases[basis].mask)) for one in gone]
        assert all(few <= more for few, more in pairwise(gone))
        assert [len(one) for one in gone] == [one.labels["entries"] for one in curve]


def brute(found, entries, judge, subsets):
    """Return mass and difference of every set of entries."""
    W = found.weights["W_hh"]
    changes = [W - entries.removed(np.array(subset, int)) for subset in subsets]
    made = [Intervention("", {"W_hh": change}, 0.0) for change in changes]
    rows = evaluate(found, made, judge, METRICS["fvu"])
    masses = [np.linalg.norm(W - change) / np.linalg.norm(W) for change in changes]
    return np.array(masses), rows["rollout_difference"].to_numpy()


@pytest.mark.parametrize("seed", range(3))
def test_no_frontier_is_beyond_the_best_of_all_sets_and_each_is_that_of_its_order(seed):
    found, judge = network(matrix(3, seed), seed), batch(20 + seed)
    family, _, rows = frontier(found, judge, epsilons=[0.03, 0.3, 0.6], levels=40)
    table = family.summary(rows)
    fit = batch(99, judge.steps, 20)
    response_ = response(found, fit, family.projections, generator(1, "projections"))
    levels, beyond = sorted([0, *np.geomspace(1e-3, 1, 40), 0.85, 0.9, 0.95]), 0
    for basis, entries in _bases(found, response_, generator(1, "axes")).items():
        places = np.flatnonzero(entries.mask)
        subsets = list(chain(*(combinations(places, k) for k in range(len(places) + 1))))
        all_masses, all_differences = brute(found, entries, judge, subsets)
        orders = {
            "cost per mass": places[np.argsort(entries.curvature.flat[places])],
            "cost": places[np.argsort((entries.matrix**2 * entries.curvature).flat[places])],
            "magnitude": places[np.argsort(np.abs(entries.matrix.flat[places]))],
        }
        mine = table[table["basis"] == basis]
        for row in mine[mine["ranking"] != WHOLE].itertuples():
            best = all_masses[all_differences <= row.epsilon].max()
            assert row.removed_mass <= best + 1e-9
            beyond += row.removed_mass < best - 1e-9
            assert row.rollout_difference <= row.epsilon
            if row.ranking == "random":
                continue
            nested = [orders[row.ranking][:k] for k in range(len(places) + 1)]
            masses, differences = brute(found, entries, judge, nested)
            reached = [np.flatnonzero(masses <= level * (1 + 1e-9))[-1] for level in levels]
            exceeds = [not differences[k] <= row.epsilon for k in reached]
            last = reached[exceeds.index(True) - 1 if any(exceeds) else -1]
            assert row.removed_mass == pytest.approx(masses[last])
            assert row.entries == last
    assert beyond > 0  # the search can find more


def planted(seed):
    """Return a network whose units 4 to 7 are heard by nobody: their rows are free."""
    W = matrix(8, seed)
    W[:4, 4:] = 0
    found = network(W, seed)
    readout = found.weights["W_hy"].copy()
    readout[:, 4:] = 0
    return found.replace({"W_hy": readout}), np.linalg.norm(W[4:]) / np.linalg.norm(W)


def test_a_planted_block_that_is_free_shows_as_removable():
    gains = []
    for seed in range(5):
        found, free = planted(seed)
        options = {"epsilons": [1e-9], "levels": 60}
        family, made, rows = frontier(found, batch(2), seed=seed, **options)
        levels = sorted({one.labels["level"] for one in made if one.labels["ranking"] != WHOLE})
        least = max(level for level in levels if level <= free)
        table = family.summary(rows)
        table = table[table["basis"] == "weights"].set_index(["ranking", "epsilon"])
        mass = table["removed_mass"]
        for ranking in ("cost", "cost per mass"):
            row = table.loc[(ranking, 1e-9)]
            # Up to one entry below the level, and no more than what is free.
            assert 0.9 * least < row["removed_mass"] <= free + 1e-9
            assert row["foretold"] == pytest.approx(0, abs=1e-12)
        assert mass["random", 1e-9] < 0.5 * free
        gains += [mass["cost", e] - mass["random", e] for e in (1e-9, 0.1)]
    assert np.mean(gains) > 0.1 and min(gains) > -0.1


def test_a_diagonal_matrix_loses_its_smallest_singular_values():
    diagonal = np.array([0.9, -0.1, 0.5, -0.3])
    _, made, rows = frontier(network(np.diag(diagonal)), batch(2), levels=50)
    chosen = [
        one
        for one in made
        if one.labels["basis"] == "singular vectors" and one.labels["ranking"] == "magnitude"
    ]
    total = np.sum(diagonal**2)
    for one in chosen:
        level = one.labels["level"]
        gone = np.sum([np.sum(np.sort(diagonal**2)[:k]) <= level**2 * total for k in (1, 2, 3, 4)])
        small = np.argsort(np.abs(diagonal))[:gone]
        expected = diagonal.copy()
        expected[small] = 0
        np.testing.assert_allclose(one.changes["W_hh"], np.diag(expected), atol=1e-12)
        assert one.labels["entries"] == gone
    # A symmetric matrix has no couplings: there is nothing to remove.
    couplings = rows[rows["basis"] == "Schur couplings"]
    assert (couplings["entries"] == 0).all() and (couplings["rollout_difference"] == 0).all()


def test_couplings_go_as_a_whole_with_the_costs_of_their_blocks():
    found = network(matrix(9))
    _, made, rows = frontier(found, batch(2), alphas=[0.6, 0.9])
    assert rows["alpha"].isna().equals(rows["ranking"] != WHOLE)
    assert rows["alpha"].dropna().tolist() == [0.6] * 3 + [0.9] * 3
    rows = rows[rows["alpha"] != 0.9]
    whole = rows[rows["ranking"] == WHOLE].set_index("removed")
    couplings = interventions.make("couplings", {"alphas": [0.6]}).of(found)
    expected = evaluate(found, couplings, batch(2), METRICS["fvu"]).set_index("removed")
    for coupling in ("RR", "CR", "CC"):
        for column in ("removed_mass", "rollout_difference"):
            assert whole.loc[coupling, column] == expected.loc[coupling, column]
    response_ = response(found, batch(99, 8, 20), 2, generator(1, "projections"))
    for one in made:
        if one.labels["ranking"] == WHOLE:
            change = one.changes["W_hh"] - found.weights["W_hh"]
            assert one.labels["first_order"] == response_.difference(change)
    entries = _bases(found, response_, generator(1, "axes"))["Schur couplings"]
    schur = found.schur()
    blocks = block_sums(np.where(entries.mask, entries.costs, 0), schur)
    assert not np.tril(blocks).any()
    leading = np.count_nonzero(np.cumsum(schur.sizes) <= expected["leading"].iloc[0])
    parts = {"RR": blocks[:leading, :leading], "CC": blocks[leading:, leading:]}
    parts["CR"] = blocks[:leading, leading:]
    for coupling, part in parts.items():
        assert whole.loc[coupling, "foretold"] == pytest.approx(np.sqrt(part.sum()))


def test_blocks_of_a_pair_are_summed_together():
    schur = ordered_real_schur(matrix(8, 3))
    assert {1, 2} <= set(schur.sizes)
    array = RNG.standard_normal((8, 8))
    sums = block_sums(array, schur)
    for i, (first, size) in enumerate(zip(schur.starts, schur.sizes, strict=True)):
        for j, (start, width) in enumerate(zip(schur.starts, schur.sizes, strict=True)):
            part = array[first : first + size, start : start + width]
            assert sums[i, j] == pytest.approx(part.sum())


def test_the_frontier_ends_where_the_difference_first_exceeds():
    differences = [0, 0.05, 0.3, 0.08, np.nan]
    rows = pd.DataFrame({"level": [0, 0.1, 0.2, 0.3, 0.4], "rollout_difference": differences})
    rows = rows.assign(basis="weights", ranking="cost", removed_mass=rows["level"] - 0.01)
    whole = pd.DataFrame([{"basis": BASES[0], "ranking": WHOLE, "rollout_difference": 9.0}])
    family = interventions.make("frontier", {"epsilons": [np.inf, 0.01, 0.5]}, {"epsilon": 0.1})
    table = family.summary(pd.concat([rows, whole]))
    assert table["level"].tolist()[:4] == [0, 0.1, 0.3, 0.3]
    assert table["epsilon"].tolist()[:4] == [0.01, 0.1, 0.5, np.inf]
    # What came next was too much, however far it is.
    np.testing.assert_allclose(table["next_mass"][:4], [0.09, 0.19, 0.39, 0.39])
    assert np.isnan(table["next_mass"].iloc[4])
    within = rows.assign(rollout_difference=0.0)
    table = family.summary(pd.concat([within, whole]))
    assert table["next_mass"].isna().all() and (table["level"][:4] == 0.4).all()
    assert np.isnan(table["epsilon"].iloc[4]) and table["ranking"].iloc[4] == WHOLE


def test_prefixes_take_all_at_the_last_level_whatever_was_rounded():
    rng = np.random.default_rng(0)
    for _ in range(100):
        masses = rng.uniform(size=50) ** 8
        masses /= masses.sum()
        counts = prefixes(np.cumsum(masses), [0.0, 0.5, 1.0])
        assert counts[0] == 0 and counts[-1] == 50
        assert masses[: counts[1]].sum() <= 0.25 * (1 + 1e-8)
        assert masses[: counts[1] + 1].sum() > 0.25


def test_without_sequences_to_fit_nothing_is_chosen_on_those_that_judge():
    _, _, rows = frontier(network(matrix(5)), batch(2), fit=None)
    assert set(rows["ranking"]) == {"magnitude", "random", WHOLE}
    assert "principal axes" not in set(rows["basis"]) and rows["foretold"].isna().all()


def test_outputs_that_do_not_vary_give_no_costs_and_do_not_stop_the_rest():
    found = network(matrix(5))
    still = found.replace({"W_hy": 0 * found.weights["W_hy"]})
    family, _, rows = frontier(still, batch(2), levels=6)
    assert set(rows["ranking"]) == {"magnitude", "random", WHOLE}
    assert set(rows["basis"]) == set(BASES)
    assert rows[["foretold", "first_order"]].isna().all(axis=None)
    assert not family.summary(rows).empty
    response_ = response(still, batch(4), 1, np.random.default_rng(0))
    masses, differences = block_map(still, response_)
    assert np.isnan(differences).all() and np.sum(masses**2) == pytest.approx(1)
    figure = figures.blocks(masses, differences, still.schur(), 0.9, "a network")
    figure.canvas.draw()


def test_random_orders_and_axes_are_their_streams():
    found, judge = network(matrix(5)), batch(2)
    one, again, other = (frontier(found, judge, seed=s, levels=8)[2] for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    drawn = (one["basis"] == "weights") & (one["ranking"] == "random")
    assert not one["rollout_difference"][drawn].equals(other["rollout_difference"][drawn])


def test_of_a_gated_network_the_matrix_of_the_headline_goes():
    torch.manual_seed(0)
    layer, readout = torch.nn.GRU(2, 6).double(), torch.nn.Linear(6, 2).double()
    found = Network.from_torch(layer, readout)
    _, made, rows = frontier(found, batch(2), levels=6)
    assert {name for one in made for name in one.changes} == {found.headline[0]}
    last = rows[(rows["level"] == 1) & (rows["basis"] != BASES[0])]
    np.testing.assert_allclose(last["removed_mass"], 1)
    assert np.ptp(last["rollout_difference"]) < 1e-9  # nothing is left, in every basis


@pytest.fixture(scope="module")
def table():
    """Return the frontier of three networks, the last of which did not learn."""
    tables = []
    for seed in range(3):
        family, _, rows = frontier(network(matrix(6, seed), seed), batch(2), levels=12)
        kept = family.summary(rows).assign(task="sine", architecture="normal", width=6, seed=seed)
        tables.append(kept.assign(learned=seed < 2))
    return pd.concat(tables, ignore_index=True)


def test_a_row_is_kept_for_every_basis_order_and_epsilon(table):
    one = table[(table["seed"] == 0) & (table["ranking"] != WHOLE)]
    key = ["basis", "ranking", "epsilon"]
    assert len(one) == len(BASES) * len(RANKINGS) * 7 == len(one[key].drop_duplicates())
    assert (one["rollout_difference"] <= one["epsilon"]).all()
    assert (one.groupby(key[:2])["removed_mass"].diff().dropna() >= 0).all()


def test_curves_are_medians_over_the_networks_that_learned(table):
    figures.use_style()
    figure = figures.removable(table, "cost")
    (axis,) = figure.axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    rows = table[table["learned"] & (table["ranking"] == "cost")]
    for basis in BASES:
        some = rows[rows["basis"] == basis]
        expected = some.groupby("epsilon")["removed_mass"].mean()  # of two, the median
        np.testing.assert_allclose(lines[basis].get_ydata(), expected)
        np.testing.assert_allclose(lines[basis].get_xdata(), expected.index)
    available = rows.loc[rows["basis"] == BASES[0], "available"].unique()
    assert lines["all Schur couplings"].get_ydata()[0] == pytest.approx(available.mean())
    figure.canvas.draw()


def test_every_order_has_a_point_a_network_and_a_bar_at_the_median(table):
    figures.use_style()
    figure = figures.rankings(table, 0.1)
    lines = figure.axes[0].get_lines()
    rows = table[table["learned"] & (table["epsilon"] == 0.1)]
    dots = [n for n in lines if n.get_marker() == "o" and n.get_label() not in RANKINGS]
    points = np.concatenate([line.get_ydata() for line in dots])
    np.testing.assert_allclose(np.sort(points), np.sort(rows["removed_mass"]))
    for ranking in RANKINGS:
        (bars,) = (line for line in lines if line.get_label() == ranking)
        some = rows[rows["ranking"] == ranking].groupby("basis")["removed_mass"].mean()
        np.testing.assert_allclose(bars.get_ydata(), some[list(BASES)])
    figure.canvas.draw()


def test_figures_and_pages_are_empty_where_no_network_learned(table):
    figures.use_style()
    none = table.assign(learned=False)
    for figure in (figures.removable(none, "cost"), figures.rankings(none, 0.1)):
        assert len(figure.axes) == 1
        figure.canvas.draw()
    assert pages.removable_table(none, 0.1).empty and pages.foretold_table(none).empty


def test_pages_have_the_medians(table):
    page = pages.removable_table(table, 0.1)
    assert page["basis"].tolist() == list(BASES)
    rows = table[table["learned"] & (table["epsilon"] == 0.1) & (table["basis"] == "weights")]
    expected = rows[rows["ranking"] == "magnitude"]["removed_mass"].mean()
    assert page.set_index("basis").loc["weights", "magnitude"] == pages.digits(expected)
    foretold = pages.foretold_table(table)
    assert foretold["removed"].tolist() == ["RR", "CR", "CC"]
    rows = table[table["learned"] & (table["removed"] == "CC")]
    assert foretold["measured"].iloc[2] == pages.digits(rows["rollout_difference"].mean())
    # With one that ran away, more than one of two cannot be said to be at most any number.
    lost = (table["seed"] == rows["seed"].iloc[0]) & (table["removed"] == "CC")
    away = table.assign(rollout_difference=table["rollout_difference"].mask(lost))
    assert pages.foretold_table(away)["measured"].iloc[2] == "inf"


def test_the_map_of_blocks_adds_up_to_the_matrix():
    found = network(matrix(8, 3))
    response_ = response(found, batch(4), 2, np.random.default_rng(0))
    masses, differences = block_map(found, response_)
    assert np.sum(masses**2) == pytest.approx(1) and not np.tril(masses, -1).any()
    schur, entries = found.schur(), Entries.of_schur(found.headline[1], found.schur(), response_)
    assert np.sum(differences**2) == pytest.approx(entries.costs.sum())
    figures.use_style()
    figure = figures.blocks(masses, differences, schur, 0.9, "a network")
    for axis, array in zip(figure.axes, (masses, differences), strict=False):
        drawn = axis.images[0].get_array()
        np.testing.assert_allclose(drawn.filled(0), array)
        borders = {line.get_ydata()[0] for line in axis.get_lines()}
        leading = np.count_nonzero(schur.moduli >= 0.9 * schur.moduli.max())
        assert leading - 0.5 in borders
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilons": []}, r"^epsilons is \[\]; allowed: a list of numbers above 0$"),
        ({"epsilons": [0.1, 0]}, r"^epsilons is \[0.1, 0\]; allowed: a list of numbers above 0$"),
        ({"levels": 1}, r"^levels is 1; allowed: a whole number of at least 2$"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        interventions.make("frontier", options)
