"""A node's speed as the harness sets it: a FIFO of workers in virtual time.

A request that is read from its client at `arrived` takes the worker that is free first and is done
at `max(arrived, when that worker is free) + service`. Its response goes out then, or when the real
node's response is there if that is later. So the driver meets a node with an exact service law
whatever the machine does meanwhile, as long as the real node is faster than the law.
"""

from __future__ import annotations

from array import array
from heapq import heapify, heapreplace
from typing import Any

MOST_WORKERS = 100_000
MOST_ATTEMPTS = 3
"""Tables that a law is drawn into: the first sending of a request and two more."""


class Fifo:
    """So many workers, in virtual time."""

    __slots__ = ("_free", "workers")

    def __init__(self, workers: int) -> None:
        """All workers are idle."""
        self.workers = workers
        self._free = [0] * workers

    def finish(self, arrived_ns: int, service_ns: int) -> int:
        """Take a request in; when it is done, in ns."""
        free = self._free
        begin = free[0]
        if begin < arrived_ns:
            begin = arrived_ns
        heapreplace(free, begin + service_ns)
        return begin + service_ns

    def reset(self) -> None:
        """The node has ended: its queue with it."""
        self._free = [0] * self.workers

    def shift(self, since_ns: int, by_ns: int) -> None:
        """The node stood still: what was to end after `since_ns` ends so much later."""
        self._free = [free + by_ns if free > since_ns else free for free in self._free]
        heapify(self._free)


class Services:
    """Service times by request number and attempt, in ns; by order of arrival without a number."""

    def __init__(self, tables: list[array[int]]) -> None:
        """One table for the first sending of each request, one for the second, and so on."""
        if not tables or any(len(table) == 0 for table in tables):
            raise ValueError("a paced node needs service times")
        self._tables = tables
        self._unnumbered = 0

    def at(self, number: int, attempt: int) -> int:
        """The service time of a request's attempt; tables are taken from the start again."""
        if number < 0:
            number = self._unnumbered
            self._unnumbered += 1
        table = self._tables[min(attempt, len(self._tables) - 1)]
        return table[number % len(table)]


def read_services(pace: dict[str, Any]) -> Services:
    """Service times as a `listen` command gives them.

    `service_ns`: a list of ns, or paths of raw little-endian int64 files, one an attempt; or
    `law` with the keys of `scenario.Law`, `seed`, `replication`, `stream` and `requests`: drawn
    from poolsim's own streams, so that a simulation draws the same.

    Raises:
        ValueError: neither is there, or a value makes no sense.
        OSError: a file cannot be read.
    """
    given = pace.get("service_ns")
    if given is not None:
        if not isinstance(given, list) or not given:
            raise ValueError("service_ns must be a list of nanoseconds or of paths")
        if all(isinstance(item, str) for item in given):
            return Services([_read_table(path) for path in given])
        return Services([array("q", given)])
    if pace.get("law") is None:
        raise ValueError("a paced node needs service_ns or a law")
    return Services(_drawn(pace))


def _read_table(path: str) -> array[int]:
    table = array("q")
    with open(path, "rb") as file:
        table.frombytes(file.read())
    return table


def _drawn(pace: dict[str, Any]) -> list[array[int]]:
    # Only here: numpy costs a tenth of a second that a proxy with tables need not pay.
    from poolsim.engine.draws import BLOCK, Draws
    from poolsim.model.laws.durations import quantile_ns
    from poolsim.scenario.scenario import Law

    law = dict(pace["law"])
    law["points"] = tuple((share, value) for share, value in law.get("points", ()))
    law["samples_ns"] = tuple(law.get("samples_ns", ()))
    draws = Draws(int(pace.get("seed", 0)), int(pace.get("replication", 0)))
    lane = draws.add(str(pace.get("stream", "service")), quantile_ns(Law(**law)))
    blocks = -(-int(pace.get("requests", 1 << 16)) // BLOCK)
    tables: list[array[int]] = []
    for attempt in range(MOST_ATTEMPTS):
        table = array("q")
        for block in range(blocks):
            table.frombytes(draws.block(lane, block, attempt).tobytes())
        tables.append(table)
    return tables
