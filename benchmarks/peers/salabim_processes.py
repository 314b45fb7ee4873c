"""salabim: a component per request, its own resource for the workers, nothing traced or
monitored, without `yield` overhead of its greenlets (yieldless=False)."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from benchmarks.workload import Summary, Workload


def run(workload: Workload, count: int, seed: int) -> Summary:
    """Simulate the first `count` requests to their ends."""
    import salabim as sim

    random = np.random.default_rng(seed)
    gaps_s = random.exponential(1 / workload.rate, count).tolist()
    services_s = random.exponential(workload.mean_service_s, count).tolist()
    env = sim.Environment(trace=False, yieldless=False)
    node = sim.Resource("node", capacity=workload.workers, monitor=False)
    in_flight = [0] * workload.connections
    pending: deque[Any] = deque()
    latencies_s: list[float] = []
    lost = {"rejected": 0, "timed_out": 0}

    class Request(sim.Component):  # type: ignore[misc]
        def setup(self, service_s: float) -> None:
            self.service_s = service_s
            self.granted = -1

        def process(self) -> Any:
            arrived_s = env.now()
            fewest = min(in_flight)
            if fewest < workload.streams:
                self.granted = in_flight.index(fewest)
                in_flight[self.granted] += 1
            elif len(pending) >= workload.max_queue:
                lost["rejected"] += 1
                return
            else:
                pending.append(self)
                yield self.hold(workload.pool_timeout_s)
                if self.granted < 0:
                    pending.remove(self)
                    lost["timed_out"] += 1
                    return
            yield self.hold(workload.network_s)
            yield self.request(node)
            yield self.hold(self.service_s)
            self.release(node)
            yield self.hold(workload.network_s)
            if pending:
                waiter = pending.popleft()
                waiter.granted = self.granted
                waiter.activate()
            else:
                in_flight[self.granted] -= 1
            latencies_s.append(env.now() - arrived_s)

    class Arrivals(sim.Component):  # type: ignore[misc]
        def process(self) -> Any:
            for gap_s, service_s in zip(gaps_s, services_s, strict=True):
                yield self.hold(gap_s)
                Request(service_s=service_s)

    Arrivals()
    env.run()
    return Summary(
        len(latencies_s), lost["rejected"], lost["timed_out"], float(np.mean(latencies_s))
    )
