"""Findings on the networks that suggested them and on fresh ones, on made-up tables."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnschur import Criterion
from rnnschur.paper import replication
from rnnschur.paper.statements import Variable, naming, pivot
from rnnschur.statistics import Bootstrap, holm
from rnnschur.tables import NETWORK

ROOT = Path(__file__).parents[2]
BOOTSTRAP = Bootstrap(confidence=0.95, resamples=200, study_seed=1)
CRITERION = Criterion(epsilon=0.1, minimum_mass=0.01, fragile=1.0)
VARIABLES = {
    "quantile": {"table": "matched", "column": "quantile", "by": ["coupling", "control"]},
    "smallest": {"table": "borders", "column": "leading", "reduce": "min"},
    "kept": {"table": "readout", "column": "verdict", "by": ["removed"], "equals": "stabilizer"},
    "mass": {
        "table": "frontier",
        "column": "mass",
        "by": ["basis", "epsilon"],
        "where": {"set": 0},
    },
}


def networks(count, tasks=("copy",), lost=()):
    keys = [(task, "orthogonal", 72, seed) for task in tasks for seed in range(count)]
    table = pd.DataFrame(keys, columns=NETWORK)
    return table.assign(learned=~table["seed"].isin(lost))


def matched(quantiles, task="copy"):
    """Return a table with one quantile a seed, of CC against dense controls."""
    rows = [
        (task, "orthogonal", 72, seed, coupling, control, value if control == "dense" else 0.5)
        for seed, value in enumerate(quantiles)
        for coupling in ("RR", "CC")
        for control in ("dense", "in place")
    ]
    return pd.DataFrame(rows, columns=[*NETWORK, "coupling", "control", "quantile"])


def findings(*entries, fresh=10, most=0.5, variables=VARIABLES):
    entry = {"id": "f", "finding": "F.", "networks": "copy/orthogonal/72"}
    entries = [{**entry, "id": f"f{i}", **more} for i, more in enumerate(entries)]
    said = {"fresh": fresh, "most": most, "variables": variables, "findings": entries}
    return yaml.safe_dump(said)


def judged(tmp_path, tables, of, *entries, **more):
    path = tmp_path / "findings.yaml"
    path.write_text(findings(*entries, **more))
    return replication.judge(replication.load(path), tables, of, CRITERION, BOOTSTRAP)


def test_seen_and_fresh_networks_are_counted_apart(tmp_path):
    """Ten seen networks, nine of which agree, and twenty fresh ones, of which twelve do."""
    low = [0.01] * 9 + [0.9] + [0.01] * 12 + [0.9] * 8
    found = judged(
        *(tmp_path, {"matched": matched(low)}, networks(30)),
        {"agrees": "quantity < 0.05", "quantity": "quantile_CC_dense"},
    ).iloc[0]
    assert (found["seen_networks"], found["fresh_networks"]) == (10, 20)
    assert (found["seen_share"], found["fresh_share"]) == (0.9, 0.6)
    assert found["seen_mean"] == pytest.approx(np.mean(low[:10]))
    assert found["fresh_mean"] == pytest.approx(np.mean(low[10:]))
    # Clopper and Pearson by quantiles of the beta distribution.
    for part, k, n in (("seen", 9, 10), ("fresh", 12, 20)):
        low_end = stats.beta.ppf(0.025, k, n - k + 1)
        high_end = stats.beta.ppf(0.975, k + 1, n - k)
        assert found[f"{part}_share_low"] == pytest.approx(low_end)
        assert found[f"{part}_share_high"] == pytest.approx(high_end)
    assert found["p"] == pytest.approx(stats.binom.sf(11, 20, 0.5))
    assert found["verdict"] == "not borne out" and found["rule"] == "quantile_CC_dense < 0.05"


@pytest.mark.parametrize(
    ("agree", "most", "others", "verdict"),
    [
        (15, 0.5, 0, "borne out"),  # p = 0.021
        (14, 0.5, 0, "not borne out"),  # p = 0.058
        (15, 0.5, 2, "not borne out"),  # three comparisons
        (17, 0.5, 2, "borne out"),
        (20, 0.9, 0, "not borne out"),  # twenty of twenty do not show nine in ten
        (20, 0.8, 0, "borne out"),
        (0, 0.5, 0, "not borne out"),
    ],
)
def test_what_fresh_networks_bear_out_depends_on_their_number_and_on_the_comparisons(
    tmp_path, agree, most, others, verdict
):
    values = [0.01] * (10 + agree) + [0.9] * (20 - agree)
    entries = [
        {"agrees": "quantile_CC_dense < epsilon"},
        *[{"agrees": "quantile_CC_dense > 2"}] * others,
    ]
    found = judged(tmp_path, {"matched": matched(values)}, networks(30), *entries, most=most)
    assert found.loc[0, "verdict"] == verdict
    assert set(found["comparisons"]) == {1 + others}
    own = judged(
        *(tmp_path, {"matched": matched(values)}, networks(30)), {**entries[0], "most": most}
    )
    assert own.loc[0, "p"] == found.loc[0, "p"] and own.loc[0, "most"] == most


def test_without_fresh_networks_there_is_no_verdict_and_no_comparison(tmp_path):
    agrees = {"agrees": "quantile_CC_dense < 0.05"}
    found = judged(tmp_path, {"matched": matched([0.01] * 10)}, networks(10), agrees).iloc[0]
    assert found["verdict"] == "" and found["comparisons"] == 0 and np.isnan(found["p_adjusted"])
    assert found["seen_share"] == 1 and found["fresh_networks"] == 0


def test_what_the_study_lacks_leaves_a_finding_empty_and_others_alone(tmp_path):
    entries = [
        {"agrees": "quantile_CC_dense < 0.05"},
        {"agrees": "smallest < 2"},  # no such table
        {"agrees": "quantile_CC_same_drive < 0.05"},  # of no network here, but of some elsewhere
        {"agrees": "quantile_CC_dense < 0.05", "networks": "sine/orthogonal/64"},
    ]
    found = judged(tmp_path, {"matched": matched([0.01] * 30)}, networks(30), *entries)
    assert found["verdict"].tolist() == ["borne out", "", "", ""]
    assert found["seen_networks"].notna().tolist() == [True, False, False, False]
    assert set(found["comparisons"]) == {1}


def test_a_name_that_no_network_could_have_is_no_empty_row(tmp_path):
    """What is misspelt in an expression, where the study has the networks it is about."""
    table = {"matched": matched([0.01] * 30)}
    wrong = {"agrees": "quantile_CC_dnse < 0.05"}
    with pytest.raises(
        ValueError, match=r"^finding 'f0': 'quantile_CC_dnse' is in no row; allowed: quantile_CC_de"
    ):
        judged(tmp_path, table, networks(30), wrong)
    found = judged(tmp_path, table, networks(30), {**wrong, "networks": "sine/orthogonal/64"})
    assert found["verdict"].tolist() == [""]
    conditions = {"copy": "copy/orthogonal/72", "sine": "sine/orthogonal/72"}
    entry = {"agrees": "copy_quantile_CC_dense < sine_quantile_CC", "networks": conditions}
    tables = {"matched": pd.concat([table["matched"], matched([0.2] * 30, "sine")])}
    with pytest.raises(
        ValueError, match=r"'sine_quantile_CC' is in no row; allowed: sine_quantile_CC_"
    ):
        judged(tmp_path, tables, networks(30, ("copy", "sine")), entry)


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (
            Variable("verdict", ("removed",), equals="stabiliser"),
            "verdict is 'stabiliser'; allowed: fragile, stabilizer, negligible, intermediate",
        ),
        (
            Variable("alpha", where={"removed": "cc"}),
            "removed is 'cc'; allowed: RR, none, CR, CC, RR+CR, RR+CC, CR+CC, RR+CR+CC",
        ),
        (Variable("alpha", where={"alpha": [0.9, 0.91]}), "alpha is 0.91; allowed: 0.9"),
        (Variable("alpha", where={"alpha": "most"}), "alpha is 'most'; allowed: 0.9"),
        (Variable("alpha", equals="0.9"), "alpha is '0.9'; allowed: 0.9"),
        (Variable("learned", equals="yes"), "learned is 'yes'; allowed: True, False"),
    ],
)
def test_values_that_a_column_cannot_have_are_named(variable, message):
    columns = [*NETWORK, "removed", "alpha", "verdict", "learned"]
    table = pd.DataFrame(
        [("copy", "orthogonal", 72, 0, "RR", 0.9, "fragile", True)], columns=columns
    )
    with pytest.raises(ValueError, match="^" + re.escape(f"variable 'v': {message}") + "$"):
        pivot(table, NETWORK, {"v": variable})


def test_a_value_that_no_network_happens_to_have_is_none_that_a_column_cannot_have():
    """A verdict, a coupling, a control, a truth and a number; of an empty table, anything."""
    columns = [*NETWORK, "removed", "control", "alpha", "verdict", "learned"]
    row = ("copy", "orthogonal", 72, 0, "RR", "dense", 0.9, "fragile", True)
    table = pd.DataFrame([row], columns=columns)
    variables = {
        "a": Variable("verdict", equals="stabilizer"),
        "b": Variable("learned", equals=False),
        "c": Variable("alpha", equals=0.8),
        "d": Variable("alpha", where={"removed": "CC"}),
        "e": Variable("alpha", where={"control": "same drive"}),
    }
    found = pivot(table, NETWORK, variables)
    assert found.to_dict("records") == [{"a": False, "b": False, "c": False}]
    strange = {"x": Variable("alpha", where={"control": "none"})}
    assert pivot(table[:0], NETWORK, strange).empty


def test_networks_that_have_not_learned_or_were_not_measured_are_left_out(tmp_path):
    table = matched([0.01] * 30)
    table = table[table["seed"] != 11]
    agrees = {"agrees": "quantile_CC_dense < 0.05"}
    found = judged(tmp_path, {"matched": table}, networks(30, lost=(3, 12)), agrees).iloc[0]
    assert (found["seen_networks"], found["seen_left_out"]) == (9, 1)
    assert (found["fresh_networks"], found["fresh_left_out"]) == (18, 2)


def test_a_finding_may_be_about_some_networks_only(tmp_path):
    values = list(np.linspace(0, 1, 30))
    found = judged(
        *(tmp_path, {"matched": matched(values)}, networks(30)),
        {"agrees": "quantile_CC_dense > 0.7", "where": "quantile_CC_dense > 0.5"},
    ).iloc[0]
    assert found["seen_networks"] == 0 and np.isnan(found["seen_share"])
    assert found["fresh_networks"] == sum(value > 0.5 for value in values)
    assert found["fresh_share"] == np.mean([v > 0.7 for v in values if v > 0.5])
    assert found["rule"] == "quantile_CC_dense > 0.7, where quantile_CC_dense > 0.5"


def test_a_finding_about_several_tasks_takes_a_network_of_each(tmp_path):
    tables = pd.concat([matched([0.01] * 30), matched([0.2] * 12, "sine")])
    conditions = {"copy": "copy/orthogonal/72", "sine": "sine/orthogonal/72"}
    found = judged(
        *(tmp_path, {"matched": tables}, networks(30, ("copy", "sine"))),
        {"agrees": "copy_quantile_CC_dense < sine_quantile_CC_dense", "networks": conditions},
    ).iloc[0]
    assert (found["seen_networks"], found["fresh_networks"], found["fresh_share"]) == (10, 2, 1)


def test_variables_are_columns_told_apart_reduced_and_compared():
    key = ("copy", "orthogonal", 72, 0)
    borders = pd.DataFrame([(*key, 0.8, 5), (*key, 0.9, 3)], columns=[*NETWORK, "alpha", "leading"])
    variables = {
        "smallest": Variable("leading", reduce="min"),
        "one": Variable("leading", where={"alpha": 0.8}),
    }
    wide = pivot(borders, NETWORK, variables)
    assert wide.index.tolist() == [key] and wide.to_dict("records") == [{"smallest": 3, "one": 5}]
    verdicts = [(*key, "RR", "fragile"), (*key, "CC", "stabilizer")]
    verdicts = pd.DataFrame(verdicts, columns=[*NETWORK, "removed", "verdict"])
    kept = pivot(
        verdicts, NETWORK, {"kept": Variable("verdict", ("removed",), equals="stabilizer")}
    )
    assert kept.to_dict("records") == [{"kept_CC": True, "kept_RR": False}]
    assert all(pd.api.types.is_bool_dtype(kept[name]) for name in kept)
    scores = [(*key, "fvu", 0.5, "CC"), (*key, "fvu", -0.1, "RR+CR+CC")]
    scores = pd.DataFrame(scores, columns=[*NETWORK, "metric", "delta", "removed"])
    damage = pivot(scores, NETWORK, {"damage": Variable("damage", ("removed",))})
    assert damage.to_dict("records") == [{"damage_CC": 0.5, "damage_all": -0.1}]
    with pytest.raises(
        ValueError,
        match=r"^variable 'leading': network copy/orthogonal/72/0 has several rows of leading; ",
    ):
        pivot(borders, NETWORK, {"leading": Variable("leading")})
    with pytest.raises(ValueError, match=r"^variable 'x': 'size' is no column of the table; allo"):
        pivot(borders, NETWORK, {"x": Variable("size")})


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (("CC", "dense"), "v_CC_dense"),
        (("any basis",), "v_any_basis"),
        ((0.1,), "v_0_1"),
        ((np.float64(1.0),), "v_1"),
        ((np.int64(3),), "v_3"),
        (("permutation and flips",), "v_permutation_and_flips"),
        (("RR__x-",), "v_RR_x"),
        ((True,), "v_True"),
    ],
)
def test_names_are_what_an_expression_may_say(values, name):
    assert naming("v", *values) == name


@pytest.mark.parametrize(
    ("entry", "more", "message"),
    [
        ({"agrees": "quantil_CC > 0"}, {}, "finding 'f0': 'quantil_CC' is no variable; allowed: k"),
        ({"agrees": "massive > 0"}, {}, "finding 'f0': 'massive' is no variable; allowed: "),
        ({"agrees": "smallest > 0", "alphas": [1]}, {}, "finding 'f0' lacks or does not know alp"),
        ({"agrees": "smallest > 0", "most": 1}, {}, "f0: most is 1; allowed: between 0 and 1"),
        ({"agrees": "smallest > 0"}, {"most": 0}, "most is 0; allowed: between 0 and 1"),
        ({"agrees": "smallest > 0"}, {"fresh": -1}, "fresh is -1; allowed: a seed"),
        ({"agrees": "smallest >"}, {}, "finding 'f0': agrees: 'smallest >': "),
        ({"agrees": "smallest_CC > 0"}, {}, "finding 'f0': 'smallest_CC' is no variable; allow"),
        ({"agrees": "quantile > 0"}, {}, "finding 'f0': 'quantile' is no variable; allowed: "),
        ({"agrees": "smallest > 0", "most": "0.5"}, {}, "f0: most is '0.5'; allowed: between 0"),
        ({"agrees": "smallest > 0"}, {"most": True}, "most is True; allowed: between 0 and 1"),
        ({"agrees": "smallest > 0"}, {"fresh": True}, "fresh is True; allowed: a seed"),
        ({"agrees": "smallest > 0"}, {"variables": [1]}, "variables is [1]; allowed: variables"),
        *[
            (
                {"agrees": "smallest > 0", "networks": networks},
                {},
                f"finding 'f0': networks is {networks!r}; allowed: task/architecture/width, a li",
            )
            for networks in (
                *("copy/orthogonal", "copy/orthogonal/0", 72, [], ["copy"], {"a": "copy/o/x"}),
                {"a": ["copy/orthogonal/72"]},
            )
        ],
        *[
            (
                {"agrees": "v > 0"},
                {"variables": {"v": {"table": "t", "column": "c", **said}}},
                f"variable 'v': {message}",
            )
            for said, message in (
                ({"by": "removed"}, "by is 'removed'; allowed: a list of columns"),
                ({"by": [1]}, "by is [1]; allowed: a list of columns"),
                ({"where": "x"}, "where is 'x'; allowed: values by the name of their column"),
                ({"equals": ["x"]}, "equals is ['x']; allowed: a value of the column"),
                ({"table": 1}, "table is 1; allowed: the name of a table"),
                ({"column": 1}, "column is 1; allowed: the name of a column"),
            )
        ],
        ({"agrees": "v > 0"}, {"variables": {"v": "x"}}, "variable 'v' is 'x'; allowed: by, col"),
        (
            {"agrees": "v > 0"},
            {"variables": {"v": {"table": "t", "columns": "c"}}},
            "variable 'v' lacks or does not know column, columns; allowed: by, column, equals, ",
        ),
        (
            {"agrees": "v > 0"},
            {"variables": {"v": {"table": "t", "column": "c", "reduce": "sum"}}},
            "variable 'v': reduce is 'sum'; allowed: min, max, mean, median",
        ),
    ],
)  # fmt: skip
def test_what_a_file_of_findings_may_not_say_is_named(tmp_path, entry, more, message):
    path = tmp_path / "findings.yaml"
    path.write_text(findings(entry, **more))
    with pytest.raises(ValueError, match="^" + re.escape(f"{path}: {message}")):
        replication.load(path)


def test_a_missing_key_and_an_id_that_is_there_twice_are_named(tmp_path):
    path = tmp_path / "findings.yaml"
    path.write_text(findings({"agrees": "smallest > 0"}).replace("most:", "least:"))
    with pytest.raises(
        ValueError, match="lacks or does not know least, most; needed: findings, fr"
    ):
        replication.load(path)
    path.write_text(findings(*[{"agrees": "smallest > 0", "id": "same"}] * 2))
    with pytest.raises(ValueError, match="finding 'same' is there twice; allowed: once"):
        replication.load(path)


def closed_test(p):
    """Return Holm's p values by testing every intersection of hypotheses by Bonferroni."""
    indices = range(len(p))
    subsets = [s for size in range(1, len(p) + 1) for s in combinations(indices, size)]
    tested = {s: min(1, len(s) * min(p[i] for i in s)) for s in subsets}
    return [max(tested[s] for s in subsets if i in s) for i in indices]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holm_is_the_closure_of_bonferroni(p):
    np.testing.assert_allclose(holm(p), closed_test(p), rtol=1e-12)


def test_holm_counts_no_missing_comparison():
    np.testing.assert_allclose(holm([0.02, np.nan, 0.01]), [0.02, np.nan, 0.02])
    assert len(holm([])) == 0 and np.isnan(holm([np.nan])).all()


def test_networks_that_share_their_start_are_one_observation(tmp_path):
    """Five fresh seeds of three tasks: fifteen networks, thirteen of which agree, five starts."""
    tasks = ("copy", "copy_4", "copy_6")
    values = np.full((3, 15), 0.01)
    values[0, 11] = values[2, 11] = 0.9  # of one seed
    tables = pd.concat([matched(row, task) for row, task in zip(values, tasks, strict=True)])
    conditions = [f"{task}/orthogonal/72" for task in tasks]
    entry = {"agrees": "quantile_CC_dense < 0.05", "networks": conditions}
    found = judged(tmp_path, {"matched": tables}, networks(15, tasks), entry).iloc[0]
    assert (found["fresh_networks"], found["fresh_share"]) == (15, 13 / 15)
    assert found["starts"] == 5 and found["p"] == pytest.approx(6 / 32)
    # Another width or architecture is another start.
    wide = tables.assign(width=64 + 8 * (tables["task"] == "copy"))
    of = networks(15, tasks).assign(width=lambda t: 64 + 8 * (t["task"] == "copy"))
    entry["networks"] = ["copy/orthogonal/72", *(f"{task}/orthogonal/64" for task in tasks[1:])]
    found = judged(tmp_path, {"matched": wide}, of, entry).iloc[0]
    assert found["starts"] == 10 and found["p"] == pytest.approx(stats.binom.sf(7, 10, 0.5))


def test_a_finding_of_pure_chance_is_rarely_borne_out(tmp_path):
    """Of two that are true of half of all networks, one or both in at most 1 study of 20."""
    rng = np.random.default_rng(0)
    entries = [{"agrees": "quantile_CC_dense < 0.5"}, {"agrees": "quantile_RR_dense < 0.5"}]
    wrong = 0
    for _ in range(100):
        table = matched(np.zeros(30))
        table["quantile"] = rng.uniform(size=len(table))
        found = judged(tmp_path, {"matched": table}, networks(30), *entries)
        wrong += (found["verdict"] == "borne out").any()
    assert wrong <= 10  # P = 0.01 at 5 of 100, and the test is discrete


@pytest.mark.parametrize("name", ["findings", "law"])
def test_the_projects_findings_can_be_read(name):
    found = replication.load(ROOT / "report" / f"{name}.yaml")
    assert len(found.findings) >= 4 and found.fresh == {"findings": 10, "law": 0}[name]


def test_the_projects_findings_are_about_what_is_published():
    found = replication.load(ROOT / "report" / "findings.yaml")
    folder = ROOT / "results" / "published" / "tables"
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in found.tables()}
    table = replication.judge(
        found, tables, pd.read_csv(folder / "networks.csv"), CRITERION, BOOTSTRAP
    )
    assert (table["seen_networks"] > 0).all()


def test_rows_that_no_network_has_leave_a_finding_empty(tmp_path):
    """None without a coupling, one network without another, and none of a verdict."""
    rows = [("copy", "orthogonal", 72, s, "CC", "fragile") for s in range(1, 30)]
    rows += [("copy", "orthogonal", 72, 0, "RR", "fragile")]
    readout = pd.DataFrame(rows, columns=[*NETWORK, "removed", "verdict"])
    entries = [{"agrees": "not kept_CR"}, {"agrees": "not kept_CC"}, {"agrees": "kept_CC"}]
    found = judged(tmp_path, {"readout": readout}, networks(30), *entries)
    assert found["fresh_networks"].isna().tolist() == [True, False, False]
    assert found["fresh_share"].tolist()[1:] == [1, 0]
    assert set(found["comparisons"]) == {2}


def test_a_file_that_is_no_list_of_findings_is_named(tmp_path):
    path = tmp_path / "findings.yaml"
    for text, message in (
        ("a: [", " is not YAML: see line 1"),
        ("fresh: 1", " has no findings; needed: a list"),
        ("findings: [x]", " has no findings; needed: a list"),
        ("", " has no findings; needed: a list"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match="^" + re.escape(f"{path}{message}")):
            replication.load(path)
