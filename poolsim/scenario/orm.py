"""What CassandraORM adds to its driver, resolved: a block of the file is a class here.

Times in nanoseconds; shares between 0 and 1. What each means is said in `cassandraorm_options.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000

BASIC = "ConnectionPool"
ADVANCED = "AdvancedConnectionPool"
LOCAL_CONSISTENCY_LEVELS = ("LOCAL_ONE", "LOCAL_QUORUM", "LOCAL_SERIAL")
CONSISTENCY_LEVELS = (
    *LOCAL_CONSISTENCY_LEVELS,
    "ANY",
    "ONE",
    "TWO",
    "THREE",
    "QUORUM",
    "ALL",
    "EACH_QUORUM",
    "SERIAL",
)
LEVELS = ("error", "warn", "info", "debug")
"""Of logging, from the one that tells least."""


@dataclass(frozen=True, slots=True)
class Region:
    """Settings of a datacenter; None where nothing is said."""

    name: str
    max_connections: int | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancing:
    """The policies by the document's names."""

    policy: str = "DefaultLoadBalancingPolicy"
    child_policy: str = "DCAwareRoundRobinPolicy"
    shuffle_replicas: bool = True
    used_hosts_per_remote_dc: int = 0
    allow_remote_for_local_consistency: bool = False


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Connections before the load."""

    enabled: bool = False
    timeout_ns: int = 10 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Metrics:
    """Whether metrics are collected, and how often."""

    enabled: bool = False
    interval_ns: int = 5 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Batching:
    """Requests that are sent together."""

    enabled: bool = False
    size: int = 100
    timeout_ns: int = 10 * MILLISECOND_NS


@dataclass(frozen=True, slots=True)
class Adaptive:
    """A pool's size follows its utilisation."""

    enabled: bool = False
    min_connections: int = 2
    max_connections: int = 20
    target: float = 0.7
    scale_up: float = 0.8
    scale_down: float = 0.3
    interval_ns: int = 30 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Retry:
    """What is done after a timeout, or a break without failover."""

    policy: str = "DefaultRetryPolicy"
    max_retries: int = 3
    delay_ns: int = 1 * SECOND_NS


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A query to each host, again and again."""

    enabled: bool = False
    interval_ns: int = 10 * SECOND_NS
    timeout_ns: int = 5 * SECOND_NS
    query: str = "SELECT release_version FROM system.local"


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """A host that failed is refused for a while."""

    enabled: bool = False
    failure_threshold: int = 5
    recovery_timeout_ns: int = 30 * SECOND_NS
    half_open_max_calls: int = 3


@dataclass(frozen=True, slots=True)
class Failover:
    """A request goes to another host when its own fails."""

    enabled: bool = False
    max_retries: int = 3
    delay_ns: int = 1 * SECOND_NS
    multiplier: float = 2.0
    auto_discovery: bool = False
    discovery_interval_ns: int = 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Recovery:
    """A lost connection is made anew."""

    enabled: bool = False
    max_attempts: int = 5
    delay_ns: int = 2 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Removal:
    """What becomes of a host's connections when it is removed."""

    drains: bool = True
    timeout_ns: int = 30 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Logging:
    """What the log tells."""

    level: str = "info"
    connections: bool = False
    requests: bool = False
    errors: bool = False

    def tells(self, level: str) -> bool:
        """Whether the log tells of what happens at that level."""
        return LEVELS.index(level) <= LEVELS.index(self.level)


@dataclass(frozen=True, slots=True)
class Orm:
    """All of it; `pool` is "" for clients of other drivers."""

    pool: str = ""
    core_ignored: int = 0
    max_ignored: int = 0
    load_balancing: LoadBalancing = LoadBalancing()
    consistency: str = "LOCAL_ONE"
    warm_up: WarmUp = WarmUp()
    metrics: Metrics = Metrics()
    batching: Batching = Batching()
    adaptive: Adaptive = Adaptive()
    retry: Retry = Retry()
    health_check: HealthCheck = HealthCheck()
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    failover: Failover = Failover()
    recovery: Recovery = Recovery()
    removal: Removal = Removal()
    logging: Logging = Logging()
    preallocated: tuple[tuple[str, int], ...] = field(default=())
    """Connections by the node's name."""
    regions: tuple[Region, ...] = field(default=())

    @property
    def remote_hosts_serve(self) -> bool:
        """Whether a request of the client's consistency level may go to another datacenter."""
        is_local = self.consistency in LOCAL_CONSISTENCY_LEVELS
        return self.load_balancing.allow_remote_for_local_consistency or not is_local
