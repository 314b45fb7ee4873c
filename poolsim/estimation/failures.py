"""A failed request in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poolsim.model.kinds import (
    BUSY,
    CLIENT_TIMEOUT,
    CONNECTION_ERROR,
    ERROR_NAMES,
    NO_HOST_AVAILABLE,
    SERVER_ERROR,
)
from poolsim.recording.columns import REQUEST_COLUMNS
from poolsim.recording.histogram import Integers
from poolsim.recording.record import Record
from poolsim.recording.tables import error_kinds_of, error_nodes_of

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Scenario

_WORDS = {
    NO_HOST_AVAILABLE: "NoHostAvailable",
    CLIENT_TIMEOUT: "client timeout",
    CONNECTION_ERROR: "connection error",
    BUSY: "BusyConnection",
    SERVER_ERROR: "a node's error",
}


def failures_in_words(record: Record, scenario: Scenario) -> tuple[str, ...]:
    """The first failed requests of a replication, up to ten."""
    return tuple(in_words(row, scenario) for row in record.failures)


def in_words(row: Integers, scenario: Scenario) -> str:
    """One row of REQUEST_COLUMNS that failed: `api[0] request 17 at 12.5 s failed after 3 ms:
    NoHostAvailable (dc1/1: pool is busy: queue full; dc1/2: connection lost)`."""
    column = {name: int(value) for name, value in zip(REQUEST_COLUMNS, row, strict=True)}
    name, instance = _instance(column["session"], scenario)
    start_s = column["intended_ns"] / 1e9
    lasted_ms = (column["ended_ns"] - column["intended_ns"]) / 1e6
    outcome = _WORDS[column["outcome"]]
    return (
        f"{name}[{instance}] request {column['number']} at {start_s:.6g} s failed after "
        f"{lasted_ms:.6g} ms: {outcome} ({_errors(row, column, scenario)})"
    )


def _errors(row: Integers, column: dict[str, int], scenario: Scenario) -> str:
    kinds = error_kinds_of(row[None, REQUEST_COLUMNS.index("error_kinds")])[0].tolist()
    nodes = error_nodes_of(row[None, REQUEST_COLUMNS.index("error_hosts")])[0].tolist()
    names = scenario.node_names
    parts = [
        f"{names[node]}: {ERROR_NAMES[kind]}"
        for kind, node in zip(kinds, nodes, strict=True)
        if kind and node >= 0
    ]
    if not parts:
        return f"on {names[column['node']]}" if column["node"] >= 0 else "no host was tried"
    unknown = column["attempts"] - len(parts)
    return "; ".join(parts) + (f"; and {unknown} more" if unknown > 0 else "")


def _instance(session: int, scenario: Scenario) -> tuple[str, int]:
    """The client's name and the instance of a session, counted over all clients."""
    for client in scenario.clients:
        if session < client.instances:
            return client.name, session
        session -= client.instances
    raise ValueError("a session of no client")
