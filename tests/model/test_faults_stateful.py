"""Any faults in any order on a running world: its tables stay consistent, and it gets over them.

A Hypothesis machine drives a world on the SimPy engine with two clients, one a driver. Between any
two of its steps every invariant and audit must hold; at the end, when all faults are over, every
session knows the ring, holds every host for up, and its requests succeed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from poolsim.engine.draws import Draws
from poolsim.engine.rows import REQUEST_WIDTH
from poolsim.engine.sampling import sample_values
from poolsim.engine.simpy_engine import attach
from poolsim.fidelity.soak.audit import audit
from poolsim.invariants import checks
from poolsim.model.build import build, start
from poolsim.model.client.request import settle
from poolsim.model.cluster.faults import (
    ACCEPT,
    ADD,
    ANSWER_AGAIN,
    FAIL_WRITES,
    GARBLE,
    MIDDLEBOX,
    NO_MIDDLEBOX,
    OVERLOAD,
    PAUSE,
    REFUSE,
    RELIEVE,
    REMOVE,
    RESUME,
    SILENCE,
    SPEAK_CLEARLY,
    START,
    STOP,
    WRITE_AGAIN,
)
from poolsim.model.kinds import FAULT, OK
from poolsim.model.records import POOL_USABLE, slotted
from poolsim.scenario.load import load_text
from tests.model.python_pools import MS, SECOND

NODES = 3
SPANS = {
    STOP: START,
    PAUSE: RESUME,
    SILENCE: ANSWER_AGAIN,
    REFUSE: ACCEPT,
    FAIL_WRITES: WRITE_AGAIN,
    GARBLE: SPEAK_CLEARLY,
    OVERLOAD: RELIEVE,
}
"""What begins a fault, and what ends it."""
TEXT = """
name: any-faults
duration: 24h
warm_up: 0s
replications: 1
cluster:
  datacenters:
    dc1: {nodes: 3, replication_factor: 2, network: {delay: 5ms}}
  node: {workers: 2, service: {constant: 30ms}}
clients:
  - name: java
    driver: java3
    options:
      pooling:
        local: {core: 1, max: 2, max_requests: 4, new_connection_threshold: 2}
        heartbeat_interval: 2s
        pool_timeout: 1s
      read_timeout: 1s
      connect_timeout: 1s
      reconnection: {constant: {delay: 1s}}
      keepalive: true
    kernel: {tcp_keepalive_time: 3s, tcp_keepalive_intvl: 1s, tcp_keepalive_probes: 2}
    load: {uniform: {rate: 7/s}}
  - name: python
    driver: python
    options:
      heartbeat_interval: 2s
      heartbeat_timeout: 1s
      request_timeout: 1s
      connect_timeout: 1s
      reconnection: {constant: {delay: 1s, max_attempts: 0}}
    load: {uniform: {rate: 5/s}}
"""


class AnyFaults(RuleBasedStateMachine):
    """The world, and which fault of each node is on."""

    def __init__(self) -> None:
        super().__init__()
        scenario = load_text(TEXT)
        draws = Draws(scenario.seed, 0)
        self.world: Any = build(scenario, draws)
        self.world.samples = [0] * sample_values(self.world)
        self.environment = attach(self.world, draws)
        start(self.world)
        self.on: dict[int, int] = {}
        self.ended: list[np.ndarray] = []

    def advance(self, to_ns: int) -> None:
        """Handle everything before an instant, and take the rows, as an engine does."""
        queue = self.environment._queue
        while queue and queue[0][0] < to_ns:
            self.environment.step()
        self.environment._now = to_ns
        rows = np.frombuffer(bytes(self.world.ends), dtype=np.int64).reshape(-1, REQUEST_WIDTH)
        self.world.ends.clear()
        self.ended.append(rows)
        run = self.world.run
        run.requests_ended += len(rows)
        run.system_sum += int((rows[:, 9] - rows[:, 5]).sum())

    def do(self, n: int, kind: int, factor: int = 1000) -> None:
        """Put a fault on the agenda of this instant, as `build.start` would have."""
        entry = slotted("Fault")()
        entry.at, entry.node, entry.kind, entry.factor = self.environment._now, n, kind, factor
        entry.status_after = 350 * MS
        self.world.faults.append(entry)
        i = len(self.world.faults) - 1
        self.world.schedule(entry.at, FAULT, i, i)
        self.advance(entry.at + 1)
        settle(self.world, self.environment._now)

    def members(self) -> list[int]:
        return [n for n in range(NODES) if self.world.nodes[n].member == 1]

    def is_known(self, n: int) -> bool:
        return all(
            host.known == 1
            for host, pool in zip(self.world.hosts, self.world.pools, strict=True)
            if pool.node == n
        )

    @rule(milliseconds=st.sampled_from([1, 4, 5, 6, 10, 300, 1_000, 3_500, 20_000]))
    def time_passes(self, milliseconds: int) -> None:
        self.advance(self.environment._now + milliseconds * MS)

    @rule(n=st.integers(0, NODES - 1), kind=st.sampled_from(list(SPANS)))
    def something_begins(self, n: int, kind: int) -> None:
        if n not in self.on and self.world.nodes[n].member == 1:
            self.on[n] = kind
            self.do(n, kind)

    @precondition(lambda self: self.on)
    @rule(data=st.data())
    def something_ends(self, data: st.DataObject) -> None:
        n = data.draw(st.sampled_from(sorted(self.on)))
        self.do(n, SPANS[self.on.pop(n)])

    @rule(n=st.integers(0, NODES - 1), idle_ms=st.sampled_from([50, 400, 2_500, 9_000]))
    def a_middlebox_comes(self, n: int, idle_ms: int) -> None:
        self.do(n, MIDDLEBOX, idle_ms * MS)

    @rule(n=st.integers(0, NODES - 1))
    def a_middlebox_goes(self, n: int) -> None:
        self.do(n, NO_MIDDLEBOX)

    @rule(n=st.integers(0, NODES - 1), drain_ms=st.sampled_from([0, 7, 60, 2_000]))
    def a_node_leaves(self, n: int, drain_ms: int) -> None:
        # A driver that knows only nodes that have left never learns of others.
        others = [m for m in self.members() if m != n and self.is_known(m)]
        if n in self.members() and n not in self.on and others:
            self.do(n, REMOVE, drain_ms * MS)

    @rule(n=st.integers(0, NODES - 1))
    def a_node_joins(self, n: int) -> None:
        node = self.world.nodes[n]
        if node.member == 0 and self.environment._now > node.drain_until + SECOND:
            self.do(n, ADD)

    @invariant()
    def all_is_consistent(self) -> None:
        now = self.environment._now
        checks.check(self.world, now, "stateful")
        assert audit(self.world, self.environment) == []

    def teardown(self) -> None:
        for n in list(self.on):
            self.do(n, SPANS[self.on.pop(n)])
        for n in range(NODES):
            self.do(n, NO_MIDDLEBOX)
        self.advance(self.environment._now + 60 * SECOND)
        self.all_is_consistent()
        since = self.environment._now
        self.ended.clear()
        self.advance(since + 10 * SECOND)
        world = self.world
        for p, host in enumerate(world.hosts):
            member = world.nodes[world.pools[p].node].member
            assert (host.known, host.up) == (member, member), f"host {p}"
            if member:
                assert world.pools[p].phase == POOL_USABLE
        rows = np.concatenate(self.ended)
        late = rows[rows[:, 5] >= since]
        assert len(late) > 100
        assert set(late[:, 3].tolist()) == {OK}


AnyFaults.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestAnyFaults = AnyFaults.TestCase
