"""The study in one picture, for a talk."""

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.findings import with_damage
from rnnschur.metrics import METRICS
from rnnschur.report.figures.ablations import REMOVABLE, commonest, paper_values, worst
from rnnschur.report.figures.profile import VERDICTS
from rnnschur.report.figures.style import STYLE, TEXT, grid, legend_below, rows_of, title, words
from rnnschur.tables import CONDITION

#: Its type has 10 points at the width of a page: across a slide, 20.
LARGE = {name: 10 for name, size in STYLE.items() if size == 8}
#: Marker and colour where two verdicts are as common.
TIE = ("P", "0.3")


@mpl.rc_context(STYLE | LARGE)  # Sphinx reads no ** here
def summary(ablations: pd.DataFrame, means: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Draw the damage of each coupling in each task, with its verdict and the paper's value.

    A panel a task, at the condition that the paper has numbers of, or, where it has none at all, at
    the first one. A point is a network that learned, a bar the interval of the mean over networks;
    marker and words are the commonest verdict; of a tie, the marker is a plus.

    Parameters
    ----------
    ablations : pandas.DataFrame
        Rows of ablations.csv.
    means : pandas.DataFrame
        Rows of ablation_summary.csv.
    paper : pandas.DataFrame
        Rows of paper_comparison.csv.
    """
    rows = ablations[ablations["removed"].isin(COUPLINGS) & ablations["learned"]]
    rows = with_damage(rows.reset_index(drop=True))
    conditions = _conditions(rows, paper)
    columns = min(2, max(1, len(conditions)))
    lines = max(1, -(-len(conditions) // columns))
    figure, axes = grid(lines, columns, 0.62 / (3 - columns), width=TEXT)
    for axis in axes.flat[len(conditions) :]:
        axis.set_visible(False)
    for condition, axis in zip(conditions, axes.flat, strict=False):
        networks = rows_of(rows, condition)
        _panel(axis, networks, rows_of(means, condition), rows_of(paper, condition))
        axis.set_title(f"{title(*condition)}\n{worst(networks)}")
    figure.suptitle(removable(ablations, paper), fontweight="bold")
    legend_below(figure)
    return figure


def removable(ablations: pd.DataFrame, paper: pd.DataFrame, listed: bool = False) -> str:
    """Say which couplings more than half of the networks can do without, in each task shown.

    Parameters
    ----------
    ablations, paper : pandas.DataFrame
        As for `summary`.
    listed : bool
        Whether to name the tasks, where these are not all tasks of the study.
    """
    rows = ablations[ablations["removed"].isin(COUPLINGS) & ablations["learned"]]
    conditions = _conditions(rows, paper)
    tasks = list(dict.fromkeys(task for task, _, _ in conditions))
    if not conditions:
        return "No network has learned its task"
    free = rows["verdict"].isin(REMOVABLE).groupby([rows[name] for name in (*CONDITION, "removed")])
    share = free.mean().unstack("removed").reindex(columns=COUPLINGS)
    which = [name for name in COUPLINGS if (share.loc[conditions, name] > 0.5).all()]
    where = "every task" if len(conditions) > 1 else "the task"
    if set(tasks) < set(ablations["task"]):
        where += " shown" + (f": {', '.join(map(words, tasks))}" if listed else "")
    return f"{' and '.join(which) or 'No coupling'} can be removed in {where}"


def _conditions(rows: pd.DataFrame, paper: pd.DataFrame) -> list[tuple]:
    """Return the conditions that the paper has numbers of, or the first one of each task."""
    found = list(rows[CONDITION].drop_duplicates().itertuples(index=False, name=None))
    printed = set(paper[CONDITION].itertuples(index=False, name=None))
    shown = [condition for condition in found if condition in printed]
    first = {}
    for condition in found:
        first.setdefault(condition[0], condition)
    return shown or list(first.values())


def _panel(axis: Axes, rows: pd.DataFrame, means: pd.DataFrame, paper: pd.DataFrame) -> None:
    """Draw one condition, with the commonest verdict on each coupling."""
    metric = METRICS[rows["metric"].iloc[0]]
    means = means[means["quantity"] == "delta"].set_index("removed")
    values = paper_values(paper)
    for place, coupling in enumerate(COUPLINGS):
        networks = rows[rows["removed"] == coupling]
        verdicts, count = commonest(networks["verdict"])
        if not verdicts:  # not determined by the weights
            continue
        tie = len(verdicts) > 1
        spread = 0.25 * (networks["seed"].rank() / max(1, len(networks)) - 0.5)
        dots = {"markersize": 3, "color": "0.6", "alpha": 0.5, "markeredgewidth": 0}
        axis.plot(networks["damage"], place + spread, "o", **dots, label="network")
        mean, *ends = metric.damage(means.loc[coupling, ["mean", "low", "high"]].to_numpy(float))
        below, above = mean - min(ends), max(ends) - mean  # NaN of one network: no bar
        marker, colour = TIE if tie else VERDICTS[verdicts[0]]
        axis.errorbar(mean, place, xerr=[[below], [above]], fmt=marker, color=colour,
                      markersize=7, elinewidth=2, label="mean and interval")  # fmt: skip
        if {coupling, "none"} <= set(values.index):
            style = {"markersize": 9, "markerfacecolor": "none", "markeredgecolor": "black"}
            printed = metric.damage(values[coupling] - values["none"])
            axis.plot(printed, place, "D", **style, label="paper")
        text = f"{'a tie' if tie else verdicts[0]}\n{count} of {len(networks)}"
        text += " each" if tie else ""
        axis.text(1.03, place, text, transform=axis.get_yaxis_transform(), va="center")
    axis.axvline(0, color="0.3", linewidth=0.7)
    axis.set_yticks(range(len(COUPLINGS)), COUPLINGS)
    axis.set_ylim(len(COUPLINGS) - 0.5, -0.5)
    # In steps of 2.5, labels have a digit more and touch.
    axis.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
    axis.set_xlabel(f"{'added' if metric.worse > 0 else 'lost'} {metric.label}")
