"""Rendering of why a coupling can go: a notebook a question, where its families are measured.

REQUIRED INPUTS  tables/{family}.csv
OUTPUTS          notebooks/*.ipynb, executed; figures/*.png and *.pdf; tables/*.html, *.md and *.tex
"""

WHY = []  # what is rendered, by the families that a study has, and our findings
JUDGED = json.dumps(
    {"tables": TABLES, "figures": FIGURES, "epsilon": config["diagnosis"]["epsilon"]}
)

if "matched" in FAMILIES:

    use rule render_networks as render_couplings with:
        input:
            table("matched"),
            notebook=beside("workflow/notebooks/couplings.ipynb"),
        output:
            drawing("matched", "all", "Couplings"),
            notebook=f"{RESULTS}/notebooks/couplings.ipynb",
            record=f"{RECORDS}/render_couplings.json",
        log:
            f"{LOGS}/render_couplings.log",
        benchmark:
            f"{BENCHMARKS}/render_couplings.tsv"
        params:
            code=sources("workflow/notebooks/couplings.ipynb"),
            records=records("matched"),
            settings=json.dumps({"tables": TABLES, "figures": FIGURES}),

    WHY += rules.render_couplings.output


if {"activity", "rotations"} <= set(FAMILIES):

    use rule render_networks as render_activity with:
        input:
            table("energy", "activity", "rotations"),
            notebook=beside("workflow/notebooks/activity.ipynb"),
        output:
            page("energy_table"),
            page("activity_table"),
            page("rotation_table"),
            drawings("energy", TASKS, "Activity"),
            drawing("response", "all", "Activity"),
            drawing("linearity", "all", "Activity"),
            notebook=f"{RESULTS}/notebooks/activity.ipynb",
            record=f"{RECORDS}/render_activity.json",
        log:
            f"{LOGS}/render_activity.log",
        benchmark:
            f"{BENCHMARKS}/render_activity.tsv"
        params:
            code=sources("workflow/notebooks/activity.ipynb"),
            records=records("energy", "activity", "rotations"),
            settings=JUDGED,

    WHY += rules.render_activity.output


# The map of costs needs the task, to draw sequences from.
if "frontier" in FAMILIES and not IMPORTED:

    use rule render_networks as render_frontier with:
        input:
            table("frontier"),
            of_first_blocks("weights"),
            of_first_blocks("schur"),
            notebook=beside("workflow/notebooks/frontier.ipynb"),
        output:
            page("removable_table"),
            page("foretold_table"),
            drawings("removable", TASKS, "Removable mass"),
            drawings("rankings", TASKS, "Removable mass"),
            drawings("blocks", CONDITIONS, "Removable mass"),
            notebook=f"{RESULTS}/notebooks/frontier.ipynb",
            record=f"{RECORDS}/render_frontier.json",
        log:
            f"{LOGS}/render_frontier.log",
        benchmark:
            f"{BENCHMARKS}/render_frontier.tsv"
        params:
            code=sources(
                "workflow/notebooks/frontier.ipynb", *all_plugins("cells", "tasks")
            ),
            records=[*records("frontier"), *of_first_blocks("record")],
            settings=json.dumps(
                {
                    "tables": TABLES,
                    "figures": FIGURES,
                    "networks": FIRST_NETWORKS,
                    "study_seed": config["study_seed"],
                    "epsilon": config["diagnosis"]["epsilon"],
                    "alpha": config["diagnosis"]["alpha"],
                    "options": config["interventions"].get("frontier"),
                    "protocols": PROTOCOLS,
                }
            ),

    WHY += rules.render_frontier.output


ROBUSTNESS = ["borders", "orders", "readout", "graded", "shift"]
if set(ROBUSTNESS) <= set(FAMILIES):

    use rule render_networks as render_robustness with:
        input:
            table(*ROBUSTNESS),
            notebook=beside("workflow/notebooks/robustness.ipynb"),
        output:
            page("leading_table"),
            page("order_range_table"),
            page("readout_table"),
            page("shift_table"),
            drawings("borders", TASKS, "Robustness"),
            drawings("readout", TASKS, "Robustness"),
            drawings("graded", TASKS, "Robustness"),
            drawings("shift", TASKS, "Robustness"),
            notebook=f"{RESULTS}/notebooks/robustness.ipynb",
            record=f"{RECORDS}/render_robustness.json",
        log:
            f"{LOGS}/render_robustness.log",
        benchmark:
            f"{BENCHMARKS}/render_robustness.tsv"
        params:
            code=sources("workflow/notebooks/robustness.ipynb"),
            records=records(*ROBUSTNESS),
            settings=JUDGED,

    WHY += rules.render_robustness.output


if FOUND:

    use rule render_networks as render_findings with:
        input:
            table("findings"),
            notebook=beside("workflow/notebooks/findings.ipynb"),
        output:
            page("findings_table"),
            notebook=f"{RESULTS}/notebooks/findings.ipynb",
            record=f"{RECORDS}/render_findings.json",
        log:
            f"{LOGS}/render_findings.log",
        benchmark:
            f"{BENCHMARKS}/render_findings.tsv"
        params:
            code=sources("workflow/notebooks/findings.ipynb"),
            records=records("findings"),
            settings=json.dumps({"tables": TABLES}),

    WHY += rules.render_findings.output
