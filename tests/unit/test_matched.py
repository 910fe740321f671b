"""Matched controls: what each keeps of a coupling, and what its quantiles say of known networks."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import METRICS, Batch, Network, cells, interventions
from rnnschur.coordinates.sectors import COUPLINGS, Sectors
from rnnschur.criterion import Criterion
from rnnschur.evaluation import evaluate
from rnnschur.findings import judged
from rnnschur.interventions.matched import ANOTHER, CHANGES, CONTROLS, ITSELF, quantile
from rnnschur.streams import generator
from rnnschur.tables import NETWORK, gather, keyed

FVU = METRICS["fvu"]


def gaussian(seed, size=9, cell="tanh", **options):
    """Return a network of which every coupling has mass, and sequences to run it on."""
    rng = np.random.default_rng(seed)
    T = np.triu(rng.standard_normal((size, size)) / 3, 1)
    T += np.diag(np.r_[[1.0, -0.97, 0.94], rng.uniform(-0.8, 0.8, size - 3)])
    Q = scipy.stats.ortho_group.rvs(size, random_state=rng)
    weights = {"W_hh": 0.7 * Q @ T @ Q.T, "W_xh": rng.standard_normal((size, 2))}
    network = Network(
        cells.make(cell, **options), weights | {"W_hy": rng.standard_normal((3, size))}
    )
    return network, Batch(rng.standard_normal((8, 20, 2)))


def made(network, fit=None, seed=0, **options):
    family = interventions.make("matched", {"draws": 2, **options})
    return list(family.of(network, fit, partial(generator, seed)))


def summarised(network, judge, fit=None, **options):
    family = interventions.make("matched", options)
    rows = family.of(network, fit, partial(generator, 0))
    return family.summary(evaluate(network, rows, judge, METRICS["fvu"]))


def taken(network, intervention):
    """Return what an intervention takes off the recurrent weight."""
    return network.weights["W_hh"] - intervention.changes["W_hh"]


def apart(found):
    """Return interventions by coupling and control."""
    groups = {}
    for one in found:
        groups.setdefault((one.removed, one.labels["control"]), []).append(one)
    return groups


CELLS = {
    "tanh": {},
    "relu": {},
    "leaky": {"a": 0.3},
    "currents": {"a": 0.3, "place": "currents", "nonlinearity": "tanh"},
}


def of_kind(name, seed):
    return gaussian(seed, cell="leaky" if name == "currents" else name, **CELLS[name])


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.sampled_from(sorted(CELLS)))
def test_each_control_keeps_what_it_says(seed, cell):
    network, fit = of_kind(cell, seed)
    W = network.weights["W_hh"]
    sectors = Sectors.of(network.headline[1].matrix, network.headline[1].threshold(0.9))
    Q, T = sectors.schur.Q, sectors.schur.T
    inputs, f = fit.inputs, np.tanh if cell == "currents" else lambda h: h
    states = network.cell.states(network.weights, inputs)
    acting = f(states[:-1])  # the first step starts from rest and sends nothing
    groups = apart(made(network, fit, seed, minimum_mass=0.0))
    assert [name for _, name in groups] == [ITSELF, *CONTROLS] * 3
    for coupling in COUPLINGS:
        (itself,) = groups[coupling, ITSELF]
        dW = taken(network, itself)
        scale = CELLS[cell].get("a", 1)  # of a change of the step matrix, which is decomposed
        mask = sectors.masks[coupling]
        np.testing.assert_allclose(scale * Q.T @ dW @ Q, np.where(mask, T, 0), atol=1e-12)
        norm, gram = np.linalg.norm(dW), dW.T @ dW
        tiny = 1e-10 * norm
        for control in CHANGES:
            for one in groups[coupling, control]:
                drawn = taken(network, one)
                assert one.mass == pytest.approx(np.linalg.norm(drawn) / np.linalg.norm(W))
                assert one.removed == coupling and one.labels["leading"] == sectors.size
                if control != "same drive":
                    assert np.linalg.norm(drawn) == pytest.approx(norm, rel=1e-10)
                if control in ("rotated", "targets moved", "sources moved"):
                    values = [np.linalg.svd(m, compute_uv=False) for m in (drawn, dW)]
                    np.testing.assert_allclose(*values, atol=tiny)
                if control == "same drive":
                    sent = [np.sum((acting @ m.T) ** 2) for m in (drawn, dW)]
                    assert sent[0] == pytest.approx(sent[1], rel=1e-9)
                if control == "targets moved":
                    np.testing.assert_allclose(drawn.T @ drawn, gram, atol=tiny * norm)
                if control == "sources moved":
                    np.testing.assert_allclose(drawn @ drawn.T, dW @ dW.T, atol=tiny * norm)
                place = scale * Q.T @ drawn @ Q
                if control == "in place":
                    assert np.abs(place[~mask]).max() < 1e-10 * norm
                if control == "random entries":
                    chosen = np.abs(place) > 1e-10 * norm
                    assert not chosen[~sectors.mask(*COUPLINGS)].any()
                    ratio = place[chosen] / T[chosen]
                    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
                    assert 0 < ratio[0] <= 1 + 1e-10


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("cell", CELLS)
def test_another_sequence_is_what_the_coupling_sends_along_it(cell, engine):
    network, judge = of_kind(cell, 3)
    found = apart(made(network, minimum_mass=0.0))
    W, f = network.weights["W_hh"], np.tanh if cell == "currents" else lambda h: h
    acting = f(network.cell.states(network.weights, judge.inputs))
    acting = np.concatenate([0 * acting[:1], acting[:-1]])
    intact = network.outputs(judge)

    def given(intervention):
        return intervention.added(judge)

    for coupling in COUPLINGS:
        dW = taken(network, found[coupling, ITSELF][0])
        sent = acting @ dW.T
        first, second = found[coupling, ANOTHER]
        added, other = (signals @ kernel.T for signals, kernel in map(given, (first, second)))
        assert np.any(added != other)
        np.testing.assert_array_equal(given(first)[0], given(first)[0])
        distance = np.abs(added[:, :, None] - sent[:, None]).max((0, 3))
        source = distance.argmin(1)  # of each sequence, which one it takes from
        assert distance.min(1).max() < 1e-12
        assert sorted(source) == list(range(20)) and np.all(source != np.arange(20))
        # As a network of twice the size, in which the intact one runs the other sequences.
        twice = {
            "W_hh": np.block([[W - dW, dW], [0 * W, W]]),
            "W_xh": scipy.linalg.block_diag(*2 * [network.weights["W_xh"]]),
            "W_hy": np.hstack([network.weights["W_hy"], np.zeros((3, len(W)))]),
        }
        inputs = np.concatenate([judge.inputs, judge.inputs[:, source]], -1)
        outputs = Network(network.cell, twice).outputs(Batch(inputs))
        (found_difference,) = evaluate(network, [first], judge, METRICS["fvu"], engine)[
            "rollout_difference"
        ]
        expected = METRICS["fvu"].difference(outputs, intact, judge)
        assert found_difference == pytest.approx(expected, rel=1e-6) and expected > 1e-3


def test_the_overlap_is_the_share_of_a_draw_that_is_the_coupling_itself():
    a = np.random.default_rng(1).uniform(0.2, 0.9, 9)
    leaky = gaussian(4, cell="leaky", a=0.3)[0]
    slow = Network(cells.make("leaky"), {**leaky.weights, "a": a})
    for network, scale in ((gaussian(4)[0], 1.0), (leaky, 0.3), (slow, a[:, None])):
        sectors = Sectors.of(network.headline[1].matrix, network.headline[1].threshold(0.9))
        Q = sectors.schur.Q
        for one in made(network, draws=5, minimum_mass=0.0):
            overlap = one.labels["overlap"]
            if one.labels["control"] != "random entries":
                assert np.isnan(overlap)
                continue
            place = Q.T @ (scale * taken(network, one)) @ Q
            mine = np.sum(place[sectors.masks[one.removed]] ** 2)
            assert overlap == pytest.approx(mine / np.sum(place**2), abs=1e-12)
    # Where there is no other coupling, every draw is the coupling itself.
    network, judge, fit = chain([(1, 2), (2, 4)], [0], [0, 1, 2])
    table = summarised(network, judge, fit, draws=3).set_index("control")["overlap"]
    assert table["random entries"] == pytest.approx(1) and table.drop("random entries").isna().all()


def test_the_coupling_and_its_draws_are_judged_by_the_first_sequences():
    network, held_out = gaussian(5)
    assert interventions.make("orders", {}).judging(held_out).sequences == 20
    family = interventions.make("matched", {"judges": 7, "draws": 3})
    judge = family.judging(held_out)
    np.testing.assert_array_equal(judge.inputs, held_out.inputs[:, :7])
    found = summarised(network, judge, draws=3)
    first = Batch(held_out.inputs[:, :7].copy())
    pd.testing.assert_frame_equal(found, summarised(network, first, draws=3))
    ablation = evaluate(network, interventions.make("couplings", {}).of(network), first, FVU)
    itself = ablation.set_index("removed")["rollout_difference"]
    np.testing.assert_allclose(found["rollout_difference"], itself[found["removed"]], rtol=1e-9)


def test_draws_do_not_depend_on_how_many_are_made_together(monkeypatch):
    network, fit = gaussian(6)
    together = made(network, fit, draws=5)
    monkeypatch.setattr("rnnschur.interventions.matched.MEMORY", 2 * 8 * 9**2)
    for one, again in zip(together, made(network, fit, draws=5), strict=True):
        assert {**one.labels} == pytest.approx({**again.labels}, nan_ok=True)
        np.testing.assert_allclose(again.changes["W_hh"], one.changes["W_hh"], atol=1e-14)


def test_of_two_sequences_none_is_another_that_could_be_drawn():
    network, judge = gaussian(5)
    for count in (1, 2, 3):
        table = summarised(network, judge.part(slice(count)), draws=2)
        assert (ANOTHER in set(table["control"])) == (count > 2)
        assert table["control"].nunique() == len(CONTROLS) - 1 - (count < 3)


def test_sequences_that_are_the_same_swap_without_a_change():
    network, judge = gaussian(5)
    same = Batch(np.repeat(judge.inputs[:, :1], 6, axis=1))
    table = summarised(network, same, draws=3).set_index("control")
    assert (table.loc[ANOTHER, "median_difference"] < 1e-9).all()
    assert (table.loc[ANOTHER, "quantile"] == 1).all()


def test_the_coupling_itself_is_removed_as_by_the_ablation():
    network, judge = gaussian(6)
    ablation = interventions.make("couplings", {}).of(network)
    ablated = evaluate(network, ablation, judge, METRICS["fvu"]).set_index("removed")
    table = summarised(network, judge, judge, draws=3)
    assert list(table["control"]) == [*CONTROLS] * 3
    for column in ("rollout_difference", "removed_mass"):
        expected = ablated.loc[table["removed"], column]
        np.testing.assert_allclose(table[column], expected, rtol=1e-9)


def chain(couplings, driven, read, size=10):
    """Return a network in its Schur coordinates, R is unit 0, and sequences to judge and to fit."""
    T = np.diag(0.9 * 0.7 ** np.arange(size))
    for target, source in couplings:
        T[target, source] = 0.8
    W_xh, W_hy = np.zeros((size, 1)), np.zeros((1, size))
    W_xh[driven, 0], W_hy[0, read] = 1.0, 1.0
    network = Network("tanh", {"W_hh": T, "W_xh": W_xh, "W_hy": W_hy})
    rng = np.random.default_rng(0)
    return network, Batch(rng.standard_normal((12, 20, 1))), Batch(rng.standard_normal((12, 9, 1)))


def test_a_coupling_that_carries_nothing_is_safe_for_that():
    # Nothing reaches C, so that whatever has its sources there does nothing.
    network, judge, fit = chain([(1, 2), (2, 4)], [0], [0, 1, 2])
    table = summarised(network, judge, fit, draws=20).set_index("control")
    assert (table["removed"] == "CC").all() and (table["rollout_difference"] == 0).all()
    tied = ["same drive", "targets moved", "in place", "random entries", ANOTHER]
    assert (table.loc[tied, "quantile"] == 0.5).all()
    assert (table.loc[tied, ["quantile_low", "quantile_high"]] == [0, 1]).all(axis=None)
    assert (table.loc[["dense", "rotated", "sources moved"], "quantile"] == 0).all()
    assert table["ratio"].isna().all()


def test_a_coupling_that_points_where_nothing_reads_is_safe_for_that():
    network, judge, fit = chain([(1, 2), (1, 4)], [0, 2, 4], [0, 2, 4])
    table = summarised(network, judge, fit, draws=20).set_index("control")
    assert (table["removed"] == "CC").all() and (table["rollout_difference"] == 0).all()
    assert (table.loc[["sources moved", ANOTHER], "quantile"] == 0.5).all()
    moved = ["dense", "rotated", "same drive", "targets moved"]
    assert (table.loc[moved, "quantile"] == 0).all()


def test_a_coupling_that_computes_is_not_safe():
    network, judge, fit = chain([(1, 2), (2, 3)], [3], [1])
    table = summarised(network, judge, fit, draws=20).set_index("control")
    assert (table["removed"] == "CC").all()
    assert table["rollout_difference"].to_numpy() == pytest.approx(1, abs=0.01)
    elsewhere = ["dense", "rotated", "sources moved", "targets moved"]
    assert (table.loc[elsewhere, "quantile"] >= 0.9).all()


def test_a_coupling_that_is_a_draw_of_its_control_has_uniform_quantiles(monkeypatch):
    # A small one, so that what an entry does is not what the others are.
    compared = {name: CHANGES[name] for name in ("in place", "dense")}
    monkeypatch.setattr("rnnschur.interventions.matched.CHANGES", compared)
    found = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        T = np.diag([0.9, 0.7, -0.6, 0.5, -0.4, 0.3])
        T[1:, 1:] += 1e-3 * np.triu(rng.standard_normal((5, 5)), 1)
        Q = scipy.stats.ortho_group.rvs(6, random_state=rng)
        weights = {"W_hh": Q @ T @ Q.T, "W_xh": rng.standard_normal((6, 2)) / 3}
        network = Network("tanh", weights | {"W_hy": rng.standard_normal((2, 6))})
        family = interventions.make("matched", {"draws": 29, "minimum_mass": 1e-6})
        changes = family.of(network, None, partial(generator, seed))
        changes = [one for one in changes if one.labels["control"] != ANOTHER]
        judge = Batch(rng.standard_normal((6, 5, 2)))
        found.append(family.summary(evaluate(network, changes, judge, METRICS["fvu"])))
    found = pd.concat(found).groupby("control")["quantile"].apply(np.array)
    assert len(found["in place"]) == 150
    assert scipy.stats.kstest(found["in place"], "uniform").pvalue > 0.05
    assert scipy.stats.kstest(found["dense"], "uniform").pvalue < 1e-6


def test_quantiles_and_their_intervals():
    draws = np.arange(200.0)
    exact = scipy.stats.beta.ppf([0.025, 0.975], [50, 51], [151, 150])
    assert list(quantile(49.5, draws).values()) == pytest.approx([0.25, *exact])
    assert list(quantile(-1, draws).values())[:2] == [0, 0]
    assert list(quantile(np.nan, draws).values())[::2] == [1, 1]
    assert list(quantile(np.inf, np.full(3, np.inf)).values()) == [0.5, 0, 1]
    # Equal but for rounding.
    assert quantile(0.5, np.array([0.5 - 1e-9, 0.5 + 1e-9, 0.7]))["quantile"] == 1 / 3
    assert quantile(0.0, np.array([1e-9, 1e-8]))["quantile"] == 0.5


def test_draws_that_ran_away_are_the_farthest():
    rows = pd.DataFrame({"removed": "CC", "control": [ITSELF, *["dense"] * 4], "leading": 3})
    rows = rows.assign(
        metric="fvu", removed_mass=0.5, overlap=np.nan, damage=[2.0, 0.0, 1.0, np.nan, 3.0]
    )
    rows["rollout_difference"] = [2.0, 0.5, 1.0, np.nan, np.inf]
    (row,) = interventions.make("matched", {}).summary(rows).to_dict("records")
    assert (row["quantile"], row["draws"], row["damage"]) == (0.5, 4, 2.0)
    assert row["difference_95"] == np.inf and np.isnan(row["ratio"])


def test_more_draws_leave_the_others_as_they_are():
    network, fit = gaussian(7)
    few, more = apart(made(network, fit, draws=2)), apart(made(network, fit, draws=4))
    for key, drawn in few.items():
        for one, again in zip(drawn, more[key], strict=False):
            assert one.changes["W_hh"].tobytes() == again.changes["W_hh"].tobytes()
    other = apart(made(network, fit, seed=1))
    for key in few.keys() - {(one, name) for one in COUPLINGS for name in (ITSELF, ANOTHER)}:
        draws = [taken(network, one) for one in (*few[key], other[key][0])]
        assert len({draw.tobytes() for draw in draws}) == 3


def test_controls_that_a_network_cannot_have_are_left_out():
    network, fit = gaussian(8)
    assert {name for _, name in apart(made(network))} == {ITSELF, *CONTROLS} - {"same drive"}
    rng = np.random.default_rng(0)
    weights = {f"W_h{gate}": rng.standard_normal((5, 5)) for gate in "rzn"}
    weights |= {f"W_x{gate}": rng.standard_normal((5, 2)) for gate in "rzn"}
    gated = Network("gru", {**weights, "W_hy": rng.standard_normal((1, 5))})
    found = made(gated, fit)
    assert {one.labels["control"] for one in found} == {ITSELF, *CONTROLS} - {ANOTHER}
    assert all([*one.changes] == ["W_hn"] for one in found)
    with pytest.raises(ValueError, match="no W_xh"):
        gated.outputs(fit, added=(np.zeros((8, 20, 5)), np.eye(5)))


def test_a_network_without_couplings_has_an_empty_table(tmp_path):
    network, judge = gaussian(9)
    orthogonal = network.replace({"W_hh": scipy.stats.ortho_group.rvs(9, random_state=0)})
    empty, some = summarised(orthogonal, judge, judge), summarised(network, judge, judge, draws=2)
    assert empty.empty and list(empty) == list(some)
    # Also beside others, in the files and the table of a study.
    for name, rows in {"a": {0: empty}, "b": {0: empty, 1: some}}.items():
        table = keyed(rows.items(), ("copy", name, 9))
        assert list(table) == [*NETWORK, *some]
        table.to_csv(tmp_path / name, index=False)
    networks = pd.DataFrame([("copy", "b", 9, 1), ("copy", "b", 9, 0)], columns=NETWORK)
    for names in ("a", "ab"):
        table = gather(tmp_path / name for name in names)
        table = judged(table, networks.assign(learned=True), "matched", Criterion())
        assert len(table) == (len(some) if "b" in names else 0)
        assert {"verdict", "learned"} <= {*table}
