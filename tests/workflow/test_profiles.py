"""The profiles for clusters say the same of the study, and put every job into a group."""

import pytest
import yaml
from conftest import ROOT, jobs

SITE = {"executor", "seconds-between-status-checks", "max-status-checks-per-second"}


def profile(name):
    """Return what a profile says of the study, without what it says of a scheduler."""
    content = yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())
    return {k: v for k, v in content.items() if k not in SITE and not k.startswith(name)}


def test_the_profiles_differ_only_in_the_scheduler():
    assert profile("slurm") == profile("cluster-generic")


@pytest.mark.workflow
def test_a_block_is_one_group_and_the_rest_another(finished):
    printed = finished.run("snakemake", "--profile", "profiles/slurm", "--dry-run", "--forceall")
    groups = {"block": jobs(printed)["train"], "report": 1}
    for group, count in groups.items():
        assert printed.count(f"Group job {group} ") == count
    # Jobs of a group are indented; only the report and the target are none's.
    assert [line for line in printed.splitlines() if line.startswith(("rule ", "localrule "))] == [
        "rule html_report:",
        "rule all:",
    ]
