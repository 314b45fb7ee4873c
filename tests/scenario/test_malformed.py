"""Whatever is wrong with a file: exit 3, a place, no traceback, nothing written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from poolsim.cli import app
from tests.scenario.malformed import MalformedFile, generate

FILES = generate()
PLACE = re.compile(r"^scenario\.yaml:[1-9]\d*:[1-9]\d*: \S.*$")


def test_there_are_enough_files_of_enough_kinds() -> None:
    kinds = Counter(file.kind for file in FILES)
    assert len(FILES) >= 300
    assert len(kinds) >= 40
    assert max(kinds.values()) <= 15
    assert len({file.content for file in FILES}) >= 250, "hardly any two are the same"


@pytest.mark.parametrize("kind", sorted({file.kind for file in FILES}))
def test_a_malformed_file_is_refused_with_a_place(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        if file.kind == kind:
            _assert_refused(file, tmp_path)


def _assert_refused(file: MalformedFile, directory: Path) -> None:
    path = directory / "scenario.yaml"
    path.write_bytes(file.content)
    result = CliRunner().invoke(app, ["run", "scenario.yaml"])
    where = f"{file.kind} {file.number}: {result.output[:600]}"
    assert isinstance(result.exception, SystemExit), where
    assert result.exit_code == 3, where
    assert result.stdout == "", where
    lines = result.stderr.splitlines()
    assert lines, where
    assert all(PLACE.match(line) or line.startswith("...") for line in lines), where
    assert file.fragment in result.stderr, where
    assert "Traceback" not in result.stderr, where
    assert [entry.name for entry in directory.iterdir()] == ["scenario.yaml"], where


@pytest.mark.parametrize("kind", ["binary", "alias_bomb", "python_tag", "core_above_max"])
def test_the_command_itself_refuses_it(kind: str, tmp_path: Path) -> None:
    file = next(file for file in FILES if file.kind == kind)
    (tmp_path / "scenario.yaml").write_bytes(file.content)
    done = subprocess.run(
        [sys.executable, "-m", "poolsim", "run", "scenario.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
    )
    assert done.returncode == 3
    assert PLACE.match(done.stderr.splitlines()[0])
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["scenario.yaml"]


def test_every_mistake_of_a_file_is_reported_at_once(tmp_path: Path) -> None:
    file = next(file for file in FILES if file.kind == "several_mistakes")
    path = tmp_path / "scenario.yaml"
    path.write_bytes(file.content)
    result = CliRunner().invoke(app, ["run", str(path)])
    for fragment in ("write 30s", "seed?", "java3?", "rejected?", "write 20ms"):
        assert fragment in result.stderr
