"""What comes from a file is never run, and its names stay names: every door is tried.

Expressions are in test_expressions.py, YAML in test_documents.py, damaged files in
test_fuzz_readers.py; names in a configuration in test_bad_configurations.py.
"""

import ast
import io
import json
import pickle
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch
import yaml
from click.testing import CliRunner
from papermill.translators import PythonTranslator

import freshness
import given
import surroundings
from rnnschur import imported
from rnnschur.command import main
from rnnschur.paper import choices, claims, replication
from rnnschur.report import pages
from rnnschur.report.formats import markdown_rows
from sources import ROOT, _code

#: Modules whose functions run what they are given, or open a connection, but for some parts.
RUNS = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "runpy", "papermill"}
RUNS |= {"importlib", "jinja2", "ctypes", "socket", "urllib", "requests", "http", "yte"}
HARMLESS = ("importlib.metadata.", "importlib.util.find_spec", "urllib.parse.")
NAMES = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
#: Methods that do so, whatever they are methods of.
METHODS = {"eval", "query", "read_pickle", "to_pickle", "extractall", "from_string"}
#: Where one of these is right.
ALLOWED = {
    ("workflow/alone.py", "runpy.run_module"): "Snakemake itself, by a name in the code",
    ("workflow/rnnschur/__init__.py", "importlib.import_module"): "the package's public names",
    ("workflow/rnnschur/options.py", "importlib.import_module"): "a name in the plug-ins' folder",
    ("workflow/surroundings.py", "importlib.machinery.PathFinder.find_spec"): "looks, imports none",
    ("workflow/rnnschur/kernels/cache.py", "pickle.loads"): "numba's cache, which this user wrote",
    ("workflow/rnnschur/report/article.py", "jinja2.Template"): "captions of the project",
    ("workflow/rnnschur/report/article.py", "jinja2.Environment"): "with autoescape",
    ("workflow/rnnschur/report/article.py", "jinja2.FileSystemLoader"): "templates of the project",
}


def runs(code: str) -> set[str]:
    """Return the calls in Python that run what they are given, by their full names."""
    full, found = {}, set()
    nodes = list(ast.walk(ast.parse(code)))
    for node in nodes:
        if isinstance(node, ast.Import):
            full |= {a.asname or a.name.partition(".")[0]: a.asname and a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            full |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in nodes:
        if isinstance(node, ast.Call):
            first, dot, rest = re.sub(r"^.*[)\]'\"]\.", "?.", ast.unparse(node.func)).partition(".")
            name = f"{full.get(first) or first}{dot}{rest}"
            if _runs(name, {k.arg: ast.unparse(k.value) for k in node.keywords}):
                found.add(name)
    return found


def _runs(name: str, given: dict[str, str]) -> bool:
    module, _, last = name.rpartition(".")
    if name.partition(".")[0] in RUNS and not name.startswith(HARMLESS):
        return True
    if name in NAMES or (module and last in METHODS):
        return True
    if module == "torch" or module.startswith("torch."):
        return last in ("load", "load_state_dict_from_url") and given.get("weights_only") != "True"
    if module == "numpy":
        return last == "load" and given.get("allow_pickle") != "False"
    if module == "yaml":
        return last.endswith(("load", "load_all", "Loader")) and not last.startswith(
            ("safe", "Safe")
        )
    if module == "os":
        return last.startswith(("system", "popen", "exec", "spawn"))
    return given.get("shell", "False") != "False"


def test_no_code_of_the_project_runs_what_a_file_says():
    """The code that users run; tests run their own."""
    files = [p for place in ("workflow", "docs") for p in (ROOT / place).rglob("*.*")]
    files = [p for p in files if p.suffix in (".py", ".ipynb") and "_build" not in p.parts]
    assert len(files) > 100
    found = {(p.relative_to(ROOT).as_posix(), name) for p in files for name in runs(_code(p))}
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)", "exec(x)", "__import__('os')", "import pickle as p; p.load(f)",
        "from pickle import loads\nloads(f)", "import torch; torch.load(f)",
        "import torch; torch.load(f, weights_only=False)", "import torch.jit; torch.jit.load(f)",
        "import numpy as np; np.load(f, allow_pickle=True)", "import yaml; yaml.load(f, Loader=L)",
        "import yaml; yaml.unsafe_load(f)", "import os; os.system(f)", "run(f, shell=True)",
        "from subprocess import run as r; r(f, shell=x)", "table[table.a > 0].query(f)",
        "import pandas as pd; pd.eval(f)", "pandas.read_pickle(f)",
        "from joblib import load; load(f)",
        "f().eval(x)", "from importlib import import_module as i; i(f)", "''.join(x).query(y)",
    ],
)  # fmt: skip
def test_a_call_that_runs_what_it_is_given_is_found(code):
    assert runs(code)


def test_the_one_command_for_a_shell_has_words_of_known_signs():
    """Paths of results by the schema's pattern, paths of the project, text that is quoted."""
    rules = [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    text = "\n".join(file.read_text() for file in rules)
    (command,) = re.findall(r"^ *shell:\n((?: +\".*\"\n)+)", text, re.MULTILINE)
    assert text.count("shell:") == 1 and not re.findall(r"^ +run:$", text, re.MULTILINE)
    assert set(re.findall(r"{(.*?)}", command)) == {
        *("params.settings:q", "params.recipe:q", "params.records:q"),
        *("input.notebook:q", "output.notebook:q", "output.record:q", "log:q"),
    }
    pattern = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    results = re.compile(pattern["properties"]["results"]["pattern"])
    assert results.search("/a/results-1") and not any(
        map(results.search, ["-y", "a b", "a;b", "$a"])
    )


class Evil:
    """What writes a file where it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("pwned"),))


def zipped(**members) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


def header(shape) -> bytes:
    """Return the head of an array without its numbers."""
    content = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(content, about)
    return content.getvalue()


def itself() -> dict:
    found = {"W": torch.ones(2)}
    return found | {"again": found, "more": found.setdefault("itself", found)}


PICKLE = pickle.dumps({"W": Evil()})
OBJECTS = {"W": np.array([Evil()], object)}
FILES = {
    "x.pt": lambda path: path.write_bytes(PICKLE),
    "zip.pt": lambda path: torch.save({"W": Evil()}, path),
    "script.pt": lambda path: torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path),
    "itself.pt": lambda path: torch.save(itself(), path),
    "x.npz": lambda path: path.write_bytes(PICKLE),
    "objects.npz": lambda path: np.savez(path, **OBJECTS),
    "members.npz": lambda path: path.write_bytes(zipped(**{"W": PICKLE, "W.npy": PICKLE})),
    "huge.npz": lambda path: path.write_bytes(zipped(**{"W.npy": header((10**13,))})),
    "lines.npz": lambda path: np.savez(path, **{"a\nb\x1b]0;c": np.ones(2)}),
    "x.mat": lambda path: path.write_bytes(PICKLE),
    "x.safetensors": lambda path: path.write_bytes(PICKLE),
    "head.safetensors": lambda path: path.write_bytes((2**62).to_bytes(8, "little") + PICKLE),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return a folder to be in, in which nothing is run."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not Path("pwned").exists()


def refused(*words) -> str:
    run = CliRunner().invoke(main, [*words])
    assert run.exit_code == 1 and isinstance(run.exception, SystemExit), run.output
    assert run.output.startswith("Error: ") and run.output.count("\n") == 1, run.output
    assert run.output.strip().isprintable()
    return run.output


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_weights_runs_nothing(here, name):
    FILES[name](here / name)
    keys = {"cell": "tanh", "data": {"file": "x"}}
    keys["weights"] = {"file": name, "W_hh": "W", "W_xh": "W", "W_hy": "W"}
    (here / "network.yaml").write_text(yaml.safe_dump(keys))
    assert name in refused("import", "network.yaml")


def test_numpy_would_have_run_it(here):
    """So a test that sees nothing run could fail."""
    np.savez("x.npz", **OBJECTS)
    np.load("x.npz", allow_pickle=True)["W"]
    assert Path("pwned").exists()
    Path("pwned").unlink()


PYTHON = "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [pwned]]"


def test_a_description_runs_nothing_and_its_message_is_one_line(here):
    for text in (f"cell: {PYTHON}", "__use_yte__: true", '"a\\nb\\e[2J": 1', 'cell: "a\\nb"'):
        Path("network.yaml").write_text(text)
        refused("diagnose", "network.yaml")


@pytest.mark.parametrize("kind", ["claim", "finding", "choice"])
def test_statements_run_nothing(here, kind):
    load = {"claim": claims.load, "finding": replication.load, "choice": choices.load}[kind]
    original = (ROOT / "report" / f"{kind}s.yaml").read_text()
    Path("x.yaml").write_text(f"{original}\nmore: {PYTHON}\n")
    with pytest.raises(ValueError, match=r"x\.yaml is not YAML: see line"):
        load("x.yaml")
    if kind == "finding":
        for evil in ("__import__('os').system('touch pwned')", "().__class__", "9**9**9**9"):
            Path("x.yaml").write_text(
                re.sub(" +agrees: .*", f'    agrees: "{evil} > 0"', original, count=1)
            )
            with pytest.raises(ValueError, match="allowed: finite numbers, names without __"):
                load("x.yaml")


SAYS = {
    **{"format": imported.FORMAT, "networks": "1", "units": "2", "cell": "tanh", "onset": "0"},
    **{"options": "{}", "metric": "fvu", "checked": '["not checked"]', "differences": "[null]"},
    "sources": '{"network.yaml": "0"}',
}
PARTS = {"weights.W_hh": np.eye(2)[None], "weights.W_xh": np.ones((1, 2, 1))}
PARTS |= {"weights.W_hy": np.ones((1, 1, 2)), "batch.inputs": np.ones((4, 3, 1))}
PARTS |= {"batch.targets": np.arange(12.0).reshape(4, 3, 1)}


def of(folder) -> dict:
    """Return the configuration of a study of what lies in a folder, as far as it is asked."""
    return {"networks": f"{folder}/*.safetensors", "seeds_per_job": 5}


def test_an_imported_file_can_say_nothing_else(here):
    Path("one").mkdir()
    path = Path("one", "n.safetensors")
    safetensors.numpy.save_file(PARTS, path, SAYS)
    given.check(of("one"))
    assert list(given.blocks(of("one"))) == [("n", "tanh", 2, 0, 0)]
    assert len(imported.load(path)) == 1
    early = {
        "cell": ["../../../x", "os", "$(touch pwned)", None],
        "units": ["../x", "-5", "0", "9" * 6, "1\n", None],
        "networks": ["99999999999", "0", "", None],
        "sources": ["[1]", "{}", "[" * 99999, '{"a\\nb": "0"}', None],
    }
    late = {
        "metric": ["<script>", None],
        "checked": ['["=cmd()"]', '["a\\nb"]', '[{"a": 1}]', "[", "[" * 99999, None],
        "differences": ['["x"]', '[{"a": 1}]', None],
        "options": ["[]", '{"__class__": 1}', "[" * 99999, None],
        "onset": ["9" * 5000, "x", None],
        "units": ["3"],
        "networks": ["2"],
    }
    for door, wrong in ((given.blocks, early), (imported.load, late)):
        for key, values in wrong.items():
            for value in values:
                says = {k: v for k, v in (SAYS | {key: value}).items() if v is not None}
                safetensors.numpy.save_file(PARTS, path, says)
                given._about.cache_clear()
                with pytest.raises(ValueError, match=r"n\.safetensors: ") as error:
                    door(of("one") if door is given.blocks else path)
                assert str(error.value).isprintable(), (key, value)


@pytest.mark.parametrize("name", ["$(touch pwned)", "a b", "';touch pwned;'", "a\nb", "{x}", "<b>"])
def test_a_pattern_stands_for_no_hostile_name(here, name):
    Path("one").mkdir()
    safetensors.numpy.save_file(PARTS, Path("one", f"{name}.safetensors"), SAYS)
    with pytest.raises(ValueError, match="allowed: names of letters, digits and") as error:
        given.files(of("one"))
    assert str(error.value).isprintable()


def test_files_that_a_file_names_are_files(here):
    """Not what never ends: a device, a pipe."""
    says = SAYS | {"sources": '{"network.yaml": "0", "/dev/zero": "0"}'}
    safetensors.numpy.save_file(PARTS, "n.safetensors", says)
    Path("network.yaml").touch()
    with pytest.raises(ValueError, match=r"network\.yaml has changed since"):
        given.check({"networks": "n.safetensors"})
    Path("n.json").write_text(json.dumps({"outputs": {"/dev/zero": "0"}}))
    freshness.write_record("x.json", "{}", ["n.json"])


def test_a_parameter_of_a_notebook_is_a_value():
    hostile = {"a\"'\n": "\"); __import__('pathlib').Path('pwned').touch(); (\"\n\\", "b": ["\\'"]}
    assert ast.literal_eval(PythonTranslator.translate(hostile)) == hostile


def test_text_is_text_in_pages_of_tables(tmp_path):
    evil = "<script>alert(1)</script>"
    table = pd.DataFrame({evil: [evil, "a\n| b |"], "alpha": [0.9, 0.9]})
    pages.show(table, tmp_path / "x", evil)
    assert "<script" not in (tmp_path / "x.html").read_text()
    assert "&lt;script" in pages.page(table.set_index(evil).rename_axis("i"), "").to_html()
    assert r"\<script>" in markdown_rows([evil], [["a\n| b |"]])
    assert markdown_rows(["a"], [["a\n| b | <= 1"]]).splitlines()[-1] == r"| a \| b \| <= 1 |"


IDS = [
    "x; touch pwned; true",
    "$(touch pwned)",
    "$(shell touch pwned)",
    "`touch pwned`",
    "../..",
    "",
]
IDS += [
    "x';touch pwned;'",
    'x"; touch pwned; "',
    "$$(touch pwned)",
    "a\ntouch pwned",
    "x|y",
    "-k ..",
]


def test_the_id_of_a_claim_is_a_name_for_make_and_the_shell(here):
    for name in IDS:
        command = ["make", "-f", ROOT / "Makefile", "--assume-old=.venv/.ready", f"ID={name}"]
        run = subprocess.run([*command, "claim"], capture_output=True, text=True, cwd=here)
        assert run.returncode == 2 and f"ID is '{name}'; allowed: the id of a claim" in run.stderr
        assert not [file for file in here.iterdir() if file.name != ".venv"], name


LOCKS = [ROOT / "envs" / "requirements.txt", ROOT / "envs" / "docs.txt"]


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_every_pin_but_torch_has_the_hashes_of_its_files(file):
    def plain(name):
        return re.sub("[-_.]+", "-", name.lower())

    lines = file.with_suffix(".lock").read_text().replace("\\\n", "").splitlines()
    locked = {}
    for line in (line for line in lines if line and not line.startswith("#")):
        name, version, rest = re.fullmatch(r"([\w.-]+)==(\S+)(.*)", line).groups()
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}(?= |$)", rest)
        assert hashes and len(set(hashes)) == len(hashes), name
        locked[plain(name)] = version, ";" in rest
    pins = [line.split("==") for line in file.read_text().splitlines() if "==" in line]
    pins = {plain(name): version for name, version in pins if name != "torch"}
    assert {name: locked[name][0] for name in pins} == pins
    # What only some systems or versions of Python need has no pin.
    assert all(marked for name, (_, marked) in locked.items() if name not in pins)


def test_a_file_with_another_hash_is_not_installed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        surroundings.subprocess, "run",
        lambda command, **_: asked.append(command) or subprocess.CompletedProcess(command, 0, ""),
    )  # fmt: skip
    requirements = tmp_path / "r.txt"
    for text in ("", "x"):
        requirements.write_text("")
        (tmp_path / "r.lock").write_text(text)
    surroundings.install(requirements)
    (listed, hashed, pinned, editable) = asked
    assert hashed[-4:] == ["--require-hashes", "--no-deps", "--requirement", tmp_path / "r.lock"]
    assert pinned[-1] == requirements and "--no-deps" in editable and "config" in listed
