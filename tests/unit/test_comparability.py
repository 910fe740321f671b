"""Comparable across networks: kinds that can be told apart, kinds that cannot, and their spread."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnschur import comparability
from rnnschur.comparability import classified, descriptions, p_value, spread, told_apart
from rnnschur.coordinates.sectors import SUBSETS
from rnnschur.statistics import Bootstrap
from rnnschur.tables import NETWORK

BOOTSTRAP = Bootstrap(confidence=0.95, resamples=100, study_seed=1)


def plain(X):
    """Return the same answers by centroids and distances, written out."""
    folds, kinds, _ = X.shape
    right = np.zeros((folds, kinds), dtype=bool)
    for fold in range(folds):
        rest = X[np.arange(folds) != fold]
        mean, sd = rest.mean(axis=(0, 1)), rest.std(axis=(0, 1))
        varies = sd > 1e-12
        centroids = ((rest - mean)[..., varies] / sd[varies]).mean(axis=0)
        for kind in range(kinds):
            x = (X[fold, kind] - mean)[varies] / sd[varies]
            right[fold, kind] = np.argmin(np.linalg.norm(centroids - x, axis=1)) == kind
    return right


@pytest.mark.parametrize("shape", [(2, 2, 1), (5, 3, 4), (10, 4, 200)])
def test_against_centroids_and_distances_written_out(shape):
    rng = np.random.default_rng(sum(shape))
    X = rng.standard_normal(shape) + 0.5 * rng.standard_normal(shape[1:])
    X[..., 0] = 3.0 if shape[2] > 1 else X[..., 0]  # does not vary
    if shape[2] > 2:
        X[:, :, 1], X[-1, :, 1] = 3.0, 4.0  # varies only with the last fold
        X[0, :, 2] += 1e9  # next to nothing without the first
    np.testing.assert_array_equal(classified(X), plain(X))


def test_memory_grows_with_the_networks_and_not_with_their_square():
    X = np.random.default_rng(0).standard_normal((300, 2, 3))
    tracemalloc.start()
    classified(X)  # inner products of all networks, in each fold: 860 MB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * X.nbytes


def test_permutations_are_the_same_however_many_at_once(monkeypatch):
    X = np.random.default_rng(1).standard_normal((5, 3, 4)) + 0.5 * np.arange(3)[:, None]
    found = p_value(X, np.random.default_rng(2), 50)
    assert 1 / 51 < found < 1
    monkeypatch.setattr(comparability, "AT_ONCE", 500)
    assert p_value(X, np.random.default_rng(2), 50) == found


def test_kinds_that_are_apart_are_told_apart_whatever_the_units():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 3, 4)) + 20 * np.arange(3)[:, None]
    assert classified(X).all()
    assert classified(X * [1e-9, 1.0, 1e6, 1.0] + [0, 1e3, 0, -5]).all()
    # At least as many only where every fold keeps its labels, up to the names of the kinds.
    assert p_value(X, rng, 199) < 0.02


def test_networks_of_one_distribution_are_told_apart_by_chance_alone():
    """The mean accuracy is chance, and p is as good as uniform: at most 0.05 in one of twenty."""
    rng = np.random.default_rng(1)
    found = [rng.standard_normal((8, 3, 5)) for _ in range(150)]
    accuracy = np.mean([classified(X) for X in found])
    assert abs(accuracy - 1 / 3) < 4 * np.sqrt(2 / 9 / (150 * 24))
    p = np.array([p_value(X, rng, 39) for X in found[:80]])
    assert stats.binomtest(int(np.sum(p <= 0.05)), 80, 0.05, "greater").pvalue > 0.001
    assert 0.35 < p.mean() < 0.7


def test_one_network_left_out_alone_would_be_below_chance():
    """Why one of every kind is, shown by two kinds of two networks, of one number each."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((3000, 2, 2, 1))
    balanced = np.mean([classified(x) for x in X])
    alone = []
    for x in X[:, :, :, 0]:
        centroids = np.array([x[1, 0], x[:, 1].mean()])  # x[0, 0] is left out
        alone.append(np.argmin(np.abs(centroids - x[0, 0])) == 0)
    assert abs(balanced - 0.5) < 0.02 and np.mean(alone) < 0.47


def test_a_description_that_is_the_kind_beats_one_that_is_noise():
    rng = np.random.default_rng(3)
    keys = [(task, "orthogonal", 64, s) for task in ("copy", "sine", "pong") for s in range(7)]
    index = pd.MultiIndex.from_tuples(keys[:-2], names=NETWORK)  # the last kind has two fewer
    kind = pd.factorize(index.get_level_values("task"))[0]
    noise = rng.standard_normal((len(index), 6))
    known = pd.DataFrame({"a": kind + 0.01 * noise[:, 0], "b": noise[:, 1], "c": np.nan}, index)
    found = told_apart({"known": known[["a", "c"]], "noise": pd.DataFrame(noise, index)}, "task", 5)
    found = found.set_index("features")
    assert found.loc["known", "accuracy"] == 1 and found.loc["known", "p"] <= 0.005
    assert found.loc["noise", "accuracy"] < 0.8 and found.loc["noise", "p"] > 0.02
    assert set(found["networks"]) == {5} and found["size"].tolist() == [1, 6]
    np.testing.assert_allclose(found["chance"], 1 / 3)
    again = told_apart({"noise": pd.DataFrame(noise, index)}, "task", 5).iloc[0]
    assert again["p"] == found.loc["noise", "p"]  # whatever else is described


def test_a_question_is_asked_among_networks_that_differ_in_nothing_else():
    rng = np.random.default_rng(4)
    conditions = [("copy", "orthogonal", 8), ("sine", "orthogonal", 8), ("copy", "cayley", 8)]
    conditions += [("copy", "orthogonal", 9), ("sine", "default", 9)]
    index = pd.MultiIndex.from_tuples(
        [(*condition, seed) for condition in conditions for seed in range(4)], names=NETWORK
    )
    known = pd.DataFrame({"a": np.repeat(np.arange(5), 4) + 0.01 * rng.random(20)}, index)
    modules = {"copy": "copy", "sine": "sine"}
    noise = known * 0 + rng.random()
    found = comparability.questions({"known": known, "noise": noise}, 1, modules)
    assert found["asked"].tolist() == ["task"] * 2 + ["architecture"] * 2
    assert set(found["width"]) == {8} and set(found["kinds"]) == {2}
    assert (
        found["architecture"].tolist()[:2] == ["orthogonal"] * 2 and found["task"].isna()[:2].all()
    )
    assert found["task"].tolist()[2:] == ["copy"] * 2
    assert found.loc[found["features"] == "known", "accuracy"].tolist() == [1, 1]
    assert len(comparability.questions({"known": known[:4]}, 1, modules)) == 0
    p = found["p"].to_numpy()
    order = np.argsort(p)
    factors = np.maximum.accumulate(p[order] * [4, 3, 2, 1])
    np.testing.assert_allclose(found["p_adjusted"].to_numpy()[order], np.minimum(factors, 1))


def test_tasks_that_begin_with_the_same_weights_are_one_task():
    """Another schedule of copy is asked for its architecture, but not told from copy."""
    conditions = [("copy_curriculum", "orthogonal"), ("copy", "orthogonal"), ("sine", "orthogonal")]
    conditions += [("copy_curriculum", "cayley")]
    index = pd.MultiIndex.from_tuples(
        [(*condition, 8, seed) for condition in conditions for seed in range(3)], names=NETWORK
    )
    known = {"known": pd.DataFrame({"a": np.random.default_rng(5).random(len(index))}, index)}
    modules = {"copy": "copy", "copy_curriculum": "copy", "sine": "sine"}
    found = comparability.questions(known, 1, modules)
    assert found["asked"].tolist() == ["task", "architecture"]
    assert found["kinds"].tolist() == [2, 2] and found.loc[1, "task"] == "copy_curriculum"
    without = {"known": known["known"].drop("copy_curriculum", level="task")}
    again = comparability.questions(without, 1, modules)
    assert again.loc[0, ["accuracy", "p"]].equals(found.loc[0, ["accuracy", "p"]])
    # Where there is no copy, its other schedule is the first.
    without = {"known": known["known"].drop("copy", level="task")}
    found = comparability.questions(without, 1, modules)
    assert found["asked"].tolist() == ["task", "architecture"]


def test_networks_are_paired_by_seed():
    """Those of one seed are left out together, whatever the order and whoever has not learned."""
    keys = [("copy", "orthogonal", 8, s) for s in (0, 1, 2, 4)]
    keys += [("sine", "orthogonal", 8, s) for s in (4, 2, 3, 1)]
    index = pd.MultiIndex.from_tuples(keys, names=NETWORK)
    table = pd.DataFrame({"a": np.arange(8.0)}, index)
    seen, classify = [], comparability.classified
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparability, "classified", lambda X: seen.append(X) or classify(X))
        (row,) = told_apart({"a": table}, "task", 0).to_dict("records")
    assert row["networks"] == 3  # seeds 1, 2 and 4
    np.testing.assert_array_equal(seen[0][..., 0], [[1, 7], [2, 5], [3, 4]])


def test_too_few_networks_or_kinds_leave_the_row_empty():
    index = pd.MultiIndex.from_tuples(
        [
            ("copy", "orthogonal", 64, 0),
            ("copy", "orthogonal", 64, 1),
            ("sine", "orthogonal", 64, 0),
        ],
        names=NETWORK,
    )
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index)
    for part in (table, table[:2], table[:0]):
        (row,) = told_apart({"a": part}, "task", 0).to_dict("records")
        assert np.isnan(row["accuracy"]) and np.isnan(row["p"])


def tables(seeds=4):
    """Return ablations, networks and spectra of made-up networks; the last has not learned."""
    ablations, networks, spectra = [], [], []
    for seed in range(seeds):
        name = ("copy", "orthogonal", 3, seed)
        for number, subset in enumerate(SUBSETS):
            mass, difference = 0.1 * number, 0.0 if number == 0 else 10.0 ** (number - 3)
            row = (0.9, subset, "fvu", 0.5, 0.1 * seed, mass, np.nan, difference)
            ablations.append((*name, *row, seed < seeds - 1))
        networks.append((*name, seed < seeds - 1, 2 + seed % 2, 0.3))
        spectra += [(*name, i, m) for i, m in enumerate((1.0, 0.5 + seed / 10, 0.5))]
    columns = [*NETWORK, "alpha", "removed", "metric", "value", "delta", "removed_mass"]
    columns += ["sensitivity", "rollout_difference", "learned"]
    return (
        pd.DataFrame(ablations, columns=columns),
        pd.DataFrame(networks, columns=[*NETWORK, "learned", "leading", "mass_CR"]),
        pd.DataFrame(spectra, columns=[*NETWORK, "index", "modulus"]),
    )


def signed():
    """Return the same tables with damages of both signs, whose mean is 0."""
    ablations, *rest = tables()
    return ablations.assign(delta=ablations["delta"] - 0.1), *rest


def test_descriptions_are_of_networks_that_have_learned_and_hold_no_damage():
    found = descriptions(*tables())
    assert set(found) == {"profile", "sectors", "moduli"}
    for table in found.values():
        assert table.index.get_level_values("seed").tolist() == [0, 1, 2]
        assert np.isfinite(table.to_numpy()).all()
    assert found["sectors"].shape[1] == 8 and found["profile"].shape[1] == 15
    assert not [name for name in found["profile"] if name.startswith(("damage", "value"))]
    row = found["profile"].iloc[1]
    assert row["leading"] == 3 and row["mass_CC"] == pytest.approx(0.3)
    assert row["difference_RR"] == pytest.approx(-2) and row["difference_all"] == pytest.approx(4)
    assert found["moduli"].iloc[2].tolist() == [1.0, 0.7, 0.5]


def test_differences_that_are_rounding_are_all_the_same():
    ablations, *rest = tables()
    ablations["rollout_difference"] = np.where(ablations["removed"] == "CC", 1e-9, 1e-12)
    profile = descriptions(ablations, *rest)["profile"]
    assert set(profile.filter(like="difference").to_numpy().ravel()) == {
        np.log10(comparability.LEAST)
    }


def test_spread_is_over_the_networks_of_a_condition():
    found = spread(*tables(), BOOTSTRAP).set_index("quantity")
    assert set(found["networks"]) == {3}
    leading = found.loc["leading"]
    assert leading["mean"] == pytest.approx(7 / 3)
    assert leading["sd"] == pytest.approx(np.std([2, 3, 2], ddof=1))
    assert leading["variation"] == pytest.approx(leading["sd"] / leading["mean"])
    assert found.loc["mass_CR", "variation"] == 0
    assert found.loc["damage_CC", "mean"] == pytest.approx(0.1)
    assert np.isnan(found.loc["damage_CC", "variation"])  # one of them is 0
    below = comparability.spread(*signed(), BOOTSTRAP).set_index("quantity")
    assert np.isnan(below.loc["damage_CC", "variation"]) and below.loc["leading", "variation"] > 0
    assert found.loc["modulus_50", "mean"] == pytest.approx(np.mean([0.5, 0.6, 0.7]))
    assert "damage_none" not in found.index and "difference_all" in found.index
