"""The figures: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from rnnschur import figures
from rnnschur.schur import ordered_real_schur


@pytest.fixture(autouse=True)
def style():
    figures.use_style()
    yield
    plt.close("all")


def table(cells, **columns):
    frame = pd.DataFrame(cells, columns=["task", "architecture", "width"])
    return frame.assign(**columns)


def test_cells_have_a_place_by_architecture_and_width():
    cells = [("copy", "default", 56), ("copy", "default", 72), ("copy", "cayley", 72)]
    figure, axes = figures.cell_grid(table(cells), 2, 2)
    assert [cell for cell, _ in axes] == cells
    places = {cell: axis.get_subplotspec() for cell, axis in axes}
    assert places[cells[1]].colspan == places[cells[2]].colspan
    assert places[cells[0]].rowspan == places[cells[1]].rowspan
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
    cell = {"task": "copy", "architecture": "orthogonal", "width": 72}
    ablations = pd.DataFrame(
        [{"seed": s, "removed": n, "value": 0.9 - s / 10} for s in range(3) for n in names]
    ).assign(**cell, metric="replay_accuracy")
    ablations["learned"] = ablations["seed"] < 2
    summary = pd.DataFrame({"removed": names, "mean": 0.85, "low": 0.8, "high": 0.9})
    summary = summary.assign(**cell, quantity="value")
    paper = pd.DataFrame([{**cell, "removed": "CR", "quantity": "value", "paper": 0.639}])
    figure = figures.ablation_profile(ablations, summary, paper)
    lines = figure.axes[0].get_lines()
    drawn = {line.get_label(): np.asarray(line.get_ydata(), float) for line in lines}
    np.testing.assert_allclose(np.sort(drawn["network"]), [0.8] * 8 + [0.9] * 8)
    np.testing.assert_allclose(drawn["did not learn"], 0.7)
    np.testing.assert_allclose(drawn["paper"], 0.639)
    (bars,) = figure.axes[0].containers
    np.testing.assert_allclose(bars.lines[0].get_ydata().astype(float), 0.85)


def test_schur_matrix_draws_the_border_of_the_sectors():
    T = np.diag([1.0, -0.95, 0.5, 0.2]) + np.triu(np.ones((4, 4)), 1)
    figure = figures.schur_matrix(ordered_real_schur(T), 0.9, "a matrix")
    horizontal = [line.get_ydata()[0] for line in figure.axes[0].get_lines()]
    assert 1.5 in horizontal
    assert {text.get_text() for text in figure.axes[0].texts} == {"RR", "CR", "CC"}


def test_the_same_figure_gives_the_same_files(tmp_path):
    for stem in ("one", "two"):
        figure, axes = figures.grid(1, 1, 3, 2)
        axes[0, 0].plot([1, 2, 3])
        figures.save(figure, tmp_path / stem)
    for kind in (".png", ".pdf"):
        assert (tmp_path / f"one{kind}").read_bytes() == (tmp_path / f"two{kind}").read_bytes()


def test_ledger_draws_every_judged_claim_at_its_share():
    judged = pd.DataFrame(
        {
            "kind": ["claim", "claim", "number", "number"],
            "claim": ["A.", "B.", "C.", "D."],
            "networks": [10, 10, 10, 0],
            "share": [1.0, 0.6, 0.1, np.nan],
            "share_low": [0.7, 0.3, 0.0, np.nan],
            "share_high": [1.0, 0.9, 0.4, np.nan],
            "verdict": ["reproduced", "partly", "not", ""],
        }
    )
    figure = figures.ledger(judged)
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["A", "B", "C"]
    points = {c.get_label(): c.lines[0].get_xydata().tolist() for c in axis.containers}
    assert points == {
        "reproduced (1)": [[1.0, 0.0]],
        "partly (1)": [[0.6, 1.0]],
        "not (1)": [[0.1, 2.0]],
    }
    assert figures.ledger(judged[3:]).axes[0].get_yticklabels() == []


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
    assert [t.get_text() for t in axis.get_xticklabels()] == ["CR\npaper 1.73", "CC\npaper 2.08"]
    none = figures.search(numbers[:0], protocols.assign(distance=np.nan)).axes[0]
    assert [t.get_text() for t in none.texts] == ["no network of any protocol learned"]
