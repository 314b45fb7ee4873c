"""The published figures of async-cassandra beside what the model makes of them.

    python -m poolsim.fidelity.async_figures

The document "Connection Pooling in async-cassandra" says how many times as fast as a synchronous
client its example was with 10, 50 and 100 requests at once, with the rates, and that it created 825
users per second. The template `async-cassandra` simulates all of it with one set of parameters, of
which two are fitted here: the service time to the synchronous client's rate (a published rate over
its speedup), the crosstalk to the three speedups.

A burst's rate is its size over the time until its last answer, as the example measures it. With a
constant service time and nothing that makes a request cost more the more there are, T(100) is at
most 2 T(50) on any queue, so that the third speedup could not lie below the second. The crosstalk
is the coherency of the universal scalability law (N. J. Gunther, "Guerrilla Capacity Planning",
2007): T(n) = L + q n (n - 1). Which part of the example it is (the interpreter's lock, the event
loop, the node) no figure tells.

The driver sets no TCP_NODELAY (model/connection/nagle.py), so the requests of a burst but its first
leave with the first one's answer, a service time later. The published rates show nothing of that:
ten at once took 11.4 ms, one 11.7 ms. So the time of a request was not the node's but the example's
own, before its socket or after it, where Nagle's algorithm holds nothing up. The model has no such
place, only the node; the template therefore sets TCP_NODELAY, and the report says what the same
parameters give without.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from poolsim.estimation.run import run_scenario
from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Scenario
from poolsim.scenario.templates import templates

TEMPLATE = "async-cassandra"
BURSTS = {"ten": 10, "fifty": 50, "hundred": 100}
"""Requests at once, by the template's client."""
SPEEDUPS = {10: 10.24, 50: 25.60, 100: 20.99}
RATES = {10: 878.5, 50: 2_207.9, 100: 1_826.2}
USERS_PER_SECOND = 825.0
REQUESTS_A_USER = 2
"""A PREPARE and an INSERT
(axonops/async-python-cassandra-client@f217c5d:examples/fastapi_app/main.py:217-221)."""
DOCUMENTED_LIMIT = 1_000
_FEWEST = min(RATES)
_NS = 1e-9


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure and the simulated one."""

    name: str
    published: float
    simulated: float

    @property
    def error(self) -> float:
        """Of the simulated one, as a share of the published."""
        return self.simulated / self.published - 1


def template() -> Scenario:
    """The scenario of all figures."""
    text = next(one.text for one in templates() if one.name == TEMPLATE)
    return load_text(text)


def as_the_driver_is(scenario: Scenario) -> Scenario:
    """The scenario without TCP_NODELAY, as the driver makes its sockets."""
    clients = tuple(
        replace(one, options=replace(one.options, tcp_nodelay=False)) for one in scenario.clients
    )
    return replace(scenario, clients=clients, expectations=())


def fitted_latency_s() -> float:
    """The synchronous client's time per request: the mean of what the three pairs imply."""
    return sum(SPEEDUPS[n] / RATES[n] for n in SPEEDUPS) / len(SPEEDUPS)


def fitted_crosstalk_s(latency_s: float) -> float:
    """The crosstalk whose speedups have the least sum of squared relative errors."""

    def badness(crosstalk_s: float) -> float:
        return sum(
            (speedup_of(n, latency_s, crosstalk_s) / published - 1) ** 2
            for n, published in SPEEDUPS.items()
        )

    return _lowest(badness, 0.0, latency_s / 100)


def speedup_of(n: int, latency_s: float, crosstalk_s: float) -> float:
    """Of n requests at once against n one after another, by the law."""
    return n * latency_s / burst_s(n, latency_s, crosstalk_s)


def burst_s(n: int, latency_s: float, crosstalk_s: float) -> float:
    """Until the last answer to n requests at once, by the law."""
    return latency_s + crosstalk_s * n * (n - 1)


def _lowest(badness: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest, by ternary search."""
    for _ in range(200):
        third = (high - low) / 3
        if badness(low + third) < badness(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2


def figures(scenario: Scenario) -> list[Figure]:
    """All published figures beside what a run of the scenario gives."""
    results = run_scenario(scenario, source=f"{TEMPLATE}.yaml", jobs=1)

    def of(metric: str) -> float:
        return results.estimates[metric].mean

    rates = {n: n / of(f"{name}/latency.max") for name, n in BURSTS.items()}
    sync = of("sync/throughput")
    found = [
        Figure(f"{n} requests, times the synchronous client", SPEEDUPS[n], rate / sync)
        for n, rate in rates.items()
    ]
    found.append(
        Figure("users per second", USERS_PER_SECOND, of("users/throughput") / REQUESTS_A_USER)
    )
    found += [Figure(f"{n} requests, requests/s", RATES[n], rate) for n, rate in rates.items()]
    return found


def at_once(scenario: Scenario, n: int) -> float:
    """Requests per second of n at once under the scenario's parameters, simulated."""
    clients = tuple(
        replace(one, load=replace(one.load, size=n, every_ns=0, first_ns=1_000_000_000))
        for one in scenario.clients
        if one.name == "hundred"
    )
    asked = replace(scenario, clients=clients, expectations=(), duration_ns=60_000_000_000)
    results = run_scenario(asked, source=f"{TEMPLATE}.yaml", jobs=1)
    return n / results.estimates["hundred/latency.max"].mean


def parameters(scenario: Scenario) -> tuple[float, float]:
    """The fitted ones as the scenario has them, in seconds: what a request takes one at a time,
    and the crosstalk."""
    delay_ns = scenario.datacenters[0].delay_ns
    latency_ns = scenario.node.service.mean_ns + 2 * delay_ns
    return latency_ns * _NS, scenario.clients[0].crosstalk_ns * _NS


def report(scenario: Scenario) -> str:
    """The table of figures, the fitted parameters and what they imply."""
    latency_s, crosstalk_s = parameters(scenario)
    lines = _table(figures(scenario))
    best = math.sqrt(latency_s / crosstalk_s)
    limit = at_once(scenario, DOCUMENTED_LIMIT)
    timeout_s = scenario.clients[-1].options.read_timeout_ns * _NS
    lines += [
        "",
        "Two parameters are fitted, for all figures together:",
        f"- service: {latency_s * 1e3:.2f} ms a request, one at a time;",
        f"- crosstalk: {crosstalk_s * 1e6:.2f} us for each answer and other request in flight.",
        f"Three are chosen: {scenario.node.workers} workers, so that no request waits at the node; "
        f"{scenario.clients[-1].load.window} users at",
        "a time, since the document does not say how many there were; and TCP_NODELAY, which the "
        "driver does not",
        "set. All others are defaults. They also imply:",
        f"- no number at once does better than about {best:.0f}: {best / (2 * latency_s):,.0f} "
        "requests/s; twice as many do less;",
        f"- at the document's own limit of {DOCUMENTED_LIMIT:,} a burst gets {limit:,.0f} "
        f"requests/s, {limit / RATES[50]:.0%} of the published best;",
        f"- from {math.sqrt(timeout_s / crosstalk_s):,.0f} at once on, requests reach the driver's "
        f"timeout of {timeout_s:.0f} s;",
        f"- without crosstalk 100 at once would be "
        f"{100 * latency_s / burst_s(100, latency_s, 0):.0f} times as fast, not "
        f"{SPEEDUPS[100]:.0f}.",
        "",
        "Without TCP_NODELAY, as the driver is, the same parameters give:",
        "",
        *_table(figures(as_the_driver_is(scenario))),
        "",
        "So that is not reproduced: all requests of a burst but the first wait for its answer, and "
        "no number at",
        f"once is served in less than twice {latency_s * 1e3:.2f} ms. But "
        f"{_FEWEST} at once took {_FEWEST / RATES[_FEWEST] * 1e3:.2f} ms, less than one did "
        f"({SPEEDUPS[_FEWEST] / RATES[_FEWEST] * 1e3:.2f} ms):",
        "nothing waited for an answer. Hence the time of a request passed in the example (its "
        "threads, its event",
        "loop, the interpreter's lock), not between the kernels; poolsim has no such latency, puts "
        "it at the node,",
        "and must not let Nagle's algorithm count it twice.",
    ]
    return "\n".join(lines)


def _table(rows: list[Figure]) -> list[str]:
    width = max(len(row.name) for row in rows)
    return [f"{'figure':{width}}  published  simulated   error"] + [
        f"{row.name:{width}}  {row.published:9.2f}  {row.simulated:9.2f}  {row.error:+6.1%}"
        for row in rows
    ]


def main() -> int:
    """Print the report."""
    print(report(template()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
