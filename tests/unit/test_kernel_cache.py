"""Files of compiled code that are damaged, or that cannot be written, change nothing."""

import importlib.util
import struct

import pytest

MODULE = """
from rnnschur.kernels.cache import compiled

@compiled(["float64(float64)"], error_model="numpy")
def triple(x):
    return 3 * x
"""
DAMAGES = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return the path of a module with a compiled function, which has a cache of its own."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    path = tmp_path / "tripled.py"
    path.write_text(MODULE)
    return path


def imported(path):
    """Import the module anew; return whether its function came from the cache."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.triple(5.0) == 15
    return bool(module.triple.stats.cache_hits)


def test_compiled_code_is_kept(module):
    assert [imported(module) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_replaced(module, ending, damage):
    imported(module)
    (file,) = (module.parent / "__pycache__").glob(f"*.{ending}")
    content = file.read_bytes()
    file.write_bytes(DAMAGES[damage](content))
    assert file.read_bytes() != content
    assert [imported(module) for _ in range(2)] == [False, True]


def test_machine_code_that_was_changed_is_not_run(module):
    imported(module)
    (file,) = (module.parent / "__pycache__").glob("*.nbc")
    three, four = struct.pack("<d", 3), struct.pack("<d", 4)
    assert three in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(three, four))
    assert [imported(module) for _ in range(2)] == [False, True]


def test_where_nothing_can_be_written_nothing_is_kept(module, monkeypatch):
    (module.parent / "__pycache__").write_text("a file, so that no user can make the folder")
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    assert [imported(module) for _ in range(2)] == [False, False]
