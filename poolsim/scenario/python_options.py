"""Options of the Python driver: names, defaults, and what it refuses.

Read in apache/cassandra-python-driver at 3.29.3. Two kinds of pool: on v3 and newer exactly one
connection per host, with nothing to set (the setters raise UnsupportedOperation); on v1 and v2 the
legacy pool of several connections.
"""

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

DRIVER = "apache/cassandra-python-driver@3.29.3:cassandra/"
SECOND_NS = 1_000_000_000
STREAMS_V3 = 32_768

_COUNT = whole(0)


class PythonDistance(Entry):
    """Pool sizes for hosts of one distance; v1 and v2 only."""

    core: Annotated[
        int | None,
        _COUNT,
        Own(
            "Cluster.set_core_connections_per_host({distance}, n)",
            "core",
            DRIVER + "cluster.py:1609",
            at_runtime=True,
        ),
    ] = described("Connections that a pool always keeps.")
    max: Annotated[
        int | None,
        _COUNT,
        Own(
            "Cluster.set_max_connections_per_host({distance}, n)",
            "max",
            DRIVER + "cluster.py:1646",
            at_runtime=True,
        ),
    ] = described("Connections that a pool grows to.")
    min_requests: Annotated[
        int | None,
        _COUNT,
        Own(
            "Cluster.set_min_requests_per_connection({distance}, n)",
            "min_requests",
            DRIVER + "cluster.py:1558",
            at_runtime=True,
        ),
    ] = described("A connection with at most so many in flight may be trashed on a return.")
    max_requests: Annotated[
        int | None,
        _COUNT,
        Own(
            "Cluster.set_max_requests_per_connection({distance}, n)",
            "max_requests",
            DRIVER + "cluster.py:1579",
            at_runtime=True,
        ),
    ] = described("A connection with so many in flight makes the pool grow.")


class PythonPooling(Entry):
    """The legacy pool; v1 and v2 only."""

    local: PythonDistance = Field(default_factory=PythonDistance)
    remote: PythonDistance = Field(default_factory=PythonDistance)


class PythonExponential(Entry):
    """ExponentialReconnectionPolicy, with the driver's jitter of 15 per cent."""

    base: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "ExponentialReconnectionPolicy(base_delay, ...)",
            "reconnection.base_ns",
            DRIVER + "policies.py:669",
        ),
    ] = described("Delay before the first attempt; it doubles after each failure.")
    max: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own(
            "ExponentialReconnectionPolicy(..., max_delay)",
            "reconnection.max_ns",
            DRIVER + "policies.py:669",
        ),
    ] = described("Longest delay between two attempts.")
    jitter: Annotated[
        str | None,
        JITTER,
        Own(
            "a ReconnectionPolicy of one's own",
            "reconnection.jitter",
            DRIVER + "policies.py:706",
        ),
    ] = described(JITTER_MEANING + " The driver has 15 %.")
    max_attempts: Annotated[
        int | None,
        _COUNT,
        Own(
            "ExponentialReconnectionPolicy(..., max_attempts)",
            "reconnection.max_attempts",
            DRIVER + "policies.py:669",
        ),
    ] = described("After so many it gives up for good; 0: never (None in the driver).")


class PythonConstant(Entry):
    """ConstantReconnectionPolicy."""

    delay: Annotated[
        int,
        POSITIVE_DURATION,
        Own(
            "ConstantReconnectionPolicy(delay, ...)",
            "reconnection.base_ns",
            DRIVER + "policies.py:632",
        ),
    ] = Field(description="Delay before every attempt.")
    jitter: Annotated[
        str | None,
        JITTER,
        Own(
            "a ReconnectionPolicy of one's own",
            "reconnection.jitter",
            DRIVER + "policies.py:632",
        ),
    ] = described(JITTER_MEANING + " The driver has none here.")
    max_attempts: Annotated[
        int | None,
        _COUNT,
        Own(
            "ConstantReconnectionPolicy(..., max_attempts)",
            "reconnection.max_attempts",
            DRIVER + "policies.py:632",
        ),
    ] = described("After so many it gives up for good; 0: never (None in the driver).")


class PythonReconnection(Entry):
    """One of the two."""

    exponential: PythonExponential | None = None
    constant: PythonConstant | None = None


class PythonBalancing(Entry):
    """Which hosts a request tries, in which order."""

    policy: Annotated[
        str | None,
        POLICY,
        Own(
            "ExecutionProfile.load_balancing_policy", "balancing.policy", DRIVER + "cluster.py:261"
        ),
    ] = described("The policy, or the child of TokenAwarePolicy.")
    token_aware: Annotated[
        bool | None,
        FLAG,
        Own("TokenAwarePolicy", "balancing.token_aware", DRIVER + "cluster.py:261"),
    ] = described("Local replicas of the key come first.")
    shuffle_replicas: Annotated[
        bool | None,
        FLAG,
        Own(
            "TokenAwarePolicy(child, shuffle_replicas)",
            "balancing.shuffle_replicas",
            DRIVER + "policies.py:343",
        ),
    ] = described("Random order of replicas instead of ring order.")
    used_hosts_per_remote_dc: Annotated[
        int | None,
        _COUNT,
        Own(
            "DCAwareRoundRobinPolicy(local_dc, used_hosts_per_remote_dc)",
            "balancing.used_hosts_per_remote_dc",
            DRIVER + "policies.py:211",
        ),
    ] = described("Hosts of each other datacenter that are tried last.")


class PythonOptions(Entry):
    """Options of the Python driver."""

    pooling: PythonPooling = Field(default_factory=PythonPooling)
    connect_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("Cluster.connect_timeout", "connect_timeout_ns", DRIVER + "cluster.py:983"),
    ] = described("For the TCP connection and the handshake.")
    request_timeout: Annotated[
        int | None,
        DURATION,
        Own("ExecutionProfile.request_timeout", "read_timeout_ns", DRIVER + "cluster.py:365"),
    ] = described("The whole request, all hosts and retries. 0s: none (None in the driver).")
    heartbeat_interval: Annotated[
        int | None,
        DURATION,
        Own("Cluster.idle_heartbeat_interval", "heartbeat_interval_ns", DRIVER + "cluster.py:906"),
    ] = described("From one heartbeat cycle of the process to the next; 0s: none.")
    heartbeat_timeout: Annotated[
        int | None,
        POSITIVE_DURATION,
        Own("Cluster.idle_heartbeat_timeout", "heartbeat_timeout_ns", DRIVER + "cluster.py:914"),
    ] = described("For all answers of one heartbeat cycle together.")
    connect_to_remote_hosts: Annotated[
        bool | None,
        FLAG,
        Own(
            "Cluster.connect_to_remote_hosts", "connect_to_remote_hosts", DRIVER + "cluster.py:786"
        ),
    ] = described("Whether hosts of other datacenters get a connection, on v3 and newer.")
    reconnection: PythonReconnection = Field(default_factory=PythonReconnection)
    load_balancing: PythonBalancing = Field(default_factory=PythonBalancing)
    retry: Annotated[
        str | None,
        RETRY,
        Own("ExecutionProfile.retry_policy", "retry", DRIVER + "policies.py:712"),
    ] = described("RetryPolicy or FallthroughRetryPolicy.")
    executor_threads: Annotated[
        int | None,
        THREADS,
        Own("Cluster(executor_threads)", "executor_threads", DRIVER + "cluster.py:1128"),
    ] = described("Threads for connecting, replacing, retries and host events of a process.")
    status_events: Annotated[
        bool | None,
        FLAG,
        Own("Cluster.status_event_refresh_window", "status_events", DRIVER + "cluster.py:953"),
    ] = described("Whether the server's UP and DOWN events are acted on.")
    keyspace: Annotated[
        bool | None, FLAG, Own("Cluster.connect(keyspace)", "keyspace", DRIVER + "cluster.py:1706")
    ] = described("A keyspace costs each connection one more round trip (USE).")
    authentication_round_trips: Annotated[
        int | None,
        ROUND_TRIPS,
        Own("Cluster.auth_provider", "authentication_round_trips", DRIVER + "cluster.py:684"),
    ] = described("Round trips that authentication adds to a handshake.")
    tcp_nodelay: Annotated[
        bool | None,
        FLAG,
        Own(
            "Cluster(sockopts=[(IPPROTO_TCP, TCP_NODELAY, 1)])",
            "tcp_nodelay",
            DRIVER + "cluster.py:851",
        ),
    ] = described(NAGLE)


def defaults(protocol: int) -> Options:
    """The driver's own values.

    cluster.py:183-190, 365, 749, 906-983, 1128; the borrow timeout of 2 s is written into
    cluster.py:4603. The driver has no acquisition queue with a size and no idle timeout: both are
    0 and mean nothing.
    """
    if protocol <= 2:
        local = Pooling(core=2, max=8, max_requests=100, min_requests=5)
        remote = Pooling(core=1, max=2, max_requests=100, min_requests=5)
    else:
        local = remote = Pooling(core=1, max=1, max_requests=STREAMS_V3)
    return Options(
        local=local,
        remote=remote,
        idle_timeout_ns=0,
        pool_timeout_ns=2 * SECOND_NS,
        max_queue_size=0,
        heartbeat_interval_ns=30 * SECOND_NS,
        heartbeat_timeout_ns=30 * SECOND_NS,
        connect_timeout_ns=5 * SECOND_NS,
        read_timeout_ns=10 * SECOND_NS,
        reconnection=Reconnection("exponential", 1 * SECOND_NS, 600 * SECOND_NS, 64),
        balancing=Balancing("dc_aware_round_robin", True, False, 0),
        retry="default",
        executor_threads=2,
        status_events=True,
        connect_to_remote_hosts=True,
        keyspace=True,
        authentication_round_trips=0,
        tcp_nodelay=False,
    )


def refusals(options: Options, protocol: int) -> list[Refusal]:
    """What the driver would raise (cluster.py:1570-1595, policies.py:669-679)."""
    found = []
    for distance in ("local", "remote") if protocol <= 2 else ():
        pooling: Pooling = getattr(options, distance)
        least, most = pooling.min_requests, pooling.max_requests
        if least > 126 or least >= most:
            found.append(
                Refusal(
                    f"{distance}.min_requests",
                    f"min_requests {least} with max_requests {most}: the driver raises ValueError: "
                    "min_requests must be 0-126 and less than the max_requests for this "
                    "host_distance",
                    (f"{distance}.max_requests",),
                )
            )
        elif not 1 <= most <= 127:
            found.append(
                Refusal(
                    f"{distance}.max_requests",
                    f"max_requests {most}: the driver raises ValueError: max_requests must be "
                    "1-127 and greater than the min_requests for this host_distance",
                )
            )
    reconnection = options.reconnection
    if reconnection.kind == "exponential" and reconnection.max_ns < reconnection.base_ns:
        raised = "Max delay must be greater than base delay"
        found.append(
            Refusal(
                "reconnection.max_ns",
                f"max is below base: the driver raises ValueError: {raised}",
                ("reconnection.base_ns",),
            )
        )
    return found


_SETTERS = {
    "core": "set_core_connections_per_host",
    "max": "set_max_connections_per_host",
    "min_requests": "set_min_requests_per_connection",
    "max_requests": "set_max_requests_per_connection",
}


def unavailable(protocol: int, path: str) -> str:
    """On v3 and newer the pool has no sizes (cluster.py:1567-1661)."""
    if protocol <= 2 or not path.startswith("pooling."):
        return ""
    setter = _SETTERS[path.rsplit(".", 1)[1]]
    return (
        f"on v{protocol} there is one connection per host and nothing to set: the driver raises "
        f"UnsupportedOperation: Cluster.{setter}() only has an effect when using "
        "protocol_version 1 or 2."
    )


PYTHON = Driver(
    name="python",
    title="Cassandra Python driver 3.29",
    pools="One connection per host on v3 and newer; on v1 and v2 a pool that grows on busy "
    "borrows and shrinks on returns.",
    entry=PythonOptions,
    defaults=defaults,
    refusals=refusals,
    io_threads=1,
    io_threads_fixed=True,
    unavailable=unavailable,
)
