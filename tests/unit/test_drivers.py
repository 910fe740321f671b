"""What decides which coupling dominates: regressions against closed forms and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnschur import drivers
from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.report import figures

TASKS = {
    "context": {"protocol": {"steps": 50, "gain": 1.0}, "gradient_clip": 1.0, "shifts": {"a": {}}},
    "b": {"like": "context", "protocol": {"steps": 200, "gain": 1.0}, "gradient_clip": 1.0},
    "c": {"like": "context", "protocol": {"steps": 50, "gain": 1.0}, "gradient_clip": None},
}


def test_settings_are_doublings_of_those_of_the_start():
    table = drivers.settings(TASKS, "context")
    assert table.to_dict("index") == {
        "context": {"steps": 0, "no gradient clip": 0},
        "b": {"steps": 2, "no gradient clip": 0},
        "c": {"steps": 0, "no gradient clip": 1},
    }


def rows(protocol, seed, alpha, leading, damages):
    """Return the rows of thresholds.csv of a network, whose couplings do some damage."""
    table = pd.DataFrame({"removed": list(damages), "delta": list(damages.values())})
    names = {"protocol": protocol, "seed": seed, "alpha": alpha, "leading": leading}
    return table.assign(**names, metric="fvu", learned=True)


def test_shares_are_of_the_damage_that_is_done_and_the_largest_dominates():
    table = pd.concat(
        [
            rows("a", 0, 0.9, 8, {"none": 0.0, "RR": -0.2, "CR": 3.0, "CC": 1.0, "RR+CR": 9.0}),
            rows("a", 1, 0.9, 4, {"none": 0.0, "RR": -0.2, "CR": -3.0, "CC": 0.0}),
        ]
    )
    (row,) = drivers.damage_shares(table, ["protocol", "seed", "alpha"]).to_dict("records")
    assert [row[c] for c in ("RR", "CR", "CC")] == [0, 0.75, 0.25]
    assert (row["seed"], row["leading"], row["dominant"]) == (0, 8, "CR")


def test_the_determination_is_the_squared_correlation_of_one_driver():
    x, y = np.random.default_rng(1).standard_normal((2, 30))
    assert drivers.determination(y, x) == pytest.approx(stats.pearsonr(x, y).statistic ** 2)
    assert drivers.determination(3 * x - 1, x) == pytest.approx(1)


def test_with_clusters_of_one_row_the_error_is_that_of_white():
    """Of one driver it has a closed form: sum of (x - mean)^2 e^2, over the square of Sxx."""
    x, noise = np.random.default_rng(2).standard_normal((2, 40))
    y = 1 + 2 * x + noise * (1 + np.abs(x))
    line = stats.linregress(x, y)
    rest, off = y - line.intercept - line.slope * x, x - x.mean()
    white = np.sqrt(np.sum(off**2 * rest**2)) / np.sum(off**2) * np.sqrt(40 / 38)
    found, low, high = drivers.cluster_robust(y, x[:, None], np.arange(40), 0.95)
    assert found == pytest.approx([line.slope])
    assert (high - low) / 2 == pytest.approx([stats.t.ppf(0.975, 39) * white])
    # That every row comes twice, in one cluster, tells nothing new.
    twice = drivers.cluster_robust(*(np.repeat(v, 2, axis=0) for v in (y, x[:, None])),
                                   np.repeat(np.arange(40), 2), 0.95)  # fmt: skip
    ratio = np.sqrt(79 / 78 * 38 / 39)  # of the corrections for k = 2 coefficients
    assert (twice[2] - twice[1]) / (high - low) == pytest.approx([ratio])


def test_intervals_cover_although_the_rows_of_a_network_depend_on_each_other():
    rng, held, plain = np.random.default_rng(3), 0, 0
    clusters = np.repeat(np.arange(30), 3)
    for _ in range(400):
        x = np.repeat(rng.standard_normal(30), 3)[:, None]
        y = 0.5 * x[:, 0] + np.repeat(rng.standard_normal(30), 3) + 0.3 * rng.standard_normal(90)
        _, low, high = drivers.cluster_robust(y, x, clusters, 0.95)
        held += low[0] <= 0.5 <= high[0]
        _, low, high = drivers.cluster_robust(y, x, np.arange(90), 0.95)
        plain += low[0] <= 0.5 <= high[0]
    assert 0.91 <= held / 400 <= 0.98
    assert plain / 400 < 0.85  # of intervals that take rows for independent


def searched():
    """Return networks in which |R| alone decides, and what |R| comes from is known."""
    parts = []
    for protocol, steps in (("context", 0), ("b", 2), ("c", 0)):
        for seed in range(8):
            for step, alpha in enumerate((0.85, 0.9, 0.95)):
                power = 5 - step - steps + seed % 3
                share = 0.1 * power
                damages = {"none": 0.0, "RR": share, "CR": 0.2, "CC": 0.8 - share}
                parts.append(rows(protocol, seed, alpha, 2**power, damages))
    return pd.concat(parts)


def test_what_decides_is_found():
    table = searched()
    settings = drivers.settings(TASKS, "context")
    found = drivers.drivers(table, settings, 0.95)
    assert list(found) == drivers.COLUMNS and (found["networks"] == 24).all()
    known = found[found["response"] != "CR"].set_index(["response", "driver"])
    # One doubling of |R| is 0.1 of the damage from CC to RR; nothing else matters beside it.
    for coupling, slope in (("RR", 0.1), ("CC", -0.1)):
        of = known.loc[coupling]
        assert of.loc["|R|", "coefficient"] == pytest.approx(slope)
        assert of.loc["|R|", ["alone"]].tolist() == pytest.approx([1])
        assert of.loc[["alpha", "steps"], "coefficient"].to_numpy() == pytest.approx(0, abs=1e-9)
        assert of.loc[["alpha", "steps", "protocol"], "lost"].to_numpy() == pytest.approx(0)
        assert 0 < of.loc["steps", "alone"] < 1
    size = known.loc["|R|"]
    assert size.loc["alpha", "coefficient"] == pytest.approx(-1) and "|R|" not in size.index
    assert size.loc["steps", "coefficient"] == pytest.approx(-1)
    assert size.loc["steps", "low"] < -1 < size.loc["steps", "high"]
    assert size.loc["all", "alone"] == size.loc["all", "lost"] > size.loc["protocol", "alone"]
    assert size.loc["alpha", "per"] == "0.05" and size.loc["steps", "per"] == "doubling"
    np.testing.assert_array_equal(
        found["coefficient"].isna(), found["driver"].isin(["protocol", "all"])
    )
    # A network that did not learn counts in nothing.
    more = pd.concat([table, rows("b", 99, 0.9, 1, {"RR": 1.0, "CR": 5.0, "CC": 2.0})])
    more["learned"] = more["seed"] != 99
    pd.testing.assert_frame_equal(drivers.drivers(more, settings, 0.95), found)


def test_too_few_networks_have_no_coefficients():
    table = searched()
    settings = drivers.settings(TASKS, "context")
    few = drivers.drivers(table[table["seed"] < 1], settings, 0.95)
    assert few["coefficient"].isna().all() and few["alone"].notna().any()
    one = table[(table["protocol"] == "context") & (table["seed"] == 0) & (table["alpha"] == 0.9)]
    found = drivers.drivers(one, drivers.settings({"context": TASKS["context"]}, "context"), 0.95)
    assert found["coefficient"].isna().all() and found["alone"].isna().all()
    figures.use_style()
    figures.drivers(drivers.damage_shares(one, ["protocol", "seed", "alpha"]), found)


def test_the_figure_has_the_shares_what_explains_them_and_what_moves_r():
    figures.use_style()
    table = searched()
    found = drivers.drivers(table, drivers.settings(TASKS, "context"), 0.95)
    shares = drivers.damage_shares(table, ["protocol", "seed", "alpha"])
    left, middle, right = figures.drivers(shares, found).axes
    means = {line.get_label(): line for line in left.lines if line.get_label() in COUPLINGS}
    for coupling, line in means.items():
        size, share = line.get_data()
        expected = shares.groupby("leading")[coupling].mean()
        np.testing.assert_allclose(size, expected.index)
        np.testing.assert_allclose(share, expected)
    assert len(means) == 3
    names = ["|R|", "α", "no gradient clip", "steps", "all settings", "all of these"]
    assert sorted(t.get_text() for t in middle.get_yticklabels()) == sorted(names)
    shown = [line.get_xdata() for line in middle.lines if len(line.get_xdata()) == len(names)]
    for coupling, line in zip(COUPLINGS, shown, strict=True):
        np.testing.assert_allclose(line, found.loc[found["response"] == coupling, "alone"])
    labels = [t.get_text() for t in right.get_yticklabels()]
    assert labels[0] == "α + 0.05" and "steps, doubled" in labels and "no gradient clip" in labels
