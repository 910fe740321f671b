"""Rendering: notebooks executed by papermill turn the tables into the paper's tables and figures.

REQUIRED INPUTS  tables/*.csv; weights of the first networks of every condition
OUTPUTS          notebooks/*.ipynb, executed; figures/*.png and *.pdf; tables/*.html, *.md and *.tex
"""


rule render_networks:
    """Render training curves, spectra and Schur forms."""
    input:
        table("networks", "histories", "spectra"),
        table("phases") if REPLAYS else [],
        of_first_blocks("weights"),
        of_first_blocks("schur"),
        notebook=beside("workflow/notebooks/networks.ipynb"),
    output:
        page("training_table"),
        drawings("learning", [] if IMPORTED else TASKS, "Networks"),
        drawings("spectra", TASKS, "Networks"),
        drawings("phases", REPLAYING, "Networks"),
        drawings("schur", CONDITIONS, "Networks"),
        notebook=f"{RESULTS}/notebooks/networks.ipynb",
        record=f"{RECORDS}/render_networks.json",
    log:
        f"{LOGS}/render_networks.log",
    benchmark:
        f"{BENCHMARKS}/render_networks.tsv"
    retries: 1  # two kernels that start at once can pick the same port
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/notebooks/networks.ipynb", *all_plugins("cells")),
        records=[
            *records("networks", *(["phases"] if REPLAYS else [])),
            *of_first_blocks("record"),
        ],
        settings=json.dumps(
            {
                "tables": TABLES,
                "figures": FIGURES,
                "networks": FIRST_NETWORKS,
                "alpha": config["diagnosis"]["alpha"],
                "replays": REPLAYS,
            }
        ),
    shell:
        "python -m papermill --no-progress-bar -k python3 -y {params.settings:q}"
        " {input.notebook:q} {output.notebook:q} > {log:q} 2>&1"
        " && python -m freshness {output.record:q} {params.recipe:q} {params.records:q}"


# What draws the sequences of a task; networks from elsewhere bring theirs.
PROTOCOLS = {
    task: {"name": study.module(config, task), **config["tasks"][task]["protocol"]}
    for task in TASKS
    if not IMPORTED
}
# Beside the paper stands what was trained as it says.
PAPER = page("ledger_table") + page("independent_table") + page("main_table")
PAPER += drawing("ledger", "all", "Verdict") + drawing("verdicts", "all", "Verdict")
PAPER = [] if IMPORTED else PAPER


use rule render_networks as render_ablations with:
    input:
        table("ablations", "thresholds", "ablation_summary", "threshold_summary"),
        table("paper_comparison", "ledger", "verdict_curves", "orders"),
        of_first_blocks("weights"),
        of_first_blocks("schur"),
        notebook=beside("workflow/notebooks/ablations.ipynb"),
    output:
        PAPER,
        page("damage_table"),
        page("dominance_table"),
        page("threshold_table"),
        page("verdict_table"),
        drawing("method", "all", "Verdict"),
        drawing("summary", "all", "Verdict"),
        drawing("criterion", "all", "Ablations"),
        drawings("profile", TASKS, "Ablations"),
        drawings("thresholds", TASKS, "Ablations"),
        drawings("rollouts", CONDITIONS, "Rollouts"),
        drawings("diagnosis", CONDITIONS if IMPORTED else [], "Ablations"),
        notebook=f"{RESULTS}/notebooks/ablations.ipynb",
        record=f"{RECORDS}/render_ablations.json",
    log:
        f"{LOGS}/render_ablations.log",
    benchmark:
        f"{BENCHMARKS}/render_ablations.tsv"
    priority: 1  # it takes longest
    params:
        code=sources(
            "workflow/notebooks/ablations.ipynb", *all_plugins("cells", "tasks")
        ),
        records=[
            *records("networks", "ablations", "thresholds", "orders"),
            *records("summaries", "ledger"),
            *of_first_blocks("record"),
        ],
        settings=json.dumps(
            {
                "tables": TABLES,
                "figures": FIGURES,
                "networks": FIRST_NETWORKS,
                "study_seed": config["study_seed"],
                "engine": config["training"]["engine"],
                "protocols": PROTOCOLS,
                **study.criterion(config),
            }
        ),


use rule render_networks as render_coordinates with:
    input:
        table("networks", "symmetries", "orders"),
        notebook=beside("workflow/notebooks/coordinates.ipynb"),
    output:
        page("nonnormality_table"),
        page("symmetry_table"),
        page("order_table"),
        drawing("conditioning", "all", "Coordinates"),
        drawing("orders", "all", "Coordinates"),
        notebook=f"{RESULTS}/notebooks/coordinates.ipynb",
        record=f"{RECORDS}/render_coordinates.json",
    log:
        f"{LOGS}/render_coordinates.log",
    benchmark:
        f"{BENCHMARKS}/render_coordinates.tsv"
    params:
        code=sources("workflow/notebooks/coordinates.ipynb"),
        records=records("networks", "symmetries", "orders"),
        settings=json.dumps({"tables": TABLES, "figures": FIGURES}),


include: "why.smk"


rule figures:
    """Render every figure and table page (a target)."""
    input:
        rules.render_networks.output,
        rules.render_ablations.output,
        rules.render_coordinates.output,
        WHY,
