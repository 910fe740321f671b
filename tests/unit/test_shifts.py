"""Other sequences to judge by: what they ask for is what the task asks of such inputs."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from rnnschur import Batch, Intervention, Network, evaluate, interventions, tasks
from rnnschur.criterion import Criterion
from rnnschur.evaluation import evaluate_shifts
from rnnschur.findings import stabilizers_by_shift
from rnnschur.metrics import metric
from rnnschur.shifts import NONE, shifts
from rnnschur.streams import generator
from rnnschur.tables import keyed

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["tasks"]
SHIFTS = [(task, name) for task, said in CONFIG.items() for name in said["shifts"]]
FLIP_FLOP = {"steps": 20, "channels": 3, "pulse_probability": 0.1}


def asked(task, inputs):
    """Return what each task asks of inputs, by its rule at the protocol of training."""
    protocol, steps = CONFIG[task]["protocol"], len(inputs)
    if task == "sine":
        low, high = protocol["lowest_frequency"], protocol["highest_frequency"]
        frequency = low + (high - low) * inputs[0].astype(float)
        return np.sin(2 * np.pi * frequency * np.arange(1, steps + 1)[:, None, None])
    if task == "context_integration":
        cued = np.where(inputs[..., 2:3] == 1, inputs[..., :1], inputs[..., 1:2])
        return np.cumsum(cued, axis=0) * protocol["gain"] / protocol["steps"]
    if task == "copy":
        symbols = protocol["symbols"]
        return np.sign(inputs[np.arange(steps - symbols) % symbols])
    memory, found = np.zeros(inputs.shape[1:]), []
    for pulses in inputs:
        memory = np.where(pulses == 0, memory, np.sign(pulses))
        found.append(memory)
    return np.array(found)


@pytest.mark.parametrize(("task", "name"), SHIFTS)
def test_targets_of_every_shift_are_what_the_task_asks_of_its_inputs(task, name):
    protocol = CONFIG[task]["protocol"]
    found = shifts(task, protocol, CONFIG[task]["shifts"])[name]
    batch = found.held_out(5, np.random.default_rng(0))
    plain = tasks.make(task, **protocol).held_out(5, np.random.default_rng(0))
    assert batch.inputs.dtype == plain.inputs.dtype == np.float32
    assert batch.onset == plain.onset
    np.testing.assert_allclose(batch.targets, asked(task, batch.inputs), atol=1e-4)
    np.testing.assert_allclose(plain.targets, asked(task, plain.inputs), atol=1e-4)
    assert batch.inputs.shape != plain.inputs.shape or not np.allclose(batch.inputs, plain.inputs)


def network(seed=0):
    rng = np.random.default_rng(seed)
    weights = {"W_hh": rng.standard_normal((8, 8)) / 3, "W_xh": rng.standard_normal((8, 3))}
    return Network("tanh", {**weights, "W_hy": rng.standard_normal((3, 8))})


def test_a_shift_of_nothing_gives_the_rows_of_the_plain_ablations():
    task = tasks.make("flip_flop", **FLIP_FLOP)
    judge = task.held_out(16, generator(0, "judge"))
    nothing = shifts("flip_flop", FLIP_FLOP, {"nothing": {"inputs": 1}, "stronger": {"inputs": 2}})
    batches = {NONE: judge}
    batches |= {name: one.held_out(16, generator(0, "judge")) for name, one in nothing.items()}
    family = interventions.make("shift", {"alpha": 0.6})
    changes = family.of(network(), None, partial(generator, 0))
    rows = evaluate_shifts(network(), changes, batches, metric("fvu"))
    couplings = interventions.make("couplings", {"alphas": [0.6]}).of(network())
    plain = evaluate(network(), couplings, judge, metric("fvu"))
    for name in (NONE, "nothing", "stronger"):
        found = rows[rows["shift"] == name].drop(columns="shift").reset_index(drop=True)
        if name == "stronger":
            intact = network().outputs(Batch(2 * judge.inputs))
            assert found["value"][0] == pytest.approx(float(metric("fvu")(intact, judge)))
            assert (found["rollout_difference"][1:] != plain["rollout_difference"][1:]).any()
        else:
            pd.testing.assert_frame_equal(found, plain, check_exact=True)


def test_a_network_that_runs_away_on_a_shift_is_told_of_on_the_others():
    """A unit of ReLU that doubles what it has grows beyond all numbers in 2000 steps."""
    one = np.ones((1, 1))
    away = Network("relu", {"W_hh": 2 * one, "W_xh": one, "W_hy": one})
    drive = np.random.default_rng(0).random((2000, 5, 1))
    batches = {NONE: Batch(drive[:5], drive[:5]), "longer": Batch(drive, drive)}
    half = Intervention("half", {"W_hh": one / 2}, 0.75, {"leading": 1})
    rows = evaluate_shifts(away, [half], batches, metric("fvu"))
    alone = evaluate(away, [half], batches[NONE], metric("fvu"))
    pd.testing.assert_frame_equal(rows[:1].drop(columns="shift"), alone)
    numbers = rows.iloc[1].drop(["shift", "leading", "removed", "metric"])
    assert rows["shift"][1] == "longer" and numbers.isna().all() and len(numbers) == 7
    verdicts = Criterion().verdicts(rows)
    assert verdicts[0] == "fragile" and verdicts[1] is None
    broken = Batch(np.where(drive < 0.5, np.nan, drive))
    with pytest.raises(ValueError, match=r"^inputs have a NaN or infinite entry"):
        evaluate_shifts(away, [half], {"broken": broken}, metric("fvu"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"none": {"steps": 9}}, "none is the task without a shift; allowed: another name"),
        (
            {"long": {"step": 9}},
            "long.step is unknown; allowed: steps, channels, pulse_probability",
        ),
        ({"long": {"steps": 0}}, "long.steps is 0; allowed: a whole number of at least 1"),
        ({"loud": {"inputs": 0}}, "loud.inputs is 0; allowed: a number above 0"),
        (
            {"more": {"channels": 4}},
            "more gives the network 4 inputs and 4 outputs; allowed: 3 and 3, as the task's own "
            "protocol",
        ),
    ],
)
def test_a_shift_that_is_none_is_refused(given, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        shifts("flip_flop", FLIP_FLOP, given)


def test_stabilizers_that_stay_are_counted():
    rows = pd.DataFrame(
        [
            *((NONE, "CC", 0.05, 0.2), (NONE, "RR", 0.5, 0.2)),
            *(("longer", "CC", 0.2, 0.2), ("longer", "RR", 0.01, 0.2)),
            *(("weaker", "CC", 0.1, 0.2), ("weaker", "RR", 0.5, 0.2)),
        ],
        columns=["shift", "removed", "rollout_difference", "removed_mass"],
    ).assign(value=0.3, delta=0.1)
    rows = rows.assign(verdict=Criterion().verdicts(rows))
    table = keyed([(0, rows), (1, rows)], ("flip_flop", "orthogonal", 64))
    untrained = keyed([(2, rows)], ("flip_flop", "orthogonal", 64))
    table = pd.concat([table.assign(learned=True), untrained.assign(learned=False)])
    found = stabilizers_by_shift(table).set_index(["removed", "shift"])
    assert found.loc["CC", "networks"].tolist() == [2, 2, 2]
    assert found.loc["CC", "still"].to_dict() == {NONE: 2, "longer": 0, "weaker": 2}
    assert found.loc["RR", ["networks", "still"]].eq(0).all(axis=None)
    assert found.loc[("CC", "longer"), "rollout_difference"] == 0.2
    np.testing.assert_allclose(found["intact"], 0.2)
    # Of three networks, two run away.
    lost = rows["shift"].eq("longer") & rows["removed"].eq("CC")
    away = rows.assign(rollout_difference=rows["rollout_difference"].mask(lost))
    table = keyed([(0, rows), (1, away), (2, away)], ("flip_flop", "orthogonal", 64))
    found = stabilizers_by_shift(table.assign(learned=True)).set_index(["removed", "shift"])
    assert found.loc[("CC", "longer"), "rollout_difference"] == np.inf
    assert found.loc[("CC", "weaker"), "rollout_difference"] == 0.1
