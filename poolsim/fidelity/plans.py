"""A plan as the comparison sees it: a scenario with a `record` block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poolsim.scenario.load import load, load_text
from poolsim.scenario.mistakes import Mistake, ScenarioError
from poolsim.scenario.scenario import Client, Scenario

MECHANISM = ("growth", "trash", "close", "resurrection", "peak", "rejections", "reconnection")
"""What belongs to the second tier (T2). The order of all transitions is compared with any of it."""

PERFORMANCE = ("latency", "throughput", "rejections", "wait")
"""What belongs to the third (T3). Rejections belong to both, each time with another bar."""

_OF_BOTH = set(MECHANISM) & set(PERFORMANCE)


@dataclass(frozen=True, slots=True)
class Plan:
    """One scenario for two arms.

    nodes: paced or bare. compare: of MECHANISM and PERFORMANCE. sample_every_ns: from one look at
    the pools to the next.
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
        """Whether it is a plan of the second tier: also where rejections are all it compares."""
        asked = set(self.compare)
        return bool(asked & set(MECHANISM) - _OF_BOTH) or asked <= _OF_BOTH

    @property
    def compares_performance(self) -> bool:
        """Whether it is a prediction of the third tier."""
        return bool(set(self.compare) & set(PERFORMANCE) - _OF_BOTH)


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        ScenarioError: the file cannot be read, is no scenario, or has no record block.
    """
    return plan_of(load(path), str(path))


def plan_of_text(text: str, name: str = "plan.yaml") -> Plan:
    """The plan in a text; `name` stands for the file in mistakes.

    Raises:
        ScenarioError: it is no scenario, or has no record block.
    """
    return plan_of(load_text(text, name), name)


def plan_of(scenario: Scenario, file: str) -> Plan:
    """A scenario as a plan.

    Raises:
        ScenarioError: it has no record block.
    """
    asked = scenario.recording
    if asked is None:
        message = "a plan needs a `record` block, which says how a real driver is recorded"
        raise ScenarioError([Mistake(file, 1, 1, "record", message)])
    return Plan(
        name=scenario.name,
        question=scenario.question,
        scenario=scenario,
        nodes=asked.nodes,
        compare=asked.compare,
        repetitions=asked.repetitions,
        sample_every_ns=asked.sample_every_ns,
    )
