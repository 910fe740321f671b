"""What the package needs: a core of four libraries, two for files, and extras by name."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rnnschur.extras import EXTRAS, require

ROOT = Path(__file__).parents[2]

# Python as if only some libraries were installed; the line before lists them.
ONLY = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

class Installed:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        standard = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if standard or top == "rnnschur" or top in ALLOWED:
            return PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Installed]
"""
# numpy, scipy, pandas and safetensors, and what pandas itself needs.
CORE = {"numpy", "scipy", "pandas", "safetensors", "dateutil", "six", "pytz", "tzdata"}

DIAGNOSE = """
import numpy as np
import rnnschur
rng = np.random.default_rng(0)
shapes = {"W_hh": (8, 8), "W_xh": (8, 2), "W_hy": (1, 8)}
network = rnnschur.Network("tanh", {name: rng.standard_normal(s) for name, s in shapes.items()})
batch = rnnschur.Batch(rng.standard_normal((20, 30, 2)), rng.standard_normal((20, 30, 1)))
"""


def python(program):
    """Run a program that finds the package as it stands here."""
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "workflow", capture_output=True, text=True
    )


def python_with(libraries, program):
    """Run a program as if only these libraries were installed."""
    return python(f"ALLOWED = {set(libraries)!r}{ONLY}{program}")


def test_the_core_diagnoses():
    run = python_with(CORE, f"{DIAGNOSE}print(len(rnnschur.diagnose(network, batch)))")
    assert run.stdout.split() == ["8"], run.stderr


def test_the_core_reads_weights_and_has_every_public_name(tmp_path):
    program = f"""{DIAGNOSE}
from rnnschur import tensors, weights
for name in rnnschur.__all__:
    getattr(rnnschur, name)
tensors.save("{tmp_path}/w", weights.stacked({{3: network}}))
print(*rnnschur.load_networks("{tmp_path}/w"))"""
    run = python_with(CORE, program)
    assert run.stdout.split() == ["3"], run.stderr


def test_a_diagnosis_imports_nothing_that_it_does_not_need():
    heavy = {module for modules in EXTRAS.values() for module in modules} | {"scipy.stats"}
    heavy |= {"torch", "numba", "matplotlib", "seaborn", "yaml", "IPython", "click", "scipy.io"}
    program = f"""{DIAGNOSE}
rnnschur.diagnose(network, batch, alphas=(0.9, 0.5))
for name in rnnschur.__all__:
    getattr(rnnschur, name)
import sys
print("imported", *({heavy!r} & set(sys.modules)))"""
    run = python(program)
    assert run.stdout.split() == ["imported"], run.stdout + run.stderr


def test_importing_the_package_imports_no_library():
    run = python("import sys, rnnschur; print('numpy' in sys.modules, 'pandas' in sys.modules)")
    assert run.stdout.split() == ["False", "False"], run.stderr


FAST = f"{DIAGNOSE}rnnschur.diagnose(network, batch, engine='fast')"
REPORT = {"yaml", "matplotlib", "seaborn", "IPython"}
TRAINING = {"torch", "tqdm"}
COMPILER = {"numba", "llvmlite"}


@pytest.mark.parametrize(
    ("extra", "program", "missing"),
    [
        ("training", "import rnnschur.training", TRAINING),
        ("training", "import rnnschur.training", {"torch"}),
        ("training", "import rnnschur.training", {"tqdm"}),
        ("training", "import rnnschur.training.resume", {"torch"}),
        ("report", "import rnnschur.report", REPORT),
        ("report", "import rnnschur.report", {"matplotlib"}),
        ("report", "import rnnschur.report", {"IPython"}),
        ("report", "import rnnschur.report.pages", {"jinja2"}),  # of a Styler of pandas
        ("report", "import rnnschur.report.pages", {"seaborn"}),
        ("report", "import rnnschur.paper", {"yaml"}),
        ("report", "import rnnschur.paper.claims", {"yaml"}),
        ("fast", FAST, COMPILER),
        ("fast", FAST, {"numba"}),
        ("fast", "import rnnschur.kernels", {"llvmlite"}),
    ],
)
def test_a_missing_extra_says_its_name(extra, program, missing):
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({sorted(missing)}))\n"
    run = python(hidden + program)
    *_, raised, last = ["", "", *run.stderr.strip().splitlines()]
    assert run.returncode == 1 and last.startswith("ImportError: "), run.stderr
    assert last.endswith(f"which the extra '{extra}' brings: pip install 'rnnschur[{extra}]'")
    assert all(library in last for library in missing)
    # One line, and the cause alone: the message has no second line, and no other error before it.
    assert raised.startswith("    ") and run.stderr.count("Traceback") == 1


def test_what_is_there_is_not_said_to_be_missing():
    for extra in EXTRAS:
        require("this", extra)  # all are installed here


def test_only_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(EXTRAS, "report", ("yaml", "no_such_library", "matplotlib"))
    with pytest.raises(ImportError) as refusal:
        require("rnnschur.report", "report")
    assert str(refusal.value) == (
        "rnnschur.report needs no_such_library, which the extra 'report' brings: "
        "pip install 'rnnschur[report]'"
    )


# The parts of the package that need an extra; the modules of all others import the core alone,
# but for the command line.
PARTS = {
    "architectures": "training",
    "training": "training",
    "kernels": "fast",
    "paper": "report",
    "report": "report",
}
PACKAGE = ROOT / "workflow" / "rnnschur"


MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_the_core_and_its_extra_alone(module):
    path, part = PACKAGE / module, Path(module).parts[0]
    allowed = CORE | {"rnnschur"} | set(EXTRAS.get(PARTS.get(part), ()))
    allowed |= {"click"} if part == "command.py" else set()
    found = set()
    for statement in ast.parse(path.read_text()).body:  # when it is loaded, not later
        if isinstance(statement, ast.Import):
            found |= {name.name.partition(".")[0] for name in statement.names}
        if isinstance(statement, ast.ImportFrom):
            found.add(statement.module.partition(".")[0])
    assert found - set(sys.stdlib_module_names) <= allowed


DISTRIBUTIONS = {"yaml": "pyyaml", "llvmlite": "numba", "PIL": "pillow"}


def test_the_extras_are_those_that_pip_knows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]

    def names(requirements):
        return {line.lower().partition(">")[0].partition("=")[0].strip() for line in requirements}

    core = {"numpy", "scipy", "pandas", "safetensors"}
    assert names(project["dependencies"]) == core | {"click", "pyyaml"}
    for extra, modules in EXTRAS.items():
        brought = names(optional[extra])
        for module in modules:
            assert DISTRIBUTIONS.get(module, module).lower() in brought
