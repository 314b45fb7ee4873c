"""Options of CassandraORM JS over the Node.js driver, by the names and numbers of its document.

The document ("Connection Pool Management") shows settings and never says which are defaults. Here a
number that it shows is the default of its option, as far as all its examples agree; a block that it
shows with `enabled` is off without it. What it does not name is the driver's own, and keeps its
default: the read timeout, the reconnection policy, the load balancing; so do sizes and the 2,048
requests of a connection, which it sets in some examples only (docs/differences.md). Sources are
lines of the document. What its rules are is said in model/wrappers/cassandraorm/__init__.py.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import (
    DURATION,
    FLAG,
    POSITIVE_DURATION,
    POSITIVE_NUMBER,
    SHARE,
    TEXT,
    choice,
    whole,
)
from poolsim.scenario.nodejs_options import LIB, NODEJS, NodejsReconnection
from poolsim.scenario.options import ROUND_TRIPS, Driver, Own, Refusal, described
from poolsim.scenario.orm import (
    ADVANCED,
    BASIC,
    CONSISTENCY_LEVELS,
    LEVELS,
    SECOND_NS,
    Orm,
)
from poolsim.scenario.orm_mappings import COUNTS_BY_NODE, SETTINGS_BY_REGION
from poolsim.scenario.scenario import Balancing, Options

NAME = "cassandraorm"
DOCUMENT = "cassandraorm-js/Connection-Pool-Management:"

POLICIES = {
    "DefaultLoadBalancingPolicy": "default",
    "RoundRobinPolicy": "round_robin",
    "DCAwareRoundRobinPolicy": "dc_aware_round_robin",
}
"""What the policies are called elsewhere in poolsim."""
TOKEN_AWARE = "TokenAwarePolicy"
RETRIES = {"DefaultRetryPolicy": "default", "FallthroughRetryPolicy": "fallthrough"}

IDLE_TIMEOUT_NS = 120 * SECOND_NS
"""The document's, of its line 76."""

_COUNT = whole(0)
_SOME = whole(1)


class OrmCore(Entry):
    """pooling.coreConnectionsPerHost, by distance."""

    local: Annotated[
        int | None,
        _COUNT,
        Own("pooling.coreConnectionsPerHost['0']", "local.core", DOCUMENT + "28"),
    ] = Field(default=None, alias="0", description="Connections that a pool of a local host keeps.")
    remote: Annotated[
        int | None,
        _COUNT,
        Own("pooling.coreConnectionsPerHost['1']", "remote.core", DOCUMENT + "28"),
    ] = Field(default=None, alias="1", description="The same for a remote host.")
    ignored: Annotated[
        int | None,
        _COUNT,
        Own("pooling.coreConnectionsPerHost['2']", "orm.core_ignored", DOCUMENT + "66"),
    ] = Field(
        default=None,
        alias="2",
        description="For a host that the policy ignores: the driver connects to none.",
    )


class OrmMax(Entry):
    """pooling.maxConnectionsPerHost, by distance."""

    local: Annotated[
        int | None,
        _COUNT,
        Own("pooling.maxConnectionsPerHost['0']", "local.max", DOCUMENT + "29"),
    ] = Field(
        default=None,
        alias="0",
        description="Connections that a pool of a local host may grow to; core where left out.",
    )
    remote: Annotated[
        int | None,
        _COUNT,
        Own("pooling.maxConnectionsPerHost['1']", "remote.max", DOCUMENT + "29"),
    ] = Field(default=None, alias="1", description="The same for a remote host.")
    ignored: Annotated[
        int | None,
        _COUNT,
        Own("pooling.maxConnectionsPerHost['2']", "orm.max_ignored", DOCUMENT + "67"),
    ] = Field(
        default=None,
        alias="2",
        description="For a host that the policy ignores: the driver connects to none.",
    )


class OrmAdaptive(Entry):
    """pooling.adaptivePooling."""

    enabled: Annotated[
        bool | None,
        FLAG,
        Own("adaptivePooling.enabled", "orm.adaptive.enabled", DOCUMENT + "238"),
    ] = described("Whether a pool's size follows its utilisation.")
    minimum: Annotated[
        int | None,
        _SOME,
        Own("adaptivePooling.minConnections", "orm.adaptive.min_connections", DOCUMENT + "239"),
    ] = Field(default=None, alias="minConnections", description="Fewest connections.")
    maximum: Annotated[
        int | None,
        _SOME,
        Own("adaptivePooling.maxConnections", "orm.adaptive.max_connections", DOCUMENT + "240"),
    ] = Field(default=None, alias="maxConnections", description="Most connections.")
    target: Annotated[
        float | None,
        SHARE,
        Own("adaptivePooling.targetUtilization", "orm.adaptive.target", DOCUMENT + "241"),
    ] = Field(
        default=None,
        alias="targetUtilization",
        description="Utilisation that a change of size aims at.",
    )
    scale_up: Annotated[
        float | None,
        SHARE,
        Own("adaptivePooling.scaleUpThreshold", "orm.adaptive.scale_up", DOCUMENT + "242"),
    ] = Field(
        default=None, alias="scaleUpThreshold", description="Above this utilisation a pool grows."
    )
    scale_down: Annotated[
        float | None,
        SHARE,
        Own("adaptivePooling.scaleDownThreshold", "orm.adaptive.scale_down", DOCUMENT + "243"),
    ] = Field(
        default=None, alias="scaleDownThreshold", description="Below this utilisation it shrinks."
    )
    interval: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("adaptivePooling.evaluationInterval", "orm.adaptive.interval_ns", DOCUMENT + "244"),
    ] = Field(
        default=None, alias="evaluationInterval", description="From one look at it to the next."
    )


class OrmPooling(Entry):
    """The block `pooling`."""

    core: OrmCore = Field(default_factory=OrmCore, alias="coreConnectionsPerHost")
    max: OrmMax = Field(default_factory=OrmMax, alias="maxConnectionsPerHost")
    max_requests: Annotated[
        int | None,
        _COUNT,
        Own("pooling.maxRequestsPerConnection", "local.max_requests", DOCUMENT + "30"),
    ] = Field(
        default=None,
        alias="maxRequestsPerConnection",
        description="Requests in flight on one connection; a host whose connections have as many "
        "refuses more.",
    )
    heartbeat_interval: Annotated[
        int | None,
        DURATION,
        Own("pooling.heartBeatInterval", "heartbeat_interval_ns", DOCUMENT + "31"),
    ] = Field(
        default=None,
        alias="heartBeatInterval",
        description="A connection on which nothing was written for so long is asked; 0s: never.",
    )
    warm_up: Annotated[
        bool | None, FLAG, Own("pooling.warmup", "orm.warm_up.enabled", DOCUMENT + "72")
    ] = Field(
        default=None,
        alias="warmup",
        description="Whether the load waits until all pools have their connections.",
    )
    warm_up_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("pooling.warmupTimeout", "orm.warm_up.timeout_ns", DOCUMENT + "73"),
    ] = Field(default=None, alias="warmupTimeout", description="The longest that it waits.")
    idle_timeout: Annotated[
        int | None,
        DURATION,
        Own("pooling.idleTimeout", "idle_timeout_ns", DOCUMENT + "76"),
    ] = Field(
        default=None,
        alias="idleTimeout",
        description="A connection above core without requests for so long is closed; 0s: never.",
    )
    connection_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("pooling.connectionTimeout", "connect_timeout_ns", DOCUMENT + "77"),
    ] = Field(
        default=None,
        alias="connectionTimeout",
        description="For the TCP connection; the messages of the handshake have the read timeout.",
    )
    enable_metrics: Annotated[
        bool | None, FLAG, Own("pooling.enableMetrics", "orm.metrics.enabled", DOCUMENT + "80")
    ] = Field(default=None, alias="enableMetrics", description="Whether metrics are collected.")
    metrics_interval: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("pooling.metricsInterval", "orm.metrics.interval_ns", DOCUMENT + "81"),
    ] = Field(default=None, alias="metricsInterval", description="From one collection to the next.")
    adaptive: OrmAdaptive = Field(default_factory=OrmAdaptive, alias="adaptivePooling")
    enable_batching: Annotated[
        bool | None, FLAG, Own("pooling.enableBatching", "orm.batching.enabled", DOCUMENT + "297")
    ] = Field(
        default=None, alias="enableBatching", description="Whether requests are sent together."
    )
    batch_size: Annotated[
        int | None, _SOME, Own("pooling.batchSize", "orm.batching.size", DOCUMENT + "298")
    ] = Field(default=None, alias="batchSize", description="So many requests are sent at once.")
    batch_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("pooling.batchTimeout", "orm.batching.timeout_ns", DOCUMENT + "299"),
    ] = Field(
        default=None,
        alias="batchTimeout",
        description="The longest that the first of them waits for the others.",
    )
    tcp_nodelay: Annotated[
        bool | None, FLAG, Own("pooling.enableTcpNoDelay", "tcp_nodelay", DOCUMENT + "322")
    ] = Field(
        default=None,
        alias="enableTcpNoDelay",
        description="Off, small writes wait for acknowledgements (Nagle's algorithm).",
    )
    keepalive: Annotated[
        bool | None, FLAG, Own("pooling.enableTcpKeepAlive", "keepalive", DOCUMENT + "323")
    ] = Field(
        default=None,
        alias="enableTcpKeepAlive",
        description="Whether the kernel probes connections that are idle.",
    )


class OrmLoadBalancing(Entry):
    """The block `loadBalancing`."""

    policy: Annotated[
        str | None,
        choice(*POLICIES, TOKEN_AWARE),
        Own("loadBalancing.policy", "orm.load_balancing.policy", DOCUMENT + "86"),
    ] = described("Which hosts a request tries, in which order.")
    child_policy: Annotated[
        str | None,
        choice(*(name for name in POLICIES if POLICIES[name] != "default")),
        Own("loadBalancing.childPolicy", "orm.load_balancing.child_policy", DOCUMENT + "87"),
    ] = Field(
        default=None,
        alias="childPolicy",
        description="Of a TokenAwarePolicy: which hosts it tries after the replicas.",
    )
    shuffle_replicas: Annotated[
        bool | None,
        FLAG,
        Own(
            "loadBalancing.shuffleReplicas",
            "orm.load_balancing.shuffle_replicas",
            DOCUMENT + "175",
        ),
    ] = Field(
        default=None,
        alias="shuffleReplicas",
        description="Of a TokenAwarePolicy: replicas in random order, or in ring order.",
    )
    used_hosts: Annotated[
        int | None,
        _COUNT,
        Own(
            "loadBalancing.usedHostsPerRemoteDc",
            "orm.load_balancing.used_hosts_per_remote_dc",
            DOCUMENT + "88",
        ),
    ] = Field(
        default=None,
        alias="usedHostsPerRemoteDc",
        description="Hosts of each other datacenter that are tried last.",
    )
    allow_remote: Annotated[
        bool | None,
        FLAG,
        Own(
            "loadBalancing.allowRemoteDCsForLocalConsistencyLevel",
            "orm.load_balancing.allow_remote_for_local_consistency",
            DOCUMENT + "160",
        ),
    ] = Field(
        default=None,
        alias="allowRemoteDCsForLocalConsistencyLevel",
        description="Whether they may serve requests of a local consistency level, too.",
    )


class OrmRetry(Entry):
    """The block `retry`."""

    policy: Annotated[
        str | None, choice(*RETRIES), Own("retry.policy", "orm.retry.policy", DOCUMENT + "93")
    ] = described("Whether a request that was not answered goes on to the next host.")
    max_retries: Annotated[
        int | None, _COUNT, Own("retry.maxRetries", "orm.retry.max_retries", DOCUMENT + "94")
    ] = Field(default=None, alias="maxRetries", description="Most retries of a request.")
    delay: Annotated[
        int | None, DURATION, Own("retry.retryDelay", "orm.retry.delay_ns", DOCUMENT + "95")
    ] = Field(default=None, alias="retryDelay", description="Time before each.")


class OrmHealthCheck(Entry):
    """The block `healthCheck`."""

    enabled: Annotated[
        bool | None,
        FLAG,
        Own("healthCheck.enabled", "orm.health_check.enabled", DOCUMENT + "100"),
    ] = described("Whether each host is asked, and passed over while it does not answer.")
    interval: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("healthCheck.interval", "orm.health_check.interval_ns", DOCUMENT + "101"),
    ] = described("From one check to the next.")
    timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("healthCheck.timeout", "orm.health_check.timeout_ns", DOCUMENT + "102"),
    ] = described("The longest that an answer may take.")
    query: Annotated[
        str | None, TEXT, Own("healthCheck.query", "orm.health_check.query", DOCUMENT + "103")
    ] = described("The query that asks; it costs the node what any request does.")


class OrmCircuitBreaker(Entry):
    """The block `circuitBreaker`."""

    enabled: Annotated[
        bool | None,
        FLAG,
        Own("circuitBreaker.enabled", "orm.circuit_breaker.enabled", DOCUMENT + "269"),
    ] = described("Whether each host has one.")
    failure_threshold: Annotated[
        int | None,
        _SOME,
        Own(
            "circuitBreaker.failureThreshold",
            "orm.circuit_breaker.failure_threshold",
            DOCUMENT + "270",
        ),
    ] = Field(default=None, alias="failureThreshold", description="Failures in a row that open it.")
    recovery_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "circuitBreaker.recoveryTimeout",
            "orm.circuit_breaker.recovery_timeout_ns",
            DOCUMENT + "271",
        ),
    ] = Field(
        default=None, alias="recoveryTimeout", description="So long it refuses every request."
    )
    trials: Annotated[
        int | None,
        _SOME,
        Own(
            "circuitBreaker.halfOpenMaxCalls",
            "orm.circuit_breaker.half_open_max_calls",
            DOCUMENT + "272",
        ),
    ] = Field(
        default=None,
        alias="halfOpenMaxCalls",
        description="Trial requests after that; as many successes close it, a failure opens it.",
    )


class OrmFailover(Entry):
    """The block `failover`."""

    enabled: Annotated[
        bool | None, FLAG, Own("failover.enabled", "orm.failover.enabled", DOCUMENT + "338")
    ] = described("Whether a request goes to another host when its own fails.")
    max_retries: Annotated[
        int | None,
        _COUNT,
        Own("failover.maxRetries", "orm.failover.max_retries", DOCUMENT + "339"),
    ] = Field(default=None, alias="maxRetries", description="How often it may.")
    delay: Annotated[
        int | None,
        DURATION,
        Own("failover.retryDelay", "orm.failover.delay_ns", DOCUMENT + "340"),
    ] = Field(default=None, alias="retryDelay", description="Time before the first.")
    multiplier: Annotated[
        float | None,
        POSITIVE_NUMBER,
        Own("failover.backoffMultiplier", "orm.failover.multiplier", DOCUMENT + "341"),
    ] = Field(
        default=None,
        alias="backoffMultiplier",
        description="Each delay is so many times the one before.",
    )
    auto_discovery: Annotated[
        bool | None,
        FLAG,
        Own("failover.autoDiscovery", "orm.failover.auto_discovery", DOCUMENT + "344"),
    ] = Field(
        default=None, alias="autoDiscovery", description="Whether the list of nodes is read again."
    )
    discovery_interval: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("failover.discoveryInterval", "orm.failover.discovery_interval_ns", DOCUMENT + "345"),
    ] = Field(default=None, alias="discoveryInterval", description="From one reading to the next.")


class OrmRecovery(Entry):
    """What the document's handler of `connectionLost` does: recoverConnection."""

    enabled: Annotated[
        bool | None,
        FLAG,
        Own("recoverConnection", "orm.recovery.enabled", DOCUMENT + "363"),
    ] = described("Whether a lost connection is made anew before the driver's own schedule.")
    max_attempts: Annotated[
        int | None,
        _SOME,
        Own("recoverConnection(maxAttempts)", "orm.recovery.max_attempts", DOCUMENT + "364"),
    ] = Field(default=None, alias="maxAttempts", description="Most attempts.")
    delay: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("recoverConnection(backoffDelay)", "orm.recovery.delay_ns", DOCUMENT + "365"),
    ] = Field(default=None, alias="backoffDelay", description="Time between them.")


class OrmLogging(Entry):
    """The block `logging`."""

    level: Annotated[
        str | None, choice(*LEVELS), Own("logging.level", "orm.logging.level", DOCUMENT + "421")
    ] = described("From which level on the log tells.")
    connections: Annotated[
        bool | None,
        FLAG,
        Own("logging.logConnections", "orm.logging.connections", DOCUMENT + "422"),
    ] = Field(
        default=None, alias="logConnections", description="Whether it tells of connections (info)."
    )
    requests: Annotated[
        bool | None,
        FLAG,
        Own("logging.logRequests", "orm.logging.requests", DOCUMENT + "423"),
    ] = Field(
        default=None, alias="logRequests", description="Whether it tells of requests (debug)."
    )
    errors: Annotated[
        bool | None,
        FLAG,
        Own("logging.logErrors", "orm.logging.errors", DOCUMENT + "424"),
    ] = Field(default=None, alias="logErrors", description="Whether it tells of errors (error).")


class CassandraOrmOptions(Entry):
    """Options of CassandraORM."""

    pool: Annotated[
        str | None,
        choice(BASIC, ADVANCED),
        Own("AdvancedConnectionPool", "orm.pool", DOCUMENT + "19"),
    ] = described("The plain pool has sizes, limit and heartbeat; the other one all of the rest.")
    pooling: OrmPooling = Field(default_factory=OrmPooling)
    load_balancing: OrmLoadBalancing = Field(
        default_factory=OrmLoadBalancing, alias="loadBalancing"
    )
    consistency: Annotated[
        str | None,
        choice(*CONSISTENCY_LEVELS),
        Own("queryOptions.consistency", "orm.consistency", LIB + "client-options.js:345"),
    ] = described("Of all requests; only whether it is a local one matters here.")
    retry: OrmRetry = Field(default_factory=OrmRetry)
    health_check: OrmHealthCheck = Field(default_factory=OrmHealthCheck, alias="healthCheck")
    circuit_breaker: OrmCircuitBreaker = Field(
        default_factory=OrmCircuitBreaker, alias="circuitBreaker"
    )
    failover: OrmFailover = Field(default_factory=OrmFailover)
    recovery: OrmRecovery = Field(default_factory=OrmRecovery, alias="connectionRecovery")
    preallocated: Annotated[
        Any,
        COUNTS_BY_NODE,
        Own("preallocateConnections", "orm.preallocated", DOCUMENT + "254"),
    ] = Field(
        default=None,
        alias="preallocateConnections",
        description="Connections to single hosts, for which the load waits: {dc1/1: 8}.",
    )
    drains: Annotated[
        bool | None,
        FLAG,
        Own("removeNode(drainConnections)", "orm.removal.drains", DOCUMENT + "380"),
    ] = Field(
        default=None,
        alias="drainConnections",
        description="Whether a removed host's connections finish what they have.",
    )
    drain_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("removeNode(drainTimeout)", "orm.removal.timeout_ns", DOCUMENT + "381"),
    ] = Field(default=None, alias="drainTimeout", description="After so long they close anyway.")
    regions: Annotated[
        Any,
        SETTINGS_BY_REGION,
        Own("regionSettings", "orm.regions", DOCUMENT + "402"),
    ] = Field(
        default=None,
        alias="regionSettings",
        description="By datacenter: maxConnections to each of its hosts, and the priority by which "
        "other datacenters are tried, lowest first.",
    )
    logging: OrmLogging = Field(default_factory=OrmLogging)
    read_timeout: Annotated[
        int | None,
        DURATION,
        Own("socketOptions.readTimeout", "read_timeout_ns", LIB + "connection.js:538"),
    ] = Field(
        default=None,
        alias="readTimeout",
        description="The driver's: of each attempt on a host, of heartbeats and handshakes.",
    )
    defunct_threshold: Annotated[
        int | None,
        _COUNT,
        Own(
            "socketOptions.defunctReadTimeoutThreshold",
            "defunct_read_timeout_threshold",
            LIB + "host.js:347",
        ),
    ] = Field(
        default=None,
        alias="defunctReadTimeoutThreshold",
        description="The driver's: with more timeouts unanswered a connection is made anew.",
    )
    reconnection: NodejsReconnection = Field(default_factory=NodejsReconnection)
    keyspace: Annotated[bool | None, FLAG, Own("keyspace", "keyspace", DOCUMENT + "24")] = (
        described("A keyspace costs each connection one more round trip (USE).")
    )
    authentication_round_trips: Annotated[
        int | None,
        ROUND_TRIPS,
        Own("ClientOptions.authProvider", "authentication_round_trips", LIB + "connection.js:389"),
    ] = described("Round trips that authentication adds to a handshake.")


def defaults(protocol: int) -> Options:
    """The document's numbers, and the driver's where it gives none."""
    options = NODEJS.defaults(protocol)
    return replace(
        options,
        local=replace(options.local, max=0),
        remote=replace(options.remote, max=0),
        idle_timeout_ns=IDLE_TIMEOUT_NS,
        warmup=False,
        orm=Orm(pool=ADVANCED),
    )


def complete(options: Options) -> Options:
    """A largest size of 0 is the core one; the policies by poolsim's own names; the driver's own
    retries are the plain pool's."""
    orm = options.orm
    balancing = orm.load_balancing
    token_aware = balancing.policy in (TOKEN_AWARE, "DefaultLoadBalancingPolicy")
    policy = balancing.child_policy if balancing.policy == TOKEN_AWARE else balancing.policy
    local, remote = options.local, options.remote
    return replace(
        options,
        local=replace(local, max=local.max or local.core),
        remote=replace(remote, max=remote.max or remote.core, max_requests=local.max_requests),
        heartbeat_timeout_ns=options.read_timeout_ns,
        warmup=False,
        balancing=Balancing(
            policy=POLICIES[policy],
            token_aware=token_aware,
            shuffle_replicas=balancing.policy != TOKEN_AWARE or balancing.shuffle_replicas,
            used_hosts_per_remote_dc=balancing.used_hosts_per_remote_dc,
        ),
        retry=RETRIES[orm.retry.policy],
    )


_ALSO_BASIC = (
    "orm.pool",
    "orm.core_ignored",
    "orm.max_ignored",
    "orm.consistency",
    "orm.load_balancing.policy",
    "orm.load_balancing.child_policy",
    "orm.retry.policy",
)
"""What the plain pool has of `Orm`: sizes, and what the driver below has options for."""


def _only_advanced(options: Options) -> Iterator[str]:
    """Settings that the plain pool does not have, where they are not as they are without a word."""
    if options.idle_timeout_ns != IDLE_TIMEOUT_NS:
        yield "idle_timeout_ns"
    usual = Orm()
    for part in fields(Orm):
        own, default = getattr(options.orm, part.name), getattr(usual, part.name)
        differs = {f"orm.{part.name}": own != default}
        if is_dataclass(own):
            differs = {
                f"orm.{part.name}.{leaf.name}": getattr(own, leaf.name)
                != getattr(default, leaf.name)
                for leaf in fields(own)
            }
        yield from (name for name, does in differs.items() if does and name not in _ALSO_BASIC)


def refusals(options: Options, protocol: int) -> list[Refusal]:
    """Settings that contradict each other."""
    del protocol
    found = []
    for distance, pooling, key in (("local", options.local, "0"), ("remote", options.remote, "1")):
        if 0 < pooling.max < pooling.core:
            found.append(
                Refusal(
                    f"{distance}.max",
                    f"maxConnectionsPerHost '{key}' {pooling.max} is below "
                    f"coreConnectionsPerHost {pooling.core}",
                    (f"{distance}.core",),
                )
            )
    if options.orm.pool == BASIC:
        found += [
            Refusal(field, f"a {BASIC} has no such thing: pool: {ADVANCED}", ("orm.pool",))
            for field in _only_advanced(options)
        ]
    found += _adaptive(options)
    return found


def _adaptive(options: Options) -> list[Refusal]:
    adaptive = options.orm.adaptive
    prefix = "orm.adaptive."
    found = []
    if adaptive.min_connections > adaptive.max_connections:
        found.append(
            Refusal(
                prefix + "max_connections",
                f"maxConnections {adaptive.max_connections} is below minConnections "
                f"{adaptive.min_connections}",
                (prefix + "min_connections",),
            )
        )
    if not 0 < adaptive.scale_down < adaptive.target <= adaptive.scale_up <= 1:
        found.append(
            Refusal(
                prefix + "target",
                "scaleDownThreshold < targetUtilization <= scaleUpThreshold must hold: with "
                f"{adaptive.scale_down:g}, {adaptive.target:g} and {adaptive.scale_up:g} a change "
                "of size would ask for the next one",
                (prefix + "scale_down", prefix + "scale_up"),
            )
        )
    return found


CASSANDRAORM = Driver(
    name=NAME,
    title="CassandraORM JS over the DataStax Node.js driver 4.8",
    pools="The Node.js driver's, one per client and host, which grow when full up to a largest "
    "size and shrink when idle; with circuit breakers, health checks, failover.",
    entry=CassandraOrmOptions,
    defaults=defaults,
    refusals=refusals,
    io_threads=NODEJS.io_threads,
    io_threads_fixed=NODEJS.io_threads_fixed,
    complete=complete,
)
