"""One pool of the real driver on a session of its own, driven operation by operation.

The pool's host is the listener of a proxy; the control connection goes to a node directly, so that
what befalls the pool's host befalls nothing else. Requests are the driver's own `ResponseFuture`s:
they borrow, send, time out, fail over and give back as in life, and the proxy keeps each response
until the recorder asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cassandra
import cassandra.cluster
import cassandra.pool
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import Connection, DefaultEndPoint
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    ConstantReconnectionPolicy,
    HostDistance,
    LoadBalancingPolicy,
)
from driven import (
    PATIENCE_S,
    Borrow,
    BorrowThreads,
    Changes,
    DrivenClock,
    DrivenCondition,
    DrivenExecutor,
    DrivenScheduler,
    Handshakes,
    Stuck,
)
from proxy_control import ProxyControl

QUERY = "SELECT key FROM system.local WHERE key='local'"
RECONNECTION_S = 1.0
CONNECT_TIMEOUT_S = 60.0
"""A held handshake must not time out while the recorder does something else."""
ORPHAN_SHARE = (3, 4)
"""Orphans at which a connection is replaced, as a share of max_in_flight: the driver's own."""


@dataclass
class Settings:
    """What a walk sets of the driver."""

    listen: str
    node: str
    legacy: bool
    remote: bool
    core: int
    max: int
    max_requests: int
    min_requests: int
    max_in_flight: int

    @property
    def orphaned_threshold(self) -> int:
        """Orphans at which a connection is replaced."""
        return ORPHAN_SHARE[0] * self.max_in_flight // ORPHAN_SHARE[1]


class Request:
    """A request under way: its future, and where it is."""

    def __init__(self, number: int, future: Any, changes: Changes) -> None:
        self.number = number
        self.future = future
        self.borrow = Borrow(number, changes)
        self.connection: Any = None
        self.stream = -1

    @property
    def granted(self) -> bool:
        """Whether its borrow came back and what it got could be written on."""
        return self.borrow.returned > 0 and self.stream >= 0


class _ToNode(LoadBalancingPolicy):
    """Plans name the node with the control connection; the pool's host has the walk's distance."""

    def __init__(self, listen: Any, distance: int) -> None:
        super().__init__()
        self._listen = listen
        self._distance = distance
        self._nodes: tuple[Any, ...] = ()

    def populate(self, cluster: Any, hosts: Any) -> None:
        del cluster
        self._nodes = tuple(host for host in hosts if host.endpoint != self._listen)

    def distance(self, host: Any) -> Any:
        return self._distance if host.endpoint == self._listen else HostDistance.LOCAL

    def make_query_plan(self, working_keyspace: Any = None, query: Any = None) -> Iterator[Any]:
        del working_keyspace, query
        return iter(self._nodes)

    def on_up(self, host: Any) -> None:
        del host

    on_down = on_add = on_remove = on_up


def _endpoint(address: str) -> Any:
    host, _, port = address.rpartition(":")
    return DefaultEndPoint(host, int(port))


class RealPool:
    """A pool of the real driver, ready, and everything that an operation needs to know of it."""

    def __init__(self, settings: Settings, proxy: ProxyControl) -> None:
        """Connect; the pool has its first connections when this returns."""
        self.settings = settings
        self.proxy = proxy
        self.clock = DrivenClock()
        self.changes = Changes()
        self.handshakes = Handshakes(self.changes)
        self.threads = BorrowThreads(self.changes)
        self.requests: dict[int, Request] = {}
        self.waiting: list[Request] = []
        self.held = False
        self._happened = 0
        self._names: dict[Any, int] = {}
        self._drive_module()
        proxy.do("hold_connects", listen=settings.listen, value=False)
        proxy.do("hold_responses", listen=settings.listen, value=True)
        self._connect()
        self.settle()

    # Setting up -----------------------------------------------------------------------------------

    def _drive_module(self) -> None:
        """One pool a process: what is replaced in the driver's modules belongs to this one."""
        cassandra.pool.time = self.clock
        cassandra.pool.Condition = DrivenCondition
        DrivenCondition.changes = self.changes
        if self.settings.legacy:
            cassandra.cluster.HostConnection = self._make_pool
        # Requests on a connection that breaks fail on the thread that notices, not on one more.
        Connection.CALLBACK_ERR_THREAD_THRESHOLD = 1 << 30

    def _make_pool(self, host: Any, distance: Any, session: Any) -> Any:
        """The kind of pool that a session on v1 or v2 makes."""
        legacy = host.endpoint == self.endpoint
        kind = cassandra.pool.HostConnectionPool if legacy else cassandra.pool.HostConnection
        return kind(host, distance, session)

    def _connection_class(self) -> type[Any]:
        settings, handshakes = self.settings, self.handshakes
        endpoint = _endpoint(settings.listen)

        class WalkConnection(LibevConnection):  # type: ignore[misc]
            max_in_flight = settings.max_in_flight
            orphaned_threshold = settings.orphaned_threshold

            @classmethod
            def factory(cls, to: Any, timeout: Any, *args: Any, **kwargs: Any) -> Any:
                if to != endpoint:
                    return super().factory(to, timeout, *args, **kwargs)
                with handshakes.one():
                    made = super().factory(to, CONNECT_TIMEOUT_S, *args, **kwargs)
                    made.local_port = made._socket.getsockname()[1]
                    return made

        return WalkConnection

    def _connect(self) -> None:
        settings = self.settings
        self.endpoint = _endpoint(settings.listen)
        node = _endpoint(settings.node)
        self.connection_class = self._connection_class()
        distance = HostDistance.REMOTE if settings.remote else HostDistance.LOCAL
        policy = _ToNode(self.endpoint, distance)
        self.cluster = Cluster(
            [node],
            protocol_version=4,
            compression=False,
            connection_class=self.connection_class,
            execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(policy)},
            reconnection_policy=ConstantReconnectionPolicy(RECONNECTION_S, max_attempts=None),
            idle_heartbeat_interval=0,
            schema_metadata_enabled=False,
            token_metadata_enabled=False,
            schema_event_refresh_window=-1,
            topology_event_refresh_window=-1,
            status_event_refresh_window=-1,
            monitor_reporting_enabled=False,
        )
        self.cluster.executor.shutdown()
        self.cluster.scheduler.shutdown()
        self.executor = DrivenExecutor(self.changes)
        self.scheduler = DrivenScheduler(self.executor, self.clock)
        self.cluster.executor = self.executor
        self.cluster.scheduler = self.scheduler
        for name in ("core_connections_per_host", "max_connections_per_host"):
            setattr(self.cluster, f"get_{name}", self._answering(name.split("_")[0]))
        for name in ("max_requests", "min_requests"):
            setattr(self.cluster, f"get_{name}_per_connection", self._answering(name))
        self.session = self.cluster.connect()
        self.executor.automatic = False
        self.host, _ = self.cluster.add_host(self.endpoint, signal=False)
        self.host.set_up()
        assert self.cluster.profile_manager.distance(self.host) == distance
        self.session.add_or_renew_pool(self.host, False)

    def _answering(self, setting: str) -> Callable[[Any], int]:
        value: int = getattr(self.settings, setting)
        return lambda _distance: value

    # Coming to rest -------------------------------------------------------------------------------

    def _pass_reactor(self) -> None:
        """Wait until the reactor's thread is through with what it is doing."""
        passed = cassandra.cluster.Event()
        self.connection_class.create_timer(0, passed.set)
        if not passed.wait(PATIENCE_S):
            raise Stuck("the reactor's thread does not come back")

    def _is_still(self) -> bool:
        """Whether all borrows wait or are back, and all running tasks wait for handshakes."""
        borrows = all(request.borrow.rests for request in self.waiting)
        return borrows and self.executor.busy == len(self.handshakes.under_way)

    def settle(self) -> None:
        """Let the driver do everything that it can do, one thing after another.

        Raises:
            Stuck: it does not come to rest.
        """
        self._happened += 1
        while True:
            self._pass_reactor()
            self.changes.wait_for(self._is_still, "borrows and tasks")
            if self._wake_borrow():
                continue
            if self.executor.can_start:
                self._happened += 1
                self.executor.start_next()
                continue
            under_way = self.handshakes.under_way
            if not self.held and under_way:
                self.changes.wait_for(lambda h=under_way[0]: h.is_over, "a handshake")
            over = [handshake for handshake in under_way if handshake.is_over]
            if not over:
                break
            self._happened += 1
            self.handshakes.let_go(over[0])
        if self.held:
            self._until(
                lambda: (
                    self.proxy.do("held", listen=self.settings.listen)["held"]
                    == len(self.handshakes.under_way)
                ),
                "the proxy to hold the handshakes",
            )

    def _wake_borrow(self) -> bool:
        """Let a borrow go on that was notified or has not looked since something happened."""
        borrows = [request.borrow for request in self.waiting]
        notified = [borrow for borrow in borrows if borrow.notified]
        if notified:
            min(notified, key=lambda borrow: borrow.notified).go_on()
            self._happened += 1
            return True
        for borrow in borrows:
            if borrow.spins and borrow.looked_at < self._happened:
                borrow.looked_at = self._happened
                borrow.go_on()
                return True
        return False

    def _until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for something that tells nobody when it happens."""
        end = time.monotonic() + PATIENCE_S
        while not reached():
            if time.monotonic() > end:
                raise Stuck(f"waited in vain for {what}")
            time.sleep(0.00005)

    # Operations -----------------------------------------------------------------------------------

    @property
    def pool(self) -> Any:
        """The pool that the session has for the host now, or None."""
        return self.session._pools.get(self.host)

    def borrow(self, number: int, timeout_ms: int) -> Request:
        """A request asks for a connection; afterwards it waits, is granted, or has failed."""
        future = self.session._create_response_future(QUERY, None, False, None, None)
        future.query_plan = iter([self.host])
        request = Request(number, future, self.changes)
        request.borrow.deadline_ms = self.clock.now_ms + timeout_ms
        self.requests[number] = request
        self.waiting.append(request)
        pool = self.pool
        if pool is not None:
            self._give_timeout(pool, timeout_ms / 1000)
        self.threads.run(request.borrow, future.send_request)
        self.settle()
        return request

    @staticmethod
    def _give_timeout(pool: Any, timeout_s: float) -> None:
        """The driver asks for 2 s always; the walk has its own timeouts."""
        own = type(pool).borrow_connection
        pool.borrow_connection = lambda **_asked: own(pool, timeout_s)

    def take_returned(self) -> tuple[list[Request], list[Request]]:
        """Borrows that came back since this was last asked: granted ones, and failed ones."""
        granted, failed = [], []
        returned = [request for request in self.waiting if request.borrow.returned]
        for request in sorted(returned, key=lambda request: request.borrow.returned):
            self.waiting.remove(request)
            if getattr(request.future, "_req_id", None) is None:
                failed.append(request)
                del self.requests[request.number]
            else:
                request.connection = request.future._connection
                request.stream = request.future._req_id
                granted.append(request)
        return granted, failed

    def release(self, request: Request) -> None:
        """The response of a request in flight arrives."""
        del self.requests[request.number]
        self._release_response(request)
        if not request.future._event.wait(PATIENCE_S):
            raise Stuck("a response that was let go did not arrive")
        self.settle()

    def time_out(self, request: Request) -> None:
        """The request's own timeout passes."""
        request.future._on_timeout()
        self.settle()

    def late_response(self, request: Request) -> None:
        """The response of a request that has timed out arrives."""
        del self.requests[request.number]
        orphans = request.connection.orphaned_request_ids
        self._release_response(request)
        self._until(lambda: request.stream not in orphans, "a late response")
        self.settle()

    def _release_response(self, request: Request) -> None:
        self.proxy.do(
            "release_response",
            listen=self.settings.listen,
            client_port=_port(request.connection),
            stream=request.stream,
        )

    def expire(self, request: Request) -> None:
        """A waiting borrow's timeout passes; the clock is beyond it."""
        request.borrow.expire()
        self.settle()

    def lose(self, connection: Any) -> None:
        """A connection breaks; what was under way on it is no longer."""
        self.proxy.do("cut", listen=self.settings.listen, client_port=_port(connection))
        self._until(lambda: connection.is_closed, "a connection to break")
        self.settle()

    def forget_dead(self) -> None:
        """Drop requests whose connection is closed: no response will come."""
        for request in list(self.requests.values()):
            if request.connection is not None and request.connection.is_closed:
                del self.requests[request.number]

    def hold(self, value: bool) -> None:
        """Hold new handshakes, or let all held ones go."""
        self.proxy.do("hold_connects", listen=self.settings.listen, value=value)
        self.held = value
        self.settle()

    def refuse(self) -> None:
        """The oldest held handshake is refused."""
        oldest = self.handshakes.under_way[0]
        self.proxy.do("refuse_oldest", listen=self.settings.listen)
        self.changes.wait_for(
            lambda: any(h.is_over for h in self.handshakes.under_way), "a refused handshake"
        )
        if not oldest.is_over:
            raise Stuck("the proxy's oldest handshake is not the driver's")
        self.settle()

    def look_at_schedule(self) -> None:
        """The scheduler submits what is due."""
        self.scheduler.look()
        self.settle()

    def renew_pools(self) -> None:
        """What the coming or going of any other host leads to."""
        self.session.update_created_pools()
        self.settle()

    # What there is to see -------------------------------------------------------------------------

    def name(self, connection: Any) -> int:
        """A connection's number: they count up in order of first appearance."""
        return self._names.setdefault(connection, len(self._names))

    def active(self) -> list[Any]:
        """The connections that the pool has, in its order; a dead one that nobody noticed, too."""
        pool = self.pool
        if pool is None or pool.is_shutdown:
            return []
        return list(pool.get_connections())

    def trash(self) -> list[Any]:
        """Open connections out of use, oldest first."""
        pool = self.pool
        if pool is None or pool.is_shutdown:
            return []
        return sorted((c for c in pool._trash if not c.is_closed), key=self.name)

    def is_shut(self) -> bool:
        """Whether the session has no usable pool for the host."""
        return self.pool is None or bool(self.pool.is_shutdown)

    def state(self) -> dict[str, Any]:
        """The pool's state in the words of a decision trace."""
        pool = self.pool
        active = self.active()
        for connection in active:
            self.name(connection)
        trash = self.trash()
        state = {
            "open": 0 if pool is None else pool.open_count,
            "creating": len(self.handshakes.under_way),
            "trashed": len(trash),
            "in_flight": sum(c.in_flight for c in (*active, *trash)),
            "pending": len(self.waiting),
            "connections": [[self.name(c), c.in_flight] for c in active],
            "trash": [[self.name(c), c.in_flight] for c in trash],
            "orphans": sum(
                len(c.orphaned_request_ids) for c in (*active, *trash) if not c.is_closed
            ),
            "shut": self.is_shut(),
            "up": bool(self.host.is_up),
        }
        if self.settings.legacy:
            state["scheduled"] = 0 if self.is_shut() else pool._scheduled_for_creation
        else:
            state["replacing"] = not self.is_shut() and pool._is_replacing
        return state

    def close(self) -> None:
        """End the session."""
        if self.held:
            self.hold(False)
        self.executor.automatic = True
        self.cluster.shutdown()


def _port(connection: Any) -> int:
    port: int = connection.local_port
    return port
