"""Declared keys: what is unknown, missing or out of range is named, and defaults hold."""

from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import options
from rnnschur.options import Options, option, positive, real, whole


@dataclass(frozen=True)
class Plugin(Options):
    steps: int = whole(1)
    noise: float = real(0, 10)
    gain: float = positive(100, default=2.0)
    mode: str = option("slow or fast", lambda value: value in ("slow", "fast"), "slow")


NEEDED = {"steps": 3, "noise": 0.5}


def refusal(function, *arguments):
    """Return the line with which keys are refused."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the caller looks at the message
        function(*arguments)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def test_given_keys_and_defaults():
    assert Plugin.checked(NEEDED) == Plugin(steps=3, noise=0.5, gain=2.0, mode="slow")
    every = {"steps": 1, "noise": 0, "gain": 100, "mode": "fast"}
    assert vars(Plugin.checked(every)) == every
    with pytest.raises(FrozenInstanceError):
        Plugin.checked(NEEDED).steps = 4


def test_keys_are_given_by_name():
    with pytest.raises(TypeError, match="positional"):
        Plugin(3, 0.5)


def test_a_key_that_is_unknown_is_named():
    message = "noize is unknown; allowed: steps, noise, gain, mode"
    assert refusal(Plugin.checked, {**NEEDED, "noize": 0.5}) == message
    # Not the one that is missing for it.
    assert refusal(Plugin.checked, {"steps": 3, "noize": 0.5}) == message
    assert refusal(Options.checked, {"noize": 1}) == "noize is unknown; allowed: no key"
    assert Options.checked({}) == Options()


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("steps", "a whole number of at least 1"), ("noise", "a number from 0 to 10")],
)
def test_a_key_that_is_missing_is_named(name, allowed):
    given = {key: value for key, value in NEEDED.items() if key != name}
    assert refusal(Plugin.checked, given) == f"{name} is missing; allowed: {allowed}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("steps", value) for value in (0, -1, 1.0, 2.5, True, "3", None, [3], np.nan)),
        *(("noise", value) for value in (-1e-9, 10.1, np.nan, np.inf, True, False, "1", None)),
        *(("gain", value) for value in (0, 0.0, -1, 100.1, np.nan, np.inf, True, "1", None)),
        *(("mode", value) for value in ("Slow", "", None, 1)),
    ],
)
def test_a_value_out_of_range_is_named(name, value):
    allowed = {
        "steps": "a whole number of at least 1",
        "noise": "a number from 0 to 10",
        "gain": "a number in (0, 100]",
        "mode": "slow or fast",
    }
    message = refusal(Plugin.checked, {**NEEDED, name: value})
    assert message == f"{name} is {value!r}; allowed: {allowed[name]}"


@given(st.integers(-5, 5), st.integers(-9, 9), st.integers(0, 5))
def test_ends_of_ranges_are_in_but_for_nothing_where_it_must_be_positive(low, value, span):
    @dataclass(frozen=True)
    class Ranges(Options):
        count: int = whole(low)
        number: float = real(low, low + span)
        scale: float = positive(1 + span)

    keys = {"count": value >= low, "number": low <= value <= low + span}
    keys["scale"] = 0 < value <= 1 + span
    good = {"count": low, "number": low + span, "scale": 1 + span}
    for name, allowed in keys.items():
        for number in [value] if name == "count" else [value, float(value)]:
            if allowed:
                assert getattr(Ranges.checked({**good, name: number}), name) == number
            else:
                with pytest.raises(ValueError, match=f"^{name} is "):
                    Ranges.checked({**good, name: number})


def test_plugins_are_the_modules_of_a_folder_but_for_their_base(tmp_path):
    for name in ("tanh.py", "base.py", "gru.py", "notes.txt"):
        (tmp_path / name).touch()
    assert options.plugins([str(tmp_path)]) == ("gru", "tanh")


def test_a_plugin_that_is_not_there_is_named():
    known = ("copy", "sine")
    assert options.load("task", "rnnschur.tasks", known, "sine").__name__ == "rnnschur.tasks.sine"
    for name in ("flip_flop", "base", "../copy", ""):
        message = refusal(options.load, "task", "rnnschur.tasks", known, name)
        assert message == f"task is {name!r}; allowed: copy, sine"
