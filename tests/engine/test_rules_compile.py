"""The rules compile as they stand, and compiled they do what they do under SimPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from poolsim.engine.run import simulate
from poolsim.model.drivers import java3
from poolsim.model.records import World
from poolsim.model.rule import RULES
from poolsim.scenario.scenario import (
    Balancing,
    Change,
    Client,
    Datacenter,
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
from tests.engine.compiled_world import CompiledRules, CompiledWorld, tables_of

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000

DRIVERS = {"java3": java3}


def client(name: str, load: Load, **changed: Any) -> Client:
    """A java3 client; `changed` are fields of its pools, options, balancing or of itself."""
    given: dict[type, dict[str, Any]] = {
        Pooling: {"core": 2, "max": 4, "max_requests": 16, "new_connection_threshold": 12},
        Balancing: {
            "policy": "dc_aware_round_robin",
            "token_aware": True,
            "shuffle_replicas": True,
            "used_hosts_per_remote_dc": 0,
        },
        Options: {
            "idle_timeout_ns": 12 * SECOND,
            "pool_timeout_ns": 50 * MILLISECOND,
            "max_queue_size": 32,
            "heartbeat_interval_ns": 2 * SECOND,
            "heartbeat_timeout_ns": 0,
            "connect_timeout_ns": 5 * SECOND,
            "read_timeout_ns": 800 * MILLISECOND,
            "reconnection": Reconnection("exponential", SECOND, 8 * SECOND),
            "retry": "default",
            "executor_threads": 2,
            "status_events": True,
            "connect_to_remote_hosts": True,
            "keyspace": True,
            "authentication_round_trips": 1,
        },
        Client: {
            "instances": 1,
            "datacenter": "dc1",
            "driver": "java3",
            "protocol": 4,
            "idempotent": 0.5,
            "issue_ns": 0,
            "per_request_ns": 0,
            "io_threads": 2,
            "max_concurrent": 0,
        },
    }
    for fields in given.values():
        fields.update({key: changed.pop(key) for key in tuple(changed) if key in fields})
    assert not changed
    pooling = Pooling(**given[Pooling])
    balancing = Balancing(**given[Balancing])
    options = Options(local=pooling, remote=pooling, balancing=balancing, **given[Options])
    return Client(name=name, load=load, options=options, **given[Client])


def scenario(
    name: str,
    seconds: float,
    clients: tuple[Client, ...],
    *datacenters: Datacenter,
    mean: int = 2 * MILLISECOND,
    workers: int = 4,
    faults: tuple[Fault, ...] = (),
    changes: tuple[Change, ...] = (),
) -> Scenario:
    return Scenario(
        name=name,
        question="",
        seed=11,
        duration_ns=round(seconds * SECOND),
        warm_up_ns=0,
        replications=Replications(1),
        datacenters=datacenters,
        node=Node(workers, Law("exponential", mean_ns=mean), accepts_per_second=500.0),
        clients=clients,
        faults=faults,
        changes=changes,
    )


def fault(at: float, duration: float, node: int, kind: str, factor: float = 1.0) -> Fault:
    return Fault(round(at * SECOND), round(duration * SECOND), node, f"{node}", kind, factor)


def windows(*levels: tuple[float, int]) -> tuple[Phase, ...]:
    return tuple(
        Phase(f"from {at} s", "window", round(at * SECOND), 0, value) for at, value in levels
    )


NEAR = Datacenter("dc1", 4, 3, 2, 250 * MICROSECOND)
FAR = Datacenter("dc2", 3, 2, 1, 15 * MILLISECOND)
ONE_NODE = Datacenter("dc1", 1, 1, 1, 250 * MICROSECOND)

PLAIN_LOAD = scenario(
    "plain", 2, (client("api", Load("poisson", rate=1000.0), idempotent=1.0),), ONE_NODE
)
OVERLOAD = scenario(
    "growth, queue and rejections",
    25,
    (
        client(
            "api",
            Load("poisson", rate=100.0, phases=(Phase("peak", "rate", 2 * SECOND, SECOND, 2500),)),
            core=1,
            max_queue_size=16,
        ),
        client("batch", Load("bursts", size=90, every_ns=500 * MILLISECOND), token_aware=False),
    ),
    ONE_NODE,
    mean=3 * MILLISECOND,
    changes=(
        Change(4 * SECOND, "api", "pooling.local.core", 3),
        Change(5 * SECOND, "batch", "pooling.pool_timeout", 5 * MILLISECOND),
    ),
)
FAULTS = scenario(
    "faults",
    24,
    (
        client(
            "api",
            Load("poisson", rate=220.0),
            instances=3,
            used_hosts_per_remote_dc=2,
        ),
        client("random", Load("uniform", rate=20.0), policy="random", datacenter="dc2"),
        client(
            "least",
            Load("uniform", rate=20.0),
            policy="least_in_flight",
            token_aware=False,
            protocol=3,
            instances=2,
        ),
        client("round", Load("uniform", rate=10.0), policy="round_robin", token_aware=False),
        # Its timed-out requests starve connections of streams.
        client(
            "old",
            Load("uniform", rate=200.0),
            protocol=2,
            core=1,
            max_requests=128,
            heartbeat_interval_ns=0,
            shuffle_replicas=False,
        ),
    ),
    NEAR,
    FAR,
    faults=(
        fault(3, 4, 0, "stop"),
        fault(5, 1.5, 2, "pause"),
        fault(6, 5, 1, "slow", 40.0),
        fault(12, 3, 4, "stop"),
        fault(14, 5, 3, "pause"),
        fault(16, 1, 0, "stop"),
    ),
    changes=(Change(10 * SECOND, "old", "pooling.local.core", 2),),
)
CLOSED_LOOPS = scenario(
    "closed loops",
    36,
    (
        client(
            "api",
            Load(
                "closed",
                window=8,
                error_pause_ns=5 * MILLISECOND,
                phases=windows((1, 150), (8, 4), (30, 150)),
            ),
            issue_ns=20 * MICROSECOND,
            per_request_ns=100 * MICROSECOND,
            instances=2,
            max_concurrent=60,
            max=6,
        ),
        client(
            "people",
            Load(
                "users",
                count=30,
                think=Law("exponential", mean_ns=2 * SECOND),
                error_pause_ns=SECOND,
            ),
            read_timeout_ns=150 * MILLISECOND,
        ),
    ),
    Datacenter("dc1", 2, 2, 1, 500 * MICROSECOND),
    mean=80 * MILLISECOND,
    workers=40,
    faults=(fault(4, 1, 1, "pause"), fault(5.5, 1, 0, "slow", 3.0), fault(34, 0, 1, "stop")),
)
SCENARIOS = (PLAIN_LOAD, OVERLOAD, FAULTS, CLOSED_LOOPS)


class Recorded:
    """Takes what the SimPy engine records, and keeps the world."""

    def __init__(self, given: Scenario) -> None:
        self.interval_ns = given.duration_ns
        self.request_rows: list[NDArray[np.int64]] = []
        self.note_rows: list[NDArray[np.int64]] = []
        self.worlds: list[World] = []

    def requests(self, rows: NDArray[np.int64]) -> None:
        self.request_rows.append(rows)

    def notes(self, rows: NDArray[np.int64]) -> None:
        self.note_rows.append(rows)

    def sample(self, time_ns: int, table: NDArray[np.int64]) -> None:
        pass

    def keep(self, environment: Any, world: World) -> None:
        self.worlds.append(world)


def in_use(rule: str) -> bool:
    """Whether a rule belongs to all drivers or to one of those compiled."""
    parts = rule.split(".")
    return parts[0] != "drivers" or parts[1] in DRIVERS


def assert_same_run(given: Scenario, rules: CompiledRules) -> None:
    """SimPy and the compiled rules leave the same rows and, in every field, the same tables."""
    expected = Recorded(given)
    simulate(given, 0, expected, engine="simpy", attachments=[expected.keep])
    world = CompiledWorld(given, draw_blocks=3, draw_attempts=8)
    rules.run(world, given.duration_ns)
    assert not world.failed, "a table of fixed size is too small for this scenario"
    requests = np.concatenate(expected.request_rows)
    assert len(requests) > 1000
    assert_array_equal(world.ends(), requests, f"requests of {given.name}")
    notes = np.concatenate(expected.note_rows)
    assert_array_equal(world.notes(), notes, f"notes of {given.name}")
    for name, rows in tables_of(expected.worlds[0]).items():
        own = world.table(name)
        if name == "workers":
            # Two heaps of the same instants need not lie alike.
            own, rows = (np.sort(x.reshape(-1, given.node.workers)) for x in (own, rows))
        assert_array_equal(own, rows, f"{name} of {given.name}")


def test_every_rule_compiles_and_then_does_what_it_does_under_simpy() -> None:
    # One test, so that only one process of a parallel run pays for the compilation.
    rules = CompiledRules(DRIVERS)
    for name in RULES:
        if in_use(name) and name not in rules.compiled:
            rules.compile_alone(name)
    for given in SCENARIOS:
        assert_same_run(given, rules)
