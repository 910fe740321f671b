"""The study of 'Task-Restricted Symmetries in Recurrent Weight Space' (arXiv 2606.18457).

config.yaml is the study, workflow/rules/ its method section, workflow/rnnschur/ the mathematics
and workflow/notebooks/ the results section.
"""

import json
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Every script, notebook and module finds the package and the study's settings here.
HERE = str(Path(workflow.basedir) / "workflow")
sys.path.insert(0, HERE)
inherited = os.getenv("PYTHONPATH", "").split(os.pathsep)
os.environ.update(
    PYTHONPATH=os.pathsep.join([HERE, *(p for p in inherited if p not in ("", HERE))])
)

import study


configfile: "config.yaml"


try:
    study.complete(config)
    study.check(config)
except ValueError as error:
    raise SystemExit(f"Error in the configuration: {error}")


report: "report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/schur.smk"
include: "workflow/rules/ablation.smk"
include: "workflow/rules/threshold.smk"
include: "workflow/rules/controls.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/search.smk"


if Path("results/published/config.json").exists():

    include: "workflow/rules/published.smk"


if GIVEN:

    include: "workflow/rules/verify.smk"


localrules:
    all,
    figures,
    search,


rule all:
    default_target: True
    input:
        rules.tables.output,
        rules.summaries.output,
        rules.ledger.output,
        rules.figures.input,


onstart:
    Path(RESULTS, "report.html").unlink(missing_ok=True)  # a stale one would mislead


onsuccess:
    if all(Path(file).exists() for file in rules.all.input):
        # The report needs every result in place, so that it cannot be a rule.
        Path(RESULTS, "config.json").write_text(json.dumps(config, indent=2))
        shell(
            "{sys.executable} -m snakemake --nolock --configfile {RESULTS}/config.json"
            " --report {RESULTS}/report.html > {LOGS}/report.log 2>&1"
        )
        print(f"Tables     {RESULTS}/tables/")
        print(f"Figures    {RESULTS}/figures/")
        print(f"Notebooks  {RESULTS}/notebooks/")
        print(f"Report     {RESULTS}/report.html")
