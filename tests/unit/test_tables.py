"""Tables: under the names of the networks, judged, and a row a network."""

import numpy as np
import pandas as pd
import pytest

from rnnschur import Criterion
from rnnschur.findings import has_learned, judged, network_table
from rnnschur.tables import (
    CONDITION,
    HISTORY,
    NETWORK,
    PUBLISHED,
    by_matrix,
    gather,
    keyed,
    read,
    same_networks,
)

COPY, SINE = ("copy", "orthogonal", 8), ("sine", "cayley", 6)


def ablations_of(condition, seed, metric, value, masses=(0.4, 0.3, 0.005)):
    """Return the rows of one network: intact, and without each coupling."""
    table = pd.DataFrame({"removed": ["none", "RR", "CR", "CC"], "leading": 5, "alpha": 0.9})
    table = table.assign(metric=metric, value=value, delta=0.0, damage=0.0, sensitivity=0.5)
    table["removed_mass"] = [0.0, *masses]
    table["removed_share"] = table["removed_mass"] ** 2
    table["rollout_difference"] = [0.0, 0.05, 3.0, 0.05]
    return table.assign(**dict(zip(CONDITION, condition, strict=True)), seed=seed)


def study():
    """Return the rows of ablations of three networks, in no order of theirs."""
    parts = [
        ablations_of(SINE, 1, "fvu", 0.2, (0.1, 0.2, 0.3)),
        ablations_of(COPY, 3, "replay_accuracy", 0.9),
        ablations_of(COPY, 0, "replay_accuracy", 0.7),
    ]
    return pd.concat(parts, ignore_index=True)


def test_rows_are_keyed_by_their_network():
    parts = [(4, pd.DataFrame({"x": [1, 2]}, index=[7, 7])), (0, pd.DataFrame({"x": [3]}))]
    table = keyed(iter(parts), COPY)
    assert list(table) == [*NETWORK, "x"] == ["task", "architecture", "width", "seed", "x"]
    assert NETWORK[:3] == CONDITION
    assert table.to_numpy().tolist() == [[*COPY, 4, 1], [*COPY, 4, 2], [*COPY, 0, 3]]
    assert table.index.tolist() == [0, 1, 2]
    # Columns that only some have are empty elsewhere.
    table = keyed([*parts, (9, pd.DataFrame({"y": ["z"]}))], COPY)
    assert table["y"].tolist()[3] == "z" and table["y"].isna().tolist() == [True] * 3 + [False]


def test_files_are_gathered_one_after_the_other(tmp_path):
    parts = [pd.DataFrame({"x": [1.5, np.nan], "y": ["a", "b"]}), pd.DataFrame({"x": [0.1 + 0.2]})]
    paths = [tmp_path / f"{index}.csv" for index in range(2)]
    for path, part in zip(paths, parts, strict=True):
        part.to_csv(path, index=False)
    table = gather(iter(paths[::-1]))
    pd.testing.assert_frame_equal(table, pd.concat(parts[::-1], ignore_index=True))
    assert gather([str(paths[0])]).equals(parts[0])


def whole():
    """Return ablations.csv of the three networks, as it is published."""
    table = judged(study(), networks_of(study()), "ablations", Criterion())
    return table[[*NETWORK, *PUBLISHED["ablations"]]]


def cell(column, value):
    return lambda table: table.assign(**{column: [value, *table[column][1:]]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(index=2), "has 3 rows of copy/orthogonal/8/0; allowed: 4, one for each"),
        (lambda t: t.drop(columns="value"), "lacks value; needed: task, architecture, width, seed"),
        (lambda t: pd.concat([t, t[:1]]), "has line 14 twice; allowed: once"),
        (cell("removed_mass", np.nan), "removed_mass is 'nan' in line 2; allowed: finite numbers"),
        (cell("removed_mass", np.inf), "removed_mass is 'inf' in line 2; allowed: finite numbers"),
        (cell("value", "0.5.1"), "value is '0.5.1' in line 2; allowed: numbers"),
        (cell("seed", 0.5), "seed is '0.5' in line 2; allowed: whole numbers of at least 0"),
        (cell("width", -8), "width is '-8' in line 2; allowed: whole numbers of at least 0"),
        (cell("task", None), "task is 'nan' in line 2; allowed: text, no cell empty"),
        (cell("learned", "yes"), "learned is 'yes' in line 2; allowed: True or False"),
    ],
)
def test_what_a_table_lacks_or_cannot_hold_is_named_by_its_line(tmp_path, change, words):
    path = tmp_path / "ablations.csv"
    whole().to_csv(path, index=False)
    assert len(read(path)) == 12
    change(whole().sort_values(NETWORK, ignore_index=True)).to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"ablations\.csv") as refused:
        read(path)
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-3], "ends within a row; allowed: whole rows"),
        (lambda text: text.replace(b"seed", b"width", 1), "has the column width twice"),
        (lambda text: text.replace(b"copy", b"c\xffpy"), "is no table; allowed: CSV, a row a line"),
        (lambda text: text.replace(b",0.9", b",0.9,1,2", 1), "is no table; allowed: CSV"),
        (lambda text: b"\n", "is no table; allowed: CSV, a row a line"),
        (lambda text: b"", "ends within a row"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, change, words):
    path = tmp_path / "ablations.csv"
    whole().to_csv(path, index=False)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"ablations\.csv {words}"):
        read(path)
    path.unlink()
    with pytest.raises(ValueError, match=r"ablations\.csv is not there; allowed: a table"):
        read(path)


def test_tables_of_other_networks_are_named():
    table, fewer = study(), study().query("seed != 3")
    same_networks({"a.csv": table, "b.csv": table[::-1], "none.csv": table[:0]})
    words = "lacks copy/orthogonal/8/3, which a.csv has; allowed: the same networks"
    with pytest.raises(ValueError, match=f"^b.csv {words}"):
        same_networks({"a.csv": table, "b.csv": fewer})
    with pytest.raises(ValueError, match=f"^b.csv {words}"):
        same_networks({"b.csv": fewer, "a.csv": table})


def networks_of(table, **learned):
    """Return networks.csv, in which some networks have learned."""
    table = table[NETWORK].drop_duplicates()
    named = table["task"] + table["seed"].astype(str)
    return table.assign(learned=[learned.get(name, False) for name in named], value=0.0)


@pytest.mark.parametrize("name", ["ablations", "thresholds"])
def test_published_ablations_have_the_columns_they_had_and_verdicts(name):
    rows = study().assign(another=1)
    networks = networks_of(rows, copy3=True, sine1=True)
    table = judged(rows, networks[::-1], name, Criterion())
    assert list(table) == [
        *("task", "architecture", "width", "seed", "alpha", "leading", "removed", "metric"),
        *("value", "delta", "removed_mass", "removed_share", "sensitivity"),
        *("rollout_difference", "verdict", "learned"),
    ]
    shared = [column for column in table if column in rows]
    pd.testing.assert_frame_equal(table[shared], rows[shared])
    verdicts = ["negligible", "stabilizer", "fragile"]
    assert table["verdict"].tolist() == [*verdicts, "stabilizer", *[*verdicts, "negligible"] * 2]
    assert table["learned"].tolist() == [True] * 8 + [False] * 4
    strict = judged(rows, networks, name, Criterion(epsilon=0.01, fragile=5.0))
    assert strict["verdict"].tolist() == ["negligible", *["intermediate"] * 3] * 3


@pytest.mark.parametrize("name", ["ablation_sets", "threshold_sets"])
def test_rows_of_a_set_have_a_verdict_of_their_own(name):
    parts = [study().assign(set=0), study().assign(set=1, rollout_difference=0.5)]
    rows = pd.concat(parts, ignore_index=True)
    table = judged(rows, networks_of(rows, copy3=True), name, Criterion())
    assert list(table) == [
        *("task", "architecture", "width", "seed", "alpha", "removed", "set", "metric"),
        *("value", "delta", "rollout_difference", "verdict", "learned"),
    ]
    assert set(table.loc[table["set"] == 1, "verdict"]) == {"intermediate"}
    assert set(table.loc[table["set"] == 0, "verdict"]) == {"negligible", "stabilizer", "fragile"}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "orders",
            [
                *("order", "draw", "movable", "removed", "removed_mass", "metric", "value"),
                *("damage", "rollout_difference"),
            ],
        ),
        ("symmetries", ["control", "rollout_difference", "moduli_change", "departure_change"]),
    ],
)
def test_published_controls_have_the_columns_of_their_own_and_no_verdict(name, columns):
    rows = study().assign(
        order="any", draw=0, movable=2, control="rotation", moduli_change=0.0, departure_change=0.0
    )
    table = judged(rows, networks_of(rows, sine1=True), name, None)
    assert list(table) == [*NETWORK, *columns, "learned"]
    assert table["learned"].tolist() == [True] * 4 + [False] * 8
    # Nor does one appear where a criterion is given.
    again = judged(rows, networks_of(rows, sine1=True), name, Criterion())
    pd.testing.assert_frame_equal(again, table)


@pytest.mark.parametrize(("criterion", "more"), [(None, []), (Criterion(), ["verdict"])])
def test_a_table_that_was_never_published_shows_all_that_there_is(criterion, more):
    assert "ranks" not in PUBLISHED
    rows = study().assign(rank=3)
    table = judged(rows, networks_of(rows), "ranks", criterion)
    assert list(table) == [*rows, *more, "learned"]


def histories():
    """Return what was recorded while the three networks were trained."""
    recorded = [
        *((*COPY, 0, 100, 0.9, 0.6), (*COPY, 0, 200, 0.5, 0.7)),
        *((*SINE, 1, 100, 0.8, 1.0), (*SINE, 1, 300, 0.1, 0.2)),
        *((*COPY, 3, 100, 0.8, 0.9), (*COPY, 3, 200, 0.2, 1.0), (*COPY, 3, 300, 0.3, 1.0)),
    ]
    return pd.DataFrame(recorded, columns=[*NETWORK, "update", "loss", "value"])


def spectra():
    moduli = [(*COPY, 0, 0.5), (*COPY, 0, 1.5), (*SINE, 1, 1.0), (*COPY, 3, 0.9), (*COPY, 3, 0.1)]
    return pd.DataFrame(moduli, columns=[*NETWORK, "modulus"])


def nonnormality():
    return pd.DataFrame(
        [(*COPY, 3, 3.0), (*COPY, 0, 2.0), (*SINE, 1, 1.0)], columns=[*NETWORK, "d"]
    )


def test_a_row_a_network():
    learned = {"copy": 0.75, "sine": 0.5}
    table = network_table(study(), histories(), spectra(), nonnormality(), learned)
    expected = pd.DataFrame(
        [
            (*SINE, 1, True, "fvu", 0.2, 5, 300, 0.1, np.nan, 1.0, 0.1, 0.2, 0.3, 1.0),
            (*COPY, 3, True, "replay_accuracy", 0.9, 5, 300, 0.3, 200, 0.9, 0.4, 0.3, 0.005, 3.0),
            (*COPY, 0, False, "replay_accuracy", 0.7, 5, 200, 0.5, np.nan, 1.5, 0.4, 0.3, 0.005, 2),
        ],
        columns=[
            *("task", "architecture", "width", "seed", "learned", "metric", "value", "leading"),
            *("updates", "final_loss", "first_perfect", "spectral_radius"),
            *("mass_RR", "mass_CR", "mass_CC", "d"),
        ],
    )  # fmt: skip
    pd.testing.assert_frame_equal(table, expected)
    assert table["learned"].dtype == bool


def test_an_fvu_of_one_is_no_perfect_update_and_a_task_is_known_by_its_metric():
    """The sine networks of the study pass FVU 1, where they know nothing yet."""
    rows = study().assign(metric="replay_accuracy")
    learned = {"copy": 0.75, "sine": 0.5}
    table = network_table(rows, histories(), spectra(), nonnormality(), learned)
    assert table["first_perfect"].tolist()[:2] == [100, 200]
    assert table["learned"].tolist() == [False, True, False]
    rows = study().assign(metric="fvu")
    table = network_table(rows, histories(), spectra(), nonnormality(), learned)
    assert table["first_perfect"].isna().all()
    assert table["learned"].tolist() == [True, False, True]


def test_has_learned():
    rows = pd.DataFrame(
        {
            "metric": ["replay_accuracy", "replay_accuracy", "fvu", "fvu"] * 2,
            "value": [0.75, 0.7, 0.5, 0.6, np.nan, 1.0, np.nan, np.inf],
            "task": ["copy", "copy", "sine", "sine"] * 2,
        },
        index=[3, 1, 4, 1, 5, 9, 2, 6],
    )
    found = has_learned(rows, {"copy": 0.75, "sine": 0.5, "other": 0.0})
    assert found.tolist() == [True, False, True, False, False, True, False, False]
    assert found.dtype == bool and found.index.tolist() == rows.index.tolist()
    # Each task by its own threshold.
    rows["task"] = "other"
    found = has_learned(rows, {"other": 0.7})
    assert found.tolist() == [True, True, True, True, False, True, False, False]
    empty = has_learned(rows[:0], {})
    assert empty.dtype == bool and len(empty) == 0


def test_networks_from_elsewhere_have_a_row_a_matrix_and_no_training():
    copy, sine = (*COPY, 0), (*SINE, 0)
    rows = [
        (*copy, "W_hn", 3, "none", 0.0),
        (*copy, "W_hn", 3, "CR", 0.5),
        (*copy, "W_hr", 2, "none", 0.0),
        (*copy, "W_hr", 2, "CR", 0.7),
        (*copy, "all", 5, "none", 0.0),
        (*copy, "all", 5, "CR", 0.6),
        (*sine, "step", 1, "none", 0.0),
        (*sine, "step", 1, "CR", 0.1),
    ]
    rows = pd.DataFrame(rows, columns=[*NETWORK, "matrix", "leading", "removed", "removed_mass"])
    rows = rows.assign(metric="fvu", value=0.9, checked="not", threshold=0.9)
    matrices = [(*copy, "W_hn"), (*copy, "W_hr"), (*sine, "step")]
    columns = [*NETWORK, "matrix"]
    moduli = pd.DataFrame(matrices, columns=columns).assign(modulus=[1.0, 2.0, 3.0])
    measures = pd.DataFrame(matrices, columns=columns).assign(d=1.0)
    table = network_table(rows, gather([], [*NETWORK, *HISTORY]), moduli, measures, {})
    assert table["matrix"].tolist() == ["W_hn", "W_hr", "step"]
    assert table["learned"].all() and set(table["checked"]) == {"not"}
    assert table[["updates", "final_loss", "first_perfect"]].isna().all(axis=None)
    assert table["mass_CR"].tolist() == [0.5, 0.7, 0.1]
    assert table["spectral_radius"].tolist() == [1.0, 2.0, 3.0]
    named = by_matrix(rows)["architecture"].drop_duplicates().tolist()
    first, second = COPY[1], SINE[1]
    assert named == [f"{first}, W_hn", f"{first}, W_hr", f"{first}, all", second]
    assert by_matrix(study()).equals(study())
