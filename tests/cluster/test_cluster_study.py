"""The small study on Slurm is the local one."""

from conftest import finish


def test_one_submission_a_block_and_the_tables_of_a_local_run(cluster, reference):
    """By one of the profiles; test_profiles.py holds the other one to it."""
    printed = finish(cluster.snakemake("slurm"))
    assert "(100%) done" in printed
    assert cluster.states("block") == ["COMPLETED"] * 2
    assert cluster.states("report") == ["COMPLETED"]
    assert [job.cores for job in cluster.submissions()] == ["1"] * 3
    reference.run("snakemake", "tables", "summaries", "ledger")
    tables = cluster.tables()
    assert len(tables) > 10 and tables == reference.tables()  # bit for bit
    assert (cluster.results / "report.html").exists()
