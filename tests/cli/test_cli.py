"""What is typed, what comes back: output, files, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import poolsim
from poolsim.cli import app
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.json_schema import FILE_NAME, schema_text
from poolsim.scenario.metrics import METRICS
from poolsim.scenario.templates import templates

ROOT = Path(__file__).parents[2]
SCENARIO = """
name: small
duration: 3s
warm_up: 0s
replications: 3
cluster:
  datacenters: {dc1: {nodes: 2}}
  node: {service: {constant: 8ms}}
clients:
  - name: app
    driver: java3
    load: {poisson: {rate: 200/s}}
expect:
  - errors == 0
  - latency.p99 < 50ms
"""


def poolsim_command(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small scenario."""
    (tmp_path / "small.yaml").write_text(SCENARIO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# run ----------------------------------------------------------------------------------------------


def test_run_shows_the_verdict_and_writes_the_run(folder: Path) -> None:
    result = poolsim_command("run", "small.yaml", "--no-report")
    assert result.exit_code == 0, result.output
    assert "errors == 0" in result.stdout
    assert result.stderr == ""
    reproduce = result.stdout.strip().splitlines()[-1]
    assert reproduce.startswith("poolsim run small.yaml --seed 1 --replications 3  # poolsim ")
    (run,) = (folder / "runs").iterdir()
    assert run.name.startswith("small-")
    files = names(run)
    assert {"scenario.resolved.yaml", "summary.json", "timeline.parquet", "events.parquet"} <= set(
        files
    )
    assert "report.html" not in files


def test_run_writes_a_report_unless_told_otherwise(folder: Path) -> None:
    result = poolsim_command("run", "small.yaml", "--replications", "1", "--out", "here")
    assert result.exit_code == 4, "one replication leaves a percentile undecided"
    assert (folder / "here" / "report.html").stat().st_size > 10_000
    assert not (folder / "runs").exists()


def test_the_resolved_scenario_runs_to_the_same_digest(folder: Path) -> None:
    first = run_json("small.yaml", "--out", "one")
    second = run_json("one/scenario.resolved.yaml", "--out", "two")
    assert first["digest"] == second["digest"]
    assert first["inputs"] == second["inputs"]


def run_json(*arguments: str) -> dict[str, Any]:
    result = poolsim_command("run", *arguments, "--no-report", "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def test_json_is_one_document_and_the_place_of_the_files_goes_to_stderr(folder: Path) -> None:
    result = poolsim_command("run", "small.yaml", "--no-report", "--format", "json")
    document = json.loads(result.stdout)
    assert document["schema_version"] == 1
    assert result.stderr.startswith("written to runs")
    assert document == json.loads(next(folder.glob("runs/*/summary.json")).read_text())


def test_seed_replications_and_set_replace_what_the_file_says(folder: Path) -> None:
    base = run_json("small.yaml")
    other = run_json("small.yaml", "--seed", "2")
    again = run_json("small.yaml", "--seed", "1", "--replications", "3")
    more = run_json("small.yaml", "--set", "clients.app.load.poisson.rate=300/s")
    assert base["seed"] == 1
    assert other["seed"] == 2
    assert base["digest"] == again["digest"]
    assert len({base["digest"], other["digest"], more["digest"]}) == 3


def test_a_set_that_is_wrong_names_itself_and_nothing_is_written(folder: Path) -> None:
    result = poolsim_command("run", "small.yaml", "--set", "clients.app.load.poisson.rate=300")
    assert result.exit_code == 3
    assert result.stderr == (
        "--set clients.app.load.poisson.rate=300:1:31: clients[0].load.poisson.rate: 300 is not a "
        "rate: write 300/s\n"
    )
    assert result.stdout == ""
    assert names(folder) == ["small.yaml"]


def test_warnings_go_to_stderr_before_the_run(folder: Path) -> None:
    result = poolsim_command(
        "run",
        "small.yaml",
        "--no-report",
        "--format",
        "json",
        "--set",
        "clients.app.options.pooling.local={max: 4, max_requests: 128}",
    )
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: app: pooling.local: new_connection_threshold 800")
    assert json.loads(result.stdout)["warnings"]


def test_a_failed_expectation_is_exit_1(folder: Path) -> None:
    result = poolsim_command("run", "small.yaml", "--no-report", "--set", "expect=[errors > 3]")
    assert result.exit_code == 1
    assert "errors > 3" in result.stdout


def test_a_file_that_is_not_there_is_invalid_input(folder: Path) -> None:
    result = poolsim_command("run", "other.yaml")
    assert result.exit_code == 3
    assert result.stderr == "other.yaml:1:1: the file cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "small.yaml", "--seed", "x"),
        ("run", "small.yaml", "--seed", "-1"),
        ("run", "small.yaml", "--replications", "0"),
        ("run", "small.yaml", "--engine", "fast"),
        ("run", "small.yaml", "--format", "xml"),
        ("run", "small.yaml", "--nonsense"),
        ("nonsense",),
        ("replay",),
        ("drivers", "java9"),
        ("init", "--template", "nonsense"),
        ("run", "small.yaml", "--out", "."),
        ("run", "small.yaml", "--out", "small.yaml"),
    ],
)
def test_wrong_usage_is_exit_2_and_writes_nothing(arguments: tuple[str, ...], folder: Path) -> None:
    result = poolsim_command(*arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert names(folder) == ["small.yaml"]


def test_an_engine_that_is_not_there_is_exit_6(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poolsim.engine.run import NotReady

    def refuse(*_: Any, **__: Any) -> None:
        raise NotReady("no compiler here; use --engine simpy")

    monkeypatch.setattr("poolsim.estimation.run.run_scenario", refuse)
    result = poolsim_command("run", "small.yaml", "--engine", "compiled")
    assert result.exit_code == 6
    assert result.stderr == "no compiler here; use --engine simpy\n"


def test_without_numba_one_line_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolsim.machine_code.cache.numba_is_there", lambda: False)
    result = poolsim_command("run", "small.yaml", "--no-report")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "running on SimPy: numba is not installed (pip install 'poolsim[compiled]')"
    ]
    result = poolsim_command("run", "small.yaml", "--no-report", "--engine", "compiled")
    assert result.exit_code == 6
    assert "needs numba" in result.stderr
    assert poolsim_command("run", "small.yaml", "--no-report", "--engine", "simpy").stderr == ""


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_requests_are_written_when_asked_for(folder: Path, engine: str) -> None:
    import pyarrow.parquet

    pytest.importorskip("numba")
    arguments = ("run", "small.yaml", "--no-report", "--engine", engine, "--out", "out")
    assert poolsim_command(*arguments).exit_code == 0
    assert "requests.parquet" not in names(folder / "out")
    assert poolsim_command(*arguments, "--requests").exit_code == 0
    table = pyarrow.parquet.read_table(folder / "out" / "requests.parquet")
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert table.num_rows == summary["numbers"]["requests"]
    assert set(table["replication"].to_pylist()) == {0, 1, 2}


def test_a_violated_invariant_is_exit_5_with_what_to_report(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poolsim.invariants.violation import InvariantViolation

    def break_down(*_: Any, **__: Any) -> None:
        raise InvariantViolation("streams: seed 1, replication 0, at 2.5 s")

    monkeypatch.setattr("poolsim.estimation.run.run_scenario", break_down)
    result = poolsim_command("run", "small.yaml")
    assert result.exit_code == 5
    assert result.stderr == "a bug in poolsim: streams: seed 1, replication 0, at 2.5 s\n"
    assert names(folder) == ["small.yaml"]


def test_an_interrupted_run_is_exit_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("poolsim.estimation.run.run_scenario", interrupt)
    result = poolsim_command("run", "small.yaml")
    assert result.exit_code == 130
    assert names(folder) == ["small.yaml"]


def test_what_nobody_expects_keeps_its_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("unexpected")

    monkeypatch.setattr("poolsim.estimation.run.run_scenario", fail)
    result = poolsim_command("run", "small.yaml")
    assert isinstance(result.exception, ZeroDivisionError)


# init ---------------------------------------------------------------------------------------------


def test_init_writes_a_scenario_and_its_schema(folder: Path) -> None:
    result = poolsim_command("init", "--template", "fan-out")
    assert result.exit_code == 0, result.output
    assert "poolsim run fan-out.yaml" in result.stdout
    assert names(folder) == ["fan-out.yaml", FILE_NAME, "small.yaml"]
    text = (folder / "fan-out.yaml").read_text()
    assert text == next(t.text for t in templates() if t.name == "fan-out")
    assert (folder / FILE_NAME).read_text() == schema_text()
    assert (folder / "fan-out.yaml").stat().st_mode & 0o777 == 0o644


def test_init_without_a_template_writes_the_quickstart(folder: Path) -> None:
    assert poolsim_command("init").exit_code == 0
    assert (folder / "quickstart.yaml").exists()
    assert poolsim_command("init", "mine.yaml").exit_code == 0
    assert (folder / "mine.yaml").read_text() == (folder / "quickstart.yaml").read_text()


def test_init_replaces_nothing_without_force(folder: Path) -> None:
    refused = poolsim_command("init", "small.yaml")
    assert refused.exit_code == 2
    assert "--force replaces it" in refused.stderr
    assert names(folder) == ["small.yaml"]
    assert (folder / "small.yaml").read_text() == SCENARIO
    assert poolsim_command("init", "small.yaml", "--force").exit_code == 0
    assert (folder / "small.yaml").read_text() != SCENARIO


def test_init_replaces_its_own_schema_but_nobody_else_s(folder: Path) -> None:
    schema = folder / FILE_NAME
    schema.write_text('{"title": "somebody else\'s"}')
    refused = poolsim_command("init")
    assert refused.exit_code == 2
    assert names(folder) == [FILE_NAME, "small.yaml"]
    schema.write_text(schema_text().replace("v6", "v7"))
    assert poolsim_command("init").exit_code == 0
    assert schema.read_text() == schema_text()


def test_init_into_another_folder(folder: Path) -> None:
    (folder / "deep").mkdir()
    assert poolsim_command("init", "deep").exit_code == 0
    assert names(folder / "deep") == ["quickstart.yaml", FILE_NAME]
    missing = poolsim_command("init", "nowhere/x.yaml")
    assert missing.exit_code == 2
    assert missing.stderr == "there is no directory nowhere\n"


def test_init_lists_templates_with_their_questions(folder: Path) -> None:
    result = poolsim_command("init", "--list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == len(templates())
    for line, template in zip(lines, templates(), strict=True):
        assert line.split()[0] == template.name
        assert line.endswith(template.question)
    assert names(folder) == ["small.yaml"]


# Reference ----------------------------------------------------------------------------------------


def test_schema_prints_the_schema() -> None:
    result = poolsim_command("schema")
    assert result.exit_code == 0
    assert result.stdout == schema_text()


def test_metrics_are_all_listed() -> None:
    result = poolsim_command("metrics")
    assert result.exit_code == 0
    first_words = {line.split()[0] for line in result.stdout.splitlines() if line.strip()}
    assert set(METRICS) <= first_words


def test_drivers_are_listed_and_shown() -> None:
    listed = poolsim_command("drivers")
    assert listed.exit_code == 0
    for driver in DRIVERS.values():
        assert driver.name in listed.stdout
        shown = poolsim_command("drivers", driver.name)
        assert shown.exit_code == 0
        for option in driver.options:
            assert option.path.rpartition(".")[2] in shown.stdout
            assert option.own_name in shown.stdout
            assert option.source.rpartition("/")[2] in shown.stdout
    java3 = poolsim_command("drivers", "java3").stdout
    assert "v1, v2: 100" in java3
    assert "v3 on: 800" in java3
    assert poolsim_command("drivers", "java").stderr == (
        "there is no driver java (did you mean java3?)\n"
    )


# replay -------------------------------------------------------------------------------------------

HEADER = {
    "format": "poolsim.decisions/1",
    "driver": "java3",
    "driver_version": "3.11.5",
    "protocol": 4,
    "options": {
        "core": 2,
        "max": 3,
        "max_requests": 4,
        "new_connection_threshold": 3,
        "max_queue_size": 2,
        "pool_timeout": "600s",
        "idle_timeout": "120s",
    },
}


def state(*connections: list[int]) -> dict[str, Any]:
    return {
        "open": len(connections),
        "trashed": 0,
        "in_flight": sum(in_flight for _, in_flight in connections),
        "pending": 0,
        "connections": list(connections),
        "trash": [],
    }


def write_trace(path: Path, last: dict[str, Any]) -> None:
    lines = [
        HEADER,
        {"op": "init", "state": state([0, 0], [1, 0])},
        {
            "op": "borrow",
            "request": 0,
            "result": "granted",
            "connection": 0,
            "state": state([0, 1], [1, 0]),
        },
        {
            "op": "borrow",
            "request": 1,
            "result": "granted",
            "connection": 1,
            "state": state([0, 1], [1, 1]),
        },
        {"op": "release", "request": 0, "state": last},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_replay_of_a_trace_that_agrees(folder: Path) -> None:
    write_trace(folder / "good.jsonl", state([0, 0], [1, 1]))
    result = poolsim_command("replay", "good.jsonl")
    assert result.exit_code == 0, result.output
    assert result.stdout == "good.jsonl: all 4 lines agree\n"


def test_replay_finds_a_changed_line_and_goes_on_to_the_next_trace(folder: Path) -> None:
    write_trace(folder / "good.jsonl", state([0, 0], [1, 1]))
    write_trace(folder / "changed.jsonl", state([0, 1], [1, 0]))
    result = poolsim_command("replay", "changed.jsonl", "good.jsonl")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("changed.jsonl:5: ")
    assert '"op": "release"' in lines[0]
    assert lines[1].startswith("  expected ")
    assert lines[2].startswith("  simulated ")
    assert lines[3] == "good.jsonl: all 4 lines agree"


@pytest.mark.parametrize("content", ["", "{}\n", "not json\n", '{"format": "other"}\n'])
def test_a_trace_that_is_none_is_invalid_input(content: str, folder: Path) -> None:
    (folder / "bad.jsonl").write_text(content)
    result = poolsim_command("replay", "bad.jsonl", "missing.jsonl")
    assert result.exit_code == 3
    assert "bad.jsonl:" in result.stderr
    assert "missing.jsonl" in result.stderr
    assert result.stdout == ""


# The program --------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert poolsim_command("--version").stdout == f"poolsim {poolsim.__version__}\n"
    for arguments in (["--help"], ["-h"]):
        text = poolsim_command(*arguments).stdout
        for command in ("run", "init", "schema", "metrics", "drivers", "replay"):
            assert f"  {command} " in text
        assert "Exit codes: 0 all well, 1 an expectation failed" in text
    for command in ("run", "init", "schema", "metrics", "drivers", "replay"):
        assert f"  poolsim {command}" in poolsim_command(command, "--help").stdout, "an example"


def test_the_program_by_itself(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poolsim", "run", "small.yaml", "--no-report", "--out", "here"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "progress is silent where nobody can see it"
    assert "\x1b" not in done.stdout
    assert names(folder) == ["here", "small.yaml"]
