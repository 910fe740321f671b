"""What goes wrong on a cluster: the study completes, with the tables of an undisturbed run.

Training is suspended after a block's first network, so that a fault hits in the middle of it on
any machine; the other block goes on.
"""

import signal
import subprocess
import time

import pytest
from conftest import QUICK, SLOW, TABLE, finish
from one_node_slurm import wait_until


@pytest.fixture
def start(cluster):
    """Return a function that starts the study through a profile, up to a table of all blocks."""
    return lambda profile, *arguments: cluster.snakemake(profile, TABLE, *arguments)


@pytest.fixture
def held(cluster):
    """Return a function that suspends one training once the other block is complete."""

    def hold():
        process = cluster.hold()
        wait_until(lambda: "COMPLETED" in cluster.states("block"))
        return process

    return hold


@pytest.fixture
def tables_agree(cluster, reference):
    """Return a function that compares the tables with those of an undisturbed run."""

    def agree():
        tables = cluster.tables()
        expected = reference.tables()
        return "ablations.csv" in tables and tables.items() <= expected.items()

    return agree


def scancel(*jobs) -> None:
    """Cancel submissions."""
    subprocess.run(["scancel", *(str(job) for job in jobs)], check=True)


def test_a_cancelled_job_is_submitted_again_and_trains_nothing_twice(
    cluster, start, held, tables_agree
):
    gate = cluster.gate("schur.py")
    run = start("cluster-generic", "--retries=1")
    process = held()
    gate.touch()
    scancel(process.environ()["SLURM_JOB_ID"])
    weights = cluster.results / f"{SLOW}.safetensors"
    wait_until(weights.exists)
    assert cluster.trained() == ["seed1"]  # the first network had been finished
    before = weights.read_bytes()
    scancel(
        *(job.id for job in cluster.slurm.running())
    )  # in the Schur form; there is no third time
    printed, _ = run.communicate(timeout=600)
    assert run.returncode == 1 and "Failed: schur flip_flop" in printed
    assert not weights.exists()  # a group fails as one
    gate.unlink()
    finish(start("cluster-generic"))
    assert weights.read_bytes() == before
    assert cluster.trained() == []
    assert sorted(cluster.states("block")) == ["CANCELLED"] * 2 + ["COMPLETED"] * 2
    assert tables_agree()


def test_a_job_over_its_time_limit_gets_more(cluster, start, held, tables_agree):
    limits = ["train:runtime=1 if attempt == 1 else 10", "networks:runtime=10"]
    defaults = ["mem_mb=2000", "runtime=0", "turn=1"]
    run = start("cluster-generic", "--set-resources", *limits, "--default-resources", *defaults)
    held()  # for ever
    finish(run)
    assert sorted(cluster.states("block")) == ["COMPLETED", "COMPLETED", "TIMEOUT"]
    assert cluster.trained() == ["seed1"]
    assert tables_agree()


def test_a_job_over_its_memory_gets_more(cluster, start, tables_agree):
    memory = "mem_mb=300 if attempt == 1 else 2000"
    finish(start("slurm", "--default-resources", memory, "runtime=10", "turn=1"))
    failed, completed = cluster.states("block")[:2], cluster.states("block")[2:]
    assert set(failed) <= {"FAILED", "OUT_OF_MEMORY"} and completed == ["COMPLETED"] * 2
    assert tables_agree()


def test_jobs_survive_when_slurm_goes_away_for_a_minute(cluster, start, held, tables_agree):
    """Controller and accounts are gone; then the node starts again, and takes no more jobs."""
    run = start("slurm")
    process = held()
    time.sleep(10)  # until the controller has written down that the other block is complete
    for daemon in ("slurmctld", "slurmdbd"):
        cluster.slurm.stop(daemon, signal.SIGKILL)
    time.sleep(65)
    for daemon in ("slurmdbd", "slurmctld"):
        cluster.slurm.start(daemon)
    wait_until(cluster.slurm.node)
    cluster.slurm.stop("slurmd")
    cluster.slurm.start("slurmd")
    cluster.slurm.drain()
    process.resume()
    wait_until(lambda: cluster.states("report") == ["PENDING"])
    cluster.slurm.drain(False)
    finish(run)
    assert cluster.states("block") == ["COMPLETED"] * 2
    assert cluster.trained() == ["seed0", "seed1"]
    assert tables_agree()


def test_a_job_is_submitted_again_after_its_node_failed(cluster, start, held, tables_agree):
    run = start("cluster-generic")
    held()
    cluster.slurm.stop("slurmd")
    wait_until(lambda: "NODE_FAIL" in cluster.states("block"))
    cluster.slurm.start("slurmd")
    finish(run)
    assert sorted(cluster.states("block")) == ["COMPLETED", "COMPLETED", "NODE_FAIL"]
    assert cluster.trained() == ["seed1"]
    assert tables_agree()


def test_after_snakemake_was_killed_its_jobs_go_on(cluster, start, held, tables_agree):
    run = start("slurm")
    process = held()
    run.kill()
    run.communicate()
    cluster.run("snakemake", "--unlock")
    (job,) = cluster.slurm.running()
    for command in (["--profile=profiles/slurm"], []):
        refused = cluster.run("snakemake", *command, TABLE, success=False)
        assert f"Slurm has jobs of an earlier run in this folder: {job.id}; wait" in refused
    process.resume()
    wait_until(lambda: not cluster.slurm.running())
    before = cluster.files(QUICK), cluster.files(SLOW)
    finish(start("slurm"))
    assert (cluster.files(QUICK), cluster.files(SLOW)) == before
    assert cluster.states("block") == ["COMPLETED"] * 2
    assert tables_agree()


def test_an_interrupted_run_cancels_its_jobs_and_goes_on(cluster, start, held, tables_agree):
    run = start("cluster-generic")
    held()
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=600)
    assert run.returncode != 0
    wait_until(lambda: not cluster.slurm.running())
    before = cluster.files(QUICK)
    finish(start("cluster-generic"))
    assert cluster.files(QUICK) == before
    assert cluster.trained() == ["seed1"]
    assert sorted(cluster.states("block")) == ["CANCELLED", "COMPLETED", "COMPLETED"]
    assert [job.cores for job in cluster.submissions()] == ["1"] * 4
    assert tables_agree()
