"""The study of 'Task-Restricted Symmetries in Recurrent Weight Space' (arXiv 2606.18457).

config.yaml is the study, workflow/rules/ its method section, workflow/rnnschur/ the mathematics
and workflow/notebooks/ the results section.
"""

import json
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Every script, notebook and module finds the package and the study's settings here.
HERE = str(Path(workflow.basedir) / "workflow")
sys.path.insert(0, HERE)

import study
import surroundings

surroundings.settle(Path(HERE), Path(".snakemake", "settings"))


configfile: "config.yaml" if Path("config.yaml").exists() else f"{HERE}/../config.yaml"


try:
    study.complete(config)
    if workflow.is_main_process:  # what jobs get has been checked
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
    tables,
    figures,
    search,


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.summaries.output,
        rules.ledger.output,
        rules.figures.input,


onstart:
    # A report must not outlive what it shows, nor its settings.
    made = {file for job in workflow.dag.needrun_jobs() for file in job.output}
    if not made.isdisjoint(map(str, rules.all.input)):
        REPORT.unlink(missing_ok=True)
        SETTINGS.unlink(missing_ok=True)


onsuccess:
    # The report needs every result in place and fresh, so that it cannot be a rule.
    if not REPORT.exists() and all(Path(file).exists() for file in rules.all.input):
        hidden(SETTINGS).write_text(json.dumps(config, indent=2))
        if "Nothing to be done" in again(
            f"{LOGS}/remaining.log", "--dry-run", "all"
        ):
            again(f"{LOGS}/report.log", "--report", hidden(REPORT))
            hidden(SETTINGS).replace(SETTINGS)
            hidden(REPORT).replace(REPORT)
            print(f"Tables     {RESULTS}/tables/")
            print(f"Figures    {RESULTS}/figures/")
            print(f"Notebooks  {RESULTS}/notebooks/")
            print(f"Report     {REPORT}")
        hidden(SETTINGS).unlink(missing_ok=True)
