"""Files are whole or not at all, on a full disk too."""

import os
import re
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rnnschur
from rnnschur import tables, tensors
from rnnschur.files import write_text

TABLE = pd.DataFrame({"seed": range(3000), "value": np.linspace(0, 1, 3000)})
WRITERS = {
    "table.csv": lambda path: tables.write(TABLE, path),
    "weights.safetensors": lambda path: tensors.save(path, {"W_hh": np.zeros((99, 99))}),
    "page.html": lambda path: write_text(path, "ε" * 9000),
}


@pytest.fixture
def small_disk():
    """No file gets larger than a block of 4096 bytes, as where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("old", [None, "old"])
def test_a_full_disk_leaves_what_was_there_and_a_message(tmp_path, small_disk, name, old):
    path = tmp_path / name
    if old:
        path.write_text(old)
    with pytest.raises(OSError, match=f"File too large: '{path}'"):
        WRITERS[name](path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ([old] if old else [])


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_that_is_killed_leaves_nothing_under_the_name(tmp_path, name):
    """Killed before it renames, when all is written: SIGKILL lets nobody clean up."""
    path = tmp_path / name
    path.write_text("old")

    child = os.fork()
    if child == 0:
        os.fsync = lambda _: os.kill(os.getpid(), 9)
        WRITERS[name](path)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9 and path.read_text() == "old"
    WRITERS[name](path)
    assert path.stat().st_size > 4096


def test_tables_come_back_bit_for_bit(tmp_path):
    tables.write(TABLE, tmp_path / "table.csv")
    read = pd.read_csv(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read, TABLE, check_exact=True)
    TABLE.to_csv(tmp_path / "plain.csv", index=False)
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_a_file_under_a_file_is_refused_by_its_name(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(OSError, match=r"results/tables/table\.csv"):
        tables.write(TABLE, tmp_path / "results" / "tables" / "table.csv")


def test_nothing_else_writes_results():
    """Scripts and the package write through `whole_file`, which only their logs do without."""
    workflow = Path(rnnschur.__file__).parents[1]
    in_place = r"\.(to_csv|write_text|write_bytes|savefig)\("
    lines = [
        f"{path.relative_to(workflow)}: {line.strip()}"
        for path in [*workflow.glob("rnnschur/**/*.py"), *workflow.glob("scripts/*.py")]
        for line in path.read_text().splitlines()
        if re.search(in_place, line)
        and not re.search(r"whole_file|lambda|BytesIO|pixels|doctype_html|>>>|\.\.\. ", line)
    ]
    assert lines == []
