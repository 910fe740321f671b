"""Masks and signs: the weight that acts, and what a change makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import Batch, Network, diagnose
from rnnschur.constraints import effective, forbidden


@pytest.mark.parametrize("magnitude", ["as given", "absolute", "rectified"])
def test_the_weight_that_acts_is_mask_times_magnitude_times_sign_of_the_source(magnitude):
    rng = np.random.default_rng(0)
    raw, mask, signs = rng.standard_normal((4, 3)), rng.integers(2, size=(4, 3)), [1, -1, 1]
    found = effective(raw, mask, signs, magnitude)
    for target in range(4):
        for source in range(3):
            value = raw[target, source]
            value = {"as given": value, "absolute": abs(value), "rectified": max(value, 0)}[
                magnitude
            ]
            assert found[target, source] == mask[target, source] * value * signs[source]
    np.testing.assert_array_equal(effective(raw), raw)
    assert effective(raw.astype(np.float32), mask, signs).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0],), r"^weight has shape \(1,\); allowed: 2 dimensions$"),
        ((np.eye(2), np.ones(2)), r"^mask has shape \(2,\); allowed: \(2, 2\)$"),
        ((np.eye(2), None, np.ones(3)), r"^signs has shape \(3,\); allowed: \(2,\)$"),
        ((np.eye(2), None, None, "abs"), "^magnitude is 'abs'; allowed: as given, absolute, rect"),
    ],
)
def test_what_does_not_fit_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        effective(*arguments)


@given(st.integers(0, 2**32), st.floats(1e-200, 1e200))
def test_what_is_forbidden_is_a_share_of_the_change(seed, scale):
    rng = np.random.default_rng(seed)
    mask, signs = rng.integers(2, size=(5, 5)), rng.choice([-1, 0, 1], 5)
    W = effective(np.abs(rng.standard_normal((5, 5))), mask, np.where(signs == 0, 1, signs))
    changed = W + rng.standard_normal((5, 5))
    total = sum(
        changed[i, j] ** 2
        for i in range(5)
        for j in range(5)
        if mask[i, j] == 0 or changed[i, j] * signs[j] < 0
    )
    expected = np.sqrt(total) / np.linalg.norm(changed - W)
    assert forbidden(scale * changed, scale * W, mask, signs) == pytest.approx(expected)
    assert forbidden(W, W, mask, signs) == 0
    assert forbidden(0 * W, W, mask, signs) == 0
    assert forbidden(changed, W) == 0


def test_a_network_knows_its_constraints_and_its_outputs_do_not():
    rng = np.random.default_rng(0)
    mask, signs = rng.integers(2, size=(6, 6)), rng.choice([-1, 1], 6)
    W = effective(rng.standard_normal((6, 6)), mask, signs, "absolute").astype(np.float32)
    weights = {
        "W_hh": W,
        "W_xh": rng.standard_normal((6, 2), dtype=np.float32),
        "W_hy": rng.standard_normal((3, 6), dtype=np.float32),
    }
    bare = Network("tanh", weights)
    network = Network("tanh", {**weights, "mask_hh": mask.astype(bool), "sign_h": signs})
    assert network.dtype == np.float32 and network.sizes == bare.sizes
    batch = Batch(rng.standard_normal((9, 20, 2)), rng.standard_normal((9, 20, 3)))
    for engine in ("fast", "reference"):
        np.testing.assert_array_equal(network.outputs(batch, engine), bare.outputs(batch, engine))
    table, same = diagnose(network, batch), diagnose(bare, batch)
    assert "forbidden" not in same
    assert table.drop(columns="forbidden").equals(same)
    share = table.set_index("removed")["forbidden"]
    assert share["none"] == 0 and 0 < share["RR+CR+CC"] <= 1
    moved = network.cell.symmetry(network.weights, rng)
    assert not moved["W_hh"][moved["mask_hh"] == 0].any()
    with pytest.raises(ValueError, match=r"^mask_hh has entries other than 0 and 1; allowed: "):
        Network("tanh", {**weights, "mask_hh": 2 * mask})
    with pytest.raises(ValueError, match=r"^sign_h has entries other than -1, 0 and 1; allowed: "):
        Network("tanh", {**weights, "sign_h": 0.5 * signs})
