"""Options of the Java driver 3.x: names, defaults, and what it refuses.

Read in datastax/java-driver at 3.11.0; the classes cited are the same in 3.11.5. Defaults depend
on the protocol version, which the driver knows only once it has connected; it then checks all
values again (PoolingOptions.setProtocolVersion), so a core size above the default maximum is
refused even where only the core size was set.
"""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import DURATION, FLAG, POSITIVE_DURATION, whole
from poolsim.scenario.options import (
    JITTER,
    JITTER_MEANING,
    NAGLE,
    POLICY,
    RETRY,
    ROUND_TRIPS,
    THREADS,
    Driver,
    Own,
    Refusal,
    described,
)
from poolsim.scenario.scenario import Balancing, Options, Pooling, Reconnection

CORE = "datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/"
MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
STREAMS = {1: 128, 2: 128}
"""Stream ids of a connection by protocol version (StreamIdGenerator.java:34)."""
STREAMS_V3 = 32_768

_COUNT = whole(0, refusal="IllegalArgumentException")
_CORE = whole(0, refusal="IllegalArgumentException: core number of connections must be positive")
_MAX = whole(0, refusal="IllegalArgumentException: max number of connections must be positive")


class Java3Distance(Entry):
    """Pool sizes for hosts of one distance."""

    core: Annotated[
        int | None,
        _CORE,
        Own(
            "PoolingOptions.setCoreConnectionsPerHost({distance}, n)",
            "core",
            CORE + "PoolingOptions.java:197",
            at_runtime=True,
        ),
    ] = described("Connections that a pool always keeps.")
    max: Annotated[
        int | None,
        _MAX,
        Own(
            "PoolingOptions.setMaxConnectionsPerHost({distance}, n)",
            "max",
            CORE + "PoolingOptions.java:246",
            at_runtime=True,
        ),
    ] = described("Connections that a pool grows to.")
    max_requests: Annotated[
        int | None,
        _COUNT,
        Own(
            "PoolingOptions.setMaxRequestsPerConnection({distance}, n)",
            "max_requests",
            CORE + "PoolingOptions.java:383",
            at_runtime=True,
        ),
    ] = described("Requests in flight on one connection; more wait in the acquisition queue.")
    new_connection_threshold: Annotated[
        int | None,
        _COUNT,
        Own(
            "PoolingOptions.setNewConnectionThreshold({distance}, n)",
            "new_connection_threshold",
            CORE + "PoolingOptions.java:332",
            at_runtime=True,
        ),
    ] = described(
        "A pool of n grows when more than (n - 1) x max_requests + this are in flight in it."
    )


class Java3Pooling(Entry):
    """PoolingOptions."""

    local: Java3Distance = Field(default_factory=Java3Distance)
    remote: Java3Distance = Field(default_factory=Java3Distance)
    idle_timeout: Annotated[
        int | None,
        DURATION,
        Own(
            "PoolingOptions.setIdleTimeoutSeconds",
            "idle_timeout_ns",
            CORE + "PoolingOptions.java:419",
            at_runtime=True,
        ),
    ] = described("How long a trashed connection is kept.")
    pool_timeout: Annotated[
        int | None,
        DURATION,
        Own(
            "PoolingOptions.setPoolTimeoutMillis",
            "pool_timeout_ns",
            CORE + "PoolingOptions.java:458",
            at_runtime=True,
        ),
    ] = described("How long a request waits in the acquisition queue of one host.")
    max_queue_size: Annotated[
        int | None,
        _COUNT,
        Own(
            "PoolingOptions.setMaxQueueSize",
            "max_queue_size",
            CORE + "PoolingOptions.java:498",
            at_runtime=True,
        ),
    ] = described("Places in the acquisition queue of one host.")
    heartbeat_interval: Annotated[
        int | None,
        DURATION,
        Own(
            "PoolingOptions.setHeartbeatIntervalSeconds",
            "heartbeat_interval_ns",
            CORE + "PoolingOptions.java:530",
            at_runtime=True,
        ),
    ] = described("Silence on a connection after which it is probed; 0s: never.")


class Java3Exponential(Entry):
    """ExponentialReconnectionPolicy; 3.x adds no jitter."""

    base: Annotated[
        int | None,
        DURATION,
        Own(
            "ExponentialReconnectionPolicy(baseDelayMs, ...)",
            "reconnection.base_ns",
            CORE + "policies/ExponentialReconnectionPolicy.java:37",
        ),
    ] = described("Delay before the first attempt; it doubles after each failure.")
    max: Annotated[
        int | None,
        DURATION,
        Own(
            "ExponentialReconnectionPolicy(..., maxDelayMs)",
            "reconnection.max_ns",
            CORE + "policies/ExponentialReconnectionPolicy.java:37",
        ),
    ] = described("Longest delay between two attempts.")
    jitter: Annotated[
        str | None,
        JITTER,
        Own(
            "a ReconnectionPolicy of one's own",
            "reconnection.jitter",
            CORE + "policies/ExponentialReconnectionPolicy.java:95",
        ),
    ] = described(JITTER_MEANING + " The driver has none.")


class Java3Constant(Entry):
    """ConstantReconnectionPolicy."""

    delay: Annotated[
        int,
        POSITIVE_DURATION,
        Own(
            "ConstantReconnectionPolicy(constantDelayMs)",
            "reconnection.base_ns",
            CORE + "policies/ConstantReconnectionPolicy.java:31",
        ),
    ] = Field(description="Delay before every attempt.")
    jitter: Annotated[
        str | None,
        JITTER,
        Own(
            "a ReconnectionPolicy of one's own",
            "reconnection.jitter",
            CORE + "policies/ConstantReconnectionPolicy.java:52",
        ),
    ] = described(JITTER_MEANING + " The driver has none.")


class Java3Reconnection(Entry):
    """One of the two."""

    exponential: Java3Exponential | None = None
    constant: Java3Constant | None = None


class Java3Balancing(Entry):
    """Which hosts a request tries, in which order."""

    policy: Annotated[
        str | None,
        POLICY,
        Own(
            "Cluster.Builder.withLoadBalancingPolicy",
            "balancing.policy",
            CORE + "policies/Policies.java:79",
        ),
    ] = described("The policy, or the child of TokenAwarePolicy.")
    token_aware: Annotated[
        bool | None,
        FLAG,
        Own("TokenAwarePolicy", "balancing.token_aware", CORE + "policies/Policies.java:79"),
    ] = described("Local replicas of the key come first.")
    shuffle_replicas: Annotated[
        bool | None,
        FLAG,
        Own(
            "TokenAwarePolicy(child, ReplicaOrdering)",
            "balancing.shuffle_replicas",
            CORE + "policies/TokenAwarePolicy.java:134",
        ),
    ] = described("RANDOM order of replicas instead of TOPOLOGICAL.")
    used_hosts_per_remote_dc: Annotated[
        int | None,
        whole(0, refusal="IllegalArgumentException: usedHostsPerRemoteDc must be equal or ..."),
        Own(
            "DCAwareRoundRobinPolicy.Builder.withUsedHostsPerRemoteDc",
            "balancing.used_hosts_per_remote_dc",
            CORE + "policies/DCAwareRoundRobinPolicy.java:350",
        ),
    ] = described("Hosts of each other datacenter that are connected to and tried last.")


class Java3Options(Entry):
    """Options of the Java driver 3.x."""

    pooling: Java3Pooling = Field(default_factory=Java3Pooling)
    connect_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "SocketOptions.setConnectTimeoutMillis",
            "connect_timeout_ns",
            CORE + "SocketOptions.java:74",
        ),
    ] = described("For the TCP connection.")
    read_timeout: Annotated[
        int | None,
        DURATION,
        Own(
            "SocketOptions.setReadTimeoutMillis", "read_timeout_ns", CORE + "SocketOptions.java:126"
        ),
    ] = described("Per attempt, from the write; also of handshakes and heartbeats. 0s: none.")
    reconnection: Java3Reconnection = Field(default_factory=Java3Reconnection)
    load_balancing: Java3Balancing = Field(default_factory=Java3Balancing)
    retry: Annotated[
        str | None,
        RETRY,
        Own("Cluster.Builder.withRetryPolicy", "retry", CORE + "Cluster.java:1101"),
    ] = described("DefaultRetryPolicy or FallthroughRetryPolicy.")
    executor_threads: Annotated[
        int | None,
        THREADS,
        Own(
            "ThreadingOptions.createBlockingExecutor",
            "executor_threads",
            CORE + "ThreadingOptions.java:114",
        ),
    ] = described("Threads that open connections, for all pools of an instance.")
    status_events: Annotated[
        bool | None,
        FLAG,
        Own("no option: events of the server", "status_events", CORE + "Cluster.java:3105"),
    ] = described("Whether the server's UP and DOWN events arrive.")
    keyspace: Annotated[
        bool | None,
        FLAG,
        Own("Cluster.connect(keyspace)", "keyspace", CORE + "Connection.java:671"),
    ] = described("A keyspace costs each connection one more round trip (USE).")
    authentication_round_trips: Annotated[
        int | None,
        ROUND_TRIPS,
        Own(
            "Cluster.Builder.withAuthProvider",
            "authentication_round_trips",
            CORE + "Cluster.java:1210",
        ),
    ] = described("Round trips that authentication adds to a handshake.")
    tcp_nodelay: Annotated[
        bool | None,
        FLAG,
        Own("SocketOptions.setTcpNoDelay", "tcp_nodelay", CORE + "SocketOptions.java:47"),
    ] = described(NAGLE)


def defaults(protocol: int) -> Options:
    """The driver's own values.

    PoolingOptions.java:104-135, SocketOptions.java:29-40, ThreadingOptions.java:114,
    policies/Policies.java:36-40.
    """
    if protocol <= 2:
        local, remote = Pooling(2, 8, 128, 100), Pooling(1, 2, 128, 100)
    else:
        local, remote = Pooling(1, 1, 1024, 800), Pooling(1, 1, 256, 200)
    return Options(
        local=local,
        remote=remote,
        idle_timeout_ns=120 * SECOND_NS,
        pool_timeout_ns=5_000 * MILLISECOND_NS,
        max_queue_size=256,
        heartbeat_interval_ns=30 * SECOND_NS,
        heartbeat_timeout_ns=12_000 * MILLISECOND_NS,
        connect_timeout_ns=5_000 * MILLISECOND_NS,
        read_timeout_ns=12_000 * MILLISECOND_NS,
        reconnection=Reconnection("exponential", 1 * SECOND_NS, 600 * SECOND_NS),
        balancing=Balancing("dc_aware_round_robin", True, True, 0),
        retry="default",
        executor_threads=2,
        status_events=True,
        connect_to_remote_hosts=True,
        keyspace=True,
        authentication_round_trips=0,
        tcp_nodelay=True,
    )


def refusals(options: Options, protocol: int) -> list[Refusal]:
    """What the driver would raise (PoolingOptions.java:572-665)."""
    found = []
    streams = STREAMS.get(protocol, STREAMS_V3)
    for distance in ("local", "remote"):
        pooling: Pooling = getattr(options, distance)
        if pooling.core > pooling.max:
            raised = (
                f"Core connections for {distance.upper()} hosts must be less than max "
                f"({pooling.core} > {pooling.max})"
            )
            found.append(
                Refusal(
                    f"{distance}.core",
                    f"core {pooling.core} is above max {pooling.max} on v{protocol}: "
                    f"the driver raises IllegalArgumentException: {raised}",
                    (f"{distance}.max",),
                )
            )
        for field, words in (
            ("new_connection_threshold", "New connection threshold"),
            ("max_requests", "Max requests per connection"),
        ):
            value = getattr(pooling, field)
            if value > streams:
                raised = f"{words} for {distance.upper()} hosts must be in the range (0, {streams})"
                found.append(
                    Refusal(
                        f"{distance}.{field}",
                        f"{value} is above {streams}, the streams of a connection on v{protocol}: "
                        f"the driver raises IllegalArgumentException: {raised}",
                    )
                )
    return found + _reconnection_refusals(options.reconnection)


def _reconnection_refusals(reconnection: Reconnection) -> list[Refusal]:
    """ExponentialReconnectionPolicy.java:37-48."""
    base, longest = reconnection.base_ns, reconnection.max_ns
    if base == 0:
        raised = "baseDelayMs must be strictly positive"
        return [
            Refusal(
                "reconnection.base_ns",
                f"0s is no delay: the driver raises IllegalArgumentException: {raised}",
            )
        ]
    if reconnection.kind == "exponential" and longest < base:
        raised = (
            f"maxDelayMs (got {longest // MILLISECOND_NS}) cannot be smaller than "
            f"baseDelayMs (got {base // MILLISECOND_NS})"
        )
        return [
            Refusal(
                "reconnection.max_ns",
                f"max is below base: the driver raises IllegalArgumentException: {raised}",
                ("reconnection.base_ns",),
            )
        ]
    return []


def complete(options: Options) -> Options:
    """OPTIONS is sent like any request (Connection.java:1392): the read timeout holds for it."""
    return replace(options, heartbeat_timeout_ns=options.read_timeout_ns)


JAVA3 = Driver(
    name="java3",
    title="DataStax Java driver 3.x (and the DSE driver 1.x built on it)",
    pools="One pool per session and host: grows by the number in flight, shrinks by the peak of "
    "10 s, trashes and resurrects, with an acquisition queue.",
    entry=Java3Options,
    defaults=defaults,
    refusals=refusals,
    io_threads=2,
    io_threads_fixed=False,
    complete=complete,
)
