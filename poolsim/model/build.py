"""Turns a scenario into a world: tables filled in, streams of draws named, first events on hand.

The only part of the model that knows scenarios. It writes records and calls no rule; `start` then
does what happens before time zero and puts the first events on the agenda.
"""

from __future__ import annotations

from typing import Any, Protocol

from poolsim.model.client.loops import start_load
from poolsim.model.client.session import (
    FIELD_CORE,
    FIELD_HEARTBEAT_INTERVAL,
    FIELD_IDLE_TIMEOUT,
    FIELD_MAX,
    FIELD_MAX_QUEUE_SIZE,
    FIELD_MAX_REQUESTS,
    FIELD_MIN_REQUESTS,
    FIELD_POOL_TIMEOUT,
    FIELD_THRESHOLD,
    start_sessions,
)
from poolsim.model.cluster.faults import (
    ACCEPT,
    ADD,
    ANNOUNCED,
    ANSWER_AGAIN,
    FAIL_WRITES,
    GARBLE,
    MIDDLEBOX,
    NO_MIDDLEBOX,
    NORMAL_SPEED,
    OVERLOAD,
    PAUSE,
    REFUSE,
    RELIEVE,
    REMOVE,
    RESUME,
    SILENCE,
    SLOW,
    SPEAK_CLEARLY,
    START,
    STOP,
    WRITE_AGAIN,
)
from poolsim.model.cluster.membership import deal_ring
from poolsim.model.cluster.nodes import NOMINAL, finish_is_known
from poolsim.model.drivers.registry import DRIVERS
from poolsim.model.drivers.traits import Traits
from poolsim.model.kinds import CHANGE, FAULT
from poolsim.model.laws.arrivals import ArrivalTimes, arrival_times
from poolsim.model.laws.choices import Transform, codes, integers_between, listed, yes_with
from poolsim.model.laws.durations import quantile_ns
from poolsim.model.laws.levels import level_changes
from poolsim.model.policies.balancing import (
    BY_DATACENTER,
    DC_AWARE,
    NODEJS_DEFAULT,
    POLICY_NAMES,
    ROUND_ROBIN,
)
from poolsim.model.policies.reconnection import (
    FIFTEEN_PERCENT,
    FULL,
    MILLIONTHS,
    RECONNECTION_NAMES,
    SPREAD,
)
from poolsim.model.policies.retry import FALLTHROUGH
from poolsim.model.primitives import World as AnyWorld
from poolsim.model.records import (
    IGNORED,
    LOCAL,
    NODE_DOWN,
    NODE_RUNNING,
    OWN_STEPS,
    REMOTE,
    TABLES,
    World,
    slotted,
)
from poolsim.model.wrappers.async_cassandra import start_wrapper
from poolsim.model.wrappers.cassandraorm_tables import fill_in
from poolsim.scenario.scenario import (
    NO_STATUS,
    Client,
    Datacenter,
    Options,
    Pooling,
    Scenario,
)

CHANGE_FIELDS = {
    "pooling.local.core": (LOCAL, FIELD_CORE),
    "pooling.local.max": (LOCAL, FIELD_MAX),
    "pooling.local.max_requests": (LOCAL, FIELD_MAX_REQUESTS),
    "pooling.local.min_requests": (LOCAL, FIELD_MIN_REQUESTS),
    "pooling.local.new_connection_threshold": (LOCAL, FIELD_THRESHOLD),
    "pooling.remote.core": (REMOTE, FIELD_CORE),
    "pooling.remote.max": (REMOTE, FIELD_MAX),
    "pooling.remote.max_requests": (REMOTE, FIELD_MAX_REQUESTS),
    "pooling.remote.min_requests": (REMOTE, FIELD_MIN_REQUESTS),
    "pooling.remote.new_connection_threshold": (REMOTE, FIELD_THRESHOLD),
    "pooling.idle_timeout": (-1, FIELD_IDLE_TIMEOUT),
    "pooling.pool_timeout": (-1, FIELD_POOL_TIMEOUT),
    "pooling.max_queue_size": (-1, FIELD_MAX_QUEUE_SIZE),
    "pooling.heartbeat_interval": (-1, FIELD_HEARTBEAT_INTERVAL),
}
"""Options that can change at runtime: distance (-1: both) and field."""

LEGACY_STREAMS = 128
STREAMS = 32768
"""Stream ids of a connection below protocol v3, and from it on."""
DRAIN_SPARE_NS = 100_000_000
"""What a removed host's connections have besides the read timeout
(datastax/nodejs-driver@v4.8.0:lib/host-connection-pool.js:388-446)."""

FAULT_KINDS = {
    "stop": (STOP, START),
    "pause": (PAUSE, RESUME),
    "slow": (SLOW, NORMAL_SPEED),
    "silent": (SILENCE, ANSWER_AGAIN),
    "refuse": (REFUSE, ACCEPT),
    "write_failure": (FAIL_WRITES, WRITE_AGAIN),
    "protocol_error": (GARBLE, SPEAK_CLEARLY),
    "overloaded": (OVERLOAD, RELIEVE),
    "middlebox": (MIDDLEBOX, NO_MIDDLEBOX),
    "add": (ADD, ADD),
    "remove": (REMOVE, REMOVE),
}
"""By kind of the scenario: what begins it and what ends it; a node joins or leaves only once."""


class Draws(Protocol):
    """What names the streams of draws (engine/draws.py)."""

    def add(self, name: str, transform: Transform) -> int:
        """Name a stream of independent values; its lane."""

    def add_sequential(self, name: str, transform: ArrivalTimes) -> int:
        """Name a stream each of whose blocks depends on the one before; its lane."""

    def at(self, lane: int, number: int, attempt: int) -> int:
        """Read a value."""


def build(scenario: Scenario, draws: Draws) -> World:
    """Fill the tables of a new world for a scenario."""
    w = World()
    w.run.end = scenario.duration_ns
    w.run.nodes = len(scenario.node_names)
    w.run.datacenters = len(scenario.datacenters)
    for client in scenario.clients:
        _add_client(w, scenario, client, draws)
    _add_nodes(w, scenario)
    _add_faults(w, scenario)
    _add_changes(w, scenario)
    return w


def start(w: AnyWorld) -> None:
    """Do what happens before time zero and put the first events on the agenda. Both engines run
    it, so it is written like a rule."""
    outside = 0
    for n in range(len(w.nodes)):
        outside += 1 - w.nodes[n].member
    if outside > 0:
        deal_ring(w)
    for i in range(len(w.faults)):
        w.schedule(w.faults[i].at, FAULT, i, i)
    for i in range(len(w.changes)):
        w.schedule(w.changes[i].at, CHANGE, i, i)
    start_sessions(w)
    for s in range(len(w.sessions)):
        start_wrapper(w, s, 0)
    for k in range(len(w.clients)):
        start_load(w, k)


def _add(w: World, table: str, **values: int) -> Any:
    record = slotted_of(table)()
    for name, value in values.items():
        setattr(record, name, value)
    getattr(w, table).append(record)
    return record


_CONSTRUCTORS: dict[str, Any] = {}


def slotted_of(table: str) -> Any:
    """The constructor of a table's records."""
    if table not in _CONSTRUCTORS:
        _CONSTRUCTORS[table] = slotted(TABLES[table])
    return _CONSTRUCTORS[table]


def _add_client(w: World, scenario: Scenario, client: Client, draws: Draws) -> None:
    driver = list(DRIVERS).index(client.driver)
    traits: Traits = DRIVERS[client.driver].TRAITS
    datacenter = [d.name for d in scenario.datacenters].index(client.datacenter)
    balancing = client.options.balancing
    policy = POLICY_NAMES.index(balancing.policy)
    replication = scenario.datacenters[datacenter].replication_factor
    options = client.options
    record = _add(
        w,
        "clients",
        driver=driver,
        protocol=client.protocol,
        instances=client.instances,
        first_session=len(w.sessions),
        issue_cost=client.issue_ns,
        write_cost=client.per_request_ns // 2,
        read_cost=client.per_request_ns - client.per_request_ns // 2,
        io_threads=client.io_threads,
        one_core=int(traits.one_core),
        limit=client.max_concurrent,
        timeout=options.read_timeout_ns,
        timeout_covers=int(traits.timeout_covers_request),
        timeout_waits=int(traits.timeout_includes_wait),
        timer_tick=traits.timer_tick_ns,
        retry=FALLTHROUGH if options.retry == "fallthrough" else traits.retry,
        policy=policy,
        token_aware=int(balancing.token_aware),
        shuffle=_order_of_replicas(traits, policy, balancing.shuffle_replicas and replication > 1),
        remote_hosts=balancing.used_hosts_per_remote_dc,
        datacenter=datacenter,
        rotation=datacenter if policy in BY_DATACENTER else 0,
        status_events=int(options.status_events),
        blocking=int(traits.blocking_borrow),
        retry_on_executor=int(traits.retries_on_executor),
        remote_rotates=int(traits.rotates_remote_hosts),
        connects_remote=int(options.connect_to_remote_hosts),
        warmup=int(options.warmup),
        undecodable_is_final=int(traits.undecodable_is_final),
        warms_up=int(options.wrapper.warm_up),
        monitor_interval=options.wrapper.monitor_interval_ns if options.wrapper.monitored else 0,
        crosstalk=client.crosstalk_ns,
        **_connection_fields(client, traits),
    )
    if traits.own_steps:
        record.write_cost = 0
        record.read_cost = OWN_STEPS
    _add_draws(record, scenario, client, draws)
    furnish = getattr(DRIVERS[client.driver], "furnish_client", None)
    if furnish is not None:
        furnish(record, scenario, client, draws)
    _add_replicas(w, record, scenario.datacenters, datacenter)
    _add_levels(w, record, scenario, client)
    _add_options(w, options.local, options)
    _add_options(w, options.remote, options)
    turns = draws.add(f"turn/{client.name}", integers_between(0, w.run.nodes - 1))
    for i in range(client.instances):
        _add_session(w, scenario, client, len(w.clients) - 1, draws.at(turns, i, 0))
    furnish = getattr(DRIVERS[client.driver], "furnish_sessions", None)
    if furnish is not None:
        furnish(w, record, client, draws)
    if client.options.orm.pool:
        fill_in(w, scenario, client, len(w.clients) - 1)


def _connection_fields(client: Client, traits: Traits) -> dict[str, int]:
    """Of a client's record: how its connections are made, watched and made anew."""
    options = client.options
    return dict(
        reconnection=RECONNECTION_NAMES.index(options.reconnection.kind),
        reconnection_base=options.reconnection.base_ns,
        reconnection_max=options.reconnection.max_ns,
        reconnection_attempts=options.reconnection.max_attempts,
        reconnection_no_delay=int(options.reconnection.start_with_no_delay),
        connect_timeout=options.connect_timeout_ns,
        handshake_timeout=options.read_timeout_ns,
        heartbeat_timeout=options.heartbeat_timeout_ns or options.read_timeout_ns,
        round_trips=traits.handshake_messages
        + options.authentication_round_trips
        + int(options.keyspace),
        stream_limit=STREAMS if client.protocol >= 3 else LEGACY_STREAMS,
        connect_covers=int(traits.connect_timeout_covers_handshake),
        defunct_threshold=options.defunct_read_timeout_threshold,
        drain_timeout=options.read_timeout_ns + DRAIN_SPARE_NS,
        keepalive=int(options.keepalive),
        keepalive_time=client.kernel.keepalive_time_ns,
        keepalive_interval=client.kernel.keepalive_interval_ns,
        keepalive_probes=client.kernel.keepalive_probes,
        retransmission_timeout=client.kernel.retransmission_timeout_ns,
        nagle=int(not options.tcp_nodelay),
    )


def _order_of_replicas(traits: Traits, policy: int, shuffled: bool) -> int:
    """`Client.shuffle`: 0 ring order, 1 random, 2 ring order from a random one."""
    if shuffled and traits.replicas_from_random_start and policy != NODEJS_DEFAULT:
        return 2
    return int(shuffled)


def _add_draws(record: Any, scenario: Scenario, client: Client, draws: Draws) -> None:
    """Name the streams that a client's requests draw from."""
    load = client.load
    name = client.name
    if load.kind in ("closed", "users"):
        record.closed = 1 if load.kind == "closed" else 2
        record.error_pause = load.error_pause_ns
        if load.think is not None:
            record.think = draws.add(f"think/{name}", quantile_ns(load.think))
            record.start = draws.add(f"start/{name}", quantile_ns(load.think))
    else:
        times = arrival_times(load, scenario.duration_ns)
        record.arrivals = draws.add_sequential(f"arrivals/{name}", times)
        if client.instances > 1 and load.kind == "poisson":
            # Dealt at random, each instance's share of a Poisson process is one itself.
            dealt = integers_between(0, client.instances - 1)
            record.instance_of = draws.add(f"instance/{name}", dealt)
    if load.services_ns:
        recorded = listed(load.services_ns, load.services_ns[-1])
        record.service = draws.add(f"service/{name}", recorded)
    else:
        record.service = draws.add(f"service/{name}", quantile_ns(scenario.node.service))
    balancing = client.options.balancing
    ring = next(d.nodes for d in scenario.datacenters if d.name == client.datacenter)
    if balancing.token_aware and ring > 1:
        if load.keys:
            positions = listed([key % ring for key in load.keys], 0)
        else:
            positions = integers_between(0, ring - 1)
        record.key = draws.add(f"key/{name}", positions)
    record.plan = draws.add(f"plan/{name}", codes())
    if 0 < client.idempotent < 1:
        record.idempotence = draws.add(f"idempotence/{name}", yes_with(client.idempotent))
    record.idempotent = int(client.idempotent >= 1)
    _add_jitter(record, client, draws)
    delay = getattr(DRIVERS[client.driver], "STATUS_DELAY_NS", None)
    if delay is not None:
        record.status_delay = draws.add(f"status/{name}", integers_between(*delay))
    delay = getattr(DRIVERS[client.driver], "TOPOLOGY_DELAY_NS", None)
    if delay is not None:
        record.topology_delay = draws.add(f"topology/{name}", integers_between(*delay))


def _add_jitter(record: Any, client: Client, draws: Draws) -> None:
    """Which part of a reconnection delay is waited: by the driver's own rule, or as asked for."""
    reconnection = client.options.reconnection
    is_exponential = reconnection.kind == "exponential"
    parts = None
    spread = None
    match reconnection.jitter:
        case "own":
            # The drivers that have one have it in their exponential policy only.
            own = getattr(DRIVERS[client.driver], "JITTER_PERCENT", None)
            spread = getattr(DRIVERS[client.driver], "JITTER_SPREAD", None)
            parts = (own or spread) if is_exponential else None
        case "15%":
            parts = FIFTEEN_PERCENT
        case "full":
            parts = FULL
            record.reconnection_jitter_parts = MILLIONTHS
    record.reconnection_clamped = int(is_exponential and reconnection.jitter != "full")
    if spread is not None:
        record.reconnection_clamped = SPREAD
    if parts is not None:
        record.reconnection_jitter = draws.add(f"jitter/{client.name}", integers_between(*parts))


def _add_replicas(w: World, record: Any, datacenters: tuple[Datacenter, ...], local: int) -> None:
    """List the replicas of each ring position in the client's datacenter.

    A node a position, in order; replicas go around the ring and take a rack again only when every
    rack has one (Cassandra's NetworkTopologyStrategy without virtual nodes).
    """
    first = sum(d.nodes for d in datacenters[:local])
    datacenter = datacenters[local]
    record.replica_first = len(w.replicas)
    record.replication = datacenter.replication_factor
    record.replication_factor = datacenter.replication_factor
    for position in range(datacenter.nodes):
        chosen: list[int] = []
        passed: list[int] = []
        racks: list[int] = []
        for step in range(datacenter.nodes):
            node = (position + step) % datacenter.nodes
            rack = node % datacenter.racks
            if rack in racks and len(racks) < datacenter.racks:
                passed.append(node)
            else:
                racks.append(rack)
                chosen.append(node)
            if len(racks) >= datacenter.racks:
                chosen.extend(passed)
                passed.clear()
        w.replicas.extend(first + node for node in chosen[: datacenter.replication_factor])


def _add_levels(w: World, record: Any, scenario: Scenario, client: Client) -> None:
    record.level = len(w.levels)
    if record.closed:
        for at, value in level_changes(client.load, scenario.duration_ns):
            _add(w, "levels", at=at, value=value)
    record.last_level = len(w.levels)


def _add_options(w: World, pooling: Pooling, options: Options) -> None:
    _add(
        w,
        "options",
        core=pooling.core,
        max=pooling.max,
        max_requests=pooling.max_requests,
        threshold=pooling.new_connection_threshold,
        min_requests=pooling.min_requests,
        idle_timeout=options.idle_timeout_ns,
        pool_timeout=options.pool_timeout_ns,
        max_queue_size=options.max_queue_size,
        heartbeat_interval=options.heartbeat_interval_ns,
    )


def _add_session(w: World, scenario: Scenario, client: Client, k: int, turn: int) -> None:
    record = w.clients[k]
    s = len(w.sessions)
    session = _add(w, "sessions", client=k, first_thread=len(w.threads), turn=turn)
    for _ in range(1 if record.one_core else 1 + record.io_threads):
        _add(w, "threads")
    threads = client.options.executor_threads
    session.executor = len(w.executors)
    _add(w, "executors", session=s, threads=threads)
    session.reconnector = len(w.executors)
    _add(w, "executors", session=s, threads=threads)
    session.control_turn = turn
    absent = absent_at_start(scenario)
    n = 0
    for d, datacenter in enumerate(scenario.datacenters):
        rotation = _add(w, "rotations", first=len(w.rotation_nodes))
        delays = dict(datacenter.delays_from_ns)
        delay = delays.get(client.datacenter, datacenter.delay_ns)
        w.rotation_nodes.extend([-1] * (w.run.nodes if d == 0 else datacenter.nodes))
        for i in range(datacenter.nodes):
            distance = _distance(record, d, i)
            member = int(n not in absent)
            _add(w, "hosts", distance=distance, up=member, known=member)
            _add(
                w,
                "pools",
                session=s,
                node=n,
                driver=record.driver,
                options=2 * k + (REMOTE if distance == REMOTE else LOCAL),
                delay=delay,
            )
            listed_in = rotation
            if record.policy not in BY_DATACENTER:
                listed_in = w.rotations[s * w.run.datacenters]
            if member and (record.policy in BY_DATACENTER or distance != IGNORED):
                w.rotation_nodes[listed_in.first + listed_in.count] = n
                listed_in.count += 1
            n += 1


def _distance(record: Any, d: int, i: int) -> int:
    """Distance of the i-th node of datacenter `d`."""
    if record.policy == ROUND_ROBIN or d == record.datacenter:
        return LOCAL
    if record.policy == DC_AWARE and i < record.remote_hosts:
        return REMOTE
    return IGNORED


def _add_nodes(w: World, scenario: Scenario) -> None:
    spec = scenario.node
    interval = round(1e9 / spec.accepts_per_second) if spec.accepts_per_second else 0
    costs = [abs(record.read_cost) + record.crosstalk for record in w.clients]
    delays: list[set[int]] = [set() for _ in scenario.node_names]
    for pool, host in zip(w.pools, w.hosts, strict=True):
        if host.distance != IGNORED:
            delays[pool.node].add(pool.delay)
    absent = absent_at_start(scenario)
    n = 0
    for d, datacenter in enumerate(scenario.datacenters):
        for i in range(datacenter.nodes):
            of_senders = delays[n] or {0}
            _add(
                w,
                "nodes",
                datacenter=d,
                workers=spec.workers,
                first_worker=n * spec.workers,
                recursive=finish_is_known(min(of_senders), max(of_senders), max(costs)),
                idle=spec.workers,
                accept_interval=interval,
                rack=i % datacenter.racks,
                member=int(n not in absent),
                state=NODE_DOWN if n in absent else NODE_RUNNING,
            )
            w.heaps.append([0] * spec.workers)
            n += 1


def absent_at_start(scenario: Scenario) -> frozenset[int]:
    """Nodes that are not in the ring before a fault adds them."""
    first: dict[int, str] = {}
    for fault in scenario.faults:
        if fault.kind in ("add", "remove"):
            first.setdefault(fault.node, fault.kind)
    return frozenset(node for node, kind in first.items() if kind == "add")


def _add_faults(w: World, scenario: Scenario) -> None:
    for fault in scenario.faults:
        begin, end = FAULT_KINDS[fault.kind]
        factor = {
            "slow": round(fault.factor * NOMINAL),
            "middlebox": fault.idle_timeout_ns,
            "remove": fault.drain_timeout_ns,
        }.get(fault.kind, NOMINAL)
        _add(
            w,
            "faults",
            at=fault.at_ns,
            node=fault.node,
            kind=begin,
            factor=factor,
            status_after=fault.status_after_ns if begin in ANNOUNCED else NO_STATUS,
        )
        if fault.for_ns:
            _add(
                w,
                "faults",
                at=fault.at_ns + fault.for_ns,
                node=fault.node,
                kind=end,
                status_after=fault.status_after_ns,
            )


def _add_changes(w: World, scenario: Scenario) -> None:
    names = [client.name for client in scenario.clients]
    for change in scenario.changes:
        distance, field = CHANGE_FIELDS[change.path]
        _add(
            w,
            "changes",
            at=change.at_ns,
            client=names.index(change.client),
            distance=distance,
            field=field,
            value=change.value,
        )
