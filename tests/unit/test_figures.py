"""The figures: what is drawn is what was given."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from rnnschur import cells, interventions
from rnnschur.batch import Batch
from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.coordinates.sectors import Sectors
from rnnschur.criterion import Criterion
from rnnschur.diagnosis import diagnose
from rnnschur.evaluation import evaluate
from rnnschur.metrics import METRICS, metric
from rnnschur.network import Network
from rnnschur.report import figures
from rnnschur.streams import generator
from rnnschur.tables import NETWORK


@pytest.fixture(autouse=True)
def style():
    figures.use_style()
    yield
    plt.close("all")


def table(conditions, **columns):
    frame = pd.DataFrame(conditions, columns=["task", "architecture", "width"])
    return frame.assign(**columns)


def test_cells_have_a_place_by_architecture_and_width():
    conditions = [("copy", "default", 56), ("copy", "default", 72), ("copy", "cayley", 72)]
    figure, axes = figures.condition_grid(table(conditions), 0.7)
    assert [condition for condition, _ in axes] == conditions
    places = {cell: axis.get_subplotspec() for cell, axis in axes}
    assert places[conditions[1]].colspan == places[conditions[2]].colspan
    assert places[conditions[0]].rowspan == places[conditions[1]].rowspan
    assert sum(axis.get_visible() for axis in figure.axes) == 3


def test_paper_values_add_printed_changes_to_the_intact_value():
    paper = pd.DataFrame(
        {
            "quantity": ["value", "delta", "delta", "sensitivity"],
            "removed": ["none", "CR", "CC", "CR"],
            "paper": [0.0036, 1.73, 2.08, 21.1],
        }
    )
    values = figures.paper_values(paper)
    assert values.to_dict() == pytest.approx({"none": 0.0036, "CR": 1.7336, "CC": 2.0836})
    assert figures.paper_values(paper[:0]).empty


def test_profile_draws_every_network_the_means_and_the_paper():
    names = list(figures.ORDER)
    condition = {"task": "copy", "architecture": "orthogonal", "width": 72}
    ablations = pd.DataFrame(
        [{"seed": s, "removed": n, "value": 0.9 - s / 10} for s in range(3) for n in names]
    ).assign(**condition, metric="replay_accuracy", delta=0.0, verdict="fragile")
    ablations["learned"] = ablations["seed"] < 2
    summary = pd.DataFrame({"removed": names, "mean": 0.85, "low": 0.8, "high": 0.9})
    summary = summary.assign(**condition, quantity="value")
    paper = pd.DataFrame([{**condition, "removed": "CR", "quantity": "value", "paper": 0.639}])
    figure = figures.ablation_profile(ablations, summary, paper)
    lines = figure.axes[0].get_lines()
    drawn = {line.get_label(): np.asarray(line.get_ydata(), float) for line in lines}
    np.testing.assert_allclose(np.sort(drawn["network"]), [0.8] * 8 + [0.9] * 8)
    np.testing.assert_allclose(drawn["did not learn"], 0.7)
    np.testing.assert_allclose(drawn["paper"], 0.639)
    (bars,) = figure.axes[0].containers
    np.testing.assert_allclose(bars.lines[0].get_ydata().astype(float), 0.85)
    (chance,) = (METRICS[name].reference for name in set(ablations["metric"]))
    assert drawn[chance[1]].tolist() == [chance[0]] * 2
    # What a network reaches that knows only how often labels are there is not in the table.
    figure = figures.ablation_profile(ablations.assign(metric="accuracy"), summary, paper)
    (legend,) = figure.legends
    words = {text.get_text() for text in legend.get_texts()}
    assert "network" in words and METRICS["accuracy"].reference[1] not in words


@pytest.mark.parametrize("targets", [True, False])
@pytest.mark.parametrize("alphas", [(0.9,), (0.9, 0.5)])
def test_the_profile_of_one_network_draws_every_row_and_the_bounds(targets, alphas):
    rng = np.random.default_rng(0)
    weights = {"W_hh": rng.standard_normal((9, 9)) / 3, "W_xh": rng.standard_normal((9, 2))}
    network = Network("tanh", {**weights, "W_hy": rng.standard_normal((3, 9))})
    batch = Batch(rng.standard_normal((9, 20, 2)), rng.standard_normal((9, 20, 3)))
    batch = batch if targets else Batch(batch.inputs)
    rows = diagnose(network, batch, alphas=alphas, criterion=Criterion(epsilon=0.25))
    rows.loc[3, "verdict"] = None  # as where the sectors are not determined
    figure = figures.profile(rows)
    assert len(figure.axes) == 1 + targets
    for axis, column in zip(figure.axes[::-1], ("rollout_difference", "value"), strict=False):
        drawn = np.concatenate([bars.lines[0].get_ydata() for bars in axis.containers])
        least = 1e-4 if column == "rollout_difference" else -np.inf
        np.testing.assert_allclose(np.sort(drawn), np.sort(rows[column].clip(lower=least)))
        assert "no verdict" in {bars.get_label() for bars in axis.containers}
    levels = {line.get_label(): line.get_ydata()[0] for line in figure.axes[-1].get_lines()}
    assert levels[r"$\epsilon$"] == pytest.approx(0.25)
    assert levels["fragile from"] == pytest.approx(1)
    figure.canvas.draw()  # lays it out, and warns where something does not fit


@pytest.mark.parametrize(("most", "scale"), [(1.06, "linear"), (30.0, "log")])
def test_a_narrow_range_of_errors_has_plain_numbers(most, scale):
    rng = np.random.default_rng(0)
    weights = {"W_hh": rng.standard_normal((5, 5)) / 3, "W_xh": rng.standard_normal((5, 2))}
    network = Network("tanh", {**weights, "W_hy": rng.standard_normal((1, 5))})
    batch = Batch(rng.standard_normal((9, 20, 2)), rng.standard_normal((9, 20, 1)))
    rows = diagnose(network, batch)
    rows["value"] = np.linspace(1.02, most, len(rows))
    axis = figures.profile(rows.assign(value_low=rows["value"], value_high=rows["value"])).axes[0]
    assert axis.get_yscale() == scale


def test_the_profile_of_several_matrices_has_a_row_for_each():
    rng = np.random.default_rng(0)
    weights = {f"W_h{gate}": rng.standard_normal((5, 5)) for gate in "rzn"}
    weights |= {f"W_x{gate}": rng.standard_normal((5, 2)) for gate in "rzn"}
    network = Network("gru", {**weights, "W_hy": rng.standard_normal((1, 5))})
    figure = figures.profile(diagnose(network, Batch(rng.standard_normal((9, 20, 2)))))
    titles = [axis.get_title().split(",")[0] for axis in figure.axes]
    assert titles == ["W_hn", "W_hr", "W_hz", "all"]
    assert figure.axes[-1].get_xticklabels()[-1].get_text() == "recurrence"


def test_schur_matrix_draws_the_border_of_the_sectors():
    T = np.diag([1.0, -0.95, 0.5, 0.2]) + np.triu(np.ones((4, 4)), 1)
    figure = figures.schur_matrix(ordered_real_schur(T), 0.9, "a matrix")
    horizontal = [line.get_ydata()[0] for line in figure.axes[0].get_lines()]
    assert 1.5 in horizontal
    assert {text.get_text() for text in figure.axes[0].texts} == {"RR", "CR", "CC"}


@pytest.mark.parametrize("engine", ["reference", "fast"])
@pytest.mark.parametrize("outputs", [2, 5])
def test_rollouts_draw_the_network_intact_and_without_each_coupling(outputs, engine):
    rng = np.random.default_rng(0)
    shapes = {"W_hh": (6, 6), "W_xh": (6, 2), "W_hy": (outputs, 6)}
    network = Network("tanh", {name: rng.standard_normal(s) / 2 for name, s in shapes.items()})
    batch = Batch(rng.standard_normal((9, 1, 2)), rng.standard_normal((7, 1, outputs)))
    figure = figures.rollouts(network, batch, 0.9, engine, "a network", METRICS["fvu"])
    sectors = Sectors.of(network.weights["W_hh"], 0.9)
    expected = [batch.targets[:, 0]]
    for couplings in ((), ("RR",), ("CR",), ("CC",), ("RR", "CR", "CC")):
        matrix, _ = sectors.without(sectors.mask(*couplings))
        expected.append(network.replace({"W_hh": matrix}).outputs(batch)[:, 0])
    if outputs > 4:  # one picture each, the target on top
        drawn = [axis.images[0].get_array().T for axis in figure.axes if axis.images]
        np.testing.assert_allclose(drawn[:6], expected, rtol=1e-9)
    else:  # one column each, over the target
        columns = np.reshape(figure.axes, (outputs, 5)).T
        assert [axis.get_ylabel() for axis in columns[0]] == ["output 0", "output 1"]
        for column, output in zip(columns, expected[1:], strict=True):
            for channel, axis in enumerate(column):
                target, curve = axis.get_lines()
                assert curve.get_xdata().tolist() == list(range(2, 9))
                np.testing.assert_allclose(target.get_ydata(), expected[0][:, channel])
                np.testing.assert_allclose(curve.get_ydata(), output[:, channel], rtol=1e-9)


def test_the_same_figure_gives_the_same_files(tmp_path):
    for stem in ("one", "two"):
        figure, axes = figures.grid(1, 1, 0.7)
        axes[0, 0].plot([1, 2, 3])
        figures.save(figure, tmp_path / stem)
    for kind in (".png", ".pdf"):
        assert (tmp_path / f"one{kind}").read_bytes() == (tmp_path / f"two{kind}").read_bytes()


def test_ledger_draws_every_judged_claim_at_its_share_and_every_number_beside_the_papers():
    judged = pd.DataFrame(
        {
            "kind": ["claim"] * 4 + ["number"] * 3,
            "rests_on": ["measurement", "consequence", "theorem", *["measurement"] * 4],
            "id": ["A", "B", "C", "D", "E", "F", "G"],
            "networks": [10, 10, 10, 10, 10, 10, 0],
            "share": [1.0, 0.9, 1.0, 0.6, 0.1, 0.2, np.nan],
            "share_low": [0.7, 0.5, 0.7, 0.3, 0.0, 0.0, np.nan],
            "share_high": [1.0, 1.0, 1.0, 0.9, 0.4, 0.5, np.nan],
            "paper": [*[np.nan] * 4, 2.0, 0.5, 1.0],
            "mean": [*[np.nan] * 4, 3.0, 0.5, np.nan],
            "low": [*[np.nan] * 4, 2.0, 0.25, np.nan],
            "high": [*[np.nan] * 4, 4.0, 0.75, np.nan],
            "prediction_low": [*[np.nan] * 4, 1.0, -np.inf, np.nan],
            "prediction_high": [*[np.nan] * 4, 6.0, 50.0, np.nan],
            "verdict": ["reproduced", "reproduced", "holds", "partly", "not", "reproduced", ""],
            "flips": [np.nan, "epsilon, alpha", "", "", "", "tolerance", np.nan],
        }
    )
    figure = figures.ledger(judged)
    above, below = figure.axes
    assert [text.get_text() for text in above.get_yticklabels()] == ["A", "B *", "C", "D"]
    assert [text.get_text() for text in below.get_yticklabels()] == ["E", "F *"]
    points = {line.get_label(): line.get_xydata().tolist() for line in above.lines}
    assert points == {
        "reproduced": [[1.0, 0.0]],
        "reproduced, follows": [[0.9, 1.0]],
        "theorem holds": [[1.0, 2.0]],
        "partly": [[0.6, 3.0]],
    }

    def intervals(axis):
        return [segment.tolist() for c in axis.collections for segment in c.get_segments()]

    assert sorted(intervals(above), key=lambda ends: ends[0][1]) == [
        [[low, place], [high, place]]
        for place, (low, high) in enumerate([(0.7, 1.0), (0.5, 1.0), (0.7, 1.0), (0.3, 0.9)])
    ]
    points = {line.get_label(): line.get_xydata().tolist() for line in below.lines[1:]}
    assert points == {"reproduced": [[1.0, 1.0]], "not": [[1.5, 0.0]]}
    assert intervals(below) == [
        [[0.1, 1.0], [10.0, 1.0]],  # beyond the axis, at its ends
        [[0.5, 0.0], [3.0, 0.0]],
        [[0.5, 1.0], [1.5, 1.0]],
        [[1.0, 0.0], [2.0, 0.0]],
    ]
    # A mean beyond the axis is an arrow at its end, the verdict in its colour and in the legend.
    _, below = figures.ledger(judged.assign(mean=[*[np.nan] * 4, 300.0, -0.5, np.nan])).axes
    arrows = [line for line in below.lines[1:] if line.get_marker() in "<>"]
    assert [(a.get_marker(), a.get_xydata().tolist()) for a in arrows] == [
        (">", [[10.0, 0.0]]), ("<", [[0.1, 1.0]])
    ]  # fmt: skip
    assert not any(arrow.get_clip_on() for arrow in arrows)
    for axis in figures.ledger(judged[6:]).axes:
        assert axis.get_yticklabels() == []


def verdict_curve(name, bound, verdicts, **more):
    """Return the rows of a curve over three values, the middle one of which is used."""
    factor = np.full(3, np.nan) if bound == "alpha" else np.array([0.5, 1, 2])
    values = np.array([0.85, 0.9, 0.95]) if bound == "alpha" else 0.1 * factor
    rows = {"id": name, "kind": "claim", "claim": f"{name}.", "bound": bound, "value": values}
    rows |= {"factor": factor, "used": [False, True, False], "near": True}
    return pd.DataFrame({**rows, "share": [0.2, 0.6, 1.0], "verdict": verdicts, **more})


def test_verdict_curves_are_strips_of_the_colour_of_the_verdict():
    changing, same = ["not", "partly", "reproduced"], ["partly"] * 3
    curves = pd.concat(
        [
            verdict_curve("A", "epsilon", changing),
            verdict_curve("A", "minimum_mass", same),
            verdict_curve("A", "alpha", same),
            verdict_curve("B", "alpha", same),
            verdict_curve("C", "tolerance", changing, near=[False, True, False], kind="number"),
        ]
    )
    figure = figures.verdict_curves(curves)
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["A", "", "B", "C"]
    bold = [text.get_fontweight() == "bold" for text in left.get_yticklabels()]
    assert bold == [True, True, False, False]
    assert [text.get_text() for text in left.texts] == [
        "epsilon 0.1", "minimum mass 0.1", "tolerance"
    ]  # fmt: skip
    assert [text.get_fontweight() for text in left.texts] == ["bold", "normal", "normal"]
    strips = {}
    for patch in left.patches:
        place = round(patch.get_y() + patch.get_height() / 2)
        strips.setdefault(place, {})[round(patch.get_x(), 2)] = patch.get_facecolor()[:3]
    assert sorted(strips) == [0, 1, 3] and len(set(strips[0].values())) == 3
    # A value stands for what is nearest to it: half an octave to either side.
    assert sorted(strips[0]) == [-1.5, -0.5, 0.5] and len(set(strips[1].values())) == 1
    assert len(right.patches) == 6
    curves = [line.get_xydata() for line in left.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(curves[0], [[-1, 0.216], [0, -0.072], [1, -0.36]])


def test_without_networks_verdict_curves_are_empty(tmp_path):
    nothing = verdict_curve("A", "epsilon", ["not"] * 3)[:0]
    nothing.to_csv(tmp_path / "curves.csv", index=False)
    figure = figures.verdict_curves(pd.read_csv(tmp_path / "curves.csv"))
    assert not figure.axes[0].patches


def test_search_puts_the_nearest_protocol_on_top_and_writes_our_means():
    numbers = pd.DataFrame(
        {
            "protocol": ["far", "far", "near", "near"],
            "id": ["sine-CR", "sine-CC"] * 2,
            "paper": [1.73, 2.08] * 2,
            "ours": [9.0, 8.0, 1.75, 2.0],
            "misfit": [4.1, 3.3, 0.03, 0.1],
        }
    )
    protocols = pd.DataFrame({"task": "sine", "protocol": ["far", "near"], "distance": [3.7, 0.1]})
    axis = figures.search(numbers, protocols).axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["near  (0.10)", "far  (3.70)"]
    assert [t.get_text() for t in axis.texts] == ["1.75", "2", "9", "8"]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["CR: 1.73", "CC: 2.08"]
    none = figures.search(numbers[:0], protocols.assign(distance=np.nan)).axes[0]
    assert [t.get_text() for t in none.texts] == ["no network of any protocol learned"]


def test_search_claims_counts_networks_and_the_plausible_protocols():
    judged = pd.DataFrame(
        [
            ("sine", True, "sine-CC-dominates", "claim", 5, 1.0, "reproduced"),
            ("sine", True, "sine-none", "number", 5, 0.2, "not"),
            ("sine_b", True, "sine-CC-dominates", "claim", 5, 0.6, "partly"),
            ("sine_b", True, "sine-none", "number", 5, 0.4, "reproduced"),
            ("sine_c", False, "sine-CC-dominates", "claim", 4, 1.0, "reproduced"),
            ("sine_c", False, "sine-none", "number", 4, 0.5, "reproduced"),
        ],
        columns=["protocol", "plausible", "id", "kind", "networks", "share", "verdict"],
    ).assign(task="sine")
    protocols = pd.DataFrame({"protocol": ["sine", "sine_b"], "chosen": [False, True]})
    axis = figures.search_claims(judged, protocols).axes[0]
    said = [t.get_text() for t in axis.texts]
    assert said == ["5", "1", "3", "2", "4", "2", "1", "1", "claims", "numbers"]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["CC-dominates", "intact"]
    labels = ["start", "b (chosen)", "c", "protocols that reproduce it, of 2"]
    assert [t.get_text() for t in axis.get_yticklabels()] == labels
    cells = np.asarray(axis.images[0].get_array().filled(np.nan))
    np.testing.assert_allclose(cells[[0, 1, 2, 4]], [[1, 0.2], [0.6, 0.4], [1, 0.5], [0.5, 0.5]])
    none = figures.search_claims(judged[:0], protocols).axes[0]
    assert [t.get_text() for t in none.texts] == ["no network of any protocol learned"]


def test_phases_are_shares_of_sector_r_beside_what_the_targets_see():
    rows = [
        ("copy", 8, 0.01, "R", True),
        ("copy", 8, 0.012, "R", True),
        ("copy", 8, 0.36, "R", False),
        ("copy", 8, 0.2, "C", True),
        ("easy", 8, 0.3, "R", True),
    ]
    rows = pd.DataFrame(rows, columns=["task", "width", "phase_error", "sector", "learned"])
    figure = figures.phases(rows.assign(architecture="cayley"), {"copy": [4], "easy": [2, 4]})
    copy, easy = figure.axes
    heights = [[bar.get_height() for bar in bars] for bars in copy.containers]
    # Stacked: the second group stands on the first.
    assert [np.round(np.sum(bars), 9) for bars in heights] == [
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
    ]
    assert heights[0][0] == pytest.approx(2 / 3) and heights[1][14] == pytest.approx(1 / 3)
    (line,) = copy.get_lines()
    at = dict(zip(np.round(line.get_xdata(), 3), line.get_ydata(), strict=True))
    assert at[0.0] == 1 and at[0.25] == pytest.approx(0, abs=1e-12) and at[0.375] > 0.2
    labels = [line.get_label() for line in easy.get_lines()]
    assert labels == ["overlap, R = 4", "overlap, R = 2"]
    figure.canvas.draw()
    (twice,) = figures.phases(rows[:1].assign(architecture="cayley"), {"copy": [2, 4, 4]}).axes
    assert [line.get_linestyle() for line in twice.get_lines()] == ["-", "--"]


def test_phases_leave_a_place_empty_where_there_is_no_condition():
    rows = pd.DataFrame([("copy", 8), ("copy", 9), ("easy", 9)], columns=["task", "width"]).assign(
        architecture="cayley", phase_error=0.1, sector="R", learned=True
    )
    figure = figures.phases(rows, {"copy": [4], "easy": [2, 4]})
    assert [axis.get_visible() for axis in figure.axes] == [True, True, False, True]


def test_planted_forms_are_drawn_over_what_was_planted():
    moduli = pd.DataFrame({"task": ["copy", "copy", "sine"], "planted": [1, 0.5, 0.8]})
    moduli["modulus"] = [1.1, 0.4, 0.8]
    masses = pd.DataFrame({"task": ["copy", "sine"], "planted_mass": [0.5, 0.2]})
    masses["found_mass"] = [0.4, 0.1]
    figure = figures.planted(moduli, masses)
    drawn = [
        {line.get_label(): line.get_xydata().tolist() for line in axis.get_lines()[1:]}
        for axis in figure.axes
    ]
    assert drawn == [
        {"copy": [[1, 1.1], [0.5, 0.4]], "sine": [[0.8, 0.8]]},
        {"copy": [[0.5, 0.4]], "sine": [[0.2, 0.1]]},
    ]
    figure.canvas.draw()


def lines_of(axis):
    return [(line.get_label(), line.get_xydata().tolist()) for line in axis.get_lines()]


def test_energy_draws_both_sectors_of_every_network_and_the_onset():
    condition = {"task": "copy", "architecture": "normal", "width": 8}
    rows = pd.DataFrame({"step": [0, 1, 2] * 2, "seed": [0] * 3 + [1] * 3}).assign(**condition)
    rows["phase"] = ["input", "answer", "answer"] * 2
    rows["C"] = [0.5, 0.1, 1e-6, 0.4, 0.0, 0.0]
    rows["learned"] = True
    poor = rows[:3].assign(seed=2, learned=False)
    rows = rows.assign(R=1 - rows["C"])
    figure = figures.energy(pd.concat([rows, poor.assign(R=0.5, C=0.5)]))
    *shares, (onset, at) = lines_of(figure.axes[0])
    assert [[y for _, y in points] for _, points in shares] == [
        pytest.approx(values)
        for seed in (rows[:3], rows[3:])
        for values in ((1 - seed["C"]).tolist(), seed["C"].tolist())
    ]
    assert [name for name, _ in shares[:2]] == ["sector R", "sector C"]
    assert onset == "onset" and at[0][0] == 1
    figure.canvas.draw()
    always = figures.energy(rows.assign(phase="answer"))
    assert len(always.axes[0].get_lines()) == 4  # an onset at the first step is none
    none = figures.energy(rows.assign(learned=False))
    assert len(none.axes[0].get_lines()) == 1  # the onset
    none.canvas.draw()


def test_response_draws_every_part_and_what_is_next_to_nothing_at_the_edge():
    rows = [("copy", "whole", 0.1, 0.2), ("copy", "rest", 1e-9, 0.0), ("sine", "active", 3.0, 1.0)]
    table = pd.DataFrame(rows, columns=["task", "part", "first_order", "rollout_difference"])
    table = table.assign(learned=[True, True, True])
    figure = figures.response(pd.concat([table, table.assign(learned=False)]))
    copy, sine = (dict(lines_of(axis)) for axis in figure.axes)
    assert copy["whole"] == [[0.1, 0.2]] and copy["rest"] == [[1e-4, 1e-4]]
    assert sine["active"] == [[3.0, 1.0]] and sine["whole"] == []
    figure.canvas.draw()
    assert figures.response(table[:0]).axes[0].get_title() == "no coupling counts"


def test_linearity_draws_medians_and_extremes_of_every_network():
    table = pd.DataFrame({"task": ["copy", "copy", "sine"], "nonlinearity": [1e-5, 1e-3, 0.1]})
    table["learned"] = [True, False, True]
    table["rollout_difference"] = [0.1, 0.2, 2.0]
    table["rollout_difference_min"], table["rollout_difference_max"] = [0.05, 0.1, 1], [0.2, 0.3, 4]
    (axis,) = figures.linearity(table, 0.25).axes
    drawn = {bars.get_label(): bars for bars in axis.containers}
    assert set(drawn) == {"copy", "copy, did not learn", "sine"}
    for label, index in (("copy", 0), ("copy, did not learn", 1), ("sine", 2)):
        row = table.iloc[index]
        line, _, (bar,) = drawn[label].lines
        assert line.get_xydata().tolist() == [[row["nonlinearity"], row["rollout_difference"]]]
        (ends,) = bar.get_segments()
        expected = [row["rollout_difference_min"], row["rollout_difference_max"]]
        np.testing.assert_allclose(ends[:, 1], expected)
    (epsilon,) = (line for line in axis.get_lines() if line.get_label() == r"$\epsilon$")
    assert epsilon.get_ydata()[0] == 0.25


def curves(columns, seeds=(0, 1, 2), learned=True):
    """Return rows of a condition with every combination of some columns, and random measures."""
    index = pd.MultiIndex.from_product([seeds, *columns.values()], names=["seed", *columns])
    rng = np.random.default_rng(0)
    measures = {n: rng.random(len(index)) for n in ("value", "damage", "rollout_difference")}
    rows = pd.DataFrame(measures, index).reset_index()
    rows = rows.assign(task="flip_flop", architecture="orthogonal", width=64, metric="fvu")
    return rows.assign(learned=learned, gap=rng.random(len(rows)))


COUPLINGS = ["RR", "CR", "CC"]
ROBUSTNESS = {
    "borders": (curves({"removed": COUPLINGS, "leading": [1, 2, 5, 6]}), {"epsilon": 0.25}),
    "graded": (curves({"removed": COUPLINGS, "factor": [0, 0.5, 1, 1.5]}), {"epsilon": 0.25}),
    "readout": (
        curves({"removed": list(figures.ORDER), "readout": ["fixed", "refitted"]}),
        {},
    ),
    "shift": (
        curves({"removed": list(figures.ORDER), "shift": ["none", "longer"]}),
        {"epsilon": 0.25},
    ),
}


def heights(axis):
    """Return what lines and points of an axis are drawn at, by label."""
    drawn = {}
    for line in axis.get_lines():
        drawn.setdefault(line.get_label(), []).extend(np.asarray(line.get_ydata(), float))
    return drawn


@pytest.mark.parametrize("kind", ROBUSTNESS)
@pytest.mark.parametrize("learned", [True, False])
def test_figures_of_robustness_draw_the_networks_that_learned(kind, learned):
    rows, options = ROBUSTNESS[kind]
    figure = getattr(figures, kind)(rows.assign(learned=rows["seed"] < 2 * learned), **options)
    figure.canvas.draw()  # lays it out, and warns where something does not fit
    drawn = heights(figure.axes[0])
    rows = rows[rows["seed"] < 2 * learned]
    if options:
        assert drawn[r"$\epsilon$"] == [0.25, 0.25]
    if kind == "readout":
        for name in ("fixed", "refitted"):
            values = rows.loc[rows["readout"] == name, "value"]
            assert sorted(drawn[f"readout {name}"]) == sorted(values)
        return
    for coupling in COUPLINGS:
        each = rows[rows["removed"] == coupling]
        if kind == "shift":
            expected = each["rollout_difference"].tolist()
        elif kind == "graded":
            expected = each.groupby("factor")["rollout_difference"].median()
            expected = expected[expected.index != 1]
        else:  # sizes 3 and 4 are no border: the last one below counts
            wide = each.pivot(index="leading", columns="seed", values="rollout_difference")
            expected = wide.median(axis=1)
            expected = [*expected, *[expected[2]] * 2] if learned else []
        found = np.array(drawn[coupling])
        np.testing.assert_allclose(np.sort(found[~np.isnan(found)]), np.sort(expected))


def test_a_network_that_runs_away_is_drawn_as_no_smaller_number():
    """Neither as the border before, nor as the median of those that did not."""
    rows = curves({"removed": ["CC"], "leading": [1, 2, 3, 4]}, seeds=(0,))
    rows = rows.assign(rollout_difference=[0.2, np.nan, np.nan, 0.1])
    rows["damage"] = rows["rollout_difference"]
    figure = figures.borders(rows, 0.25)
    figure.canvas.draw()
    differences, damages, _ = figure.axes
    for axis in (differences, damages):
        drawn = [list(line.get_ydata()) for line in axis.get_lines()]
        assert drawn.count([0.2, np.inf, np.inf, 0.1]) == 2  # the network, and the median
    rows = curves({"removed": ["CC"], "factor": [0, 0.5]})
    rows["rollout_difference"] = [0.2, 0.1, np.nan, 0.1, np.nan, 0.3]
    figure = figures.graded(rows, 0.25)
    figure.canvas.draw()
    assert heights(figure.axes[0])["CC"] == [np.inf, 0.1]


def test_the_last_border_has_no_gap():
    rows, options = ROBUSTNESS["borders"]
    gaps = figures.borders(rows, **options).axes[2]
    drawn = np.concatenate([line.get_ydata() for line in gaps.get_lines()])
    expected = rows[(rows["removed"] == "CC") & (rows["leading"] < 6)]["gap"]
    np.testing.assert_allclose(np.sort(drawn[~np.isnan(drawn)]), np.sort(expected))


def test_without_a_readout_to_fit_the_figure_says_so():
    (text,) = figures.readout(pd.DataFrame()).axes[0].texts
    assert text.get_text().startswith("no linear readout")


def test_matched_draws_the_median_and_every_network_that_learned():
    rows = [
        ("copy", 8, 0, "CR", "dense", 0.0), ("copy", 8, 0, "CR", "in place", 1.0),
        ("copy", 8, 1, "CR", "dense", 0.25), ("copy", 8, 1, "CR", "in place", 1.0),
        ("copy", 8, 2, "CR", "dense", 0.75), ("copy", 8, 2, "CR", "in place", 0.5),
        ("sine", 9, 0, "CC", "dense", 0.5),
    ]  # fmt: skip
    columns = ["task", "width", "seed", "removed", "control", "quantile"]
    rows = pd.DataFrame(rows, columns=columns).assign(architecture="normal", learned=True)
    poor = rows[:1].assign(quantile=1.0, seed=3, learned=False)
    figure = figures.matched(pd.concat([rows, poor]))
    panels = {axis.get_title(): axis for axis in figure.axes if axis.images and axis.get_title()}
    assert list(panels) == ["without RR", "without CR", "without CC"]
    drawn = {name: axis.images[0].get_array().filled(np.nan) for name, axis in panels.items()}
    assert np.isnan(drawn["without RR"]).all()
    np.testing.assert_array_equal(drawn["without CR"], [[0.25, 1.0], [np.nan, np.nan]])
    np.testing.assert_array_equal(drawn["without CC"], [[np.nan, np.nan], [0.5, np.nan]])
    places = [line.get_xdata() for line in panels["without CR"].get_lines()]
    np.testing.assert_allclose(places[0], [-0.35, -0.175, 0.175])  # 0 is left, 1 is right
    np.testing.assert_allclose(places[1], [1.35, 1.35, 1.0])
    assert [text.get_text() for text in panels["without RR"].get_xticklabels()] == [
        *("dense", "in place")
    ]
    figure.canvas.draw()
    (text,) = figures.matched(poor).axes[0].texts
    assert "no coupling" in text.get_text()


def family(**columns):
    """Return a table of interventions on one network."""
    return table([("copy", "orthogonal", 8)] * len(columns["removed_mass"]), seed=0, **columns)


def test_distances_are_told_apart_by_what_was_done_and_need_both_of_them():
    learned = {"learned": [True, True, True, False]}
    masses, moved = [0.0, 0.1, 0.5, 0.2], [0.0, 0.01, 0.9, 0.3]
    both = {"removed_mass": masses, "rollout_difference": moved, **learned}
    draws = {"median_mass": [0.1, 0.3, 0.3, 0.2], "median_difference": [0.5, 0.7, 0.8, 0.6]}
    tables = {
        "ablations": family(removed=["none", "CC", "RR+CR", "CR"], **both),
        "symmetries": family(
            control=["rotation", "permutation and flips", "rotation", "rotation"],
            **{**both, "rollout_difference": [0.0, 3e-7, 0.9, 0.3]},
        ),
        "rotations": family(removed=["rotation"] * 4, **both),
        "orders": family(order=["any", "by modulus", "any", "any"], **both),
        "matched": family(
            control=["dense", "same drive", "another sequence", "dense"], **both, **draws
        ),
    }
    found = figures.changes(tables)
    kinds = ["CC", "several couplings", "exact symmetry", *["rotation"] * 3]
    kinds += ["other order"] + ["matched control"] * 2
    assert found["kind"].tolist() == kinds
    figure = figures.distances(found, epsilon=0.1)
    (axis,) = figure.axes
    drawn = {line.get_label(): line.get_xydata() for line in axis.lines if len(line.get_xydata())}
    np.testing.assert_allclose(drawn["exact symmetry"], [[0.1, 3e-7]])
    # The draws, and not the couplings that they are controls of.
    np.testing.assert_allclose(drawn["matched control"], [[0.1, 0.5], [0.3, 0.7]])
    assert axis.get_xscale() == axis.get_yscale() == "log"
    with pytest.raises(ValueError, match="table 'orders' has no column rollout_difference"):
        figures.changes({"orders": tables["orders"].drop(columns="rollout_difference")})
    with pytest.raises(ValueError, match="table 'frontier' has no kind of change; allowed: abla"):
        figures.changes({"frontier": tables["ablations"]})


def test_a_study_without_couplings_that_are_large_enough_has_distances(tmp_path):
    """An empty table comes back from its file without types."""
    network = interventions.make("matched", {}, {}).summary(pd.DataFrame())
    network.assign(**{key: [] for key in NETWORK}, learned=[]).to_csv(tmp_path / "matched.csv")
    matched = pd.read_csv(tmp_path / "matched.csv")
    ablations = family(removed=["CC"], removed_mass=[0.1], rollout_difference=[0.2], learned=[True])
    found = figures.changes({"matched": matched, "ablations": ablations})
    assert found["kind"].tolist() == ["CC"]
    assert found["removed_mass"].dtype == found["rollout_difference"].dtype == float
    (text,) = figures.matched(matched).axes[0].texts
    assert "no coupling" in text.get_text()


@pytest.mark.parametrize("cell", ["tanh", "gru"])
def test_an_exact_symmetry_is_a_large_distance_in_weights_and_none_in_function(cell):
    rng = np.random.default_rng(0)
    made = cells.make(cell)
    size = {"unit": 8, "input": 2, "output": 2, "gate": 8}
    weights = {
        name: rng.standard_normal([size[a] for a in axes]) for name, axes in made.axes.items()
    }
    network = Network(cell, {name: weight / 2 for name, weight in weights.items()})
    batch = Batch(rng.standard_normal((20, 30, 2)), rng.standard_normal((20, 30, 2)))
    of = interventions.make("symmetries", {}, {}).of(network, None, partial(generator, 0))
    rows = evaluate(network, of, batch, metric("fvu"), "reference")
    rows = rows.assign(task="made up", architecture=cell, width=8, seed=0, learned=True)
    found = figures.changes({"symmetries": rows}).set_index("kind")
    assert found.loc["exact symmetry", "removed_mass"] > 0.5
    assert found.loc["exact symmetry", "rollout_difference"] < 1e-6
    assert found.loc["rotation", "rollout_difference"] > 0.01


def test_the_dial_shows_the_border_of_alpha_and_the_one_with_a_row_a_bit():
    names = {"task": "copy", "architecture": "orthogonal", "width": 6, "seed": 0}
    rows = [(2, 0.8, 1.0), (4, 0.5, 0.8), (6, 0.1, 0.5)]  # leading, and the alphas that give it
    borders = pd.DataFrame(
        {**names, "leading": leading, "alpha_low": low, "alpha_high": high, "removed": coupling}
        | {"rollout_difference": leading / 10, "damage": leading / 100, "removed_mass": 0.3}
        for leading, low, high in rows
        for coupling in ("RR", "CR", "CC")
    )
    rotations = pd.DataFrame([{**names, "mean_state": 0.2, "rollout_difference": 0.7}] * 2)
    rotations = rotations.assign(seed=[0, 1], learned=[True, False])
    figure = figures.dial(
        rotations, pd.concat([borders, borders.assign(seed=1)]), {"copy": 4}, 0.9, 0.1
    )
    lines = {
        (axis.get_ylabel() or "right", line.get_label()): line.get_xydata().tolist()
        for axis in figure.axes
        for line in axis.lines
    }
    assert lines["rollout difference,\nborder at $\\alpha$ = 0.9", "CC"] == [[0.2, 0.2]]
    assert lines["rollout difference,\n|R| = bits", "CC"] == [[0.2, 0.4]]
    assert lines["right", "CC"][0][0] == 0.7
    plt.close(figure)
