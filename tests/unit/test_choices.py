"""What was chosen for what the paper leaves open."""

import re

import pytest
import yaml
from test_claims import ROOT

from rnnschur.paper import choices

CHOICE = {"id": "a", "choice": "A.", "when": "first", "numbers": False, "why": "So."}
CONFIG = {"tasks": {"sine": {"protocol": {"steps": 50}, "clip": 1.0}}, "diagnosis": {"fragile": 1}}
SEARCH = {
    "tasks": {
        "sine": {"protocol": {"steps": 50}, "clip": 1.0},
        "b": {"like": "sine", "protocol": {"steps": 2000}, "clip": None},
        "c": {"like": "sine", "protocol": {"steps": 2000}, "clip": 1.0},
        "copy": {"protocol": {"steps": 7}},
    }
}


def test_the_table_has_the_values_and_what_else_was_tried():
    said = [
        {**CHOICE, "keys": ["sine.protocol.steps"], "when": "search", "numbers": True},
        {**CHOICE, "keys": ["sine.protocol.steps", "sine.clip"]},
        {**CHOICE, "keys": ["diagnosis.fragile"]},
    ]
    table = choices.table(said, CONFIG, SEARCH)
    assert table["value"].tolist() == ["50", "steps 50; clip 1", "1"]
    assert table["tried"].tolist() == ["2,000", "steps 2,000; clip none", ""]
    assert table["numbers"].tolist() == ["yes", "no", "no"]
    assert table["when"].iloc[0] == "by the search"


@pytest.mark.parametrize(("key", "value"), [("when", "once"), ("numbers", "maybe")])
def test_what_is_not_allowed_is_refused_in_one_line(tmp_path, key, value):
    file = tmp_path / "choices.yaml"
    file.write_text(yaml.safe_dump({"choices": [{**CHOICE, "keys": ["x"], key: value}]}))
    with pytest.raises(ValueError, match=f"choice 'a': {key} is '{value}'; allowed: ") as error:
        choices.load(file)
    assert "\n" not in str(error.value)


def test_every_key_that_is_ours_stands_in_one_choice():
    """Shifts judge no claim of the paper."""
    ours, path = set(), {}
    for line in (ROOT / "config.yaml").read_text().splitlines():
        if found := re.match(r"( *)(\w+):", line):
            depth = len(found[1])
            path = {d: name for d, name in path.items() if d < depth} | {depth: found[2]}
            if "# ours" in line and path[0] in ("tasks", "diagnosis"):
                parts = list(path.values())
                ours.add(".".join(parts[1:] if parts[0] == "tasks" else parts))
    said = choices.load(ROOT / "report" / "choices.yaml")["choices"]
    keys = [key for choice in said for key in choice["keys"]]
    assert len(keys) == len(set(keys)) > 30
    assert set(keys) == {key for key in ours if not key.endswith(".shifts")}
