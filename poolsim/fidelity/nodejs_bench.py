"""A pool of the Node.js driver on the bench: what is peculiar to that driver.

The control connection is at another host. Timers go off when whoever drives the bench says so; what
the driver closes "immediately" is closed when everything else of the operation is through.
"""

from __future__ import annotations

from typing import Any

from poolsim.fidelity.bench import POOL, Bench, BenchWorld, Outcome
from poolsim.model.build import slotted_of
from poolsim.model.client.session import answer, ask_timeout, connection_lost
from poolsim.model.drivers import nodejs
from poolsim.model.kinds import CONNECTION_LOST
from poolsim.model.policies.reconnection import CONSTANT, EXPONENTIAL, SPREAD
from poolsim.model.records import EXPIRED, IN_FLIGHT, LOCAL, ORPHANED, REMOTE, WAITING
from poolsim.scenario.scenario import Pooling, Reconnection

SECOND = 1_000_000_000
HEARTBEAT = 30 * SECOND
CONTROL = 1
"""The host that the control connection is at."""


class _Anyone:
    """In place of the table of requests: the bench knows them by number only."""

    def __init__(self) -> None:
        self._request = slotted_of("requests")()

    def __getitem__(self, _number: int) -> Any:
        return self._request

    def __len__(self) -> int:
        return 0


class NodejsBenchWorld(BenchWorld):
    """A world that also keeps what is to be closed, and draws the same jitter always."""

    __slots__ = ("closing", "parts")

    def __init__(self) -> None:
        super().__init__()
        self.closing: list[int] = []
        self.parts = 0
        self.requests = _Anyone()  # type: ignore[assignment]

    def schedule(self, time: int, kind: int, order: int, target: int) -> None:
        """Keep what the bench itself will run."""
        super().schedule(time, kind, order, target)
        if kind == CONNECTION_LOST:
            self.closing.append(target)

    def draw(self, lane: int, number: int, attempt: int) -> int:
        """The jitter of every delay, in millionths of what it is spread over."""
        del lane, number, attempt
        return self.parts


class NodejsBench(Bench):
    """A pool of the Node.js driver on the bench."""

    driver = "nodejs"
    world_type = NodejsBenchWorld
    world: NodejsBenchWorld

    def __init__(
        self,
        core: int,
        max_requests: int,
        *,
        protocol: int = 4,
        streams: int = 32768,
        remote: bool = False,
        warmup: bool = True,
        defunct_threshold: int = 64,
        reconnection: Reconnection | None = None,
        jitter_parts: int = 0,
    ) -> None:
        self._own = (remote, warmup, defunct_threshold, reconnection, jitter_parts)
        super().__init__(
            self.driver,
            protocol,
            Pooling(core=core, max=core, max_requests=max_requests),
            idle_timeout_ns=0,
            pool_timeout_ns=0,
            max_queue_size=0,
            stream_limit=streams,
        )

    def _prepare(self) -> None:
        remote, warmup, defunct_threshold, reconnection, jitter_parts = self._own
        w = self.world
        w.run.nodes = 2
        w.hosts[POOL].distance = REMOTE if remote else LOCAL
        w.hosts.append(slotted_of("hosts")())
        w.pools.append(slotted_of("pools")())
        w.nodes.append(slotted_of("nodes")())
        w.pools[CONTROL].node = CONTROL
        w.pools[CONTROL].driver = w.pools[POOL].driver
        w.pools[CONTROL].options = 1
        w.options[1].core = 1
        w.options[1].max_requests = 1 << 20
        w.rotations[0].count = 1
        w.rotation_nodes.append(CONTROL)
        client = w.clients[0]
        client.warmup = int(warmup)
        client.defunct_threshold = defunct_threshold
        client.heartbeat_timeout = 12 * SECOND
        if reconnection is not None:
            client.reconnection = CONSTANT if reconnection.kind == "constant" else EXPONENTIAL
            client.reconnection_base = reconnection.base_ns
            client.reconnection_max = reconnection.max_ns
            client.reconnection_no_delay = int(reconnection.start_with_no_delay)
            if reconnection.kind != "constant":
                client.reconnection_jitter = 0
                client.reconnection_clamped = SPREAD
                w.parts = jitter_parts

    @property
    def host(self) -> Any:
        """The record of the pool's host."""
        return self.world.hosts[POOL]

    @property
    def session(self) -> Any:
        """The record of the session."""
        return self.world.sessions[0]

    def active(self) -> list[Any]:
        """Records of the pool's connections, in its order."""
        found = []
        c = self.pool.first
        while c >= 0:
            found.append(self.world.connections[c])
            c = found[-1].next
        return found

    def slot(self, connection: Any) -> int:
        """Where a connection's record is kept."""
        return next(c for c, other in enumerate(self.world.connections) if other is connection)

    def time_out(self, request: int, now_ns: int) -> Outcome:
        """A request times out, in flight or while it waits for a stream id."""
        a = self.attempts[request]
        attempt = self.world.attempts[a]
        if attempt.state == WAITING:
            del self.attempts[request]
            attempt.state = EXPIRED
            attempt.request = -1
        elif attempt.state != IN_FLIGHT or attempt.request != request:
            raise ValueError(f"request {request} is not in the state that this asks for")
        nodejs.timed_out(self.world, a, now_ns)
        return self.settle(now_ns)

    def is_orphan(self, request: int) -> bool:
        """Whether a late response of this request is still possible."""
        a = self.attempts.get(request, -1)
        if a < 0:
            return False
        attempt = self.world.attempts[a]
        return bool(attempt.state == ORPHANED and attempt.request == request)

    def lose(self, connection: int, now_ns: int) -> Outcome:
        """The peer closes a connection."""
        self.world.connections[connection].lost_at = now_ns
        return super().lose(connection, now_ns)

    def fall_silent(self, connection: int, now_ns: int) -> Outcome:
        """Nothing was written on a connection for the interval of heartbeats."""
        record = self.world.connections[connection]
        record.heartbeat_interval = HEARTBEAT
        record.last_written = now_ns - HEARTBEAT
        nodejs.heartbeat(self.world, connection, now_ns)
        return self.settle(now_ns)

    def answer_heartbeat(self, connection: int, now_ns: int) -> Outcome:
        """The answer to a heartbeat arrives."""
        self.world.connections[connection].answer_at = now_ns
        answer(self.world, connection, now_ns)
        return self.settle(now_ns)

    def fail_heartbeat(self, connection: int, now_ns: int) -> Outcome:
        """A heartbeat was not answered in time."""
        self.world.connections[connection].ask_deadline = now_ns
        ask_timeout(self.world, connection, now_ns)
        return self.settle(now_ns)

    def come_to_timer(self, now_ns: int) -> Outcome:
        """The pool's timer goes off, at its own time or late."""
        at = max(self.pool.timer_at, now_ns)
        self.pool.timer_at = at
        nodejs.reconnection_due(self.world, POOL, at)
        return self.settle(at)

    def hear_up(self, now_ns: int) -> None:
        """The server says that the host is up."""
        nodejs.status_event(self.world, POOL, now_ns)

    def heed_up(self, now_ns: int) -> Outcome:
        """The time after which that is acted on is over, or was so before."""
        at = max(self.session.status_at, now_ns)
        self.session.status_at = at
        nodejs.status_due(self.world, POOL, at)
        return self.settle(at)

    def _settle(self, outcome: Outcome, now_ns: int) -> Outcome:
        w = self.world
        while True:
            super()._settle(outcome, now_ns)
            if not w.closing:
                return outcome
            connection_lost(w, w.closing.pop(0), now_ns)
