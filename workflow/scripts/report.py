"""Bind the results into one page, and keep the configuration that they are of beside it."""

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import quote

from jinja2 import TemplateError

from freshness import leave_record
from job import log
from rnnschur.files import write_text
from rnnschur.report import article
from sources import ROOT, sources

log(snakemake)


def commit(files):
    """Return the last commit that changed one of some files; empty where git does not say."""
    try:
        asked = [
            subprocess.run(
                ["git", "-C", ROOT, *command, "--", *files],
                capture_output=True, text=True, check=True, timeout=60,
            ).stdout.strip()
            for command in (
                ["log", "-1", "--no-show-signature", "--format=%h"], ["status", "--porcelain"],
            )
        ]  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    last, changed = asked
    return f"{last} with changes since" if last and changed else last


page, settings = Path(snakemake.output.page), Path(snakemake.output.settings)
drawn = snakemake.params.drawn
code = {name: sources(f"workflow/notebooks/{name}.ipynb") for name in set(drawn.values())}
code["report"] = snakemake.params.code
study = article.Study(
    results=page.parent,
    files={os.path.relpath(file, page.parent) for file in snakemake.input},
    config=snakemake.params.config,
    captions={file.stem: file.read_text() for file in ROOT.glob("report/captions/*.rst")},
    drawn=drawn,
    commits={name: found for name, files in code.items() if (found := commit(files))},
    usual=snakemake.params.usual,
    beside=quote(os.path.relpath(ROOT, page.parent)) if (ROOT / "docs").is_dir() else "",
)
try:
    text = article.article(study, ROOT / "report" / "article.html")
except TemplateError as error:
    raise SystemExit(
        f"The report was not made: {error}. The tables and figures are complete."
    ) from error
write_text(settings, json.dumps(snakemake.params.config, indent=2))
write_text(page, text)
leave_record(snakemake)
