"""A plan as the comparison sees it: an ordinary scenario, and what its `record` block asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from poolsim.scenario.load import load_text
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.scenario import Client, Scenario
from poolsim.scenario.units import UnitError, parse_duration

MECHANISM = ("growth", "trash", "close", "resurrection", "peak", "rejections", "reconnection")
PERFORMANCE = ("latency", "throughput", "rejections", "wait")
COMPARISONS = tuple(dict.fromkeys(MECHANISM + PERFORMANCE))
"""What a plan may ask to be compared. The order of all transitions is compared with any of the
first; rejections belong to both, each with its own bar."""

NODES = ("paced", "bare")
MILLISECOND = 1_000_000
SAMPLE_EVERY_NS = 20 * MILLISECOND
REPETITIONS = 5

_BLOCK = re.compile(r"^record[ \t]*:[^\n]*\n(?:(?:[ \t]+[^\n]*|#[^\n]*|[ \t]*)\n)*", re.MULTILINE)
"""The block `record:` at the top level: its line and what is indented below it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One scenario for two arms.

    nodes: paced or bare. compare: of COMPARISONS. sample_every_ns: from one look at the pools to
    the next.
    """

    name: str
    question: str
    scenario: Scenario
    nodes: str
    compare: tuple[str, ...]
    repetitions: int
    sample_every_ns: int

    @property
    def client(self) -> Client:
        """The one client of a plan."""
        return self.scenario.clients[0]

    @property
    def is_open(self) -> bool:
        """Whether the load does not wait for responses."""
        return self.client.load.kind not in ("closed", "users")

    @property
    def compares_mechanism(self) -> bool:
        """Whether it is one of the plans of the second tier (T2)."""
        own = set(MECHANISM) - {"rejections"}
        is_only_rejections = not set(self.compare) & (set(PERFORMANCE) - {"rejections"})
        return bool(own & set(self.compare)) or (
            is_only_rejections and "rejections" in self.compare
        )

    @property
    def compares_performance(self) -> bool:
        """Whether it is one of the predictions of the third tier (T3)."""
        return bool(set(self.compare) & (set(PERFORMANCE) - {"rejections"}))


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        ScenarioError: the file cannot be read, is no scenario, or its record block is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError([_mistake(path, f"the plan cannot be read: {reason}")]) from None
    return plan_of(text, path)


def plan_of(text: str, path: Path) -> Plan:
    """The plan in a text; `path` stands for it in mistakes, files it names are beside it.

    Raises:
        ScenarioError: it is no scenario, or its record block is wrong.
    """
    scenario = load_text(without_record(text), str(path), path.parent)
    block = yaml.safe_load(text).get("record") or {}
    if not isinstance(block, dict):
        raise ScenarioError([_mistake(path, "record: a block of keys is expected", "record")])
    if len(scenario.clients) != 1:
        message = "a plan has exactly one client, which stands for the real driver's session"
        raise ScenarioError([_mistake(path, message, "clients")])
    return Plan(
        name=scenario.name,
        question=scenario.question,
        scenario=scenario,
        nodes=_one_of(path, block, "nodes", NODES),
        compare=_compare(path, block),
        repetitions=_count(path, block, "repetitions", REPETITIONS),
        sample_every_ns=_sample_every(path, block),
    )


def without_record(text: str) -> str:
    """The text without its record block; every other line keeps its number."""
    return _BLOCK.sub(lambda found: "\n" * found.group().count("\n"), text + "\n", count=1)


def _mistake(path: Path, message: str, key: str = "") -> Mistake:
    return Mistake(str(path), 1, 1, key, message)


def _wrong(path: Path, key: str, message: str) -> ScenarioError:
    return ScenarioError([_mistake(path, message, f"record.{key}")])


def _one_of(path: Path, block: dict[str, Any], key: str, known: tuple[str, ...]) -> str:
    value = block.get(key, known[0])
    if value not in known:
        raise _wrong(path, key, f"{value!r} is none of {', '.join(known)}")
    return str(value)


def _compare(path: Path, block: dict[str, Any]) -> tuple[str, ...]:
    asked = block.get("compare", list(COMPARISONS))
    if not isinstance(asked, list):
        raise _wrong(path, "compare", f"a list of {', '.join(COMPARISONS)} is expected")
    for name in asked:
        if name not in COMPARISONS:
            raise _wrong(path, "compare", f"{name!r} is none of {', '.join(COMPARISONS)}")
    return tuple(name for name in COMPARISONS if name in asked)


def _count(path: Path, block: dict[str, Any], key: str, default: int) -> int:
    value = block.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(path, key, f"{value!r} is not a whole number from 1 on")
    return value


def _sample_every(path: Path, block: dict[str, Any]) -> int:
    value = block.get("sample_every")
    if value is None:
        return SAMPLE_EVERY_NS
    try:
        duration = parse_duration(str(value))
    except UnitError as error:
        raise _wrong(path, "sample_every", str(error)) from None
    if duration <= 0:
        raise _wrong(path, "sample_every", "it must be longer than nothing")
    return duration
