"""The driver of a run: a session as asked for, and what is noted of its connections and hosts."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from typing import IO, Any

import cassandra.cluster
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    AddressTranslator,
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    HostStateListener,
    RetryPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from run_file import BadRun, Run
from run_log import Events, Hosts

NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
"""The sockopts that switch Nagle's algorithm off; the driver leaves it on."""


class _Translator(AddressTranslator):
    def __init__(self, translate: dict[str, str]) -> None:
        self._translate = translate

    def translate(self, addr: str) -> str:
        return self._translate.get(addr, addr)


class _HostLog(HostStateListener):
    """Notes which hosts the driver takes for up and down."""

    def __init__(self, hosts: Hosts, events: Events) -> None:
        self._hosts = hosts
        self._events = events

    def on_up(self, host: Any) -> None:
        self._events.add(self._hosts.number(host), "host_up")

    def on_down(self, host: Any) -> None:
        self._events.add(self._hosts.number(host), "host_down")

    def on_add(self, host: Any) -> None:
        self._events.add(self._hosts.number(host), "host_added")

    def on_remove(self, host: Any) -> None:
        self._events.add(self._hosts.number(host), "host_removed")


class Noted:
    """Notes connections as they are made, opened and closed, and reconnection attempts."""

    def __init__(self, hosts: Hosts, events: Events) -> None:
        self.hosts = hosts
        self.events = events
        self.running = False
        self.creating = [0] * hosts.count
        self._numbers = [itertools.count() for _ in range(hosts.count)]
        self._lock = threading.Lock()

    def purpose(self, asked: dict[str, Any]) -> str:
        """What a connection is made for."""
        if asked.get("is_control_connection"):
            return "control"
        if "on_orphaned_stream_released" in asked:
            return "pool" if self.running else "start"
        return "reconnection"

    def begins(self, host: int, purpose: str) -> None:
        """A handshake begins."""
        self.events.add(host, "connect_started", f"purpose={purpose}")
        self._count(host, purpose, 1)

    def ends(self, host: int, purpose: str, how: str, detail: str) -> None:
        """A handshake is over."""
        self._count(host, purpose, -1)
        self.events.add(host, f"connect_{how}", f"purpose={purpose};{detail}")

    def _count(self, host: int, purpose: str, change: int) -> None:
        if host >= 0 and purpose in ("pool", "start"):
            with self._lock:
                self.creating[host] += change

    def opened(self, host: int, port: int) -> str:
        """A pool has a new connection; what to call it."""
        detail = f"connection={next(self._numbers[host])};port={port}"
        self.events.add(host, "opened", detail)
        return detail

    def connection_class(self) -> type[Any]:
        """The driver's connection class, with notes."""
        noted = self

        class NotedConnection(LibevConnection):  # type: ignore[misc]
            opened = ""

            @classmethod
            def factory(cls, endpoint: Any, timeout: Any, *args: Any, **kwargs: Any) -> Any:
                host, purpose = noted.hosts.number(endpoint), noted.purpose(kwargs)
                noted.begins(host, purpose)
                try:
                    made = super().factory(endpoint, timeout, *args, **kwargs)
                except BaseException as error:
                    noted.ends(host, purpose, "failed", f"error={type(error).__name__}")
                    raise
                port = made._socket.getsockname()[1]
                noted.ends(host, purpose, "succeeded", f"port={port}")
                if purpose in ("pool", "start") and host >= 0:
                    made.opened = noted.opened(host, port)
                return made

            def close(self) -> None:
                was_closed = self.is_closed
                super().close()
                if self.opened and not was_closed:
                    how = ";broken=1" if self.is_defunct or self.last_error else ""
                    host = noted.hosts.number(self.endpoint)
                    noted.events.add(host, "closed", self.opened + how)

        return NotedConnection

    def note_reconnections(self) -> None:
        """From now on notes the driver's series of reconnection attempts, in this process."""
        for name, kind in (
            ("_HostReconnectionHandler", "reconnection"),
            ("_ControlReconnectionHandler", "control_reconnection"),
        ):
            setattr(cassandra.cluster, name, self._handler(getattr(cassandra.cluster, name), kind))

    def _handler(self, base: type[Any], kind: str) -> type[Any]:
        noted = self

        class NotedHandler(base):  # type: ignore[misc]
            attempts = 0

            def _note(self, what: str, detail: str) -> None:
                host = noted.hosts.number(getattr(self, "host", None))
                noted.events.add(host, f"{kind}_{what}", detail)

            def start(self) -> None:
                schedule = self.schedule

                def with_note() -> Any:
                    for number, delay in enumerate(schedule):
                        if number == 0:
                            self._note("scheduled", f"delay_ms={round(delay * 1000)}")
                        yield delay

                self.schedule = with_note()
                super().start()

            def run(self) -> None:
                if not self._cancelled:
                    self.attempts += 1
                    self._note("attempt", f"attempt={self.attempts}")
                super().run()

            def on_exception(self, exc: Any, next_delay: Any) -> Any:
                delay = -1 if next_delay is None else round(next_delay * 1000)
                self._note("failed", f"attempt={self.attempts};delay_ms={delay}")
                return super().on_exception(exc, next_delay)

            def on_reconnection(self, connection: Any) -> None:
                self._note("succeeded", f"attempt={self.attempts}")
                super().on_reconnection(connection)

        return NotedHandler


def connect(run: Run, hosts: Hosts, events: Events) -> tuple[Any, Noted]:
    """A session as the run asks for it; its cluster is `session.cluster`.

    Raises:
        BadRun: no node answers, or an option makes no sense.
    """
    options = run.options
    noted = Noted(hosts, events)
    noted.note_reconnections()
    profile = ExecutionProfile(
        load_balancing_policy=_balancing(options.get("balancing") or {}),
        retry_policy=_retry(options.get("retry", "default")),
        request_timeout=options.get("read_timeout_ms", 10_000) / 1000,
    )
    cluster = Cluster(
        run.contact_points,
        port=run.port,
        protocol_version=run.protocol,
        compression=False,
        connection_class=noted.connection_class(),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=_reconnection(options.get("reconnection") or {}),
        address_translator=_Translator(run.translate),
        connect_timeout=options.get("connect_timeout_ms", 5_000) / 1000,
        idle_heartbeat_interval=options.get("heartbeat_interval_s", 30),
        idle_heartbeat_timeout=options.get("heartbeat_timeout_s", 30),
        executor_threads=options.get("executor_threads") or 2,
        monitor_reporting_enabled=False,
        sockopts=NO_DELAY if options.get("tcp_nodelay", False) else None,
    )
    cluster.register_listener(_HostLog(hosts, events))
    try:
        session = cluster.connect(options.get("keyspace"), wait_for_all_pools=True)
    except NoHostAvailable as error:
        raise BadRun(f"no node answers: {error}") from None
    noted.running = True
    return session, noted


def _balancing(options: dict[str, Any]) -> Any:
    name = options.get("policy", "dc_aware_round_robin")
    if name == "round_robin":
        policy = RoundRobinPolicy()
    elif name == "dc_aware_round_robin":
        remote = options.get("used_hosts_per_remote_dc", 0)
        policy = DCAwareRoundRobinPolicy(used_hosts_per_remote_dc=remote)
    else:
        raise BadRun(f"options.balancing.policy: {name!r} is not known")
    if options.get("token_aware", True):
        policy = TokenAwarePolicy(policy, options.get("shuffle_replicas", False))
    return policy


def _retry(name: str) -> Any:
    policies = {"default": RetryPolicy, "fallthrough": FallthroughRetryPolicy}
    if name not in policies:
        raise BadRun(f"options.retry must be one of {', '.join(policies)}, not {name!r}")
    return policies[name]()


def _reconnection(options: dict[str, Any]) -> Any:
    base = options.get("base_ms", 1_000) / 1000
    attempts = options.get("max_attempts", 64) or None
    if options.get("kind", "exponential") == "constant":
        return ConstantReconnectionPolicy(base, attempts)
    return ExponentialReconnectionPolicy(base, options.get("max_ms", 600_000) / 1000, attempts)


class Timeline(threading.Thread):
    """Samples every host's pool at even times, and notes what was trashed."""

    COLUMNS = "at_ns,host,open,trashed,in_flight,pending,creating,opened"

    def __init__(self, run: Run, session: Any, noted: Noted, start_ns: int) -> None:
        super().__init__(name="sampler", daemon=True)
        self._run = run
        self._session = session
        self._noted = noted
        self._start_ns = start_ns
        self._rows: list[tuple[int, ...]] = []
        self._trashed: set[Any] = set()

    def run(self) -> None:
        """Take samples until the run's end."""
        run = self._run
        for sample in range(run.duration_ns // run.sample_every_ns + 1):
            sleep_until(self._start_ns + sample * run.sample_every_ns)
            self._take()

    def _take(self) -> None:
        pools = dict(self._session._pools)
        now = time.monotonic_ns()
        rows = [[0] * 6 for _ in range(self._noted.hosts.count)]
        for host, pool in pools.items():
            number = self._noted.hosts.number(host)
            if number >= 0 and not pool.is_shutdown:
                rows[number] = self._of(number, pool)
        self._rows += [(now, number, *row) for number, row in enumerate(rows)]

    def _of(self, number: int, pool: Any) -> list[int]:
        active, trash = pool.get_connections(), list(pool._trash)
        for connection in trash:
            if connection not in self._trashed:
                self._trashed.add(connection)
                self._noted.events.add(number, "trashed", connection.opened)
        waiters = pool._stream_available_condition._waiters
        alive = sum(not connection.is_closed for connection in active)
        in_flight = sum(connection.in_flight for connection in (*active, *trash))
        return [alive, len(trash), in_flight, len(waiters), self._noted.creating[number], alive]

    def write(self, file: IO[str]) -> None:
        """Write hosts.csv: one line for each sample and host, zeros where a host has no pool."""
        file.write(self.COLUMNS + "\n")
        for at, *row in self._rows:
            file.write(f"{at - self._start_ns},{','.join(map(str, row))}\n")


def sleep_until(instant_ns: int) -> None:
    """Return at an instant or later. Never spins: the interpreter's lock is the driver's, too."""
    while (left := instant_ns - time.monotonic_ns()) > 0:
        time.sleep(left * 1e-9)
