"""What one writes with SimPy and its documentation: one process per request.

This is the yardstick of `test_speed.py`. It is meant to be good SimPy (draws made in blocks, no
monitoring, SimPy's own Resource for the workers), and it simulates only what workloads W and S
need: one host, four connections, the least busy one picked, an acquisition queue with a limit and a
timeout, a node of FIFO workers, a constant network delay. No growth, no failures, no recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import simpy
from numpy.typing import NDArray

from benchmarks.workload import S, W, Workload

__all__ = ["Outcome", "S", "W", "simulate"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Latencies in seconds of the requests that were served, in the order of their ends."""

    latencies_s: NDArray[np.float64]
    rejected: int
    timed_out: int


class Connection:
    """Counts the streams in use on one connection."""

    __slots__ = ("in_flight",)

    def __init__(self) -> None:
        self.in_flight = 0


class Client:
    """A pool of connections to one node, and the requests that go through it."""

    def __init__(self, workload: Workload, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.workload = workload
        self.gaps_s = random.exponential(1 / workload.rate, count).tolist()
        self.services_s = random.exponential(workload.mean_service_s, count).tolist()
        self.env = simpy.Environment()
        self.node = simpy.Resource(self.env, capacity=workload.workers)
        self.connections = [Connection() for _ in range(workload.connections)]
        self.pending: deque[simpy.Event] = deque()
        self.latencies_s: list[float] = []
        self.rejected = 0
        self.timed_out = 0

    def arrivals(self) -> Generator[simpy.Event, None, None]:
        """Start a process per request."""
        for gap_s, service_s in zip(self.gaps_s, self.services_s, strict=True):
            yield self.env.timeout(gap_s)
            self.env.process(self.request(service_s))

    def request(self, service_s: float) -> Generator[simpy.Event, object, None]:
        """One request, from its arrival to its response."""
        env, workload = self.env, self.workload
        arrived_s = env.now
        connection = self.borrow()
        if connection is None:
            if len(self.pending) >= workload.max_queue:
                self.rejected += 1
                return
            turn = env.event()
            self.pending.append(turn)
            yield turn | env.timeout(workload.pool_timeout_s)
            if not turn.triggered:
                self.pending.remove(turn)
                self.timed_out += 1
                return
            connection = turn.value
        yield env.timeout(workload.network_s)
        with self.node.request() as worker:
            yield worker
            yield env.timeout(service_s)
        yield env.timeout(workload.network_s)
        self.give_back(connection)
        self.latencies_s.append(env.now - arrived_s)

    def borrow(self) -> Connection | None:
        """Take a stream of the least busy connection, if it has one left."""
        least = min(self.connections, key=lambda connection: connection.in_flight)
        if least.in_flight >= self.workload.streams:
            return None
        least.in_flight += 1
        return least

    def give_back(self, connection: Connection) -> None:
        """Hand the stream to the request that waited longest, or free it."""
        if self.pending:
            self.pending.popleft().succeed(connection)
        else:
            connection.in_flight -= 1


def simulate(workload: Workload, count: int, seed: int) -> Outcome:
    """Simulate the first `count` requests to their ends."""
    client = Client(workload, count, seed)
    client.env.process(client.arrivals())
    client.env.run()
    return Outcome(np.array(client.latencies_s), client.rejected, client.timed_out)
