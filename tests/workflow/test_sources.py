"""The code of a rule: its script, the modules that this runs, and no others."""

from pathlib import Path

import pytest

from sources import sources

ROOT = Path(__file__).parents[2]


def names(*files):
    package = "workflow/rnnschur/"
    found = sources(*(f"workflow/{file}" for file in files))
    return {path.removeprefix(package) for path in found if path.startswith(package)}


def test_direct_and_indirect_imports():
    found = names("scripts/intervene.py", "rnnschur/tasks/copy.py", "rnnschur/cells/tanh.py")
    assert {"evaluation.py", "coordinates/schur.py", "kernels/compiled.py"} <= found
    assert {"tasks/copy.py", "cells/tanh.py", "interventions/base.py"} <= found
    assert not {"training/train.py", "report/figures/style.py", "tasks/sine.py"} & found
    assert not {"interventions/orders.py", "paper/claims.py"} & found


def test_training_does_not_depend_on_the_diagnosis():
    found = names("scripts/train.py", "rnnschur/tasks/copy.py", "rnnschur/architectures/cayley.py")
    assert {"training/train.py", "kernels/compiled.py", "architectures/cayley.py"} <= found
    assert "metrics.py" in found
    assert not {"evaluation.py", "interventions/couplings.py", "statistics.py"} & found
    assert not {"coordinates/schur.py", "network.py", "criterion.py", "findings.py"} & found
    assert "architectures/default.py" not in found


def test_the_files_themselves_count_and_data_too():
    files = {"report/claims.yaml", "workflow/scripts/ledger.py"}
    found = set(sources(*files))
    assert {*files, "workflow/job.py", "workflow/rnnschur/paper/claims.py"} <= found
    assert "workflow/freshness.py" not in found  # it decides when, not what


def test_notebooks_are_read_too():
    found = names("notebooks/networks.ipynb")
    assert {"report/figures/networks.py", "coordinates/schur.py"} <= found


@pytest.mark.parametrize("text", ["", "{", "[]", '{"worksheets": []}', '{"cells": [{}]}'])
def test_a_notebook_that_is_damaged_or_of_another_version_is_named(tmp_path, text):
    (tmp_path / "a.ipynb").write_text(text)
    with pytest.raises(ValueError, match=r"a\.ipynb is no notebook; allowed: one of nbformat 4"):
        sources(str(tmp_path / "a.ipynb"))


def test_every_module_imports_only_from_those_before_it():
    text = (ROOT / "workflow" / "rnnschur" / "__init__.py").read_text().split('"""')[1]
    order = [word.strip("`.,\n ") for word in text.split("flows:")[1].split("Each")[0].split()]
    for index, module in enumerate(order):
        path = ROOT / "workflow" / "rnnschur" / module
        files = [path.with_suffix(".py")] if path.with_suffix(".py").exists() else path.glob("*.py")
        for file in files:
            used = names(str(file.relative_to(ROOT / "workflow")))
            used = {name.split("/")[0].removesuffix(".py") for name in used} - {"__init__"}
            assert used <= set(order[: index + 1]), f"{module} imports {used}"
    modules = {p.stem for p in (ROOT / "workflow" / "rnnschur").iterdir() if p.stem[0] != "_"}
    assert set(order) == modules
