"""The figure of what verdicts hang on."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rnnschur.report.figures.style import TEXT, VERDICTS

#: How much of its colour a verdict shows behind a line: the worse, the darker, also in grey.
SHADES = {"reproduced": 0.3, "partly": 0.45, "not": 0.8}


def verdict_curves(curves: pd.DataFrame) -> Figure:
    """Draw the verdict on each claim and number over the factor of its bounds, and over alpha.

    A strip a claim and bound: its colour is the verdict, the line in it the share of networks that
    agree, from 0 to 1. Solid lines mark what the ledger uses, dotted ones a factor of two and the
    other thresholds of the study. What has another verdict up to there is in bold.

    Parameters
    ----------
    curves : pandas.DataFrame
        Rows of verdict_curves.csv.
    """
    # Read from a file, a column of an empty table says nothing of its type.
    curves = curves.astype({"used": bool, "near": bool, "value": float, "factor": float})
    near = curves[curves["near"]].groupby(["id", "bound"], sort=False)["verdict"]
    hangs = {key for key, verdicts in near if len(set(verdicts)) > 1}
    strips = _strips(curves)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(TEXT, 1.1 + 0.2 * len(strips)), sharey=True, width_ratios=(5, 4)
    )
    for place, (name, bound, first) in enumerate(strips):
        rows = curves[curves["id"] == name]
        scanned = rows[rows["bound"] == bound]
        if bound:
            used = f" {scanned.loc[scanned['used'], 'value'].iloc[0]:.3g}"
            words = bound.replace("_", " ") + (used if bound != "tolerance" else "")
            _strip(left, np.log2(scanned["factor"]), scanned, place)
            _name(left, place, words, (name, bound) in hangs)
        tried = rows[rows["bound"] == "alpha"]
        if first and len(tried):
            _strip(right, tried["value"], tried, place)
            _name(right, place, "α" * ((name, "alpha") in hangs), True)
    firsts = curves.drop_duplicates("id").set_index("id")
    left.set_yticks(range(len(strips)), [name if first else "" for name, _, first in strips])
    for label, (name, _, _) in zip(left.get_yticklabels(), strips, strict=True):
        bold = any(name == other for other, _ in hangs)
        label.set(fontweight="bold" if bold else "normal")
    numbers = sum(firsts["kind"][name] == "number" for name, _, _ in strips)
    for axis in (left, right):
        axis.axhline(len(strips) - numbers - 0.5, color="0.3", linewidth=0.8)
        axis.tick_params(axis="y", length=0)
    for octaves, style in ((-1, ":"), (0, "-"), (1, ":")):
        left.axvline(octaves, color="black", linewidth=0.8, linestyle=style)
    alphas = curves[(curves["bound"] == "alpha") & curves["near"]]
    for alpha, used in alphas.groupby("value")["used"].mean().items():
        style = "-" if used > 0.5 else ":"
        right.axvline(alpha, color="black", linewidth=0.8, linestyle=style)
    left.set_xticks(range(-2, 3), ["¼", "½", "1", "2", "4"])
    left.set(xlabel="factor of the bound", xlim=(-2, 2), ylim=(max(len(strips), 1) - 0.5, -0.5))
    right.set(xlabel="threshold α", xlim=(0.49, 1.01))
    shown = [
        Patch(color=colour, alpha=SHADES[verdict], linewidth=0, label=verdict)
        for verdict, colour in VERDICTS.items()
    ]
    shown.append(Line2D([], [], color="black", linewidth=1, label="share of networks that agree"))
    figure.legend(handles=shown, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _strips(curves: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Return the strips from the top: an id, a bound or none, whether it is the id's first."""
    found = []
    for name, rows in curves.groupby("id", sort=False):
        bounds = [bound for bound in dict.fromkeys(rows["bound"]) if bound != "alpha"]
        found += [(name, bound, place == 0) for place, bound in enumerate(bounds or [""])]
    return found


def _strip(axis: plt.Axes, x: pd.Series, rows: pd.DataFrame, place: int) -> None:
    """Draw one verdict curve: every value stands for what is nearest to it."""
    x = x.to_numpy(dtype=float)
    middles = (x[1:] + x[:-1]) / 2
    half = np.min(np.diff(x)) / 2 if len(x) > 1 else 0.02
    edges = np.concatenate([[x[0] - half], middles, [x[-1] + half]])
    for verdict, colour in VERDICTS.items():
        chosen = (rows["verdict"] == verdict).to_numpy()
        axis.barh(
            np.full(chosen.sum(), place),
            np.diff(edges)[chosen],
            left=edges[:-1][chosen],
            height=0.84,
            color=colour,
            alpha=SHADES[verdict],
            linewidth=0,
        )
    marker = "." if len(x) < 5 else ""  # of few values, which
    axis.plot(x, place + 0.36 - 0.72 * rows["share"], marker=marker, color="black", linewidth=1)


def _name(axis: plt.Axes, place: int, text: str, bold: bool) -> None:
    """Write something beside a strip."""
    axis.annotate(
        text,
        (1.02, place),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize="x-small",
        fontweight="bold" if bold else "normal",
    )
