"""How far a run is, and how long the rest of it may take.

What jobs cost is measured in seconds of one core. In the paper's study, on a quiet machine, a job
of a rule takes about

    usual = start + rate x amount

where the amount is what it works on: updates of networks where it trains, networks where it works
on a block, 1 elsewhere. Here it takes `usual` times how much slower jobs of its rule have been,

    slower(rule) = (taken + PRIOR x slower(all)) / (usual + PRIOR)

summed over its finished jobs and the running trainings, which say in their logs how far they are;
likewise slower(all), with 1 in its place. A few short jobs thus say little, and many say all. The
time left is the work left over the cores, or that of the longest running job if that is more.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Seconds that a job takes to start and to end, and one that trains.
START = 3.0
STARTS = dict.fromkeys(("train", "retrain"), 8.0)
#: Seconds of one core that a unit of each rule takes in the paper's study; one that is not named
#: here takes `OTHERS`.
RATES = {"train": 8e-4, "retrain": 8e-4, "schur": 0.2, "ablation": 0.4, "threshold": 0.5}
RATES |= {"controls": 6.0, "histories": 1.0, "gather": 0.5, "networks": 1.0}
RATES |= {"render_ablations": 40.0, "render_networks": 40.0, "render_robustness": 40.0}
RATES |= {"render_frontier": 40.0, "render_activity": 20.0, "html_report": 15.0}
OTHERS = 3.0
#: Seconds of jobs that have taken as long as usual, which count beside those that have been seen.
PRIOR = 20.0
#: Share of its training from which on a job says more of its speed than others do.
TELLING = 0.05
#: Rules that train, and what tqdm writes of a network in their logs: its seed, updates done, and
#: all updates.
TRAINING = ("train", "retrain")
BAR = re.compile(r"/seed(\d+): +\d+%\|.*?\| (\d+)/(\d+) \[")


@dataclass
class Job:
    """A job of the run.

    Attributes
    ----------
    rule : str
    wildcards : mapping of str to str
    amount : float
        Of what the rule works on.
    log : path or None
    started : float or None
        When it has started, in seconds.
    trained : tuple of float or None
        The share of its networks that is trained, and the share trained since it has started, which
        differ where an interrupted job before it had finished some, or begun one. None of a job
        that trains nothing, or whose log does not yet say.
    """

    rule: str
    wildcards: Mapping[str, str]
    amount: float = 1.0
    log: Path | None = None
    started: float | None = None
    trained: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """The rule, and what of the study the job works on."""
        names = dict(self.wildcards)
        if names.keys() >= {"task", "architecture", "width", "first", "last"}:
            condition = "{task}/{architecture}/n{width}".format(**names)
            return f"{self.rule} {condition} seeds {names['first']}-{names['last']}"
        return " ".join([self.rule, *names.values()])

    @property
    def usual(self) -> float:
        """How many seconds it takes in the paper's study."""
        return STARTS.get(self.rule, START) + RATES.get(self.rule, OTHERS) * self.amount

    @property
    def networks(self) -> int:
        """How many networks it works on, 1 if it is no block's."""
        names = self.wildcards
        return int(names["last"]) - int(names["first"]) + 1 if "last" in names else 1

    def look(self) -> None:
        """Read in its log how far its training is."""
        if self.rule not in TRAINING or self.log is None:
            return
        try:
            bars = BAR.findall(self.log.read_text(errors="replace"))
        except OSError:
            return
        if bars:
            seed, done, updates = map(int, bars[-1])
            first, begun = int(self.wildcards["first"]), int(bars[0][0])
            here, before = done / updates, int(bars[0][1]) / updates
            self.trained = (
                (seed - first + here) / self.networks,
                (seed - begun + here - before) / self.networks,
            )


def job(rule: str, wildcards: Mapping[str, str], updates: int | None = None) -> Job:
    """Return a job with its amount; `updates` are those of one network that it trains."""
    made = Job(rule, dict(wildcards))
    made.amount = float(made.networks * (updates or 1))
    return made


class Account:
    """What has been done in a run, what runs, and what waits.

    Parameters
    ----------
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.cores = 1
        self.waiting: dict[int, Job] = {}
        self.running: dict[int, Job] = {}
        self.finished: list[tuple[Job, float]] = []  # and the seconds that each has taken
        self.failed: dict[int, Job] = {}

    def plan(self, jobs: Mapping[int, Job]) -> None:
        """Take the jobs of a run, by their numbers."""
        self.waiting = dict(jobs)

    def count(self, rules: Mapping[str, int]) -> None:
        """Take how many jobs of each rule there are, where nothing else is known of them."""
        if not self.waiting:
            names = [rule for rule, count in rules.items() for _ in range(count)]
            self.waiting = {-1 - i: job(rule, {}) for i, rule in enumerate(names)}

    def start(self, number: int, rule: str, wildcards: Mapping[str, str], log: Path | None) -> None:
        """Note that a job has started."""
        if number not in self.waiting and number not in self.failed:  # only its rule is counted
            alike = (key for key, other in self.waiting.items() if key < 0 and other.rule == rule)
            self.waiting.pop(next(alike, None), None)
        # One that has failed and is tried again is another attempt of the same job.
        known = self.waiting.pop(number, None) or self.failed.pop(number, None)
        started = known or job(rule, wildcards)
        started.log, started.started = log, self.clock()
        self.running[number] = started

    def finish(self, number: int) -> None:
        """Note that a job has finished."""
        if ended := self.running.pop(number, None):
            self.finished.append((ended, self.clock() - ended.started))

    def fail(self, number: int) -> Job | None:
        """Note that a job has failed, and return it; it may start again."""
        if ended := self.running.pop(number, None):
            self.failed[number] = ended
        return ended

    def look(self) -> None:
        """Read in the logs how far the running trainings are."""
        for running in self.running.values():
            running.look()

    @property
    def total(self) -> int:
        """How many jobs the run has."""
        return sum(map(len, (self.waiting, self.running, self.finished, self.failed)))

    def _known(self) -> list[tuple[Job, float]]:
        """Return jobs and what each takes: finished ones, and trainings that tell."""
        known = list(self.finished)
        for running in self.running.values():
            if running.trained and running.trained[1] >= TELLING:
                known.append((running, (self.clock() - running.started) / running.trained[1]))
        return known

    def _slower(self) -> Callable[[str], float]:
        """Return how much slower than usual jobs of a rule have been so far."""
        taken, usual = Counter(), Counter()
        for known, seconds in self._known():
            taken[known.rule] += seconds
            usual[known.rule] += known.usual
        overall = (taken.total() + PRIOR) / (usual.total() + PRIOR)
        return lambda rule: (taken[rule] + PRIOR * overall) / (usual[rule] + PRIOR)

    def work(self) -> tuple[float, float, float]:
        """Return the work done and left, and that of the longest running job, in core seconds."""
        slower, now = self._slower(), self.clock()
        done = sum(seconds for _, seconds in self.finished)
        left = sum(waiting.usual * slower(waiting.rule) for waiting in self.waiting.values())
        longest = 0.0
        for running in self.running.values():
            took = now - running.started
            if running.trained and running.trained[1] >= TELLING:
                rest = took * (1 - running.trained[0]) / running.trained[1]
            else:
                expected = running.usual * slower(running.rule)
                rest = max(expected - took, expected / 20)
            done, left, longest = done + took, left + rest, max(longest, rest)
        return done, left, longest

    def __str__(self) -> str:
        """Say how far the run is, in one line."""
        _, left, longest = self.work()
        ended = len(self.finished)
        words = [f"{ended} of {self.total} jobs done"]
        words += [f"{len(self.failed)} failed"] if self.failed else []
        if ended < self.total and self.total > len(self.failed) + ended:
            words.append(f"{duration(max(left / self.cores, longest))} left")
        if trainings := self.trainings():
            words.append("training " + ", ".join(trainings))
        return "; ".join(words)

    def share(self) -> float:
        """Return the share of the work that is done."""
        done, left, _ = self.work()
        return done / (done + left) if done else 0.0

    def trainings(self) -> list[str]:
        """Return how far each running training is."""
        found = []
        for running in self.running.values():
            if running.trained:
                condition = "{task}/{architecture}/n{width}".format(**running.wildcards)
                found.append(f"{condition} {running.trained[0]:.0%}")
        return found


def duration(seconds: float) -> str:
    """Return a time in words, as precise as an estimate is."""
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"about {hours} h {minutes} min" if hours else f"about {minutes} min"


def last_lines(log: Path, count: int = 10) -> list[str]:
    """Return the last lines of a log; of a bar, what it was at its end."""
    try:
        lines = log.read_bytes().decode(errors="replace").split("\n")
    except OSError:
        return [f"(there is no {log})"]
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    return [line for line in lines if line.strip()][-count:]
