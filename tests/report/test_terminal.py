"""A result in the terminal."""

import dataclasses
import io
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import poolsim
from poolsim.estimation.results import Results, Stall
from poolsim.report.terminal import show

NUMBER = re.compile(r"[0-9][0-9,.]*(?:ms|s|µs|k/s|/s|%)?")


def shown(results: Results, width: int = 80, **how: object) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, **how)  # type: ignore[arg-type]
    show(results, console, None)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_verdict_first_and_reproduction_last(node_failure: Results, width: int) -> None:
    lines = shown(node_failure, width).rstrip("\n").split("\n")
    assert lines[0].startswith("✗ Failed: 1 of 3 expectations does not hold")
    assert lines[-1] == node_failure.reproduce


@pytest.mark.parametrize("width", [60, 80, 120])
def test_each_expectation_has_a_line(node_failure: Results, width: int) -> None:
    text = shown(node_failure, width)
    assert "✗ rejected == 0        312 ± 31 (95 %, 10 runs)" in text
    assert "✓ latency.p99 < 20ms   12.31ms ± 0.20 (95 %, 10 runs)" in text
    assert "? recover < 15s        14.2s ± 1.3 (95 %, 10 runs)" in text
    assert "the interval straddles the limit" in text


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["staircase", "node_failure", "fleet", "quiet", "faint"])
def test_no_line_is_wider_than_the_console(
    name: str, width: int, request: pytest.FixtureRequest
) -> None:
    results = request.getfixturevalue(name)
    lines = shown(results, width).rstrip("\n").split("\n")[:-1]
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_cut_off(node_failure: Results, width: int) -> None:
    text = shown(node_failure, width)
    assert "…" not in text.replace(node_failure.reproduce, "")
    for number in ("4,801,234", "20.0k/s", "12.3ms", "620µs", "17,421"):
        assert number in NUMBER.findall(text)


def test_every_recovery_stall_warning_and_failure_is_told(node_failure: Results) -> None:
    text = " ".join(shown(node_failure).split())
    assert "✗ batch's pools to dc1/3: not recovered (no borrow since the fault)" in text
    assert "✓ api's pools to dc1/3: recovered 14.2 s after the fault" in text
    assert "api's pool to dc1/5 stalled from 221.0 s to 249.5 s with 5 of 8 connections" in text
    assert "the growth rule was never evaluated" in text
    assert node_failure.warnings[0] in text
    assert node_failure.replications[0].failures[0] in text
    assert "batch: closed loop: coordinated omission applies" in text
    assert "api: closed loop" not in text
    assert "dc1/3 stopped from 60.0 s to 100.0 s" in text


def test_a_number_stays_with_its_unit(node_failure: Results) -> None:
    first = dataclasses.replace(node_failure.replications[0], failures=())
    results = dataclasses.replace(node_failure, replications=(first,))
    for width in range(40, 100, 7):
        for above, below in itertools.pairwise(shown(results, width).split("\n")):
            torn = re.search(r" [0-9.,]+$", above) and re.match(r" +(s|of|connect|request)", below)
            assert not torn, (above, below)


@pytest.mark.inventory("java3.state", "java3.state.max-load", "java3.state.open-connections")
def test_hosts_as_get_state_prints_them(staircase: Results) -> None:
    assert "dc1/1 connections=4, peak load=880, max load=1,024" in " ".join(
        shown(staircase, 60).split()
    )
    row = next(line for line in shown(staircase, 100).split("\n") if line.startswith("dc1/1"))
    assert row.split() == ["dc1/1", "4", "8", "880", "1,024", "8", "10", "6", "0", "256", "14,364"]


def test_of_many_hosts_the_troubled_are_named(fleet: Results) -> None:
    text = shown(fleet, 100)
    assert "dc1/42" in text
    assert "94 more hosts, each: connections 2" in text
    assert "sums over 12 instances" in text


def test_a_long_list_is_counted(node_failure: Results) -> None:
    stalls = tuple(Stall("api", f"dc1/{k}", 1.0, 9.0, 2.0, 8.0, 3.0) for k in range(20))
    text = shown(dataclasses.replace(node_failure, stalls=stalls))
    assert text.count("growth rule was never") + text.count("growth rule\n    was never") <= 8
    assert "and 12 more" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_hostile_names_are_shown_and_not_obeyed(hostile: Results, width: int) -> None:
    text = shown(hostile, width, force_terminal=True, color_system="truecolor")
    without_colours = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in without_colours
    assert "\u202e" not in text
    assert "[red]" in text
    assert "x" * 100 not in text


def test_no_color_is_honoured(node_failure: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = shown(node_failure, force_terminal=True, color_system="standard")
    assert "\x1b[1;31m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = shown(node_failure, force_terminal=True, color_system="standard")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)


@pytest.mark.parametrize("name", ["node_failure", "hostile", "fleet"])
def test_an_ascii_terminal_gets_ascii(name: str, request: pytest.FixtureRequest) -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80)
    results = request.getfixturevalue(name)
    results = dataclasses.replace(results, reproduce="poolsim run s.yaml")
    show(results, console, None)
    console.file.flush()
    assert raw.getvalue().startswith((b"x Failed", b"* Finished"))


def test_the_files_are_listed(staircase: Results, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "summary.json").write_text("{}")
    file = io.StringIO()
    show(staircase, Console(file=file, width=200), tmp_path)
    assert f"{tmp_path}/\n    plots/  summary.json\n" in file.getvalue()


def test_the_terminal_needs_no_pictures() -> None:
    code = (
        "import sys, poolsim.report.terminal, poolsim.report.machine, poolsim.report.write;"
        "print([m for m in ('pandas', 'matplotlib', 'scipy', 'jinja2') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(poolsim.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
