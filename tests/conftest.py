"""Random inputs are the same at every run, and no test races a clock."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=10, help="how often a study is killed")
