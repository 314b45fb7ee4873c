"""A run fails on a row without a passing test, in one process and in several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.inventory.joining import Join

def pytest_configure(config):
    config.addinivalue_line("markers", "inventory(row, ...): rows")
    config.pluginmanager.register(Join(["a.one", "a.two", "a.three"]))
"""
PASSING = """
import pytest

@pytest.mark.inventory("a.one", "a.two")
def test_two_rows():
    pass

@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.inventory("a.three")
def test_in_cases(k):
    pass
"""
IN_ONE: tuple[str, ...] = ()
IN_TWO = ("-p", "xdist", "-n", "2")


def run(folder: Path, text: str, *arguments: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments, str(folder)],
        cwd=folder,
        # Of the plugins that are installed only those asked for: they take seconds to load.
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("processes", [IN_ONE, IN_TWO], ids=["one", "two"])
def test_every_row_has_a_test_that_passed(processes: tuple[str, ...], tmp_path: Path) -> None:
    code, output = run(tmp_path, PASSING, *processes)
    assert code == 0, output
    assert "inventory" not in output


SKIPPED = PASSING.replace("def test_in_cases(k):\n    pass", "def test_in_cases(k): pytest.skip()")
EXPECTED_TO_FAIL = PASSING.replace(
    '@pytest.mark.inventory("a.three")', '@pytest.mark.inventory("a.three")\n@pytest.mark.xfail'
).replace("def test_in_cases(k):\n    pass", "def test_in_cases(k): raise AssertionError")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (PASSING.replace("a.three", "a.other"), IN_ONE),
        (PASSING.replace("a.three", "a.other"), IN_TWO),
        (PASSING, (*IN_ONE, "-k", "two_rows")),
        (SKIPPED, IN_TWO),
        (EXPECTED_TO_FAIL, IN_ONE),
    ],
    ids=["unmarked", "unmarked, two", "left out", "skipped, two", "expected to fail"],
)
def test_a_row_without_one_fails_the_run(
    text: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    code, output = run(tmp_path, text, *arguments)
    assert code == 1, output
    assert "a.three: mark a test @pytest.mark.inventory('a.three')" in output
    assert "a.one:" not in output


def test_a_marked_test_that_fails_has_not_passed(tmp_path: Path) -> None:
    failing = PASSING.replace("def test_two_rows():\n    pass", "def test_two_rows(): assert 0")
    code, output = run(tmp_path, failing, *IN_ONE)
    assert code == 1
    assert "a.one: mark a test" in output
    assert "a.three:" not in output
