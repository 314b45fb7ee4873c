"""The scenario file, block by block: keys, kinds of values, defaults that no driver decides.

pydantic checks the shape here (unknown keys, missing keys, wrong units); what concerns more than
one value is checked in `resolve.py` and its neighbours. Descriptions are what an editor shows.

Annotations are evaluated where they stand (no `from __future__ import annotations` here and in the
drivers' options): pydantic would compile each from its text, at every start of the program.
"""

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr
from pydantic.functional_validators import model_validator

from poolsim.scenario import fields
from poolsim.scenario.document import Block
from poolsim.scenario.fields import Multiple, Shorthand, whole
from poolsim.scenario.mistakes import TreePath
from poolsim.scenario.units import ShareOfRun

Moment = int | ShareOfRun

MOST_NODES = 1_000
"""A run notes the node of each failed attempt in ten bits."""
MOST_INSTANCES = 100_000
MOST_ITEMS = 1_000
"""Of clients, faults, changes, phases and expectations each."""
DEFAULT_SEED = 1
DEFAULT_REPLICATIONS = 5
"""Enough for an interval, few enough to wait for."""
RECORDED_NODES = ("paced", "bare")
COMPARISONS = (
    "growth",
    "trash",
    "close",
    "resurrection",
    "peak",
    "rejections",
    "reconnection",
    "latency",
    "throughput",
    "wait",
)
"""What a recording of a real driver can be compared in."""
FIRST_REPLICATIONS = 10
MOST_REPLICATIONS = 40


class Entry(BaseModel):
    """A block of the file that remembers where it stands."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True
    )
    stand_in: ClassVar[dict[str, Any] | None] = None
    """What takes the place of a required block that is missing or wrong."""
    _path: TreePath = PrivateAttr(default=())

    @property
    def path(self) -> TreePath:
        """The block's place in the file."""
        return self._path

    @model_validator(mode="wrap")
    @classmethod
    def _remember_path(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        entry = handler(data)
        if isinstance(data, Block):
            entry._path = data.path
        return entry


def one_of(*names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """JSON Schema of a block that holds exactly one of some keys."""
    most = 1 + len(optional)
    return {
        "minProperties": 1,
        "maxProperties": most,
        "oneOf": [{"required": [name]} for name in names],
    }


# Laws of durations --------------------------------------------------------------------------------


class MeanEntry(Entry):
    """A law with a mean only."""

    mean: Annotated[int, fields.DURATION] = Field(description="The mean.")


class LognormalEntry(Entry):
    """A lognormal law by two of its percentiles."""

    median: Annotated[int, fields.POSITIVE_DURATION] = Field(description="The median (p50).")
    p99: Annotated[int, fields.POSITIVE_DURATION] = Field(description="The 99th percentile.")


class GammaEntry(Entry):
    """A gamma law."""

    mean: Annotated[int, fields.POSITIVE_DURATION] = Field(description="The mean.")
    shape: Annotated[float, fields.POSITIVE_NUMBER] = Field(
        description="1 is exponential; above 1 steadier, below 1 burstier."
    )


class EmpiricalEntry(Entry):
    """Measured values, from a file or written out."""

    file: Annotated[str | None, fields.TEXT] = Field(
        None, description="CSV or Parquet with a column `service` (seconds, or with a unit)."
    )
    samples: list[Annotated[int, fields.DURATION]] = Field(
        default_factory=list, description="The samples themselves, instead of a file."
    )
    sha256: Annotated[str | None, fields.TEXT] = Field(
        None, description="What the file must hash to; otherwise it has changed."
    )


MEAN_SHORTHAND = Shorthand("mean", fields.DURATION_SCHEMA)


class LawEntry(Entry):
    """A law of durations: exactly one of these."""

    stand_in: ClassVar[dict[str, Any] | None] = {"constant": "1ms"}
    model_config = ConfigDict(
        json_schema_extra=one_of(
            "constant", "exponential", "lognormal", "gamma", "percentiles", "empirical"
        )
    )
    constant: Annotated[MeanEntry | None, MEAN_SHORTHAND] = Field(
        None, description="Always the same: `constant: 2ms`."
    )
    exponential: Annotated[MeanEntry | None, MEAN_SHORTHAND] = Field(
        None, description="Memoryless: `exponential: {mean: 2ms}`."
    )
    lognormal: LognormalEntry | None = Field(
        None, description="Skewed as service times are: `lognormal: {median: 1.2ms, p99: 12ms}`."
    )
    gamma: GammaEntry | None = Field(None, description="`gamma: {mean: 2ms, shape: 4}`.")
    percentiles: dict[str, Annotated[int, fields.DURATION]] | None = Field(
        None,
        description="Points of the law, straight lines between them: "
        "`percentiles: {p50: 1.2ms, p99: 12ms, p99.9: 80ms}`.",
        json_schema_extra={
            "minProperties": 2,
            "propertyNames": {"pattern": r"^p(100|[0-9]{1,2}(\.[0-9]+)?)$"},
        },
    )
    empirical: EmpiricalEntry | None = Field(
        None, description="Drawn from measured values: `empirical: {file: service.csv}`."
    )


# The cluster --------------------------------------------------------------------------------------


class NetworkEntry(Entry):
    """Delays on the way to a datacenter."""

    delay: Annotated[int, fields.DURATION] = Field(
        250_000, description="One way, from any client to these nodes (default 250us)."
    )
    delays_from: dict[str, Annotated[int, fields.DURATION]] = Field(
        default_factory=dict,
        alias="from",
        description="One way for clients of the datacenters named: `from: {dc2: 40ms}`.",
    )


class DatacenterEntry(Entry):
    """One datacenter."""

    nodes: Annotated[int, whole(1, MOST_NODES)] = Field(
        description="How many; node k is `NAME/k`, counting from 1."
    )
    replication_factor: Annotated[int | None, whole(1, MOST_NODES)] = Field(
        None, description="Replicas of each key here (default 3, or all nodes if fewer)."
    )
    racks: Annotated[int, whole(1, MOST_NODES)] = Field(
        1, description="Racks that the nodes are dealt over (default 1)."
    )
    network: NetworkEntry = Field(default_factory=lambda: NetworkEntry.model_validate({}))


class NodeEntry(Entry):
    """What every node of the cluster is."""

    stand_in: ClassVar[dict[str, Any] | None] = {"service": {"constant": "1ms"}}
    service: LawEntry = Field(description="How long a worker takes for a request.")
    workers: Annotated[int, whole(1, 100_000)] = Field(
        32, description="Requests served at once (default 32, as concurrent_reads)."
    )
    accepts: Annotated[float | None, fields.RATE] = Field(
        None, description="Connections accepted per second, such as 500/s (default: no limit)."
    )
    release_version: Annotated[str | None, fields.FILE_NAME] = Field(
        None,
        description="What nodes say that they run, for monitors that show it (default 5.0.5).",
    )


class ClusterEntry(Entry):
    """The cluster."""

    stand_in: ClassVar[dict[str, Any] | None] = {
        "datacenters": {},
        "node": {"service": {"constant": "1ms"}},
    }
    datacenters: dict[str, DatacenterEntry] = Field(
        description="By name; order decides the numbering of nodes.",
        json_schema_extra={
            "minProperties": 1,
            "propertyNames": {"pattern": fields.NAME_PATTERN},
        },
    )
    node: NodeEntry = Field(description="What every node is.")


# Loads --------------------------------------------------------------------------------------------


class RateEntry(Entry):
    """Arrivals at a rate."""

    rate: Annotated[float, fields.RATE] = Field(
        description="Requests per second of all instances together: 20k/s."
    )


class BurstsEntry(Entry):
    """Many requests at once, again and again."""

    size: Annotated[int, whole(1, 10_000_000)] = Field(description="Requests of one burst.")
    every: Annotated[int | None, fields.POSITIVE_DURATION] = Field(
        None, description="Time from burst to burst (default: one burst only)."
    )
    first: Annotated[Moment | None, fields.MOMENT] = Field(
        None, description="When the first comes (default: after `every`; a single one at 1s)."
    )


class ClosedEntry(Entry):
    """A closed loop: an answer lets the next request go."""

    window: Annotated[int, whole(1, 10_000_000)] = Field(
        description="Requests kept in flight by all instances together."
    )
    error_pause: Annotated[int, fields.POSITIVE_DURATION] = Field(
        1_000_000, description="Pause after a request that failed (default 1ms, never 0)."
    )


class UsersEntry(Entry):
    """A closed loop of people who think between requests."""

    count: Annotated[int, whole(1, 10_000_000)] = Field(description="Users of all instances.")
    think: Annotated[LawEntry, Shorthand("constant", fields.DURATION_SCHEMA)] = Field(
        description="Time between an answer and the next request: a law, or a constant time."
    )
    error_pause: Annotated[int, fields.POSITIVE_DURATION] = Field(
        1_000_000, description="Pause after a request that failed (default 1ms, never 0)."
    )


class TraceEntry(Entry):
    """Recorded arrivals, from a file or written out."""

    file: Annotated[str | None, fields.TEXT] = Field(
        None,
        description="CSV or Parquet with columns time[, service][, key]; "
        "times in seconds from the start of the run, or with a unit.",
    )
    times: list[Annotated[int, fields.DURATION]] = Field(
        default_factory=list, description="The times themselves, instead of a file."
    )
    services: list[Annotated[int, fields.DURATION]] = Field(
        default_factory=list, description="A service time for each of `times`."
    )
    keys: list[Annotated[int, whole(0, 2**62)]] = Field(
        default_factory=list, description="A key for each of `times`."
    )
    sha256: Annotated[str | None, fields.TEXT] = Field(
        None, description="What the file must hash to; otherwise it has changed."
    )


class PhaseEntry(Entry):
    """From `at` on, for a while, another level: exactly one of rate, ramp_to, window, users."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in ("rate", "ramp_to", "window", "users")]
        }
    )
    at: Annotated[Moment, fields.MOMENT] = Field(description="When it begins: 60s, or 50%.")
    duration: Annotated[Moment | None, fields.SPAN] = Field(
        None,
        alias="for",
        description="How long (default: until the next phase, or to the end).",
    )
    name: Annotated[str | None, fields.NAME] = Field(
        None, description="For `@name` in expectations (default phase1, phase2, ...)."
    )
    rate: Annotated[float | Multiple | None, fields.LEVEL] = Field(
        None, description="The rate steps to 40k/s, or to x3 of the base."
    )
    ramp_to: Annotated[float | Multiple | None, fields.LEVEL] = Field(
        None, description="The rate rises or falls evenly to 40k/s or x3 within `for`."
    )
    window: Annotated[int | None, whole(0, 10_000_000)] = Field(
        None, description="The window of a closed load."
    )
    users: Annotated[int | None, whole(0, 10_000_000)] = Field(
        None, description="The number of users."
    )


LOAD_KINDS = ("poisson", "uniform", "bursts", "closed", "users", "trace")


class LoadEntry(Entry):
    """Exactly one kind of load, for all instances together, with phases where it has a level."""

    stand_in: ClassVar[dict[str, Any] | None] = {"poisson": {"rate": "1/s"}}
    model_config = ConfigDict(json_schema_extra=one_of(*LOAD_KINDS, optional=("phases",)))
    poisson: RateEntry | None = Field(None, description="Independent arrivals: `{rate: 20k/s}`.")
    uniform: RateEntry | None = Field(None, description="Evenly spaced arrivals: `{rate: 20k/s}`.")
    bursts: BurstsEntry | None = Field(
        None, description="Many at once: `{size: 5000, every: 10s}`."
    )
    closed: ClosedEntry | None = Field(
        None, description="So many always in flight: `{window: 50}`."
    )
    users: UsersEntry | None = Field(
        None, description="People who wait and think: `{count: 100, think: 1s}`."
    )
    trace: TraceEntry | None = Field(None, description="Recorded arrivals: `{file: trace.csv}`.")
    phases: list[PhaseEntry] = Field(
        default_factory=list, description="Steps, ramps and spikes of the level."
    )


# Clients ------------------------------------------------------------------------------------------


class CpuEntry(Entry):
    """What a request costs the client's threads."""

    issue: Annotated[int, fields.DURATION] = Field(
        10_000, description="Of the issuing thread, per request (default 10us)."
    )
    per_request: Annotated[int, fields.DURATION] = Field(
        0, description="Of a connection's I/O thread, per request (default 0s)."
    )
    crosstalk: Annotated[int, fields.DURATION] = Field(
        0,
        description="Of that thread, per response and other request in flight in the process: "
        "what requests under way cost one another (default 0s).",
    )
    io_threads: Annotated[int | None, whole(1, 1_000)] = Field(
        None, description="I/O threads of an instance (default 2; python always has 1)."
    )


class LimitEntry(Entry):
    """The application's own limit."""

    max_concurrent: Annotated[int, whole(1, 10_000_000)] = Field(
        description="The application's own semaphore, per instance."
    )


class KernelEntry(Entry):
    """TCP settings of the machines that the instances run on, as Linux calls them."""

    tcp_keepalive_time: Annotated[int, fields.POSITIVE_DURATION] = Field(
        7_200_000_000_000,
        description="Idle for so long, a connection is probed, if its driver has keepalive on "
        "(default 7200s).",
    )
    tcp_keepalive_intvl: Annotated[int, fields.POSITIVE_DURATION] = Field(
        75_000_000_000, description="From a probe without an answer to the next (default 75s)."
    )
    tcp_keepalive_probes: Annotated[int, whole(1, 127)] = Field(
        9, description="Probes without an answer until the connection is dead (default 9)."
    )
    tcp_retries2: Annotated[int, whole(0, 255)] = Field(
        15,
        description="So often data without acknowledgement are sent again before the connection "
        "is dead (default 15, which takes 924.6s).",
    )


class ClientEntry(Entry):
    """So many instances of one application."""

    driver: Annotated[str, fields.TEXT] = Field(description="`poolsim drivers` lists them.")
    load: LoadEntry
    name: Annotated[str | None, fields.NAME] = Field(
        None, description="For metrics and changes (default client1, client2, ...)."
    )
    instances: Annotated[int, whole(1, MOST_INSTANCES)] = Field(
        1, description="Processes of this kind, each with its own session (default 1)."
    )
    datacenter: Annotated[str | None, fields.NAME] = Field(
        None, description="Where they run (default: the first datacenter)."
    )
    protocol: Annotated[int, fields.PROTOCOL] = Field(
        4, description="Native protocol version (default v4); decides the driver's defaults."
    )
    idempotent: Annotated[float | None, fields.SHARE] = Field(
        None,
        description="Whether requests may be sent twice: true, false or a share (default: as in "
        "the driver: false, of the generic one true).",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="The driver's options, in its own names: `poolsim drivers NAME`.",
    )
    cpu: CpuEntry = Field(default_factory=lambda: CpuEntry.model_validate({}))
    limit: LimitEntry | None = None
    kernel: KernelEntry = Field(default_factory=lambda: KernelEntry.model_validate({}))


# What happens on the way --------------------------------------------------------------------------

FAULT_KINDS = (
    "stop",
    "pause",
    "slow",
    "silent",
    "refuse",
    "write_failure",
    "protocol_error",
    "overloaded",
    "middlebox",
    "add",
    "remove",
)


class FaultEntry(Entry):
    """Something that happens to a node, or between it and its clients."""

    at: Annotated[Moment, fields.MOMENT] = Field(description="When it begins: 60s, or 50%.")
    node: Annotated[str, fields.NODE_NAMES] = Field(
        description="Which node: dc1/3, or dc1/* for each of dc1."
    )
    kind: Annotated[str, fields.choice(*FAULT_KINDS)] = Field(
        description="stop: the process ends and its connections break; pause: it freezes, and "
        "goes on where it stood; slow: it takes `factor` times as long; silent: it accepts "
        "connections and never answers; refuse: it accepts no new connection; write_failure: what "
        "clients write to it fails, which breaks the connection; protocol_error: what it answers "
        "cannot be decoded, which breaks the connection; overloaded: it answers every request with "
        "an error, and nothing breaks; middlebox: connections to it that are "
        "idle for `idle_timeout` are dropped, and nobody is told; add: it joins the ring; remove: "
        "it leaves the ring and drains for `drain_timeout`."
    )
    duration: Annotated[Moment | None, fields.SPAN] = Field(
        None, alias="for", description="How long (default: to the end of the run)."
    )
    factor: Annotated[float | None, fields.FACTOR] = Field(
        None, description="Of `slow`: service takes so many times as long."
    )
    idle_timeout: Annotated[int | None, fields.POSITIVE_DURATION] = Field(
        None, description="Of `middlebox`: connections that are idle for so long are dropped."
    )
    drain_timeout: Annotated[int | None, fields.DURATION] = Field(
        None,
        description="Of `remove`: so long it may finish what it has; then what is left is broken "
        "off (default 0s: at once).",
    )


class ChangeEntry(Entry):
    """Options that are set while the run goes on."""

    at: Annotated[Moment, fields.MOMENT] = Field(description="When: 90s, or 50%.")
    client: Annotated[str, fields.NAME] = Field(description="Whose options.")
    values: dict[str, Any] = Field(
        alias="set", description="Options by path: `{pooling.local.max: 8}`."
    )


# The same on a real driver ------------------------------------------------------------------------


class RecordEntry(Entry):
    """How `poolsim record` does the same with a real driver; nothing else looks at it."""

    nodes: Annotated[str, fields.choice(*RECORDED_NODES)] = Field(
        "paced",
        description="paced: a proxy gives each node this file's workers and service law "
        "(default); bare: the nodes as they are.",
    )
    compare: list[Annotated[str, fields.choice(*COMPARISONS)]] = Field(
        default_factory=list,
        description="What `poolsim validate` compares (default: all that it can).",
        json_schema_extra={"maxItems": len(COMPARISONS), "uniqueItems": True},
    )
    repetitions: Annotated[int, whole(1, 100)] = Field(
        5, description="Recordings of the same plan (default 5)."
    )
    sample_every: Annotated[int, fields.POSITIVE_DURATION] = Field(
        20_000_000, description="From one look at the pools to the next (default 20ms)."
    )
    driver_version: Annotated[str | None, fields.FILE_NAME] = Field(
        None, description="Such as 3.11.5 (default: the one that the harness comes with)."
    )


# The whole file -----------------------------------------------------------------------------------


class UntilEntry(Entry):
    """When the interval is narrow enough."""

    metric: Annotated[str, fields.TEXT] = Field(description="Such as latency.p99.")
    half_width: Annotated[float, fields.HALF_WIDTH] = Field(
        description="Of its 95 % interval, as a share of the mean: 5%."
    )


class ReplicationsEntry(Entry):
    """How often the run is repeated with other draws."""

    count: Annotated[int | None, whole(1, 100_000)] = Field(
        None, description="So many; `replications: 5` says the same."
    )
    until: UntilEntry | None = Field(None, description="Stop when the interval is this narrow.")
    fewest: Annotated[int | None, whole(2, 100_000)] = Field(
        None, alias="min", description="Before the interval is looked at (default 10)."
    )
    most: Annotated[int | None, whole(2, 100_000)] = Field(
        None, alias="max", description="At most so many (default 40)."
    )


class FileEntry(Entry):
    """A scenario: a cluster, its clients and their load, faults, and what is expected."""

    duration: Annotated[int, fields.POSITIVE_DURATION] = Field(description="Length of the run.")
    cluster: ClusterEntry
    clients: list[ClientEntry] = Field(json_schema_extra={"minItems": 1, "maxItems": MOST_ITEMS})
    name: Annotated[str | None, fields.FILE_NAME] = Field(
        None, description="Names the results (default: the file's name)."
    )
    question: Annotated[str, fields.TEXT] = Field(
        "", description="What this scenario is to answer."
    )
    seed: Annotated[int, whole(0, 2**62)] = Field(
        DEFAULT_SEED, description="Of every random draw (default 1)."
    )
    warm_up: Annotated[Moment | None, fields.WARM_UP] = Field(
        None,
        description="Requests before it are not measured: auto (default; 0s when there are "
        "faults), 0s or a time.",
    )
    replications: Annotated[
        ReplicationsEntry,
        Shorthand("count", {"type": "integer", "minimum": 1, "maximum": 100_000}),
    ] = Field(
        default_factory=lambda: ReplicationsEntry.model_validate({}),
        description="Runs with other draws (default 5), or "
        "{until: {metric: latency.p99, half_width: 5%}, max: 40}.",
    )
    faults: list[FaultEntry] = Field(
        default_factory=list, json_schema_extra={"maxItems": MOST_ITEMS}
    )
    changes: list[ChangeEntry] = Field(
        default_factory=list,
        description="Options set while the run goes on.",
        json_schema_extra={"maxItems": MOST_ITEMS},
    )
    expect: list[Annotated[str, fields.TEXT]] = Field(
        default_factory=list,
        description="What must hold: `latency.p99 < 20ms` (`poolsim metrics` lists metrics).",
        json_schema_extra={"maxItems": MOST_ITEMS},
    )
    record: RecordEntry | None = Field(
        None, description="Makes the scenario a plan that a real driver can be recorded by."
    )
    cost: Annotated[str, fields.TEXT] = Field(
        "",
        description="For `poolsim recommend`: what settings cost, a formula of metrics and "
        "settings such as `open_connections.max@peak + 40 * instances` (default: open connections "
        "at the peak, of equals the fewest instances, then the smallest queue).",
    )
    peak: Annotated[str | None, fields.NAME] = Field(
        None,
        description="For `poolsim recommend`: the phase to choose for (default: the highest).",
    )
    search: dict[str, Annotated[str, fields.VALUES]] = Field(
        default_factory=dict,
        description="For `poolsim recommend`: what to choose among, by path: "
        "`{clients.api.instances: 1..8, clients.api.options.pooling.local.core+max: '1,2,4'}`.",
    )
    headroom: Annotated[float, fields.HEADROOM] = Field(
        0.0,
        description="For `poolsim recommend`: how much more load than there is settings must bear, "
        "such as 30% (default 0%).",
    )
    node_loss: Annotated[bool | None, fields.FLAG] = Field(
        None,
        description="For `poolsim recommend`: whether settings must meet the expectations with "
        "one node lost too (default: true where the datacenter has more than one node).",
    )
