"""The tables of the report, on hand-made results."""

import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur.coordinates.activity import PARTS
from rnnschur.findings import energy_shares
from rnnschur.report import pages
from rnnschur.report.figures import ORDER
from rnnschur.report.formats import tex

CONDITION = {"task": "sine", "architecture": "orthogonal", "width": 64}


def rows(values, **columns):
    """Return rows of ablations.csv: (seed, removed, delta, sensitivity)."""
    table = pd.DataFrame(values, columns=["seed", "removed", "delta", "sensitivity"])
    return table.assign(**{**CONDITION, "metric": "fvu", "learned": True, **columns})


def test_numbers_and_intervals():
    assert pages.digits(0.123456) == "0.123"
    assert pages.digits(12345.6) == "12346"
    assert pages.digits(5.2e29) == "5.2e+29"
    assert pages.digits(np.nan) == ""
    row = pd.Series({"mean": 2.0, "sd": 0.5, "low": 1.5, "high": 2.25})
    assert pages.with_interval(row) == "2.00(50) [1.5, 2.25]"
    one = pd.Series({"mean": 2.0, "sd": np.nan, "low": np.nan})
    assert pages.with_interval(one) == "2"


def test_main_table_has_the_papers_order_and_keeps_numbers_in_their_rows():
    comparison = pd.DataFrame(
        {
            "task": "copy",
            "removed": ["CR", "none", "RR"],
            "paper": [0.639, 1.0, 0.876],
            "ours": [0.7, 0.99, 0.75],
            "sd": 0.01,
            "low": [0.69, 0.98, 0.74],
            "high": [0.71, 1.0, 0.76],
            "networks": 5,
            "difference": [0.061, -0.01, -0.126],
        }
    )
    table = pages.main_table(comparison)
    assert len(table) == len(ORDER)
    assert table.loc["intact", "paper"] == "1" and table.loc["intact", "ours"] == "0.990(10)"
    assert table.loc["CR", "interval"] == "[0.69, 0.71]"
    assert table.loc["CC", "paper"] == "" and table.loc["CC", "networks"] == 0


def test_damage_table_hides_the_sensitivity_of_next_to_nothing():
    summary = pd.DataFrame(
        [
            (removed, quantity, mean, 0.2, mean - 0.1, mean + 0.1)
            for removed, mass in (("CR", 0.2), ("CC", 1e-7))
            for quantity, mean in (("delta", 0.5), ("removed_mass", mass), ("sensitivity", 99.0))
        ],
        columns=["removed", "quantity", "mean", "sd", "low", "high"],
    ).assign(**CONDITION)
    paper = pd.DataFrame([{**CONDITION, "removed": "CR", "quantity": "delta", "paper": 1.73}])
    table = pages.damage_table(summary, paper, 0.01).set_index("removed")
    assert table.loc["CR", "change"] == "0.50(20) [0.4, 0.6]"
    assert table.loc["CR", "change, paper"] == "1.73" and table.loc["CC", "change, paper"] == ""
    assert table.loc["CR", "sensitivity"].startswith("99") and table.loc["CC", "sensitivity"] == ""


def test_verdicts_are_counted_over_the_networks_that_learned():
    ablations = rows([(0, "CC", 0, 0), (1, "CC", 0, 0), (2, "CC", 0, 0), (3, "none", 0, 0)])
    ablations["verdict"] = ["stabilizer", "fragile", "stabilizer", "negligible"]
    ablations.loc[2, "learned"] = False
    (table,) = pages.verdict_table(ablations).to_dict("records")
    assert [table[v] for v in ("stabilizer", "negligible", "intermediate", "fragile")] == [
        *(1, 0, 0, 1)
    ]


def test_order_table_has_the_largest_changes():
    orders = pd.DataFrame(
        [
            ("by modulus", 0, "RR", 0.40, 0.75, 0),
            ("ties", 0, "RR", 0.41, 0.70, 4),
            ("ties", 1, "RR", 0.38, 0.75, 4),
        ],
        columns=["order", "draw", "removed", "removed_mass", "value", "movable"],
    ).assign(**CONDITION, seed=0)
    (table,) = pages.order_table(orders).to_dict("records")
    assert table["mass, ties"] == "0.02" and table["measure, ties"] == "0.05"
    assert table["movable blocks, ties"] == "4"


def test_training_table_names_the_worst_network_by_its_metric():
    networks = pd.DataFrame(
        {
            **CONDITION,
            "metric": "fvu",
            "learned": [True, True, False],
            "value": [0.1, 0.3, 0.9],
            "first_perfect": np.nan,
            "spectral_radius": [1.0, 1.2, 5.0],
            "leading": [1, 3, 64],
        }
    )
    (table,) = pages.training_table(networks).to_dict("records")
    assert (table["trained"], table["learned"], table["ever perfect"]) == (3, 2, 0)
    assert (table["intact, mean"], table["intact, worst"]) == ("0.20(14)", "0.3")
    networks["metric"] = "replay_accuracy"
    assert pages.training_table(networks)["intact, worst"][0] == "0.1"


def test_a_page_is_html_with_its_caption():
    table = pd.DataFrame({"alpha": [0.9], "x": ["1"]})
    text, again = (pages.page(table, "What it is.").to_html(doctype_html=True) for _ in range(2))
    assert "What it is." in text and "0.90" in text
    assert text == again


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.857642, 0.015991, "0.858(16)"),
        (0.857642, 0.000996, "0.8576(10)"),  # 0.000996 is rounded up to another place
        (2.8512, 0.4449, "2.85(44)"),
        (1612.3, 345.6, "1612(346)"),
        (6.36e-7, 2.2e-6, "0.6(22)e-06"),
        (-0.0184, 0.016, "-0.018(16)"),
        (3.2e29, 1.5e28, "3.20(15)e+29"),
        (0.5, 0.0, "0.5"),
        (0.5, np.nan, "0.5"),
        (np.nan, 0.1, ""),
        (np.inf, np.inf, "inf"),
    ],
)
def test_shorthand_is_a_mean_and_its_standard_deviation_in_last_digits(mean, sd, text):
    assert pages.shorthand(mean, sd) == text


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_shorthand_can_be_read_back_to_two_digits_of_the_standard_deviation(mean, sd):
    text = pages.shorthand(mean, sd)
    number, digits, exponent = re.fullmatch(r"(-?[\d.]+)\((\d+)\)(?:e(.+))?", text).groups()
    scale = 10.0 ** int(exponent or 0)
    unit = scale * 10.0 ** -len(number.partition(".")[2])
    assert float(number) * scale == pytest.approx(mean, abs=0.5001 * unit)
    assert int(digits) * unit == pytest.approx(sd, abs=0.5001 * unit)
    assert len(digits) == 2 or "." not in number


TABLE = pd.DataFrame(
    {
        "task": ["copy_curriculum", "sine"],
        "alpha": [0.9, 0.95],
        "change & such": ["0.6(22)e-06", "|R| = 5 %"],
        "networks": [30, 5],
    }
)


def test_a_table_as_markdown_has_its_cells_and_caption():
    text = pages.markdown(TABLE, "What it is.")
    caption, blank, *lines = text.rstrip("\n").split("\n")
    assert (caption, blank) == ("What it is.", "")
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert cells == [
        ["task", "alpha", "change & such", "networks"],
        ["---"] * 4,
        ["copy_curriculum", "0.90", "0.6(22)e-06", "30"],
        ["sine", "0.95", r"\|R\| = 5 %", "5"],
    ]


def test_a_table_as_latex_has_booktabs_and_nothing_that_latex_would_take_for_something_else():
    text = pages.latex(TABLE, "50 % of T_ij.", "tab:x")
    assert [rule for rule in ("top", "mid", "bottom") if rf"\{rule}rule" in text] == [
        *("top", "mid", "bottom")
    ]
    assert r"\caption{50 \% of T\_ij.}" in text and r"\label{tab:x}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert rows == [
        r"task & alpha & \begin{tabular}[b]{@{}l@{}}change \& \\ such\end{tabular} & networks \\",
        r"copy\_curriculum & 0.90 & 0.6(22)$\times10^{-6}$ & 30 \\",
        r"sine & 0.95 & $|$R$|$ = 5 \% & 5 \\",
    ]
    assert r"\begin{tabular}{lllr}" in text and text.count(r"\begin") == text.count(r"\end")
    long = pages.latex(pd.concat([TABLE] * 30), "Long.", "tab:y")
    assert r"\begin{longtable}" in long and "longtable" in long.splitlines()[0]


def test_a_wide_table_as_latex_is_turned_and_its_sentences_and_headings_break():
    sentence = "In copy a coupling can be removed, and in sine generation it cannot."
    wide = TABLE.assign(
        claim=sentence, rule="damage_RR < 0.05", **{f"{i} of all": 1 for i in range(9)}
    )
    text = pages.latex(wide, "Wide.", "tab:z")
    assert text.splitlines()[0].endswith("booktabs, pdflscape.") and r"\end{landscape}" in text
    assert r"1 \\ of \\ all" in text and text.count("p{") == 1
    (width,) = re.findall(r"p{(\d+)pt}", text)
    assert 85 < int(width) < 200


def test_a_table_without_rows_has_its_headings_in_latex():
    assert "task & networks \\\\\n\\midrule\n\\bottomrule" in pages.latex(
        TABLE[["task", "networks"]][:0], "None.", "tab:n"
    )


def test_numbers_have_a_minus_and_words_a_hyphen_in_latex():
    assert tex("-0.5 [-1.2e-05, 3]") == r"$-$0.5 [$-$1.2$\times10^{-5}$, 3]"
    assert tex("N_h <= 2 - [-inf]") == r"$N_h$ $\leq$ 2 $-$ [$-\infty$]"
    assert tex("flip-flop, 2-3 of |R|, α ≥ 1") == r"flip-flop, 2-3 of $|$R$|$, $\alpha$ $\geq$ 1"


def test_an_index_with_a_name_is_a_column():
    table = TABLE.set_index("task").rename_axis("its task")
    assert pages.markdown(table, "x").splitlines()[2].startswith("| its task | alpha |")
    assert "its task & alpha" in pages.latex(table, "x", "y")


def test_a_table_is_written_three_times(tmp_path):
    pages.show(TABLE, tmp_path / "some_table", "What it is.")
    names = {path.suffix: path.read_text() for path in tmp_path.iterdir()}
    assert set(names) == {".html", ".md", ".tex"}
    assert all("What it is." in text and "0.95" in text for text in names.values())
    assert "tab:some}" in names[".tex"]


@pytest.mark.parametrize("name", ["symmetry_table", "nonnormality_table"])
def test_one_row_a_group(name):
    measures = [
        *("rollout_difference", "moduli_change", "departure_change", "departure", "commutator"),
        *("numerical_abscissa", "spectral_abscissa", "transient_gain", "scaled_gain"),
        *("eigenvector_condition", "schur_condition", "mass_RR", "mass_CR", "mass_CC"),
    ]
    table = pd.DataFrame({**CONDITION, "control": "rotation", "learned": True, "seed": [0, 1, 2]})
    table = table.assign(**{measure: [1.0, 2.0, 3.0] for measure in measures})
    (found,) = getattr(pages, name)(table).to_dict("records")
    extremes = {"1", "3"} if name == "symmetry_table" else {"2"}
    assert set(found.values()) - {*CONDITION.values(), "rotation"} == extremes


def test_the_search_table_is_in_the_order_of_the_distance_within_a_task():
    protocols = pd.DataFrame(
        {
            "task": ["copy", "sine", "copy"], "protocol": ["a", "b", "c"], "networks": 5,
            "learned": [5, 0, 5], "distance": [2.0, np.nan, 1.0], "worst_misfit": 3.0,
            "numbers": [8, np.nan, 8], "numbers_reached": [1, np.nan, 6],
            "claims": [7, np.nan, 7], "claims_reproduced": [7, np.nan, 7],
            "chosen": [False, False, True],
        }
    )  # fmt: skip
    table = pages.search_table(protocols)
    assert table["protocol"].tolist() == ["c", "a", "b"]
    assert table["numbers reached"].tolist() == ["6 of 8", "1 of 8", "0 of 0"]
    assert table[""].tolist() == ["chosen", "", ""]


def test_the_table_of_claims_under_all_protocols_counts_protocols_and_networks():
    summary = pd.DataFrame(
        {
            "claim": ["C.", "D."], "protocols": [13, 0], "reproduced": [9, 0], "partly": [3, 0],
            "not": [1, 0], "networks": [65, 0], "agree": [59, 0],
            "networks_share": [59 / 65, np.nan],
            "first": ["partly", np.nan], "start": "not", "chosen": "reproduced",
        }
    )  # fmt: skip
    table = pages.search_claims_table(summary)
    assert table.iloc[0].tolist() == [
        *("C.", "9 of 13", "3, 1", "59 of 65", "0.908", "partly", "not", "reproduced")
    ]
    assert table.loc[1, ["share", "first version"]].tolist() == ["", ""]
    lines = pages.markdown(table[["claim", "start"]]).split("\n")
    assert lines == ["| claim | start |", "| --- | --- |", "| C. | not |", "| D. | not |"]


def test_planted_table_has_the_largest_gap_and_the_mean_share_of_a_condition():
    moduli = pd.DataFrame({**CONDITION, "seed": [0, 0, 1], "modulus": [1.0, 0.5, 0.75]})
    moduli["planted"] = [1.0, 0.5625, 0.75]
    masses = pd.DataFrame({**CONDITION, "seed": [0, 1], "planted_mass": [1.0, 0.5]})
    masses["found_mass"] = [0.5, 0.5]
    masses["planted_leading"], masses["found_leading"] = [3, 3], [3, 2]
    masses["planted_CR"], masses["found_CR"] = [0.5, 0.25], [0.5, 0.375]
    (row,) = pages.planted_table(moduli, masses).to_dict("records")
    assert {name: row[name] for name in CONDITION} == CONDITION
    assert row["networks"] == 2 and row["moduli, largest difference"] == "0.0625"
    assert row["planted mass"] == "0.75" and row["found mass"] == "0.5"
    assert row["found share of its square"] == "0.625"
    assert row["same size of R"] == "1 of 2" and row["planted CR"] == "0.375"
    assert row["CR, largest difference"] == "0.125"


def activity_rows():
    condition = {"task": "copy", "architecture": "normal", "width": 8}
    rows = [
        {"seed": seed, "removed": "CC", "part": part, "removed_mass": mass, "learned": seed < 3}
        for seed in range(4)
        for part, mass in zip(PARTS, (0.4, 0.3, 0.2, 0.1, 0.3, 0.05, 0.35), strict=True)
    ]
    table = pd.DataFrame(rows).assign(**condition, seen_axes=3)
    return table.assign(acting_axes=table["seed"], rollout_difference=table["seed"])


def test_parts_of_couplings_are_medians_over_networks_that_learned():
    (row,) = pages.activity_table(activity_rows()).to_dict("records")
    assert (row["networks"], row["acting axes"], row["seen axes"]) == (3, "1", "3")
    assert (row["mass, whole"], row["mass, active and visible"]) == ("0.4", "0.05")
    assert row["d, rest"] == "1" and "mass, inactive" not in row
    empty = pd.read_csv(StringIO(activity_rows()[:0].to_csv(index=False)))  # as where none counts
    assert pages.activity_table(empty).empty


def test_energy_by_phase_weighs_steps_by_their_energy():
    condition = {"task": "copy", "architecture": "normal", "width": 8, "seed": 0, "learned": True}
    steps = pd.DataFrame({"phase": ["input", "input", "answer"], "energy": [1, 3, 0]})
    steps = steps.assign(**condition, step=range(3), R=[0, 1, np.nan], C=[1, 0, np.nan])
    shares = energy_shares(steps).set_index(["phase", "sector"])["share"]
    assert shares["input", "R"] == 0.75 and shares["input", "C"] == 0.25
    assert shares["answer"].isna().all()
    again = pd.concat([steps, steps.assign(seed=1, C=0.5, R=0.5)])
    (given, _) = pages.energy_table(energy_shares(again)).to_dict("records")
    assert given["networks"] == 2 and given["share of C, median"] == "0.375"
    assert (given["smallest"], given["largest"]) == ("0.25", "0.5")


def judged_findings():
    """Return findings.csv of one that was borne out, one that was not, and two about no network."""
    found = pd.DataFrame({"id": list("abcd"), "finding": ["A.", "B.", "C.", "D."]})
    found = found.assign(rule="x > 0", quantity=["x", "", "", ""])
    values = {
        "networks": ([10, 10, np.nan, 0], [20, 19, np.nan, 0]),
        "left_out": ([0, 0, np.nan, 10], [0, 1, np.nan, 0]),
        "mean": ([0.5, *[np.nan] * 3], [0.25, *[np.nan] * 3]),
        "share": ([1, 1, np.nan, np.nan], [1, 7 / 19, np.nan, np.nan]),
        "share_low": ([0.69, 0.69, np.nan, np.nan], [0.83, 0.16, np.nan, np.nan]),
        "share_high": ([1, 1, np.nan, np.nan], [1, 0.62, np.nan, np.nan]),
    }
    for name, (seen, fresh) in values.items():
        found[f"seen_{name}"], found[f"fresh_{name}"] = seen, fresh
    found["p_adjusted"] = [1e-6, 0.9, np.nan, np.nan]
    found["verdict"] = ["borne out", "not borne out", "", ""]
    return pd.read_csv(StringIO(found.to_csv(index=False)))


def test_findings_show_both_sides_and_leave_out_what_was_not_run():
    one, other = pages.findings_table(judged_findings()).to_dict("records")
    assert one["seen networks that agree"] == "10 of 10: 1 [0.69, 1]"
    assert (one["seen, mean"], one["fresh, mean"], one["quantity"]) == ("0.5", "0.25", "x")
    assert (one["adjusted p"], one["verdict"]) == ("1e-06", "borne out")
    assert other["fresh networks that agree"] == "7 of 19 (1 left out): 0.368 [0.16, 0.62]"
    assert (other["verdict"], other["seen, mean"], other["quantity"]) == ("not borne out", "", "")


def test_findings_without_fresh_networks_have_no_verdict():
    found = judged_findings()[:1].assign(fresh_networks=0, p_adjusted=np.nan, verdict=np.nan)
    (row,) = pages.findings_table(found).to_dict("records")
    assert row["seen networks that agree"] and not row["fresh networks that agree"]
    assert row["verdict"] == row["adjusted p"] == ""
    assert pages.findings_table(judged_findings()[2:]).empty


def test_findings_as_markdown():
    found = judged_findings()
    assert pages.findings_markdown(found).splitlines() == [
        "| finding | seen | fresh | verdict |",
        "| --- | --- | --- | --- |",
        "| A. | 10 of 10: 1 [0.69, 1] | 20 of 20: 1 [0.83, 1] | borne out |",
        "| B. | 10 of 10: 1 [0.69, 1] | 7 of 19 (1 left out): 0.368 [0.16, 0.62] | not borne out |",
    ]
    assert len(pages.findings_markdown(found[2:]).splitlines()) == 2


def test_rotations_are_counted_where_they_pass_the_criterion():
    rows = pd.DataFrame({"seed": range(4), "rollout_difference": [0.05, 0.2, 0.3, 9]})
    rows = rows.assign(task="copy", architecture="normal", width=8, mean_state=0.1, value=1.0)
    rows = rows.assign(nonlinearity=1e-5, verdict=["stabilizer", *["intermediate"] * 3])
    rows["rollout_difference_min"] = rows["rollout_difference"] / 2
    rows["rollout_difference_max"] = rows["rollout_difference"] * 2
    rows["learned"] = rows["seed"] < 3
    (row,) = pages.rotation_table(rows).to_dict("records")
    assert (row["networks"], row["within epsilon"]) == (3, 1)
    assert (row["rollout difference"], row["smallest"], row["largest"]) == ("0.2", "0.025", "0.6")
