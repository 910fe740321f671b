"""The reference forward pass against the recurrent layer of PyTorch."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnschur.rollout import rollout


def weights(rng, inputs, width, outputs, matrices=()):
    return (
        rng.standard_normal((width, inputs)),
        rng.standard_normal((*matrices, width, width)) / np.sqrt(width),
        rng.standard_normal((outputs, width)),
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 5), st.integers(1, 7), st.data())
def test_agrees_with_nn_rnn(seed, steps, batch, width, data):
    onset = data.draw(st.integers(0, steps - 1))
    rng = np.random.default_rng(seed)
    W_xh, W_hh, W_hy = weights(rng, 2, width, 3)
    inputs = rng.standard_normal((steps, batch, 2))
    layer = torch.nn.RNN(2, width, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(W_xh))
        layer.weight_hh_l0.copy_(torch.from_numpy(W_hh))
        states, _ = layer(torch.from_numpy(inputs))
    expected = states.numpy()[onset:] @ W_hy.T
    outputs = rollout(W_xh, W_hh, W_hy, inputs, onset)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-13)
    tensors = [torch.from_numpy(array) for array in (W_xh, W_hh, W_hy, inputs)]
    np.testing.assert_allclose(rollout(*tensors, onset, xp=torch), expected, rtol=1e-12, atol=1e-13)


def test_several_matrices_are_several_rollouts():
    rng = np.random.default_rng(0)
    W_xh, W_hh, W_hy = weights(rng, 2, 5, 3, (4,))
    inputs = rng.standard_normal((6, 2, 2))
    together = rollout(W_xh, W_hh, W_hy, inputs, 2)
    assert together.shape == (4, 4, 2, 3)
    for one, matrix in zip(together, W_hh, strict=True):
        np.testing.assert_allclose(one, rollout(W_xh, matrix, W_hy, inputs, 2), rtol=1e-13)


def test_first_step_sees_no_recurrence():
    rng = np.random.default_rng(0)
    W_xh, W_hh, W_hy = weights(rng, 2, 5, 3)
    inputs = rng.standard_normal((1, 4, 2))
    np.testing.assert_allclose(
        rollout(W_xh, W_hh, W_hy, inputs)[0], np.tanh(inputs[0] @ W_xh.T) @ W_hy.T, rtol=1e-13
    )
