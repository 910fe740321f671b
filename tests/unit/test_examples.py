"""The examples in docstrings run, and say what they print."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import rnnschur

ROOT = Path(rnnschur.__file__).parent
MODULES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried and not failed


@pytest.mark.parametrize("name", sorted({*rnnschur.__all__} - {"METRICS"}))  # Metric has one
def test_every_public_name_has_an_example(name):
    assert ">>> " in getattr(rnnschur, name).__doc__
