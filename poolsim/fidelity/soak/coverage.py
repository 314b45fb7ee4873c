"""What there is to fire in the model, and what of it fired in a run.

The lists come from the registries of the model and of the scenario; whatever is registered later is
asked for without a change here. A policy counts as fired where it decided something: reconnection
when an attempt was scheduled by it, retry when an attempt failed that it had to judge, balancing
when a request had a host. A load and a law count where requests of theirs ended, a fault and a
change where the run came to them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from poolsim.fidelity.soak.firing import Firing
from poolsim.model import dispatch
from poolsim.model.build import CHANGE_FIELDS, FAULT_KINDS
from poolsim.model.cluster.faults import FAULT_NAMES
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.kinds import (
    ERROR_NAMES,
    EVENT_NAMES,
    LOST,
    NOTE_NAMES,
    OUTCOME_NAMES,
    RECONNECTION_ATTEMPT,
    TIMED_OUT,
)
from poolsim.model.policies.balancing import POLICY_NAMES
from poolsim.model.policies.reconnection import RECONNECTION_NAMES
from poolsim.model.policies.retry import FALLTHROUGH, RETRY_NAMES
from poolsim.model.rule import RULES
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS
from poolsim.scenario.entries import LOAD_KINDS
from poolsim.scenario.resolve_laws import LAW_KINDS
from poolsim.scenario.scenario import Client, Scenario

Rows = NDArray[np.int64]
Item = tuple[str, str]
"""What can fire: its kind, its name."""

_SESSION, _NODE, _OUTCOME, _ERRORS = (
    REQUEST_COLUMNS.index(name) for name in ("session", "node", "outcome", "error_kinds")
)
_NOTE_KIND, _NOTE_SESSION = NOTE_COLUMNS.index("kind"), NOTE_COLUMNS.index("session")
_ERROR_BITS = 4
_KEPT_ERRORS = 6

_HANDLERS = dispatch.handlers()
RULE_FIRING = Firing(RULES)
"""Watches the rules in this process; all rules are collected once `dispatch` is imported."""


def everything() -> tuple[Item, ...]:
    """All that is registered, in the order of the registries."""
    lists = (
        ("rule", tuple(RULES)),
        ("event", EVENT_NAMES),
        ("driver", tuple(DRIVERS)),
        ("load", LOAD_KINDS),
        ("law", LAW_KINDS),
        ("balancing policy", POLICY_NAMES),
        ("reconnection policy", RECONNECTION_NAMES),
        ("retry policy", RETRY_NAMES),
        ("fault", FAULT_NAMES),
        ("change", tuple(CHANGE_FIELDS)),
        ("note", NOTE_NAMES),
        ("outcome", OUTCOME_NAMES),
        ("error", tuple(name for name in ERROR_NAMES if name)),
    )
    return tuple((kind, name) for kind, names in lists for name in names)


def fired(
    scenario: Scenario, rules: frozenset[str], requests: Rows, notes: Rows
) -> frozenset[Item]:
    """What fired in a run.

    Args:
        scenario: what was run.
        rules: names of the rules that were called.
        requests: all rows of REQUEST_COLUMNS.
        notes: all rows of NOTE_COLUMNS.
    """
    found: set[Item] = {("rule", name) for name in rules}
    by_function = {id(function): name for name, function in RULES.items()}
    for event, handler in zip(EVENT_NAMES, _HANDLERS, strict=True):
        if by_function[id(handler)] in rules:
            found.add(("event", event))
    for code in np.unique(requests[:, _OUTCOME]):
        found.add(("outcome", OUTCOME_NAMES[code]))
    for code in _errors(requests):
        found.add(("error", ERROR_NAMES[code]))
    for code in np.unique(notes[:, _NOTE_KIND]):
        found.add(("note", NOTE_NAMES[code]))
    found.update(_happened(scenario))
    first = 0
    for client in scenario.clients:
        sessions = (first, first + client.instances)
        found.update(
            _client_fired(
                scenario,
                client,
                _of_sessions(requests, _SESSION, sessions),
                _of_sessions(notes, _NOTE_SESSION, sessions),
            )
        )
        first += client.instances
    return frozenset(found)


def _of_sessions(rows: Rows, column: int, sessions: tuple[int, int]) -> Rows:
    return rows[(rows[:, column] >= sessions[0]) & (rows[:, column] < sessions[1])]


def _errors(requests: Rows) -> list[int]:
    """Kinds of error among those that are kept of each request."""
    kinds = {
        int(kind)
        for place in range(_KEPT_ERRORS)
        for kind in np.unique((requests[:, _ERRORS] >> (_ERROR_BITS * place)) & 15)
    }
    return sorted(kinds - {0})


def _happened(scenario: Scenario) -> Iterator[Item]:
    """Faults and changes that the run came to."""
    for fault in scenario.faults:
        begin, end = FAULT_KINDS[fault.kind]
        yield "fault", FAULT_NAMES[begin]
        if fault.for_ns and fault.at_ns + fault.for_ns < scenario.duration_ns:
            yield "fault", FAULT_NAMES[end]
    for change in scenario.changes:
        yield "change", change.path


def _client_fired(
    scenario: Scenario, client: Client, requests: Rows, notes: Rows
) -> Iterator[Item]:
    """What a client's own requests and notes tell of its settings."""
    if (notes[:, _NOTE_KIND] == RECONNECTION_ATTEMPT).any():
        yield "reconnection policy", client.options.reconnection.kind
    if not len(requests):
        return
    yield "driver", client.driver
    yield "load", client.load.kind
    if not client.load.services_ns:
        yield "law", scenario.node.service.kind
    if client.load.think is not None:
        yield "law", client.load.think.kind
    if (requests[:, _NODE] >= 0).any():
        yield "balancing policy", client.options.balancing.policy
    if {LOST, TIMED_OUT} & set(_errors(requests)):
        fallthrough = client.options.retry == "fallthrough"
        policy = FALLTHROUGH if fallthrough else DRIVERS[client.driver].TRAITS.retry
        yield "retry policy", RETRY_NAMES[policy]
