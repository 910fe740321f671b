"""The small study on Slurm, through either profile, is the local one."""

import pytest
from conftest import SITES, finish


@pytest.mark.parametrize("profile", SITES)
def test_one_submission_a_block_and_the_tables_of_a_local_run(profile, cluster, reference):
    printed = finish(cluster.snakemake(profile))
    assert "(100%) done" in printed
    assert cluster.states("block") == ["COMPLETED"] * 2
    assert cluster.states("report") == ["COMPLETED"]
    assert [job.cores for job in cluster.submissions()] == ["1"] * 3
    tables = cluster.tables()
    assert len(tables) > 10 and tables == reference.tables()  # bit for bit
    assert (cluster.results / "report.html").exists()
