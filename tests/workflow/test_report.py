"""The report of a finished study: one small file; numbers are its tables', links lead on."""

import re

import browser
import pandas as pd
import pytest
from conftest import ROOT

from rnnschur.metrics import METRICS

pytestmark = pytest.mark.workflow
PICTURES = ROOT / ".snakemake" / "report"  # where they are kept, to be looked at


@pytest.fixture(scope="module", params=[1200, 390])
def seen(request, finished):
    """Return what a browser makes of the report, in a window and on a phone."""
    if not browser.CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page, picture = finished.results / "report.html", PICTURES / f"{request.param}.png"
    found, console = browser.look(page, request.param, picture)
    return found | {"console": console, "picture": picture, "asked": request.param}


def test_it_is_small_and_needs_nothing_else(finished):
    page = finished.results / "report.html"
    assert page.stat().st_size < 5_000_000
    assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["']https?://""", page.read_text())


def test_a_browser_has_nothing_to_complain_about(seen):
    assert not seen["console"] and not seen["requests"]
    assert seen["overflow"] <= seen["width"] == seen["asked"]
    assert seen["images"] and all(alt and loaded for alt, loaded in seen["images"])
    assert seen["picture"].stat().st_size > 50_000


def test_links_and_anchors_lead_somewhere(seen, finished):
    assert all(there for _, there in seen["anchors"])
    links = {href for href, _ in seen["links"] if not href.startswith("https://arxiv.org/")}
    assert len(links) > 200 and all((finished.results / href).exists() for href in links)
    shown = {f"figures/{f.name}" for f in (finished.results / "figures").glob("*.p??")}
    shown |= {f"tables/{f.name}" for f in (finished.results / "tables").iterdir()}
    shown |= {f"notebooks/{f.name}" for f in (finished.results / "notebooks").iterdir()}
    assert shown <= links  # the way to everything else


def test_numbers_are_those_of_the_tables(seen, finished):
    tables = {
        name: pd.read_csv(finished.results / "tables" / f"{name}.csv")
        for name in ("ablation_summary", "ledger")
    }
    means, checked = tables["ablation_summary"], 0
    for caption, (header, *rows) in seen["tables"]:
        condition = re.search(r"does in (.+), (\w+), N\s*h = (\d+)$", caption)
        if not condition:
            continue
        task, architecture, width = condition.groups()
        own = means.query(
            f"task == '{task.replace(' ', '_')}' and architecture == '{architecture}' "
            f"and width == {width}"
        ).set_index(["removed", "quantity"])
        metric = METRICS[own["metric"].iloc[0]]
        assert header[2].endswith(metric.label)
        for row in rows:
            cells = dict(zip(header, row, strict=True))
            damage = metric.worse * own.loc[(row[0], "delta"), "mean"]
            assert float(cells[header[2]]) == pytest.approx(damage, rel=6e-3, abs=1e-12)
            mass = own.loc[(row[0], "removed_mass"), "mean"]
            assert float(cells["removed mass"]) == pytest.approx(mass, rel=6e-3, abs=1e-12)
            checked += 1
    assert checked == 12  # three couplings of four tasks
    ledger = tables["ledger"].drop_duplicates("claim").set_index("claim")
    for caption, (header, *rows) in seen["tables"]:
        for row in rows if caption.startswith(("Claims", "Numbers")) else []:
            cells, own = dict(zip(header, row, strict=True)), ledger.loc[row[-1]]
            assert cells["verdict"].split()[-1] == own["verdict"]
            if caption.startswith("Claims"):
                agree, networks = re.match(r"(\d+) of (\d+)", cells["networks that agree"]).groups()
                assert int(networks) == own["networks"]
                assert int(agree) == pytest.approx(own["share"] * own["networks"])
            else:
                assert float(cells["ours, mean"]) == pytest.approx(own["mean"], rel=6e-3)
