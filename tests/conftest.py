"""Random inputs are the same at every run, and no test races a clock."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
# More of them, and others at every run: make fuzz.
settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=10, help="how often a study is killed")
