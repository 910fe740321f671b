"""Two runs of the same networks: identical, close, different."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from rnnschur.paper.agreement import (
    KEYS,
    compare,
    table_differences,
    table_disagreements,
    trained_again,
)


def table(**changes):
    frame = pd.DataFrame(
        {
            "task": "sine", "architecture": "orthogonal", "width": 8, "seed": [0, 0, 1, 1],
            "alpha": 0.9, "removed": ["none", "CC"] * 2, "value": [0.1, 2.0, 0.2, 3.0],
            "removed_mass": [0, 0.1, 0, 0.1], "rollout_difference": [0, 1.0, 0, 1.0],
        }
    )  # fmt: skip
    for name, (row, value) in changes.items():
        frame.loc[row, name] = value
    return frame


@pytest.mark.parametrize(
    ("changes", "agreement"),
    [
        ({}, "identical"),
        ({"value": (1, 2.0 + 1e-12)}, "close"),
        ({"value": (1, 2.019)}, "close"),
        ({"value": (1, 2.022)}, "different"),
        ({"value": (1, float("nan"))}, "different"),
        ({"removed_mass": (1, 0.2)}, "different"),
        ({"rollout_difference": (1, 1.1)}, "different"),
    ],
)
def test_agreement(changes, agreement):
    found = compare(table(**changes), table())
    assert found["agreement"].tolist() == [agreement, "identical"]
    assert found["rows"].tolist() == [2, 2]


def test_a_network_that_was_not_published_and_a_missing_row():
    ours = pd.concat([table(), table().assign(seed=7)])
    found = compare(ours, table().iloc[:-1]).set_index("seed")
    assert found.loc[7, "agreement"] == "not published"
    assert found.loc[1, "agreement"] == "different"
    assert found.loc[0, "agreement"] == "identical"


def test_a_number_that_is_undefined_in_both_is_the_same():
    undefined = table(value=(1, float("nan")))
    assert compare(undefined, undefined)["agreement"].tolist() == ["identical", "identical"]


def written(tmp_path, *versions, name="ablations"):
    """Write versions of a table to files and return their paths."""
    paths = [tmp_path / str(index) / f"{name}.csv" for index in range(len(versions))]
    for path, version in zip(paths, versions, strict=True):
        path.parent.mkdir(exist_ok=True)
        version.to_csv(path, index=False)
    return paths


def test_the_cell_that_differs_is_named(tmp_path):
    found = table_differences(*written(tmp_path, table(value=(2, np.nextafter(0.2, 1))), table()))
    assert found.to_numpy().tolist() == [
        ["sine/orthogonal/8/1/0.9/none", "value", "0.20000000000000004", "0.2"]
    ]
    found = table_differences(*written(tmp_path, table(value=(1, float("nan"))), table()))
    assert found.to_numpy().tolist() == [["sine/orthogonal/8/0/0.9/CC", "value", "", "2.0"]]


def test_a_table_is_identical_with_itself_even_where_it_holds_nan(tmp_path):
    undefined = table(value=(1, float("nan")))
    assert table_differences(*written(tmp_path, undefined, undefined)).empty
    assert table_disagreements(undefined, undefined, "ablations", 0.01).empty


def test_missing_rows_and_columns_and_another_order_are_named(tmp_path):
    found = table_differences(*written(tmp_path, table().iloc[1:].assign(more=1), table()))
    assert found.to_numpy().tolist() == [
        ["sine/orthogonal/8/0/0.9/none", "all", "absent", "present"],
        ["all", "more", "present", "absent"],
    ]
    found = table_differences(*written(tmp_path, table().iloc[::-1], table()))
    assert len(found) == 1 and "order" in found["ours"][0]


def test_tolerances_hold_roundings_to_bounds_and_pass_no_nan():
    networks = table()[["task", "architecture", "width", "seed"]].drop_duplicates()
    networks = networks.assign(value=0.5, backward_error=[0.3, 0.4], scaled_step=[3, 0])
    other = networks.assign(value=[0.5, 0.5001], backward_error=[2.0, 9.0], scaled_step=[7, 0])
    assert table_disagreements(other, networks, "networks", 0.01).empty
    for wrong in (
        *({"backward_error": 31.0}, {"backward_error": float("nan")}, {"value": 0.51}),
        *({"scaled_step": 129}, {"scaled_step": -1}, {"scaled_step": float("nan")}),
    ):
        found = table_disagreements(networks.assign(**wrong), networks, "networks", 0.01)
        assert set(found["column"]) == set(wrong) and len(found) == 2


def test_a_sensitivity_counts_only_where_mass_was_removed():
    rows = table().assign(sensitivity=[float("nan"), 1.0, float("nan"), 1.0])
    rows.loc[1, "removed_mass"] = 1e-7
    other = rows.assign(sensitivity=[float("nan"), 9.0, float("nan"), 9.0])
    found = table_disagreements(other, rows, "ablations", 0.01)
    assert found["row"].tolist() == ["sine/orthogonal/8/1/0.9/CC"]


def test_eigenvalues_are_compared_as_a_set():
    spectrum = pd.DataFrame(
        {
            "task": "sine", "architecture": "orthogonal", "width": 3, "seed": 0,
            "index": [0, 1, 2], "real": [0.0, 0.0, -1.0], "imaginary": [1.0, -1.0, 0.0],
            "modulus": 1.0, "block": [0, 0, 1],
        }
    )  # fmt: skip
    other = spectrum.iloc[[2, 0, 1]].assign(index=[0, 1, 2], block=[0, 1, 1])
    assert table_disagreements(other, spectrum, "spectra", 0.01).empty
    moved = other.assign(real=[-1.0, 0.1, 0.1])
    assert set(table_disagreements(moved, spectrum, "spectra", 0.01)["column"]) == {"real"}
    assert len(table_disagreements(other.iloc[:2], spectrum, "spectra", 0.01)) > 0


def test_phases_of_ties_may_change_places_and_nothing_else():
    phases = pd.DataFrame(
        {
            "task": "copy", "architecture": "cayley", "width": 3, "seed": 0, "index": [0, 1, 2],
            "modulus": [1.0, 1.0, 0.5], "period": 8, "phase_error": [0.4, 0.0, 0.2],
            "sector": ["R", "R", "C"], "learned": True,
        }
    )  # fmt: skip
    other = phases.iloc[[1, 0, 2]].assign(index=[0, 1, 2])
    assert table_disagreements(other, phases, "phases", 0.01).empty
    moved = other.assign(phase_error=[0.4, 0.1, 0.2])
    assert table_disagreements(moved, phases, "phases", 0.01)["column"].tolist() == ["phase_error"]
    assert set(table_disagreements(phases.assign(period=4), phases, "phases", 0.01)["column"]) == {
        "period"
    }


def test_a_network_trained_again_is_compared_bit_for_bit_or_by_its_beginning():
    weights = {"W_hh": np.ones((1, 2, 2)), "W_xh": np.ones((1, 2, 1)), "W_hy": np.ones((1, 1, 2))}
    published = {name: np.concatenate([0 * w, w]) for name, w in weights.items()}
    weights, published = {**weights, "seed": np.array([4])}, {**published, "seed": np.array([3, 4])}
    history = pd.DataFrame({"update": [100, 200], "loss": [0.5, 0.1]})
    assert trained_again(weights, published, history, history, exact=True).empty
    other = {**weights, "W_xh": weights["W_xh"] + 1e-12}
    assert trained_again(other, published, history, history, True)["column"].tolist() == ["W_xh"]
    assert trained_again(other, published, history, history, exact=False).empty
    late = history.assign(loss=[float("nan"), 0.1])
    assert trained_again(other, published, late, history, False)["column"].tolist() == ["loss"]


def test_rows_of_every_table_of_the_study_have_a_name():
    """Of a family of interventions, of the energy of states and of our findings, too."""
    config = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
    assert {*config["interventions"], "energy", "findings"} <= set(KEYS)
    found = pd.DataFrame({"id": ["a", "b"], "fresh_share": [1.0, np.nan], "verdict": ["", "x"]})
    assert table_disagreements(found, found, "findings", 0.01).empty
    other = found.assign(verdict=["", "y"])
    assert table_disagreements(other, found, "findings", 0.01)["row"].tolist() == ["b"]
