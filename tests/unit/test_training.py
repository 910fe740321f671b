"""Training: the two engines against each other and against PyTorch's own layers and optimizer."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from rnnschur import architectures, cells, kernels, tasks
from rnnschur.architectures import STARTS, Architecture
from rnnschur.batch import Batch
from rnnschur.curriculum import Stage
from rnnschur.streams import Identity, generator
from rnnschur.training import Diverged, Schedule, train
from rnnschur.training.engines import FastEngine, ReferenceEngine
from rnnschur.training.module import build
from rnnschur.training.train import DRAWN


def copy(**changes):
    protocol = {"symbols": 2, "symbol_size": 2, "replays": 3, "judged_symbols": 12}
    return tasks.make("copy", **{**protocol, **changes})


COPY = copy()
TASKS = {
    "copy": COPY,
    "flip_flop": tasks.make("flip_flop", steps=12, channels=3, pulse_probability=0.2),
    "sine": tasks.make("sine", steps=15, lowest_frequency=0.02, highest_frequency=0.1),
    "context_integration": tasks.make(
        "context_integration", steps=9, largest_mean=0.5, noise=0.4, gain=2
    ),
}
sample, updates = type(COPY).sample, FastEngine.updates
SCHEDULE = Schedule(
    updates=40, batch=8, learning_rate=1e-3, gradient_clip=1.0, input_scale=1.0, record_every=15,
    monitored=8,
)  # fmt: skip


def run(name="copy", task=COPY, architecture="orthogonal", seed=0, engine="fast", **changes):
    schedule = dataclasses.replace(SCHEDULE, **changes)
    identity = Identity(name, architecture, 10, seed)
    return train(identity, task, architectures.of(architecture), schedule, 11, engine)


def built(architecture, task, seed=0, **scales):
    start = torch.Generator()
    start.manual_seed(seed)
    return build(architectures.of(architecture), (task.inputs, 10, task.outputs), start, **scales)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("architecture", STARTS)
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_engines_give_the_same_gradients(architecture, task, dtype):
    drawn = task.sample(8, generator(0))
    batch = Batch(drawn.inputs.astype(dtype), drawn.targets.astype(dtype))
    found = {}
    for Engine in (FastEngine, ReferenceEngine):
        network = built(architecture, task).to(torch.from_numpy(batch.inputs).dtype)
        engine = Engine(network, 1e-3)
        for _ in range(2):  # the gradients of one batch, not their sum
            loss = engine.loss_and_gradients(batch)
        found[Engine] = loss, engine.vector.grad.numpy().copy()
    (fast, g_fast), (reference, g_reference) = found.values()
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    assert fast == pytest.approx(reference, rel=tolerance)
    assert np.linalg.norm(g_fast - g_reference) <= tolerance * np.linalg.norm(g_reference)
    assert np.linalg.norm(g_reference) > 0


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_adam_takes_the_steps_of_pytorch(clip, dtype, tolerance):
    rng = np.random.default_rng(0)
    ours, gradient = rng.standard_normal((2, 53)).astype(dtype)
    theirs = torch.nn.Parameter(torch.tensor(ours))
    adam = kernels.Adam(ours, gradient, 0.01, clip)
    reference = torch.optim.Adam([theirs], lr=0.01, fused=False)
    for scale in np.logspace(-2, 2, 100):  # clipped in the end
        gradient[:] = scale * rng.standard_normal(53)
        theirs.grad = torch.tensor(gradient)
        norm = torch.nn.utils.clip_grad_norm_([theirs], clip if clip else float("inf"))
        assert adam.step() == pytest.approx(norm.item(), rel=tolerance)
        reference.step()
    np.testing.assert_allclose(ours, theirs.detach(), rtol=0, atol=tolerance)


def test_adam_refuses_what_is_not_a_vector_of_numbers_by_name():
    with pytest.raises(ValueError, match=r"^gradient is ndarray of shape .*expected .* float32"):
        kernels.Adam(np.ones(3, np.float32), np.ones(3), 0.01, None)
    with pytest.raises(ValueError, match=r"^parameters is ndarray of shape .*WRITEABLE"):
        kernels.Adam(np.broadcast_to(np.float32(1), 3), np.ones(3, np.float32), 0.01, None)


@pytest.mark.parametrize("Engine", [FastEngine, ReferenceEngine])
@pytest.mark.parametrize("architecture", ["orthogonal", "cayley"])
def test_updates_are_one_after_the_other(architecture, Engine):
    drawn = COPY.sample(5 * 8, generator(0))
    together, alone = (Engine(built(architecture, COPY), 1e-2, 0.5) for _ in range(2))
    found = together.updates(drawn, 8)
    expected = []
    for first in range(0, 40, 8):
        batch = drawn.part(slice(first, first + 8))
        expected.append((alone.loss_and_gradients(batch), alone.step()))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(together.vector.detach(), alone.vector.detach())
    assert len(set(found[:, 0])) == 5 and found[0, 1] > 0.5  # clipped


@pytest.mark.parametrize("frozen_readout", [None, 0.5])
@pytest.mark.parametrize("architecture", STARTS)
def test_engines_train_to_the_same_weights(architecture, frozen_readout):
    fast, _ = run(architecture=architecture, frozen_readout=frozen_readout)
    reference, _ = run(architecture=architecture, engine="reference", frozen_readout=frozen_readout)
    for name, weight in fast.items():
        np.testing.assert_allclose(weight, reference[name], atol=2e-5)


STAGES = [(7, copy(replays=1)), (22, copy(replays=2)), (40, COPY)]


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("frozen", [None, 3.0], ids=["", "with a frozen readout"])
@pytest.mark.parametrize("stages", [STAGES[2:], STAGES], ids=["plain", "with a curriculum"])
def test_against_plain_pytorch(stages, frozen, engine):
    """nn.RNN, nn.Linear, three parameters and an unfused Adam, on the same batches."""
    stages_before = tuple(Stage(*stage) for stage in stages[:-1])
    ours, history = run(
        engine=engine, curriculum=stages_before, frozen_readout=frozen, gradient_clip=0.3
    )
    assert (history["gradient_norm"] > 0.3).all()
    start = torch.Generator()
    start.manual_seed(int(generator(11, "copy", "orthogonal", 10, 0, "initial").integers(2**63)))
    network = build(architectures.of("orthogonal"), (2, 10, 2), start)
    scale = 1.0 if frozen is None else frozen
    layer = torch.nn.RNN(2, 10, bias=False)
    readout = torch.nn.Linear(10, 2, bias=False)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(network.W_hh)
        layer.weight_ih_l0.copy_(network.W_xh)
        readout.weight.copy_(scale * network.W_hy)
    readout.weight.requires_grad_(frozen is None)
    parameters = [*layer.parameters(), *readout.parameters()]
    adam = torch.optim.Adam(parameters, lr=1e-3, fused=False, foreach=False)
    batches, first = generator(11, "copy", "orthogonal", 10, 0, "training"), 0
    for last, task in stages:
        drawn = task.sample(DRAWN, batches)  # enough for the batches of a stage
        for start in range(0, (last - first) * 8, 8):
            batch = drawn.part(slice(start, start + 8))
            inputs, targets = (torch.from_numpy(array) for array in (batch.inputs, batch.targets))
            adam.zero_grad()
            outputs = readout(layer(inputs)[0][task.onset :])
            torch.mean((outputs - targets) ** 2).backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, 0.3)
            adam.step()
        first = last
    np.testing.assert_allclose(ours["W_hh"], layer.weight_hh_l0.detach().numpy(), atol=2e-5)
    np.testing.assert_allclose(ours["W_hy"], readout.weight.detach().numpy(), atol=2e-5)
    assert history["gradient_norm"].iloc[-1] == pytest.approx(norm.item(), rel=1e-3)


@pytest.mark.parametrize("Engine", [FastEngine, ReferenceEngine])
@pytest.mark.parametrize("architecture", ["orthogonal", "cayley"])
def test_a_frozen_readout_keeps_its_bits_and_is_in_no_norm(architecture, Engine):
    """The other gradients are those that a readout of these weights gives when it is trained."""
    frozen, free = (built(architecture, COPY, frozen_readout=scale) for scale in (0.5, None))
    before = {name: weight.detach().clone() for name, weight in frozen.weights().items()}
    np.testing.assert_allclose(before["W_hy"], 0.5 * free.W_hy.detach(), rtol=1e-6)
    with torch.no_grad():
        free.W_hy.copy_(frozen.W_hy)
    batch = COPY.sample(8, generator(0))
    engine, other = Engine(frozen, 1e-2), Engine(free, 1e-2)
    assert engine.loss_and_gradients(batch) == other.loss_and_gradients(batch)
    trained = [w.grad for name, w in free.named_parameters() if name != "W_hy"]
    expected = torch.cat([gradient.flatten() for gradient in trained])
    torch.testing.assert_close(engine.vector.grad, expected, rtol=0, atol=0)
    assert engine.step() == pytest.approx(expected.norm().item(), rel=1e-6)
    engine.updates(COPY.sample(40, generator(1)), 8)
    for name, weight in frozen.weights().items():
        assert torch.equal(weight, before[name]) == (name == "W_hy"), name


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_the_frozen_readout_reaches_the_start_and_nothing_else_of_it(engine):
    plain, scaled = (
        run(engine=engine, updates=1, learning_rate=1e-12, frozen_readout=scale)[0]
        for scale in (None, 3.0)
    )
    np.testing.assert_allclose(scaled["W_hy"], 3 * plain["W_hy"], rtol=1e-6)
    for name in ("W_hh", "W_xh"):
        np.testing.assert_allclose(scaled[name], plain[name], rtol=1e-5)


def test_a_network_learns():
    _, history = run(updates=800, record_every=100)
    assert list(history["update"]) == list(range(100, 900, 100))
    assert history["value"].iloc[-1] > 0.9 > history["value"].iloc[0]
    assert history["loss"].iloc[-1] < 0.1 * history["loss"].iloc[0]


def test_history_always_has_the_last_update():
    _, history = run()
    assert list(history["update"]) == [15, 30, 40]
    assert np.isfinite(history.to_numpy()).all()


def test_same_identity_same_bits_other_seed_other_network():
    (first, _), (again, _), (other, _) = run(), run(), run(seed=1)
    for name in first:
        assert first[name].tobytes() == again[name].tobytes()
        assert first[name].tobytes() != other[name].tobytes()


def test_the_history_does_not_change_the_training():
    often, _ = run(record_every=1)
    seldom, _ = run(record_every=40)
    assert all(often[name].tobytes() == seldom[name].tobytes() for name in often)


@pytest.mark.parametrize("batch", [300, DRAWN + 1])
def test_batches_fill_what_is_drawn_together(batch, monkeypatch):
    drawn, used = [], []
    monkeypatch.setattr(
        type(COPY),
        "sample",
        lambda self, count, rng: drawn.append(count) or sample(self, count, rng),
    )
    monkeypatch.setattr(
        FastEngine,
        "updates",
        lambda self, part, size: used.append(part) or updates(self, part, size),
    )
    _, history = run(batch=batch, updates=7, record_every=2)
    assert drawn == ([900] * 3 if batch == 300 else [batch] * 7)
    assert list(history["update"]) == [2, 4, 6, 7]
    assert sum(part.sequences for part in used) == 7 * batch
    # No sequence is trained on twice.
    everything = np.concatenate([part.inputs for part in used], axis=1)
    stream = generator(11, "copy", "orthogonal", 10, 0, "training")
    again = [sample(COPY, count, stream).inputs for count in drawn]
    np.testing.assert_array_equal(everything, np.concatenate(again, 1)[:, : 7 * batch])


def test_the_gradient_clip_reaches_the_training():
    clipped, history = run(gradient_clip=0.1)
    free, _ = run(gradient_clip=None)
    assert (history["gradient_norm"] > 0.1).any()
    assert not np.array_equal(clipped["W_hh"], free["W_hh"])


def test_the_input_scale_reaches_the_start():
    plain, scaled = (
        run(updates=1, learning_rate=1e-12, input_scale=scale)[0] for scale in (1.0, 3.0)
    )
    np.testing.assert_allclose(scaled["W_xh"], 3 * plain["W_xh"], rtol=1e-5)
    np.testing.assert_allclose(scaled["W_hh"], plain["W_hh"], rtol=1e-5)


def test_cayley_stays_orthogonal_under_the_fast_engine():
    weights, _ = run(architecture="cayley", updates=200)
    W = weights["W_hh"].astype(float)
    np.testing.assert_allclose(W @ W.T, np.eye(10), atol=1e-5)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_divergence_names_the_network(engine):
    with pytest.raises(Diverged, match=r"network copy/default/n10/seed4: the loss is (nan|inf)"):
        run(architecture="default", seed=4, engine=engine, learning_rate=1e30)


def test_unknown_engine_and_device_are_named():
    with pytest.raises(ValueError, match="engine is 'quick'; allowed: fast, reference"):
        run(engine="quick")
    with pytest.raises(ValueError, match="device is 'cuda'; allowed: cpu, with the engine 'fast'"):
        train(
            *(Identity("copy", "default", 10, 0), COPY, architectures.of("default")),
            *(SCHEDULE, 11, "fast", "cuda"),
        )


def test_only_the_reference_engine_takes_a_cell_without_compiled_code(monkeypatch):
    monkeypatch.setattr(type(cells.make("tanh")), "compiled", None)
    with pytest.raises(ValueError, match="cell is 'tanh'; allowed: tanh, with the engine 'fast'"):
        run()
    assert set(run(engine="reference", updates=2)[0]) == {"W_hh", "W_xh", "W_hy"}


def test_the_streams_are_those_of_the_identity():
    """Not of the cell and start, which a study may give another name."""
    named, other = (
        train(
            *(Identity("copy", name, 10, 0), COPY, Architecture("tanh", "orthogonal")),
            *(dataclasses.replace(SCHEDULE, updates=1, learning_rate=1e-12), 11),
        )
        for name in ("orthogonal", "mine")
    )
    again = run(updates=1, learning_rate=1e-12)
    assert named[0]["W_hh"].tobytes() == again[0]["W_hh"].tobytes()
    # Hardly trained: the start itself is another one.
    assert np.max(np.abs(named[0]["W_hh"] - other[0]["W_hh"])) > 0.1
    assert named[1].equals(again[1])


@pytest.mark.parametrize("Engine", [FastEngine, ReferenceEngine])
@pytest.mark.parametrize("architecture", ["orthogonal", "cayley"])
def test_outputs_are_those_of_the_network_from_the_onset_on(architecture, Engine):
    network = built(architecture, COPY)
    batch = COPY.held_out(8, generator(0))
    weights = {name: w.detach().contiguous().numpy() for name, w in network.weights().items()}
    expected = network.cell.outputs(weights, batch.inputs)[COPY.onset :]
    np.testing.assert_allclose(Engine(network, 1e-3).outputs(batch), expected, atol=1e-5)


WITHOUT_COMPILER = """
import sys
sys.modules["numba"] = sys.modules["llvmlite"] = None  # importing them fails
import numpy as np
from rnnschur import Network, architectures, diagnose, tasks
from rnnschur.streams import Identity
from rnnschur.training import Schedule, train
from rnnschur.versions import versions

task = tasks.make("sine", steps=9, lowest_frequency=0.01, highest_frequency=0.05)
schedule = Schedule(5, 4, 1e-3, 1.0, 1.0, 5, 4)
identity = Identity("sine", "cayley", 6, 0)
W, _ = train(identity, task, architectures.of("cayley"), schedule, 0, "reference")
table = diagnose(Network("tanh", W), task.held_out(8, np.random.default_rng(0)), task.metric)
print(len(table), versions()["numba"] != "")
"""


def test_the_reference_engine_needs_no_compiler():
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILER], cwd="workflow", capture_output=True, text=True
    )
    assert run.stdout.split() == ["8", "True"], run.stderr
