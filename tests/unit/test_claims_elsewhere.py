"""Claims about other tables than the ablations, and those that a finding decides."""

import numpy as np
import pandas as pd
import pytest
import yaml
from test_claims import BOOTSTRAP, CRITERION, LEDGER, ROOT, ledger_of, networks_of, rows

import claim
from rnnschur.comparability import recognised
from rnnschur.coordinates.sectors import COUPLINGS, SUBSETS
from rnnschur.findings import with_sectors
from rnnschur.paper import claims, replication
from rnnschur.tables import CONDITION, NETWORK

MAIN = {
    "copy": "copy/orthogonal/72",
    "flip_flop": "flip_flop/orthogonal/64",
    "sine": "sine/orthogonal/64",
    "context_integration": "context_integration/orthogonal/64",
}
CLAIMS = {claim["id"]: claim for claim in LEDGER["claims"]}
ELSEWHERE = [c["id"] for c in LEDGER["claims"] if c not in claims.of_ablations(LEDGER)]


def of_conditions(names, *records):
    """Return a table with the given rows of the first network of each condition."""
    table = pd.DataFrame(
        [(*name.split("/"), 0, *record.values()) for name in names for record in records],
        columns=[*NETWORK, *records[0]],
    )
    return table.astype({"width": int})


def changes(kept, fragile):
    """Return rows of graded.csv: the heaviest change that is kept, the lightest fragile one."""
    said = [("negligible", 0.0), ("stabilizer", kept), ("intermediate", 0.5), ("fragile", fragile)]
    said += [("stabilizer", kept / 2), ("fragile", 2 * fragile)]
    names = [*MAIN.values()]
    return of_conditions(names, *({"verdict": v, "removed_mass": m} for v, m in said))


def spectrum(*eigenvalues):
    """Return tables with eigenvalues, of which three are in R."""
    records = [
        {"index": i, "real": z.real, "imaginary": z.imag, "block": i}
        for i, z in enumerate(map(complex, eigenvalues))
    ]
    networks = of_conditions([*MAIN.values()], {"leading": 3})
    return with_sectors(of_conditions([*MAIN.values()], *records), networks)


def at_thresholds(*damages):
    """Return rows of thresholds.csv: the damage of RR, CR and CC at each α."""
    records = [
        {"alpha": alpha, "removed": removed, "metric": "fvu", "delta": delta}
        for alpha, row in zip((0.85, 0.9, 0.95), damages, strict=True)
        for removed, delta in zip(COUPLINGS, row, strict=True)
    ]
    return of_conditions([*MAIN.values()], *records)


def medians(value):
    records = [
        {"removed": removed, "quantity": quantity, "median": median}
        for removed in COUPLINGS
        for quantity, median in (("rollout_difference", value), ("removed_mass", 0.7))
    ]
    return of_conditions([*MAIN.values()], *records).drop(columns="seed")


def network(condition, mass=None, difference=None):
    table = rows(condition, 0, {"none": 0.01}, mass)
    table["rollout_difference"] = table["removed"].map(difference or {}).fillna(0.2)
    return table


def ablated(mass=None, difference=None):
    return claims.wide(pd.concat([network(name, mass, difference) for name in MAIN.values()]))


def told(right):
    conditions = [*MAIN.values(), "copy/orthogonal/64"]
    records = ({"features": name, "right": right} for name in ("sectors", "moduli"))
    return of_conditions(conditions, *records)


def agreeing(name, tables, table=None):
    """Return the share of networks that agree with a claim, and how many there are."""
    ledger = claims.measured({**LEDGER, "claims": [CLAIMS[name]]}, tables)
    table = ablated() if table is None else table
    seen = claims.evaluate(ledger["claims"][0], table, CRITERION)
    return (float(seen["agrees"].mean()), len(seen)) if len(seen) else (None, 0)


def condition_numbers(value):
    return {"networks": of_conditions(MAIN.values(), {"eigenvector_condition": value})}


def cr_masses(value):
    return {"networks": of_conditions(MAIN.values(), {"mass_CR": value})}


same, changing = [(1, 2, 3)] * 3, [(1, 2, 3), (1, 2, 3), (3, 2, 1)]


@pytest.mark.parametrize(
    ("name", "tables", "share"),
    [
        ("eigenvectors-ill-conditioned", condition_numbers(31.0), 1),
        ("eigenvectors-ill-conditioned", condition_numbers(30.0), 0),
        ("R-rotates", {"spectra": spectrum(1j, -1j, 1, 0.1, 0.1)}, 1),
        ("R-rotates", {"spectra": spectrum(1, 1, 1, 0.1j, -0.1j)}, 0),
        ("heavy-kept-light-fragile", {"graded": changes(0.3, 0.2)}, 1),
        ("heavy-kept-light-fragile", {"graded": changes(0.2, 0.3)}, 0),
        ("heavy-kept-light-fragile", {"graded": changes(0.2, np.nan)}, 0),
        ("solutions-differ", {"ablation_summary": medians(0.29)}, 0),
        ("solutions-differ", {"ablation_summary": medians(0.31)}, 1),
        ("solutions-differ", {"ablation_summary": medians(0.13)}, 1),
        ("flip_flop-thresholds", {"thresholds": at_thresholds(*same)}, 1),
        ("sine-thresholds", {"thresholds": at_thresholds(*same)}, 1),
        ("context-thresholds", {"thresholds": at_thresholds((3, 2, 1), (9, 0, 0), (2, 1, 1))}, 1),
        ("context-thresholds", {"thresholds": at_thresholds((3, 4, 1), (1, 9, 0), (2, 5, 1))}, 1),
        ("flip_flop-thresholds", {"thresholds": at_thresholds(*changing)}, 0),
        ("sine-thresholds", {"thresholds": at_thresholds(*changing)}, 0),
        ("context-thresholds", {"thresholds": at_thresholds(*changing)}, 0),
        ("sine-CR-small", cr_masses(0.08), 1),
        ("sine-CR-small", cr_masses(0.13), 0),
        ("coordinates-comparable", {"recognised": told(1.0)}, 1),
        ("coordinates-comparable", {"recognised": told(0.0)}, 0),
    ],
)
def test_claims_about_other_tables_hold_and_fail(name, tables, share):
    conditions = CLAIMS[name]["networks"]
    table = ablated({"CC": 0.2})
    if name == "coordinates-comparable":
        table = pd.concat([table, claims.wide(network("copy/orthogonal/64"))])
    count = len(conditions) if isinstance(conditions, list) else 1
    assert agreeing(name, tables, table) == (share, count)
    # Of a study without the table, or whose table lacks what the claim names, nothing is said.
    assert agreeing(name, {}, table) == (None, 0)
    for key, said in tables.items():
        assert agreeing(name, {key: said[said["task"] == "nothing"]}, table) == (None, 0)


def test_sine_needs_a_cr_that_is_small_beside_cc_too():
    lighter = ablated({"CC": 0.05})
    assert agreeing("sine-CR-small", cr_masses(0.08), lighter) == (0, 1)


def test_what_is_negligible_says_nothing_of_solutions():
    tables, light = {"ablation_summary": medians(0.5)}, dict.fromkeys(SUBSETS, 0.005)
    assert agreeing("solutions-differ", tables, ablated(light)) == (0, 4)
    assert agreeing("solutions-differ", tables, ablated({**light, "CR": 0.02})) == (1, 4)


@pytest.mark.parametrize(
    ("mass", "difference", "share"),
    [
        ({"RR": 0.3}, {"RR": 0.1}, 1),
        ({"RR": 0.3}, {"RR": 0.3}, 0),
        ({"CC": 0.02}, {"CC": 0.3}, 1),
        ({"CC": 0.005}, {"CC": 0.3}, 0),  # negligible
        ({"CR": 0.2, "CC": 0.3}, {"CR": 0.4, "CC": 0.35, "RR": 0.1}, 1),
        ({}, {}, 0),
    ],
)
def test_a_heavier_coupling_may_cost_less(mass, difference, share):
    assert agreeing("heavier-costs-less", {}, ablated(mass, difference)) == (share, 4)


def test_every_claim_elsewhere_is_tried_here_or_decided_by_a_finding_that_exists():
    said = replication.load(ROOT / "report" / "findings.yaml").findings
    known = {finding["id"] for finding in said}
    pointing = {name: CLAIMS[name]["finding"] for name in ELSEWHERE if "finding" in CLAIMS[name]}
    assert set(pointing.values()) <= known and len(pointing) == 2
    (cases,) = [m for m in test_claims_about_other_tables_hold_and_fail.pytestmark]
    tried = {(case[0], case[2]) for case in cases.args[1]}
    assert {(n, s) for n in set(ELSEWHERE) - set(pointing) for s in (0, 1)} <= tried


def found(**columns):
    """Return the row of a finding."""
    row = {"id": "f", "rule": "x > 1", "quantity": "x", "seen_networks": 10, "seen_share": 1.0}
    row |= {"fresh_networks": 20, "fresh_left_out": 1, "fresh_mean": 3.0, "fresh_share": 0.95}
    row |= {"fresh_share_low": 0.75, "fresh_share_high": 0.99}
    return pd.DataFrame([row | columns])


def judged(tables, finding="f"):
    claim = {"id": "c", "claim": "C.", "rests_on": "a/b", "finding": finding}
    ledger = {"bounds": LEDGER["bounds"], "claims": [claim], "variables": {}}
    table = ablated()
    networks = networks_of(table.reset_index())
    ledger = claims.measured(ledger, tables)
    found = claims.judge(ledger, pd.DataFrame(), table, table, networks, CRITERION, BOOTSTRAP)
    return found.iloc[0]


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.95, "reproduced"), (0.9, "reproduced"), (0.6, "partly"), (0.4, "not")]
)
def test_fresh_networks_of_a_finding_decide_a_claim(share, verdict):
    row = judged({"findings": found(fresh_share=share)})
    assert (row["verdict"], row["share"], row["networks"], row["left_out"]) == (
        verdict, share, 20, 1
    )  # fmt: skip
    assert (row["rule"], row["quantity"], row["mean"]) == ("x > 1", "x", 3)
    assert (row["share_low"], row["share_high"]) == (0.75, 0.99)


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"findings": found(id="g")},
        {"findings": found(**dict.fromkeys([f"fresh_{name}" for name in claims.FRESH], np.nan))},
    ],
)
def test_without_fresh_networks_a_finding_decides_nothing(tables):
    row = judged(tables)
    assert (row["verdict"], row["networks"], row["left_out"]) == ("", 0, 0)
    assert np.isnan(row["share"])


def test_a_variable_may_be_named_by_condition():
    networks = {"one": "sine/orthogonal/64", "other": "flip_flop/orthogonal/64"}
    claim = ledger_of("one_size < other_size and one_mass_CC > 0", networks)["claims"][0]
    table = of_conditions(MAIN.values(), {"size": 1.0})
    for sizes, agrees in (((1, 2, 3, 4), False), ((1, 4, 3, 2), True)):
        ledger = {
            "claims": [claim],
            "variables": claims.declared("f", {"size": {"table": "t", "column": "size"}}),
        }
        measured = claims.measured(ledger, {"t": table.assign(size=sizes)})["claims"][0]
        assert claims.evaluate(measured, ablated(), CRITERION)["agrees"].tolist() == [agrees]


def test_a_claim_with_a_finding_has_no_rule_of_its_own(tmp_path):
    path = tmp_path / "claims.yaml"
    said = {"id": "c", "claim": "C.", "rests_on": "a/b", "finding": "f", "agrees": "1 > 0"}
    path.write_text(yaml.safe_dump({"claims": [said]}))
    with pytest.raises(ValueError, match="'c' lacks or does not know agrees; allowed: claim, find"):
        claims.load(path)
    del said["agrees"]
    path.write_text(yaml.safe_dump({"claims": [said], "variables": {"x": {"table": "t"}}}))
    with pytest.raises(ValueError, match="variable 'x' lacks or does not know column"):
        claims.load(path)


def test_the_tables_that_claims_are_about_are_some():
    assert set(claim.tables()) == {table for table, _ in LEDGER["variables"].values()}


def test_eigenvalues_have_their_sector_and_pairs():
    table = spectrum(2, 1 + 1j, 1 - 1j, 0.5)
    first = table[table["task"] == "copy"]
    assert first["sector"].tolist() == ["R", "R", "R", "C"]
    assert first["complex"].tolist() == [0, 1, 1, 0] and "leading" not in first


def test_networks_are_put_to_their_task_one_by_one():
    rng = np.random.default_rng(0)
    tasks = ("copy", "again", "sine", "pong")
    keys = [(task, "orthogonal", 64, seed) for task in tasks for seed in range(5)]
    keys += [("copy", "orthogonal", 72, seed) for seed in range(5)]  # alone at its width
    index = pd.MultiIndex.from_tuples(keys[1:], names=NETWORK)  # copy lacks seed 0
    place = pd.factorize(index.get_level_values("task"))[0].astype(float)
    known = pd.DataFrame({"a": place + 0.01 * rng.standard_normal(len(index))}, index)
    strange = known.index.isin([("sine", "orthogonal", 64, 3)])
    assert strange.sum() == 1
    known.loc[strange, "a"] = known["a"].max()  # where another task is
    modules = {"copy": "copy", "again": "copy", "sine": "sine", "pong": "pong"}
    table = recognised({"known": known, "same": known * 0}, modules)
    assert list(table) == [*NETWORK, "features", "right"]
    right = table[table["features"] == "known"].set_index(NETWORK)["right"]
    assert set(right.index.get_level_values("task")) == {"copy", "sine", "pong"}
    assert sorted(set(right.index.get_level_values("seed"))) == [1, 2, 3, 4]
    assert right.index[right == 0].tolist() == [*known.index[strange]]
    assert (table[CONDITION].drop_duplicates()["width"] == 64).all()
