"""The look that figures share: sizes, grey, the strip of couplings, and the summary."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from rnnschur.coordinates.sectors import COUPLINGS, SUBSET_COUPLINGS
from rnnschur.report import figures
from rnnschur.report.figures import style
from rnnschur.report.figures.matched import SCALE as HARM
from rnnschur.report.figures.rollouts import SCALE as SIGNS


@pytest.fixture(autouse=True)
def look():
    figures.use_style()
    yield
    plt.close("all")


def lightness(colour):
    """Return CIE L* of a colour, from 0 (black) to 100 (white), by its definition (sRGB, D65)."""
    rgb = np.array(colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return 116 * np.cbrt(y) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


def test_couplings_are_told_apart_in_grey_and_without_colour():
    values = sorted(lightness(style.COLOURS[coupling]) for coupling in COUPLINGS)
    assert min(np.diff(values)) > 15 and values[-1] < 80  # apart, and none as light as the paper
    assert len({style.MARKERS[c] for c in COUPLINGS}) == 3
    assert len({str(style.LINES[c]) for c in COUPLINGS}) == 3


def test_minus_one_and_one_look_equally_strong():
    cmap, norm = plt.get_cmap(SIGNS["cmap"]), plt.Normalize(SIGNS["vmin"], SIGNS["vmax"])
    low, middle, high = (lightness(cmap(norm(value))[:3]) for value in (-1, 0, 1))
    assert high - middle == pytest.approx(middle - low, abs=3) and middle - low > 20


def test_the_scale_from_safe_to_harmful_goes_from_light_to_dark():
    values = [lightness(HARM(x)[:3]) for x in np.linspace(0, 1, 11)]
    assert (np.diff(values) < 0).all() and values[0] - values[-1] > 35


@pytest.mark.parametrize(("columns", "width"), [(1, 3.25), (2, 6.75), (4, 6.75)])
def test_a_figure_is_as_wide_as_a_column_or_the_text_and_has_type_of_eight_points(columns, width):
    figure, axes = figures.grid(1, columns, 0.7)
    axes[0, 0].set(title="a", xlabel="x", ylabel="y")
    axes[0, 0].plot([0, 1], label="line")
    style.legend_below(figure)
    figure.canvas.draw()
    assert figure.get_figwidth() == width
    sizes = {text.get_fontsize() for text in figure.findobj(plt.Text) if text.get_text()}
    assert sizes == {8}


def test_positions_have_no_last_bits_that_could_differ_between_processes(tmp_path):
    figure, axes = figures.grid(3, 2, 0.7)
    for i, axis in enumerate(axes.flat):
        axis.set(title="a", ylabel="y" * i)
    style.save(figure, tmp_path / "figure")
    bounds = np.array([axis.get_position().get_points() for axis in axes.flat])
    assert np.array_equal(bounds, bounds.round(6)) and len(np.unique(bounds)) > 8


@pytest.mark.parametrize("place", [0, 1])
def test_no_title_is_cut_at_an_edge_and_others_stay_where_they_are(tmp_path, place):
    figure, axes = figures.grid(1, 2, 0.5)
    axes[0, place].set_title(
        "a title that is much wider than the axes that it stands above, so it is"
    )
    axes[0, 1 - place].set_title("short")
    figures.save(figure, tmp_path / "figure")
    box = axes[0, place].title.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert axes[0, place].title.get_position()[0] != 0.5
    assert axes[0, 1 - place].title.get_position()[0] == 0.5


@pytest.mark.parametrize(("tasks", "across"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3)])
def test_panels_of_tasks_are_large_enough_to_be_read(tasks, across):
    _, axes = style.task_grid("abcde"[:tasks], 0.8)
    columns = {axis.get_subplotspec().colspan.start for _, axis in axes}
    assert len(axes) == tasks and len(columns) == across


def test_the_strip_fills_the_cells_of_the_couplings_that_are_removed():
    figure, axes = figures.grid(1, 2, 0.7)
    for axis in axes.flat:
        figures.coupling_strip(axis, [*figures.ORDER, "all else"])
    style.label_outer(figure)
    figure.canvas.draw()
    labels = [label.get_text() for label in axes[0, 0].get_xticklabels()]
    assert labels.pop() == "all\nelse"
    for name, label in zip(figures.ORDER, labels, strict=True):
        filled = dict(zip(COUPLINGS, label.split("\n"), strict=True))
        assert {c for c, cell in filled.items() if cell == "■"} == set(SUBSET_COUPLINGS[name])
    # The names of its lines stand once, at the left.
    shown = [
        [label.get_text() for label in axis.get_xticklabels(minor=True) if label.get_visible()]
        for axis in axes.flat
    ]
    assert shown == [["RR\nCR\nCC"], []]


def test_labels_stay_where_no_panel_is_below():
    figure, axes = style.task_grid(["a", "b", "c", "d", "e"], 0.7, sharex=True, sharey=True)
    for _, axis in axes:
        axis.set(xlabel="x", ylabel="y")
    style.label_outer(figure)
    assert [axis.get_xlabel() for _, axis in axes] == ["", "", "x", "x", "x"]
    assert [axis.get_ylabel() for _, axis in axes] == ["y", "", "", "y", ""]


def test_a_legend_fits_the_figure():
    figure, axes = figures.grid(1, 1, 0.7)
    for length in (3, 12, 20, 8, 16):
        axes[0, 0].plot([0, 1], label="m" * length)
    style.legend_below(figure)
    figure.canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    assert box.width <= 3.25 * 1.15


def study(harmless="CC"):
    """Return ablations, summary and paper of two tasks; in the second nothing can be removed."""
    rows = pd.DataFrame(
        [
            (task, width, seed, removed, sign * (0.2 + 0.1 * seed), verdict)
            for task, width, sign in (("copy", 72, -1), ("sine", 64, 1), ("copy", 56, -1))
            for seed in range(3)
            for removed, verdict in (("RR", "fragile"), ("CR", "fragile"), ("CC", "fragile"))
        ],
        columns=["task", "width", "seed", "removed", "delta", "verdict"],
    ).assign(architecture="orthogonal", learned=True)
    rows["metric"] = rows["task"].map({"copy": "replay_accuracy", "sine": "fvu"})
    free = (rows["task"] == "copy") & (rows["removed"] == harmless)
    rows.loc[free, ["delta", "verdict"]] = [0.0, "stabilizer"]
    rows.loc[(rows["removed"] == "CR"), "delta"] *= 2
    key = ["task", "architecture", "width", "removed"]
    means = rows.groupby(key)["delta"].agg(mean="mean", low="min", high="max").reset_index()
    paper = pd.DataFrame({"task": ["copy"] * 2 + ["sine"] * 2, "width": [72, 72, 64, 64]})
    paper = paper.assign(architecture="orthogonal", removed=["none", "CR"] * 2)
    paper["quantity"] = ["value", "value", "value", "delta"]
    paper["paper"] = [1.0, 0.6, 0.01, 0.5]
    return rows, means.assign(quantity="delta"), paper


def test_the_summary_has_a_panel_a_task_with_damage_interval_verdict_and_the_papers_value():
    rows, means, paper = study()
    figure = figures.summary(rows, means, paper)
    figure.canvas.draw()
    copy, sine = (axis for axis in figure.axes if axis.get_visible())
    assert figure.get_suptitle() == "No coupling can be removed in every task"
    assert copy.get_title().split("\n") == [
        "copy, orthogonal, $N_h$ = 72",
        "CR worst in 3 of 3",
    ]
    # The damage is positive for both measures, and so are its ends.
    for axis in (copy, sine):
        bars = axis.containers[COUPLINGS.index("CR")]
        assert bars.lines[0].get_xydata().tolist() == [[pytest.approx(0.6), 1]]
        (ends,) = bars.lines[2][0].get_segments()
        np.testing.assert_allclose(ends[:, 0], [0.4, 0.8])
    printed = {
        name: [float(x) for line in axis.get_lines() if line.get_label() == "paper"
               for x in line.get_xdata()]
        for name, axis in (("copy", copy), ("sine", sine))
    }  # fmt: skip
    assert printed == {"copy": [pytest.approx(0.4)], "sine": [pytest.approx(0.5)]}
    assert [text.get_text() for text in copy.texts] == [
        *("fragile\n3 of 3", "fragile\n3 of 3", "stabilizer\n3 of 3")
    ]


def test_a_tie_is_no_commonest_verdict():
    rows, means, paper = study()
    rows = rows[rows["seed"] < 2]
    rows.loc[(rows["removed"] == "RR") & (rows["seed"] == 1), "verdict"] = "negligible"
    axis = figures.summary(rows, means, paper).axes[0]
    assert [text.get_text() for text in axis.texts][:2] == ["a tie\n1 of 2 each", "fragile\n2 of 2"]
    assert axis.containers[0].lines[0].get_marker() == "P"


def test_the_title_of_the_summary_says_what_its_verdicts_do():
    rows, means, paper = study()
    rows.loc[rows["removed"] == "CC", "verdict"] = "negligible"
    figure = figures.summary(rows, means, paper)
    assert figure.get_suptitle() == "CC can be removed in every task"


def test_a_summary_without_numbers_of_the_paper_has_the_first_condition_of_each_task():
    rows, means, paper = study()
    figure = figures.summary(rows, means.assign(low=np.nan, high=np.nan), paper[:0])
    figure.canvas.draw()
    shown = [axis.get_title().split("\n")[0] for axis in figure.axes if axis.get_visible()]
    assert shown == ["copy, orthogonal, $N_h$ = 72", "sine, orthogonal, $N_h$ = 64"]
