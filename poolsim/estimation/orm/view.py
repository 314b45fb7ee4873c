"""What the first instance of a CassandraORM client left in a record, by host and by time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from poolsim.model import kinds
from poolsim.recording.record import Record

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Client, Scenario

Value = TypeVar("Value")

NS = 1e-9
Note = tuple[int, int, int, int, int]
"""time_ns, kind, node, connection, value."""

OPENED = (kinds.OPENED,)
GONE = (kinds.CLOSED, kinds.CONNECTION_BROKE)
ERRORS = (kinds.CONNECT_FAILED, kinds.CONNECTION_BROKE)
_UP = {kinds.HOST_UP: True, kinds.HOST_DOWN: False, kinds.HOST_ADDED: False}
_HEALTHY = {kinds.HOST_HEALTHY: True, kinds.HOST_UNHEALTHY: False}
_CIRCUIT = {
    kinds.CIRCUIT_OPENED: "open",
    kinds.CIRCUIT_HALF_OPEN: "half open",
    kinds.CIRCUIT_CLOSED: "closed",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """A host's connections at a moment: all, those with requests in flight, and these."""

    total: int = 0
    active: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Requests:
    """Of a client and, where one is asked for, a host, over a time of this length: how many ended,
    how many of them badly, and the latencies of those that were due then and ended well."""

    length_ns: int

    ended: int
    errors: int
    ok: int
    latency_sum_ns: int

    @property
    def average_latency_s(self) -> float | None:
        """None where none ended well."""
        return self.latency_sum_ns / self.ok * NS if self.ok else None

    @property
    def rate_per_s(self) -> float | None:
        """Of those that ended, 0 where none did; None where the time has no length."""
        return self.ended / (self.length_ns * NS) if self.length_ns else None

    @property
    def error_rate(self) -> float | None:
        """Errors per request, None where none ended."""
        return self.errors / self.ended if self.ended else None


class View:
    """One instance in one record.

    Requests are counted for the client as a whole, by the intervals of the timeline; all else is
    the first instance's own.
    """

    def __init__(self, scenario: Scenario, record: Record, place: int, session: int) -> None:
        self.scenario = scenario
        self.record = record
        self.place = place
        self.client: Client = scenario.clients[place]
        rows = record.notes[record.notes[:, 2] == session]
        self.notes: list[Note] = [
            (time, kind, node, connection, value)
            for time, kind, _, node, connection, value in rows.tolist()
        ]
        self.end_ns = record.end_ns

    def host(self, node: int) -> str:
        """A node's name, which is its address."""
        return self.scenario.node_names[node] if node >= 0 else ""

    def region(self, node: int) -> str:
        """The datacenter of a node."""
        return self.host(node).rpartition("/")[0]

    # Moments --------------------------------------------------------------------------------------

    @cached_property
    def collections(self) -> list[tuple[int, dict[int, Usage]]]:
        """Each collection of metrics: its time and the usage of each host; the last is the end's.

        A time at which two fell together has them once.
        """
        found: dict[int, dict[int, list[int]]] = {}
        places = (kinds.METERED_TOTAL, kinds.METERED_ACTIVE, kinds.METERED_IN_FLIGHT)
        for time, kind, node, _, value in self.notes:
            if kind in places:
                found.setdefault(time, {}).setdefault(node, [0, 0, 0])[places.index(kind)] = value
        return [
            (time, {node: Usage(*values) for node, values in hosts.items()})
            for time, hosts in found.items()
        ]

    @property
    def at_end(self) -> dict[int, Usage]:
        """The usage of each host that is known at the end of the run."""
        return self.collections[-1][1] if self.collections else {}

    def up(self, at_ns: int) -> dict[int, bool]:
        """Whether the driver holds each host for up, as far as it was told otherwise."""
        return self._last_of(_UP, at_ns)

    def healthy(self, at_ns: int) -> dict[int, bool]:
        """Whether each host answered its last health check, as far as there was one that failed."""
        return self._last_of(_HEALTHY, at_ns)

    def circuits(self, at_ns: int) -> dict[int, str]:
        """The state of each host's circuit that ever opened."""
        return self._last_of(_CIRCUIT, at_ns)

    def _last_of(self, values: dict[int, Value], at_ns: int) -> dict[int, Value]:
        found: dict[int, Value] = {}
        for time, kind, node, _, _ in self.notes:
            if time > at_ns:
                break
            if kind in values:
                found[node] = values[kind]
        return found

    # Spans ----------------------------------------------------------------------------------------

    def count(
        self, kinds_of: tuple[int, ...], since_ns: int = -1, until_ns: int | None = None
    ) -> int:
        """How many notes of some kinds there are after an instant and up to another one."""
        last = self.end_ns if until_ns is None else until_ns
        return sum(kind in kinds_of and since_ns < time <= last for time, kind, *_ in self.notes)

    def by_host(self, kinds_of: tuple[int, ...]) -> Counter[int]:
        """How many notes of some kinds each host has."""
        return Counter(node for _, kind, node, _, _ in self.notes if kind in kinds_of)

    def requests(
        self, since_ns: int = 0, until_ns: int | None = None, node: int | None = None
    ) -> Requests:
        """Requests of the client or of one host in the intervals that ended after an instant and
        by another one: whole intervals, so that each is in one of two spans that meet."""
        edges = self.record.grid.interval_edges_ns
        first = int(np.searchsorted(edges, since_ns, side="right")) - 1
        last = len(edges) - 1
        if until_ns is not None:
            last = int(np.searchsorted(edges, until_ns, side="right")) - 1
        table = self.record.intervals
        nodes = slice(None) if node is None else node
        last = max(first, last)
        span = (slice(first, last), self.place, nodes)
        return Requests(
            int(edges[last] - edges[first]),
            int(table.requests[span].sum()),
            int(table.errors[span].sum()),
            int(table.ok[span].sum()),
            int(table.latency_sum[span].sum()),
        )
