"""The public names are those of the page, each with a docstring; versions agree."""

import re
from datetime import date
from pathlib import Path

import yaml

import rnnschur

ROOT = Path(__file__).parents[2]
CHANGES = (ROOT / "CHANGELOG.md").read_text()


def listed() -> list[str]:
    """Return the names in the table of docs/your-network.md."""
    page = (ROOT / "docs" / "your-network.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page.split("## Public names")[1], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_page_lists_the_public_names():
    assert len(set(listed())) == len(listed())
    assert sorted(listed()) == sorted(rnnschur.__all__)


def test_every_public_name_is_there_and_described():
    for name in rnnschur.__all__:
        value = getattr(rnnschur, name)
        assert value.__doc__ if callable(value) else value, name


def test_versions_agree_and_the_changelog_has_this_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == rnnschur.__version__
    headings = re.findall(r"^## \[(.+?)\](?: - (.+))?$", CHANGES, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == rnnschur.__version__
    days = [date.fromisoformat(day) for _, day in headings[1:]]
    assert days == sorted(days, reverse=True)
    versions = [tuple(map(int, version.split("."))) for version, _ in headings[1:]]
    assert versions == sorted(versions, reverse=True)


def test_the_changelog_keeps_to_the_six_kinds():
    kinds = set(re.findall(r"^### (.+)$", CHANGES, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
