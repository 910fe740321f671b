"""The report of a study: one page that opens on the verdict, made of its tables and figures.

The page needs no network and no script. Its text is a template of Jinja; every number in it comes
from a table, and what is said about pictures, too.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from rnnschur import __version__
from rnnschur.coordinates.sectors import COUPLINGS
from rnnschur.findings import dominant_couplings
from rnnschur.metrics import METRICS
from rnnschur.paper.verdicts import groups
from rnnschur.report import answer
from rnnschur.report import sentences as say
from rnnschur.report.figures.method import example
from rnnschur.report.figures.style import rows_of, words
from rnnschur.report.figures.summary import removable
from rnnschur.report.formats import digits, interval
from rnnschur.report.pages import findings_table
from rnnschur.tables import by_matrix, read

#: Tables that the page reads where the study has them.
READ = ("networks", "ablations", "ablation_summary", "paper_comparison", "ledger", "orders")
READ += ("rotations", "findings")
#: A mark beside each verdict, which does not need its colour.
MARKS = {"reproduced": "✓", "borne out": "✓", "partly": "~", "not": "✗", "not borne out": "✗"}
#: Formats of a file and what they are called.
FORMATS = {"html": "page", "md": "Markdown", "tex": "LaTeX"}


@dataclass(frozen=True)
class Study:
    """What a study has left.

    Attributes
    ----------
    results : path
        Its folder, in which the page is to stand.
    files : sequence of str
        Its results, relative to this folder.
    config : dict
        Its configuration.
    captions : mapping
        By kind of figure or name of table, a template of its caption.
    drawn : mapping
        By name of a figure, the notebook that drew it.
    commits : mapping
        By name of a notebook, the last commit that changed what it draws by, where that is known.
    usual : mapping
        Settings of tasks by name, of which the page says that they are others in this study.
    beside : str
        Where the texts of the project lie, seen from the folder; empty where they do not.
    """

    results: Path
    files: Iterable[str]
    config: Mapping
    captions: Mapping[str, str]
    drawn: Mapping[str, str] = field(default_factory=dict)
    commits: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping = field(default_factory=dict)
    beside: str = ""

    def caption(self, name: str) -> str:
        """Return the caption of a kind of figure or of a table as text, empty for none."""
        template = jinja2.Template(self.captions.get(name, ""), undefined=jinja2.StrictUndefined)
        return " ".join(template.render(snakemake={"config": self.config}).split())

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables that the page reads and that the study has."""
        return {
            name: by_matrix(read(self.results / "tables" / f"{name}.csv"))
            for name in READ
            if f"tables/{name}.csv" in self.files
        }


@dataclass(frozen=True)
class Table:
    """A table of the page: its first column names the rows."""

    caption: str
    rows: pd.DataFrame
    source: str


def article(study: Study, template: str | Path) -> str:
    """Return the page of a study.

    Parameters
    ----------
    study : Study
        What it has left. Whatever it lacks, tasks, figures or findings, the page leaves out.
    template : path
        Of the page; other templates, which it includes, lie beside it.

    Raises
    ------
    jinja2.TemplateError
        For a template or a caption that names what there is not.
    """
    template = Path(template)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    return environment.get_template(template.name).render(content(study))


def content(study: Study) -> dict:
    """Return what the template of the page is filled with."""
    tables = study.tables()
    networks, ablations, ledger = (tables[name] for name in ("networks", "ablations", "ledger"))
    keys = say.key_conditions(networks, tables["paper_comparison"])
    found = {condition: say.couplings(tables, condition) for condition in keys}
    metrics = {c: rows_of(networks, c)["metric"].iloc[0] for c in keys}
    tables_of_why, figures_of_why = _why(study, tables, keys)
    overview = "; ".join(f"{say.named(c)}: {say.without(found[c], metrics[c])}" for c in keys)
    return {
        "size": answer.size(networks, ledger),
        "verdict": answer.verdict(ledger),
        "at_fault": answer.at_fault(ledger),
        "removable": f"{removable(ablations, tables['paper_comparison'], listed=True)}.",
        "diagnosis": study.config["diagnosis"],
        "method": _method(study, ablations, networks),
        "summary": figure(study, "summary_all", f"Damage by task. {overview}.", _SUMMARY),
        "ledger": _ledger(ledger),
        "tasks": [_task(study, tables, c, found[c], metrics[c]) for c in keys],
        "findings": say.of_findings(tables["findings"]) if "findings" in tables else "",
        "why_tables": tables_of_why,
        "why_figures": figures_of_why,
        "changes": _changes(study, networks),
        "limits": say.limits(tables, study.config["statistics"]["confidence"]),
        "near": _near(ledger),
        "groups": files(study),
        "marks": MARKS,
        "beside": study.beside,
        "commits": dict(study.commits),
        "version": __version__,
    }


def _changes(study: Study, networks: pd.DataFrame) -> list[str]:
    """Return the settings of the tasks of a study's networks that are other ones than usual."""
    there = set(networks["task"])
    own = {task: of for task, of in study.config.get("tasks", {}).items() if task in there}
    return say.changes(own, study.usual)


_SUMMARY = ("ablations", "ablation_summary", "paper_comparison")


def figure(study: Study, name: str, alt: str, tables: Iterable[str]) -> dict | None:
    """Return a figure with what is said beside it, None where the study does not have it.

    Parameters
    ----------
    study : Study
    name : str
        Of its file, without ending.
    alt : str
        What it shows, for those who do not see it.
    tables : iterable of str
        Names of those that its numbers are from.
    """
    path = f"figures/{name}.png"
    if path not in study.files:
        return None
    pixels = (study.results / path).read_bytes()
    width, height = (int.from_bytes(pixels[i : i + 4], "big") for i in (16, 20))  # of the PNG
    notebook = study.drawn.get(name, "")
    return {
        "name": name,
        "alt": alt,
        "caption": study.caption(name.partition("_")[0]),
        "data": f"data:image/png;base64,{base64.b64encode(pixels).decode()}",
        "width": width,
        "height": height,
        "tables": [t for t in tables if f"tables/{t}.csv" in study.files],
        "notebook": notebook,
        "commit": study.commits.get(notebook, ""),
        "pdf": f"figures/{name}.pdf" if f"figures/{name}.pdf" in study.files else "",
    }


def _method(study: Study, ablations: pd.DataFrame, networks: pd.DataFrame) -> dict | None:
    """Return the picture of the method, told in the numbers of its network."""
    condition = example(say.conditions(networks))
    rows = say.first_network(ablations, condition)
    leading = rows["leading"].iloc[0]
    masses = rows.set_index("removed")["removed_mass"]
    masses = [f"{name} {digits(masses[name])}" for name in COUPLINGS if name in masses]
    alt = (
        f"Left, the matrix T of the first network of {say.named(condition)}: upper triangular, "
        f"with {leading} rows in sector R, the others in C, and RR, CR and CC outlined; "
        f"their masses are {answer.listed(masses)}. Right, what removing each does: "
        f"{say.of_one(rows)}."
    )
    return figure(study, "method_all", alt, ("ablations",))


def _ledger(ledger: pd.DataFrame) -> list[Table]:
    """Return the verdicts that count, of claims and of numbers; without those that have no row."""
    rows = groups(ledger)
    agree = [f"{round(r['share'] * r['networks'])} of {r['networks']}" for _, r in rows.iterrows()]
    left = [f" ({out} left out)" if out else "" for out in rows["left_out"]]
    own = ledger.drop_duplicates("claim").set_index("claim").loc[rows["claim"]]
    columns = {
        "rests on": rows["group"].map(words),
        "verdict": rows["verdict"],
        "networks that agree": [a + b for a, b in zip(agree, left, strict=True)],
        "interval of their share": [interval(row, "share_") for _, row in rows.iterrows()],
        "paper": list(own["paper"].map(digits)),
        "ours, mean": list(own["mean"].map(digits)),
        "interval": [interval(row) for _, row in own.iterrows()],
        "the weakest statement": rows["claim"],
    }
    names = list(columns)
    shown = {
        "claim": ("Claims, by what they rest on", [*names[:4], names[7]]),
        "number": ("Numbers, by the ablation they are of", [*names[:2], *names[4:]]),
    }
    found = pd.DataFrame(columns)
    return [
        Table(caption, found.loc[rows["kind"] == kind, names], "ledger")
        for kind, (caption, names) in shown.items()
        if (rows["kind"] == kind).any()
    ]


def _task(
    study: Study, tables: Mapping, condition: tuple, found: pd.DataFrame, metric: str
) -> dict:
    """Return the section of a task: intact measure, what each coupling does, a rollout."""
    task, architecture, width = condition
    all_networks = rows_of(tables["networks"], condition)
    learned = all_networks[all_networks["learned"].astype(bool)]
    name = f"rollouts_{task}_{architecture.partition(',')[0]}_n{width}"  # of all its matrices
    one = say.first_network(tables["ablations"], condition)
    alt = (
        "Outputs on one held-out sequence: target, the first network intact, and without "
        f"couplings. On all its sequences its {say.of_one(one)}."
    )
    measure = METRICS[metric].label
    intact = f"{digits(learned['value'].mean())} on average"
    said = f"{len(learned)} of {answer.some(len(all_networks), 'network')} learned the task"
    return {
        "id": f"task-{task.replace('_', '-')}",
        "task": words(task),
        "condition": say.named(condition),
        "said": f"{said}; the intact {measure} is {intact}." if len(learned) else f"{said}.",
        "table": _couplings(tables, condition, found, metric) if len(found) else None,
        "rollout": figure(study, name, alt, ("ablations",)),
    }


def _couplings(tables: Mapping, condition: tuple, found: pd.DataFrame, metric: str) -> Table:
    """Return the table of what removing each coupling does."""
    most = [f"{row['verdict']}, {say.in_how_many(row)}" for _, row in found.iterrows()]
    rows = pd.DataFrame(
        {
            "without": found.index,
            "removed mass": found["mass"].map(digits),
            say.measured(metric): found["damage"].map(digits),
            "interval": [interval(row) for _, row in found.iterrows()],
            "paper": found["paper"].map(digits),
            "commonest verdict": ["" if text.startswith(",") else text for text in most],
        },
    )
    if "orders" in tables:
        most = dominant_couplings(tables["ablations"], tables["orders"])
        row = rows_of(most, condition).iloc[0]
        orders = rows_of(tables["orders"], condition)
        orders = orders[(orders["order"] == "any") & orders["learned"].astype(bool)]
        parts = {
            "damage": ("worst in networks", row["networks"]),
            "damage, random orders": (
                "worst in random orders",
                len(orders[["seed", "draw"]].drop_duplicates()),
            ),
        }
        for part, (column, number) in parts.items():
            counted = [row[f"{part}: {coupling}"] for coupling in found.index]
            rows[column] = [f"{count} of {number}" for count in counted]
    if not rows["paper"].any():
        rows = rows.drop(columns="paper")
    caption = f"What removing one coupling does in {say.named(condition)}"
    return Table(caption, rows, "ablation_summary")


def _why(study: Study, tables: Mapping, keys: list[tuple]) -> tuple[list[Table], list[dict]]:
    """Return tables and figures of why couplings can go, as far as there are any."""
    shown, drawn = [], []
    if "findings" in tables:
        rows = findings_table(tables["findings"])
        names = {"seen networks that agree": "seen", "fresh networks that agree": "fresh"}
        rows = rows.rename(columns=names)[["finding", "verdict", *names.values()]]
        caption = "Our findings, and the networks that agree with each"
        if len(rows):
            shown.append(Table(caption, rows, "findings"))
    if "rotations" in tables:
        alt = say.of_rotations(tables["rotations"], keys, study.config["diagnosis"]["epsilon"])
        drawn.append(figure(study, "linearity_all", alt, ("rotations",)))
    return shown, [one for one in drawn if one]


def _near(ledger: pd.DataFrame) -> Table | None:
    """Return the verdicts that would be others near a bound."""
    rows = ledger[ledger["verdict"].notna() & ledger["flips"].notna()]
    shown = rows[["claim", "verdict", "flips"]].set_axis(
        ["statement", "verdict", "another one near"], axis=1
    )
    return Table("Verdicts that hang on a bound", shown, "ledger") if len(shown) else None


def files(study: Study) -> list[dict]:
    """Return what else a study has left: groups of files, with a word on each."""
    names = sorted(study.files)
    stems = {
        folder: list(dict.fromkeys(Path(n).stem for n in names if n.startswith(f"{folder}/")))
        for folder in ("tables", "figures", "notebooks")
    }
    kinds = dict.fromkeys(stem.partition("_")[0] for stem in stems["figures"])
    made = {
        "Figures": [
            {
                "name": words(kind),
                "said": _first_sentence(study.caption(kind)),
                "files": [
                    link
                    for stem in stems["figures"]
                    if stem.partition("_")[0] == kind
                    for link in _links(names, f"figures/{stem}", words(stem.partition("_")[2]))
                ],
            }
            for kind in kinds
        ],
        "Tables": [
            {
                "name": words(stem),
                "said": _first_sentence(study.caption(stem)),
                "files": _links(names, f"tables/{stem}", words(stem)),
            }
            for stem in stems["tables"]
        ],
        "Notebooks, executed": [
            {"name": words(stem), "said": "", "files": _links(names, f"notebooks/{stem}", "")}
            for stem in stems["notebooks"]
        ],
    }
    return [{"name": name, "entries": entries} for name, entries in made.items() if entries]


def _links(names: Iterable[str], stem: str, of: str) -> list[dict]:
    """Return links to all formats of a file; the text of a link says what it leads to."""
    found = [name for name in names if name.rpartition(".")[0] == stem]
    ends = [name.rpartition(".")[2] for name in found]
    texts = [FORMATS.get(end, end.upper() if len(end) == 3 else end) for end in ends]
    return [{"href": n, "of": of, "text": t} for n, t in zip(found, texts, strict=True)]


def _first_sentence(text: str) -> str:
    """Return the first sentence of a caption."""
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


def _code(text: str) -> Markup:
    """Return text as HTML, what stands between two backticks as code, N_h with its index."""
    text = str(escape(text))
    text = re.sub(r"``(.+?)``", r"<code>\1</code>", text)
    return Markup(re.sub(r"\bN_h\b", "<i>N</i><sub>h</sub>", text))
