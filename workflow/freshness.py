"""Whether a result is what today's code and settings give: the record beside it decides.

Every job leaves a record beside its results, with digests:

code      of its script or notebook, of the modules that these import, of data in the repository
settings  of the rule's other `params`, and of its command where it has one
inputs    of the records of the results that it read, or of given results themselves
outputs   of every file that its script wrote

A job whose record says otherwise than it would say today runs again, and so does what depends on
it; outputs decide nothing of that, but a job stops at one that it reads and that has changed since.
No clock is asked: touched or copied files rerun nothing, and an edit counts whatever its time
stamp. A record is a file of its own, so that it can be published with the results; those that
Snakemake keeps cannot. By `snakemake --touch` a user vouches that what is there is what today's
code and settings give: records are brought up to date and nothing runs.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from snakemake.io import ancient
from snakemake.iocontainers import Wildcards

from rnnschur.files import write_text
from sources import ROOT

# What a Snakefile can tell Snakemake: by `ancient`, not to look at the time of an input, as for
# those of a fresh job; and by an input newer than the output, to run a finished job again. So an
# outdated job gets such an input, which nothing reads. Its name, `code`, `settings`, `inputs` or
# `record`, is what a dry run gives as the reason.
CHANGED = Path(".snakemake/changed")


def judge(rules: Iterable) -> None:
    """Have the jobs of the given rules run again when their records are outdated, and only then.

    Parameters
    ----------
    rules : iterable of snakemake.rules.Rule
        Those with an output `record` and a param `code` are judged, once; others may be those of a
        workflow that this one is a module of. Their param `code` lists the files behind them,
        their param `records` the records of the results that they read; of what is given and not
        made here, the files themselves. They get a param `recipe`: what a record of today says of
        code and settings.
    """
    judged = [
        _Judged(rule)
        for rule in rules
        if rule.output.get("record") and rule.params.get("code") and not rule.params.get("recipe")
    ]

    @cache
    def outdated(record):
        for rule in judged:
            if (wildcards := rule.makes(record)) is not None:
                return rule.reasons(record, wildcards, outdated)
        return []  # given, and not made here

    for rule in judged:
        rule.follow(outdated)


class _Judged:
    """A rule whose jobs leave records."""

    def __init__(self, rule):
        self.rule = rule
        self.params = dict(rule.params.items())
        rule.set_params(recipe=lambda wildcards: json.dumps(self.recipe(wildcards)))

    def makes(self, record: str) -> Wildcards | None:
        """Return the wildcards of the job that leaves a record, if it is one of this rule's."""
        match = self.rule.output.record.match(record)
        return Wildcards(fromdict=match.groupdict()) if match else None

    def values(self, wildcards: Wildcards) -> dict:
        """Return the params of a job."""
        return {name: of(wildcards) if callable(of) else of for name, of in self.params.items()}

    def recipe(self, wildcards: Wildcards) -> dict[str, str]:
        """Return what a record of today says of code and settings."""
        settings = self.values(wildcards)
        code, _ = settings.pop("code"), settings.pop("records")
        settings = json.dumps([self.rule.shellcmd, settings], sort_keys=True)
        return {"code": _digest_of_code(tuple(code)), "settings": _digest(settings.encode())}

    def reasons(self, record: str, wildcards: Wildcards, outdated: Callable) -> list[str]:
        """Return why a job must run again; nothing for one that is fresh."""
        then = _read(record)
        if then is None:
            return ["record"]
        read = [file.format(**wildcards) for file in self.values(wildcards)["records"]]
        if any(outdated(file) for file in read):
            return ["inputs"]
        today = {**self.recipe(wildcards), "inputs": _digest_of_records(read)}
        if self.rule.workflow.touch:
            # Those of a command are no other job's.
            files = [] if self.rule.shellcmd else _of(self.rule.output, wildcards)
            _write(record, {**then, **today, **_outputs(record, files)})
            return []
        return [key for key in today if then.get(key) != today[key]]

    def idle(self, wildcards: Wildcards) -> bool:
        """Return whether a fresh job has nothing to do, so that what it read may be gone.

        A clone of published results lacks what git leaves out, and needs it only where something
        that reads it is outdated.
        """
        settings = self.rule.workflow.dag_settings
        forced = settings.forceall or settings.forcerun or settings.forcetargets
        outputs = _of(self.rule.output, wildcards)
        return not forced and _there(outputs) == outputs

    def follow(self, outdated: Callable) -> None:
        """Make the inputs of every job say whether it must run again."""
        if not self.rule.workflow.is_main_process:
            return  # that of a single job has nothing to decide

        def reasons(wildcards):
            return outdated(self.rule.output.record.apply_wildcards(wildcards))

        def dated(files):
            def paths(wildcards):
                found = files(wildcards) if callable(files) else _of(files, wildcards)
                single = isinstance(files, str) or isinstance(found, str)
                found = [found] if isinstance(found, str) else found
                if not reasons(wildcards):
                    found = ancient(_there(found) if self.idle(wildcards) else found)
                return found[0] if single and found else found

            return paths

        inputs = self.rule.input
        named = dict(inputs.items())
        unnamed = inputs[: len(inputs) - sum(map(_count, named.values()))]
        inputs.clear()
        self.rule.set_input(
            *(dated(file) for file in unnamed),
            lambda wildcards: [_new(reason) for reason in reasons(wildcards)],
            **{name: dated(files) for name, files in named.items()},
        )


def _count(files) -> int:
    """Return how many entries a named input has among all inputs of a rule."""
    return 1 if isinstance(files, str) or callable(files) else len(files)


def _of(files, wildcards: Wildcards) -> list[str]:
    """Return the paths of a job, given those of its rule."""
    files = [files] if isinstance(files, str) else files
    return [str(file.apply_wildcards(wildcards)) for file in files]


def _there(files: Iterable[str]) -> list[str]:
    return [file for file in files if Path(file).exists()]


def leave_record(job, **more) -> None:
    """Write the record of a job, as the last thing that its script does.

    What fails before leaves no result: Snakemake removes the outputs of a job that fails.

    Parameters
    ----------
    job : snakemake.script.Snakemake
        What Snakemake hands to the script.
    **more
        What else the record should tell.

    Raises
    ------
    ValueError
        As `write_record`.
    """
    more |= _outputs(job.output.record, job.output)
    write_record(job.output.record, job.params.recipe, job.params.records, **more)


def write_record(record: str, recipe: str, records: Iterable[str], **more) -> None:
    """Write what a job was made from: its recipe, and the records of the results that it read.

    Raises
    ------
    ValueError
        If a result that one of these records is about is not what its job wrote, such as one that
        was cut off, edited or damaged; the message names it.
    """
    records = list(records)
    for read in records:
        _unchanged(read)
    _write(record, {**more, **json.loads(recipe), "inputs": _digest_of_records(records)})


def _outputs(record: str, files: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the digests of a job's files that are there, by their paths from the record's folder.

    So they hold in whatever folder the results are.
    """
    found = {
        os.path.relpath(file, Path(record).parent): _digest(Path(file).read_bytes())
        for file in _there(map(str, files))
        if Path(file) != Path(record)
    }
    return {"outputs": found}


def _unchanged(record: str) -> None:
    """Raise ValueError if a file that a record is about has changed; given weights have one, too.

    A file that is gone is none of those that were read.
    """
    place = Path(record).with_suffix(".json")
    said = (_read(str(place)) or {}).get("outputs", {})
    for name, digest in said.items() if isinstance(said, dict) else ():
        file = Path(os.path.normpath(place.parent / name))
        if name.isprintable() and file.is_file() and _digest(file.read_bytes()) != digest:
            raise ValueError(
                f"{file} is not what its job wrote, which {place} tells; allowed: that file. "
                f"Remove {place} and run again to make it anew, or vouch for it by snakemake "
                "--touch"
            )


def _write(record: str, content: dict) -> None:
    write_text(record, json.dumps(content, indent=2) + "\n")


def _read(record: str) -> dict | None:
    """Return what a record says; nothing of one that is missing or is none."""
    try:
        content = json.loads(Path(record).read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


@cache
def _digest_of_code(files: tuple[str, ...]) -> str:
    # However git writes the ends of lines on this machine.
    contents = ((ROOT / file).read_bytes().replace(b"\r\n", b"\n") for file in files)
    return _digest("".join(map(_digest, contents)).encode())


def _digest_of_records(records: Iterable[str]) -> str:
    """Return a digest of what records say; one that is missing says nothing."""
    contents = (path.read_bytes() if path.exists() else b"" for path in map(Path, records))
    return _digest("".join(map(_digest, contents)).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def _new(reason: str) -> str:
    """Return a file that is newer than every result, named by the reason to run again."""
    CHANGED.mkdir(parents=True, exist_ok=True)
    (CHANGED / reason).write_text(str(time.time_ns()))  # equal contents would not count as new
    return str(CHANGED / reason)


if __name__ == "__main__":  # RECORD RECIPE [RECORD...], for a rule with a command
    write_record(sys.argv[1], sys.argv[2], sys.argv[3:])
