"""What one network does on one sequence, intact and with couplings removed."""

import numpy as np
from matplotlib.figure import Figure

from rnnschur.batch import Batch
from rnnschur.coordinates.sectors import COUPLINGS, SUBSET_COUPLINGS, Sectors
from rnnschur.metrics import Metric
from rnnschur.network import Network
from rnnschur.report.figures.style import NAMES, PALETTE, TEXT, grid, label_outer, legend_below

#: Outputs of -1 and +1: dark and light, as far from the grey of 0 as each other; cividis is even in
#: lightness, so that it reads in grey and by the colour-blind.
SCALE = {"cmap": "cividis", "vmin": -1.5, "vmax": 1.5}


def rollouts(
    network: Network, batch: Batch, alpha: float, engine: str, heading: str, measure: Metric
) -> Figure:
    """Draw what a network does on one sequence, intact and with each coupling removed.

    Few outputs are drawn as curves over their targets, many as a picture of elements over time, in
    which a dot marks a wrong sign; targets only where they count. Above each stands the measure.

    Parameters
    ----------
    network : Network
    batch : Batch
        One sequence.
    alpha : float
        Threshold between the sectors.
    engine : str
        See `rnnschur.network.Network.outputs`.
    heading : str
    measure : rnnschur.metrics.Metric
    """
    name, recurrent = network.headline
    sectors = Sectors.of(recurrent.matrix, recurrent.threshold(alpha), network.schur(name))
    outputs, reached = {}, {}
    for subset in ("none", *COUPLINGS, "RR+CR+CC"):
        matrix, _ = sectors.without(sectors.mask(*SUBSET_COUPLINGS[subset]))
        output = network.outputs(batch, engine, recurrent.write_back(matrix))
        label = "intact" if subset == "none" else f"without {NAMES[subset]}"
        outputs[label], reached[label] = output[:, 0], float(measure(output, batch))
    target = None
    # Labels are of another kind than outputs, which are then shown alone.
    width = outputs["intact"].shape[-1]
    if batch.targets is not None and batch.targets.shape[-1] == width:
        target = batch.targets[:, 0]
        if batch.mask is not None:
            target = np.where(batch.mask[:, :1], target, np.nan)
    values = {
        label: "" if np.isnan(value) else f"{measure.label} {value:.2g}"
        for label, value in reached.items()
    }
    steps = np.arange(batch.onset, batch.steps)
    figure = (_pictures if width > 4 else _curves)(steps, target, outputs, values)
    figure.suptitle(heading, fontweight="bold")
    return figure


def _curves(steps, target, outputs, values) -> Figure:
    shown = outputs["intact"] if target is None else target
    rows = shown.shape[1]
    # However many rows, titles and labels take as much room.
    figure, axes = grid(rows, len(outputs), 0.6 + 0.5 / rows, sharex=True, sharey=True)
    for (label, output), column in zip(outputs.items(), axes.T, strict=True):
        for channel, axis in enumerate(column):
            if target is not None:
                axis.plot(steps, target[:, channel], color="0.7", linewidth=2.5, label="target")
            axis.plot(steps, output[:, channel], color=PALETTE[0], linewidth=1, label="output")
            axis.set(xlabel="step", ylabel=f"output {channel}")
        column[0].set_title(f"{label}\n{values[label]}".strip())
    # What runs away further than this is cut off, so that the target can be seen.
    lowest, highest = np.nanmin(shown), np.nanmax(shown)
    margin = 1.5 * (highest - lowest)
    drawn = np.clip([*outputs.values()], lowest - margin, highest + margin)
    axes[0, 0].set_ylim(drawn.min() - 0.05 * margin, drawn.max() + 0.05 * margin)
    label_outer(figure)
    legend_below(figure)
    return figure


def _pictures(steps, target, outputs, values) -> Figure:
    panels = outputs if target is None else {"target": target, **outputs}
    figure, axes = grid(len(panels), 1, 0.13, sharex=True, width=TEXT)
    edges = (steps[0] - 0.5, steps[-1] + 0.5)
    for (label, panel), axis in zip(panels.items(), axes.flat, strict=True):
        extent = (*edges, panel.shape[1] + 0.5, 0.5)
        image = axis.imshow(panel.T, aspect="auto", interpolation="none", extent=extent, **SCALE)
        if target is not None and np.isin(target[~np.isnan(target)], (-1, 1)).all():
            step, element = np.nonzero(panel * target <= 0)
            style = {"markersize": 1.6, "color": "white", "markeredgecolor": "black"}
            axis.plot(steps[step], element + 1, "o", markeredgewidth=0.3, **style)
        name = f"{label}\n{values.get(label, '')}".strip()
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_yticks([1, panel.shape[1]])
    axes[-1, 0].set_xlabel("step")
    figure.colorbar(image, ax=axes, label="output", extend="both", shrink=0.5)
    return figure
