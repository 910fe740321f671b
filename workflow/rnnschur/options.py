"""Plug-ins and their options: declared keys, each checked before any work starts.

Tasks, architectures, cells and families of interventions are plug-ins: a module in the folder of
their kind, found by its name. What a plug-in lets its user choose are the fields of its class.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from pkgutil import iter_modules
from typing import Self


def option(allowed: str, check, default=MISSING) -> object:
    """Declare a key: what is allowed, in words, and the predicate that says so."""
    return field(metadata={"allowed": allowed, "check": check}, default=default, kw_only=True)


def whole(low: int, default=MISSING) -> object:
    """Declare a key that is a whole number of at least `low`."""
    return option(
        f"a whole number of at least {low}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low,
        default,
    )


def real(low: float, high: float, default=MISSING) -> object:
    """Declare a key that is a number between `low` and `high`, both included."""
    return option(
        f"a number from {low} to {high}", lambda v: is_number(v) and low <= v <= high, default
    )


def positive(high: float, default=MISSING) -> object:
    """Declare a key that is a number above 0 and at most `high`."""
    return option(f"a number in (0, {high}]", lambda v: is_number(v) and 0 < v <= high, default)


def is_number(value) -> bool:
    """Tell whether a value is a number, and not a truth."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Options:
    """Base of the classes whose fields are a plug-in's keys."""

    @classmethod
    def checked(cls, given: Mapping) -> Self:
        """Return the plug-in with the given keys.

        Raises
        ------
        ValueError
            For an unknown or missing key, or a value out of range; the message names the key, the
            value and what is allowed.
        """
        known = {key.name: key for key in fields(cls)}
        for name in {**given, **known}:
            if name not in known:
                raise ValueError(f"{name} is unknown; allowed: {', '.join(known) or 'no key'}")
            allowed, check = (known[name].metadata[part] for part in ("allowed", "check"))
            if name not in given:
                if known[name].default is MISSING:
                    raise ValueError(f"{name} is missing; allowed: {allowed}")
            elif not check(given[name]):
                raise ValueError(f"{name} is {given[name]!r}; allowed: {allowed}")
        return cls(**given)


def plugins(folder: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the plug-ins in a package's folder, all modules but ``base``."""
    return tuple(module.name for module in iter_modules(folder) if module.name != "base")


def load(kind: str, package: str, known: tuple[str, ...], name: str):
    """Return the module of a plug-in.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists those that there are.
    """
    if name not in known:
        raise ValueError(f"{kind} is {name!r}; allowed: {', '.join(known)}")
    return import_module(f"{package}.{name}")
