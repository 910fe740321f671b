"""The report: what it says is what the tables say, whatever a study has and lacks."""

import dataclasses
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import browser
import jinja2
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.path import Path as Outline

from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.coordinates.sectors import COUPLINGS, SUBSETS, coupling_masks
from rnnschur.report import article, figures
from rnnschur.report.figures.method import outline
from rnnschur.report.figures.style import rows_of
from rnnschur.report.figures.summary import removable

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "report" / "article.html"
CAPTIONS = {path.stem: path.read_text() for path in (ROOT / "report" / "captions").glob("*.rst")}
CONFIG = {
    "diagnosis": {"alpha": 0.9, "epsilon": 0.1, "minimum_mass": 0.01, "fragile": 1.0},
    "statistics": {"confidence": 0.95},
    "interventions": {"orders": {"near_tie": 0.001}},
}
CONFIG["diagnosis"]["thresholds"] = [0.85, 0.9]
KEYS = [("copy", "orthogonal", 72), ("sine", "normal", 64)]
DAMAGES = {"copy": {"RR": 0.125, "CR": 0.375, "CC": 0.0}, "sine": {"RR": 0, "CR": 1.5, "CC": 2}}
VERDICTS = {"RR": "intermediate", "CR": "fragile", "CC": "stabilizer"}


def tables(learned=True):
    """Return small tables of two tasks, two networks each."""
    ablations, means = [], []
    for condition in KEYS:
        names = dict(zip(("task", "architecture", "width"), condition, strict=True))
        copy = names["task"] == "copy"
        names["metric"] = "replay_accuracy" if copy else "fvu"
        for removed in SUBSETS:
            damage = DAMAGES[names["task"]].get(removed, 0.0)
            delta, intact = (-damage, 1.0) if copy else (damage, 0.03125)
            for seed in (0, 1):
                row = {"seed": seed, "removed": removed, "value": intact + delta, "delta": delta}
                mass = 0.25 if removed != "none" else 0.0
                row |= {"removed_mass": mass, "removed_share": mass**2, "learned": learned}
                row |= {"rollout_difference": damage, "sensitivity": 1.0, "leading": 50}
                row |= {"verdict": VERDICTS.get(removed, "fragile"), "alpha": 0.9}
                ablations.append(names | row)
            for quantity, mean in (("delta", delta), ("removed_mass", 0.25)):
                row = {"removed": removed, "quantity": quantity, "mean": mean}
                means.append(names | row | {"low": mean - 0.0625, "high": mean + 0.125})
    ablations = pd.DataFrame(ablations)
    networks = ablations[ablations["removed"] == "none"].drop(columns=["removed", "delta"])
    rotations = networks.assign(rollout_difference=[0.05, 0.15, 2.0, 2.5])
    orders = ablations[ablations["removed"].isin(COUPLINGS)].assign(order="any", movable=50)
    orders["damage"] = orders["delta"].abs()
    orders = pd.concat([orders.assign(draw=draw) for draw in range(3)])
    paper = pd.DataFrame(
        [(*KEYS[0], "none", "value", 1.0), (*KEYS[0], "CR", "value", 0.639)],
        columns=["task", "architecture", "width", "removed", "quantity", "paper"],
    )
    return {
        "networks": networks, "ablations": ablations, "rotations": rotations, "orders": orders,
        "ablation_summary": pd.DataFrame(means) if learned else pd.DataFrame(means)[:0],
        "paper_comparison": paper, "ledger": ledger(), "findings": findings(),
    }  # fmt: skip


def ledger():
    return pd.DataFrame(
        {
            "id": list("abcd"), "kind": ["claim", "claim", "number", "claim"],
            "rests_on": ["measurement"] * 3 + ["theorem"],
            "group": ["copy/CC", "sine/CC", "copy/CR", "theorem"],
            "claim": ["CC <can> go.", "CC cannot go.", "Copy, without CR.", "T."],
            "paper": [np.nan, np.nan, 0.639, np.nan], "networks": [30, 20, 30, 5],
            "left_out": [0, 3, 0, 0], "mean": [np.nan, np.nan, 0.625, np.nan],
            "low": [np.nan, np.nan, 0.5, np.nan], "high": [np.nan, np.nan, 0.75, np.nan],
            "share": [1.0, 0.3, 0.9, 1], "share_low": [0.884, 0.119, 0.7, 0.5],
            "share_high": [1.0, 0.543, 0.99, 1], "unsettled": [0.0, 4.0, np.nan, 0],
            "verdict": ["reproduced", "not", "reproduced", "holds"],
            "flips": [np.nan, "epsilon, alpha", np.nan, np.nan],
        }
    )  # fmt: skip


def findings():
    shares = {"seen_share": 1.0, "fresh_share": 0.95}
    ends = {f"{name}_{end}": value for name, value in shares.items() for end in ("low", "high")}
    counts = {"seen_networks": 10, "fresh_networks": 20, "seen_left_out": 0, "fresh_left_out": 0}
    rows = {**shares, **ends, **counts, "seen_mean": 1.0, "fresh_mean": 1.0, "rule": "x > 0"}
    rows |= {"quantity": "x", "p_adjusted": 0.001}
    both = pd.DataFrame([rows | {"finding": f"Finding {n}."} for n in "AB"])
    return both.assign(verdict=["borne out", "not borne out"])


FIGURES = ("method_all", "summary_all", "linearity_all", "rollouts_copy_orthogonal_n72")


@pytest.fixture
def study(tmp_path):
    """Return a function that writes a study of some tables and figures."""

    def make(some=None, drawn=FIGURES, **changes):
        some = tables() if some is None else some
        for folder in ("tables", "figures", "notebooks"):
            (tmp_path / folder).mkdir(exist_ok=True)
        for name, table in some.items():
            table.to_csv(tmp_path / "tables" / f"{name}.csv", index=False)
        (tmp_path / "tables" / "damage_table.html").write_text("<!DOCTYPE html>")
        (tmp_path / "notebooks" / "ablations.ipynb").write_text("{}")
        (tmp_path / "config.json").write_text("{}")
        for name in drawn:
            figure = plt.figure(figsize=(1, 1))
            figures.save(figure, tmp_path / "figures" / name)
        files = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")]
        given = {"captions": CAPTIONS, "drawn": dict.fromkeys(drawn, "ablations")}
        given |= {"commits": {"ablations": "0123abc"}} | changes
        return article.Study(tmp_path, files, CONFIG, **given)

    return make


class Page(HTMLParser):
    """What stands in a page: its elements with their attributes, and the cells of its tables."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.tables, self.place = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self.rows, self.caption = [], ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        if tag in ("th", "td", "caption"):
            self.place = tag

    def handle_endtag(self, tag):
        if tag == self.place:
            self.place = None
        if tag == "table":
            header, *body = self.rows
            self.tables[self.caption.strip()] = pd.DataFrame(body, columns=header)

    def handle_data(self, data):
        if self.place == "caption":
            self.caption += data
        elif self.place:
            self.rows[-1][-1] = (self.rows[-1][-1] + data).strip()

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def page(study):
    text = article.article(study, TEMPLATE)
    return Page(text), re.sub(r"\s+", " ", text)


def test_numbers_are_those_of_the_tables(study):
    found, text = page(study())
    rows = found.tables["What removing one coupling does in copy, orthogonal, Nh = 72"]
    assert rows["without"].tolist() == list(COUPLINGS)
    assert rows["lost replay accuracy"].astype(float).tolist() == [0.125, 0.375, 0]
    assert rows["removed mass"].astype(float).tolist() == [0.25] * 3
    assert rows["interval"][1] == "[0.25, 0.438]"  # damage is minus the change
    assert rows["paper"].tolist() == ["", "0.361", ""]
    assert rows["commonest verdict"][2] == "stabilizer, 2 of 2"
    assert rows["worst in networks"].tolist() == ["0 of 2", "2 of 2", "0 of 2"]
    assert rows["worst in random orders"].tolist() == ["0 of 6", "6 of 6", "0 of 6"]
    rows = found.tables["What removing one coupling does in sine, normal, Nh = 64"]
    assert rows["added FVU"].astype(float).tolist() == [0, 1.5, 2] and "paper" not in rows
    assert "2 of 2 networks learned the task; the intact FVU is 0.0312 on average." in text


def test_verdicts_are_those_of_the_ledger(study):
    found, text = page(study())
    assert "Of the paper's 3 claims, 2 are independent: 1 is reproduced and 1 not." in _plain(text)
    assert "Of the paper's 1 number, 1 is independent: 1 is reproduced." in _plain(text)
    assert "about networks that this study does not have" not in text
    assert "4 networks in 2 conditions, 2 in each; a verdict rests on 5 to 30 of them." in text
    claims = found.tables["Claims, by what they rest on"]
    assert claims.iloc[1].tolist() == [
        *("sine/CC", "✗ not", "6 of 20 (3 left out)", "[0.119, 0.543]", "CC cannot go."),
    ]
    assert claims["the weakest statement"][0] == "CC <can> go." and "<can>" not in text
    number = found.tables["Numbers, by the ablation they are of"].iloc[0]
    assert number["paper"] == "0.639" and number["ours, mean"] == "0.625"
    assert number["interval"] == "[0.5, 0.75]" and number["verdict"] == "✓ reproduced"
    near = found.tables["Verdicts that hang on a bound"]
    assert near.iloc[0].tolist() == ["CC cannot go.", "✗ not", "epsilon, alpha"] and len(near) == 1
    assert "1 of 4 verdicts would be another one" in text
    changed = tables()
    changed["ledger"].loc[1, "verdict"] = "partly"
    changed["ledger"].loc[3, "verdict"] = "fails"
    _, text = page(study(changed))
    assert "1 is reproduced and 1 partly." in text and "Not reproduced" not in text
    assert "A theorem fails, which is an error of the study: T." in text
    changed["ledger"].loc[0, ["networks", "verdict"]] = [0, None]
    _, text = page(study(changed))
    assert "1 more claim or number is about networks that this study does not have." in text


def _plain(text):
    return text.replace("&#39;", "'")


def test_what_can_go_in_every_task_is_computed():
    ablations, paper = (tables()[name] for name in ("ablations", "paper_comparison"))
    paper = paper[:0]  # which prints one of the tasks alone
    assert removable(ablations, paper) == "CC can be removed in every task"
    printed = tables()["paper_comparison"]  # of copy alone
    assert removable(ablations, printed) == "CC can be removed in the task shown"
    assert removable(ablations, printed, listed=True) == "CC can be removed in the task shown: copy"
    there = rows_of(ablations, KEYS[1]).index
    some = ablations["removed"].eq("CC") & ablations.index.isin(there)
    changed = ablations.assign(verdict=ablations["verdict"].mask(some, "fragile"))
    assert removable(changed, paper) == "No coupling can be removed in every task"
    one = rows_of(ablations, KEYS[0])
    assert removable(one, paper) == "CC can be removed in the task"
    # Two words for what can go, each that of a third, are two thirds.
    three = one.assign(verdict=one["verdict"].mask(one["seed"] == 0, "negligible"))
    assert removable(three, paper) == "CC can be removed in the task"
    assert removable(one[:0], paper) == "No network has learned its task"


def test_pictures_are_told_in_the_numbers_of_their_tables(study):
    found, text = page(study())
    images = {i["alt"] for i in found.all("img")}
    assert len(images) == len(FIGURES)
    whole = " ".join(images)
    for words in (
        "50 rows in sector R", "masses are RR 0.25, CR 0.25 and CC 0.25",
        "replay accuracy 1 intact, 0.875 without RR, 0.625 without CR and 1 without CC",
        "copy, orthogonal, N_h = 72: lost replay accuracy 0.125 without RR (intermediate in 2 of 2",
        "median d 0.1, at most 0.1 in 1 of 2 networks", "median d 2.25, at most 0.1 in 0 of 2",
    ):  # fmt: skip
        assert words in whole, words
    assert text.count("commit 0123abc") == len(FIGURES)
    assert all(i["src"].startswith("data:image/png;base64,") for i in found.all("img"))
    assert {(i["width"], i["height"]) for i in found.all("img")} == {("200", "200")}
    other = tables()
    other["ablations"].loc[other["ablations"]["removed"] == "CR", "value"] = 0.5
    found, _ = page(study(other))
    assert any("0.5 without CR" in i["alt"] for i in found.all("img"))


def test_findings_are_told_with_what_bears_them_out(study):
    found, text = page(study())
    assert "Of 2 findings, 1 is borne out by networks" in text
    rows = found.tables["Our findings, and the networks that agree with each"]
    assert rows["verdict"].tolist() == ["✓ borne out", "✗ not borne out"]
    assert rows["fresh"][0] == "19 of 20: 0.95 [0.95, 0.95]"
    seen = tables()
    seen["findings"] = seen["findings"].assign(fresh_networks=0, verdict=np.nan)
    found, text = page(study(seen))
    assert "2 findings can be told of networks of this study. None of these has a" in text
    seen["findings"] = seen["findings"].assign(seen_networks=0)
    found, text = page(study(seen, drawn=()))
    assert "finding" not in found.tables and "can be told" not in text and "looked at" not in text


def test_a_tie_of_verdicts_is_told_as_one(study):
    some = tables()
    rows = some["ablations"]
    rows.loc[(rows["removed"] == "RR") & (rows["seed"] == 1), "verdict"] = "fragile"
    found, _ = page(study(some))
    shown = found.tables["What removing one coupling does in copy, orthogonal, Nh = 72"]
    assert shown["commonest verdict"][0] == "fragile and intermediate, 1 of 2 each"
    alts = " ".join(i["alt"] for i in found.all("img"))
    assert "0.125 without RR (fragile and intermediate in 1 of 2 networks each)" in alts


def test_a_study_without_claims_findings_orders_and_figures_is_a_page(study):
    some = {k: t for k, t in tables().items() if k not in ("findings", "orders", "rotations")}
    some["ledger"] = some["ledger"].assign(verdict=np.nan, networks=0)
    some["paper_comparison"] = some["paper_comparison"].assign(paper=np.nan)
    found, text = page(study(some, drawn=()))
    assert "None of the paper's claims is about the networks of this study." in text
    assert not found.all("img") and "Why couplings can go" not in text
    assert [c for c in found.tables if not c.startswith("What removing")] == []
    assert "nan" not in text.lower()
    sound(found)


def test_a_study_in_which_no_network_learned_says_so(study):
    found, text = page(study(tables(learned=False)))
    assert (
        "No network has learned its task." in text and "0 of 2 networks learned the task." in text
    )
    assert "4 networks did not learn the task and count in no mean" in text
    assert "What removing one coupling does" not in " ".join(found.tables)
    sound(found)


def test_several_matrices_of_a_network_are_told_apart(study):
    some = tables()
    for name in ("ablations", "networks", "ablation_summary"):
        parts = [some[name].assign(matrix=matrix) for matrix in ("W_hr", "W_hz")]
        some[name] = pd.concat(parts)
    some = {k: t for k, t in some.items() if k not in ("findings", "orders", "rotations")}
    found, _ = page(study(some))
    assert "What removing one coupling does in sine, normal, W_hr, Nh = 64" in found.tables
    sound(found)


def sound(found):
    """Check what every page has: order, names and anchors."""
    headings = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(headings))
    tags = [tag for tag, _ in found.elements]
    assert [tags.count(t) for t in ("header", "nav", "main", "footer", "title")] == [1] * 5
    assert found.all("html") == [{"lang": "en"}] and "script" not in tags
    first = next(attrs for tag, attrs in found.elements if tag == "a")
    assert first == {"class": "skip", "href": "#answer"}
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in found.all("section"):
        assert attrs["aria-labelledby"] in ids
    links = [attrs["href"] for attrs in found.all("a")]
    assert {link[1:] for link in links if link[0] == "#"} <= set(ids)
    assert tags.count("caption") == tags.count("table")
    assert all(attrs["scope"] in ("col", "row") for attrs in found.all("th"))
    assert all(attrs["alt"] for attrs in found.all("img"))
    return [link for link in links if link[0] != "#"]


def test_settings_of_tasks_that_are_not_the_usual_ones_are_named(study):
    protocol = {"symbols": 8, "size": 8}
    usual = {"copy": {"protocol": protocol, "updates": 9}, "sine": {"updates": 9}}
    own = {"copy": {"protocol": protocol | {"symbols": 4}, "updates": 9}, "flip_flop": {"a": 1}}
    made = study(usual=usual | {"flip_flop": {"a": 2}})
    shown = {"config": CONFIG | {"tasks": own | {"sine": {"updates": 3}}}}
    _, text = page(dataclasses.replace(made, **shown))
    assert (
        "has other <code>tasks.copy.protocol.symbols</code>, <code>tasks.sine.updates</code>."
        in (" ".join(text.split()))
    )  # and nothing of a task that has no network
    assert "not as in config.yaml" not in page(made)[1]


def test_links_lead_to_files_beside_the_page_and_nothing_is_loaded(study):
    made = study(beside="../..")
    found, text = page(made)
    links = [link for link in sound(found) if not link.startswith(("https://arxiv.org", "../.."))]
    assert len(links) > 20
    for link in links:
        assert (made.results / link).exists(), link
    assert not re.search(r"""(src|url\(|@import)[^>]{0,5}https?:""", text)
    for link in sound(found):
        if link.startswith("../.."):
            assert (ROOT / link.removeprefix("../../")).exists()
    assert not [link for link in sound(page(study())[0]) if link.startswith("..")]


def test_what_a_caption_names_has_to_be_there(study):
    broken = study(captions=CAPTIONS | {"summary": "{{ nothing.at.all }}"})
    with pytest.raises(jinja2.TemplateError, match="nothing"):
        article.article(broken, TEMPLATE)


def test_the_same_study_gives_the_same_page(study):
    assert article.article(study(), TEMPLATE) == article.article(study(), TEMPLATE)


def luminance(colour):
    """Return the relative luminance of WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * d for d in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def test_text_has_the_contrast_that_wcag_asks_for():
    schemes = re.findall(r":root \{(.*?)\}", (ROOT / "report" / "article.css").read_text(), re.S)
    assert len(schemes) == 3  # light, dark, print
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w+)", scheme))
        grounds = [colours.pop("page"), colours.pop("band")]
        colours.pop("line")  # divides, and says nothing
        for name, colour in colours.items():
            for ground in grounds:
                low, high = sorted([luminance(colour), luminance(ground)])
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, colour, ground)


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.1])
def test_a_coupling_is_outlined_cell_by_cell(alpha):
    W = np.random.default_rng(1).standard_normal((17, 17))
    schur = ordered_real_schur(W)
    assert (schur.sizes == 2).any() and (schur.sizes == 1).any()
    for mask in coupling_masks(schur, alpha).values():
        corners = outline(mask)
        cells = np.stack(np.indices(mask.shape)[::-1], axis=-1).reshape(-1, 2)
        inside = Outline(corners).contains_points(cells) if len(corners) else np.zeros(len(cells))
        np.testing.assert_array_equal(inside.reshape(mask.shape), mask)


def test_the_method_shows_the_network_without_each_coupling():
    figures.use_style()
    schur = ordered_real_schur(np.random.default_rng(0).standard_normal((20, 20)))
    rows = tables()["ablations"].query("task == 'copy' and seed == 0")
    figure = figures.method(schur, 0.6, rows, "one")
    matrix, damage = figure.axes
    assert {text.get_text() for text in matrix.texts} == set(COUPLINGS)
    assert len({patch.get_hatch() for patch in matrix.patches}) == len(COUPLINGS)
    widths = [bar.get_width() for bar in damage.patches]
    assert widths == [1.0, 0.875, 0.625, 1.0]
    assert [text.get_text().split(": ")[-1] for text in damage.texts[1:]] == list(VERDICTS.values())
    alone = figures.method(schur, 1e-9, rows, "no C").axes[0]
    assert {text.get_text() for text in alone.texts} == {"RR"}
    plt.close("all")


@browser.needs_chromium
@pytest.mark.parametrize("width", [1200, 390])
def test_a_browser_shows_all_of_it(study, tmp_path, width):
    made = study()
    (tmp_path / "report.html").write_text(article.article(made, TEMPLATE), encoding="utf-8")
    found, console = browser.look(tmp_path / "report.html", width, tmp_path / "report.png")
    assert not console and not found["requests"]
    assert found["overflow"] <= found["width"] == width
    assert len(found["images"]) == len(FIGURES) and all(there for _, there in found["images"])
    assert found["anchors"] and all(there for _, there in found["anchors"])
    assert all(text for _, text in found["links"])
    assert (tmp_path / "report.png").stat().st_size > 10_000
