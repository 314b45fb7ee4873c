"""What queueing theory says about scenarios simple enough to have a theory.

Only formulas: pure functions of rates per second and times in seconds. Where a pool is unlimited a
node of c workers is an M/M/c queue; where a node is ample a pool of k streams is the server, with k
places. `offered_load` is arrival rate times mean service time (in erlangs), dimensionless.

Sources: L. Kleinrock, Queueing Systems, volume 1, 1975, and volume 2, 1976 (below: Kleinrock 1 and
2); H. C. Tijms, A First Course in Stochastic Models, 2003 (Tijms); S. Zeltyn and A. Mandelbaum,
Call centers with impatient customers: many-server asymptotics of the M/M/n+G queue, Queueing
Systems 51 (2005) 361-402 (Zeltyn and Mandelbaum); D. A. Menasce, V. A. F. Almeida and L. W. Dowdy,
Performance by Design, 2004 (Menasce).
"""

from __future__ import annotations

import math
from typing import NamedTuple

_SCORE_99 = 2.3263478740408408


def erlang_b(offered_load: float, servers: int) -> float:
    """Share of arrivals that an M/G/c/c system loses, whatever the service law (Erlang B).

    B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1)) for offered load a (Kleinrock 1, chapter 3;
    the recursion and the insensitivity to the service law: Tijms, chapter 5).

    Raises:
        ValueError: the offered load or the number of servers is negative.
    """
    if offered_load < 0 or servers < 0:
        raise ValueError("offered load and number of servers must not be negative")
    lost = 1.0
    for count in range(1, servers + 1):
        lost = offered_load * lost / (count + offered_load * lost)
    return lost


def erlang_c(offered_load: float, servers: int) -> float:
    """Share of arrivals of an M/M/c queue that have to wait (Erlang C).

    C = B / (1 - rho (1 - B)) with B of Erlang B and rho = a / c (Kleinrock 1, chapter 3).

    Raises:
        ValueError: the queue is not stable.
    """
    utilisation = _stable(offered_load, servers)
    lost = erlang_b(offered_load, servers)
    return lost / (1.0 - utilisation * (1.0 - lost))


def mmc_mean_wait_s(arrival_rate: float, service_rate: float, servers: int) -> float:
    """Mean wait in the queue of M/M/c: C / (c mu - lambda) (Kleinrock 1, chapter 3)."""
    waiting = erlang_c(arrival_rate / service_rate, servers)
    return waiting / (servers * service_rate - arrival_rate)


def mmc_mean_queue(arrival_rate: float, service_rate: float, servers: int) -> float:
    """Mean number of those that wait in M/M/c: lambda times the mean wait (Little's law)."""
    return arrival_rate * mmc_mean_wait_s(arrival_rate, service_rate, servers)


def mmc_response_tail(
    arrival_rate: float, service_rate: float, servers: int, time_s: float
) -> float:
    """Probability that wait and service together take longer than `time_s` in M/M/c.

    The wait is 0 with probability 1 - C, else exponential of rate theta = c mu - lambda, and
    independent of the service (Tijms, chapter 5); this is the tail of their sum.
    """
    waiting = erlang_c(arrival_rate / service_rate, servers)
    theta, mu = servers * service_rate - arrival_rate, service_rate
    difference = theta - mu
    # e^{-mu t} (e^{-difference t} - 1) / difference, whose limit at difference 0 is -t e^{-mu t}.
    slope = -math.expm1(-difference * time_s) / difference if difference else time_s
    alone = math.exp(-mu * time_s)
    return alone + waiting * mu * alone * slope


def mmc_response_quantile_s(
    arrival_rate: float, service_rate: float, servers: int, share: float
) -> float:
    """Time within which `share` of the arrivals of M/M/c leave it, by bisection to 1 part in 1e12.

    Raises:
        ValueError: the share is not in (0, 1), or the queue is not stable.
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"the share must lie between 0 and 1, not be {share}")

    def later(time_s: float) -> bool:
        return mmc_response_tail(arrival_rate, service_rate, servers, time_s) > 1.0 - share

    low, high = 0.0, 1.0 / service_rate
    while later(high):
        low, high = high, 2.0 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if later(middle) else (low, middle)
    return high


def mg1_mean_wait_s(arrival_rate: float, mean_service_s: float, squared_variation: float) -> float:
    """Mean wait in the queue of M/G/1, first come first served (Pollaczek-Khinchine).

    W = rho S (1 + c^2) / (2 (1 - rho)), c^2 the squared coefficient of variation of the service
    time: 1 exponential, 0 constant (M/D/1: half of M/M/1), 1 / shape gamma (Kleinrock 1,
    chapter 5).
    """
    utilisation = _stable(arrival_rate * mean_service_s, 1)
    return utilisation * mean_service_s * (1.0 + squared_variation) / (2.0 * (1.0 - utilisation))


def md1_mean_wait_s(arrival_rate: float, service_s: float) -> float:
    """Mean wait in the queue of M/D/1: Pollaczek-Khinchine without variation."""
    return mg1_mean_wait_s(arrival_rate, service_s, 0.0)


def lognormal_squared_variation(median_s: float, p99_s: float) -> float:
    """Squared coefficient of variation of a lognormal law: exp(sigma^2) - 1."""
    return math.expm1((math.log(p99_s / median_s) / _SCORE_99) ** 2)


class LimitedQueue(NamedTuple):
    """M/M/c with a limited queue. Means of `mean_wait_s` are over the arrivals let in."""

    rejected: float
    mean_queue: float
    mean_wait_s: float


def limited_queue(
    arrival_rate: float, service_rate: float, servers: int, places: int
) -> LimitedQueue:
    """Rejections and queue of M/M/c/(c + q): c streams and q places in the acquisition queue.

    With p the probability of c busy and none waiting, j wait with probability p rho^j, and the
    states with a server free add up to p (1/B - 1), B of Erlang B (Kleinrock 1, chapter 3: a
    birth-death process cut off). Any load is allowed; q = 0 is Erlang B.
    """
    offered_load = arrival_rate / service_rate
    utilisation = offered_load / servers
    # Relative to the likeliest of them, so that nothing overflows in a long queue.
    likeliest = places if utilisation > 1.0 else 0
    weights = [utilisation ** (j - likeliest) for j in range(places + 1)]
    free = _weight_of_free(offered_load, servers) * utilisation**-likeliest
    total = free + math.fsum(weights)
    rejected = weights[-1] / total
    queue = math.fsum(j * weight for j, weight in enumerate(weights)) / total
    return LimitedQueue(rejected, queue, queue / (arrival_rate * (1.0 - rejected)))


class ImpatientQueue(NamedTuple):
    """M/M/c whose arrivals leave the queue when their patience ends.

    `abandoned` and `waited` are shares of all arrivals, and `mean_wait_s` is their mean time in
    the queue, of those that gave up too.
    """

    abandoned: float
    waited: float
    mean_wait_s: float


def constant_patience(
    arrival_rate: float, service_rate: float, servers: int, patience_s: float
) -> ImpatientQueue:
    """M/M/c+D: streams are the servers, the pool timeout is the patience. Any load.

    With a = lambda - c mu the density of the offered wait x is v e^{a x} up to the patience T, and
    of those that find all servers busy with more work than T, each gives up:
    J = (e^{a T} - 1) / a + e^{a T} / (c mu), waited = lambda J / (E + lambda J) with E = 1 / B(c-1)
    and v = waited / J, abandoned = e^{a T} rho / (E + lambda J), rho = lambda / (c mu)
    (D. Y. Barrer, Queuing with impatient customers and ordered service, Operations Research 5
    (1957) 650-656; in this notation Zeltyn and Mandelbaum, the M/M/n+G queue).
    """
    capacity = servers * service_rate
    growth = (arrival_rate - capacity) * patience_s
    # All integrals are divided by e^{a T} where that is large, so that nothing overflows.
    scale, last = math.exp(-max(growth, 0.0)), math.exp(min(growth, 0.0))
    integral = patience_s * _mean_exponential(-abs(growth)) + last / capacity
    ample = (_weight_of_free(arrival_rate / service_rate, servers - 1) + 1.0) * scale
    total = ample + arrival_rate * integral
    abandoned = last * arrival_rate / capacity / total
    # Integral of x e^{a x} up to T, then the whole patience of those that gave up.
    moment = _first_moment(-abs(growth))
    if growth > 0:
        moment = _mean_exponential(-growth) - moment
    mean_wait_s = arrival_rate / total * patience_s**2 * moment + patience_s * abandoned
    return ImpatientQueue(abandoned, arrival_rate * integral / total, mean_wait_s)


def exponential_patience(
    arrival_rate: float, service_rate: float, servers: int, mean_patience_s: float
) -> ImpatientQueue:
    """M/M/c+M (Erlang A, C. Palm 1957). Any load.

    With p the probability of c busy and none waiting, n wait with probability
    p lambda^n / ((c mu + theta) ... (c mu + n theta)), theta the rate of the patience; abandoned is
    theta times the mean wait (Zeltyn and Mandelbaum, introduction).
    """
    capacity, leaving = servers * service_rate, 1.0 / mean_patience_s
    # In logarithms, because the weights of a long queue overflow.
    logs, highest = [0.0], 0.0
    while logs[-1] > highest - 45.0:
        rate = capacity + len(logs) * leaving
        logs.append(logs[-1] + math.log(arrival_rate / rate))
        highest = max(highest, logs[-1])
    weights = [math.exp(log - highest) for log in logs]
    free = _weight_of_free(arrival_rate / service_rate, servers) * math.exp(-highest)
    busy = math.fsum(weights)
    queue = math.fsum(n * weight for n, weight in enumerate(weights)) / (free + busy)
    mean_wait_s = queue / arrival_rate
    return ImpatientQueue(leaving * mean_wait_s, busy / (free + busy), mean_wait_s)


class ClosedLoop(NamedTuple):
    """A closed loop in its steady state; `response_s` is wait plus service."""

    throughput: float
    response_s: float
    utilisation: float


def closed_loop(population: int, think_s: float, service_rate: float, servers: int) -> ClosedLoop:
    """N workers that think and then use a node of c exponential servers (M/M/c//N).

    Machine repair: of N, n are at the node with weight (N! / (N - n)!) / (Z^n mu_1 ... mu_n), with
    mu_n = min(n, c) mu; the same as load-dependent mean value analysis of one station and a delay
    (Kleinrock 1, chapter 3; Menasce, chapter 14). Response from the interactive response law
    N = X (R + Z). Only the mean of the think time matters; constant network delays belong to it.
    """
    if population < 1 or think_s < 0 or servers < 1:
        raise ValueError("a closed loop needs workers, servers and a think time of at least 0")
    if think_s == 0:
        busy = float(min(population, servers))
    else:
        # In logarithms, because weights of a large population overflow.
        logs = [0.0]
        for n in range(1, population + 1):
            rate = min(n, servers) * service_rate
            logs.append(logs[-1] + math.log((population - n + 1) / (think_s * rate)))
        highest = max(logs)
        weights = [math.exp(log - highest) for log in logs]
        busy = math.fsum(min(n, servers) * w for n, w in enumerate(weights)) / math.fsum(weights)
    throughput = busy * service_rate
    return ClosedLoop(throughput, population / throughput - think_s, busy / servers)


def closed_loop_bound(population: int, think_s: float, service_rate: float, servers: int) -> float:
    """Highest throughput of a closed loop: min(N / (Z + S), c / S) (Menasce, chapter 3)."""
    return min(population / (think_s + 1.0 / service_rate), servers * service_rate)


class PooledAndApart(NamedTuple):
    """Mean waits for a stream with one shared queue and with one queue a connection."""

    pooled_s: float
    apart_s: float


def pooled_and_apart(
    arrival_rate: float, service_rate: float, streams: int, connections: int
) -> PooledAndApart:
    """Mean wait for a stream of n connections of s streams: M/M/(n s) against n times M/M/s.

    `arrival_rate` is the total; apart, each connection gets an n-th of it at random, whatever the
    others do. One queue is never worse (Kleinrock 2, chapter 5, on sharing resources).
    """
    return PooledAndApart(
        mmc_mean_wait_s(arrival_rate, service_rate, streams * connections),
        mmc_mean_wait_s(arrival_rate / connections, service_rate, streams),
    )


def reconnection_delay_ns(base_ns: int, max_ns: int, attempt: int) -> int:
    """Delay before reconnection attempt `attempt` (from 0): min(base 2^attempt, max), exact.

    The Java driver's ExponentialReconnectionPolicy has no jitter
    (datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/policies/ExponentialReconnectionPolicy.java:95-100).
    """
    return min(base_ns << attempt, max_ns)


def reconnection_sum_ns(base_ns: int, max_ns: int, attempts: int) -> int:
    """Sum of the first `attempts` delays, exact, in closed form.

    The first k, those with base 2^i < max, are a geometric series: base (2^k - 1); the others are
    max each.
    """
    growing = 0 if base_ns >= max_ns else (-(-max_ns // base_ns) - 1).bit_length()
    growing = min(growing, attempts)
    return base_ns * ((1 << growing) - 1) + max_ns * (attempts - growing)


def _stable(offered_load: float, servers: int) -> float:
    """Utilisation of a queue that has a steady state."""
    if not 0 <= offered_load < servers:
        raise ValueError(f"a load of {offered_load} on {servers} servers has no steady state")
    return offered_load / servers


def _weight_of_free(offered_load: float, servers: int) -> float:
    """P(a server is free) / P(all busy, none waiting) in a queue that starts as M/M/c does."""
    lost = erlang_b(offered_load, servers)
    return 1.0 / lost - 1.0 if lost > 0.0 else math.inf


def _mean_exponential(x: float) -> float:
    """Mean of e^{x u} over 0 < u < 1: (e^x - 1) / x."""
    return math.expm1(x) / x if x else 1.0


def _first_moment(x: float) -> float:
    """Integral of u e^{x u} over 0 < u < 1: (e^x (x - 1) + 1) / x^2."""
    if abs(x) < 1e-2:
        # The closed form loses half of its digits here; the series needs few terms.
        return math.fsum(x**k / (math.factorial(k) * (k + 2)) for k in range(8))
    return (math.exp(x) * (x - 1.0) + 1.0) / (x * x)
