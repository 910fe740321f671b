"""What `make` shows of a run: one line that says how far it is and how long the rest may take.

A plugin of Snakemake (`--logger progress`), found because `make` puts this folder's parent on
PYTHONPATH. In a terminal the line is live; elsewhere a line is written every `PACE` seconds.
Warnings, failures and whatever else Snakemake says are written above it; its account of every
single job is not. The Snakefile tells what jobs there are (`plan`), and when they have ended
(`end`).
"""

import shutil
import sys
import threading
import time
from logging import WARNING, LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_progress.account import (
    TRAINING,
    Account,
    Job,
    job,
    last_lines,
)

#: Seconds between two lines where there is no terminal, and between two looks where there is one.
PACE, GLANCE = 30.0, 1.0
#: What a run is told of by its line.
COUNTED = {LogEvent.JOB_INFO, LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.GROUP_INFO}
COUNTED |= {LogEvent.SHELLCMD, LogEvent.PROGRESS, LogEvent.RUN_INFO, LogEvent.RESOURCES_INFO}
COUNTED |= {LogEvent.WORKFLOW_STARTED, LogEvent.RULEGRAPH}
#: How Snakemake's other words of every run begin.
USUAL = ("Assuming unrestricted shared filesystem", "Building DAG of jobs", "Using shell:")
USUAL += ("Select jobs to execute", "Conda environments: ignored", "Group jobs: inactive")
USUAL += ("Config file ", "Provided resources:")
#: How its word of Ctrl-C begins. What it reports from then on are jobs that end of it.
INTERRUPTED = "Terminating processes on user request"

_shown: list["LogHandler"] = []


def plan(dag) -> None:
    """Tell what jobs a run has, and how much work each is."""
    for handler in _shown:
        jobs = {}
        for planned in dag.needrun_jobs():
            rule = planned.rule.name
            training = planned.params["training"] if rule in TRAINING else None
            updates = training["schedule"]["updates"] if training else None
            jobs[dag.jobid(planned)] = job(rule, planned.wildcards_dict, updates)
        with handler.lock:
            handler.account.plan(jobs)


def end() -> None:
    """Take the line away, before something else is printed."""
    for handler in list(_shown):
        deadline = time.monotonic() + 1  # news of the last jobs are still on their way
        while handler.account.running and time.monotonic() < deadline and not handler.interrupted:
            time.sleep(0.02)
        handler.close()


class LogHandler(LogHandlerBase):
    """Shows a run."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True  # all that Snakemake says counts, whatever it is to be quiet about
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Start to show."""
        self.stream = sys.stdout if self.common_settings.dryrun else sys.stderr
        self.live = self.stream.isatty()
        self.account = Account(time.monotonic)
        self.bar = None
        self.interrupted = False
        self.ended = threading.Event()
        _shown.append(self)

    def emit(self, record: LogRecord) -> None:
        """Count what happens to jobs, and write all else."""
        try:
            event = getattr(record, "event", None)
            if self.common_settings.dryrun:
                self.write(self.format(record))
            elif str(record.msg or "").startswith(INTERRUPTED):
                self.interrupted = True
                self.write("Interrupted: jobs that are at work end.")
            elif self.interrupted:
                return  # they have not failed
            elif event == LogEvent.JOB_ERROR:
                self.failure(record)
            elif event in COUNTED:
                self.note(event, record)
            elif record.levelno >= WARNING or not str(record.msg or "").startswith(USUAL):
                self.write(self.format(record))
        except Exception:
            self.handleError(record)

    def note(self, event: LogEvent, record: LogRecord) -> None:
        """Count what happens to jobs."""
        account = self.account
        if event == LogEvent.RUN_INFO:
            account.count({rule: n for rule, n in record.stats.items() if rule != "total"})
            threading.Thread(target=self.watch, daemon=True).start()
        elif event == LogEvent.RESOURCES_INFO:
            account.cores = getattr(record, "cores", None) or account.cores
        elif event == LogEvent.JOB_INFO:
            log = Path(record.log[0]) if record.log else None
            account.start(record.jobid, record.rule_name, record.wildcards, log)
        elif event == LogEvent.JOB_FINISHED:
            account.finish(record.job_id)

    def failure(self, record: LogRecord) -> None:
        """Write what has failed, the end of its log, and what to do."""
        failed = self.account.fail(record.jobid) or Job(record.rule_name, {})
        lines = [f"Failed: {failed.name}"]
        for log in map(Path, record.log):
            lines += [f"  {log} ends in:", *(f"    {line}" for line in last_lines(log))]
        lines.append("  Other jobs go on. Mend the cause and give the same command again.")
        self.write("\n".join(lines))

    def write(self, text: str | None) -> None:
        """Write above the line."""
        if text and text != "None":
            if self.bar is not None:
                self.bar.clear()
            print(text, file=self.stream, flush=True)

    def watch(self) -> None:
        """Draw or write the line until the end."""
        while not self.ended.wait(GLANCE if self.live else PACE):
            with self.lock:
                if not self.ended.is_set():
                    self.show()

    def show(self) -> None:
        """Draw or write the line."""
        self.account.look()
        if not self.live:
            print(time.strftime("%H:%M:%S"), self.account, file=self.stream, flush=True)
            return
        if self.bar is None:
            from tqdm import tqdm  # only here: Snakemake reads this file in every process

            self.bar = tqdm(
                total=1.0,
                bar_format="{percentage:3.0f} % |{bar:20}| {desc}",
                leave=False,
                nrows=20,
                ncols=80,
                file=self.stream,
            )
        # Not tqdm's own: of a terminal that does not say how wide it is, it draws nothing.
        self.bar.ncols = shutil.get_terminal_size().columns
        self.bar.n = self.account.share()
        self.bar.set_description_str(str(self.account), refresh=False)
        self.bar.refresh()

    def close(self) -> None:
        """Take the line away; what is still to be said stands without."""
        with self.lock:
            if not self.ended.is_set():
                self.ended.set()
                _shown.remove(self)
                if self.bar is not None:
                    self.bar.close()
                    self.bar = None
                if self.account.finished or self.account.failed:
                    print(time.strftime("%H:%M:%S"), self.account, file=self.stream, flush=True)
        super().close()
