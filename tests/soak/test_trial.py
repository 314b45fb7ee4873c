"""A trial finds what is wrong: in the rows of a run, in its tables, in a run that never ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from poolsim.engine.run import simulate
from poolsim.fidelity.generator import generate
from poolsim.fidelity.soak import trial
from poolsim.fidelity.soak.audit import audit
from poolsim.fidelity.soak.trial import Hung, Rows, attempt, mistakes, time_limit
from poolsim.invariants.violation import InvariantViolation
from poolsim.model.records import CONNECTING, OPEN, World
from poolsim.scenario.scenario import Scenario


@dataclass(slots=True)
class Kept:
    """A recorder that keeps rows, and the world and engine of its run."""

    interval_ns: int
    request_rows: list[Rows]
    note_rows: list[Rows]
    world: Any = None
    environment: Any = None

    def requests(self, rows: Rows) -> None:
        self.request_rows.append(rows.copy())

    def notes(self, rows: Rows) -> None:
        self.note_rows.append(rows.copy())

    def sample(self, time_ns: int, table: Rows) -> None:
        pass

    def attach(self, environment: Any, world: Any) -> None:
        self.world, self.environment = world, environment


def run(scenario: Scenario) -> Kept:
    kept = Kept(scenario.duration_ns, [], [])
    simulate(scenario, 0, kept, attachments=[kept.attach])
    return kept


def seeds_of(driver: str, count: int) -> Iterator[int]:
    """The first seeds whose first client has this driver and the application's own limit."""
    seed = 0
    while count:
        client = generate(seed).clients[0]
        if client.driver == driver and client.max_concurrent:
            yield seed
            count -= 1
        seed += 1


# Rows ---------------------------------------------------------------------------------------------

NUMBER, SESSION, NODE, OUTCOME, ATTEMPTS, INTENDED, ISSUED, WAIT, SERVICE, ENDED = range(10)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return generate(7)


@pytest.fixture(scope="module")
def rows(scenario: Scenario) -> tuple[Rows, Rows]:
    kept = run(scenario)
    return np.concatenate(kept.request_rows), np.concatenate(kept.note_rows)


def test_a_sound_run_has_no_mistakes(scenario: Scenario, rows: tuple[Rows, Rows]) -> None:
    assert list(mistakes(scenario, *rows, fewest_ends=1_000)) == []


@pytest.mark.parametrize(
    ("column", "value", "claim"),
    [
        (INTENDED, -5, "due before the run"),
        (INTENDED, 1 << 60, "issued before it was due"),
        (ISSUED, 1 << 60, "ended before it was issued"),
        (ENDED, 1 << 60, "ended after the run"),
        (ENDED, 1 << 60, "not end in the order of time"),
        (WAIT, -1, "wait is negative"),
        (SERVICE, -1, "service time is negative"),
        (WAIT, 1 << 60, "longer than the request"),
        (NODE, 1_000, "node does not exist"),
    ],
)
def test_rows_that_cannot_be_true_are_found(
    column: int, value: int, claim: str, scenario: Scenario, rows: tuple[Rows, Rows]
) -> None:
    requests = rows[0].copy()
    requests[500, column] = value
    assert any(claim in found for found in mistakes(scenario, requests, rows[1], 0))


def test_a_number_given_twice_is_found(scenario: Scenario, rows: tuple[Rows, Rows]) -> None:
    requests = rows[0].copy()
    requests[10, NUMBER] = requests[11, NUMBER]
    requests[10, SESSION] = requests[11, SESSION]
    found = list(mistakes(scenario, requests, rows[1], 0))
    assert found == ["two requests of a client have the same number"]


def test_too_few_requests_are_a_mistake(scenario: Scenario, rows: tuple[Rows, Rows]) -> None:
    found = list(mistakes(scenario, rows[0][:999], rows[1], fewest_ends=1_000))
    assert found == ["999 requests ended, fewer than 1000"]


# Tables -------------------------------------------------------------------------------------------


def _connections(w: World) -> list[Any]:
    return [one for one in w.connections if one.state in (CONNECTING, OPEN)]


def _first_connection(w: World) -> Any:
    return _connections(w)[0]


def _spoil_holds(w: World) -> None:
    _first_connection(w).holds += 1


def _spoil_conviction(w: World) -> None:
    w.hosts[_first_connection(w).pool].conviction_open += 1


def _spoil_control(w: World) -> None:
    w.sessions[0].control_state = 0
    w.sessions[0].control = -1


def _spoil_connecting(w: World) -> None:
    w.pools[0].connecting += 1


def _spoil_executor(w: World) -> None:
    w.executors[w.sessions[0].executor].busy += 1


def _spoil_limit(w: World) -> None:
    w.sessions[0].admitted += 1


def _lose_slots(w: World) -> None:
    # All of them: one alone may be named by a request whose next attempt is still to come.
    w.run.free_attempt = -1


COMMON = [_spoil_holds, _spoil_connecting, _spoil_executor, _spoil_limit, _lose_slots]


@pytest.mark.parametrize(
    ("driver", "spoil"),
    [
        *(("java3", spoil) for spoil in [*COMMON, _spoil_conviction, _spoil_control]),
        *(("python", spoil) for spoil in [*COMMON, _spoil_control]),
    ],
)
def test_tables_that_do_not_fit_together_are_found(
    driver: str, spoil: Callable[[World], None]
) -> None:
    spoiled = 0
    for seed in seeds_of(driver, 12):
        kept = run(generate(seed))
        assert audit(kept.world, kept.environment) == []
        if kept.world.run.free_attempt < 0 or not _connections(kept.world):
            continue  # an overloaded run has no free slot to lose, one with all nodes down nothing
        spoil(kept.world)
        assert audit(kept.world, kept.environment) != []
        spoiled += 1
        if spoiled == 2:
            return
    raise AssertionError("too few runs to spoil")


# Runs that fail -----------------------------------------------------------------------------------


def test_a_trial_tells_what_a_run_did(scenario: Scenario) -> None:
    found = attempt(scenario)
    assert found.failure == ""
    assert found.seed == 7
    assert found.requests >= 1_000
    assert {
        ("rule", "client.request.settle"),
        ("outcome", "ok"),
        ("event", "cleanup"),
    } & found.fired
    assert len(found.digest) == 32


def test_an_exception_is_the_trials_failure(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate_badly(*_: object, **__: object) -> None:
        raise InvariantViolation("invariant violated: nothing adds up")

    monkeypatch.setattr(trial, "simulate", simulate_badly)
    assert "nothing adds up" in attempt(scenario).failure


def test_an_audit_that_fails_ends_the_trial(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "audit", lambda _world, _environment: ["pool 3: a slip"])
    assert "pool 3: a slip" in attempt(scenario).failure


def _go_on_for_ever() -> None:
    while True:
        pass


def test_a_run_that_does_not_end_is_interrupted() -> None:
    with pytest.raises(Hung), time_limit(0.05):
        _go_on_for_ever()


def test_a_time_limit_is_gone_with_its_block() -> None:
    with time_limit(0.05):
        pass
    with time_limit(60):
        sum(range(2_000_000))
