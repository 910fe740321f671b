"""The controls of the small study: what must be zero is zero, what must not be is not."""

import json

import pandas as pd
import pytest
from conftest import copied, jobs

pytestmark = pytest.mark.workflow
CONDITION = ["task", "architecture", "width"]
FOUR_DIGITS = 1e-3  # to which tables of controls are written


@pytest.fixture(scope="module")
def table(finished):
    return lambda name: pd.read_csv(finished.results / "tables" / f"{name}.csv")


@pytest.fixture(scope="module")
def config(finished):
    return json.loads((finished.results / "config.json").read_text())


def test_permutations_and_flips_change_nothing(table):
    rows = table("symmetries").query("control == 'permutation and flips'")
    assert len(rows) == len(table("networks"))
    assert (rows["rollout_difference"] < 1e-4).all()
    assert (rows["moduli_change"] < 1e-6).all()
    assert (rows["departure_change"] < 1e-6).all()


def test_a_rotation_keeps_the_coordinates_but_not_the_behaviour(table):
    rows = table("symmetries").query("control == 'rotation'")
    assert (rows["rollout_difference"] > 1e-2).all()
    assert (rows["moduli_change"] < 1e-6).all()
    assert (rows["departure_change"] < 1e-6).all()


def test_the_order_within_a_sector_does_not_touch_the_cross_coupling(table):
    orders = table("orders").query("removed == 'CR'")
    spread = orders.groupby([*CONDITION, "seed"])[["removed_mass", "value"]].agg(
        lambda v: v.max() - v.min()
    )
    assert (spread["removed_mass"] < 1e-10).all()
    assert (spread["value"] < 2e-3).all()  # a few signs of 1024 near zero may turn


def test_the_form_by_modulus_is_that_of_the_ablation_table(table):
    key = [*CONDITION, "seed", "removed"]
    orders = table("orders").query("order == 'by modulus'").set_index(key)["value"]
    ablations = table("ablations").set_index(key)["value"]
    pd.testing.assert_series_equal(orders, ablations.loc[orders.index], rtol=FOUR_DIGITS)


def test_whole_parts_of_couplings_are_their_ablations(table, config):
    key = [*CONDITION, "seed", "removed"]
    ablations = table("ablations").set_index(key)
    single = ablations[ablations.index.get_level_values("removed").isin(["RR", "CR", "CC"])]
    heavy = single[single["removed_mass"] >= config["diagnosis"]["minimum_mass"]]
    activity = table("activity")
    assert (activity.groupby(key).size() == 7).all()
    whole = activity[activity["part"] == "whole"].set_index(key)
    assert set(whole.index) == set(heavy.index) and len(whole) > 5
    for column in ("removed_mass", "rollout_difference"):
        expected = heavy.loc[whole.index, column]
        pd.testing.assert_series_equal(whole[column], expected, rtol=1e-3)
    # Small changes do what linear response foretells.
    small = activity[activity["rollout_difference"].between(1e-3, 0.03)]
    ratio = small["first_order"] / small["rollout_difference"]
    assert len(ratio) > 3 and 0.7 < ratio.median() < 1.4


def test_energy_is_shared_by_the_sectors_at_every_step(table, config):
    energy = table("energy")
    assert ((energy["R"] + energy["C"] - 1).abs() < FOUR_DIGITS).all()
    assert (energy["energy"] > 0).all()
    assert (energy.query("architecture == 'cayley'")["C"] < 1e-12).all()
    steps = energy.groupby([*CONDITION, "seed"])["step"].agg(["min", "max", "size"])
    assert (steps["min"] == 0).all() and (steps["max"] == steps["size"] - 1).all()
    copy = energy[(energy["task"] == "copy") & (energy["phase"] == "input")]
    assert set(copy["step"]) == set(range(config["tasks"]["copy"]["protocol"]["symbols"]))


def test_every_network_is_rotated(table):
    rotations = table("rotations")
    assert len(rotations) == len(table("networks"))
    assert (rotations["rollout_difference_min"] <= rotations["rollout_difference"]).all()
    assert (rotations["rollout_difference"] <= rotations["rollout_difference_max"]).all()
    assert (rotations["nonlinearity"] > 0).all() and (rotations["mean_state"] < 1).all()


def test_schur_vectors_are_well_conditioned_and_factors_accurate(table):
    networks = table("networks")
    assert ((networks["schur_condition"] - 1).abs() < 1e-12).all()
    assert (networks["eigenvector_condition"] >= 1).all()
    assert (networks["backward_error"] < 10).all() and (networks["orthogonality_error"] < 10).all()
    free = networks.query("architecture != 'cayley'")
    assert (free["departure"] > 0.01).all() and (free["scaled_gain"] > 1.01).all()
    cayley = networks.query("architecture == 'cayley'")
    assert (cayley["departure"] < 1e-5).all() and (cayley["scaled_gain"] < 1.001).all()


KEY = [*CONDITION, "seed", "removed"]


def test_sequences_without_a_shift_are_the_first_set(table):
    shift = table("shift").query("shift == 'none'").set_index(KEY)["rollout_difference"]
    first = table("ablation_sets").query("`set` == 0").set_index(KEY)["rollout_difference"]
    assert len(shift) == len(first)
    pd.testing.assert_series_equal(shift, first.loc[shift.index], rtol=FOUR_DIGITS)


def test_couplings_at_0_and_at_1_are_the_ablation_and_the_network(table):
    graded, ablations = table("graded"), table("ablations").set_index(KEY)["value"]
    gone, whole = (graded[graded["factor"] == end].set_index(KEY)["value"] for end in (0, 1))
    pd.testing.assert_series_equal(gone, ablations.loc[gone.index], rtol=FOUR_DIGITS)
    intact = ablations.xs("none", level="removed")
    pd.testing.assert_series_equal(
        whole.xs("CC", level="removed"), intact, rtol=FOUR_DIGITS, check_like=True
    )


def test_a_readout_that_is_fixed_is_that_of_the_ablation_table(table):
    readout = table("readout")
    fixed = readout[readout["readout"] == "fixed"].set_index(KEY)["value"]
    ablations = table("ablations").set_index(KEY)["value"]
    pd.testing.assert_series_equal(fixed, ablations.loc[fixed.index], rtol=FOUR_DIGITS)
    assert len(fixed) == len(ablations)
    assert set(readout["kept"]) <= {"function", "information", "neither"}
    intact = readout[(readout["removed"] == "none") & (readout["readout"] == "fixed")]
    assert (intact["kept"] == "function").all()


def test_the_border_at_the_threshold_has_the_row_of_the_ablation_table(table):
    leading = table("networks").set_index([*CONDITION, "seed"])["leading"]
    borders = table("borders").set_index([*CONDITION, "seed"])
    here = borders[borders["leading"] == leading.loc[borders.index]].reset_index()
    masses = table("ablations").set_index(KEY)["removed_mass"]
    masses = masses[masses.index.get_level_values("removed").isin(["RR", "CR", "CC"])]
    found = here.set_index(KEY)["removed_mass"]
    pd.testing.assert_series_equal(found, masses.loc[found.index], rtol=FOUR_DIGITS, atol=1e-12)
    assert len(found) == len(masses)


def test_findings_and_what_belongs_to_them_are_made_from_the_finished_study(finished, tmp_path):
    study = copied(finished.folder, tmp_path / "study")  # other tests count its tables
    targets = ("findings", "law", "comparability", "distances", "dial")
    assert "train" not in jobs(study.run("snakemake", "--dry-run", *targets))
    study.run("snakemake", *targets)
    tables = study.results / "tables"
    found = pd.read_csv(tables / "findings.csv")
    assert len(found) > 0 and found["verdict"].isna().all()  # about networks of other widths
    assert set(pd.read_csv(tables / "law.csv")["bits"]) == {4}
    asked = pd.read_csv(tables / "told_apart.csv")
    assert set(asked["asked"]) == {"architecture"} and (asked["p_adjusted"] >= asked["p"]).all()
    kinds = set(pd.read_csv(tables / "distances.csv")["kind"])
    assert {"exact symmetry", "rotation", "other order"} <= kinds
    assert (study.results / "figures" / "distances_all.png").stat().st_size > 0
