"""The site: its pages say what the code and the tables say, and it needs nothing from elsewhere."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
from conftest import ROOT, TEXTS

import rnnschur

REFERENCE = {file.name: file.read_text() for file in (ROOT / "docs" / "reference").glob("*.rst")}


def test_the_page_of_the_configuration_is_that_of_the_schema():
    """`make docs` brings it up to date."""
    spec = importlib.util.spec_from_file_location("page", ROOT / "docs" / "configuration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page() == TEXTS["docs/configuration.md"]


FORMULAS = re.findall(r"(.*?)```math\n(.*?)```", TEXTS["docs/mathematics.md"], re.DOTALL)


def bare(formula: str) -> str:
    """Return a formula without spaces, and without what lets it have several lines."""
    return re.sub(r"\s|\\(begin|end)\{aligned\}", "", formula)


@pytest.mark.parametrize(("before", "formula"), FORMULAS, ids=range(len(FORMULAS)))
def test_a_formula_stands_in_the_module_named_beside_it(before, formula):
    name, file = re.findall(r"\[`([\w.]+)`\]\(\.\./(workflow/[\w/]+\.py)\)", before)[-1]
    assert file.removesuffix(".py").removesuffix("/__init__").split("/")[1:] == name.split(".")
    assert bare(formula) in bare((ROOT / file).read_text())


def test_the_reference_has_every_module_once_and_every_public_name():
    package = ROOT / "workflow" / "rnnschur"
    files = [file for file in package.rglob("*.py") if file.name != "__main__.py"]
    names = [".".join(file.relative_to(package.parent).with_suffix("").parts) for file in files]
    modules = {name.removesuffix(".__init__") for name in names} - {"rnnschur.coordinates"}
    listed = re.findall(r"automodule:: ([\w.]+)", "\n".join(REFERENCE.values()))
    assert sorted(listed) == sorted(modules)
    linked = re.findall(r"`(\w+) <([\w.]+)>`", REFERENCE["index.rst"])
    assert [name for name, _ in linked] == list(rnnschur._PUBLIC)
    for name, path in linked:
        module, _, held = path.rpartition(".")
        assert getattr(importlib.import_module(module), held) is getattr(rnnschur, name)


def test_the_navigation_has_every_page():
    trees = re.findall(r"```\{toctree\}\n(.*?)```", TEXTS["docs/index.md"], re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    pages = {name.removeprefix("docs/").removesuffix(".md") for name in TEXTS}
    assert pages - {"README", "index"} <= set(listed) and "Overview <../README>" in listed
    for page in listed:
        path = ROOT / "docs" / page.partition("<")[2].removesuffix(">") if "<" in page else None
        path = path or ROOT / "docs" / page
        assert any(Path(f"{path}.{suffix}").exists() for suffix in ("md", "rst")), page


def test_the_times_of_an_update_are_those_of_the_benchmark():
    table = pd.read_csv(ROOT / "report" / "benchmark" / "engines.csv").query("T == 40")
    ours, peers = (table[table["contender"] == name] for name in ("fast engine", "nn.RNN"))
    jax = table[table["contender"] == "JAX"].set_index("N")["ms_median"]
    peers = peers.drop_duplicates("N").set_index("N")["ms_median"]
    ours = ours.drop_duplicates("N").set_index("N")
    page = TEXTS["docs/speed.md"]
    for units in (56, 64, 72):
        row = ours.loc[units]
        times = f"{peers[units]:.2f} | {jax[units]:.2f} | {row['ms_median']:.2f}"
        assert f"| {units} | {times} | {row['ratio']:.0%} | {row['share']:.0%} |" in page.replace(
            " %", "%"
        )
    assert f"at 512 units it takes {ours.loc[512, 'ratio']:.0%} of" in page.replace(" %", "%")


def test_the_times_of_a_diagnosis_are_those_of_the_benchmark():
    table = pd.read_csv(ROOT / "report" / "benchmark" / "diagnosis.csv")
    loops = 1 / table[table["contender"].isin(["reference", "fast"])]["ratio"]
    schur = 1 / table[(table["contender"] == "ordered") & (table["N"] == 1024)]["ratio"]
    page = " ".join(TEXTS["docs/speed.md"].split())
    assert f"take {loops.min():.1f} to {loops.max():.2f} times as long as a plain loop" in page
    assert f"of 1024 units {schur.min():.1f} to {schur.max():.1f} times as long" in page


class Page(HTMLParser):
    """What a page leads to, what it loads, and the places in it."""

    def __init__(self, file: Path):
        super().__init__()
        self.links, self.loaded, self.places = [], [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places.add(found.get("id"))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ("link", "script", "img"):
            self.loaded += [found[key] for key in ("href", "src") if key in found]


def test_the_site_is_whole_and_needs_no_network(tmp_path):
    """As `make docs` builds it; what it is built with is not in the environment until then."""
    for module in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(module, reason="make docs installs what builds the site")
    options = ["--conf-dir", "docs", "--doctree-dir", tmp_path / "trees", "--fail-on-warning"]
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "--quiet", ".", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    pages = {file.resolve(): Page(file) for file in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > 100
    for file, page in pages.items():
        for target in page.links + page.loaded:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                assert target in page.links or parts.scheme == "data", (file, target)
                continue
            found = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            assert found.exists(), (file, target)
            if parts.fragment and found in pages:
                assert unquote(parts.fragment) in pages[found].places, (file, target)
    assert (tmp_path / "site" / "_static" / "tex-svg.js").exists()
