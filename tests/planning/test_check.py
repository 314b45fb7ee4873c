"""check: the gate passes what still holds, and fails what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner, Result

from poolsim.cli import app
from poolsim.planning.execute import Executor
from poolsim.scenario import java3_options
from poolsim.scenario.drivers import DRIVERS
from tests.planning.small_scenario import POOLING, SMALL

FILE = Path("recommendations/small.yaml")
SCENARIO = Path("small.yaml")
TEXT = SMALL.replace("replications: 2", "replications: 3") + (
    "cost: max * 4 + max_requests\n"
    f"search: {{{POOLING}.local.core+max: 1..4, {POOLING}.local.max_requests: 1..6}}\n"
)


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario and its recommendation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    SCENARIO.write_text(TEXT)
    made = command("recommend", "small.yaml", "--jobs", "1")
    assert made.exit_code == 0, made.output
    return tmp_path


def checked(*more: str) -> Result:
    return command("check", "recommendations", "--jobs", "1", *more)


def test_an_unchanged_tree_passes_without_simulating_anything(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = FILE.read_text()
    for number in range(9):
        (folder / f"recommendations/copy-{number}.yaml").write_text(content)

    def simulated(*_: object, **__: object) -> None:
        raise AssertionError("nothing changed, so there is nothing to simulate")

    monkeypatch.setattr(Executor, "run", simulated)
    result = checked()
    assert result.exit_code == 0, result.output
    assert result.stdout.count("unchanged") == 10


def test_a_raised_load_that_breaks_an_expectation_fails(folder: Path) -> None:
    SCENARIO.write_text(TEXT.replace("rate: 500/s", "rate: 3k/s"))
    result = checked()
    assert result.exit_code == 1
    assert "the choice breaks" in result.stdout
    assert "poisson: {rate: 500/s}" in result.stdout
    assert "poisson: {rate: 3000/s}" in result.stdout


def test_a_headroom_that_was_asked_for_is_asked_for_again(folder: Path) -> None:
    made = command("recommend", "small.yaml", "--jobs", "1", "--headroom", "30%")
    assert made.exit_code == 0, made.output
    assert "with 30% more load than the file has" in made.stdout
    written = yaml.safe_load(FILE.read_text())
    assert written["fixed"] == ["headroom=30%"]
    assert written["evidence"]["headroom"] == "30%"
    assert "unchanged" in checked().stdout
    SCENARIO.write_text(TEXT.replace("rate: 500/s", "rate: 900/s"))
    result = checked()
    assert "poisson: {rate: 900/s}" in result.stdout
    assert result.exit_code == 1, result.output


def test_a_changed_default_that_breaks_an_expectation_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a new version of the driver had no acquisition queue."""
    defaults = java3_options.defaults
    changed = replace(
        DRIVERS["java3"], defaults=lambda version: replace(defaults(version), max_queue_size=0)
    )
    monkeypatch.setitem(DRIVERS, "java3", changed)
    result = checked()
    assert result.exit_code == 1
    assert "max_queue_size: 256" in result.stdout
    assert "max_queue_size: 0" in result.stdout


def test_a_changed_default_that_leaves_the_choice_dear_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a new version of the driver brought an acquisition queue: fewer streams do."""
    monkeypatch.chdir(tmp_path)
    text = TEXT.replace("  - wait.p99 < 5ms\n", "")
    SCENARIO.write_text(text)
    today = DRIVERS["java3"]
    without_queue = replace(
        today, defaults=lambda version: replace(today.defaults(version), max_queue_size=0)
    )
    monkeypatch.setitem(DRIVERS, "java3", without_queue)
    assert command("recommend", "small.yaml", "--jobs", "1").exit_code == 0
    monkeypatch.setitem(DRIVERS, "java3", today)
    result = checked()
    assert result.exit_code == 1
    assert "more than it must" in result.stdout
    assert "max_queue_size: 256" in result.stdout


def test_a_changed_rule_asks_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from poolsim.recording import digest

    texts = digest._model_texts()
    monkeypatch.setattr(digest, "_model_texts", lambda: [*texts, "# another rule"])
    result = checked()
    assert result.exit_code == 0
    assert "inputs changed; the choice still holds (regret 0.0%)" in result.stdout
    assert "the model or a version changed" in result.stdout


def test_a_load_that_leaves_the_choice_dear_fails_and_one_that_does_not_is_a_notice(
    folder: Path,
) -> None:
    SCENARIO.write_text(TEXT.replace("rate: 500/s", "rate: 20/s"))
    result = checked()
    assert result.exit_code == 1
    assert "more than it must" in result.stdout
    SCENARIO.write_text(TEXT.replace("rate: 500/s", "rate: 505/s"))
    result = checked()
    assert result.exit_code == 0, result.output
    assert "the choice still holds" in result.stdout


@pytest.mark.parametrize("part", ["choice", "margins", "settings", "inputs", "near_optimal"])
def test_a_recommendation_edited_by_hand_fails(folder: Path, part: str) -> None:
    content = yaml.safe_load(FILE.read_text())
    match content[part]:
        case dict():
            content[part][next(iter(content[part]))] = "4"
        case list():
            content[part] = content[part][:-1]
        case text:
            content[part] = text[::-1]
    FILE.write_text(yaml.safe_dump(content, sort_keys=False))
    result = checked()
    assert result.exit_code == 1
    assert "edited by hand" in result.stdout


def test_a_comment_by_hand_changes_nothing_that_it_says(folder: Path) -> None:
    FILE.write_text(FILE.read_text() + "# seen by A. on Friday\n")
    assert checked().exit_code == 0


def test_a_choice_at_its_limit_stays_undecided(folder: Path) -> None:
    """Requests of one second are 500 in the mean: no number of replications decides for long."""
    SCENARIO.write_text(TEXT.replace("  - wait.p99 < 5ms", "  - requests > 498"))
    result = checked("--junit", "check.xml")
    assert result.exit_code == 4, result.output
    assert "undecided: perhaps requests > 498" in result.stdout


def test_a_failure_outweighs_what_is_undecided(folder: Path) -> None:
    SCENARIO.write_text(TEXT.replace("  - wait.p99 < 5ms", "  - requests > 498"))
    edited = FILE.read_text().replace("95%", "99%")
    assert edited != FILE.read_text()
    (folder / "recommendations" / "edited.yaml").write_text(edited)
    assert checked().exit_code == 1


def test_update_writes_anew_and_then_it_is_unchanged(folder: Path) -> None:
    SCENARIO.write_text(TEXT.replace("rate: 500/s", "rate: 20/s"))
    result = checked("--update")
    assert result.exit_code == 0, result.output
    assert "renewed" in result.stdout
    assert "->" in result.stdout
    again = checked()
    assert again.exit_code == 0
    assert "unchanged" in again.stdout


def test_junit_and_summary_say_the_same(folder: Path) -> None:
    SCENARIO.write_text(TEXT.replace("rate: 500/s", "rate: 3k/s"))
    result = checked("--junit", "check.xml", "--summary", "summary.md")
    assert result.exit_code == 1
    (suite,) = ElementTree.parse("check.xml").getroot()
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == (
        "1",
        "1",
        "0",
    )
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("the choice breaks")
    summary = Path("summary.md").read_text()
    assert "| ✗ | small | the choice breaks" in summary
    assert "+    poisson: {rate: 3000/s}" in summary


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: [1", r"small.yaml:1:\d+: not valid YAML"),
        ("a: 1\n", "small.yaml:1:1: this is no recommendation"),
        ("- 1\n", "this is no recommendation"),
    ],
)
def test_what_is_no_recommendation_is_an_input_error(folder: Path, content: str, says: str) -> None:
    import re

    FILE.write_text(content)
    result = checked()
    assert result.exit_code == 3
    assert re.search(says, result.stderr)


def test_one_that_cannot_be_read_does_not_hide_the_others(folder: Path) -> None:
    (folder / "recommendations" / "another.yaml").write_text(FILE.read_text() + "a: [1\n")
    result = checked("--junit", "check.xml", "--summary", "summary.md")
    assert result.exit_code == 3
    assert "another.yaml" in result.stderr
    assert "small: unchanged" in result.stdout
    (suite,) = ElementTree.parse("check.xml").getroot()
    assert (suite.attrib["tests"], suite.attrib["errors"]) == ("2", "1")
    assert "| ! | another |" in Path("summary.md").read_text()


def test_a_gate_that_looks_at_nothing_does_not_pass(folder: Path) -> None:
    FILE.unlink()
    result = checked()
    assert result.exit_code == 3
    assert "there is no recommendation here" in result.stderr
