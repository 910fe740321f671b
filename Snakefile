"""The study of 'Task-Restricted Symmetries in Recurrent Weight Space' (arXiv 2606.18457).

config.yaml is the study, workflow/rules/ its method section, workflow/rnnschur/ the mathematics
and workflow/notebooks/ the results section.
"""

import shutil
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Beside this file, whatever workflow it is a module of, stands all that it needs: every script,
# notebook and module finds the package and the study's settings here.
HERE = Path(workflow.snakefile).resolve().parent / "workflow"
if not HERE.is_dir():
    raise SystemExit(
        f"{workflow.snakefile} is without the files that stand beside it; allowed: the Snakefile "
        "of a clone"
    )
sys.path.insert(0, str(HERE))

import checks
import claim
import configuration
import snakemake_logger_plugin_progress as progress
import surroundings
from alone import disown, refuse_survivors, wait_for_survivors
from freshness import judge
from sources import ROOT, sources

surroundings.settle(HERE, Path(".snakemake", "settings"))

# A config.yaml in the working folder is that of the workflow which is started there.
MODULE = not workflow.modifier.is_main_snakefile()
OWN = not MODULE and Path("config.yaml").exists()
DEFAULT = "config.yaml" if OWN else str(ROOT / "config.yaml")

try:
    if workflow.is_main_process and not MODULE:
        asked = workflow.config_settings
        configuration.read(
            None if asked.replace_workflow_config else DEFAULT,
            asked.configfiles,
            asked.config,
        )
except ValueError as error:
    raise SystemExit(f"Error in the configuration: {error}")


configfile: DEFAULT


try:
    if MODULE:
        config = configuration.of_module(config)
    configuration.complete(config)
    if workflow.is_main_process:  # what jobs get has been checked
        checks.check(config)
        if workflow.local_exec:
            checks.device(config)
    claim.narrow(config)
except ValueError as error:
    raise SystemExit(f"Error in the configuration: {error}")


report: "report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/schur.smk"
include: "workflow/rules/ablation.smk"
include: "workflow/rules/threshold.smk"
include: "workflow/rules/controls.smk"
include: "workflow/rules/histories.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/search.smk"


if Path("results/published/config.json").exists():

    include: "workflow/rules/published.smk"


if PLANTED:

    include: "workflow/rules/planted.smk"


if not IMPORTED:

    include: "workflow/rules/findings.smk"


if GIVEN:

    include: "workflow/rules/verify.smk"


localrules:
    all,
    tables,
    figures,
    html_report,
    results,
    search,


rule results:
    """Make every table and figure (a target)."""
    input:
        rules.tables.input,
        rules.summaries.output,
        rules.ledger.output,
        rules.findings.output if FOUND else [],
        rules.figures.input,
        rules.render_planted.output if PLANTED else [],


CAPTIONS = [f"report/captions/{p.name}" for p in ROOT.glob("report/captions/*.rst")]
PAGES = ["report/article.html", "report/article.css"]
# Which notebook draws which figure.
DRAWN = {
    Path(file).stem: Path(rule.output.notebook).stem
    for rule in workflow.rules
    if rule.output.get("notebook")
    for file in rule.output
    if file.endswith(".png") and file in rules.results.input
}


rule html_report:
    """Write the page that opens on the verdict, from the tables and figures of the study."""
    input:
        rules.results.input,
    output:
        page=f"{RESULTS}/report.html",
        settings=f"{RESULTS}/config.json",
        record=f"{RECORDS}/html_report.json",
    log:
        f"{LOGS}/html_report.log",
    conda:
        "envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/report.py", *PAGES, *CAPTIONS),
        records=[file for file in rules.results.input if file.endswith(".json")],
        config=config,
        drawn=DRAWN,
        usual=lambda wildcards: configuration.usual_tasks(),
    script:
        "workflow/scripts/report.py"


rule all:
    default_target: True
    input:
        rules.results.input,
        rules.html_report.output,


# Code, settings and inputs decide what is fresh, not the clock.
judge(workflow.rules)


onstart:
    disown()
    refuse_survivors(workflow.local_exec)
    wait_for_survivors(
        log for job in workflow.dag.needrun_jobs() for log in job.log
    )
    progress.plan(workflow.dag)
    forget_waiting(
        job for job in workflow.dag.jobs if not workflow.dag.needrun(job)
    )
    # A report of results that are about to change would mislead.
    changing = {file for job in workflow.dag.needrun_jobs() for file in job.output}
    if not workflow.touch and not changing.isdisjoint(
        map(str, rules.results.input)
    ):
        for file in rules.html_report.output:
            Path(file).unlink(missing_ok=True)


onsuccess:
    progress.end()
    forget_waiting(workflow.dag.jobs)
    if Path(rules.html_report.output.page).exists():
        print(f"Tables     {RESULTS}/tables/")
        print(f"Figures    {RESULTS}/figures/")
        print(f"Notebooks  {RESULTS}/notebooks/")
        print(f"Report     {RESULTS}/report.html")


onerror:
    progress.end()
    # One that was interrupted has nothing that failed.
    for job in workflow.scheduler.failed:
        for part in job.jobs if job.is_group() else [job]:
            names = " ".join(map(str, part.wildcards))
            print(
                f"Failed: {part.rule.name} {names}; its log is {', '.join(part.log)}"
            )
    mended = ", once the cause is mended," if workflow.scheduler.failed else ""
    print(f"The same command{mended} goes on; what is finished stays.")
