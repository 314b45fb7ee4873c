"""Joins rows of the inventory with the tests that assert them, as they pass.

A test says which rows it asserts: `@pytest.mark.inventory("java3.growth", ...)`. With --inventory
(`make test`) the run fails where a row of what is built has no test that passed. The rows travel in
the reports' user properties, so that it makes no difference in which process a test runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from tests.inventory.marks import MARKER


class Join:
    """The plugin. `wanted` are the ids of rows that must have a passing test; none: never fails."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = tuple(wanted)
        self._passed: set[str] = set()

    @property
    def missing(self) -> list[str]:
        """Rows without a test that passed, in the order of the inventory."""
        return [row for row in self._wanted if row not in self._passed]

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Every item carries the rows that it is marked with."""
        for item in items:
            rows = [row for mark in item.iter_markers(MARKER) for row in mark.args]
            if rows:
                item.user_properties.append((MARKER, rows))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Rows of a test that passed have one; what was skipped or failed as expected has not."""
        if report.when == "call" and report.passed:
            for name, rows in report.user_properties:
                if name == MARKER and isinstance(rows, list):
                    self._passed.update(rows)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fails a run that would otherwise have passed; workers of a parallel run leave it to the
        process that started them."""
        if not _is_worker(session.config) and self.missing and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Names the rows without a passing test."""
        if self.missing:
            terminalreporter.section("rows of the inventory without a test that passed")
            for row in self.missing:
                terminalreporter.line(f"{row}: mark a test @pytest.mark.{MARKER}({row!r})")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
