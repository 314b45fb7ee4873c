"""Results as runs give them, made by hand: a staircase, a lost node, a fleet, nothing at all.

The pools follow the growth and shrink rules roughly, which is enough for pictures and words; the
numbers are not those of any model.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from poolsim.estimation.results import (
    Estimate,
    Recovery,
    Replication,
    Results,
    Stall,
    Verdict,
)
from poolsim.model.kinds import NOTE_NAMES
from poolsim.report.html import render
from poolsim.report.plots import Plot, plots
from poolsim.scenario.scenario import (
    Balancing,
    Change,
    Client,
    Datacenter,
    Expectation,
    Fault,
    Law,
    Load,
    Node,
    Options,
    Phase,
    Pooling,
    Reconnection,
    Replications,
    Scenario,
)

SECOND = 1_000_000_000
CORE, MOST, REQUESTS, THRESHOLD = 2, 8, 128, 100
IDLE_S = 20.0
NAN = math.nan
EVENT_COLUMNS = ("time_s", "kind", "client", "instance", "node", "connection", "value")
HOSTILE = '<script>alert("x")</script>&{{7*7}}$\\frac{1}{2}$[red]\x1b[31m\u202e'


def make_client(name: str, **changes: object) -> Client:
    """A java3 client with a pool of 2 to 8 connections."""
    pooling = Pooling(CORE, MOST, REQUESTS, THRESHOLD)
    options = Options(
        local=pooling,
        remote=dataclasses.replace(pooling, core=1, max=2),
        idle_timeout_ns=int(IDLE_S) * SECOND,
        pool_timeout_ns=5 * SECOND,
        max_queue_size=256,
        heartbeat_interval_ns=30 * SECOND,
        heartbeat_timeout_ns=12 * SECOND,
        connect_timeout_ns=5 * SECOND,
        read_timeout_ns=12 * SECOND,
        reconnection=Reconnection("exponential", SECOND, 600 * SECOND),
        balancing=Balancing("dc_aware_round_robin", True, True, 0),
        retry="default",
        executor_threads=2,
        status_events=True,
        connect_to_remote_hosts=True,
        keyspace=True,
        authentication_round_trips=0,
    )
    client = Client(
        name=name,
        instances=1,
        datacenter="dc1",
        driver="java3",
        protocol=4,
        idempotent=1.0,
        options=options,
        issue_ns=10_000,
        per_request_ns=0,
        io_threads=1,
        load=Load("poisson", rate=20_000.0),
        max_concurrent=0,
    )
    return dataclasses.replace(client, **changes)  # type: ignore[arg-type]


def make_scenario(name: str, nodes: int, duration_s: float, **changes: object) -> Scenario:
    """A scenario of one datacenter and one client `api`."""
    scenario = Scenario(
        name=name,
        question="Does the fleet ride through the loss of one node at peak?",
        seed=7,
        duration_ns=int(duration_s * SECOND),
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=(Datacenter("dc1", nodes, min(3, nodes), 1, 250_000),),
        node=Node(32, Law("lognormal", median_ns=1_200_000, p99_ns=12_000_000)),
        clients=(make_client("api"),),
    )
    return dataclasses.replace(scenario, **changes)  # type: ignore[arg-type]


class Pool:
    """A pool that grows, trashes, resurrects and closes while its load changes."""

    def __init__(self, client: str, node: str, events: list[tuple[object, ...]]) -> None:
        self.client, self.node, self.events = client, node, events
        self.active, self.trashed, self.serial, self.peak = 0, 0, 0, 0.0
        self.trashed_at = -1.0
        self.up = True

    def note(self, time_s: float, kind: str, value: float = 0) -> None:
        assert kind in NOTE_NAMES
        row = (time_s, kind, self.client, 0, self.node, self.serial, int(value))
        self.events.append(row)

    def step(self, time_s: float, load: float) -> None:
        """Brings the pool to `time_s` with so many requests in flight."""
        while self.up and self.active < CORE:
            self.open(time_s)
        self.peak = max(self.peak, load)
        # A jump that fills every stream at once leaves a queue, which stops the growth.
        stalled = load > self.active * REQUESTS + 2 * REQUESTS
        while (
            not stalled and self.active < MOST and load > (self.active - 1) * REQUESTS + THRESHOLD
        ):
            self.note(time_s, "growth", load)
            self.open(time_s)
        if time_s % 10 == 0 and time_s:
            needed = int(self.peak // REQUESTS) + 1 + (self.peak % REQUESTS > THRESHOLD)
            while self.active > max(CORE, needed):
                self.active, self.trashed, self.trashed_at = (
                    self.active - 1,
                    self.trashed + 1,
                    time_s,
                )
                self.note(time_s, "trashed", self.active)
            self.peak = load
            if self.trashed and time_s > self.trashed_at + IDLE_S:
                for _ in range(self.trashed):
                    self.note(time_s, "closed")
                self.trashed = 0

    def open(self, time_s: float) -> None:
        self.active += 1
        if self.trashed:
            self.trashed -= 1
            self.note(time_s, "resurrected", self.active)
            return
        self.serial += 1
        self.note(time_s, "connect_started")
        self.note(time_s + 0.003, "opened", self.active)

    def lose(self, time_s: float, load: float) -> None:
        for _ in range(self.active + self.trashed):
            self.note(time_s, "connection_broke", load / max(1, self.active))
        self.note(time_s, "host_down")
        self.active = self.trashed = 0
        self.up = False


def simulate(
    client: str,
    nodes: tuple[str, ...],
    loads: np.ndarray,
    interval_s: float,
    outage: tuple[int, float, float] | None = None,
) -> tuple[list[dict[str, object]], list[tuple[object, ...]]]:
    """Timeline rows and events of pools under `loads`, shape (nodes, intervals), in flight."""
    draws = np.random.default_rng(1)
    rows: list[dict[str, object]] = []
    events: list[tuple[object, ...]] = []
    for node, name in enumerate(nodes):
        pool = Pool(client, name, events)
        for interval, wanted in enumerate(loads[node]):
            start = interval * interval_s
            end = start + interval_s
            gone = outage is not None and outage[0] == node and outage[1] <= start < outage[2]
            if gone and pool.up:
                pool.lose(start, wanted)
            if outage is not None and outage[0] == node and not gone and not pool.up:
                pool.note(start, "host_up")
                pool.up = True
            if gone:
                wanted = 0.0
                if (start - outage[1]) in (1.0, 3.0, 7.0, 15.0, 31.0):  # type: ignore[index]
                    pool.note(start, "reconnection_attempt", 1)
                    pool.note(start + 0.2, "reconnection_failed", SECOND)
            else:
                pool.step(end, wanted)
            capacity = pool.active * REQUESTS
            waiting = max(0.0, wanted - capacity)
            busy = min(wanted, capacity)
            requests = busy / 0.01 * interval_s if busy else 0.0
            slow = 1 + 3 * (busy / capacity) ** 6 if capacity else 1.0
            p50 = 0.0021 * slow * draws.uniform(0.95, 1.05)
            wait = waiting / 20_000
            rows.append(
                {
                    "time_s": start,
                    "end_s": end,
                    "client": client,
                    "node": name,
                    "active": pool.active,
                    "trashed": pool.trashed,
                    "connecting": 1 if gone and interval % 8 == 0 else 0,
                    "in_flight": round(busy),
                    "max_load": capacity,
                    "pending": round(min(waiting, 256)),
                    "orphaned": 0,
                    "rejected": round(max(0.0, waiting - 256) * interval_s),
                    "sent": round(requests),
                    "undersized": int(gone),
                    "down": int(gone),
                    "requests": round(requests),
                    "errors": round(waiting * 0.01),
                    "latency_p50_s": p50 if requests else NAN,
                    "latency_p99_s": p50 * 5.1 + wait if requests else NAN,
                    "latency_max_s": p50 * draws.uniform(9, 16) + wait if requests else NAN,
                    "wait_p99_s": wait + 1e-6 if requests else NAN,
                }
            )
    return rows, sorted(events, key=lambda row: (row[0], row[4]))


def make_estimates(clients: tuple[str, ...], runs: int, faults: bool) -> dict[str, Estimate]:
    """Estimates by full name, for every client and without."""
    width = 0.02 if runs > 1 else NAN
    values = {
        "requests": (4_801_234.0, "count"),
        "throughput": (20_006.3, "1/s"),
        "latency.p50": (0.00214, "s"),
        "latency.p75": (0.00371, "s"),
        "latency.p95": (0.00802, "s"),
        "latency.p99": (0.01231, "s"),
        "latency.p99.9": (0.03871, "s"),
        "latency.max": (5.0021, "s"),
        "wait.p99": (0.00062, "s"),
        "rejected": (312.0, "count"),
        "errors": (41.0, "count"),
        "retries": (97.0, "count"),
    }
    if faults:
        values |= {"detect": (0.0021, "s"), "fail_over": (0.0148, "s"), "recover": (14.2, "s")}
    estimates = {}
    for number, prefix in enumerate(("", *(f"{client}/" for client in clients))):
        for name, (mean, unit) in values.items():
            shift = 1 + 0.1 * max(0, number - 1)
            estimates[prefix + name] = Estimate(mean * shift, mean * width, runs, unit)
    return estimates


def make_results(
    scenario: Scenario,
    rows: list[dict[str, object]],
    events: list[tuple[object, ...]],
    **changes: object,
) -> Results:
    """Results of so many equal replications, with whatever `changes` says."""
    runs = scenario.replications.count
    estimates = make_estimates(
        tuple(client.name for client in scenario.clients), runs, bool(scenario.faults)
    )
    timeline = pd.DataFrame(rows)
    table = pd.DataFrame(events, columns=list(EVENT_COLUMNS))
    failures = (
        "request 812 of api at 61.204 s: NoHostAvailable (dc1/1: pool is busy: queue full, "
        "dc1/2: connection lost, dc1/3: pool is busy: timed out in the queue)",
    )
    replications = tuple(
        Replication(
            index=index,
            digest=f"{index:02x}" * 32,
            timeline=timeline,
            events=table,
            metrics={name: estimate.mean for name, estimate in estimates.items()},
            failures=failures if len(timeline) else (),
        )
        for index in range(runs)
    )
    results = Results(
        scenario=scenario,
        resolved="# every default filled in\nname: node-failure\nseed: 7\n",
        inputs="3f" * 32,
        digest="8f" * 32,
        engine="simpy",
        replications=replications,
        warm_up_s=0.0,
        interval_s=0.5,
        estimates=estimates,
        verdicts=(),
        recoveries=(),
        stalls=(),
        warnings=(),
        elapsed_s=1.5,
        reproduce="poolsim run scenarios/node-failure.yaml --seed 7  # poolsim 0.1.0, digest 8f8f…",
        numbers={"requests": 4_801_234, "events": 9_700_000},
    )
    return dataclasses.replace(results, **changes)  # type: ignore[arg-type]


def build_staircase() -> Results:
    """One pool climbs from 2 to 8 connections, falls, comes back, and stalls."""
    interval, duration = 0.5, 240.0
    times = np.arange(0, duration, interval)
    steps: tuple[tuple[int, int], ...] = (
        (0, 50),
        (12, 240),
        (24, 400),
        (36, 500),
        (48, 620),
        (60, 750),
        (72, 880),
        (88, 10),
    )
    steps += ((110, 240), (112, 400), (114, 500), (120, 620), (150, 10), (195, 240), (198, 400))
    steps += ((205, 1300), (232, 120))
    windows = np.zeros_like(times)
    for at, window in steps:
        windows[times >= at] = window
    scenario = make_scenario(
        "pool-staircase",
        1,
        duration,
        question="At which loads does a pool of 2 to 8 connections grow, and when does it shrink?",
        clients=(
            make_client(
                "api",
                load=Load(
                    "closed",
                    window=50,
                    phases=tuple(
                        Phase(f"phase{k + 1}", "window", at * SECOND, 0, window)
                        for k, (at, window) in enumerate(steps[1:])
                    ),
                ),
            ),
        ),
        expectations=(Expectation("rejected == 0", "", "rejected", "", "", "==", 0.0),),
    )
    rows, events = simulate("api", ("dc1/1",), windows[np.newaxis, :], interval)
    rejected = Verdict(
        "rejected == 0", "failed", Estimate(312.0, NAN, 1, "count"), 0.0, "312 above the limit"
    )
    latency = Verdict("latency.p99 < 20ms", "passed", Estimate(0.01231, NAN, 1, "s"), 0.02)
    stall = Stall("api", "dc1/1", 205.0, 232.0, 4.0, 8.0, 256.0)
    return make_results(
        scenario, rows, events, verdicts=(rejected, latency), stalls=(stall,), interval_s=interval
    )


def build_node_failure(runs: int = 10) -> Results:
    """Two clients on six nodes; one node is lost for 40 s; one expectation of each status."""
    interval, duration = 1.0, 300.0
    times = np.arange(0, duration, interval)
    base = 230 + 120 * np.sin(times / 40) + 420 * np.clip((times - 150) / 9, 0, 1) * (times < 190)
    during = (times >= 60) & (times < 100)
    names = tuple(f"dc1/{k + 1}" for k in range(6))
    loads = np.stack([base * (1.0 + 0.04 * k) * np.where(during, 1.2, 1.0) for k in range(6)])
    loads[4] += np.where((times > 220) & (times < 250), 900, 0)
    batch = np.stack([np.where((times > 30) & (times < 120), 90.0, 4.0)] * 6)
    rows, events = simulate("api", names, loads, interval, (2, 60.0, 100.0))
    more_rows, more_events = simulate("batch", names, batch, interval, (2, 60.0, 100.0))
    rows += more_rows
    events = sorted(events + more_events, key=lambda row: (row[0], row[2], row[4]))
    spike = Phase("spike", "rate", 150 * SECOND, 40 * SECOND, 60_000.0)
    scenario = make_scenario(
        "node-failure",
        6,
        duration,
        replications=Replications(runs),
        clients=(
            make_client("api", load=Load("poisson", rate=20_000.0, phases=(spike,))),
            make_client("batch", load=Load("closed", window=600)),
        ),
        faults=(Fault(60 * SECOND, 40 * SECOND, 2, "dc1/3", "stop"),),
        expectations=(
            Expectation("latency.p99 < 20ms", "", "latency", "p99", "", "<", 0.02),
            Expectation("wait.p99@spike < 5ms", "api", "wait", "p99", "spike", "<", 0.005),
        ),
        changes=(Change(200 * SECOND, "api", "pooling.local.max", 6),),
    )
    width = NAN if runs == 1 else 0.0002
    verdicts = (
        Verdict("rejected == 0", "failed", Estimate(312.0, 31.0, runs, "count"), 0.0, "above 0"),
        Verdict("latency.p99 < 20ms", "passed", Estimate(0.01231, width, runs, "s"), 0.02),
        Verdict(
            "recover < 15s",
            "inconclusive",
            Estimate(14.2, 1.3, runs, "s"),
            15.0,
            "the interval straddles the limit",
        ),
    )
    recoveries = (
        Recovery("api", "dc1/3", "recovered", "", 14.2),
        Recovery("batch", "dc1/3", "not recovered", "no borrow since the fault", None),
    )
    warnings = (
        "clients[1].options.pooling.local: new_connection_threshold 800 is not below max_requests "
        "128: the pool adds no connection above core",
    )
    return make_results(
        scenario,
        rows,
        events,
        verdicts=verdicts,
        recoveries=recoveries,
        warnings=warnings,
        stalls=(Stall("api", "dc1/5", 221.0, 249.5, 5.0, 8.0, 256.0),),
        interval_s=interval,
    )


def build_fleet() -> Results:
    """One client, a hundred hosts, twelve instances."""
    interval, duration = 2.0, 120.0
    times = np.arange(0, duration, interval)
    names = tuple(f"dc1/{k + 1}" for k in range(100))
    draws = np.random.default_rng(2)
    loads = np.stack([150 + 150 * np.sin(times / 20) + draws.uniform(0, 80) for _ in names])
    rows, events = simulate("api", names, loads, interval, (41, 40.0, 80.0))
    scenario = make_scenario(
        "fleet",
        100,
        duration,
        clients=(make_client("api", instances=12),),
        faults=(Fault(40 * SECOND, 40 * SECOND, 41, "dc1/42", "stop"),),
    )
    return make_results(scenario, rows, events, interval_s=interval)


def build_faint() -> Results:
    """One connection a host with far more streams than it needs, as the python driver has."""
    times = np.arange(0, 60.0, 0.5)
    names = ("dc1/1", "dc1/2", "dc1/3")
    loads = np.stack([35 + 20 * np.sin(times / 9 + k) for k in range(3)])
    rows, _ = simulate("worker", names, loads, 0.5)
    for row in rows:
        row["active"], row["trashed"], row["max_load"] = 1, 0, 32_768
    client = make_client("worker", driver="python")
    pooling = Pooling(1, 1, 32_768)
    options = dataclasses.replace(client.options, local=pooling, remote=pooling)
    client = dataclasses.replace(client, options=options)
    scenario = make_scenario("faint", 3, 60.0, clients=(client,))
    return make_results(scenario, rows, [], interval_s=0.5)


def build_quiet() -> Results:
    """A run in which nothing was recorded: no row, no event, no estimate, no expectation."""
    scenario = make_scenario("quiet", 3, 10.0, question="")
    columns = [key for key in build_rows_template() if key]
    results = make_results(scenario, [], [], estimates={}, numbers={}, interval_s=1.0)
    empty = pd.DataFrame({column: [] for column in columns})
    replication = dataclasses.replace(results.replications[0], timeline=empty, metrics={})
    return dataclasses.replace(results, replications=(replication,))


def build_rows_template() -> tuple[str, ...]:
    """The columns of a timeline."""
    rows, _ = simulate("api", ("dc1/1",), np.ones((1, 1)), 1.0)
    return tuple(rows[0])


def build_hostile() -> Results:
    """Names, failures and warnings that try to be markup, formulas and terminal commands."""
    name = HOSTILE
    long = "x" * 300
    rows, events = simulate(name, ("dc1/1",), np.full((1, 20), 300.0), 1.0)
    scenario = make_scenario(
        name,
        1,
        20.0,
        question=HOSTILE,
        clients=(
            make_client(name, load=Load("closed", window=300)),
            make_client(long),
        ),
        changes=(Change(5 * SECOND, name, "pooling.local.max", 6),),
    )
    verdict = Verdict(HOSTILE, "failed", Estimate(NAN, NAN, 1, "s"), 1.0, HOSTILE)
    results = make_results(
        scenario,
        rows,
        events,
        verdicts=(verdict,),
        warnings=(HOSTILE,),
        recoveries=(Recovery(name, "dc1/1", "metastable", HOSTILE, None),),
        stalls=(Stall(name, "dc1/1", 1.0, math.inf, 5.0, 8.0, 12.0),),
        resolved=f"name: {HOSTILE}\n",
        reproduce=f"poolsim run {HOSTILE}",
    )
    replication = dataclasses.replace(results.replications[0], failures=(HOSTILE,))
    return dataclasses.replace(results, replications=(replication,))


BUILDERS = {
    "staircase": build_staircase,
    "node_failure": build_node_failure,
    "fleet": build_fleet,
    "faint": build_faint,
    "quiet": build_quiet,
    "hostile": build_hostile,
}


@functools.cache
def built(name: str) -> Results:
    return BUILDERS[name]()


@functools.cache
def drawn_once(name: str) -> list[Plot]:
    return plots(built(name))


@functools.cache
def rendered_once(name: str) -> str:
    return render(built(name))


@pytest.fixture(scope="session")
def drawn() -> Callable[[str], list[Plot]]:
    """The plots of a result by its name; drawing takes a second."""
    return drawn_once


@pytest.fixture(scope="session")
def rendered() -> Callable[[str], str]:
    """The report of a result by its name."""
    return rendered_once


@pytest.fixture(scope="session")
def staircase() -> Results:
    return built("staircase")


@pytest.fixture(scope="session")
def node_failure() -> Results:
    return built("node_failure")


@pytest.fixture(scope="session")
def fleet() -> Results:
    return built("fleet")


@pytest.fixture(scope="session")
def faint() -> Results:
    return built("faint")


@pytest.fixture(scope="session")
def quiet() -> Results:
    return built("quiet")


@pytest.fixture(scope="session")
def hostile() -> Results:
    return built("hostile")
