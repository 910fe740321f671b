"""What make shows of a run, and how good its time left is."""

import contextlib
import heapq
import io
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

import snakemake_logger_plugin_progress as progress
from snakemake_logger_plugin_progress.account import PRIOR, Account, duration, job, last_lines
from verdicts import verdicts

BLOCK = {"task": "sine", "architecture": "orthogonal", "width": "8", "first": "0", "last": "4"}


class Clock:
    """A time that passes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def write_log(path: Path, done: dict[int, int], updates: int = 200, begun: int = 0) -> None:
    """Write the log of a training by what writes it there: tqdm, a bar a network."""
    with path.open("w") as log:
        for seed, count in done.items():
            desc = f"sine/orthogonal/n8/seed{seed}"
            bar = tqdm(total=updates, initial=begun, desc=desc, file=log, mininterval=0)
            for _ in range(count - begun):
                bar.update()
            bar.refresh()
            if count == updates:
                bar.close()
            else:
                bar.disable = True  # as if the log were read while it runs


def test_a_training_says_how_far_it_is_by_its_log(tmp_path):
    log = tmp_path / "seeds0-4.log"
    running = job("train", BLOCK, 200)
    running.look()
    assert running.trained is None
    running.log = log
    running.look()
    assert running.trained is None  # no log yet
    write_log(log, {0: 200, 1: 200, 2: 50})
    running.look()
    assert running.trained == pytest.approx((2.25 / 5, 2.25 / 5))
    write_log(log, {3: 100})  # three were finished by an earlier job that was interrupted
    running.look()
    assert running.trained == pytest.approx((3.5 / 5, 0.5 / 5))
    write_log(log, {3: 100}, begun=60)  # and of the fourth 60 updates
    running.look()
    assert running.trained == pytest.approx((3.5 / 5, 0.2 / 5))


def test_the_rest_of_a_training_takes_as_long_as_its_part_so_far(tmp_path):
    clock = Clock()
    account = Account(clock)
    account.plan({1: job("train", BLOCK, 200), 2: job("train", BLOCK, 200)})
    account.start(1, "train", BLOCK, tmp_path / "log")
    write_log(tmp_path / "log", {0: 200})
    clock.now += 50
    account.look()
    done, left, longest = account.work()
    assert done == 50 and longest == pytest.approx(200)
    slower = (250 + PRIOR * (250 + PRIOR) / (8.8 + PRIOR)) / (8.8 + PRIOR)
    assert left == pytest.approx(200 + 8.8 * slower)  # what the other takes is not yet sure
    assert "training sine/orthogonal/n8 20%" in str(account)


def test_jobs_that_have_run_say_what_others_of_their_rule_take():
    """Those that take twice as long as usual say so the better the more of them there are."""
    clock = Clock()
    account = Account(clock)
    account.plan({number: job("schur", BLOCK) for number in range(1001)})
    usual = job("schur", BLOCK).usual
    said = []
    for number in range(1000):
        account.start(number, "schur", BLOCK, None)
        clock.now += 2 * usual
        account.finish(number)
        said.append(account.work()[1] / (1000 - number) / usual)  # seconds per job, over usual
    assert 1 < said[0] < 1.6 and said == sorted(said)
    assert said[-1] == pytest.approx(2, abs=0.02)


def test_a_job_that_is_tried_again_counts_once():
    account = Account(Clock())
    account.plan({1: job("train", BLOCK, 200), 2: job("schur", BLOCK)})
    account.start(1, "train", BLOCK, None)
    assert account.fail(1).name == "train sine/orthogonal/n8 seeds 0-4"
    assert str(account).startswith("0 of 2 jobs done; 1 failed; ")
    account.start(1, "train", BLOCK, None)
    assert account.total == 2 and account.running[1].amount == 1000
    account.finish(1)
    assert str(account) == "1 of 2 jobs done; less than a minute left"


def test_where_only_rules_are_counted_jobs_are_found_by_them():
    account = Account(Clock())
    account.count({"train": 2, "schur": 1})
    account.start(7, "train", BLOCK, None)
    assert account.total == 3 and len(account.waiting) == 2


@pytest.mark.parametrize("seed", range(5))
def test_time_left_is_fair_from_a_third_of_a_run_on(seed):
    """On jobs of known length, run by a plain list scheduler, in the mix of a study's rules."""
    rng = np.random.default_rng(seed)
    speed, cores = rng.uniform(0.3, 3), int(rng.integers(1, 5))
    jobs = []
    for rule, count in (("train", 15), ("schur", 15), ("controls", 15), ("gather", 12)):
        for _ in range(count):
            wildcards = BLOCK if rule != "gather" else {"family": "orders"}
            made = job(rule, wildcards, int(rng.choice([2000, 40000])) if rule == "train" else None)
            noise = rng.lognormal(0, 0.3)
            jobs.append((made, speed * made.usual * noise))
    pages = [job("render_networks", {}) for _ in range(3)]
    jobs += [(page, speed * page.usual) for page in pages]
    clock = Clock()
    account = Account(clock)
    account.cores = cores
    account.plan(dict(enumerate(made for made, _ in jobs)))
    ends, said = [], []
    for number, (made, seconds) in enumerate(jobs):
        if len(ends) == cores:
            clock.now, ended = heapq.heappop(ends)
            account.finish(ended)
        _, left, longest = account.work()
        said.append((clock.now, max(left / cores, longest)))
        account.start(number, made.rule, made.wildcards, None)
        heapq.heappush(ends, (clock.now + seconds, number))
    end, begin = max(ends)[0], 1000.0
    late = [(now, left) for now, left in said if now > begin + (end - begin) / 3]
    wrong = [abs(now + left - end) / (end - begin) for now, left in late]
    assert max(wrong) < 0.25 and np.mean(wrong) < 0.12


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "less than a minute"),
        (60, "about 1 min"),
        (1500, "about 25 min"),
        (7260, "about 2 h 1 min"),
    ],
)
def test_times_are_as_precise_as_an_estimate(seconds, words):
    assert duration(seconds) == words


class Stream(io.StringIO):
    """A stream that is a terminal or not."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def handler(monkeypatch, request):
    """Return a handler that writes into a stream, a terminal or none."""
    stream = Stream(getattr(request, "param", False))
    monkeypatch.setattr(sys, "stderr", stream)
    settings = SimpleNamespace(dryrun=False)
    handler = progress.LogHandler(settings, None)
    yield handler
    handler.close()


def said(handler, message, level=logging.INFO, **extra):
    """Hand a message to the handler as Snakemake does."""
    record = logging.LogRecord("snakemake", level, __file__, 1, message, (), None)
    record.__dict__.update(extra)
    handler.handle(record)


def run_of_two(handler, log):
    """Hand over the beginning of a run of two jobs."""
    said(handler, "Provided cores: 2", event=LogEvent.RESOURCES_INFO, cores=2)
    stats = {"train": 1, "schur": 1, "total": 2}
    said(handler, "Job stats", event=LogEvent.RUN_INFO, stats=stats)
    started = {"event": LogEvent.JOB_INFO, "jobid": 3, "rule_name": "train", "wildcards": BLOCK}
    said(handler, "rule train: input: ...", **started, log=[str(log)])


def test_without_a_terminal_there_are_plain_lines(handler, tmp_path):
    write_log(tmp_path / "log", {0: 200})
    said(handler, "Building DAG of jobs...")
    run_of_two(handler, tmp_path / "log")
    handler.show()
    said(handler, "finished", event=LogEvent.JOB_FINISHED, job_id=3)
    said(handler, "A warning", logging.WARNING)
    said(handler, "Nothing to be done (all requested files are present and up to date).")
    progress.end()
    written = re.sub(r"^\d\d:\d\d:\d\d ", "", handler.stream.getvalue(), flags=re.MULTILINE)
    first, *others = written.splitlines()
    assert re.fullmatch(r"0 of 2 jobs done; .* left; training sine/orthogonal/n8 20%", first)
    assert others[:2] == [
        "A warning",
        "Nothing to be done (all requested files are present and up to date).",
    ]
    assert re.fullmatch(r"1 of 2 jobs done; .* left", others[2]) and len(others) == 3
    assert "\r" not in written and "\x1b" not in written


@pytest.mark.parametrize("handler", [True], indirect=True)
def test_in_a_terminal_one_line_is_drawn_again_and_again(handler, tmp_path):
    write_log(tmp_path / "log", {0: 200})
    run_of_two(handler, tmp_path / "log")
    handler.show()
    assert "0 of 2 jobs done" in handler.stream.getvalue()
    assert "\n" not in handler.stream.getvalue()
    said(handler, "A warning", logging.WARNING)
    before, after = handler.stream.getvalue().split("A warning\n")
    assert before.endswith("\r") and after == ""  # the line makes room
    handler.show()
    assert handler.stream.getvalue().rpartition("A warning\n")[2].count("\n") == 0


def test_a_failure_names_the_job_the_end_of_its_log_and_what_to_do(handler, tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"\rseed0: {n}%" for n in range(100)) + "\nthe loss is nan\n\n")
    run_of_two(handler, log)
    failed = {"event": LogEvent.JOB_ERROR, "jobid": 3, "rule_name": "train", "log": [str(log)]}
    said(handler, "Error in rule train", logging.ERROR, **failed)
    assert handler.stream.getvalue().splitlines() == [
        "Failed: train sine/orthogonal/n8 seeds 0-4",
        f"  {log} ends in:",
        "    seed0: 99%",
        "    the loss is nan",
        "  Other jobs go on. Mend the cause and give the same command again.",
    ]
    assert "1 failed" in str(handler.account)


def test_jobs_that_end_with_an_interrupted_run_have_not_failed(handler, tmp_path):
    run_of_two(handler, tmp_path / "log")
    said(handler, "Terminating processes on user request, this might take some time.")
    failed = {"event": LogEvent.JOB_ERROR, "jobid": 3, "rule_name": "train", "log": []}
    said(handler, "Error in rule train", logging.ERROR, **failed)
    said(handler, "RuleException: died with <Signals.SIGINT: 2>", logging.ERROR)
    said(handler, "WorkflowError: At least one job did not complete", logging.ERROR)
    progress.end()
    assert handler.stream.getvalue() == "Interrupted: jobs that are at work end.\n"


def test_a_log_that_is_not_there_is_no_fault(tmp_path):
    assert last_lines(tmp_path / "no.log") == [f"(there is no {tmp_path / 'no.log'})"]


@pytest.mark.workflow
def test_snakemake_finds_the_plugin_where_make_says_it_is(tmp_path):
    """And a dry run is what it is without."""
    (tmp_path / "Snakefile").write_text(
        "rule one:\n    output: 'one.txt'\n    shell: 'touch {output}'"
    )
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--logger", "progress", "--dry-run", "--cores", "1"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "Job stats:" in run.stdout and "rule one:" in run.stdout


def test_the_end_of_a_run_tells_what_the_report_answers():
    tables = ROOT / "results" / "published" / "tables"
    networks, ledger = (pd.read_csv(tables / f"{name}.csv") for name in ("networks", "ledger"))
    first, claims, numbers, title, *failed = verdicts(tables)
    count = len(networks.drop_duplicates(["task", "architecture", "width", "seed"]))
    conditions = len(networks.drop_duplicates(["task", "architecture", "width"]))
    assert first.startswith(f"This study has {count} networks in {conditions} conditions, ")
    once = ledger[ledger["rests_on"] == "measurement"]
    for kind, line in (("claim", claims), ("number", numbers)):
        rows = once[once["kind"] == kind].groupby("group")["verdict"].agg(set)
        missed = rows.map(lambda verdicts: "not" in verdicts).sum()
        partly = rows.map(lambda verdicts: "not" not in verdicts and "partly" in verdicts).sum()
        assert f"{len(rows)} are independent: {len(rows) - missed - partly} are reproduced" in line
        assert f"{missed} not" in line
    assert title == "Not reproduced:" and len(failed) == 8
    assert {line.strip() for line in failed} <= set(ledger[ledger["verdict"] == "not"]["claim"])


def test_a_ledger_without_networks_says_so(tmp_path):
    (tmp_path / "networks.csv").write_text(
        "task,architecture,width,seed,learned,metric,value,leading\n"
        "sine,normal,8,0,True,fvu,0.01,2\n"
    )
    (tmp_path / "ledger.csv").write_text(
        "id,kind,rests_on,group,claim,networks,left_out,share,share_low,share_high,verdict\n"
        "a,claim,measurement,x/y,One.,0,0,,,,\n"
    )
    assert verdicts(tmp_path) == [
        "This study has 1 network in 1 condition.",
        "None of the paper's claims is about the networks of this study.",
    ]


@pytest.mark.workflow
def test_a_terminal_shows_the_line_even_if_it_does_not_say_how_wide_it_is(tmp_path):
    """Snakemake itself, on a pseudo-terminal, which has no size until somebody gives it one."""
    rule = "rule one:\n    output: 'one.txt'\n    shell: 'sleep 3; touch {output}'"
    (tmp_path / "Snakefile").write_text(rule)
    ours, theirs = os.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--logger", "progress"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "workflow")},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert run.wait() == 0
    assert re.search(r"\r +\d+ % \|.*\| 0 of 1 jobs done; .* left", shown.decode())
    assert "1 of 1 jobs done\r\n" in shown.decode()
