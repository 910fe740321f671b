"""Families of interventions: what is changed in a network, to see what that does.

Every module here but `base` is a family under its own name. To add one, write a module whose class
``Family`` derives from `FamilyBase`; its options are the fields of the class.
"""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

from rnnschur.interventions.base import FamilyBase, Intervention, Stream
from rnnschur.options import load, plugins

__all__ = ["FAMILIES", "FamilyBase", "Intervention", "Stream", "make"]

FAMILIES = plugins(__path__)


def make(name: str, options: Mapping, shared: Mapping = MappingProxyType({})) -> FamilyBase:
    """Return the family `name` with the given options.

    Parameters
    ----------
    name : str
    options : mapping
    shared : mapping, optional
        Options of a whole study, such as alpha: they hold where the family has them and `options`
        gives none.

    Raises
    ------
    ValueError
        For a family that is not in `FAMILIES`, or an option that is unknown, missing or out of
        range; the message names the option, the value and what is allowed.
    """
    family = load("family", "rnnschur.interventions", FAMILIES, name).Family
    known = {key.name for key in fields(family)}
    return family.checked({**{k: v for k, v in shared.items() if k in known}, **options})
