"""Scenarios that fail, made small."""

import pytest

from poolsim.fidelity.generator import generate
from poolsim.fidelity.soak import __main__ as command
from poolsim.fidelity.soak.shrink import shrink
from poolsim.fidelity.soak.trial import Trial
from poolsim.scenario.load import load_text
from poolsim.scenario.resolved import to_yaml
from poolsim.scenario.scenario import Scenario


def pauses(scenario: Scenario) -> bool:
    return any(fault.kind == "pause" for fault in scenario.faults)


def large() -> Scenario:
    """A scenario with several clients, faults and changes, a pause among them."""
    return next(
        scenario
        for scenario in map(generate, range(1_000))
        if pauses(scenario)
        and len(scenario.clients) == 3
        and len(scenario.faults) > 2
        and len(scenario.changes) > 1
    )


def test_only_what_is_needed_to_fail_is_left() -> None:
    small = shrink(large(), pauses)
    assert [fault.kind for fault in small.faults] == ["pause"]
    assert len(small.clients) == 1
    assert small.changes == ()
    assert small.clients[0].load.phases == ()
    assert small.clients[0].instances == 1
    assert small.duration_ns < large().duration_ns
    assert load_text(to_yaml(small)) == small


def test_what_does_not_fail_otherwise_stays_whole() -> None:
    scenario = large()
    assert shrink(scenario, lambda smaller: smaller == scenario) == scenario


def test_tries_are_limited() -> None:
    tried: list[Scenario] = []

    def fails(scenario: Scenario) -> bool:
        tried.append(scenario)
        return True

    shrink(large(), fails, most_tries=7)
    assert len(tried) == 7


def test_a_seed_is_described_as_a_file_for_poolsim() -> None:
    text = command.describe(7)
    assert text.startswith("# ")
    assert "all well" in text.splitlines()[0]
    assert load_text(text) == generate(7)


def test_a_failing_seed_is_described_by_its_smallest_scenario(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def attempt(scenario: Scenario, fewest_ends: int = 0) -> Trial:
        failure = f"Oops: at {scenario.duration_ns} ns" if scenario.clients else ""
        return Trial(scenario.seed, failure=failure)

    monkeypatch.setattr(command, "attempt", attempt)
    text = command.describe(7)
    assert text.startswith("# Oops: at ")
    small = load_text(text)
    assert len(small.clients) == 1
    assert small.faults == ()
