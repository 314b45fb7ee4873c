"""What CassandraORM's options cannot do although they seem to, and what is wrong with settings that
its document advises against: too many connections, heartbeats too frequent, idle timeouts too
short. The limits are chosen: the document's good examples lie within them."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.scenario.nodejs_warnings import STREAMS, STREAMS_V3
from poolsim.scenario.orm import ADVANCED, Orm
from poolsim.scenario.scenario import Client, Options, Pooling
from poolsim.scenario.units import format_duration

SECOND_NS = 1_000_000_000
MOST_CONNECTIONS = 64
"""To a host: the high-throughput example has 32."""
SHORTEST_HEARTBEAT_NS = 5 * SECOND_NS
"""The high-throughput example has 10 s."""
SHORTEST_IDLE_NS = 30 * SECOND_NS
"""The high-throughput example has 60 s."""
MANY_REQUESTS = 10_000
"""In flight at one host: a pool that grows beyond that does not grow."""


def cassandraorm_warnings(client: Client, options: Options) -> Iterator[str]:
    """Sentences about options of a client of this driver."""
    yield from _too_many(client, options)
    yield from _too_frequent(options)
    yield from _too_short(options)
    yield from _requests(client, options)
    yield from _growth(client, options)
    yield from _ignored(options.orm)
    if options.orm.pool == ADVANCED:
        yield from _requests_rules(client, options)
        yield from _remote(options)
        yield from _regions(client, options)
        yield from _start(options)
        yield from _batches(client, options)


def _too_many(client: Client, options: Options) -> Iterator[str]:
    for key, pooling in (("0", options.local), ("1", options.remote)):
        if pooling.max > MOST_CONNECTIONS:
            nodes_load = client.instances * pooling.max
            yield (
                f"pooling.maxConnectionsPerHost '{key}' {pooling.max:,}: too many connections: one "
                f"carries {pooling.max_requests:,} requests, so a few are enough for any load, and "
                f"each node would have to hold up to {nodes_load:,} of this client alone, with a "
                f"handshake and heartbeats each{_second_connection(options, pooling)}"
            )


def _second_connection(options: Options, pooling: Pooling) -> str:
    """What it takes for a pool that begins at core to grow at all."""
    full = pooling.core * pooling.max_requests
    if options.orm.adaptive.enabled or full == 0:
        return ""
    return (
        f"; as written a pool stays at {pooling.core:,} until {full:,} requests are in flight at "
        "its host at once"
    )


def _too_frequent(options: Options) -> Iterator[str]:
    interval = options.heartbeat_interval_ns
    if 0 < interval < SHORTEST_HEARTBEAT_NS:
        per_minute = 60 * SECOND_NS // interval
        yield (
            f"pooling.heartBeatInterval {format_duration(interval)}: too frequent: each idle "
            f"connection is asked {per_minute:,} times a minute; only a middlebox that drops idle "
            "connections sooner is a reason, and none is that quick"
        )


def _too_short(options: Options) -> Iterator[str]:
    timeout = options.idle_timeout_ns
    if 0 < timeout < SHORTEST_IDLE_NS:
        yield (
            f"pooling.idleTimeout {format_duration(timeout)}: too short: what a pool has above "
            f"core ({options.local.core}) is closed between two bursts and must be made again, one "
            "handshake after another, when it is needed most"
        )


def _requests(client: Client, options: Options) -> Iterator[str]:
    most = options.local.max_requests
    streams = STREAMS.get(client.protocol, STREAMS_V3)
    if most == 0:
        yield (
            "pooling.maxRequestsPerConnection 0: every connection counts as full, every request "
            "is refused"
        )
    if most > streams:
        yield (
            f"pooling.maxRequestsPerConnection {most:,} is above the {streams:,} stream ids of a "
            f"connection on v{client.protocol}: no connection ever counts as full, so no host "
            "refuses and no pool grows; what finds no id waits at its connection without any "
            "limit, up to the read timeout"
        )


def _growth(client: Client, options: Options) -> Iterator[str]:
    """Sizes and thresholds that no load comes to."""
    adaptive = options.orm.adaptive
    most = min(options.local.max_requests, STREAMS.get(client.protocol, STREAMS_V3))
    if adaptive.enabled:
        needed = round(adaptive.scale_up * most)
        if needed > MANY_REQUESTS // 2:
            yield (
                f"pooling.adaptivePooling: with {most:,} requests to a connection a pool grows "
                f"above {needed:,} requests in flight on each connection and shrinks below "
                f"{round(adaptive.scale_down * most):,}: it will have minConnections "
                f"{adaptive.min_connections} soon, and keep them"
            )
        return
    for key, pooling in (("0", options.local), ("1", options.remote)):
        if _never_grows(pooling):
            yield (
                f"pooling.maxConnectionsPerHost '{key}' {pooling.max:,}: a pool grows when all its "
                f"connections are full: {pooling.core} of them carry "
                f"{pooling.core * most:,} requests, so it stays at {pooling.core}"
            )


def _never_grows(pooling: Pooling) -> bool:
    return pooling.max > pooling.core and pooling.core * pooling.max_requests > MANY_REQUESTS


def _ignored(orm: Orm) -> Iterator[str]:
    if orm.core_ignored or orm.max_ignored:
        yield (
            "pooling: sizes for distance '2' do nothing: the driver connects to no host that its "
            "policy ignores"
        )


def _requests_rules(client: Client, options: Options) -> Iterator[str]:
    """Retries, failovers and checks."""
    orm = options.orm
    if orm.failover.enabled and client.idempotent == 0:
        yield (
            "failover: no request is idempotent, so one whose connection breaks ends with that "
            "error; only requests that no host took are tried again"
        )
    if orm.failover.auto_discovery and not orm.failover.enabled:
        yield "failover.autoDiscovery does nothing: failover.enabled is false"
    check = orm.health_check
    if check.enabled and check.timeout_ns >= check.interval_ns:
        yield (
            f"healthCheck.timeout {format_duration(check.timeout_ns)} is not below interval "
            f"{format_duration(check.interval_ns)}: a host that does not answer misses checks"
        )
    if check.enabled and 0 < options.read_timeout_ns < check.timeout_ns:
        yield (
            f"healthCheck.timeout {format_duration(check.timeout_ns)} is above readTimeout "
            f"{format_duration(options.read_timeout_ns)}, which ends the check's query first"
        )
    logging = orm.logging
    if logging.requests and not logging.tells("debug"):
        yield f"logging.logRequests tells at debug, and level is {logging.level}: nothing is told"
    if logging.connections and not logging.tells("info"):
        yield (
            f"logging.logConnections tells at info, and level is {logging.level}: only lost "
            "connections can be told of"
        )


def _remote(options: Options) -> Iterator[str]:
    balancing = options.balancing
    if not balancing.used_hosts_per_remote_dc:
        return
    if balancing.policy != "dc_aware_round_robin":
        yield f"loadBalancing.usedHostsPerRemoteDc does nothing with {balancing.policy}"
    elif not options.orm.remote_hosts_serve:
        yield (
            f"loadBalancing.usedHostsPerRemoteDc {balancing.used_hosts_per_remote_dc}: requests of "
            f"{options.orm.consistency} are not served by hosts of other datacenters "
            "(allowRemoteDCsForLocalConsistencyLevel is false): their connections do nothing"
        )


def _regions(client: Client, options: Options) -> Iterator[str]:
    regions = options.orm.regions
    priorities = {region.name: region.priority for region in regions if region.priority}
    own = priorities.get(client.datacenter)
    if own is not None and own > min(priorities.values()):
        yield (
            f"regionSettings: {client.datacenter} is the client's own and is tried first, whatever "
            f"its priority ({own})"
        )
    for region in regions:
        if region.max_connections is None or region.name != client.datacenter:
            continue
        if region.max_connections < options.local.core:
            yield (
                f"regionSettings.{region.name}.maxConnections {region.max_connections} is below "
                f"core {options.local.core}, which is cut to it"
            )


def _start(options: Options) -> Iterator[str]:
    most = options.orm.adaptive.max_connections if options.orm.adaptive.enabled else None
    limit = options.local.max if most is None else most
    for name, count in options.orm.preallocated:
        if count > limit and not options.orm.regions:
            yield (
                f"preallocateConnections {name}: {count} is above the {limit} connections that a "
                "pool may have, and cut to them"
            )


def _batches(client: Client, options: Options) -> Iterator[str]:
    batching = options.orm.batching
    load = client.load
    if not batching.enabled or load.kind not in ("poisson", "uniform"):
        return
    arrive = load.rate / client.instances * batching.timeout_ns / SECOND_NS
    if arrive < batching.size:
        yield (
            f"pooling.enableBatching: {arrive:,.1f} requests come within batchTimeout "
            f"{format_duration(batching.timeout_ns)}, not batchSize {batching.size}: every request "
            "waits for up to that time, and batches are never full"
        )
