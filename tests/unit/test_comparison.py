"""Two runs of the same networks: identical, close, different."""

import pandas as pd
import pytest

from rnnschur.comparison import compare


def table(**changes):
    frame = pd.DataFrame(
        {
            "task": "sine", "architecture": "orthogonal", "width": 8, "seed": [0, 0, 1, 1],
            "alpha": 0.9, "removed": ["none", "CC"] * 2, "value": [0.1, 2.0, 0.2, 3.0],
            "removed_mass": [0, 0.1, 0, 0.1], "rollout_difference": [0, 1.0, 0, 1.0],
        }
    )  # fmt: skip
    for name, (row, value) in changes.items():
        frame.loc[row, name] = value
    return frame


@pytest.mark.parametrize(
    ("changes", "agreement"),
    [
        ({}, "identical"),
        ({"value": (1, 2.0 + 1e-12)}, "close"),
        ({"value": (1, 2.019)}, "close"),
        ({"value": (1, 2.022)}, "different"),
        ({"value": (1, float("nan"))}, "different"),
        ({"removed_mass": (1, 0.2)}, "different"),
        ({"rollout_difference": (1, 1.1)}, "different"),
    ],
)
def test_agreement(changes, agreement):
    found = compare(table(**changes), table())
    assert found["agreement"].tolist() == [agreement, "identical"]
    assert found["rows"].tolist() == [2, 2]


def test_a_network_that_was_not_published_and_a_missing_row():
    ours = pd.concat([table(), table().assign(seed=7)])
    found = compare(ours, table().iloc[:-1]).set_index("seed")
    assert found.loc[7, "agreement"] == "not published"
    assert found.loc[1, "agreement"] == "different"
    assert found.loc[0, "agreement"] == "identical"
