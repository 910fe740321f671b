"""Sequences and targets: what fits together, and that nothing is broadcast."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import METRICS, Batch, Network, diagnose


def refusal(*arguments, **keywords):
    """Return the line with which sequences are refused."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the caller looks at the message
        Batch(*arguments, **keywords)
    message = str(refused.value)
    assert len(message.splitlines()) == 1 and "; allowed" in message
    return message


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


sizes = st.integers(1, 5)


@given(sizes, sizes, sizes, sizes, st.data())
def test_targets_are_those_of_the_last_steps(steps, sequences, inputs, outputs, data):
    onset = data.draw(st.integers(0, steps - 1))
    arrays = draw(steps, sequences, inputs), draw(steps - onset, sequences, outputs)
    for batch in (Batch(*arrays), Batch(*arrays, onset), Batch(*arrays, onset=np.int64(onset))):
        assert (batch.onset, batch.steps, batch.sequences) == (onset, steps, sequences)
        assert type(batch.onset) is int
        assert np.array_equal(batch.inputs, arrays[0]) and np.array_equal(batch.targets, arrays[1])


@given(st.tuples(sizes, sizes, sizes), st.tuples(sizes, sizes, sizes))
def test_whatever_does_not_fit_is_refused(inputs, targets):
    fits = targets[0] <= inputs[0] and targets[1] == inputs[1]
    if fits:
        assert Batch(draw(*inputs), draw(*targets)).onset == inputs[0] - targets[0]
    else:
        message = refusal(draw(*inputs), draw(*targets))
        assert message.startswith(f"targets have shape {targets}; allowed")
        assert f"inputs of shape {inputs}: up to {inputs[0]} steps" in message


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ((9, 1), "targets has shape (9, 1); allowed: 3 dimensions"),  # for (9, 1, 1)
        ((9,), "targets has shape (9,)"),
        ((), "targets has shape ()"),
        ((1, 9, 4, 2), "targets has shape (1, 9, 4, 2)"),
        ((10, 4, 2), "targets have shape (10, 4, 2)"),  # a step more than the inputs
        ((9, 1, 2), "targets have shape (9, 1, 2)"),  # one sequence for all
        ((9, 5, 2), "targets have shape (9, 5, 2)"),
        ((4, 9, 2), "targets have shape (4, 9, 2)"),  # sequences first
        ((0, 4, 2), "targets have shape (0, 4, 2); allowed: no axis of length 0"),
        ((9, 0, 2), "targets have shape (9, 0, 2); allowed: no axis of length 0"),
        ((9, 4, 0), "targets have shape (9, 4, 0); allowed: no axis of length 0"),
    ],
)
def test_targets_that_do_not_fit_are_named(targets, words):
    assert words in refusal(draw(9, 4, 3), np.zeros(targets))


@pytest.mark.parametrize("shape", [(9, 4), (9,), (), (2, 9, 4, 3), (0, 4, 3), (9, 0, 3), (9, 4, 0)])
def test_inputs_that_do_not_fit_are_named(shape):
    message = refusal(np.zeros(shape), draw(9, 4, 2))
    assert message.startswith("inputs ha") and f"shape {shape}; allowed: " in message


@pytest.mark.parametrize("onset", [2.0, 2.5, np.nan, "2", True])
def test_an_onset_that_is_no_whole_number_is_named(onset):
    message = refusal(draw(9, 4, 3), draw(7, 4, 2), onset)
    assert message == f"onset is {onset!r}; allowed: a whole number"


@pytest.mark.parametrize("onset", [-1, 1, 3, 9, 10])
def test_an_onset_that_does_not_fit_is_named(onset):
    message = refusal(draw(9, 4, 3), draw(7, 4, 2), onset)
    assert f"targets have shape (7, 4, 2) and onset is {onset}; allowed" in message


def test_no_step_is_compared_without_a_target():
    """An onset at the end leaves nothing to compare."""
    assert "no axis of length 0" in refusal(draw(9, 4, 3), draw(0, 4, 2), onset=9)


@pytest.mark.parametrize("name", ["inputs", "targets"])
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (pd.DataFrame(np.ones((9, 4))), "has shape (9, 4); allowed: 3 dimensions"),
        (pd.Series(np.ones(9)), "has shape (9,)"),
        ([[1.0], [1.0, 2.0]], "is not an array but list"),
        ([["a", "b"]], "is not numeric"),
        ([[[None]]], "is not numeric"),
        (1j * np.ones((9, 4, 1)), "is complex"),
        (np.ma.masked_array(np.ones((9, 4, 1)), True), "is a masked array"),
        (np.ones((9, 4, 1), np.longdouble), "is of extended precision"),
        (torch.ones(9, 4), "has shape (9, 4)"),
        (torch.ones(9, 4, 1, dtype=torch.complex64), "is complex"),
        (torch.ones(9, 4, 1).to_sparse(), "is not an array but Tensor"),
        (torch.ones(9, 4, 1, device="meta"), "is not an array but Tensor"),
    ],
)
def test_what_is_no_array_of_numbers_is_named(name, array, words):
    message = refusal(**{"inputs": draw(9, 4, 1), "targets": draw(9, 4, 1), name: array})
    assert message.startswith(f"{name} {words}")


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (np.ndarray.tolist, np.float64),
        (lambda array: array.astype(int), np.float64),
        (lambda array: array.astype(np.uint8), np.float64),
        (lambda array: array.astype(bool), np.float64),
        (lambda array: array.astype(np.float16), np.float32),
        (lambda array: array.astype(np.float32), np.float32),
        (lambda array: array.astype(">f8"), np.float64),
        (lambda array: torch.tensor(array), np.float64),
        (lambda array: torch.tensor(array, requires_grad=True), np.float64),
        (lambda array: torch.tensor(array, dtype=torch.float32), np.float32),
        (lambda array: torch.tensor(array, dtype=torch.bfloat16), np.float32),
    ],
)
def test_all_that_reads_as_numbers_is_taken(make, dtype):
    array = np.random.default_rng(0).integers(2, size=(9, 4, 2)).astype(float)
    batch = Batch(make(array), make(array[2:]))
    for found, expected in ((batch.inputs, array), (batch.targets, array[2:])):
        assert type(found) is np.ndarray and found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
    assert batch.onset == 2


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("metric", [name for name, m in METRICS.items() if not m.labels])
def test_targets_of_one_output_do_not_serve_two(outputs, metric):
    weights = {"W_hh": draw(4, 4), "W_xh": draw(4, 3), "W_hy": draw(2, 4)}
    network, inputs = Network("tanh", weights), draw(9, 5, 3)
    batch = Batch(inputs, draw(7, 5, 2))
    assert METRICS[metric](network.outputs(batch), batch).shape == ()
    assert len(diagnose(network, batch, metric)) == 8
    wrong = Batch(inputs, draw(7, 5, outputs))
    words = rf"^outputs have shape \(.*7, 5, 2\), .* \(7, 5, {outputs}\); allowed: "
    with pytest.raises(ValueError, match=words):
        METRICS[metric](network.outputs(wrong), wrong)
    with pytest.raises(ValueError, match=words):
        diagnose(network, wrong, metric)


def form(seed, sequences, **changes):
    """Return a batch that has all that one may have."""
    sizes = {"steps": 9, "onset": 2, "inputs": 3, "targets": 2, "units": 4} | changes
    steps, late = sizes["steps"], sizes["steps"] - sizes["onset"]
    arrays = {
        "targets": draw(late, sequences, sizes["targets"], seed=seed),
        "mask": np.arange(late * sequences).reshape(late, sequences) % 5 > 0,
        "h0": draw(sequences, sizes["units"], seed=seed),
    }
    arrays = {name: array for name, array in arrays.items() if not sizes.get(f"no {name}")}
    inputs = draw(steps, sequences, sizes["inputs"], seed=seed)
    return Batch(inputs, onset=sizes["onset"], **arrays)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_joined_batches_are_their_sequences_one_after_the_other(counts):
    batches = [form(seed, count) for seed, count in enumerate(counts)]
    joined = Batch.joined(batches)
    assert (joined.sequences, joined.steps, joined.onset) == (sum(counts), 9, 2)
    found = [joined.sequence(k) for k in range(joined.sequences)]
    expected = [b.sequence(k) for b in batches for k in range(b.sequences)]
    for one, other in zip(found, expected, strict=True):
        for name in ("inputs", "targets", "mask", "h0"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_an_initial_state_for_all_sequences_of_a_batch_stays_theirs():
    inputs, starts = draw(5, 2, 1), draw(2, 3)
    joined = Batch.joined([Batch(inputs, h0=starts[0]), Batch(inputs, h0=starts[1])])
    np.testing.assert_array_equal(joined.h0, starts[[0, 0, 1, 1]])
    assert joined.targets is None and joined.mask is None
    assert Batch.joined([Batch(inputs, h0=starts[0])]).h0.shape == (3,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 8}, "steps 9 and 8"),
        ({"onset": 3}, "onset 2 and 3"),
        ({"inputs": 1}, "inputs 3 and 1"),
        ({"targets": 1}, "targets 2 and 1"),
        ({"no targets": True, "no mask": True}, "targets 2 and None"),
        ({"no mask": True}, "mask True and False"),
        ({"units": 5}, "initial states (('h0', 4),) and (('h0', 5),)"),
        ({"no h0": True}, "initial states (('h0', 4),) and ()"),
    ],
)
def test_batches_that_cannot_be_joined_are_named(changes, words):
    with pytest.raises(ValueError, match="batches to be joined") as refused:
        Batch.joined([form(0, 2), form(1, 2), form(2, 3, **changes)])
    assert str(refused.value) == f"batches to be joined have {words}; allowed: the same"
