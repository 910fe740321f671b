"""Protocol search: which of the choices that the paper leaves open come nearest to its numbers?

A target of its own (`search`), for a study whose tasks are protocols of the paper's tasks.

REQUIRED INPUTS  tables/ablations.csv, thresholds.csv
OUTPUTS          tables/search_ablations.csv, search_thresholds.csv
                                              the same rows, by task and protocol
                 tables/search_numbers.csv    a row a protocol and number of the paper
                 tables/search_protocols.csv  a row a protocol: distance, claims
                 tables/search_claims.csv     a row a protocol and claim or number: its verdict
                 tables/search_claims_summary.csv
                                              a row a claim or number: under how many protocols
                 tables/search_drivers.csv    what decides which coupling dominates in context
                                              integration, where it is searched, and a figure
"""

SEARCHED = sorted({study.module(config, task) for task in TASKS if not IMPORTED})


rule protocols:
    """Compare every protocol with the paper."""
    input:
        ablations=f"{TABLES}/ablations.csv",
        thresholds=f"{TABLES}/thresholds.csv",
        paper=beside("report/paper.csv"),
        claims=beside("report/claims.yaml"),
        choices=beside("report/choices.yaml"),
    output:
        ablations=f"{TABLES}/search_ablations.csv",
        thresholds=f"{TABLES}/search_thresholds.csv",
        numbers=f"{TABLES}/search_numbers.csv",
        protocols=f"{TABLES}/search_protocols.csv",
        by_claim=f"{TABLES}/search_claims.csv",
        summary=f"{TABLES}/search_claims_summary.csv",
        record=f"{RECORDS}/protocols.json",
    log:
        f"{LOGS}/protocols.log",
    benchmark:
        f"{BENCHMARKS}/protocols.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources(
            "workflow/scripts/protocols.py",
            *("report/paper.csv", "report/claims.yaml", "report/choices.yaml"),
        ),
        records=records("ablations", "thresholds"),
        tasks={task: study.module(config, task) for task in TASKS},
        criterion=study.criterion(config),
        statistics=study.statistics(config),
    script:
        "../scripts/protocols.py"


use rule render_networks as render_search with:
    input:
        rules.protocols.output,
        notebook=beside("workflow/notebooks/search.ipynb"),
    output:
        page("search_table"),
        page("search_claims_table"),
        drawings("search", SEARCHED, "Search"),
        drawings("search_claims", SEARCHED, "Search"),
        notebook=f"{RESULTS}/notebooks/search.ipynb",
        record=f"{RECORDS}/render_search.json",
    log:
        f"{LOGS}/render_search.log",
    benchmark:
        f"{BENCHMARKS}/render_search.tsv"
    params:
        code=sources("workflow/notebooks/search.ipynb"),
        records=[rules.protocols.output.record],
        settings=json.dumps({"tables": TABLES, "figures": FIGURES}),


CONTEXT = "context_integration"
CONTEXTS = [t for t in TASKS if not IMPORTED and study.module(config, t) == CONTEXT]


rule drivers:
    """Regress which coupling dominates on |R|, the threshold and the protocol."""
    input:
        thresholds=rules.protocols.output.thresholds,
    output:
        table=f"{TABLES}/search_drivers.csv",
        picture=drawing("drivers", CONTEXT, "Search"),
        record=f"{RECORDS}/drivers.json",
    log:
        f"{LOGS}/drivers.log",
    benchmark:
        f"{BENCHMARKS}/drivers.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        code=sources("workflow/scripts/drivers.py"),
        records=records("protocols"),
        tasks={task: config["tasks"][task] for task in CONTEXTS},
        start=CONTEXT,
        statistics=study.statistics(config),
    script:
        "../scripts/drivers.py"


rule search:
    """Search among protocols (a target)."""
    input:
        rules.render_search.output,
        rules.drivers.output if CONTEXTS else [],
