"""What a driver accepts and what does not do what it seems to: one sentence each, with what
follows from it.

Unlike mistakes these run. Each names the setting and the consequence, so that a user can decide
whether it was meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.scenario.cassandraorm_warnings import cassandraorm_warnings
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.generic_warnings import generic_warnings
from poolsim.scenario.idle_warnings import idle_warnings
from poolsim.scenario.nodejs_warnings import nodejs_warnings
from poolsim.scenario.scenario import Client, Datacenter, Fault, Options, Pooling, Scenario
from poolsim.scenario.units import format_duration

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
STREAMS = {1: 128, 2: 128}
STREAMS_V3 = 32_768
RECOVERY_WINDOW_NS = 10 * SECOND_NS
"""What `recover` looks at after a fault."""


def warnings_of(scenario: Scenario) -> list[str]:
    """Sentences about settings that cannot do what they seem to, in the scenario's order."""
    found: list[str] = []
    for client in scenario.clients:
        for moment, options in _states(client, scenario):
            for sentence in _options_warnings(client, options, scenario):
                text = f"{client.name}: {sentence}"
                if text not in found:
                    found.append(f"{text} (after the change at {moment})" if moment else text)
        found += [f"{client.name}: {text}" for text in _load_warnings(client, scenario)]
        found += [f"{client.name}: {text}" for text in _change_warnings(client, scenario)]
    found += _fault_warnings(scenario)
    found += _run_warnings(scenario)
    return found


def _states(client: Client, scenario: Scenario) -> Iterator[tuple[str, Options]]:
    """The client's options at the start and after each instant at which some change."""
    options = client.options
    yield "", options
    driver = DRIVERS[client.driver]
    changes = [change for change in scenario.changes if change.client == client.name]
    for index, change in enumerate(changes):
        option = driver.option(change.path)
        assert option is not None, "a change sets an option that exists"
        options = option.set_to(options, change.value)
        is_last = index + 1 == len(changes) or changes[index + 1].at_ns != change.at_ns
        if is_last:
            yield format_duration(change.at_ns), options


# Options ------------------------------------------------------------------------------------------


def _options_warnings(client: Client, options: Options, scenario: Scenario) -> Iterator[str]:
    balancing = options.balancing
    default = DRIVERS[client.driver].defaults(client.protocol).balancing.shuffle_replicas
    if balancing.shuffle_replicas and not balancing.token_aware and not default:
        yield "shuffle_replicas does nothing without token_aware: no replicas are looked up"
    yield from idle_warnings(client, options, scenario)
    if client.driver == "java3":
        yield from _java3_warnings(client, options, scenario)
    if client.driver == "nodejs":
        yield from nodejs_warnings(client, options)
    if client.driver == "generic":
        yield from generic_warnings(client, options, scenario)
    if client.driver == "cassandraorm":
        yield from cassandraorm_warnings(client, options)
    if client.driver == "python" and client.protocol <= 2:
        for distance, pooling in (("local", options.local), ("remote", options.remote)):
            if pooling.core > pooling.max:
                yield (
                    f"pooling.{distance}: core {pooling.core} is above max {pooling.max}; the "
                    f"driver does not check it, opens {pooling.core} and never grows"
                )
            if pooling.core == 0:
                yield (
                    f"pooling.{distance}.core 0: an empty pool asks for core connections, which "
                    "are none, so it never opens one and every request to such a host fails after "
                    "2s; set core to 1 or more"
                )


def _java3_warnings(client: Client, options: Options, scenario: Scenario) -> Iterator[str]:
    used = [("local", options.local)]
    if options.balancing.used_hosts_per_remote_dc:
        used.append(("remote", options.remote))
    for distance, pooling in used:
        yield from _pool_warnings(f"pooling.{distance}", pooling, client, options)
    if not options.max_queue_size or not options.pool_timeout_ns:
        name = "pool_timeout" if options.max_queue_size else "max_queue_size"
        other = {
            "max_queue_size": f"pool_timeout {format_duration(options.pool_timeout_ns)}",
            "pool_timeout": f"max_queue_size {options.max_queue_size}",
        }[name]
        yield (
            f"pooling.{name} 0 switches the acquisition queue off: a request that finds its "
            f"connection full is rejected by that host at once, and {other} does nothing"
        )
    yield from _heartbeat_warnings(options)
    yield from _rounding_warnings(options)
    yield from _limit_warnings(client, options, scenario)


def _pool_warnings(path: str, pooling: Pooling, client: Client, options: Options) -> Iterator[str]:
    """What the growth rule and the sizes make of one another."""
    threshold, most = pooling.new_connection_threshold, pooling.max_requests
    if pooling.max == 0:
        yield f"{path}.max 0: no connection is ever opened, every request waits in vain"
        return
    if most == 0:
        yield f"{path}.max_requests 0: no connection takes a request, every request waits in vain"
        return
    if pooling.max > pooling.core and threshold >= most:
        yield (
            f"{path}: new_connection_threshold {threshold} is not below max_requests {most}, so "
            f"the pool adds no connection above core {pooling.core} while nothing trashed still "
            f"holds requests: n full connections hold n x {most}, the rule asks for more than "
            f"(n - 1) x {most} + {threshold}"
        )
    elif pooling.max > pooling.core:
        needed = max(pooling.core - 1, 0) * most + threshold
        possible = _most_in_flight(client)
        if possible is not None and possible <= needed:
            yield (
                f"{path}: the pool never grows to max {pooling.max}: an instance has at most "
                f"{possible} requests in flight, and a pool of {pooling.core} grows above {needed}"
            )
    streams = STREAMS.get(client.protocol, STREAMS_V3)
    default = DRIVERS[client.driver].defaults(client.protocol).local.max_requests
    if most == streams and most != default and options.heartbeat_interval_ns:
        yield (
            f"{path}.max_requests {most} leaves no stream for a heartbeat: a connection that is "
            "full and silent for the heartbeat interval is closed as broken"
        )


def _most_in_flight(client: Client) -> int | None:
    """The most requests that one instance can have in flight, None where nothing bounds it."""
    bounds = [client.max_concurrent] if client.max_concurrent else []
    if client.load.kind in ("closed", "users"):
        base = client.load.window or client.load.count
        levels = [int(phase.value) for phase in client.load.phases]
        bounds.append(-(-max([base, *levels]) // client.instances))
    return min(bounds) if bounds else None


def _heartbeat_warnings(options: Options) -> Iterator[str]:
    interval, timeout = options.heartbeat_interval_ns, options.read_timeout_ns
    if 0 < interval <= timeout:
        yield (
            f"pooling.heartbeat_interval {format_duration(interval)} is not above read_timeout "
            f"{format_duration(timeout)}: a connection whose requests are merely slow counts as "
            "idle and is probed, and one without a free stream is closed as broken"
        )


def _rounding_warnings(options: Options) -> Iterator[str]:
    """Times that the driver's own setters cannot take."""
    for name, value, unit, setter in (
        ("pooling.idle_timeout", options.idle_timeout_ns, SECOND_NS, "setIdleTimeoutSeconds"),
        (
            "pooling.heartbeat_interval",
            options.heartbeat_interval_ns,
            SECOND_NS,
            "setHeartbeatIntervalSeconds",
        ),
        ("pooling.pool_timeout", options.pool_timeout_ns, MILLISECOND_NS, "setPoolTimeoutMillis"),
        ("connect_timeout", options.connect_timeout_ns, MILLISECOND_NS, "setConnectTimeoutMillis"),
        ("read_timeout", options.read_timeout_ns, MILLISECOND_NS, "setReadTimeoutMillis"),
    ):
        if value % unit:
            yield (
                f"{name} {format_duration(value)} cannot be set on the driver: {setter} takes "
                f"whole {'seconds' if unit == SECOND_NS else 'milliseconds'}"
            )


def _limit_warnings(client: Client, options: Options, scenario: Scenario) -> Iterator[str]:
    """A semaphore that lets more through than the pools and their queues hold."""
    if not client.max_concurrent:
        return
    home = _home(client, scenario)
    streams = home.nodes * options.local.max * options.local.max_requests
    places = home.nodes * options.max_queue_size if options.pool_timeout_ns else 0
    if client.max_concurrent > streams + places:
        yield (
            f"limit.max_concurrent {client.max_concurrent} is above the {streams} streams and "
            f"{places} queue places of the {home.nodes} local nodes: it cannot prevent rejections"
        )


def _home(client: Client, scenario: Scenario) -> Datacenter:
    return next(dc for dc in scenario.datacenters if dc.name == client.datacenter)


# Loads --------------------------------------------------------------------------------------------


def _load_warnings(client: Client, scenario: Scenario) -> Iterator[str]:
    load = client.load
    total = load.window or load.count
    if total and total < client.instances:
        what = "window" if load.kind == "closed" else "users"
        yield (
            f"{what} {total} over {client.instances} instances: "
            f"{client.instances - total} of them send nothing"
        )
    if load.kind == "trace":
        late = sum(time >= scenario.duration_ns for time in load.times_ns)
        if late:
            end = format_duration(scenario.duration_ns)
            yield f"{late} of {len(load.times_ns)} requests of the trace come after the end ({end})"
    warm_up_ns = scenario.warm_up_ns or 0
    for phase in load.phases:
        end_ns = phase.at_ns + phase.for_ns
        if phase.for_ns and end_ns <= warm_up_ns:
            yield f"{phase.name} is over before the warm-up is: nothing of it is measured"
        if end_ns > scenario.duration_ns:
            yield f"{phase.name} lasts beyond the end of the run and is cut off there"


def _change_warnings(client: Client, scenario: Scenario) -> Iterator[str]:
    """What a changed option does not change."""
    for change in scenario.changes:
        if change.client != client.name or client.driver != "java3":
            continue
        if change.path == "pooling.heartbeat_interval":
            yield (
                "pooling.heartbeat_interval changed at runtime holds for connections opened "
                "after it only"
            )
        if change.path.endswith(".core") and client.protocol >= 3:
            yield (
                f"{change.path} raised at runtime opens nothing on v{client.protocol}: the driver "
                "does so on v1 and v2 only; a later borrow opens one at a time"
            )


# Faults and the run -------------------------------------------------------------------------------


def _fault_warnings(scenario: Scenario) -> Iterator[str]:
    unused = [dc for dc in scenario.datacenters if not _is_used(dc, scenario)]
    for datacenter in unused:
        yield (
            f"{datacenter.name}: no client connects to it (used_hosts_per_remote_dc is 0, the "
            "drivers' default): it takes no load and its faults change nothing"
        )
    wants_recovery = any(e.metric == "recover" for e in scenario.expectations)
    for fault in scenario.faults:
        rest_ns = scenario.duration_ns - fault.at_ns - fault.for_ns
        if fault.for_ns and rest_ns <= 0:
            yield f"{_named(fault)} lasts to the end of the run: its end is never seen"
        elif fault.for_ns and rest_ns < RECOVERY_WINDOW_NS and wants_recovery:
            yield (
                f"{_named(fault)} ends {format_duration(rest_ns)} before the run does; recover "
                f"looks at {format_duration(RECOVERY_WINDOW_NS)} and cannot be told"
            )
        if fault.kind == "slow" and fault.factor == 1:
            yield f"{_named(fault)} has factor 1 and changes nothing"
    yield from _member_warnings(scenario)


def _member_warnings(scenario: Scenario) -> Iterator[str]:
    """Datacenters that have fewer nodes for a time than a key has replicas."""
    first = 0
    for datacenter in scenario.datacenters:
        nodes = range(first, first + datacenter.nodes)
        first += datacenter.nodes
        own = [fault for fault in scenario.faults if fault.changes_members and fault.node in nodes]
        begins = {fault.node: fault.kind for fault in reversed(own)}
        members = datacenter.nodes - sum(kind == "add" for kind in begins.values())
        fewest = members
        for fault in own:
            members += 1 if fault.kind == "add" else -1
            fewest = min(fewest, members)
        if fewest < datacenter.replication_factor:
            yield (
                f"{datacenter.name}: only {fewest} of {datacenter.nodes} nodes are in the ring for "
                f"a time, fewer than replication_factor {datacenter.replication_factor}"
            )


def _named(fault: Fault) -> str:
    return f"the fault of {fault.node_name} at {format_duration(fault.at_ns)}"


def _is_used(datacenter: Datacenter, scenario: Scenario) -> bool:
    """Whether some client connects to a datacenter's nodes."""
    return any(
        client.datacenter == datacenter.name
        or client.options.balancing.used_hosts_per_remote_dc > 0
        or client.options.balancing.policy not in ("dc_aware_round_robin", "default")
        for client in scenario.clients
    )


def _run_warnings(scenario: Scenario) -> Iterator[str]:
    replications = scenario.replications
    if replications.count == 1 and not replications.metric and scenario.expectations:
        yield (
            "one replication gives no interval: an expectation that a single run cannot decide "
            "stays inconclusive (exit 4)"
        )
