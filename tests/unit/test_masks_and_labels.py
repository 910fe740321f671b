"""Sequences of which not everything counts, that have labels, or no targets at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import METRICS, Batch, Network, cells, diagnose
from rnnschur.metrics import accuracy, fvu, largest_share, rollout_difference


def draw(seed=0, outputs=3, **options):
    rng = np.random.default_rng(seed)
    weights = {
        "W_hh": rng.standard_normal((6, 6)) / 2,
        "W_xh": rng.standard_normal((6, 2)),
        "W_hy": rng.standard_normal((outputs, 6)),
    }
    return (
        Network("tanh", weights),
        rng.standard_normal((9, 20, 2)),
        rng.standard_normal((7, 20, 3)),
    )


COLUMNS = ["value", "delta", "damage", "removed_mass", "sensitivity", "rollout_difference"]


def test_what_the_mask_leaves_out_is_as_if_it_were_not_there():
    """Whole sequences and whole steps; then any pattern, against sums over what is left."""
    network, inputs, targets = draw()
    kept = np.arange(20) % 3 > 0
    mask = np.broadcast_to(kept, (7, 20))
    masked = diagnose(network, Batch(inputs, targets, mask=mask))
    fewer = diagnose(network, Batch(inputs[:, kept], targets[:, kept]))
    np.testing.assert_allclose(masked[COLUMNS], fewer[COLUMNS], rtol=1e-9, atol=1e-12)
    late = np.repeat(np.arange(7) >= 3, 20).reshape(7, 20)
    masked = diagnose(network, Batch(inputs, targets, mask=late))
    later = diagnose(network, Batch(inputs, targets[3:]))
    np.testing.assert_allclose(masked[COLUMNS], later[COLUMNS], rtol=1e-9, atol=1e-12)
    full = diagnose(network, Batch(inputs, targets, mask=np.ones((7, 20))))
    np.testing.assert_allclose(full[COLUMNS], diagnose(network, Batch(inputs, targets))[COLUMNS])


@given(st.integers(0, 2**32))
def test_measures_are_means_over_what_counts(seed):
    rng = np.random.default_rng(seed)
    outputs, targets = rng.standard_normal((2, 4, 7, 20, 3))
    mask, targets = rng.integers(2, size=(7, 20)).astype(bool), targets[0]
    mask[0, :2] = True
    batch = Batch(rng.standard_normal((9, 20, 2)), targets, mask=mask)
    left = targets[mask]
    error = ((outputs[:, mask] - left) ** 2).mean((1, 2)) / left.var(0).mean()
    np.testing.assert_allclose(METRICS["fvu"](outputs, batch), error, rtol=1e-12)
    right = (outputs[:, mask] * left > 0).mean((1, 2))
    np.testing.assert_allclose(METRICS["replay_accuracy"](outputs, batch), right)
    intact = outputs[0]
    expected = np.sqrt(((outputs - intact)[:, mask] ** 2).mean((1, 2)) / intact[mask].var(0).mean())
    found = METRICS["fvu"].difference(outputs, intact, batch)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_without_a_mask_nothing_is_copied():
    batch = Batch(*draw()[1:])
    assert batch.mask is None and batch.h0 is None
    assert batch.counted(batch.targets) is batch.targets
    outputs = np.random.default_rng(1).standard_normal(batch.targets.shape)
    assert METRICS["fvu"](outputs, batch) == fvu(outputs, batch.targets)
    found = METRICS["fvu"].difference(outputs, batch.targets, batch)
    assert found == rollout_difference(outputs, batch.targets)


def test_outputs_that_a_mask_does_not_fit_are_named():
    _, inputs, targets = draw()
    batch = Batch(inputs, targets, mask=np.ones((7, 20)))
    words = r"^outputs have shape \(6, 20, 3\); allowed with a mask: .*, \(7, 20\) of steps and seq"
    with pytest.raises(ValueError, match=words):
        METRICS["fvu"](targets[1:], batch)


def test_targets_that_do_not_count_need_not_be_numbers():
    network, inputs, targets = draw()
    mask = np.arange(7)[:, None] >= np.full(20, 2)
    targets[~mask] = np.nan
    table = diagnose(network, Batch(inputs, targets, mask=mask))
    assert table[["value", "rollout_difference"]].notna().all(axis=None)
    with pytest.raises(ValueError, match=r"^targets have a NaN or infinite entry; allowed: "):
        diagnose(network, Batch(inputs, targets))


def test_without_targets_the_rollout_difference_is_told():
    network, inputs, targets = draw()
    table = diagnose(network, Batch(inputs, onset=2))
    known = diagnose(network, Batch(inputs, targets))
    for column in ("rollout_difference", "removed_mass", "verdict", "leading"):
        assert table[column].tolist() == known[column].tolist()
    assert table[["value", "delta", "damage", "sensitivity"]].isna().all(axis=None)
    assert Batch(inputs).onset == 0


@given(st.integers(0, 2**32), st.integers(2, 5))
def test_accuracy_counts_the_largest_output(seed, classes):
    rng = np.random.default_rng(seed)
    outputs = rng.standard_normal((2, 7, 5, classes))
    labels = rng.integers(classes, size=(7, 5, 1))
    mask = rng.integers(2, size=(7, 5))
    mask[0, 0] = 1
    for index, one in enumerate(outputs):
        pairs = [(one[t, b], labels[t, b, 0]) for t in range(7) for b in range(5) if mask[t, b]]
        right = np.mean([max(range(classes), key=y.__getitem__) == label for y, label in pairs])
        batch = Batch(rng.standard_normal((7, 5, 2)), labels, mask=mask)
        assert METRICS["accuracy"](outputs, batch)[index] == pytest.approx(right)
    found = [label for _, label in pairs]
    share = max(found.count(label) for label in set(found)) / len(found)
    assert METRICS["accuracy"].chance(batch) == pytest.approx(share) == largest_share(found)
    assert accuracy(np.full_like(one, np.nan), labels) == 0
    assert accuracy(np.eye(classes)[labels[..., 0]], labels) == METRICS["accuracy"].best


def test_what_scores_have_in_common_decides_no_class():
    rng = np.random.default_rng(0)
    scores, other = rng.standard_normal((2, 7, 20, 3))
    batch = Batch(rng.standard_normal((7, 20, 2)), rng.integers(3, size=(7, 20, 1)))
    shift = rng.standard_normal((7, 20, 1))
    measure = METRICS["accuracy"]
    assert measure.difference(scores + shift, scores, batch) < 1e-12
    expected = measure.difference(other, scores, batch)
    assert measure.difference(other + shift, scores - shift, batch) == pytest.approx(expected)
    assert METRICS["fvu"].difference(scores + shift, scores, batch) > 0.1


@pytest.mark.parametrize(("label", "words"), [(3, "3"), (-1, "-1"), (0.5, "0.5")])
def test_labels_out_of_range_are_named(label, words):
    network, inputs, _ = draw()
    labels = np.zeros((7, 20, 1))
    labels[3, 2] = label
    message = rf"^labels have the entry {words}; allowed: whole numbers from 0 to 2, since the num"
    with pytest.raises(ValueError, match=message):
        diagnose(network, Batch(inputs, labels), "accuracy")
    with pytest.raises(ValueError, match=r"labels \(7, 20, 3\); allowed: .*\(steps, sequences, 1"):
        diagnose(network, Batch(inputs, np.zeros((7, 20, 3))), "accuracy")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask": np.ones((9, 20))}, r"^mask has shape \(9, 20\); allowed: \(7, 20\)"),
        ({"mask": np.ones((7, 20, 3))}, r"^mask has shape \(7, 20, 3\); allowed: \(7, 20\)"),
        ({"mask": np.full((7, 20), 5)}, r"^mask has entries other than 0 and 1; allowed: "),
        ({"mask": np.full((7, 20), np.nan)}, r"^mask has entries other than 0 and 1"),
        ({"mask": np.zeros((7, 20))}, r"^mask is 0 everywhere; allowed: "),
        ({"h0": np.ones((7, 6))}, r"^h0 has shape \(7, 6\); allowed: \(units,\) or \(20, units\)"),
        ({"h0": np.ones((1, 20, 6))}, r"^h0 has shape \(1, 20, 6\); allowed: "),
        ({"h0": np.full(6, np.inf)}, r"^h0 has entries that are not finite$"),
        ({"targets": None, "onset": 9}, r"^onset is 9; allowed: from 0 to 8, the last step$"),
    ],
)
def test_what_does_not_fit_is_named(options, words):
    _, inputs, targets = draw()
    with pytest.raises(ValueError, match=words):
        Batch(**{"inputs": inputs, "targets": targets, **options})


@pytest.mark.parametrize(("output", "border"), [("linear", 0), ("sigmoid", 0.5)])
def test_one_output_says_one_of_two_labels(output, border):
    """By the sign of a logit, which is the half of its sigmoid."""
    network, inputs, _ = draw(outputs=1)
    network = Network(cells.make("tanh", output=output), network.weights)
    labels = np.random.default_rng(1).integers(2, size=(7, 20, 1))
    batch = Batch(inputs, labels)
    right = (network.outputs(batch) > border) == labels
    table = diagnose(network, batch, "accuracy")
    assert table["value"][0] == pytest.approx(right.mean())
    low, high = table.loc[0, ["value_low", "value_high"]]
    assert low < right.mean() < high
    linear = diagnose(draw(outputs=1)[0], batch, "accuracy")
    assert table["value"].tolist() == linear["value"].tolist()
    assert (table.loc[table["removed_mass"] > 0.1, "rollout_difference"] > 0.01).all()
    with pytest.raises(ValueError, match="from 0 to 1, since the number of outputs is 1"):
        diagnose(network, Batch(inputs, labels + 1), "accuracy")


def test_targets_that_may_be_labels_say_what_to_do():
    network, inputs, _ = draw(outputs=1)
    labels = np.random.default_rng(1).integers(2, size=(7, 20, 1))
    words = "targets are 0 and 1: if they are labels, the metric is accuracy"
    notes = diagnose(network, Batch(inputs, labels))["note"]
    assert words in notes[0] and not notes[1:].str.contains(words).any()
    for targets, metric in ((labels, "accuracy"), (labels * 2, "fvu"), (labels - 0.5, "fvu")):
        assert words not in diagnose(network, Batch(inputs, targets), metric)["note"][0]


def test_a_network_that_does_not_do_what_the_targets_say():
    network, inputs, targets = draw()
    own = network.outputs(Batch(inputs, onset=2))
    words = "does not do what the targets say: no better than "
    for metric, right, wrong, chance in (
        ("fvu", own + 0.1, targets + own.mean(), "1, as good as the mean"),
        ("replay_accuracy", own, -own, "0.5, chance"),
        ("accuracy", own.argmax(-1)[..., None], own[..., :1] * 0, "1, largest share of a label"),
    ):
        notes = diagnose(network, Batch(inputs, wrong), metric)["note"]
        assert notes[0] == words + chance and not notes[1:].str.contains(words).any()
        assert diagnose(network, Batch(inputs, right), metric)["note"][0] == ""
    assert diagnose(network, Batch(inputs, onset=2))["note"][0] == ""
    alone, inputs, _ = draw(outputs=1)
    own = (alone.outputs(Batch(inputs)) > 0).astype(float)
    counted = own[..., 0] == 1  # one label alone, and right every time
    assert diagnose(alone, Batch(inputs, own, mask=counted), "accuracy")["note"][0] == ""
