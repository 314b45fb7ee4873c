"""The resolved scenario: what a file means once every default is filled in.

Everything here is frozen, in model units (integer nanoseconds, counts, plain floats for shares and
rates) and complete: nothing that follows asks the file again. `load.py` makes it from a file;
`model/build.py` turns it into the model's tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from poolsim.scenario.generic import GenericOptions
from poolsim.scenario.orm import Orm


@dataclass(frozen=True, slots=True)
class Source:
    """The file that values came from, and what it hashed to; no part of what a scenario means."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Law:
    """A law of durations. `kind` names it; the other fields belong to one kind each.

    constant: `mean_ns`; exponential: `mean_ns`; lognormal: `median_ns`, `p99_ns`;
    gamma: `mean_ns`, `shape`; percentiles: `points`, pairs (share in 0..1, ns) in rising order;
    empirical: `samples_ns`, read from a file, in rising order.
    """

    kind: str
    mean_ns: int = 0
    median_ns: int = 0
    p99_ns: int = 0
    shape: float = 0.0
    points: tuple[tuple[float, int], ...] = ()
    samples_ns: tuple[int, ...] = ()
    source: Source | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Datacenter:
    """One datacenter. Node k of it is written `name/k`, counting from 1.

    `delay_ns` is the one-way delay from any client to its nodes, `delays_from_ns` replaces it for
    clients of the datacenters it names. Node k lies in rack `(k - 1) % racks`.
    """

    name: str
    nodes: int
    replication_factor: int
    racks: int
    delay_ns: int
    delays_from_ns: tuple[tuple[str, int], ...] = ()


RELEASE_VERSION = "5.0.5"
"""Of the Cassandra that real drivers were recorded against (harness/)."""


@dataclass(frozen=True, slots=True)
class Node:
    """What every node of the cluster is: FIFO workers with a service law.

    `accepts_per_second` limits how fast it accepts connections (0: no limit). `release_version` is
    what clients are told and changes nothing.
    """

    workers: int
    service: Law
    accepts_per_second: float = 0.0
    release_version: str = RELEASE_VERSION


@dataclass(frozen=True, slots=True)
class Pooling:
    """Options of a pool for one distance, as the driver resolved them for the protocol.

    java3 uses all but `min_requests`; python on v1/v2 uses core, max, min_requests and
    max_requests; python on v3+ fixes core = max = 1; nodejs uses core, which is max, and
    max_requests, the same for both distances.
    """

    core: int
    max: int
    max_requests: int
    new_connection_threshold: int = 0
    min_requests: int = 0


@dataclass(frozen=True, slots=True)
class Reconnection:
    """`kind`: exponential (base, max) or constant (base).

    `jitter`: own (the driver's), none, 15% or full (model/policies/reconnection.py).
    """

    kind: str
    base_ns: int
    max_ns: int
    max_attempts: int = 0
    """0: no limit."""
    jitter: str = "own"
    start_with_no_delay: bool = False
    """nodejs: whether the first attempt of a schedule is made at once."""


@dataclass(frozen=True, slots=True)
class Balancing:
    """`policy`: dc_aware_round_robin, round_robin, random, least_in_flight; nodejs: default.

    `token_aware` puts the local replicas first, shuffled where `shuffle_replicas`.
    """

    policy: str
    token_aware: bool
    shuffle_replicas: bool
    used_hosts_per_remote_dc: int


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What an application uses between itself and its driver; without a name nothing.

    `warm_up`: whether a query is sent to each host before the load begins. `rate_limited`: whether
    at most `max_concurrent` requests are with the driver. `monitored`: whether all hosts are looked
    at, and again `monitor_interval_ns` after that.
    """

    name: str = ""
    warm_up: bool = False
    rate_limited: bool = False
    max_concurrent: int = 0
    monitored: bool = False
    monitor_interval_ns: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """A driver's options, complete. Times of 0 mean what the driver means by 0."""

    local: Pooling
    remote: Pooling
    idle_timeout_ns: int
    pool_timeout_ns: int
    max_queue_size: int
    heartbeat_interval_ns: int
    heartbeat_timeout_ns: int
    connect_timeout_ns: int
    read_timeout_ns: int
    """java3, nodejs: per attempt, from the write; python: `request_timeout`, the whole request."""
    reconnection: Reconnection
    balancing: Balancing
    retry: str
    """default (the driver's default policy) or fallthrough (never)."""
    executor_threads: int
    status_events: bool
    connect_to_remote_hosts: bool
    keyspace: bool
    authentication_round_trips: int
    generic: GenericOptions | None = None
    """What only the generic driver has."""
    tcp_nodelay: bool = True
    """False: Nagle's algorithm is on."""
    defunct_read_timeout_threshold: int = 64
    """nodejs: a connection with more timeouts unanswered is closed."""
    warmup: bool = True
    """nodejs: whether local hosts have all their connections before the client is connected."""
    keepalive: bool = False
    """Whether the driver asks the kernel to probe connections that are idle (SO_KEEPALIVE)."""
    wrapper: Wrapper = Wrapper()
    orm: Orm = field(default_factory=Orm)
    """cassandraorm: all that it adds to the driver."""


@dataclass(frozen=True, slots=True)
class Phase:
    """From `at_ns` the base (rate, window or user count) is multiplied, set or ramped.

    `kind`: rate (step to `value`), ramp (linear from the level before to `value`, reached at
    `at_ns + for_ns`), window, users. `value` is absolute, already resolved from `x3`. After
    `for_ns` the base level returns; `for_ns` of 0 means until the next phase of this list or the
    end of the run. A ramp's level returns to the base after it unless the next phase begins there.
    """

    name: str
    kind: str
    at_ns: int
    for_ns: int
    value: float


@dataclass(frozen=True, slots=True)
class Load:
    """`kind`: poisson, uniform (rate per second), bursts (`size` requests every `every_ns` from
    `first_ns`), closed (`window`, `error_pause_ns`), users (`count`, `think`, `error_pause_ns`),
    trace (`times_ns`, optional `services_ns` and `keys`, same length). Totals of the client entry,
    dealt over its instances.
    """

    kind: str
    rate: float = 0.0
    size: int = 0
    every_ns: int = 0
    first_ns: int = 0
    window: int = 0
    count: int = 0
    think: Law | None = None
    error_pause_ns: int = 0
    times_ns: tuple[int, ...] = ()
    services_ns: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()
    phases: tuple[Phase, ...] = ()
    source: Source | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a client's kernel does for connections of which it hears nothing; Linux's defaults.

    A connection that was idle for `keepalive_time_ns` is probed, if its driver asked for that, and
    given up after `keepalive_probes` probes without an answer, `keepalive_interval_ns` apart. Data
    without an acknowledgement are sent again `retries` times.
    """

    keepalive_time_ns: int = 7_200_000_000_000
    keepalive_interval_ns: int = 75_000_000_000
    keepalive_probes: int = 9
    retries: int = 15

    @property
    def retransmission_timeout_ns(self) -> int:
        """From a write to the loss of the connection: each repetition waits twice as long as the
        one before, from 200 ms to 120 s at most (Linux, Documentation/networking/ip-sysctl.rst,
        tcp_retries2: 924.6 s by default)."""
        waits = (min(200_000_000 << k, 120_000_000_000) for k in range(self.retries + 1))
        return sum(waits)


@dataclass(frozen=True, slots=True)
class Client:
    """One entry of `clients`: so many instances, each with its own session."""

    name: str
    instances: int
    datacenter: str
    driver: str
    protocol: int
    idempotent: float
    """Share of requests that are idempotent, 0..1."""
    options: Options
    issue_ns: int
    per_request_ns: int
    io_threads: int
    load: Load
    max_concurrent: int
    """0: no limit."""
    kernel: Kernel = Kernel()
    crosstalk_ns: int = 0
    """What reading a response costs the I/O thread more for each other request in flight."""

    @property
    def driver_name(self) -> str:
        """What the file names: the wrapper where there is one, else the driver."""
        return self.options.wrapper.name or self.driver


STATUS_AFTER_NS = 350_000_000
"""The event travels by gossip, in rounds of a second that either side may begin: 0.09 to 0.76 s,
0.34 s on average, in eleven recorded restarts of Cassandra 5.0.5 (plans kill-one-of-two and
kill-one-of-three), without the driver's debounce."""

NO_STATUS = -1


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind`: a key of `model.build.FAULT_KINDS`; from `at_ns` for `for_ns` (0: to the end).

    `factor` is of slow. `add` and `remove` have no end; the node of an `add` without an earlier
    `remove` is not there before it.
    """

    at_ns: int
    for_ns: int
    node: int
    """Index over all nodes, in the order of the datacenters."""
    node_name: str
    kind: str
    factor: float = 1.0
    status_after_ns: int = STATUS_AFTER_NS
    """From the node's return to the other nodes' status event about it; NO_STATUS: none comes."""
    idle_timeout_ns: int = 0
    """Of a middlebox: what is idle for so long is dropped."""
    drain_timeout_ns: int = 0
    """Of a removal: so long may the node finish what it has."""

    @property
    def changes_members(self) -> bool:
        """Whether it is no fault, but a node that joins the ring or leaves it."""
        return self.kind in ("add", "remove")

    def end_ns(self, duration_ns: int) -> int:
        """When it is over, at the end of the run at the latest: of a node that joins at once, of
        one that leaves when it has drained."""
        if self.changes_members:
            return min(self.at_ns + self.drain_timeout_ns, duration_ns)
        return min(self.at_ns + self.for_ns, duration_ns) if self.for_ns else duration_ns


@dataclass(frozen=True, slots=True)
class Change:
    """An option of one client set at runtime. `path` is dotted, `value` in model units."""

    at_ns: int
    client: str
    path: str
    value: int


@dataclass(frozen=True, slots=True)
class Replications:
    """`count` runs, or from `count` up to `maximum` until the half-width of `metric` is small."""

    count: int
    metric: str = ""
    half_width: float = 0.0
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class Expectation:
    """`text` as written, taken apart: metric, comparison (<, <=, ==, >=, >), value in SI units
    (seconds, counts, shares, per second).
    """

    text: str
    client: str
    metric: str
    statistic: str
    phase: str
    comparison: str
    value: float


@dataclass(frozen=True, slots=True)
class Recording:
    """How a real driver is recorded doing the same; a simulation does not look at it.

    `nodes`: paced or bare. `compare`: of `entries.COMPARISONS`, in that order.
    `driver_version`: "" for the one that the harness comes with.
    """

    nodes: str
    compare: tuple[str, ...]
    repetitions: int
    sample_every_ns: int
    driver_version: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `recommend` and `sweep` are to know: no run depends on it.

    `cost`: a formula, "" for the default one; `peak`: the phase that settings are chosen for, ""
    where none is named; `search`: pairs (path, values as written) to choose among; `node_loss`:
    whether settings must hold with one node lost too, None where the cluster decides; `headroom`:
    how much more load they must bear, as a share of what there is.
    """

    cost: str = ""
    peak: str = ""
    search: tuple[tuple[str, str], ...] = ()
    node_loss: bool | None = None
    headroom: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario, checked and complete."""

    name: str
    question: str
    seed: int
    duration_ns: int
    warm_up_ns: int | None
    """None: found from the data (`warm_up: auto` without faults)."""
    replications: Replications
    datacenters: tuple[Datacenter, ...]
    node: Node
    clients: tuple[Client, ...]
    faults: tuple[Fault, ...] = ()
    changes: tuple[Change, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    plan: Plan = Plan()
    path: Path | None = None
    recording: Recording | None = field(default=None, compare=False)

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of all nodes, by index."""
        return tuple(
            f"{datacenter.name}/{k + 1}"
            for datacenter in self.datacenters
            for k in range(datacenter.nodes)
        )
