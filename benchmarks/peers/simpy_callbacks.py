"""SimPy without processes: raw events whose callbacks do the work, and workers counted by hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import simpy

from benchmarks.workload import Summary, Workload


class Client:
    """A pool of connections to one node, and the requests that go through it."""

    def __init__(self, workload: Workload, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.workload = workload
        self.env = simpy.Environment()
        self.gaps_s = random.exponential(1 / workload.rate, count).tolist()
        self.services_s = random.exponential(workload.mean_service_s, count).tolist()
        self.arrived_s = [0.0] * count
        self.connection = [0] * count
        self.waiting = [False] * count
        self.in_flight = [0] * workload.connections
        self.free_workers = workload.workers
        self.at_node: deque[int] = deque()
        self.pending: deque[int] = deque()
        self.pending_count = self.served = self.rejected = self.timed_out = 0
        self.latency_s = 0.0
        self.next = 0
        self.after(self.gaps_s[0], self.arrive, 0)

    def after(self, delay_s: float, step: Callable[[int], None], request: int) -> None:
        """Call `step(request)` after a delay."""
        event = simpy.Event(self.env)
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: step(request))  # type: ignore[union-attr]
        self.env.schedule(event, delay=delay_s)

    def arrive(self, request: int) -> None:
        """A request is due, and the next one can be foreseen."""
        if request + 1 < len(self.gaps_s):
            self.after(self.gaps_s[request + 1], self.arrive, request + 1)
        self.arrived_s[request] = self.env.now
        in_flight = self.in_flight
        fewest = min(in_flight)
        if fewest < self.workload.streams:
            least = in_flight.index(fewest)
            in_flight[least] += 1
            self.send(request, least)
        elif self.pending_count >= self.workload.max_queue:
            self.rejected += 1
        else:
            self.pending.append(request)
            self.pending_count += 1
            self.waiting[request] = True
            self.after(self.workload.pool_timeout_s, self.expire, request)

    def send(self, request: int, connection: int) -> None:
        """A request goes to the node."""
        self.connection[request] = connection
        self.after(self.workload.network_s, self.reach, request)

    def reach(self, request: int) -> None:
        """It reaches the node."""
        if self.free_workers:
            self.free_workers -= 1
            self.after(self.services_s[request], self.finish, request)
        else:
            self.at_node.append(request)

    def finish(self, request: int) -> None:
        """A worker is done with it."""
        self.after(self.workload.network_s, self.respond, request)
        if self.at_node:
            following = self.at_node.popleft()
            self.after(self.services_s[following], self.finish, following)
        else:
            self.free_workers += 1

    def respond(self, request: int) -> None:
        """The response is there; its stream goes to who waited longest."""
        self.served += 1
        self.latency_s += self.env.now - self.arrived_s[request]
        connection = self.connection[request]
        while self.pending:
            waiter = self.pending.popleft()
            if self.waiting[waiter]:
                self.waiting[waiter] = False
                self.pending_count -= 1
                self.send(waiter, connection)
                return
        self.in_flight[connection] -= 1

    def expire(self, request: int) -> None:
        """It has waited for a stream too long, if it still waits."""
        if self.waiting[request]:
            self.waiting[request] = False
            self.pending_count -= 1
            self.timed_out += 1


def run(workload: Workload, count: int, seed: int) -> Summary:
    """Simulate the first `count` requests to their ends."""
    client = Client(workload, count, seed)
    client.env.run()
    mean_s = client.latency_s / client.served
    return Summary(client.served, client.rejected, client.timed_out, mean_s)
