"""The kernels against PyTorch's automatic differentiation and plain numpy loops."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur import kernels
from rnnschur.kernels import BackpropagationThroughTime, compiled, rollout

WORKFLOW = Path(kernels.__file__).parents[2]
TYPES = [np.float32, np.float64]
SHAPE = {"steps": 5, "batch": 3, "inputs": 2, "hidden": 11, "outputs": 4, "onset": 2}
WEIGHTS = ["W_xh", "W_hh", "W_hy"]
READ = [*WEIGHTS, "x", "targets"]
WRITTEN = ["g_xh", "g_hh", "g_hy"]


def make(steps, batch, inputs, hidden, outputs, onset, dtype, seed=0):
    """Random arguments of loss_and_gradients by name; the gradients are NaN to be overwritten."""
    random = np.random.default_rng(seed)
    sizes = {
        "W_xh": (hidden, inputs),
        "W_hh": (hidden, hidden),
        "W_hy": (outputs, hidden),
        "x": (steps, batch, inputs),
        "targets": (steps - onset, batch, outputs),
    }
    arrays = {name: random.standard_normal(size) for name, size in sizes.items()}
    arrays["W_hh"] *= 0.9 / np.sqrt(hidden)
    arrays |= {f"g{name[1:]}": np.full(sizes[name], np.nan) for name in WEIGHTS}
    return {name: array.astype(dtype) for name, array in arrays.items()}


def autograd(arrays, onset):
    """Loss, outputs and gradients by PyTorch in float64."""
    W_xh, W_hh, W_hy, x, targets = (torch.tensor(arrays[name].astype(float)) for name in READ)
    weights = [W_xh.requires_grad_(), W_hh.requires_grad_(), W_hy.requires_grad_()]
    h = torch.zeros(x.shape[1], len(W_hh), dtype=torch.float64)
    outputs = []
    for step in x:
        h = torch.tanh((h @ W_hh.T if outputs else h) + step @ W_xh.T)
        outputs.append(h @ W_hy.T)
    y = torch.stack(outputs)[onset:]
    loss = torch.nn.functional.mse_loss(y, targets)
    gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    return loss.item(), y.detach().numpy(), [gradient.numpy() for gradient in gradients]


def rollouts(*arguments):
    """Outputs by the kernel alone, and with its products left to BLAS, whatever the width."""
    for wide in (10**9, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "WIDE", wide)
            yield rollout(*arguments)


def assert_close(actual, expected, relative):
    assert np.abs(actual - expected).max() <= relative * np.abs(expected).max()


@st.composite
def problems(draw):
    steps = draw(st.integers(1, 12))
    sizes = [draw(st.integers(1, most)) for most in (19, 10, 41, 10)]
    return [steps, *sizes, draw(st.integers(0, steps - 1))]


@pytest.mark.parametrize(("dtype", "relative"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(sizes=problems(), seed=st.integers(0, 99))
def test_loss_gradients_and_outputs_agree_with_autograd(dtype, relative, sizes, seed):
    arrays = make(*sizes, dtype, seed)
    loss, y, gradients = autograd(arrays, sizes[-1])
    found = BackpropagationThroughTime(*sizes, dtype).loss_and_gradients(**arrays)
    assert type(found) is float
    assert found == pytest.approx(loss, rel=relative)
    for name, gradient in zip(WRITTEN, gradients, strict=True):
        assert_close(arrays[name], gradient, relative)
    for outputs in rollouts(*(arrays[name] for name in READ[:-1]), sizes[-1]):
        assert outputs.dtype == dtype
        assert outputs.flags.c_contiguous
        assert outputs.shape == y.shape
        assert_close(outputs, y, relative)


@pytest.mark.parametrize("dtype", TYPES)
def test_long_run_at_the_size_of_the_study(dtype):
    sizes = (136, 64, 8, 72, 8, 8)
    arrays = make(*sizes, dtype)
    loss, _, gradients = autograd(arrays, 8)
    found = BackpropagationThroughTime(*sizes, dtype).loss_and_gradients(**arrays)
    assert found == pytest.approx(loss, rel=1e-5)
    for name, gradient in zip(WRITTEN, gradients, strict=True):
        assert_close(arrays[name], gradient, 1e-5 if dtype is np.float32 else 1e-10)


def tanh(values):
    """By the kernel, where it follows a product, here with ones."""
    values = np.array(values)
    lines = -(-values.size // 64) * 64  # whole vectors
    padded = np.zeros((1, lines), values.dtype)
    padded[0, : values.size] = values
    found = np.empty((8, lines), values.dtype)
    ones = np.ones((8, 1), values.dtype)
    compiled.gemm(found, ones, padded, found, compiled.TANH)
    return found[3, : values.size]


def test_tanh_in_float32_over_the_full_range():
    infinity = 0x7F800000
    values = np.arange(0, infinity + 1, 256, dtype=np.uint32).view(np.float32)
    found, expected = tanh(values), np.tanh(values.astype(float))
    assert values[-1] == np.inf
    np.testing.assert_allclose(found, expected, rtol=3.7e-7, atol=1e-45)
    np.testing.assert_array_equal(tanh(-values), -found)
    assert found.max() == 1


def test_tanh_in_float64_over_the_full_range():
    values = np.concatenate([[0, np.inf], np.linspace(0, 25, 100_001), np.logspace(-308, 308, 999)])
    found, expected = tanh(values), np.tanh(values)
    np.testing.assert_allclose(found, expected, rtol=6e-15, atol=0)
    np.testing.assert_array_equal(tanh(-values), -found)
    assert found.max() == 1


@pytest.mark.parametrize("dtype", TYPES)
def test_tanh_keeps_nan(dtype):
    values = np.ones(37, dtype)
    values[[0, 20, 36]] = np.nan
    np.testing.assert_array_equal(np.isnan(tanh(values)), np.isnan(values))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_reaches_the_loss_and_leaves_no_trace(dtype, name, bad):
    problem = BackpropagationThroughTime(**SHAPE, dtype=dtype)
    arrays, broken = make(**SHAPE, dtype=dtype), make(**SHAPE, dtype=dtype)
    loss = problem.loss_and_gradients(**arrays)
    broken[name].flat[-1 if name == "targets" else 0] = bad
    if np.isnan(bad) or name in ("W_hy", "targets"):  # else tanh makes infinity a finite state
        assert not np.isfinite(problem.loss_and_gradients(**broken))
    if np.isnan(bad) and name != "targets":
        assert all(np.isnan(y).any() for y in rollouts(*(broken[read] for read in READ[:-1])))
    again = make(**SHAPE, dtype=dtype)
    assert problem.loss_and_gradients(**again) == loss
    for gradient in WRITTEN:
        np.testing.assert_array_equal(again[gradient], arrays[gradient])


INFINITE = {
    "one": {"x": [(1, 0, 0, np.inf)]},
    "negative": {"x": [(0, 2, 1, -np.inf)]},
    "last step": {"x": [(4, 1, 1, np.inf)]},
    "opposite": {"x": [(2, 0, 0, np.inf), (2, 0, 1, -np.inf)]},
    "all steps of a sequence": {"x": [(slice(None), 1, 0, np.inf)]},
    "times a zero weight": {"x": [(3, 0, 0, np.inf)], "W_xh": [(4, 0, 0.0)]},
    "times the first zero weight": {"x": [(3, 0, 0, np.inf)], "W_xh": [(0, 0, 0.0)]},
    "beside NaN": {"x": [(3, 0, 0, np.inf), (3, 1, 0, np.nan)]},
    "input weight": {"W_xh": [(4, 1, np.inf)]},
    "recurrent weight": {"W_hh": [(4, 1, -np.inf)]},
    "readout weight": {"W_hy": [(0, 1, np.inf)]},
    "target": {"targets": [(0, 1, 0, np.inf)]},
}


@pytest.mark.parametrize(("dtype", "relative"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize(("batch", "hidden"), [(3, 5), (3, 16), (8, 11), (8, 8), (1, 1)])
@pytest.mark.parametrize("case", INFINITE)
def test_infinity_does_what_the_equations_say(case, batch, hidden, dtype, relative):
    """Whatever the padding: it must neither make NaN of infinity nor hide it."""
    shape = SHAPE | {"batch": batch, "hidden": hidden}
    problem = BackpropagationThroughTime(**shape, dtype=dtype)
    arrays, clean = make(**shape, dtype=dtype), make(**shape, dtype=dtype)
    expected = problem.loss_and_gradients(**clean)
    for name, entries in INFINITE[case].items():
        for *index, value in entries:
            sizes = arrays[name].shape
            place = tuple(
                i if isinstance(i, slice) else min(i, size - 1)
                for i, size in zip(index, sizes, strict=True)
            )
            arrays[name][place] = value
    loss, y, gradients = autograd(arrays, shape["onset"])
    for outputs in rollouts(*(arrays[name] for name in READ[:-1]), shape["onset"]):
        np.testing.assert_allclose(outputs, y, rtol=relative, atol=10 * relative)
    found = problem.loss_and_gradients(**arrays)
    assert found == pytest.approx(loss, rel=relative, nan_ok=True)
    for name, gradient in zip(WRITTEN, gradients, strict=True):
        if np.isfinite(loss):
            atol = relative * max(1.0, np.nanmax(np.abs(gradient), initial=0.0))
            np.testing.assert_allclose(arrays[name], gradient, rtol=relative, atol=atol)
        else:
            assert not np.isfinite(arrays[name][~np.isfinite(gradient)]).any()
    # Nothing of it is left for the next call.
    again = make(**shape, dtype=dtype)
    assert problem.loss_and_gradients(**again) == expected
    for name in WRITTEN:
        np.testing.assert_array_equal(again[name], clean[name])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("hidden", [11, kernels.WIDE + 3])
def test_infinity_leaves_the_bits_of_the_other_sequences(dtype, hidden):
    arrays = make(**SHAPE | {"hidden": hidden}, dtype=dtype)
    weights = [arrays[name] for name in WEIGHTS]
    before = rollout(*weights, arrays["x"])
    arrays["x"][1, 0, 0] = np.inf
    after = rollout(*weights, arrays["x"])
    assert after[:, 1:].tobytes() == before[:, 1:].tobytes()
    assert after[0].tobytes() == before[0].tobytes()
    assert not np.array_equal(after[1:, 0], before[1:, 0])
    stack = rollout(weights[0], np.stack([weights[1], -weights[1]]), weights[2], arrays["x"])
    assert stack[0].tobytes() == after.tobytes()
    assert np.isfinite(stack).all()


def unaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)
    return memory[1:].view(array.dtype).reshape(array.shape)


SPOILERS = {
    "shape": lambda array: np.concatenate([array, array]),
    "dimension": lambda array: array[np.newaxis],
    "dtype": lambda array: array.astype(np.float16),
    "byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "order": np.asfortranarray,
    "strides": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "alignment": unaligned,
    "list": lambda array: array.tolist(),
    "tensor": torch.tensor,
}


@pytest.mark.parametrize("name", READ + WRITTEN)
@pytest.mark.parametrize("spoiler", SPOILERS)
def test_unfit_arrays_are_refused_by_name(name, spoiler):
    arrays = make(**SHAPE, dtype=np.float32)
    arrays[name] = SPOILERS[spoiler](arrays[name])
    problem = BackpropagationThroughTime(**SHAPE)
    if not (name in ("x", "targets") and spoiler in ("order", "strides")):  # any will do
        message = rf"^{name} is .* expected .* \(\d+, \d+.*\) and float32"
        with pytest.raises(ValueError, match=message):
            problem.loss_and_gradients(**arrays)
    # For rollout any number of steps and of outputs will do, and so will a stack of one matrix.
    valid = {("x", "shape"), ("W_hh", "dimension"), ("W_hy", "shape")}
    if name in READ[:-1] and (name, spoiler) not in valid:
        with pytest.raises(ValueError, match=r"is .*(expected|dtype)"):
            rollout(*(arrays[read] for read in READ[:-1]))


@pytest.mark.parametrize("dtype", TYPES)
def test_sequences_may_be_some_of_many(dtype):
    arrays, problem = make(**SHAPE, dtype=dtype), BackpropagationThroughTime(**SHAPE, dtype=dtype)
    loss = problem.loss_and_gradients(**arrays)
    views = {}
    for name in ("x", "targets"):
        many = np.full([2 * size for size in arrays[name].shape], np.nan, dtype)
        views[name] = many[::2, 1:4, ::-2]
        views[name][:] = arrays[name]
        views[name].flags.writeable = False
    again = make(**SHAPE, dtype=dtype) | views
    assert problem.loss_and_gradients(**again) == loss
    for name in WRITTEN:
        assert again[name].tobytes() == arrays[name].tobytes()


def test_read_only_arrays_may_be_read_but_not_written():
    arrays, problem = make(**SHAPE, dtype=np.float32), BackpropagationThroughTime(**SHAPE)
    loss = problem.loss_and_gradients(**arrays)
    for name in READ:
        arrays[name].flags.writeable = False
    assert problem.loss_and_gradients(**arrays) == loss
    rollout(*(arrays[name] for name in READ[:-1]))
    arrays["g_hh"] = arrays["g_hh"].copy()
    arrays["g_hh"].flags.writeable = False
    with pytest.raises(ValueError, match=r"^g_hh is .* not WRITEABLE;"):
        problem.loss_and_gradients(**arrays)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("W_xh", (12, 2)),
        ("W_hh", (11, 12)),
        ("W_hh", (0, 11, 11)),
        ("W_hh", (2, 2, 11, 11)),
        ("W_hy", (4, 12)),
        ("x", (5, 3, 1)),
        ("x", (0, 3, 2)),
        ("x", (3, 2)),
    ],
)
def test_rollout_refuses_shapes_that_do_not_fit(name, shape):
    arrays = make(**SHAPE, dtype=np.float32) | {name: np.ones(shape, np.float32)}
    with pytest.raises(ValueError, match=f"^{name} is"):
        rollout(*(arrays[read] for read in READ[:-1]))


@pytest.mark.parametrize("onset", [-1, 5])
def test_onset_and_sizes_out_of_range_are_refused(onset):
    arrays = make(**SHAPE, dtype=np.float32)
    with pytest.raises(ValueError, match="onset"):
        rollout(*(arrays[name] for name in READ[:-1]), onset)
    with pytest.raises(ValueError, match="onset"):
        BackpropagationThroughTime(**SHAPE | {"onset": onset})
    for name in set(SHAPE) - {"onset"}:
        with pytest.raises(ValueError, match=f"{name}=0"):
            BackpropagationThroughTime(**SHAPE | {name: 0})


@pytest.mark.parametrize("dtype", [np.float16, np.int64, ">f4"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype is"):
        BackpropagationThroughTime(**SHAPE, dtype=dtype)
    with pytest.raises(ValueError, match="dtype is"):
        rollout(*(np.ones(shape, dtype) for shape in ((11, 2), (11, 11), (4, 11), (5, 3, 2))))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("hidden", [11, 64, 72, kernels.WIDE, 2 * kernels.WIDE + 1])
def test_bits_do_not_depend_on_companions(dtype, hidden):
    sizes = {"steps": 9, "batch": 21, "inputs": 3, "hidden": hidden, "outputs": 5, "onset": 4}
    arrays = make(**sizes, dtype=dtype)
    W_xh, W_hy, x = arrays["W_xh"], arrays["W_hy"], arrays["x"]
    stack = np.stack([arrays["W_hh"], -arrays["W_hh"], 2 * arrays["W_hh"]])
    together = rollout(W_xh, stack, W_hy, x, onset=4)
    alone = [rollout(W_xh, W_hh, W_hy, x, onset=4) for W_hh in stack]
    np.testing.assert_array_equal(together, alone)
    assert not np.array_equal(alone[0], alone[1])
    part = rollout(W_xh, stack, W_hy, x[:, 4:9].copy(), onset=4)
    if hidden < kernels.WIDE:
        np.testing.assert_array_equal(part, together[:, :, 4:9])
    else:
        np.testing.assert_allclose(part, together[:, :, 4:9], rtol=1e-3, atol=1e-5)


def test_a_wide_network_warns_of_nothing_and_agrees_with_the_kernel():
    sizes = {"steps": 20, "batch": 13, "inputs": 3, "hidden": 131, "outputs": 5, "onset": 4}
    arrays = make(**sizes, dtype=np.float32)
    arrays["x"][5, 2], arrays["W_hy"][1] = np.inf, np.float32(3e38)
    small, wide = rollouts(*(arrays[name] for name in READ[:-1]), 4)
    assert not np.isfinite(small).all() and small.tobytes() != wide.tobytes()
    np.testing.assert_allclose(wide, small, rtol=1e-3, atol=1e-4)


def test_repetition_gives_the_same_bits():
    sizes = {"steps": 30, "batch": 64, "inputs": 8, "hidden": 72, "outputs": 8, "onset": 8}
    first, problem = make(**sizes, dtype=np.float32), BackpropagationThroughTime(**sizes)
    loss = problem.loss_and_gradients(**first)
    for other in problem, BackpropagationThroughTime(**sizes):
        again = make(**sizes, dtype=np.float32)
        assert other.loss_and_gradients(**again) == loss
        for name in WRITTEN:
            np.testing.assert_array_equal(again[name], first[name])


@pytest.mark.parametrize(
    ("processor", "features", "size"),
    [
        ("emeraldrapids", "+avx2,+avx512f,+avx512vl,+fma", 64),
        ("znver5", "+avx512f,+fma", 64),
        ("znver4", "+avx512f,+fma", 32),
        ("znver3", "+avx2,-avx512f,+fma", 32),
        ("apple-m1", "+neon", 32),
        ("generic", "", 32),
    ],
)
def test_vectors_are_as_long_as_the_processor_works_on(processor, features, size):
    assert compiled.vector_bytes(processor, features) == size


@pytest.fixture(scope="module")
def other_vectors(tmp_path_factory):
    """The compiled module as on a processor whose vectors are half or twice as long."""
    text = Path(compiled.__file__).read_text()
    length = "VECTOR = vector_bytes(*_PROCESSOR)"
    assert length in text
    path = tmp_path_factory.mktemp("vectors") / "other_vectors.py"
    path.write_text(text.replace(length, f"VECTOR = {96 - compiled.VECTOR}"))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("hidden", [11, 72, 117])
def test_the_length_of_vectors_changes_no_bit(dtype, hidden, other_vectors, monkeypatch):
    sizes = {"steps": 9, "batch": 37, "inputs": 3, "hidden": hidden, "outputs": 5, "onset": 4}
    found = []
    for module in (compiled, other_vectors):
        monkeypatch.setattr(kernels, "compiled", module)
        arrays = make(**sizes, dtype=dtype)
        loss = BackpropagationThroughTime(**sizes, dtype=dtype).loss_and_gradients(**arrays)
        y = rollout(*(arrays[name] for name in READ[:-1]))
        parameters, gradient = (arrays[name].ravel() for name in ("W_hh", "g_hh"))
        adam = kernels.Adam(parameters, gradient, 1e-2, 0.1)
        norms = [adam.step() for _ in range(3)]
        arrays |= {"loss": np.array(loss), "y": y, "stepped": parameters, "norms": np.array(norms)}
        found.append({name: array.tobytes() for name, array in arrays.items()})
    assert compiled.VECTOR != other_vectors.VECTOR
    assert found[0] == found[1]


SCRIPT = """
import sys
import numpy as np
from rnnschur import kernels
from rnnschur.kernels.compiled import gemm, gradients
arrays = dict(np.load(sys.argv[1]))
steps, batch, inputs = arrays["x"].shape
problem = kernels.BackpropagationThroughTime(steps, batch, inputs, *arrays["W_hy"].T.shape, 2)
loss = problem.loss_and_gradients(**arrays)
y = kernels.rollout(*(arrays[name] for name in ("W_xh", "W_hh", "W_hy", "x")))
hits = sum(gradients.stats.cache_hits.values())
wide = any("ymm" in code or "zmm" in code for code in gemm.inspect_asm().values())
np.savez(sys.argv[2], loss=loss, y=y, hits=hits, wide=wide,
         **{name: arrays[name] for name in ("g_xh", "g_hh", "g_hy")})
"""


def start(directory, name, **environment):
    """Compute in a new process, see SCRIPT."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_CPU")}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, directory / "arrays.npz", directory / f"{name}.npz"],
        env={**inherited, "PYTHONPATH": str(WORKFLOW), "NUMBA_CACHE_DIR": str(directory)}
        | environment,
    )


def test_processes_agree_with_cold_and_warm_cache_and_on_an_old_processor(tmp_path):
    arrays = make(9, 16, 3, 27, 5, 2, np.float32)
    np.savez(tmp_path / "arrays.npz", **arrays)
    together = [
        start(tmp_path, "cold 1"),
        start(tmp_path, "cold 2"),
        start(tmp_path, "old", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES=""),
    ]
    assert [process.wait() for process in together] == [0, 0, 0]
    assert start(tmp_path, "warm").wait() == 0
    results = {
        name: dict(np.load(tmp_path / f"{name}.npz"))
        for name in ("cold 1", "cold 2", "warm", "old")
    }
    assert results["cold 1"]["hits"] == 0
    assert results["warm"]["hits"] == 2  # both precisions
    assert not results["old"]["wide"]
    for name in ["loss", "y", *WRITTEN]:
        expected = results["cold 1"][name]
        np.testing.assert_array_equal(results["cold 2"][name], expected)
        np.testing.assert_array_equal(results["warm"][name], expected)
        assert_close(results["old"][name], expected, 1e-5)
