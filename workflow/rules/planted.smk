"""Planted Schur forms: where networks are trained by their Schur form, it is known.

REQUIRED INPUTS  {block}.safetensors, {block}.schur.safetensors  of the architecture nnrnn
OUTPUTS          tables/planted_moduli.csv  a row an eigenvalue: its modulus, planted and found
                 tables/planted_masses.csv  a row a network: sectors and couplings, planted and found
"""

PLANTED_BLOCKS = [b for b in study.blocks(config) if study.Condition(*b[:3]) in PLANTED]


def of_planted_blocks(stem):
    """Return a file of every block of networks with a planted Schur form."""
    return [stem.format(**block._asdict()) for block in PLANTED_BLOCKS]


rule planted:
    """Lay the Schur forms that are found beside the planted ones."""
    input:
        weights=of_planted_blocks(WEIGHTS),
        schur=of_planted_blocks(rules.schur.output.schur),
        networks=rules.networks.output.networks,
    output:
        moduli=f"{TABLES}/planted_moduli.csv",
        masses=f"{TABLES}/planted_masses.csv",
        record=f"{RECORDS}/planted.json",
    log:
        f"{LOGS}/planted.log",
    benchmark:
        f"{BENCHMARKS}/planted.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/planted.py", *all_plugins("cells")),
        records=[
            *records("networks"),
            *of_planted_blocks(WEIGHTS if GIVEN else f"{NETWORKS}.json"),
            *of_planted_blocks(f"{NETWORKS}.schur.json"),
        ],
        alpha=config["diagnosis"]["alpha"],
        blocks=[
            [*block[:3], study.cell(config, block.architecture)]
            for block in PLANTED_BLOCKS
        ],
    script:
        "../scripts/planted.py"


use rule render_networks as render_planted with:
    input:
        rules.planted.output,
        notebook=beside("workflow/notebooks/planted.ipynb"),
    output:
        page("planted_table"),
        drawing("planted", "all", "Coordinates"),
        notebook=f"{RESULTS}/notebooks/planted.ipynb",
        record=f"{RECORDS}/render_planted.json",
    log:
        f"{LOGS}/render_planted.log",
    benchmark:
        f"{BENCHMARKS}/render_planted.tsv"
    params:
        code=sources("workflow/notebooks/planted.ipynb"),
        records=records("planted"),
        settings=json.dumps({"tables": TABLES, "figures": FIGURES}),
