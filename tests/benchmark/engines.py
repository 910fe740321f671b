"""What an update costs: the two engines beside PyTorch's own layer, a plain loop and JAX.

Every contender starts from the same weights and does the same update: loss, gradients, clipping,
Adam. "Training" is the fast engine as training has it, the draw of its batches included. All share
one thread on one core, and take turns round by round, so that whatever else happens on the machine
happens to all of them.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import date
from functools import partial
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import numba
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.ticker import NullFormatter
from torch import nn
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

import rnnschur
from rnnschur import architectures, tasks
from rnnschur.batch import Batch
from rnnschur.kernels import BackpropagationThroughTime
from rnnschur.report import figures
from rnnschur.training.engines import FastEngine, ReferenceEngine
from rnnschur.training.module import build
from rnnschur.training.train import DRAWN

try:
    import jax
    from jax import numpy as jnp
    from jax.flatten_util import ravel_pytree
except ImportError:
    jax = None

SIZE, BATCH, RATE, CLIP = 8, 64, 1e-3, 1.0
ONSETS = {40: 8, 136: 8, 50: 0}  # by T: copy with 4 and with 16 replays, the shape of flip-flop
WIDTHS = (56, 64, 72)
SWEEP = (32, 64, 96, 128, 192, 256, 384, 512)
SWEEP_STEPS = 40
WEIGHTS = ("W_xh", "W_hh", "W_hy")
BASELINE, TRAINED = "nn.RNN", "training"
FIRST_CALL = f"""
import sys, time
import numpy as np
from rnnschur.kernels import BackpropagationThroughTime

weights = [np.zeros(shape, np.float32) for shape in ((72, {SIZE}), (72, 72), ({SIZE}, 72))]
data = [np.zeros((steps, {BATCH}, {SIZE}), np.float32) for steps in (40, 32)]
problem = BackpropagationThroughTime(40, {BATCH}, {SIZE}, 72, {SIZE}, 8)
called = time.time()
problem.loss_and_gradients(*weights, *data, *map(np.empty_like, weights))
print(time.time() - float(sys.argv[1]), time.time() - called)
"""
TRAINING = f"""
import resource, sys, time
from pathlib import Path
from rnnschur import architectures, tasks
from rnnschur.streams import Identity
from rnnschur.training import Schedule, train

def peak_memory():
    status = Path("/proc/self/status")  # on Linux ru_maxrss starts at the peak of the parent
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

task = tasks.make("copy", symbols=8, symbol_size={SIZE}, replays=4, judged_symbols=128)
print(peak_memory(), flush=True)
for line in sys.stdin:
    schedule = Schedule(int(line), {BATCH}, {RATE}, {CLIP}, 1.0, int(line), 64)
    start = time.perf_counter()
    network = Identity("copy", "orthogonal", 72, 0)
    train(network, task, architectures.of("orthogonal"), schedule, 0)
    print(time.perf_counter() - start, peak_memory(), flush=True)
"""


def autograd(forward, parameters):
    """Return the textbook update of PyTorch."""
    adam = torch.optim.Adam(parameters, lr=RATE, fused=True)

    def update(inputs, targets):
        adam.zero_grad()
        loss = mse_loss(forward(torch.from_numpy(inputs)), torch.from_numpy(targets))
        loss.backward()
        clip_grad_norm_(parameters, CLIP)
        adam.step()
        return loss.item()

    return update


def rnn_layer(network, onset):
    """Return the update with PyTorch's own layers."""
    width = len(network.W_hh)
    layer = nn.RNN(SIZE, width, nonlinearity="tanh", bias=False)
    readout = nn.Linear(width, SIZE, bias=False)
    layer.weight_hh_l0, layer.weight_ih_l0 = network.W_hh, network.W_xh
    readout.weight = network.W_hy
    return autograd(lambda inputs: readout(layer(inputs)[0][onset:]), list(network.parameters()))


def python_loop(network, onset):
    """Return the update with a loop that writes the equation down."""

    def forward(inputs):
        h = torch.zeros(inputs.shape[1], len(network.W_hh))
        outputs = []
        for t, x in enumerate(inputs):
            h = torch.tanh(h @ network.W_hh.T + x @ network.W_xh.T)
            if t >= onset:
                outputs.append(h @ network.W_hy.T)
        return torch.stack(outputs)

    return autograd(forward, list(network.parameters()))


def jax_scan(network, onset):
    """Return the update as one compiled function of JAX."""
    weights = [jnp.array(getattr(network, name).detach().numpy()) for name in WEIGHTS]
    vector, unravel = ravel_pytree(weights)
    state = vector, jnp.zeros_like(vector), jnp.zeros_like(vector), 0

    def loss(vector, inputs, targets):
        W_xh, W_hh, W_hy = unravel(vector)

        def step(h, drive):
            h = jnp.tanh(h @ W_hh.T + drive)
            return h, h

        start = jnp.zeros((inputs.shape[1], len(W_hh)))
        states = jax.lax.scan(step, start, inputs @ W_xh.T)[1]
        return jnp.mean((states[onset:] @ W_hy.T - targets) ** 2)

    @jax.jit
    def advance(state, inputs, targets):
        vector, mean, square, count = state
        value, gradient = jax.value_and_grad(loss)(vector, inputs, targets)
        gradient *= jnp.minimum(1, CLIP / (jnp.linalg.norm(gradient) + 1e-6))
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        count += 1
        scale = jnp.sqrt(square / (1 - 0.999**count)) + 1e-8
        return (vector - RATE * mean / (1 - 0.9**count) / scale, mean, square, count), value

    def update(inputs, targets):
        nonlocal state
        state, value = advance(state, inputs, targets)
        return value.item()

    return update


def engine(Engine, network, onset):
    """Return the update of an engine."""
    step = Engine(network, RATE, CLIP)
    return lambda inputs, targets: step.updates(Batch(inputs, targets, onset), BATCH)[0, 0]


def training(network, task):
    """Return all updates of a draw, as `rnnschur.training.train` does them."""
    step, rng = FastEngine(network, RATE, CLIP), np.random.default_rng(0)
    return lambda *_: step.updates(task.sample(DRAWN, rng), BATCH)[:, 0]


def matrix_product():
    """Return a square product that runs at the peak of the core, and its number of operations."""
    A, B, C = torch.randn(3, 768, 768)
    return lambda *_: torch.mm(A, B, out=C), 2 * 768**3


CONTENDERS = {
    BASELINE: rnn_layer,
    "Python loop": python_loop,
    "JAX": jax_scan,
    "reference engine": partial(engine, ReferenceEngine),
    "fast engine": partial(engine, FastEngine),
}
SWEPT = (BASELINE, "reference engine", "fast engine")


def pin(core):
    """Keep this thread, and what it starts from now on, on one core where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def start(width):
    """Return the network from which all contenders start."""
    sizes, generator = (SIZE, width, SIZE), torch.Generator().manual_seed(0)
    return build(architectures.of("orthogonal"), sizes, generator)


def copy_task(steps):
    """Return the copy task of T steps."""
    symbols = ONSETS[steps]
    replays = (steps - symbols) // symbols
    return tasks.make(
        "copy", symbols=symbols, symbol_size=SIZE, replays=replays, judged_symbols=symbols
    )


def draw(steps):
    """Return some batches, the same at every call."""
    rng = np.random.default_rng(0)
    if ONSETS[steps]:
        drawn = copy_task(steps).sample(DRAWN, rng)
        arrays = drawn.inputs, drawn.targets
        return [
            tuple(array[:, first : first + BATCH].copy() for array in arrays)
            for first in range(0, DRAWN, BATCH)
        ]
    return list(rng.standard_normal((16, 2, steps, BATCH, SIZE), dtype=np.float32))


def operations(steps, width):
    """Return the floating-point operations of the products that an update needs."""
    scored = steps - ONSETS[steps]
    return BATCH * width * (6 * (steps - 1) * width + 4 * steps * SIZE + 6 * scored * SIZE)


def timed(update, batches, count):
    """Return the seconds that an update takes, from `count` of them."""
    begin = time.perf_counter()
    for batch in islice(cycle(batches), count):
        update(*batch)
    return (time.perf_counter() - begin) / count


def measure(steps, width, names, rounds, seconds, progress):
    """Return the rows of the table for one shape, and the best rate of the matrix product."""
    batches = draw(steps)
    updates = {name: CONTENDERS[name](start(width), ONSETS[steps]) for name in names}
    losses = {name: [update(*batch) for batch in batches[:5]] for name, update in updates.items()}
    if ONSETS[steps] and "fast engine" in names:
        names = [*names, TRAINED]
        updates[TRAINED] = training(start(width), copy_task(steps))
        losses[TRAINED] = updates[TRAINED]()[:5]
    for name in names:
        np.testing.assert_allclose(losses[name], losses[BASELINE], rtol=1e-3, err_msg=name)

    product, work = matrix_product()
    updates["product"] = product
    together = {name: DRAWN // BATCH if name == TRAINED else 1 for name in updates}
    counts = {
        name: ceil(seconds / min(timed(update, batches, 1) for _ in range(3)))
        for name, update in updates.items()
    }
    times = {name: np.empty(rounds) for name in updates}
    for i in range(rounds):
        for name, update in updates.items():
            times[name][i] = timed(update, batches, counts[name]) / together[name]
        progress.update()

    rows = []
    for name in names:
        low, median, high = np.percentile(1e3 * times[name], (25, 50, 75))
        row = {"contender": name, "T": steps, "N": width, "rounds": rounds}
        row |= {"ms_median": median, "ms_low": low, "ms_high": high}
        low, median, high = np.percentile(times[name] / times[BASELINE], (25, 50, 75))
        rows.append(row | {"ratio": median, "ratio_low": low, "ratio_high": high})
    return rows, work / times["product"].min()


def gradient_errors(steps, width):
    """Return the largest error, relative to the largest entry, of three sets of gradients."""
    onset, (inputs, targets) = ONSETS[steps], draw(steps)[0]
    network = start(width)
    weights = [getattr(network, name).detach().double().requires_grad_() for name in WEIGHTS]
    named = dict(zip(WEIGHTS, weights, strict=True))
    outputs = network.cell.outputs(named, torch.from_numpy(inputs).double(), onset, xp=torch)
    loss = mse_loss(outputs, torch.from_numpy(targets).double())
    exact = [gradient.numpy() for gradient in torch.autograd.grad(loss, weights)]

    def error(found):
        pairs = zip(found, exact, strict=True)
        return max(np.abs(f - e).max() / np.abs(e).max() for f, e in pairs)

    def of_engine(Engine):
        network = start(width)
        Engine(network, RATE).loss_and_gradients(Batch(inputs, targets, onset))
        return error([getattr(network, name).grad.numpy() for name in WEIGHTS])

    weights = [weight.detach().numpy() for weight in weights]
    found = [np.empty_like(weight) for weight in weights]
    kernel = BackpropagationThroughTime(steps, BATCH, SIZE, width, SIZE, onset, np.float64)
    kernel.loss_and_gradients(*weights, inputs.astype(float), targets.astype(float), *found)
    return of_engine(FastEngine), of_engine(ReferenceEngine), error(found)


def python(code, *arguments, **variables):
    """Start Python with pipes to it."""
    variables |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    variables["PYTHONPATH"] = str(Path(rnnschur.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process):
    """Return the numbers on the next line that a process prints."""
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("a measuring process ended early; its own message is above")
    return [float(number) for number in line.split()]


def first_calls(repeats):
    """Return seconds (since the interpreter started, in the call) with cold and warm cache."""
    seconds = {"cold": [], "warm": []}
    for _ in tqdm(range(repeats), "first call of the kernel"):
        with TemporaryDirectory() as folder:
            for cache in seconds:
                with python(FIRST_CALL, str(time.time()), NUMBA_CACHE_DIR=folder) as process:
                    seconds[cache].append(answer(process))
    return {cache: np.median(values, axis=0) for cache, values in seconds.items()}


def processes(cores, repeats, updates):
    """Return peak memory (after imports, after training) and throughputs of two against one."""
    with ExitStack() as stack:
        trainers = []
        for core in cores:
            pin(core)
            trainers.append(stack.enter_context(python(TRAINING)))

        def train(trainers, updates):
            for trainer in trainers:
                print(updates, file=trainer.stdin, flush=True)
            return np.max([answer(trainer) for trainer in trainers], axis=0)

        imported = np.max([answer(trainer) for trainer in trainers])
        memory = imported, train(trainers, 200)[1]
        if len(trainers) == 1:
            return memory, []
        return memory, [
            2 * train(trainers[:1], updates)[0] / train(trainers, updates)[0]
            for _ in tqdm(range(repeats), "two processes against one")
        ]


def markdown(header, rows):
    """Return a table in Markdown whose columns are aligned in plain text too."""
    lines = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, [f"{'-' * (width - 1)}:" for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def times_table(table):
    """Return the table of times in Markdown."""
    header = ["T", "N_h", "contender", "rounds", "ms per update", "of nn.RNN", "share of peak"]
    rows = []
    for row in table.itertuples():
        ratio = f"{row.ratio:.2f} ({row.ratio_low:.2f}–{row.ratio_high:.2f})"
        cost, share = f"{row.ms_median:.3f}", f"{row.share:.1%}"
        rows.append([row.T, row.N, row.contender, row.rounds, cost, ratio, share])
    return markdown(header, rows)


def machine():
    """Return the processor and the versions in one line."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    versions = {"Python": platform.python_version(), "torch": torch.__version__}
    versions |= {"numba": numba.__version__, "numpy": np.__version__}
    versions |= {"jax": jax.__version__} if jax else {}
    return ", ".join([model, *map(" ".join, versions.items()), date.today().isoformat()])


def plot(table):
    """Draw cost, and cost relative to nn.RNN, against the width."""
    figures.use_style()
    figure, axes = figures.grid(1, 2, 0.85)
    palette = sns.color_palette("colorblind")
    panels = (
        ("ms_median", "ms_low", "ms_high", "time per update [ms]"),
        ("ratio", "ratio_low", "ratio_high", "time relative to nn.RNN"),
    )
    for axis, (middle, low, high, label) in zip(axes.flat, panels, strict=True):
        for name, marker, colour in zip(SWEPT, "os^", palette, strict=False):
            rows = table[table["contender"] == name]
            bars = rows[middle] - rows[low], rows[high] - rows[middle]
            style = {"marker": marker, "color": colour, "markersize": 4, "capsize": 2}
            axis.errorbar(rows["N"], rows[middle], bars, label=name, linewidth=1, **style)
        widths = table["N"].unique()
        axis.set_xscale("log")
        axis.set_xticks(widths, widths)
        axis.minorticks_off()
        axis.set(xlabel="hidden units $N_h$", ylabel=label)
    axes[0, 0].set_yscale("log")
    axes[0, 0].yaxis.set_major_formatter("{x:g}")
    axes[0, 0].yaxis.set_minor_formatter(NullFormatter())
    axes[0, 1].set_ylim(bottom=0)
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(SWEPT), frameon=False)
    figure.suptitle(f"Copy task, T = {SWEEP_STEPS}, batch {BATCH}, one core", size="medium")
    return figure


def report(table, swept, peak, errors, calls, memory, ratios):
    """Return all results as Markdown; `swept` holds the rows of the sweep over widths."""
    error_rows = [[*shape, *(f"{error:.1e}" for error in found)] for shape, found in errors.items()]
    call_rows = [[cache, *(f"{value:.3f}" for value in found)] for cache, found in calls.items()]
    left_out = "" if jax else " JAX is not installed and was left out."
    together = "There is one core, so that two processes at once were not tried."
    if ratios:
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        together = (
            f"Two of them at once, each on its own core, do {middle:.2f} ({low:.2f}–{high:.2f}) "
            "times the work of one."
        )
    return f"""# What an update costs

{machine()}

Time of one update of one network: loss, gradients, clipping, Adam; batch {BATCH}, {SIZE} inputs and
outputs, float32, one thread on one core. Medians over rounds in which the contenders take turns.
T = 40 and 136: copy task with 4 and 16 replays, onset 8; T = 50: random inputs and targets,
onset 0.{left_out}

- *fast engine*: of batches that are there, one at a time. *training*: as training has it, {DRAWN}
  sequences drawn at a time, and the draw included.
- *of nn.RNN*: time as a share of that of nn.RNN with autograd and the fused Adam of PyTorch; median
  and interquartile range of the ratios of each round.
- *share of peak*: operations a second as a share of the core's SGEMM peak, {peak / 1e9:.1f} GFLOP/s
  (float32 product of size 768 in the same process, best of the rounds). Operations are those of the
  products that are needed, 6 B (T - 1) N² + 4 B T N n_in + 6 B (T - onset) N n_out, and no others.

{times_table(table[table["N"].isin(WIDTHS)])}

## Against the number of hidden units

{times_table(swept)}

## Error of the gradients

Against autograd in float64, at the initial weights: largest error relative to the largest entry,
the worst of the three matrices.

{markdown(["T", "N_h", "fast, float32", "reference, float32", "kernel, float64"], error_rows)}

## First call of the kernel in a new process

T = 40, N_h = 72, medians. Cold: nothing compiled yet; warm: everything in the cache.

{markdown(["cache", "from start of Python [s]", "the call alone [s]"], call_rows)}

## Whole processes

A new process that trains 200 updates at N_h = 72 with the fast engine needs at most
{memory[1] / 1e6:.0f} MB, {memory[0] / 1e6:.0f} MB of them for its imports. {together}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few short rounds, to try the script")
    parser.add_argument("--output", type=Path, default=Path("report/benchmark"), help="folder")
    options = parser.parse_args()
    rounds, seconds, repeats, updates = (2, 0.02, 1, 200) if options.quick else (9, 0.2, 5, 2000)
    widths, sweep = ((64,), (32, 64)) if options.quick else (WIDTHS, SWEEP)

    cores = range(os.cpu_count())
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    cores = cores[-2:]
    pin(cores[-1])
    torch.set_num_threads(1)
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", flags)  # JAX reads it at its first computation

    calls = first_calls(repeats)
    memory, ratios = processes(cores, repeats, updates)
    pin(cores[-1])

    everyone = [name for name in CONTENDERS if name != "JAX" or jax]
    shapes = [(steps, width) for steps in ONSETS for width in widths]
    jobs = [(*shape, everyone, rounds) for shape in shapes]
    jobs += [
        (SWEEP_STEPS, width, SWEPT, rounds if width <= 128 else min(rounds, 5))
        for width in sweep
        if (SWEEP_STEPS, width) not in shapes
    ]
    rows, peak = [], 0
    with tqdm(total=sum(job[-1] for job in jobs), unit="round") as progress:
        for job in jobs:
            progress.set_description(f"T = {job[0]}, N_h = {job[1]}")
            new, rate = measure(*job, seconds, progress)
            rows, peak = rows + new, max(peak, rate)
    table = pd.DataFrame(rows)
    work = np.array([operations(*shape) for shape in zip(table["T"], table["N"], strict=True)])
    table["share"] = work / (table["ms_median"] / 1e3) / peak
    swept = table[
        (table["T"] == SWEEP_STEPS) & table["N"].isin(sweep) & table["contender"].isin(SWEPT)
    ].sort_values("N", kind="stable")

    errors = {shape: gradient_errors(*shape) for shape in tqdm(shapes, "gradient errors")}
    text = report(table, swept, peak, errors, calls, memory, ratios)
    if options.quick:
        text = text.replace(
            "\n", "\n\nA quick run to try the script; its numbers mean nothing.\n", 1
        )
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.output / "engines.csv", index=False, float_format="%.6g")
    (options.output / "engines.md").write_text(text)
    figures.save(plot(swept), options.output / "engines")


if __name__ == "__main__":
    main()
