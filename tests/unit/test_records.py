"""Records tell what a job wrote: what was cut off, edited or damaged since is named, not read."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import freshness


class Outputs(list):
    """Files of a job, the record the last of them."""

    record = property(lambda self: self[-1])


def job(folder, *outputs, reads=()):
    """Return what Snakemake hands to a script of a rule."""
    output = Outputs([*outputs, str(folder / "record.json")])
    params = SimpleNamespace(recipe=json.dumps({"code": "c", "settings": "s"}), records=list(reads))
    return SimpleNamespace(output=output, params=params)


@pytest.fixture
def made(tmp_path):
    """Return the record and the table of a job that is done."""
    table = tmp_path / "made" / "tables" / "a.csv"
    table.parent.mkdir(parents=True)
    table.write_text("task,value\ncopy,0.25\ncopy,0.75\n")
    freshness.leave_record(job(tmp_path / "made", str(table)))
    return tmp_path / "made" / "record.json", table


def follow(folder, record):
    """Run what reads a result, to its end."""
    (folder / "after").mkdir(exist_ok=True)
    freshness.leave_record(job(folder / "after", reads=[str(record)]))
    return json.loads((folder / "after" / "record.json").read_text())


def test_a_record_says_what_was_written(made, tmp_path):
    record, _ = made
    said = json.loads(record.read_text())
    assert list(said["outputs"]) == ["tables/a.csv"] and said["code"] == "c"
    assert follow(tmp_path, record)["outputs"] == {}


@given(position=st.integers(0, 33), bit=st.integers(0, 7))
def test_every_bit_counts(tmp_path_factory, position, bit):
    folder = tmp_path_factory.mktemp("bit")
    table = folder / "a.csv"
    table.write_text("task,value\ncopy,0.25\ncopy,0.75\n\n\n\n")
    freshness.leave_record(job(folder, str(table)))
    content = bytearray(table.read_bytes())
    content[position] ^= 1 << bit
    table.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.csv is not what its job wrote"):
        follow(folder, folder / "record.json")
    assert not (folder / "after" / "record.json").exists()


@pytest.mark.parametrize("change", [lambda text: text[:-3], lambda text: "", lambda text: text * 2])
def test_what_was_cut_off_or_edited_is_named(made, tmp_path, change):
    record, table = made
    table.write_text(change(table.read_text()))
    words = f"{table} is not what its job wrote, which {record} tells; allowed: that file. Remove"
    with pytest.raises(ValueError, match=words):
        follow(tmp_path, record)


def test_swapped_files_are_named(tmp_path):
    files = [tmp_path / name for name in ("a.csv", "b.csv")]
    for file in files:
        file.write_text(file.name)
    freshness.leave_record(job(tmp_path, *map(str, files)))
    files[0].write_text("b.csv")
    files[1].write_text("a.csv")
    with pytest.raises(ValueError, match=r"a\.csv is not what"):
        follow(tmp_path, tmp_path / "record.json")


def test_results_may_move_and_need_not_all_be_there(made, tmp_path):
    record, table = made
    (tmp_path / "made").rename(tmp_path / "moved")
    record, table = (tmp_path / "moved" / p.relative_to(tmp_path / "made") for p in made)
    follow(tmp_path, record)
    table.unlink()
    follow(tmp_path, record)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"outputs": 3}', '{"code": "x"}'])
def test_a_record_that_tells_nothing_of_it_forbids_nothing(made, tmp_path, text):
    """Such as those that older versions left."""
    record, table = made
    record.write_text(text)
    table.write_text("other")
    follow(tmp_path, record)


def test_given_weights_have_a_record_beside_them(tmp_path):
    weights = tmp_path / "seeds0-4.safetensors"
    weights.write_bytes(b"weights")
    made = job(tmp_path, str(weights))
    made.output[-1] = str(tmp_path / "seeds0-4.json")
    freshness.leave_record(made)
    follow(tmp_path, weights)
    weights.write_bytes(b"weightz")
    with pytest.raises(ValueError, match=r"seeds0-4\.safetensors is not what its job wrote"):
        follow(tmp_path, weights)
    Path(tmp_path / "seeds0-4.json").unlink()
    follow(tmp_path, weights)
