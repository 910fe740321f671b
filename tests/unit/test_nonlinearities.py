"""Named nonlinearities against PyTorch's, and what they say of themselves."""

import numpy as np
import pytest
import torch

from rnnschur.nonlinearities import NONLINEARITIES, OUTPUTS

POINTS = np.concatenate([np.linspace(-15, 15, 301), [-800, -40, 0, 40, 800]])
REFERENCE = {
    "linear": lambda x: x,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: torch.nn.functional.softplus(x, threshold=1e9),
    "retanh": lambda x: torch.relu(torch.tanh(x)),
    "elu": torch.nn.functional.elu,
    "hard_sigmoid": torch.nn.functional.hardsigmoid,
    "hard_sigmoid_keras2": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1),
    "softmax": lambda x: torch.softmax(x, -1),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_each_is_that_of_pytorch_in_both_libraries(name):
    x = np.stack([POINTS, POINTS[::-1]], axis=-1)
    if name == "softplus":  # PyTorch's own overflows without a threshold
        x = x[np.abs(x).max(-1) < 700]
    expected = REFERENCE[name](torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(OUTPUTS[name](x), expected, rtol=1e-13, atol=1e-300)
    tensor = torch.from_numpy(x).requires_grad_()
    found = OUTPUTS[name](tensor, torch)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-13, atol=1e-300)
    found.sum().backward()
    assert torch.isfinite(tensor.grad).all()
    assert OUTPUTS[name](x.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_odd_and_homogeneous_are_what_the_function_is(name):
    f, x = NONLINEARITIES[name], POINTS[np.abs(POINTS) < 20]
    assert f.odd == np.allclose(f(-x), -f(x), rtol=1e-12, atol=1e-15)
    assert f.homogeneous == np.allclose(f(3 * x), 3 * f(x), rtol=1e-12, atol=1e-15)
