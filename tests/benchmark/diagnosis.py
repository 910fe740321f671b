"""What a diagnosis costs: the rollouts beside a plain loop, the ordered Schur form beside scipy's.

All share one thread on one core and take turns round by round, so that whatever else happens on
the machine happens to all of them.
"""

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.linalg
from tqdm import tqdm

from rnnschur import METRICS, Batch, Network, cells, evaluate, interventions, ordered_real_schur

sys.path.append(str(Path(__file__).parent))

from engines import machine, markdown, pin

SIZE, STEPS, SEQUENCES = 8, 100, 256  # inputs and outputs, steps and sequences
A = 0.2  # step of the leaky cells
ALPHAS = (0.9, 0.7, 0.5)
WIDTHS = (32, 56, 64, 72, 96, 128, 192, 256, 512, 1024)
OTHER_WIDTHS = (64, 128, 256, 512)
FORMS = (72, 256, 512, 1024)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tanh(w, x, h):
    return [np.tanh(h @ w["W_hh"].T + x @ w["W_xh"].T)]


def relu(w, x, h):
    return [np.maximum(h @ w["W_hh"].T + x @ w["W_xh"].T, 0)]


def linear(w, x, h):
    return [h @ w["W_hh"].T + x @ w["W_xh"].T]


def before(w, x, h):
    return [(1 - A) * h + A * np.tanh(h @ w["W_hh"].T + x @ w["W_xh"].T)]


def after(w, x, h):
    return [np.tanh((1 - A) * h + A * (h @ w["W_hh"].T + x @ w["W_xh"].T))]


def currents(w, x, h):
    return [(1 - A) * h + A * (np.tanh(h) @ w["W_hh"].T + x @ w["W_xh"].T)]


def gru(w, x, h):
    r = sigmoid(x @ w["W_xr"].T + h @ w["W_hr"].T)
    z = sigmoid(x @ w["W_xz"].T + h @ w["W_hz"].T)
    n = np.tanh(x @ w["W_xn"].T + r * (h @ w["W_hn"].T))
    return [(1 - z) * n + z * h]


def lstm(w, x, h, c):
    i = sigmoid(x @ w["W_xi"].T + h @ w["W_hi"].T)
    f = sigmoid(x @ w["W_xf"].T + h @ w["W_hf"].T)
    o = sigmoid(x @ w["W_xo"].T + h @ w["W_ho"].T)
    c = f * c + i * np.tanh(x @ w["W_xg"].T + h @ w["W_hg"].T)
    return [o * np.tanh(c), c]


#: The cells, and the step of a loop that writes the equation down.
CELLS = {
    "tanh": (cells.make("tanh"), tanh),
    "relu": (cells.make("relu"), relu),
    "linear": (cells.make("linear"), linear),
    "leaky, before": (cells.make("leaky", a=A), before),
    "leaky, after": (cells.make("leaky", a=A, place="after"), after),
    "leaky, currents": (cells.make("leaky", a=A, place="currents"), currents),
    "gru": (cells.make("gru"), gru),
    "lstm": (cells.make("lstm"), lstm),
}


def loop(step, network, changes, batch):
    """Return value and rollout difference of every ablation, by one rollout after the other."""
    spread, intact, rows = np.mean(np.var(batch.targets, axis=(0, 1))), None, []
    count = 2 if step is lstm else 1
    for change in changes:
        weights = {**network.weights, **change}
        states = [np.zeros((batch.sequences, network.sizes["unit"]), np.float32)] * count
        outputs = []
        for x in batch.inputs:
            states = step(weights, x, *states)
            outputs.append(states[0] @ weights["W_hy"].T)
        outputs = np.array(outputs)
        if intact is None:  # the first ablation removes nothing
            intact, own = outputs, np.mean(np.var(outputs, axis=(0, 1)))
        fvu = np.mean((outputs - batch.targets) ** 2) / spread
        rows.append([fvu, np.sqrt(np.mean((outputs - intact) ** 2) / own)])
    return rows


def timed(contenders, rounds, progress):
    """Return the seconds of each contender in each round, by name, and what the first gave."""
    seconds, found = {name: [] for name in contenders}, {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            start = time.perf_counter()
            result = contender()
            seconds[name].append(time.perf_counter() - start)
            found.setdefault(name, result)
        progress.update()
    return {name: np.array(values) for name, values in seconds.items()}, found


def rows(seconds, baseline, **labels):
    """Yield a row a contender; the ratio says how many times as long the baseline takes."""
    for name, values in seconds.items():
        low, median, high = np.percentile(values, (25, 50, 75))
        row = {**labels, "contender": name, "rounds": len(values)}
        row |= {"s_median": median, "s_low": low, "s_high": high}
        low, median, high = np.percentile(seconds[baseline] / values, (25, 50, 75))
        yield row | {"ratio": median, "ratio_low": low, "ratio_high": high}


def diagnosis(name, width, shape, rounds, progress):
    """Return the rows of the table for one network, its Schur forms computed before."""
    cell, step = CELLS[name]
    rng = np.random.default_rng(width)
    weights = {
        weight: 0.9 * rng.standard_normal(size, np.float32) / np.float32(np.sqrt(size[1]))
        for weight, size in cell.shapes(SIZE, width, SIZE).items()
    }
    network = Network(cell, weights)
    batch = Batch(*rng.standard_normal((2, *shape, SIZE), np.float32))
    gated = len(cell.recurrent) > 1  # every matrix is ablated: fewer thresholds will do
    couplings = interventions.make("couplings", {"alphas": ALPHAS[:1] if gated else ALPHAS})
    changes = [network.changed(ablation.changes) for ablation in couplings.of(network)]
    different = len({tuple((n, w.tobytes()) for n, w in change.items()) for change in changes})
    contenders = {"loop": partial(loop, step, network, changes, batch)}
    for engine in ("reference", "fast") if name == "tanh" else ("reference",):
        contenders[engine] = lambda engine=engine: evaluate(
            network, couplings.of(network), batch, METRICS["fvu"], engine
        )
    seconds, found = timed(contenders, rounds, progress)
    for table in (found[engine] for engine in found if engine != "loop"):
        ours = table[["value", "rollout_difference"]].to_numpy()
        np.testing.assert_allclose(ours, found["loop"], rtol=0.01, atol=0.01, err_msg=name)
    counts = {"ablations": len(changes), "different": different}
    return rows(seconds, "loop", subject=name, N=width, **counts)


def forms(kind, width, rounds, progress):
    """Return the rows of the table for one matrix."""
    rng = np.random.default_rng(width)
    matrix = rng.standard_normal((width, width)) / np.sqrt(width)
    if kind != "Gaussian":  # as training leaves an orthogonal start
        matrix = np.linalg.qr(rng.standard_normal((width, width)))[0] + 0.05 * matrix
    contenders = {
        "scipy.linalg.schur": partial(scipy.linalg.schur, matrix, output="real"),
        "ordered": partial(ordered_real_schur, matrix),
    }
    seconds, _ = timed(contenders, rounds, progress)
    return rows(seconds, "scipy.linalg.schur", subject=kind, N=width)


def spread(row, factor=1.0):
    """Return median and interquartile range of a ratio, in words."""
    return f"{row.ratio * factor:.2f} ({row.ratio_low * factor:.2f}–{row.ratio_high * factor:.2f})"


def report(table, shape):
    """Return all results as Markdown."""
    rollouts, schur = [], []
    for (subject, width), part in table.groupby(["subject", "N"], sort=False):
        by = {row.contender: row for row in part.itertuples()}
        if "loop" not in by:
            plain, ordered = by["scipy.linalg.schur"], by["ordered"]
            cost = [f"{row.s_median:.3f}" for row in (plain, ordered)]
            schur.append([subject, width, ordered.rounds, *cost, f"{1 / ordered.ratio:.2f}"])
            continue
        count, different = (int(getattr(by["loop"], n)) for n in ("ablations", "different"))
        row = [subject, width, by["loop"].rounds, f"{different} of {count}"]
        row.append(f"{by['loop'].s_median:.2f}")
        for engine in ("reference", "fast"):
            found = by.get(engine)
            row += (
                ["", ""]
                if found is None
                else [spread(found), f"{found.ratio * different / count:.2f}"]
            )
        rollouts.append(row)
    header = ["cell", "N_h", "rounds", "different", "loop [s]"]
    header += ["loop / reference", "once", "loop / fast", "once"]
    steps, sequences = shape
    return f"""# What a diagnosis costs

{machine()}

## Rollouts

All ablations of one network by `rnnschur.evaluate`, its Schur forms computed before, beside a plain
loop of numpy: {steps} steps of {sequences} sequences, {SIZE} inputs and outputs, float32, one
thread on one core. Three thresholds, one for gated cells, whose matrices are ablated one at a time
and together. `evaluate` makes the ablated matrices, the loop is handed them. Some 10 ms of
`evaluate` do not depend on sizes.

- *different*: matrices that differ, of all ablations; `evaluate` rolls equal ones out once;
- *loop / reference*, *loop / fast*: how many times as long as the engine the loop takes; median and
  interquartile range of the ratios of each round, in which they take turns;
- *once*: the same if the loop, too, left out equal matrices.

{markdown(header, rollouts)}

## Ordered Schur form

`rnnschur.ordered_real_schur` beside `scipy.linalg.schur(output="real")`, which sorts nothing, of a
Gaussian matrix and of an orthogonal one plus 0.05 of a Gaussian one.

{markdown(["matrix", "N_h", "rounds", "scipy [s]", "ordered [s]", "ordered / scipy"], schur)}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few short rounds, to try the script")
    parser.add_argument("--output", type=Path, default=Path("report/benchmark"), help="folder")
    options = parser.parse_args()
    quick, shape = options.quick, (STEPS, SEQUENCES)
    jobs = [
        (name, width) for name in CELLS for width in (WIDTHS if name == "tanh" else OTHER_WIDTHS)
    ]
    kinds, sizes = ("Gaussian", "orthogonal, perturbed"), FORMS
    if quick:
        shape, jobs, sizes = (5, 4), [(name, 16) for name in CELLS], (8,)
    if hasattr(os, "sched_getaffinity"):
        pin(max(os.sched_getaffinity(0)))

    def rounds(width):
        return 2 if quick else 9 if width <= 128 else 5 if width <= 256 else 3

    jobs = [(partial(diagnosis, name, width, shape), rounds(width)) for name, width in jobs]
    jobs += [(partial(forms, kind, width), rounds(0)) for width in sizes for kind in kinds]
    found = []
    with tqdm(total=sum(count for _, count in jobs), unit="round") as progress:
        for width in (8, 128):  # compile, or load what is compiled
            list(diagnosis("tanh", width, (2, 4), 1, tqdm(disable=True)))
        for measure, count in jobs:
            found += measure(count, progress)
    table = pd.DataFrame(found)
    text = report(table, shape)
    if quick:
        text = text.replace(
            "\n", "\n\nA quick run to try the script; its numbers mean nothing.\n", 1
        )
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output / "diagnosis.csv", index=False, float_format="%.6g")
    (options.output / "diagnosis.md").write_text(text)


if __name__ == "__main__":
    main()
