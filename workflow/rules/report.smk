"""Rendering: notebooks executed by papermill turn the tables into the paper's tables and figures.

REQUIRED INPUTS  tables/*.csv; weights and Schur forms of the first networks of every cell
OUTPUTS          notebooks/*.ipynb, executed; figures/*.png and *.pdf; tables/*.html
"""

import json

TASKS = list(dict.fromkeys(cell.task for cell in study.cells(config)))
CELLS = ["{0}_{1}_n{2}".format(*cell) for cell in study.cells(config)]
FIRST_NETWORKS = {
    "{0}/{1}/{2}".format(*block): NETWORKS.format(**block._asdict())
    for block in study.blocks(config)
    if block.first == 0
}


def drawing(kind, name, category):
    """Return the PNG file of a figure, for the report."""
    return report(
        f"{FIGURES}/{kind}_{name}.png",
        caption=f"../../report/captions/{kind}.rst",
        category=category,
        labels={"figure": kind, "of": name},
    )


def drawings(kind, names, category):
    """Return the PNG files of one kind of figure, one for each of the names."""
    return [drawing(kind, name, category) for name in names]


def page(name):
    """Return the page of a table, for the report."""
    return report(
        f"{TABLES}/{name}.html",
        caption=f"../../report/captions/{name}.rst",
        category="Tables",
        labels={"table": name.replace("_", " ")},
    )


rule render_networks:
    """Render training curves, spectra and Schur forms."""
    input:
        sources("notebooks/networks.ipynb"),
        rules.tables.output,
        of_first_blocks(".schur.safetensors"),
        notebook="workflow/notebooks/networks.ipynb",
    output:
        drawings("learning", TASKS, "Networks"),
        drawings("spectra", TASKS, "Networks"),
        drawings("schur", CELLS, "Networks"),
        notebook=f"{RESULTS}/notebooks/networks.ipynb",
    params:
        settings=json.dumps(
            {
                "tables": TABLES,
                "figures": FIGURES,
                "networks": FIRST_NETWORKS,
                "alpha": config["diagnosis"]["alpha"],
            }
        ),
    log:
        f"{LOGS}/render_networks.log",
    benchmark:
        f"{BENCHMARKS}/render_networks.tsv"
    threads: 1
    retries: 1  # two kernels that start at once can pick the same port
    conda:
        "../../envs/study.yaml"
    shell:
        "papermill --no-progress-bar -k python3 -y {params.settings:q}"
        " {input.notebook} {output.notebook} > {log} 2>&1"


rule render_ablations:
    """Render the paper's tables, ablation profiles, the criterion and rollouts."""
    input:
        sources("notebooks/ablations.ipynb"),
        rules.tables.output,
        rules.summaries.output,
        of_first_blocks(".safetensors"),
        of_first_blocks(".schur.safetensors"),
        notebook="workflow/notebooks/ablations.ipynb",
    output:
        page("main_table"),
        page("damage_table"),
        page("threshold_table"),
        page("verdict_table"),
        drawings("profile", TASKS, "Ablations"),
        drawings("thresholds", TASKS, "Ablations"),
        drawings("rollouts", CELLS, "Rollouts"),
        report(
            f"{FIGURES}/criterion.png",
            caption="../../report/captions/criterion.rst",
            category="Ablations",
            labels={"figure": "criterion", "of": "all tasks"},
        ),
        notebook=f"{RESULTS}/notebooks/ablations.ipynb",
    params:
        settings=json.dumps(
            {
                "tables": TABLES,
                "figures": FIGURES,
                "networks": FIRST_NETWORKS,
                "study_seed": config["study_seed"],
                "protocols": {task: config["tasks"][task]["protocol"] for task in TASKS},
                **{
                    key: config["diagnosis"][key]
                    for key in ("alpha", "epsilon", "minimum_mass", "fragile")
                },
            }
        ),
    log:
        f"{LOGS}/render_ablations.log",
    benchmark:
        f"{BENCHMARKS}/render_ablations.tsv"
    threads: 1
    retries: 1
    conda:
        "../../envs/study.yaml"
    shell:
        "papermill --no-progress-bar -k python3 -y {params.settings:q}"
        " {input.notebook} {output.notebook} > {log} 2>&1"


rule figures:
    """Render every figure and table page (a target)."""
    input:
        rules.render_networks.output,
        rules.render_ablations.output,
