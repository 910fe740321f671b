"""Any simulator: the same table as a network of ours, and what it must keep to."""

import numpy as np
import pytest

from rnnschur import Batch, Network, diagnose

RNG = np.random.default_rng(0)
W = RNG.standard_normal((8, 8)) / 3
W_XH, W_HY = RNG.standard_normal((8, 2)), RNG.standard_normal((3, 8))
INPUTS = RNG.standard_normal((15, 10, 2))


def outputs(matrix):
    """Return what a loop gives that anybody would write."""
    hidden, found = np.zeros((10, 8)), []
    for x in INPUTS:
        hidden = np.tanh(hidden @ matrix.T + x @ W_XH.T)
        found.append(hidden @ W_HY.T)
    return found


def test_a_function_gives_the_table_of_the_network_that_it_runs():
    network = Network("tanh", {"W_hh": W, "W_xh": W_XH, "W_hy": W_HY})
    expected = diagnose(network, Batch(INPUTS), alphas=(0.9, 0.5))
    found = diagnose(W, outputs, alphas=(0.9, 0.5))
    assert list(found) == list(expected)
    for name in found:
        if found[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-7, atol=1e-12)
        else:
            assert found[name].tolist() == expected[name].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_function_gets_a_matrix_of_its_own_in_the_precision_that_was_given(dtype):
    matrix, seen = W.astype(dtype), []

    def spoiling(given):
        seen.append(given.dtype)
        found = outputs(given)
        given[:] = np.nan
        return found

    table = diagnose(matrix, spoiling)
    assert set(seen) == {np.dtype(dtype)} and np.isfinite(matrix).all()
    assert table["rollout_difference"].notna().all()


def test_every_matrix_is_run_once_and_the_first_three_times():
    seen = []

    def counting(matrix):
        seen.append(matrix.tobytes())
        return outputs(matrix)

    diagnose(W, counting, alphas=(0.9, 0.9))
    assert seen.count(W.tobytes()) == 3  # twice to see whether it repeats itself
    assert len(seen) - 3 == len(set(seen)) - 1


def drifting(scale):
    rng = np.random.default_rng(1)
    return lambda matrix: np.array(outputs(matrix)) + scale * rng.standard_normal((15, 10, 3))


def growing():
    steps = iter(range(9, 99))
    return lambda matrix: outputs(matrix)[: next(steps)]


@pytest.mark.parametrize(
    ("matrix", "function", "words"),
    [
        (W, drifting(0.1), r"outputs\(matrix\) differs between two runs, by 0\.\d+ standard dev"),
        (W, growing(), r"outputs\(matrix\) differs between two runs, by inf"),
        (W, lambda m: outputs(m)[0], r"outputs\(matrix\) has shape \(10, 3\); allowed: \(steps, s"),
        (W, lambda m: np.full((3, 4, 1), np.nan), r"outputs\(matrix\) has a NaN or infinite entry"),
        (W, lambda m: None, r"outputs\(matrix\) is not numeric"),
        (W[:7], outputs, r"matrix is not square: shape \(7, 8\)"),
        (W * 1j, outputs, "matrix is complex"),
        (np.full((8, 8), np.nan), outputs, "matrix has a NaN entry"),
    ],
)
def test_what_is_refused_is_named_in_a_line(matrix, function, words):
    with pytest.raises(ValueError, match=f"^{words}") as refusal:
        diagnose(matrix, function)
    assert "\n" not in str(refusal.value)


def test_noise_below_what_matters_passes_and_a_network_that_runs_away_is_fragile():
    assert (diagnose(W, drifting(1e-6)).loc[1:, "rollout_difference"] > 0).any()

    def dying(matrix):
        return np.array(outputs(matrix)) * (1 if np.array_equal(matrix, W) else np.nan)

    table = diagnose(W, dying).set_index("removed")
    removing = table[table["removed_mass"] > 1e-6]
    assert len(removing) and (removing["verdict"] == "fragile").all()
    assert removing["rollout_difference_low"].isna().all()


def test_another_shape_later_on_is_named():
    def other(matrix):
        return np.array(outputs(matrix))[: 15 if np.array_equal(matrix, W) else 14]

    with pytest.raises(ValueError, match=r"has shape \(14, 10, 3\); allowed: \(15, 10, 3\), as at"):
        diagnose(W, other)


def test_a_buffer_that_is_filled_anew_in_every_call_may_be_returned():
    buffer = np.zeros((15, 10, 3))

    def filling(matrix):
        buffer[:] = outputs(matrix)
        return buffer

    assert diagnose(W, filling).equals(diagnose(W, outputs))


def test_a_simulator_that_ignores_its_matrix_gets_no_verdict():
    table = diagnose(W, lambda matrix: outputs(W))
    removing = table[table["removed_mass"] > 0]
    assert len(removing) and removing["verdict"].isna().all()
    assert removing["note"].str.contains("the outputs do not depend on W_hh").all()
    assert table["note"].iloc[0] == ""


def test_what_the_readout_does_not_see_is_free_where_the_outputs_depend_on_the_rest():
    """One unit that is read stands by itself; the coupling is between the two others."""
    matrix = np.diag([0.9, 0.5, 0.3])
    matrix[1, 2] = 0.4

    def first(given):
        states = [np.ones((4, 3))]
        for _ in range(5):
            states.append(np.tanh(states[-1] @ given.T))
        return np.array(states)[..., :1]

    table = diagnose(matrix, first).set_index("removed")
    assert table.loc["CC", ["rollout_difference", "verdict"]].tolist() == [0, "stabilizer"]
