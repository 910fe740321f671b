"""The diagnosis of one network, against single rollouts done by hand."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import evaluation, interventions
from rnnschur.batch import Batch
from rnnschur.coordinates import sectors
from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.criterion import Criterion
from rnnschur.diagnosis import controls, diagnose
from rnnschur.evaluation import evaluate, evaluate_sets
from rnnschur.interventions import Intervention
from rnnschur.metrics import fvu, metric, replay_accuracy, rollout_difference
from rnnschur.network import Network
from rnnschur.resampling import Resampling
from rnnschur.streams import generator


@dataclass(frozen=True)
class Case:
    """A network whose Schur form is known, and sequences to judge it by."""

    Q: np.ndarray
    T: np.ndarray
    network: Network
    batch: Batch

    def outputs(self, T):
        return self.network.replace({"W_hh": self.Q @ T @ self.Q.T}).outputs(self.batch)


def draw(dtype=np.float64):
    rng = np.random.default_rng(3)
    # Real eigenvalues of well separated moduli, so that the Schur form is unique up to signs.
    T = np.triu(0.2 * rng.standard_normal((6, 6)), 1) + np.diag([0.95, -0.9, 0.87, 0.5, -0.3, 0.1])
    Q = scipy.linalg.qr(rng.standard_normal((6, 6)))[0]
    W_xh, W_hy = rng.standard_normal((6, 2)), rng.standard_normal((3, 6))
    inputs, targets = rng.standard_normal((9, 20, 2)), rng.standard_normal((7, 20, 3))
    weights = {"W_hh": Q @ T @ Q.T, "W_xh": W_xh, "W_hy": W_hy}
    weights = {name: weight.astype(dtype) for name, weight in weights.items()}
    return Case(Q, T, Network("tanh", weights), Batch(inputs.astype(dtype), targets.astype(dtype)))


@pytest.fixture
def case():
    return draw()


@pytest.fixture
def calls(case, monkeypatch):
    """Return the leading axes of the recurrent matrices of every rollout, as they come."""
    cell, found = type(case.network.cell), []
    original = cell.outputs

    def counting(self, weights, *rest, **options):
        found.append(weights["W_hh"].shape[:-2])
        return original(self, weights, *rest, **options)

    monkeypatch.setattr(cell, "outputs", counting)
    return found


def changed(network, factor, name="W_hh"):
    """Return the intervention that multiplies a weight."""
    return Intervention(f"{name} x {factor}", {name: factor * network.weights[name]}, 0.5)


@pytest.mark.parametrize(
    ("removed", "entries"),
    [
        ("none", []),
        ("RR", [(0, 1), (0, 2), (1, 2)]),
        ("CC", [(3, 4), (3, 5), (4, 5)]),
        ("CR", [(r, c) for r in range(3) for c in range(3, 6)]),
    ],
)
def test_each_row_is_the_rollout_of_its_matrix(case, removed, entries):
    T, targets = case.T, case.batch.targets
    cut = T.copy()
    for entry in entries:
        cut[entry] = 0
    outputs, intact = case.outputs(cut), case.outputs(T)
    row = diagnose(case.network, case.batch, alphas=[0.9]).set_index("removed").loc[removed]
    mass = np.linalg.norm(T - cut) / np.linalg.norm(T)
    damage = fvu(outputs, targets) - fvu(intact, targets)
    variance = np.mean((intact - intact.mean(axis=(0, 1))) ** 2)
    assert row["leading"] == 3
    assert row["value"] == pytest.approx(fvu(outputs, targets), rel=1e-9)
    assert row["delta"] == pytest.approx(damage, rel=1e-7, abs=1e-12)
    assert row["damage"] == row["delta"]
    assert row["removed_mass"] == pytest.approx(mass, rel=1e-9)
    assert row["removed_share"] == pytest.approx(mass**2, rel=1e-9)
    assert row["rollout_difference"] == pytest.approx(
        np.sqrt(np.mean((outputs - intact) ** 2) / variance), rel=1e-6, abs=1e-12
    )
    if removed == "none":
        assert row["delta"] == 0 and row["rollout_difference"] == 0 and np.isnan(row["sensitivity"])
    else:
        assert row["sensitivity"] == pytest.approx(damage / mass, rel=1e-7)


@pytest.mark.parametrize("measure", ["fvu", "replay_accuracy"])
def test_every_row_has_intervals_and_distances_and_the_study_has_neither(case, measure):
    rows = diagnose(case.network, case.batch, measure)
    for name in ("value", "damage", "rollout_difference"):
        low, high = rows[f"{name}_low"], rows[f"{name}_high"]
        assert (low <= rows[name]).all() and (rows[name] <= high).all()
        assert list(rows).index(name) == list(rows).index(f"{name}_low") - 1
    removing = rows[rows["removed_mass"] > 0]
    assert (removing["damage_high"] > removing["damage_low"]).all()
    assert (removing["rollout_difference_high"] > removing["rollout_difference_low"]).all()
    bounds = Criterion()
    for name, column in (("epsilon", "rollout_difference"), ("minimum_mass", "removed_mass")):
        np.testing.assert_array_equal(rows[f"from_{name}"], rows[column] - getattr(bounds, name))
    np.testing.assert_array_equal(rows["from_fragile"], rows["rollout_difference"] - 1)
    couplings = interventions.make("couplings", {}).of(case.network)
    study = evaluate(case.network, couplings, case.batch, metric(measure))
    assert list(study) == ["alpha", "leading", *evaluation._COLUMNS]
    pd.testing.assert_frame_equal(study, rows[list(study)], check_exact=True)


def test_the_seed_decides_the_intervals_and_nothing_that_is_measured(case):
    one, same, other = (diagnose(case.network, case.batch, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    differ = {name for name in one if not one[name].equals(other[name])}
    assert differ >= {"value_low", "damage_high", "rollout_difference_low", "change_moves"}
    assert not differ & {"value", "rollout_difference", "removed_mass", "verdict", "note"}


def test_rows_whose_sectors_are_open_get_no_verdict():
    rows = pd.DataFrame({"rollout_difference": [0.0, 0.5, 2.0], "removed_mass": 0.5})
    rows["determined"] = [True, False, True]
    assert Criterion().verdicts(rows).tolist() == ["stabilizer", None, "fragile"]


def test_accuracy_counts_its_loss_as_damage(case):
    rows = diagnose(case.network, case.batch, "replay_accuracy")
    known = rows[rows["removed_mass"] > 0]
    np.testing.assert_array_equal(rows["damage"], -rows["delta"])
    np.testing.assert_allclose(known["sensitivity"], -known["delta"] / known["removed_mass"])
    outputs = case.outputs(case.T)
    assert rows["value"][0] == pytest.approx(replay_accuracy(outputs, case.batch.targets))


def test_verdicts_are_those_of_the_criterion(case):
    for criterion in (None, Criterion(epsilon=0.2, minimum_mass=0.4, fragile=0.3)):
        rows = diagnose(case.network, case.batch, criterion=criterion)
        bounds = criterion or Criterion()
        expected = bounds.verdict(rows["rollout_difference"], rows["removed_mass"])
        assert rows["verdict"].tolist() == expected.tolist()
        assert len(set(expected)) > 1


def test_thresholds_share_rollouts_and_change_nothing(case, calls):
    together = diagnose(case.network, case.batch, alphas=[0.9, 0.91, 0.5])
    # 0.9 and 0.91 draw the same border, 0.5 another; these two share the intact matrix, which comes
    # first, and the one without any coupling.
    assert calls == [(), (13,)]
    assert list(together["removed"]) == list(SUBSETS) * 3
    assert list(together["alpha"]) == [0.9] * 8 + [0.91] * 8 + [0.5] * 8
    apart = [diagnose(case.network, case.batch, alphas=[alpha]) for alpha in (0.9, 0.91, 0.5)]
    for column in ("value", "delta", "removed_mass", "rollout_difference"):
        np.testing.assert_allclose(
            together[column], np.concatenate([rows[column] for rows in apart]), rtol=1e-10
        )


def test_engines_agree():
    case = draw(np.float32)
    reference, fast = (
        diagnose(case.network, case.batch, alphas=[0.9, 0.5], engine=engine)
        for engine in ("reference", "fast")
    )
    np.testing.assert_allclose(fast["value"], reference["value"], rtol=1e-4)
    np.testing.assert_allclose(
        fast["rollout_difference"], reference["rollout_difference"], rtol=1e-4, atol=1e-6
    )


def test_the_engine_is_the_one_that_is_asked_for(case, calls, monkeypatch):
    compiled = case.network.cell.compiled
    fast = []

    def counting(weights, *rest):
        fast.append(weights["W_hh"].shape[:-2])
        return compiled(weights, *rest)

    monkeypatch.setattr(type(case.network.cell), "compiled", staticmethod(counting))
    diagnose(case.network, case.batch)
    assert calls == [(), (7,)] and fast == []
    diagnose(case.network, case.batch, engine="fast")
    assert calls == fast == [(), (7,)]


def test_equal_matrices_are_rolled_out_once(case, calls):
    network = case.network
    changes = [changed(network, factor) for factor in (0.5, 1.0, 0.9, 0.5, 1.0, 0.9)]
    table = evaluate(network, changes, case.batch, metric("fvu"))
    assert calls == [(), (2,)]
    assert table["removed"].tolist() == [change.removed for change in changes]
    values = table["value"].to_numpy()
    np.testing.assert_array_equal(values[:3], values[3:])
    assert len(set(values)) == 3
    assert table["delta"][1] == table["rollout_difference"][1] == 0


def test_what_is_known_of_an_intervention_is_no_copy_of_its_weights(case):
    weights = {name: 2 * weight for name, weight in case.network.weights.items()}
    large = sum(weight.nbytes for weight in weights.values())
    keys = [evaluation._key(case.network, Intervention("", weights, 0.0, {"draw": 0}))]
    assert sum(len(digest) for key in keys for _, digest in key) <= 64 * len(weights) < large
    other = {**weights, "W_hh": np.nextafter(weights["W_hh"], 9)}
    keys.append(evaluation._key(case.network, Intervention("", other, 0.0)))
    keys.append(evaluation._key(case.network, Intervention("", dict(weights), 0.0)))
    assert keys[0] == keys[2] != keys[1]


def test_an_intervention_that_takes_more_sequences_is_left_out(case):
    changes = [Intervention(str(k), {}, 0.0, least=k) for k in (1, 20, 21)]
    table = evaluate(case.network, changes, case.batch, metric("fvu"))
    assert table["removed"].tolist() == ["1", "20"]


def test_what_is_equal_in_the_precision_of_the_network_is_equal(calls):
    case = draw(np.float32)
    W = case.network.weights["W_hh"].astype(float)
    changes = [Intervention("", {"W_hh": W * factor}, 0.0) for factor in (1 + 1e-12, 2, 2 + 1e-12)]
    table = evaluate(case.network, changes, case.batch, metric("fvu"))
    assert calls == [(), ()]
    assert table["value"].nunique() == 2 and table["delta"][0] == 0


def test_changes_of_recurrent_weights_are_stacked_and_others_are_not(case, calls):
    network = case.network
    changes = [
        changed(network, 0.5),
        changed(network, 0.5, "W_xh"),
        changed(network, 0.9),
        changed(network, 0.7, "W_xh"),
        changed(network, 0.5, "W_hy"),
        Intervention("both", {"W_hh": -network.weights["W_hh"], "W_hy": np.ones((3, 6))}, 0.5),
        changed(network, 0.7),
    ]
    table = evaluate(network, changes, case.batch, metric("fvu"))
    assert sorted(calls) == [(), (), (), (), (), (3,)]
    for row, change in zip(table.to_dict("records"), changes, strict=True):
        alone = network.replace(change.changes).outputs(case.batch)
        intact = network.outputs(case.batch)
        assert row["removed"] == change.removed
        assert row["value"] == pytest.approx(fvu(alone, case.batch.targets), rel=1e-12)
        assert row["rollout_difference"] == pytest.approx(
            rollout_difference(alone, intact), rel=1e-9
        )


def test_an_intervention_may_change_all_weights(case):
    rng = np.random.default_rng(9)
    weights = {name: rng.standard_normal(w.shape) for name, w in case.network.weights.items()}
    labels = {"draw": 4}
    table = evaluate(
        case.network, [Intervention("all", weights, 1.4, labels)], case.batch, metric("fvu")
    )
    (row,) = table.to_dict("records")
    outputs = Network("tanh", weights).outputs(case.batch)
    assert row["value"] == pytest.approx(fvu(outputs, case.batch.targets), rel=1e-12)
    assert row["delta"] == pytest.approx(
        row["value"] - fvu(case.network.outputs(case.batch), case.batch.targets)
    )
    assert (row["draw"], row["removed"], row["removed_mass"]) == (4, "all", 1.4)
    assert row["sensitivity"] == pytest.approx(row["damage"] / 1.4)


def test_an_empty_intervention_is_the_intact_network(case, calls):
    nothing = Intervention("nothing", {}, 0.0)
    table = evaluate(case.network, [nothing], case.batch, metric("fvu"))
    (row,) = table.to_dict("records")
    assert row["value"] == fvu(case.network.outputs(case.batch), case.batch.targets)
    assert row["delta"] == row["damage"] == row["rollout_difference"] == 0
    assert np.isnan(row["sensitivity"])
    assert calls[:-1] == [()]


def test_no_interventions_give_a_table_without_rows(case):
    none = evaluate(case.network, [], case.batch, metric("fvu"))
    some = evaluate(case.network, [changed(case.network, 2)], case.batch, metric("fvu"))
    assert none.empty and list(none) == list(some)


def chunk(case, count):
    """Return the memory that so many networks take."""
    batch, sizes = case.batch, case.network.sizes
    outputs = batch.steps * batch.sequences * sizes["output"]
    return count * 8 * (sizes["unit"] ** 2 + 4 * outputs)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, [()] * 14), (5, [(), (4,), (3,), (3,), (3,)]), (99, [(), (13,)])]
)
def test_memory_bounds_what_is_measured_together(case, calls, monkeypatch, count, expected):
    monkeypatch.setattr(evaluation, "MEMORY", chunk(case, count))
    diagnose(case.network, case.batch, alphas=[0.9, 0.91, 0.5])
    assert calls == expected  # groups of `count`, equal matrices once over all of them


def test_the_cache_bounds_what_is_rolled_out_side_by_side(case, calls, monkeypatch):
    together = diagnose(case.network, case.batch, alphas=[0.9, 0.91, 0.5])
    calls.clear()
    step = case.batch.sequences * case.network.sizes["unit"] * case.network.dtype.itemsize
    monkeypatch.setattr("rnnschur.network.CACHE", 3 * step)
    apart = diagnose(case.network, case.batch, alphas=[0.9, 0.91, 0.5])
    assert calls == [(), (3,), (3,), (3,), (3,), (1,)]
    pd.testing.assert_frame_equal(together, apart, check_exact=True)


def test_interventions_are_drawn_as_they_are_needed(case, calls, monkeypatch):
    monkeypatch.setattr(evaluation, "MEMORY", chunk(case, 2))
    waiting = []

    def draw_them():
        for factor in range(2, 8):
            waiting.append(factor)
            yield changed(case.network, factor)
            assert len(waiting) - 2 * (len(calls) - 1) <= 2

    table = evaluate(case.network, draw_them(), case.batch, metric("fvu"))
    assert len(table) == 6 and calls == [(), (2,), (2,), (2,)]


@pytest.mark.parametrize("engine", ["reference", "fast"])
@given(
    units=st.integers(1, 9),
    shape=st.tuples(st.integers(2, 6), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)),
    dtype=st.sampled_from([np.float32, np.float64]),
    count=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_chunks_do_not_change_a_bit(engine, units, shape, dtype, count, seed):
    steps, sequences, inputs, outputs = shape
    rng = np.random.default_rng(seed)
    shapes = {"W_hh": (units, units), "W_xh": (units, inputs), "W_hy": (outputs, units)}
    weights = {name: rng.standard_normal(s).astype(dtype) for name, s in shapes.items()}
    network = Network("tanh", weights)
    batch = Batch(
        rng.standard_normal((steps, sequences, inputs)),
        rng.standard_normal((steps - 1, sequences, outputs)).astype(dtype),
    )
    if steps == 2 and sequences == 1:  # one target does not vary
        batch = Batch(batch.inputs, rng.standard_normal((2, 1, outputs)).astype(dtype))
    couplings = interventions.make("couplings", {"alphas": (0.9, 0.5)})
    how = batch, metric("fvu"), engine, Resampling.of(sequences, 0, 50)
    together = evaluate(network, couplings.of(network), *how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "MEMORY", chunk(Case(None, None, network, batch), count))
        apart = evaluate(network, couplings.of(network), *how)
    pd.testing.assert_frame_equal(together, apart, check_exact=True)


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["inputs", "targets"])
def test_entries_that_are_not_finite_are_refused(case, name, entry):
    arrays = {"inputs": case.batch.inputs.copy(), "targets": case.batch.targets.copy()}
    arrays[name][3, 4, 1] = entry
    with pytest.raises(ValueError, match=rf"^{name} have a NaN or infinite entry; a") as refusal:
        diagnose(case.network, Batch(**arrays))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("outputs", [1, 2, 4])
@pytest.mark.parametrize("measure", ["fvu", "replay_accuracy"])
def test_targets_for_another_number_of_outputs_are_refused(case, outputs, measure):
    batch = Batch(case.batch.inputs, np.random.default_rng(0).standard_normal((7, 20, outputs)))
    with pytest.raises(ValueError, match=rf"\(7, 20, {outputs}\).*; allowed: ") as refusal:
        diagnose(case.network, batch, measure)
    assert "\n" not in str(refusal.value)


def test_inputs_for_another_network_are_refused(case):
    batch = Batch(case.batch.inputs[..., :1], case.batch.targets)
    with pytest.raises(ValueError, match=r"^inputs have shape \(9, 20, 1\); allowed: .* 2\)"):
        diagnose(case.network, batch)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "mse"}, "metric is 'mse'; allowed: "),
        ({"alphas": (0.9, 1.5)}, r"alphas is \(0.9, 1.5\); allowed: "),
        ({"alphas": ()}, r"alphas is \(\); allowed: "),
        ({"engine": "quick"}, "engine is 'quick'; allowed: fast, reference"),
    ],
)
def test_what_is_not_allowed_is_named(case, options, words):
    with pytest.raises(ValueError, match=f"^{words}") as refusal:
        diagnose(case.network, case.batch, **options)
    assert "\n" not in str(refusal.value)


def test_a_schur_form_is_computed_once(case, monkeypatch):
    computed = []

    def counting(matrix):
        computed.append(matrix.shape)
        return form

    form = sectors.ordered_real_schur(case.network.weights["W_hh"])
    for module in ("rnnschur.network", "rnnschur.coordinates.sectors"):
        monkeypatch.setattr(f"{module}.ordered_real_schur", counting)
    first = diagnose(case.network, case.batch, alphas=(0.9, 0.5))
    again = diagnose(case.network, case.batch, alphas=(0.9, 0.5))
    assert computed == [(6, 6)]
    given_one = Network("tanh", case.network.weights, {"W_hh": form})
    third = diagnose(given_one, case.batch, alphas=(0.9, 0.5))
    assert computed == [(6, 6)]
    for table in (again, third):
        pd.testing.assert_frame_equal(first, table, check_exact=True)


def test_the_form_of_another_matrix_is_refused(case):
    form = sectors.ordered_real_schur(case.network.weights["W_hh"] + 1e-6)
    network = Network("tanh", case.network.weights, {"W_hh": form})
    with pytest.raises(ValueError, match="not a Schur form of the matrix"):
        diagnose(network, case.batch)
    changed_network = case.network.replace({"W_hh": np.eye(6)})
    assert changed_network.forms == {}


@pytest.mark.parametrize(
    ("matrix", "labels", "words"),
    [
        (np.stack([np.eye(6)] * 2), {}, r"W_hh has shape \(2, 6, 6\)"),
        (np.full((6, 6), np.nan), {}, "entries that are not finite"),
        (np.eye(6), {"delta": 7}, "label 'delta' is a column of the table"),
        (np.eye(6), {"set": 7}, "label 'set' is a column of the table"),
    ],
)
def test_interventions_that_say_nothing_are_refused(case, matrix, labels, words):
    changes = [Intervention("mine", {"W_hh": matrix}, 0.1, labels)]
    with pytest.raises(ValueError, match=f"^mine: .*{words}") as refusal:
        evaluate(case.network, changes, case.batch, metric("fvu"))
    assert "\n" not in str(refusal.value)


def sets_of(case, sizes=(7, 1, 12)):
    """Return the sequences of a case in sets, each with outputs of another variance."""
    ends = np.cumsum([0, *sizes])
    return [
        Batch((1 + k) * case.batch.inputs[:, a:b], (1 + k) * case.batch.targets[:, a:b])
        for k, (a, b) in enumerate(pairwise(ends))
    ]


@pytest.mark.parametrize("measure", ["fvu", "replay_accuracy"])
def test_every_set_is_measured_alone_and_all_are_together(case, measure, calls):
    sets, couplings = sets_of(case), interventions.make("couplings", {"alphas": (0.9, 0.5)})
    pooled, by_set = evaluate_sets(case.network, couplings.of(case.network), sets, metric(measure))
    rolled_out = len(calls)
    whole = evaluate(case.network, couplings.of(case.network), Batch.joined(sets), metric(measure))
    assert rolled_out == len(calls) - rolled_out  # nothing is rolled out twice
    pd.testing.assert_frame_equal(pooled, whole, check_exact=True)
    assert by_set["set"].tolist() == [0, 1, 2] * len(pooled)
    assert list(by_set.drop(columns="set")) == list(pooled)
    for k, one in enumerate(sets):
        alone = evaluate(case.network, couplings.of(case.network), one, metric(measure))
        rows = by_set[by_set["set"] == k].drop(columns="set").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone, rtol=1e-9, atol=1e-12)
    # What all sequences give is not the mean over sets of unlike size and variance.
    apart = by_set.groupby(["alpha", "removed"], sort=False)["rollout_difference"].mean()
    assert (apart.to_numpy()[1:] != pooled["rollout_difference"].to_numpy()[1:]).any()


def test_sets_without_interventions_or_targets(case):
    inputs = [Batch(one.inputs) for one in sets_of(case)]
    pooled, by_set = evaluate_sets(case.network, [], inputs, metric("fvu"))
    assert pooled.empty and by_set.empty and "set" in by_set
    pooled, by_set = evaluate_sets(case.network, [changed(case.network, 2)], inputs, metric("fvu"))
    assert by_set["value"].isna().all() and (by_set["rollout_difference"] > 0).all()


def test_what_is_chosen_on_sequences_is_judged_by_the_others():
    rng = np.random.default_rng(0)
    weights = {"W_hh": rng.standard_normal((8, 8)) / 3, "W_xh": rng.standard_normal((8, 2))}
    network = Network("tanh", {**weights, "W_hy": rng.standard_normal((1, 8))})
    batch = Batch(rng.standard_normal((12, 9, 2)))
    family = interventions.make("activity", {})
    fit, judge = (batch.part(slice(start, None, 2)) for start in (1, 0))
    changes = family.of(network, fit, partial(generator, 0, "activity"))
    expected = evaluate(network, changes, judge, metric("fvu"))
    found = controls(network, batch)
    assert len(expected)
    np.testing.assert_array_equal(
        found["activity"]["rollout_difference"], expected["rollout_difference"]
    )
    twice = controls(network, batch, alphas=[0.9, 0.5])["frontier"]
    key = ["removed", "basis", "ranking", "epsilon", "alpha"]
    assert not twice.duplicated(key).any()  # entries are asked once, couplings at each threshold
    assert twice["alpha"].dropna().tolist() == [0.9] * 3 + [0.5] * 3
    alone = controls(network, batch.sequence(0))
    assert alone["activity"].empty and len(alone["orders"]) == len(found["orders"])
