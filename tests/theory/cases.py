"""Scenarios simple enough to have a theory: each with the reduction that makes it one.

A case is a degenerate scenario, a closed form of `poolsim.fidelity.theory`, and what one
replication measures: the requests numbered 500 to 2,499, all of them, whenever they ended. Service
takes 1 ms on average, the issuing thread takes no time, no timer but the one under test exists.

The loads were chosen beforehand, from recursions outside poolsim that follow customers one by one
(20,000 experiments a case): with 2,000 requests after 500 from an empty system every statistic here
is biased by less than 0.1 %, and its 95 % intervals cover in 94.5 to 95.3 % of experiments. Longer
queues or heavier tails would not do: the mean of 2,000 requests is then too skewed for a t-interval
(a lognormal law with sigma 1 at a utilisation of 0.7 covers in 92.5 %). Seeds come from the names.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.run import simulate
from poolsim.fidelity import theory
from poolsim.recording.columns import REQUEST_COLUMNS, SAMPLE_COLUMNS
from poolsim.scenario.scenario import (
    Balancing,
    Client,
    Datacenter,
    Law,
    Load,
    Node,
    Options,
    Pooling,
    Reconnection,
    Replications,
    Scenario,
)
from tests.engine.kept import Kept

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND

WARM_UP = 500
MEASURED = 2_000
LAST = WARM_UP + MEASURED

MEAN_S = 0.001
SERVICE_RATE = 1.0 / MEAN_S

EXPONENTIAL = Law("exponential", mean_ns=MILLISECOND)
CONSTANT = Law("constant", mean_ns=MILLISECOND)

AMPLE = 4_096
"""Workers or streams that never run out at these loads."""


def lognormal(sigma: float) -> Law:
    """A lognormal law of mean 1 ms whose logarithm has this standard deviation."""
    median_ns = round(MILLISECOND * math.exp(-sigma * sigma / 2))
    p99_ns = round(median_ns * math.exp(2.3263478740408408 * sigma))
    return Law("lognormal", median_ns=median_ns, p99_ns=p99_ns)


@dataclass(frozen=True, slots=True)
class Case:
    """One oracle: `replicate(seed, replication)` estimates `closed_form`.

    `mistake` is what a plausible mistake would lead to, in words and as a value: an experiment of
    this size must be able to tell it from the closed form, or its coverage says nothing.
    """

    name: str
    reduction: str
    closed_form: float
    replicate: Callable[[int, int], float]
    mistake: str
    mistaken: float


def seed_of(name: str, experiment: int) -> int:
    """The seed of an experiment: fixed by what it is called, before anybody looked at a result."""
    digest = hashlib.blake2b(f"{name}/{experiment}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def poisson(rate_per_ms: float) -> Load:
    """Poisson arrivals. With a mean service of 1 ms the rate per ms is the load in erlangs."""
    return Load("poisson", rate=rate_per_ms * SERVICE_RATE)


def scenario(
    load: Load,
    *,
    workers: int = AMPLE,
    service: Law = EXPONENTIAL,
    streams: int = AMPLE,
    connections: int = 1,
    queue: int = 1_000_000,
    pool_timeout_ns: int = HOUR,
    instances: int = 1,
    delay_ns: int = 0,
) -> Scenario:
    """One node; every instance has so many connections of so many streams, and a queue.

    Core equals max, so the pool never grows and never shrinks. Every response comes, so no timeout
    and no heartbeat is needed. `seed` and `duration_ns` are still to be set.
    """
    pooling = Pooling(connections, connections, streams, streams)
    options = Options(
        local=pooling,
        remote=pooling,
        idle_timeout_ns=120 * SECOND,
        pool_timeout_ns=pool_timeout_ns,
        max_queue_size=queue,
        heartbeat_interval_ns=0,
        heartbeat_timeout_ns=0,
        connect_timeout_ns=5 * SECOND,
        read_timeout_ns=0,
        reconnection=Reconnection("exponential", SECOND, 600 * SECOND),
        balancing=Balancing("dc_aware_round_robin", False, False, 0),
        retry="default",
        executor_threads=2,
        status_events=False,
        connect_to_remote_hosts=False,
        keyspace=False,
        authentication_round_trips=0,
    )
    client = Client(
        name="client",
        instances=instances,
        datacenter="dc1",
        driver="java3",
        protocol=4,
        idempotent=0.0,
        options=options,
        issue_ns=0,
        per_request_ns=0,
        io_threads=1,
        load=load,
        max_concurrent=0,
    )
    return Scenario(
        name="theory",
        question="",
        seed=0,
        duration_ns=1,
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=(Datacenter("dc1", 1, 1, 1, delay_ns),),
        node=Node(workers, service),
        clients=(client,),
    )


NUMBER = REQUEST_COLUMNS.index("number")
OUTCOME = REQUEST_COLUMNS.index("outcome")
WAIT = REQUEST_COLUMNS.index("wait_ns")
SERVICE = REQUEST_COLUMNS.index("service_ns")
ENDED = REQUEST_COLUMNS.index("ended_ns")
PENDING = SAMPLE_COLUMNS.index("pending")


def run(scenario: Scenario, seed: int, replication: int, rate_per_s: float) -> NDArray[np.int64]:
    """Rows of requests 500 to 2,499 in the order of their arrival, shape (2000, columns).

    Runs until all of them have ended. Draws are addressed, so the longer run that follows a too
    short one is the same run, carried further: no request is chosen for having ended in time.
    """
    rows = all_rows(scenario, seed, replication, rate_per_s)
    rows = rows[(rows[:, NUMBER] >= WARM_UP) & (rows[:, NUMBER] < LAST)]
    return rows[np.argsort(rows[:, NUMBER])]


def all_rows(
    scenario: Scenario, seed: int, replication: int, rate_per_s: float
) -> NDArray[np.int64]:
    """Rows of at least requests 0 to 2,499, in the order of their ends."""
    duration_ns = round(1.05 * LAST / rate_per_s * SECOND)
    while True:
        recorder = Kept(interval_ns=duration_ns)
        simulate(replace(scenario, seed=seed, duration_ns=duration_ns), replication, recorder)
        rows = recorder.request_rows()
        if np.count_nonzero(rows[:, NUMBER] < LAST) == LAST:
            return rows
        duration_ns += duration_ns // 10


Statistic = Callable[[NDArray[np.int64]], float]


def share_refused(rows: NDArray[np.int64]) -> float:
    """Share of requests that the only host's pool refused, at once or after the pool timeout."""
    return float(np.mean(rows[:, OUTCOME] != 0))


def share_waiting(rows: NDArray[np.int64]) -> float:
    """Share of requests that waited for a stream."""
    return float(np.mean(rows[:, WAIT] > 0))


def mean_wait_s(rows: NDArray[np.int64]) -> float:
    """Mean wait for a stream."""
    return float(np.mean(rows[:, WAIT])) / SECOND


def mean_at_node_s(rows: NDArray[np.int64]) -> float:
    """Mean time from the write to the response: wait for a worker, and service."""
    return float(np.mean(rows[:, SERVICE])) / SECOND


def mean_response_s(rows: NDArray[np.int64]) -> float:
    """Mean wait for a stream and time at the node."""
    return float(np.mean(rows[:, WAIT] + rows[:, SERVICE])) / SECOND


def of(scenario: Scenario, rate_per_s: float, statistic: Statistic) -> Callable[[int, int], float]:
    """What a replication of `scenario` measures."""
    return lambda seed, replication: statistic(run(scenario, seed, replication, rate_per_s))


def erlang_b(law: str, service: Law, delay_ns: int = 0) -> Case:
    """A pool of 10 streams and no queue before an ample node is M/G/10/10.

    A stream is held for the service and the way there and back, and the law of that time does not
    matter, only its mean.
    """
    streams, held = 10, 1.0 + 2 * delay_ns / MILLISECOND
    rate = 7.0 / held
    pool = scenario(poisson(rate), service=service, streams=streams, queue=0, delay_ns=delay_ns)
    if delay_ns:
        mistake, mistaken = "the network's delay holds no stream", theory.erlang_b(rate, streams)
    else:
        mistake, mistaken = "one stream too many", theory.erlang_b(rate, streams + 1)
    return Case(
        f"erlang B, {law} service",
        "10 streams, no queue, ample node: share rejected is Erlang B whatever the law",
        theory.erlang_b(rate * held, streams),
        of(pool, rate * SERVICE_RATE, share_refused),
        mistake,
        mistaken,
    )


def erlang_c() -> Case:
    """A pool of 3 streams and an endless queue before an ample node is M/M/3."""
    streams, rate = 3, 2.1
    pool = scenario(poisson(rate), streams=streams)
    return Case(
        "erlang C, share that waits for a stream",
        "3 streams, endless queue, ample node: M/M/3 at a utilisation of 0.7",
        theory.erlang_c(rate, streams),
        of(pool, rate * SERVICE_RATE, share_waiting),
        "waiting as likely as rejection without a queue",
        theory.erlang_b(rate, streams),
    )


def many_servers() -> Case:
    """A pool without limit before a node of 4 workers is M/M/4."""
    workers, rate = 4, 2.4
    node = scenario(poisson(rate), workers=workers)

    def response_s(servers: int) -> float:
        return MEAN_S + theory.mmc_mean_wait_s(rate * SERVICE_RATE, SERVICE_RATE, servers)

    return Case(
        "M/M/4, response at the node",
        "unlimited pool, node of 4 workers: wait for a worker by Erlang C, then service",
        response_s(workers),
        of(node, rate * SERVICE_RATE, mean_at_node_s),
        "nobody waits for a worker",
        MEAN_S,
    )


def constant_service() -> Case:
    """A pool without limit before a node of one worker with constant service is M/D/1."""
    rate = 0.7
    node = scenario(poisson(rate), workers=1, service=CONSTANT)
    return Case(
        "M/D/1, wait at the node",
        "unlimited pool, one worker, constant service: half the wait of M/M/1",
        theory.md1_mean_wait_s(rate * SERVICE_RATE, MEAN_S),
        of(node, rate * SERVICE_RATE, lambda rows: mean_at_node_s(rows) - MEAN_S),
        "the wait of M/M/1",
        theory.mmc_mean_wait_s(rate * SERVICE_RATE, SERVICE_RATE, 1),
    )


def lognormal_service() -> Case:
    """A pool without limit before a node of one worker is M/G/1."""
    rate, law = 0.6, lognormal(0.5)
    variation = theory.lognormal_squared_variation(law.median_ns / 1e9, law.p99_ns / 1e9)
    node = scenario(poisson(rate), workers=1, service=law)
    return Case(
        "M/G/1, response at the node, lognormal service",
        "unlimited pool, one worker: Pollaczek-Khinchine, then service",
        MEAN_S + theory.mg1_mean_wait_s(rate * SERVICE_RATE, MEAN_S, variation),
        of(node, rate * SERVICE_RATE, mean_at_node_s),
        "the response of M/M/1",
        MEAN_S + theory.mmc_mean_wait_s(rate * SERVICE_RATE, SERVICE_RATE, 1),
    )


LIMITED = scenario(poisson(1.4), streams=2, queue=3)


def limited_queue_rejections() -> Case:
    """A pool of 2 streams and 3 places in its queue before an ample node is M/M/2/5."""
    rate = 1.4 * SERVICE_RATE
    return Case(
        "M/M/2/5, rejections",
        "2 streams, 3 places in the acquisition queue, ample node: share rejected at once",
        theory.limited_queue(rate, SERVICE_RATE, 2, 3).rejected,
        of(LIMITED, rate, share_refused),
        "one more place in the queue",
        theory.limited_queue(rate, SERVICE_RATE, 2, 4).rejected,
    )


def limited_queue_length() -> Case:
    """The same pool; its queue is read every 4 mean gaps between arrivals, 500 times, while
    requests 500 to 2,499 are expected."""
    rate = 1.4 * SERVICE_RATE
    interval_ns = round(4 / rate * SECOND)
    first, last = WARM_UP // 4, LAST // 4

    def mean_queue(seed: int, replication: int) -> float:
        recorder = Kept(interval_ns)
        end_ns = last * interval_ns
        simulate(replace(LIMITED, seed=seed, duration_ns=end_ns), replication, recorder)
        taken = [table[0, PENDING] for time, table in recorder.samples if time <= end_ns]
        return float(np.mean(taken[first:last]))

    return Case(
        "M/M/2/5, mean queue",
        "2 streams, 3 places in the acquisition queue, ample node: its length at regular instants",
        theory.limited_queue(rate, SERVICE_RATE, 2, 3).mean_queue,
        mean_queue,
        "one more place in the queue",
        theory.limited_queue(rate, SERVICE_RATE, 2, 4).mean_queue,
    )


def impatient() -> Case:
    """A pool of 2 streams whose waiters give up after half a service time is M/M/2+D.

    An expired entry keeps its place in the driver's queue, which matters only to the bound of the
    queue; here there is none. The offered load is 0.7 of the streams.
    """
    rate, patience_s = 1.4 * SERVICE_RATE, MEAN_S / 2
    pool = scenario(poisson(1.4), streams=2, pool_timeout_ns=MILLISECOND // 2)
    return Case(
        "M/M/2+D, share that gives up",
        "2 streams, endless queue, pool timeout of half a service time: Barrer's formula",
        theory.constant_patience(rate, SERVICE_RATE, 2, patience_s).abandoned,
        of(pool, rate, share_refused),
        "patience is exponential of the same mean (Erlang A)",
        theory.exponential_patience(rate, SERVICE_RATE, 2, patience_s).abandoned,
    )


def users(count: int, think_ms: float) -> Load:
    """Users who think for an exponential time between their requests, from the start on."""
    think = Law("exponential", mean_ns=round(think_ms * MILLISECOND))
    return Load("users", count=count, think=think, error_pause_ns=MILLISECOND)


def machine_repair() -> Case:
    """10 users before an unlimited pool and a node of 2 workers: M/M/2//10.

    The throughput is that of 2,000 completions after 500, in the order of the completions.
    """
    count, think_ms, workers = 10, 6.0, 2
    node = scenario(users(count, think_ms), workers=workers)
    loop = theory.closed_loop(count, think_ms * MEAN_S, SERVICE_RATE, workers)

    def throughput(seed: int, replication: int) -> float:
        ends = all_rows(node, seed, replication, loop.throughput)[:, ENDED]
        return MEASURED * SECOND / float(ends[LAST - 1] - ends[WARM_UP - 1])

    return Case(
        "closed loop, throughput at the node",
        "10 users who think 6 ms, unlimited pool, 2 workers: machine repair, utilisation 0.67",
        loop.throughput,
        throughput,
        "users never meet at the node",
        theory.closed_loop_bound(count, think_ms * MEAN_S, SERVICE_RATE, workers),
    )


def machine_repair_at_the_pool() -> Case:
    """20 users before a pool of 2 streams and an ample node: M/M/2//20."""
    count, think_ms, streams = 20, 20.0, 2
    pool = scenario(users(count, think_ms), streams=streams)
    loop = theory.closed_loop(count, think_ms * MEAN_S, SERVICE_RATE, streams)
    return Case(
        "closed loop, response with few streams",
        "20 users who think 20 ms, 2 streams, ample node: machine repair, utilisation 0.47",
        loop.response_s,
        of(pool, loop.throughput, mean_response_s),
        "nobody waits for a stream",
        MEAN_S,
    )


def twelve_shared() -> Case:
    """12 connections of one stream in one pool are M/M/12.

    The least busy connection is picked and a returned one serves the queue, so a stream is never
    free while somebody waits.
    """
    rate = 8.4
    pool = scenario(poisson(rate), streams=1, connections=12)
    return Case(
        "12 connections shared, share that waits",
        "one pool of 12 connections of 1 stream, endless queue, ample node: M/M/12",
        theory.erlang_c(rate, 12),
        of(pool, rate * SERVICE_RATE, share_waiting),
        "one connection is never used",
        theory.erlang_c(rate, 11),
    )


def pooled_and_apart() -> Case:
    """12 connections of 2 streams, in one pool and in 12: how much longer the wait is apart.

    Apart, each of 12 instances has one connection and is dealt a twelfth of the requests at
    random: 12 times M/M/2. Both runs see the same arrivals and service times.
    """
    rate = 0.6 * 24
    pooled = scenario(poisson(rate), streams=2, connections=12)
    apart = scenario(poisson(rate), streams=2, instances=12)
    waits = theory.pooled_and_apart(rate * SERVICE_RATE, SERVICE_RATE, 2, 12)

    def difference_s(seed: int, replication: int) -> float:
        longer = run(apart, seed, replication, rate * SERVICE_RATE)
        shorter = run(pooled, seed, replication, rate * SERVICE_RATE)
        return mean_wait_s(longer) - mean_wait_s(shorter)

    return Case(
        "12 connections apart against shared, wait",
        "12 instances with a connection of 2 streams each against one pool of all 12",
        waits.apart_s - waits.pooled_s,
        difference_s,
        "sharing makes no difference",
        0.0,
    )


CASES = (
    erlang_b("exponential", EXPONENTIAL),
    erlang_b("constant", CONSTANT),
    erlang_b("lognormal", lognormal(1.0), delay_ns=MILLISECOND // 5),
    erlang_c(),
    many_servers(),
    constant_service(),
    lognormal_service(),
    limited_queue_rejections(),
    limited_queue_length(),
    impatient(),
    machine_repair(),
    machine_repair_at_the_pool(),
    twelve_shared(),
    pooled_and_apart(),
)
