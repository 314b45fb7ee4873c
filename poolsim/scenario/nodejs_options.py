"""Options of the DataStax Node.js driver: names, defaults, and what it refuses.

Read in datastax/nodejs-driver at v4.8.0. Its pools have one size, and `maxRequestsPerConnection`
holds for both distances. Defaults depend on the protocol version (lib/client-options.js:333-349).
The driver validates next to nothing: whatever number is written is taken.
"""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import DURATION, FLAG, POSITIVE_DURATION, choice, whole
from poolsim.scenario.options import (
    BALANCING_POLICIES,
    JITTER,
    JITTER_MEANING,
    NAGLE,
    RETRY,
    ROUND_TRIPS,
    Driver,
    Own,
    Refusal,
    described,
)
from poolsim.scenario.scenario import Balancing, Options, Pooling, Reconnection

LIB = "datastax/nodejs-driver@v4.8.0:lib/"
SECOND_NS = 1_000_000_000
LATEST_PROTOCOL = 4
"""With Apache Cassandra (types/protocol-version.js:74-76)."""

_COUNT = whole(0)


class NodejsDistance(Entry):
    """The size of a pool for hosts of one distance."""

    core: Annotated[
        int | None,
        _COUNT,
        Own(
            "pooling.coreConnectionsPerHost[distance.{distance}]",
            "core",
            LIB + "client-options.js:27",
        ),
    ] = described("Connections of a pool: it has no others, whatever the load.")


class NodejsPooling(Entry):
    """ClientOptions.pooling."""

    local: NodejsDistance = Field(default_factory=NodejsDistance)
    remote: NodejsDistance = Field(default_factory=NodejsDistance)
    max_requests: Annotated[
        int | None,
        _COUNT,
        Own(
            "pooling.maxRequestsPerConnection",
            "local.max_requests",
            LIB + "host-connection-pool.js:109",
        ),
    ] = described(
        "Requests in flight on one connection; more are refused by the host (BusyConnectionError)."
    )
    heartbeat_interval: Annotated[
        int | None,
        DURATION,
        Own(
            "pooling.heartBeatInterval",
            "heartbeat_interval_ns",
            LIB + "connection.js:579",
        ),
    ] = described("A connection on which nothing was written for so long is asked; 0s: never.")
    warmup: Annotated[
        bool | None,
        FLAG,
        Own("pooling.warmup", "warmup", LIB + "client.js:1070"),
    ] = described("Whether all connections to local hosts are open before the client is connected.")


class NodejsExponential(Entry):
    """ExponentialReconnectionPolicy, with the driver's jitter."""

    base: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "ExponentialReconnectionPolicy(baseDelay, ...)",
            "reconnection.base_ns",
            LIB + "policies/reconnection.js:87",
        ),
    ] = described("Delay before the first attempt; it doubles after each.")
    max: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "ExponentialReconnectionPolicy(..., maxDelay, ...)",
            "reconnection.max_ns",
            LIB + "policies/reconnection.js:87",
        ),
    ] = described("Longest delay between two attempts.")
    start_with_no_delay: Annotated[
        bool | None,
        FLAG,
        Own(
            "ExponentialReconnectionPolicy(..., startWithNoDelay)",
            "reconnection.start_with_no_delay",
            LIB + "policies/reconnection.js:100",
        ),
    ] = described("Whether the first attempt of a schedule is made at once.")
    jitter: Annotated[
        str | None,
        JITTER,
        Own(
            "a ReconnectionPolicy of one's own",
            "reconnection.jitter",
            LIB + "policies/reconnection.js:122",
        ),
    ] = described(JITTER_MEANING + " The driver has 15 %, of base only upwards.")


class NodejsConstant(Entry):
    """ConstantReconnectionPolicy."""

    delay: Annotated[
        int,
        POSITIVE_DURATION,
        Own(
            "ConstantReconnectionPolicy(delay)",
            "reconnection.base_ns",
            LIB + "policies/reconnection.js:48",
        ),
    ] = Field(description="Delay before every attempt.")
    jitter: Annotated[
        str | None,
        JITTER,
        Own(
            "a ReconnectionPolicy of one's own",
            "reconnection.jitter",
            LIB + "policies/reconnection.js:58",
        ),
    ] = described(JITTER_MEANING + " The driver has none here.")


class NodejsReconnection(Entry):
    """One of the two."""

    exponential: NodejsExponential | None = None
    constant: NodejsConstant | None = None


class NodejsBalancing(Entry):
    """Which hosts a request tries, in which order."""

    policy: Annotated[
        str | None,
        choice("default", *BALANCING_POLICIES),
        Own("policies.loadBalancing", "balancing.policy", LIB + "policies/index.js:49"),
    ] = described(
        "default: DefaultLoadBalancingPolicy. Another one, or the child of a token-aware."
    )
    token_aware: Annotated[
        bool | None,
        FLAG,
        Own(
            "queries with a routing key; TokenAwarePolicy for the others than default",
            "balancing.token_aware",
            LIB + "policies/load-balancing.js:614",
        ),
    ] = described("Local replicas of the key come first: prepared queries, a keyspace.")
    used_hosts_per_remote_dc: Annotated[
        int | None,
        _COUNT,
        Own(
            "a LoadBalancingPolicy of one's own",
            "balancing.used_hosts_per_remote_dc",
            LIB + "policies/load-balancing.js:161",
        ),
    ] = described("Hosts of other datacenters: the driver's own policies ignore them all (0).")


class NodejsOptions(Entry):
    """Options of the Node.js driver."""

    pooling: NodejsPooling = Field(default_factory=NodejsPooling)
    connect_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("socketOptions.connectTimeout", "connect_timeout_ns", LIB + "connection.js:209"),
    ] = described("For the TCP connection; the messages of the handshake have the read timeout.")
    read_timeout: Annotated[
        int | None,
        DURATION,
        Own("socketOptions.readTimeout", "read_timeout_ns", LIB + "connection.js:538"),
    ] = described("Of each attempt on a host, of heartbeats and handshakes. 0s: none.")
    defunct_read_timeout_threshold: Annotated[
        int | None,
        _COUNT,
        Own(
            "socketOptions.defunctReadTimeoutThreshold",
            "defunct_read_timeout_threshold",
            LIB + "host.js:347",
        ),
    ] = described("With more timeouts unanswered a connection is closed and made anew.")
    reconnection: NodejsReconnection = Field(default_factory=NodejsReconnection)
    load_balancing: NodejsBalancing = Field(default_factory=NodejsBalancing)
    retry: Annotated[
        str | None,
        RETRY,
        Own("policies.retry", "retry", LIB + "policies/index.js:57"),
    ] = described("RetryPolicy (idempotent requests only) or FallthroughRetryPolicy.")
    tcp_nodelay: Annotated[
        bool | None,
        FLAG,
        Own("socketOptions.tcpNoDelay", "tcp_nodelay", LIB + "connection.js:216"),
    ] = described(NAGLE)
    keepalive: Annotated[
        bool | None, FLAG, Own("socketOptions.keepAlive", "keepalive", LIB + "connection.js:212")
    ] = described("Whether the kernel probes connections that are idle (client-options.js:81).")
    keyspace: Annotated[
        bool | None, FLAG, Own("ClientOptions.keyspace", "keyspace", LIB + "connection.js:461")
    ] = described("A keyspace costs each connection one more round trip (USE).")
    authentication_round_trips: Annotated[
        int | None,
        ROUND_TRIPS,
        Own("ClientOptions.authProvider", "authentication_round_trips", LIB + "connection.js:389"),
    ] = described("Round trips that authentication adds to a handshake.")


def defaults(protocol: int) -> Options:
    """The driver's own values.

    client-options.js:27-44, 55-86; policies/index.js:49-67. There is no acquisition queue, no idle
    timeout and no executor: those fields mean nothing.
    """
    cores, most = ((2, 1), 128) if protocol <= 2 else ((1, 1), 2048)
    local, remote = (Pooling(core=core, max=core, max_requests=most) for core in cores)
    return Options(
        local=local,
        remote=remote,
        idle_timeout_ns=0,
        pool_timeout_ns=0,
        max_queue_size=0,
        heartbeat_interval_ns=30 * SECOND_NS,
        heartbeat_timeout_ns=12 * SECOND_NS,
        connect_timeout_ns=5 * SECOND_NS,
        read_timeout_ns=12 * SECOND_NS,
        reconnection=Reconnection("exponential", 1 * SECOND_NS, 600 * SECOND_NS),
        balancing=Balancing("default", True, True, 0),
        retry="default",
        executor_threads=1,
        status_events=True,
        connect_to_remote_hosts=True,
        keyspace=True,
        authentication_round_trips=0,
        keepalive=True,
    )


def refusals(options: Options, protocol: int) -> list[Refusal]:
    """The driver checks types only: numbers that make no sense are warned of."""
    del options, protocol
    return []


def complete(options: Options) -> Options:
    """A pool's size is its core; a heartbeat is a request (connection.js:607)."""
    most = options.local.max_requests
    return replace(
        options,
        local=replace(options.local, max=options.local.core),
        remote=replace(options.remote, max=options.remote.core, max_requests=most),
        heartbeat_timeout_ns=options.read_timeout_ns,
    )


NODEJS = Driver(
    name="nodejs",
    title="DataStax Node.js driver 4.8",
    pools="One pool per client and host, of a fixed size; whatever does not fit goes to the next "
    "host at once.",
    entry=NodejsOptions,
    defaults=defaults,
    refusals=refusals,
    io_threads=1,
    io_threads_fixed=True,
    complete=complete,
)
