"""What the document on asynchronous connections has besides rules, for clients of its driver: the
estimate of memory (002:423-437), the bound of the throughput (002:489-504) and the signals of
backpressure with what each asks for (002:338-347).

Peaks and signals are those of the first replication, all of it; means are over all replications,
after the warm-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from poolsim.estimation.generic import DRIVER, most_streams, threads_of, throughput_bound
from poolsim.estimation.results import Results
from poolsim.report import tables
from poolsim.report.summaries import ClientSummary, EventCounts, event_counts
from poolsim.report.units import TIMES, counted, quantity
from poolsim.scenario.scenario import Client

_NS = 1e-9

SIGNALS = (
    ("queue full", "queue_full", "too many pending requests", "slow down submissions"),
    (
        "high in-flight",
        "high_watermark",
        "approaching connection limit",
        "consider more connections",
    ),
    ("read buffer full", "read_buffer_full", "processing too slow", "increase consumer capacity"),
)
"""Signal, kind of event that gives it, meaning, action: 002:340-344."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A client's instances together at the instant of their highest estimate, sizes in bytes."""

    connections: int
    connection_overhead: int
    in_flight: int
    request_overhead: int
    results: int
    result_overhead: int
    total: int
    thread_per_request: int
    """What as many threads as requests in flight would take for their stacks, at their peak."""


@dataclass(frozen=True, slots=True)
class Threads:
    """What asynchronous I/O takes, and what a thread for each request would (002:16-36)."""

    threads: int
    """Of all instances: those that issue, read and write, and run callbacks."""
    thread_per_request: int
    """One for each request in flight at their peak."""
    io_events: int
    """Flushes and reads: a context switch each, at most."""
    requests: int
    """A context switch each, at least, with a thread for each."""
    switching_s: float
    """What the switches for I/O events cost, by `threading.context_switch`."""
    thread_per_request_switching_s: float
    """What one for each request would."""


@dataclass(frozen=True, slots=True)
class Bound:
    """connections x streams / latency; NaN where no request succeeded."""

    connections: int
    streams: int
    latency_s: float
    per_second: float
    simulated_per_second: float


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal, and how often a connection gave it: once for as long as the cause lasts."""

    name: str
    count: int
    meaning: str
    action: str


@dataclass(frozen=True, slots=True)
class Budget:
    """What there is to say of one client besides its figures."""

    client: str
    memory: Memory
    threads: Threads
    bound: Bound
    signals: tuple[Signal, ...]


def budgets(results: Results, summaries: list[ClientSummary]) -> list[Budget]:
    """One for each client of the generic driver, in the scenario's order."""
    own = [summary for summary in summaries if summary.client.driver == DRIVER]
    if not own:
        return []
    given = event_counts(tables.events(results.replications[0]))
    return [
        Budget(
            client=summary.name,
            memory=_memory(results, summary.client),
            threads=_threads(results, summary),
            bound=_bound(results, summary),
            signals=tuple(
                Signal(name, _given(given, summary.name, kind), meaning, action)
                for name, kind, meaning, action in SIGNALS
            ),
        )
        for summary in own
    ]


def _given(events: EventCounts, client: str, kind: str) -> int:
    return sum(count for (of, _, known), count in events.items() if (of, known) == (client, kind))


def _mean(summary: ClientSummary, metric: str) -> float:
    estimate = summary.estimate(metric)
    return math.nan if estimate is None else estimate.mean


class _Timeline:
    """A client's timeline in the first replication, summed over its hosts."""

    def __init__(self, results: Results, client: Client) -> None:
        self._table = tables.timeline(results.replications[0])
        codes, names = tables.codes(self._table, "client")
        self._rows = codes == (names.index(client.name) if client.name in names else -1)
        times = tables.numbers(self._table, "time_s")[self._rows]
        _, self._interval = np.unique(times, return_inverse=True)

    def total(self, column: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """A column by interval, and a 0, so that there is something."""
        values = tables.numbers(self._table, column)[self._rows]
        return np.append(np.bincount(self._interval, weights=values), 0.0)


def _memory(results: Results, client: Client) -> Memory:
    own = client.options.generic
    assert own is not None, "a client of the generic driver has its options"
    timeline = _Timeline(results, client)
    connections, results_held = timeline.total("active"), timeline.total("buffered")
    in_flight = timeline.total("in_flight") + timeline.total("pending")
    used = (
        connections * own.connection_memory
        + in_flight * own.request_overhead
        + results_held * own.result_memory
    )
    peak = int(used.argmax())
    return Memory(
        connections=int(connections[peak]),
        connection_overhead=own.connection_memory,
        in_flight=int(in_flight[peak]),
        request_overhead=own.request_overhead,
        results=int(results_held[peak]),
        result_overhead=own.result_memory,
        total=int(used[peak]),
        thread_per_request=int(in_flight.max()) * own.thread_stack,
    )


def _threads(results: Results, summary: ClientSummary) -> Threads:
    own = summary.client.options.generic
    assert own is not None, "a client of the generic driver has its options"
    timeline = _Timeline(results, summary.client)
    in_flight = timeline.total("in_flight") + timeline.total("pending")
    of_one = threads_of(results.scenario, summary.client)
    io_events = int(timeline.total("syscalls").sum())
    requests = int(timeline.total("requests").sum())
    return Threads(
        threads=summary.client.instances * of_one,
        thread_per_request=int(in_flight.max()),
        io_events=io_events,
        requests=requests,
        switching_s=io_events * own.context_switch_ns * _NS,
        thread_per_request_switching_s=requests * own.context_switch_ns * _NS,
    )


def _bound(results: Results, summary: ClientSummary) -> Bound:
    connections, streams = most_streams(results.scenario, summary.client)
    latency_s = _mean(summary, "service.mean")
    known = latency_s > 0
    return Bound(
        connections=connections,
        streams=streams,
        latency_s=latency_s,
        per_second=throughput_bound(results.scenario, summary.client, latency_s)
        if known
        else math.nan,
        simulated_per_second=_mean(summary, "throughput"),
    )


def memory_text(memory: Memory) -> str:
    """The formula with its numbers: `50 connections x 128kB + ... = 16.4MB`."""

    def size(value: int) -> str:
        return quantity(value, "B")

    return (
        f"{counted(memory.connections, 'connection')} {TIMES} {size(memory.connection_overhead)} + "
        f"{memory.in_flight:,} in flight {TIMES} {size(memory.request_overhead)} + "
        f"{counted(memory.results, 'result')} {TIMES} {size(memory.result_overhead)} = "
        f"{size(memory.total)} at most; a thread for each request would take "
        f"{size(memory.thread_per_request)}"
    )


def threads_text(threads: Threads) -> str:
    """Threads and context switches of both ways."""
    text = (
        f"{counted(threads.threads, 'thread')} and {counted(threads.io_events, 'I/O event')} for "
        f"{counted(threads.requests, 'request')}; a thread for each request would be "
        f"{counted(threads.thread_per_request, 'thread')}, with a context switch for each request"
    )
    if threads.thread_per_request_switching_s:
        text += (
            f" ({quantity(threads.thread_per_request_switching_s, 's')} of a processor, and "
            f"{quantity(threads.switching_s, 's')} for I/O events)"
        )
    return text


def bound_text(bound: Bound) -> str:
    """The formula with its numbers, and what was simulated."""
    text = f"{counted(bound.connections, 'connection')} {TIMES} {bound.streams:,} streams / "
    if math.isnan(bound.per_second):
        return f"{text}no answer: no bound"
    share = quantity(bound.simulated_per_second / bound.per_second, "share", 2)
    return (
        f"{text}{quantity(bound.latency_s, 's')} = {quantity(bound.per_second, '1/s')} in theory; "
        f"{quantity(bound.simulated_per_second, '1/s')} simulated ({share} of it)"
    )


def signal_text(signal: Signal) -> str:
    """A signal that was given, what it means and what it asks for."""
    times = counted(signal.count, "time")
    return f"{signal.name}: {times}; {signal.meaning}: {signal.action}"
