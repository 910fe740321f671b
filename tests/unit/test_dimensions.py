"""The law of dimensions, counted on networks whose sectors are made to measure."""

import numpy as np
import pandas as pd
import pytest

from rnnschur import Network
from rnnschur.coordinates.sectors import Sectors
from rnnschur.dimensions import dimensions, law
from rnnschur.tables import NETWORK


def moduli(sizes):
    """Return a block diagonal matrix of (size, modulus): a real eigenvalue or a pair."""
    blocks = [
        np.eye(size) * radius if size == 1 else radius * np.array([[0.0, -1.0], [1.0, 0.0]])
        for size, radius in sizes
    ]
    matrix, first = np.zeros((sum(s for s, _ in sizes),) * 2), 0
    for block in blocks:
        matrix[first : first + len(block), first : first + len(block)] = block
        first += len(block)
    return matrix


def tables(found):
    """Return networks, spectra and ablations of (task, sizes, accuracy, damage of CC) a network."""
    networks, spectra, ablations = [], [], []
    for seed, (task, sizes, value, damage) in enumerate(found):
        matrix = moduli(sizes)
        name = (task, "orthogonal", len(matrix), seed)
        sectors = Sectors.of(matrix, 0.9)
        networks.append((*name, value >= 0.75, "replay_accuracy", value, sectors.size))
        block = np.repeat(np.arange(len(sizes)), [size for size, _ in sizes])
        spectra += [(*name, index, number) for index, number in enumerate(block)]
        ablations += [(*name, "none", "replay_accuracy", 0.0)]
        ablations += [(*name, "CC", "replay_accuracy", -damage)]
    return (
        pd.DataFrame(networks, columns=[*NETWORK, "learned", "metric", "value", "leading"]),
        pd.DataFrame(spectra, columns=[*NETWORK, "index", "block"]),
        pd.DataFrame(ablations, columns=[*NETWORK, "removed", "metric", "delta"]),
    )


FOUR = [(2, 1.0), (1, 0.99), (1, 0.95)]
NETWORKS = [
    ("copy", [*FOUR, (2, 0.5), (2, 0.4)], 1.0, 0.0),  # four bits, two blocks in C
    ("copy", [*FOUR, (1, 0.5), (1, 0.4), (2, 0.3)], 0.9, 0.03),  # three
    ("copy", [*FOUR, (2, 0.92), (2, 0.3)], 0.8, 0.0),  # R has six, and C one block
    ("copy", [*FOUR, (2, 0.5), (1, 0.4), (1, 0.2)], 0.6, 0.4),  # has not learned
    ("long", [*FOUR, (2, 1.0)], 0.7, 0.0),  # none has learned, no C
    ("sine", FOUR, 0.9, 0.0),
]


def test_sectors_are_counted_network_by_network():
    found = dimensions(*tables(NETWORKS), {"copy": 4, "long": 9})
    assert found["task"].tolist() == ["copy"] * 4 + ["long"]
    assert found["leading"].tolist() == [4, 4, 6, 4, 6]
    assert found["complement"].tolist() == [4, 4, 2, 4, 0]
    assert found["blocks"].tolist() == [2, 3, 1, 3, 0]
    assert found["bits"].tolist() == [4, 4, 4, 4, 9]
    np.testing.assert_allclose(found["damage_CC"], [0, 0.03, 0, 0.4, 0])


def test_the_law_is_about_networks_that_have_learned():
    found = law(dimensions(*tables(NETWORKS), {"copy": 4, "long": 9})).set_index("task")
    copy, long = found.loc["copy"], found.loc["long"]
    assert (copy["trained"], copy["networks"], copy["width"], copy["bits"]) == (4, 3, 8, 4)
    assert (copy["R_median"], copy["R_least"], copy["R_most"]) == (4, 4, 6)
    assert copy["R_is_bits"] == pytest.approx(2 / 3)
    assert (copy["with_CC"], copy["CC_free"]) == (2, 0.5)
    assert copy["accuracy"] == pytest.approx(0.85)
    assert (long["trained"], long["networks"], long["with_CC"]) == (1, 0, 0)
    assert long[["R_median", "R_least", "R_most", "R_is_bits", "CC_free"]].isna().all()
    assert long["accuracy"] == 0.7


def test_two_blocks_are_what_a_coupling_needs():
    """As `rnnschur.diagnose` has it: CC is empty in a C of one block, whatever its size."""
    rng = np.random.default_rng(0)
    weights = {"W_xh": rng.standard_normal((6, 2)), "W_hy": rng.standard_normal((1, 6))}
    for sizes, there in (([*FOUR, (2, 0.5)], False), ([*FOUR, (1, 0.5), (1, 0.3)], True)):
        Q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
        upper = np.triu(rng.standard_normal((6, 6)), 2)
        upper[4, 5] = 0.2 * there
        matrix = Q @ (moduli(sizes) + upper) @ Q.T
        network = Network("tanh", {"W_hh": matrix, **weights})
        assert Sectors.of(network.headline[1].matrix, 0.9).mask("CC").any() == there


def test_other_tasks_leave_an_empty_table():
    found = law(dimensions(*tables(NETWORKS), {}))
    assert len(found) == 0 and "CC_free" in found
