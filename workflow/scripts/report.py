"""Bind the results into one page, and keep the configuration that they are of beside it."""

import json
import subprocess
import sys
from pathlib import Path

from freshness import leave_record
from job import log
from rnnschur.files import write_text
from sources import ROOT

log(snakemake)

settings, page = Path(snakemake.output.settings), Path(snakemake.output.page)
part = page.with_name(f".part.{page.name}")  # the ending says how the report is written
write_text(settings, json.dumps(snakemake.params.config, indent=2))
# Snakemake writes the report of the target `results`, of which nothing remains to be done.
report = [sys.executable, "-m", "snakemake", "results", "--snakefile", ROOT / "Snakefile"]
report += ["--configfile", settings, "--replace-workflow-config"]  # whatever lies here, too
report += ["--nolock", "--cores", "1", "--report", part]
written = subprocess.run(report, stdout=sys.stdout, stderr=sys.stdout, check=False)
if written.returncode:
    sys.exit("The report was not made. The tables and figures are complete.")
part.replace(page)
leave_record(snakemake)
