"""YAML is read strictly: what a parser would lose, or never end, is one line."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rnnschur import documents

ROOT = Path(__file__).parents[2]
BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
)
MERGED = "\n".join(
    ["m0: &m0 {x: 1}", *(f"m{n}: &m{n} {{<<: [{f'*m{n - 1}, ' * 9}]}}" for n in range(1, 12))]
)


def said(path, text):
    """Return what is said of a file with a text."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=path.name) as refused:
        documents.read(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 1", "a.yaml: a is given twice, in lines 1 and 3; allowed: once"),
        ("x: [{b: 1, 'b': 2}]", "b is given twice, in lines 1 and 1"),
        ('{"seeds": 1, "seeds": 2}', "seeds is given twice, in lines 1 and 1"),
        ('"a\\nb": 1', "the key 'a\\nb' in line 1 cannot be printed; allowed: text of one line"),
        ("a: 010", "010 in line 1 is another number in YAML; allowed: a number without leading"),
        ("a: 1\nb: [1:30]", "1:30 in line 2 is another number in YAML"),
        (BOMB, f"stands for more than {documents.MOST} values"),
        (MERGED, f"stands for more than {documents.MOST} values"),
        ("a: &a {b: *a}", "a value contains itself; allowed: values that end"),
        ("x" * (documents.LARGEST + 1), f"has more than {documents.LARGEST} bytes"),
        ("[" * 3000, "is not YAML"),
        ("a: [", "is not YAML: see line 1"),
        ("a: 1\n--- \nb: 1", "is not YAML: see line 2"),
        ("a: !!python/object/apply:os.system [touch evil]", "is not YAML: see line 1"),
        ("a: !!timestamp x", "is not YAML"),
        ("a: 2026-13-45", "is not YAML"),
        ("a: " + "9" * 5000, "is not YAML"),
        (b"a: \xff\xfe", "is not YAML"),
        (b"a: \x00", "is not YAML"),
    ],
)
def test_what_would_be_lost_or_never_end_is_named(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    assert words in said(tmp_path / "a.yaml", text)
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"]  # nothing was executed


def test_a_file_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "no.yaml", tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match=f"{path} is not there; allowed: a file of YAML"):
            documents.read(path)


def test_what_yaml_allows_is_read(tmp_path):
    text = "a: &a {b: 0x10, c: -1_000, d: 0}\ne: {<<: *a, b: 0.5}\nf: [*a, '010', 1:a]\ng: 0b11"
    (tmp_path / "a.yaml").write_text(text)
    assert documents.read(tmp_path / "a.yaml") == yaml.safe_load(text)


@pytest.mark.parametrize(
    "file",
    [
        *("config.yaml", "results/published/config.json"),
        *(path.relative_to(ROOT) for path in ROOT.glob("report/*.yaml")),
        *(path.relative_to(ROOT) for path in ROOT.glob("workflow/*/*.yaml")),
        *(path.relative_to(ROOT) for path in ROOT.glob("tests/networks/*/*.yaml")),
    ],
    ids=str,
)
def test_the_projects_own_files_are_read_as_any_parser_does(file):
    assert documents.read(ROOT / file) == yaml.safe_load((ROOT / file).read_text())


keys = st.text().filter(str.isprintable)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(value=values)
def test_what_was_written_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(yaml.safe_dump(value))
    assert documents.read(path) == value
    path.write_text(json.dumps({"value": 1, "more": [True, None, "a"]}))
    assert documents.read(path)["more"] == [True, None, "a"]
