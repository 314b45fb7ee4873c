"""What the README tells people to type or open is there, and its scenarios are scenarios."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from poolsim.cli import app
from poolsim.scenario.load import load_text

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_its_scenarios_are_scenarios(text: str) -> None:
    assert load_text(text, "README.md").expectations


def test_there_are_scenarios() -> None:
    assert len(blocks("yaml")) >= 2


def test_its_commands_are_commands() -> None:
    named = set(re.findall(r"(?:`|^    )poolsim ([a-z]+)\b", README, re.MULTILINE))
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    assert named - set(command.commands) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []
