"""Whatever lies in a file, its reader takes it or names it in one line: ten readers, each fuzzed.

A hundred files for each reader at every run, a thousand each by `make fuzz`.
"""

import json
import os
import struct
import subprocess
import sys
import warnings
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

import checks
import claim
import configuration
import rnnschur
import study
from rnnschur import documents, formats, imported, tables, tensors, weights
from rnnschur.description import Description
from rnnschur.given import load as described
from rnnschur.network import Network
from rnnschur.paper import choices, claims, numbers, replication

ROOT = Path(rnnschur.__file__).parents[2]
relaxed = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


#: What came of all files.
COUNTS = Counter()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    yield tmp_path_factory.mktemp("fuzz")
    print(", ".join(f"{count} {outcome}" for outcome, count in COUNTS.items()))


def read(path, reader, *beside):
    """Return what a reader makes of a file, or nothing where it refuses it.

    It does so in one line, which names the file or one beside it.
    """
    found = said = None
    with warnings.catch_warnings(action="error"):
        try:
            found = reader(path)
        except ValueError as error:
            said = str(error)
    COUNTS["taken" if said is None else "refused in one line"] += 1
    assert said is None or "\n" not in said, said
    assert said is None or any(name in said for name in (path.name, *beside)), said
    return found


@st.composite
def damaged(draw, content: bytes):
    """Return bytes that were cut off, or changed in some places."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        size = max(len(found), 1)
        start = draw(st.integers(0, size - 1))
        length = draw(st.integers(1, 64))
        what = draw(st.sampled_from(["flip", "cut", "drop", "double", "noise", "zero", "swap"]))
        if what == "flip" and found:
            found[start] ^= 1 << draw(st.integers(0, 7))
        elif what == "cut":
            del found[start:]
        elif what == "drop":
            del found[start : start + length]
        elif what == "double":
            found[start:start] = found[start : start + length]
        elif what == "noise":
            found[start : start + length] = draw(st.binary(min_size=1, max_size=8))
        elif what == "zero":
            found[start : start + length] = bytes(min(length, size - start))
        else:
            other = draw(st.integers(0, size - 1))
            part = found[start : start + length]
            found[start : start + length] = found[other : other + length]
            found[other : other + length] = part
    return bytes(found)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["", "a/b/1", "copy/orthogonal/72", "1 + 1", "__import__('os')", "../x", "*"]),
)  # fmt: skip
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@st.composite
def altered(draw, said):
    """Return a document in which some values are others, gone, twice there, or under other keys."""
    found = json.loads(json.dumps(said))
    for _ in range(draw(st.integers(1, 3))):
        place = found
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.integers(0, 4)):
                place = place[key]
                continue
            what = draw(st.sampled_from(["other", "gone", "moved"]))
            value = place.pop(key) if what != "other" else None
            if what == "other":
                place[key] = draw(anything)
            elif what == "moved" and isinstance(place, dict):
                place[draw(st.text(max_size=6))] = value
            break
    return found


def stacks():
    rng = np.random.default_rng(0)
    return {
        "W_hh": rng.standard_normal((2, 5, 5), dtype=np.float32),
        "W_xh": rng.standard_normal((2, 5, 3), dtype=np.float32),
        "W_hy": rng.standard_normal((2, 4, 5), dtype=np.float32),
        "seed": np.array([0, 1]),
    }


def made(write, name):
    """Return the content of a file as `write` leaves it."""
    with TemporaryDirectory() as place:
        write(Path(place, name))
        return Path(place, name).read_bytes()


WEIGHTS = made(lambda path: tensors.save(path, stacks()), "w.safetensors")


def finite(networks):
    """Check that networks are what the diagnosis takes: finite, of one shape."""
    for network in networks or ():
        assert all(np.isfinite(weight).all() for weight in network.weights.values())
        assert network.weights["W_hh"].shape == (network.sizes["unit"],) * 2


@relaxed
@given(content=damaged(WEIGHTS))
def test_weights_that_were_damaged(folder, content):
    path = folder / "w.safetensors"
    path.write_bytes(content)
    finite((read(path, weights.load_networks) or {}).values())
    read(path, tensors.load)
    read(path, weights.load_parts)


kinds = st.sampled_from(
    ["F32", "F64", "F16", "BF16", "I64", "U8", "BOOL", "C64", "F8_E4M3", "x", 3]
)
numbers_ = st.integers(-2, 200) | st.sampled_from([2**31, 2**62, 2**63, 2**64, 10**30, 1.5, None])
headers = st.dictionaries(
    st.sampled_from([*stacks(), "W_hh.T", "__metadata__", "", "a\nb"]),
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": kinds,
            "shape": st.lists(numbers_, max_size=4),
            "data_offsets": st.lists(numbers_, min_size=1, max_size=3),
            "more": anything,
        },
    )
    | anything,
)


@relaxed
@given(
    header=headers, length=st.none() | numbers_, data=st.binary(max_size=400), twice=st.booleans()
)
def test_hostile_headers(folder, header, length, data, twice):
    """Offsets beside the data or of one another's, huge lengths and shapes, other types, twice."""
    text = json.dumps(header)
    text = (f"{text[:-1]}, {text[1:]}" if twice and header else text).encode()
    length = len(text) if type(length) is not int else length % 2**64
    path = folder / "w.safetensors"
    path.write_bytes(struct.pack("<Q", length) + text + data)
    finite((read(path, weights.load_networks) or {}).values())
    read(path, weights.load_parts)
    read(path, imported.about)
    read(path, imported.load)


def three():
    rng = np.random.default_rng(1)
    shapes = {"W_hh": (4, 4), "W_xh": (4, 2), "W_hy": (1, 4)}
    return {s: Network("tanh", {n: rng.standard_normal(x) for n, x in shapes.items()})
            for s in (3, 7)}  # fmt: skip


NETWORKS = three()
FORMS = made(lambda path: weights.save_forms(path, NETWORKS), "s.safetensors")


@relaxed
@given(content=damaged(FORMS))
def test_schur_forms_that_were_damaged(folder, content):
    path = folder / "s.safetensors"
    path.write_bytes(content)
    found = three()
    if read(path, lambda path: weights.load_forms(path, found) or found):
        for seed, network in found.items():
            form, matrix = network.schur(), NETWORKS[seed].weights["W_hh"]
            np.testing.assert_allclose(form.Q @ form.T @ form.Q.T, matrix, atol=1e-9)


def of_description(write=None):
    """Write a network.yaml with the files beside it; return what it says."""
    rng = np.random.default_rng(2)
    found = {
        "W": rng.standard_normal((3, 3)) / 3,
        "U": rng.standard_normal((3, 2)),
        "b": np.zeros(3),
    }
    found |= {"inputs": rng.standard_normal((5, 4, 2)), "targets": rng.standard_normal((4, 4, 3))}
    if write:
        write(found)
    return {
        "cell": "tanh",
        "metric": "fvu",
        "weights": {
            "file": "all.npz", "W_hh": "W", "W_xh": "U", "b_h": "b", "W_hy": {"identity": True},
            "ignore": ["inputs", "targets"],
        },
        "data": {"file": "all.npz", "axes": "steps sequences features", "onset": 1},
    }  # fmt: skip


@relaxed
@given(said=altered(of_description()))
def test_descriptions_that_say_something_else(folder, said):
    of_description(lambda found: np.savez(folder / "all.npz", **found))
    path = folder / "network.yaml"
    path.write_text(yaml.safe_dump(said))
    for one in read(path, described, str(folder)) or ():
        finite([one.network])


def _npz(path):
    of_description(lambda found: np.savez(path, **found))


def _mat(path):
    of_description(lambda found: savemat(path, found))


def _pt(path):
    of_description(lambda found: torch.save({n: torch.tensor(a) for n, a in found.items()}, path))


ARRAYS = {f"x.{kind}": made(write, f"x.{kind}") for kind, write in
          (("npz", _npz), ("mat", _mat), ("pt", _pt))}  # fmt: skip
#: As the process that reads a .mat file first, but begun once for all files.
READER = """
import os, sys
from scipy.io import loadmat
for line in sys.stdin:
    if not (child := os.fork()):
        try:
            loadmat(line.rstrip("\\n"))
        except Exception:
            pass
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def survived():
    """Return what tells whether a .mat file leaves the process alive that reads it."""
    if not hasattr(os, "fork"):
        yield formats._survived
        return
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", READER], text=True, bufsize=1, **pipes) as reader:

        def alive(path):
            reader.stdin.write(f"{path}\n")
            return int(reader.stdout.readline()) == 0

        yield alive
        reader.stdin.close()


@relaxed
@given(data=st.data(), name=st.sampled_from(sorted(ARRAYS)))
def test_arrays_of_others_that_were_damaged(folder, survived, data, name):
    path = folder / name
    path.write_bytes(data.draw(damaged(ARRAYS[name])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "_survived", survived)
        arrays_of_others(folder, path)


def arrays_of_others(folder, path):
    read(path, formats.arrays)
    said = of_description()
    said["weights"]["file"] = said["data"]["file"] = path.name
    (folder / "network.yaml").write_text(yaml.safe_dump(said))
    for one in read(folder / "network.yaml", described, path.name) or ():
        finite([one.network])


def test_a_file_that_ends_the_process_that_reads_it(folder):
    """One byte of a .mat file, the type of its numbers, is one that there is not."""
    path = folder / "one.mat"
    savemat(path, {"W": np.eye(3)})
    content = bytearray(path.read_bytes())
    assert content[176] == 9  # float64
    assert formats.arrays(path)["W"].shape == (3, 3)
    content[176] = 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"one\.mat is not a \.mat file"):
        formats.arrays(path)


def _imported(path):
    of_description(lambda found: np.savez(path.parent / "all.npz", **found))
    description = path.parent / "network.yaml"
    description.write_text(yaml.safe_dump(of_description()))
    imported.save(path, described(description))


@relaxed
@given(content=damaged(made(_imported, "n.safetensors")))
def test_imported_networks_that_were_damaged(folder, content):
    path = folder / "n.safetensors"
    path.write_bytes(content)
    finite(one.network for one in read(path, imported.load) or ())


STATEMENTS = {
    "claims.yaml": (claims.load, ROOT / "report" / "claims.yaml"),
    "findings.yaml": (replication.load, ROOT / "report" / "findings.yaml"),
    "choices.yaml": (choices.load, ROOT / "report" / "choices.yaml"),
}


@cache
def fewer(original):
    """Return a file of statements with the first three of each list."""
    return {k: v[:3] if isinstance(v, list) else v for k, v in documents.read(original).items()}


@relaxed
@given(data=st.data(), name=st.sampled_from(sorted(STATEMENTS)))
def test_statements_that_say_something_else(folder, data, name):
    reader, original = STATEMENTS[name]
    said = data.draw(altered(fewer(original)))
    path = folder / name
    path.write_text(yaml.safe_dump(said))
    read(path, reader)


@relaxed
@given(data=st.data(), name=st.sampled_from([*sorted(STATEMENTS), "paper.csv"]))
def test_texts_that_were_damaged(folder, data, name):
    reader, original = STATEMENTS.get(name, (numbers.load, ROOT / "report" / "paper.csv"))
    path = folder / name
    path.write_bytes(data.draw(damaged(original.read_bytes()[:3000])))
    read(path, reader)
    read(path, tables.read if name == "paper.csv" else documents.read)
    path = folder / "network.yaml"
    path.write_text(yaml.safe_dump(of_description()))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    read(path, Description.read)


def rows(name):
    """Return the beginning of a published table: whole networks of it."""
    file = ROOT / "results" / "published" / "tables" / f"{name}.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    return b"".join(lines[: 1 + {"ablations": 16, "thresholds": 48, "networks": 9}[name]])


@relaxed
@given(data=st.data(), name=st.sampled_from(["ablations", "thresholds", "networks"]))
def test_tables_that_were_damaged(folder, data, name):
    path = folder / f"{name}.csv"
    path.write_bytes(data.draw(damaged(rows(name))))
    found = read(path, tables.read)
    if found is not None and len(found):
        assert found["learned"].dtype == bool and found[tables.NETWORK].notna().all(axis=None)
        assert name == "networks" or len(set(found.groupby(tables.NETWORK).size())) == 1


CONFIG = documents.read(ROOT / "config.yaml")
# Half of its keys, since YAML is slow.
CONFIG["experiments"] = CONFIG["experiments"][:1]
for name in ("flip_flop", "context_integration"):
    del CONFIG["tasks"][name]
for name in ("rotations", "graded", "shift", "frontier", "matched"):
    del CONFIG["interventions"][name]
FINDINGS, TABLES = replication.load(ROOT / "report" / "findings.yaml"), claim.tables()


def configured(path):
    """Do what a study does with its configuration before any job."""
    config = documents.read(path)
    configuration.complete(config)
    checks.check(config)
    claim.narrow(config)


@relaxed
@given(said=altered(CONFIG))
def test_configurations_that_say_something_else(folder, said):
    path = folder / "config.json"
    path.write_text(json.dumps(said))
    with pytest.MonkeyPatch.context() as patch:  # these are other files, and do not change
        patch.setattr(replication, "load", lambda path: FINDINGS)
        patch.setattr(claim, "tables", lambda: TABLES)
        read(path, configured, "; allowed: ", "; needed: ")
    read(path, study.published)
