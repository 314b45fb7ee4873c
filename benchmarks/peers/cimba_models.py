"""cimba: a process per request, and events on slots that are used again. Both simulate W only: a
request that waits for a stream would need a model of its own for the queue and its timeout.

cimba reads annotations by the names of this module, so it is imported here and not in a function.
"""

import cimba as cb
from cimba import inputs

from benchmarks.workload import Summary, W, Workload

CONNECTIONS, STREAMS, WORKERS = W.connections, W.streams, W.workers
NETWORK_S = W.network_s
SLOTS = CONNECTIONS * STREAMS


class ProcessPool(cb.Model):
    """A pool whose requests are processes of their own."""

    gap: cb.Input[float] = inputs.dist.exponential(mean=1 / W.rate)
    service: cb.Input[float] = inputs.dist.exponential(mean=W.mean_service_s)
    node: cb.Resource = cb.Resource(capacity=WORKERS)
    in_flight: cb.Array[int] = cb.Array(CONNECTIONS)
    count: cb.Param[int] = 0
    served: cb.Output[int] = 0
    rejected: cb.Output[int] = 0
    latency_s: cb.Output[float] = 0.0

    @cb.process
    def arrivals(self):
        """Start a process per request."""
        for _ in range(self.count):
            cb.hold(self.gap.next())
            cb.spawn(Request, pool=self)


class Request(cb.Model):
    """A request, from its arrival to its response."""

    pool: cb.Ref[ProcessPool]

    @cb.process
    def live(self):
        """Take a stream, cross the network, be served, come back."""
        pool = self.pool
        arrived = cb.now()
        least = 0
        for k in range(1, len(pool.in_flight)):
            if pool.in_flight[k] < pool.in_flight[least]:
                least = k
        if pool.in_flight[least] >= STREAMS:
            pool.rejected += 1
            return
        pool.in_flight[least] += 1
        cb.hold(NETWORK_S)
        pool.node.acquire()
        cb.hold(pool.service.next())
        pool.node.release()
        cb.hold(NETWORK_S)
        pool.in_flight[least] -= 1
        pool.latency_s += cb.now() - arrived
        pool.served += 1


class EventPool(cb.Model):
    """A pool whose requests are slots of a table; the node is a recursion over its workers."""

    gap: cb.Input[float] = inputs.dist.exponential(mean=1 / W.rate)
    service: cb.Input[float] = inputs.dist.exponential(mean=W.mean_service_s)
    slots: list["Slot"]
    in_flight: cb.Array[int] = cb.Array(CONNECTIONS)
    free_at: cb.Array[float] = cb.Array([0.0] * WORKERS)
    free: cb.Array[int] = cb.Array(list(range(SLOTS)))
    free_count: cb.Param[int] = SLOTS
    left: cb.Param[int] = 0
    served: cb.Output[int] = 0
    rejected: cb.Output[int] = 0
    latency_s: cb.Output[float] = 0.0

    @cb.on_start
    def begin(self):
        """The first arrival."""
        cb.schedule(self.arrive, self.gap.next())

    @cb.event
    def arrive(self):
        """A request is due, and the next one can be foreseen."""
        self.left -= 1
        if self.left > 0:
            cb.schedule(self.arrive, self.gap.next())
        least = 0
        for k in range(1, len(self.in_flight)):
            if self.in_flight[k] < self.in_flight[least]:
                least = k
        if self.in_flight[least] >= STREAMS:
            self.rejected += 1
            return
        self.in_flight[least] += 1
        earliest = 0
        for k in range(1, len(self.free_at)):
            if self.free_at[k] < self.free_at[earliest]:
                earliest = k
        now = cb.now()
        start = max(now + NETWORK_S, self.free_at[earliest])
        self.free_at[earliest] = start + self.service.next()
        self.free_count -= 1
        slot = self.slots[self.free[self.free_count]]
        slot.arrived = now
        slot.connection = least
        cb.schedule(slot.respond, self.free_at[earliest] + NETWORK_S - now)


class Slot(cb.Model):
    """A request in flight."""

    pool: cb.Ref[EventPool]
    number: cb.Param[int] = 0
    connection: cb.Param[int] = 0
    arrived: cb.Param[float] = 0.0

    @cb.event
    def respond(self):
        """The response is there; the slot can be used again."""
        pool = self.pool
        pool.in_flight[self.connection] -= 1
        pool.latency_s += cb.now() - self.arrived
        pool.served += 1
        pool.free[pool.free_count] = self.number
        pool.free_count += 1


def process_style(workload: Workload, count: int, seed: int) -> Summary:
    """Simulate the first `count` requests to their ends, a process each."""
    model = ProcessPool()
    model.count = count
    return _summary(model, workload, count, seed)


def event_style(workload: Workload, count: int, seed: int) -> Summary:
    """Simulate the first `count` requests to their ends by events."""
    model = EventPool()
    slots = []
    for number in range(SLOTS):
        slot = Slot()
        slot.number = number
        slot.pool = model
        slots.append(slot)
    model.slots = slots
    model.left = count
    return _summary(model, workload, count, seed)


def _summary(model: cb.Model, workload: Workload, count: int, seed: int) -> Summary:
    assert workload == W
    window = cb.Window(duration=count / workload.rate * 1.2 + 1)
    results = cb.Experiment(model, replications=1, window=window, seed=seed).run()[model]
    served, rejected = (
        int(values.item()) for values in (results.served.values, results.rejected.values)
    )
    return Summary(served, rejected, 0, float(results.latency_s.values.item()) / served)
