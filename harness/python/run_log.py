"""What a run leaves behind: requests.csv, hosts.csv and events.csv.

Times are CLOCK_MONOTONIC in ns, written relative to the run's start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cassandra import OperationTimedOut
from cassandra.cluster import NoHostAvailable
from cassandra.pool import NoConnectionsAvailable

NOT_ENDED = -(1 << 62)


class Hosts:
    """The numbers of hosts: their places in the run's list, whichever address is used."""

    def __init__(self, addresses: list[str], translate: dict[str, str]) -> None:
        self.count = len(addresses)
        self._by_address: dict[str, int] = {}
        for number, address in enumerate(addresses):
            self._by_address[address] = number
            self._by_address[translate.get(address, address)] = number

    def number(self, host: Any) -> int:
        """The number of a driver's host or endpoint, -1 for one that is not in the list."""
        endpoint = getattr(host, "endpoint", host)
        return self._by_address.get(getattr(endpoint, "address", ""), -1)


class Events:
    """What happened to connections and hosts. Rare; any thread may add to it."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, str, str]] = []

    def add(self, host: int, kind: str, detail: str = "") -> None:
        """Something happens now; `detail` is `name=value` pairs joined by `;`."""
        self._rows.append((time.monotonic_ns(), host, kind, detail))

    def write(self, file: IO[str], start_ns: int) -> None:
        """Write events.csv."""
        file.write("at_ns,host,kind,detail\n")
        for at, host, kind, detail in sorted(self._rows):
            plain = detail.replace(",", " ").replace("\n", " ").replace('"', "'")
            file.write(f"{at - start_ns},{host},{kind},{plain}\n")


class Requests:
    """What became of every request, by number."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._intended: list[int] = []
        self._started: list[int] = []
        self._ended: list[int] = []
        self._results: list[tuple[int, str, str]] = []
        self.finished = 0

    @property
    def issued(self) -> int:
        """How many requests there are."""
        return len(self._intended)

    def due(self, intended_ns: int) -> int:
        """A request is due at an instant; its number. One thread calls this."""
        self._intended.append(intended_ns)
        self._started.append(-1)
        self._ended.append(NOT_ENDED)
        self._results.append((-1, "error", "Unfinished"))
        return len(self._intended) - 1

    def started(self, number: int) -> int:
        """It is given to the driver now; the time."""
        now = time.monotonic_ns()
        self._started[number] = now
        return now

    def succeeded(self, number: int, host: Any) -> int:
        """A host answered; the time."""
        now = time.monotonic_ns()
        self._ended[number] = now
        self._results[number] = (self._hosts.number(host), "ok", "")
        self.finished += 1
        return now

    def failed(self, number: int, error: BaseException) -> int:
        """It ended with an error; the time."""
        now = time.monotonic_ns()
        self._ended[number] = now
        self._results[number] = (-1, outcome(error), describe(error, self._hosts))
        self.finished += 1
        return now

    def write(self, file: IO[str], start_ns: int) -> None:
        """Write requests.csv. A request that never ended is an error named Unfinished."""
        file.write("number,intended_ns,started_ns,ended_ns,host,outcome,error\n")
        for number, intended_ns in enumerate(self._intended):
            host, how, error = self._results[number]
            ended = self._ended[number]
            ended = -1 if ended == NOT_ENDED else ended - start_ns
            started = self._started[number]
            started = -1 if started == -1 else started - start_ns
            file.write(
                f"{number},{intended_ns - start_ns},{started},{ended},{host},{how},{error}\n"
            )


def outcome(error: BaseException) -> str:
    """rejected: every host that was tried had no stream in time; timeout: the driver's own."""
    if not isinstance(error, NoHostAvailable):
        return _outcome_of_one(error)
    errors = error.errors.values() if isinstance(error.errors, dict) else []
    found = {_outcome_of_one(one) for one in errors}
    return found.pop() if len(found) == 1 else "error"


def _outcome_of_one(error: BaseException) -> str:
    if isinstance(error, NoConnectionsAvailable):
        return "rejected"
    return "timeout" if isinstance(error, OperationTimedOut) else "error"


def describe(error: BaseException, hosts: Hosts) -> str:
    """The class; where no host was available also `host number=class` of each, joined by `;`."""
    name = type(error).__name__
    errors = getattr(error, "errors", None)
    if isinstance(error, NoHostAvailable) and isinstance(errors, dict):
        each = (f"{hosts.number(host)}={type(one).__name__}" for host, one in errors.items())
        name = ";".join([name, *each])
    return name


def write_whole(folder: Path, name: str, write: Callable[[IO[str]], None]) -> None:
    """Write a file under another name first: it is there whole or not at all."""
    partial = folder / f"{name}.partial"
    with partial.open("w", encoding="utf-8") as file:
        write(file)
    os.replace(partial, folder / name)
