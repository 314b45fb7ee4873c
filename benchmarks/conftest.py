"""Collects the ratios of the benchmarks and prints them at the end."""

from __future__ import annotations

import pytest

Ratios = list[tuple[str, float, float, float, float, float]]
"""Name, median, lowest and highest ratio of a round, requests a second, those of the yardstick."""

_RATIOS = pytest.StashKey[Ratios]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RATIOS] = []


@pytest.fixture
def ratios(request: pytest.FixtureRequest) -> Ratios:
    """A benchmark adds what it measured."""
    return request.config.stash[_RATIOS]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    measured = config.stash.get(_RATIOS, [])
    if measured:
        terminalreporter.section("rate against a plain SimPy program, in the same round")
    for name, median, lowest, highest, rate, plain_rate in measured:
        terminalreporter.write_line(
            f"{name}: {median:.2f} times ({lowest:.2f} to {highest:.2f}), "
            f"{rate:,.0f} requests/s against {plain_rate:,.0f}"
        )
