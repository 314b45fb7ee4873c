"""One random scenario, run with every invariant and watched from outside.

`attempt` never raises for what it is there to find: an invariant that does not hold, any exception,
a run that does not come to its end, rows that cannot be true. All of that is the trial's `failure`.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poolsim.engine.run import simulate
from poolsim.fidelity.generator import FEWEST_ENDS
from poolsim.fidelity.soak.audit import audit
from poolsim.fidelity.soak.coverage import RULE_FIRING, Item, Rows, fired
from poolsim.invariants.checks import (
    INVARIANTS,
    every_request_ends_exactly_once,
    littles_law_of_the_system,
)
from poolsim.invariants.violation import InvariantViolation
from poolsim.model.kinds import NO_HOST_AVAILABLE, OK
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS
from poolsim.recording.recorder import Recorder
from poolsim.scenario.scenario import Scenario

INTERVALS = 15
"""Of a trial's recording: so few that a run checks its invariants at the end of each."""
CHECKS = 30
"""How often the invariants that need no rows handed over are checked besides, and the tables."""
SLOTS_AT_ONCE = 2_000
"""Slots of attempts that are looked at as often as that; of more, less often."""
LONGEST_S = 120
"""A trial takes a fraction of a second; what takes this long hangs."""


class AuditFailed(Exception):
    """The tables of a world do not fit together."""


class Hung(Exception):
    """A run did not come to its end."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one scenario. `failure`: what is wrong, "" if nothing is."""

    seed: int
    digest: str = ""
    requests: int = 0
    events: int = 0
    fired: frozenset[Item] = frozenset()
    failure: str = ""


@dataclass(slots=True)
class _Tap:
    """Hands rows on to a recorder and keeps them."""

    recorder: Recorder
    request_rows: list[Rows] = field(default_factory=list)
    note_rows: list[Rows] = field(default_factory=list)

    @property
    def interval_ns(self) -> int:
        return self.recorder.interval_ns

    @property
    def sample_times_ns(self) -> Rows:
        return self.recorder.sample_times_ns

    def requests(self, rows: Rows) -> None:
        self.recorder.requests(rows)
        self.request_rows.append(rows.copy())

    def notes(self, rows: Rows) -> None:
        self.recorder.notes(rows)
        self.note_rows.append(rows.copy())

    def sample(self, time_ns: int, table: Rows) -> None:
        self.recorder.sample(time_ns, table)


def attempt(scenario: Scenario, fewest_ends: int = FEWEST_ENDS) -> Trial:
    """Run replication 0 of a scenario and look at everything that it says."""
    tap = _Tap(Recorder(scenario, max(1, scenario.duration_ns // INTERVALS)))
    RULE_FIRING.arm()
    try:
        with time_limit(LONGEST_S):
            checks = [_checks_between(scenario)]
            end = simulate(scenario, 0, tap, engine="simpy", attachments=checks)
        record = tap.recorder.finish(end.end_ns, end.unfinished)
    except Exception:
        return Trial(scenario.seed, failure=traceback.format_exc(limit=-4))
    finally:
        rules = RULE_FIRING.disarm()
    requests = _joined(tap.request_rows, len(REQUEST_COLUMNS))
    notes = _joined(tap.note_rows, len(NOTE_COLUMNS))
    return Trial(
        seed=scenario.seed,
        digest=record.digest,
        requests=len(requests),
        events=end.events,
        fired=fired(scenario, rules, requests, notes),
        failure="\n".join(mistakes(scenario, requests, notes, fewest_ends)),
    )


def _joined(batches: list[Rows], width: int) -> Rows:
    return np.concatenate(batches) if batches else np.empty((0, width), dtype=np.int64)


def _checks_between(scenario: Scenario) -> Any:
    """Checks of invariants at instants of their own, as a process of the engine."""
    period_ns = scenario.duration_ns // CHECKS + 1
    after_handing_over = (every_request_ends_exactly_once, littles_law_of_the_system)
    at_any_time = [one for one in INVARIANTS if one not in after_handing_over]

    def attach(environment: Any, world: Any) -> None:
        def process() -> Iterator[Any]:
            while True:
                # Looking at more takes longer, so it is done less often.
                yield environment.timeout(period_ns * (1 + len(world.attempts) // SLOTS_AT_ONCE))
                for invariant in at_any_time:
                    broken = invariant(world, environment.now)
                    if broken:
                        place = f"{invariant.__name__} at {environment.now} ns"
                        raise InvariantViolation(f"{place}: {broken}")
                slips = audit(world, environment)
                if slips:
                    raise AuditFailed(f"at {environment.now} ns: {'; '.join(slips[:5])}")

        environment.process(process())

    return attach


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise Hung in the block when it takes longer, where the platform can interrupt it."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() != threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: Any) -> None:
        raise Hung(f"the run did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Rows that cannot be true -------------------------------------------------------------------------


def mistakes(scenario: Scenario, requests: Rows, notes: Rows, fewest_ends: int) -> Iterator[str]:
    """A sentence for each thing that is wrong with the rows of a run."""
    if len(requests) < fewest_ends:
        yield f"{len(requests)} requests ended, fewer than {fewest_ends}"
    number, session, node, outcome, attempts, intended, issued, wait, service, ended, _, _ = (
        requests.T
    )
    end_ns = scenario.duration_ns
    claims = {
        "a request was issued before it was due": issued < intended,
        "a request ended before it was issued": ended < issued,
        "a request was due before the run": intended < 0,
        "a request ended after the run": ended > end_ns,
        "a wait is negative": wait < 0,
        "a service time is negative": service < 0,
        "wait and service are longer than the request": wait + service > ended - issued,
        "requests do not end in the order of time": np.diff(ended, prepend=0) < 0,
        "a request succeeded without a node": (outcome == OK) & ((node < 0) | (attempts < 1)),
        "a request failed on no node": (outcome != NO_HOST_AVAILABLE) & (attempts < 1),
        "a node does not exist": node >= len(scenario.node_names),
    }
    for claim, where in claims.items():
        if where.any():
            yield f"{claim}: {int(where.sum())} times, first {requests[where][0].tolist()}"
    client = np.repeat(
        np.arange(len(scenario.clients)), [client.instances for client in scenario.clients]
    )[session]
    pairs = np.stack([client, number], axis=1)
    if len(np.unique(pairs, axis=0)) != len(pairs):
        yield "two requests of a client have the same number"
    if (np.diff(notes[:, 0], prepend=0) < 0).any() or (notes[:, 0] > end_ns).any():
        yield "notes are not in the order of time"
