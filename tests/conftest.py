"""What all tests share: reproducible examples, no display, and how much to try."""

import os

import pytest
from hypothesis import settings

from tests.inventory.joining import Join
from tests.inventory.rows import is_built, read_not_built, read_rows

os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples in every run, so that a red build is about its change. To look for new ones:
# HYPOTHESIS_PROFILE=explore make test
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("poolsim")
    group.addoption(
        "--experiments",
        type=int,
        default=40,
        help="experiments per theory case (make theory: 200)",
    )
    group.addoption(
        "--scenarios",
        type=int,
        default=300,
        help="random scenarios to run with all invariants (make soak: 5000)",
    )
    group.addoption(
        "--report",
        metavar="FOLDER",
        default=None,
        help="write what was found as a dated page into this folder",
    )
    group.addoption(
        "--inventory",
        action="store_true",
        help="fail where a row of docs/inventory has no test that passes (make test)",
    )


def pytest_configure(config: pytest.Config) -> None:
    not_built = read_not_built()
    rows = [row.id for row in read_rows() if is_built(row, not_built)]
    config.pluginmanager.register(Join(rows if config.getoption("--inventory") else ()))


@pytest.fixture(scope="session")
def experiments(request: pytest.FixtureRequest) -> int:
    """Experiments per theory case."""
    return request.config.getoption("--experiments")


@pytest.fixture(scope="session")
def scenarios(request: pytest.FixtureRequest) -> int:
    """Random scenarios to run."""
    return request.config.getoption("--scenarios")


@pytest.fixture(scope="session")
def report_folder(request: pytest.FixtureRequest) -> str | None:
    """Where a dated page goes, or None."""
    return request.config.getoption("--report")
