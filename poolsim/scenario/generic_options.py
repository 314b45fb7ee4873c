"""Options of the generic driver: names, defaults, and what cannot be.

Names, numbers and switches are those of the document "Asynchronous Connections" (002:line); an
option without a line fills a gap that the document leaves, and its meaning says how.
"""

from typing import Annotated

from pydantic import Field

from poolsim.scenario import fields
from poolsim.scenario.entries import Entry
from poolsim.scenario.fields import (
    BANDWIDTH,
    DURATION,
    FLAG,
    POSITIVE_DURATION,
    SHARE,
    choice,
    whole,
)
from poolsim.scenario.generic import GenericOptions
from poolsim.scenario.options import (
    JITTER,
    JITTER_MEANING,
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

DOCUMENT = "Asynchronous Connections/002"
SECOND_NS = 1_000_000_000
STREAMS = {1: 128, 2: 128}
STREAMS_V3 = 32_768
LARGEST_FRAME = 256 * 2**20
"""Of the native protocol."""

_COUNT = whole(0)
_SIZE = fields.size(1, 2**30)
_SIZE_OR_NONE = fields.size(0, 2**40)
_FRAME = fields.size(1, LARGEST_FRAME)


def _own(name: str, field: str, line: int = 0, *, at_runtime: bool = False) -> Own:
    """An option as the document has it, at a line; without a line it has none."""
    source = f"{DOCUMENT}:{line}" if line else DOCUMENT
    return Own(name or "(not in the document)", field, source, at_runtime)


class GenericDistance(Entry):
    """Pool sizes for hosts of one distance."""

    core: Annotated[int | None, _COUNT, _own("Core connections", "core", 199, at_runtime=True)] = (
        described("Connections that a pool always keeps.")
    )
    max: Annotated[int | None, _COUNT, _own("Max connections", "max", 200, at_runtime=True)] = (
        described("Connections that a pool grows to.")
    )
    max_requests: Annotated[
        int | None,
        _COUNT,
        _own("Max requests/connection", "max_requests", 201, at_runtime=True),
    ] = described("In flight on one connection, sent and queued; more are rejected.")


class GenericPooling(Entry):
    """Pools: their sizes, and which of its connections a request is given."""

    local: GenericDistance = Field(default_factory=GenericDistance)
    remote: GenericDistance = Field(default_factory=GenericDistance)
    selection: Annotated[
        str | None,
        choice("least_loaded", "round_robin", "random", "by_shard"),
        _own("Connection selection", "generic.selection", 206),
    ] = described("Which connection of its pool a request is given.")
    shards: Annotated[int | None, whole(0, 1_000), _own("", "generic.shards")] = described(
        "Of selection by_shard: shards of a node; 0: as many as local.max."
    )
    idle_timeout: Annotated[
        int | None,
        DURATION,
        _own("threshold (of the idle time)", "idle_timeout_ns", 226, at_runtime=True),
    ] = described("A connection above core that is idle for longer is closed.")
    idle_check: Annotated[int | None, POSITIVE_DURATION, _own("", "generic.idle_check_ns")] = (
        described("From one look for idle connections to the next.")
    )
    idle_jitter: Annotated[float | None, SHARE, _own("", "generic.idle_jitter")] = described(
        "Each connection's idle_timeout is longer by anything up to this share of it."
    )
    concurrent_opens: Annotated[int | None, THREADS, _own("", "executor_threads")] = described(
        "Connections that an instance opens at a time, all pools together."
    )
    warming: Annotated[
        str | None,
        choice("before_start", "at_start", "on_demand"),
        _own("Connection warming", "generic.warming", 510),
    ] = described(
        "Core connections are there when the run begins, are opened from then on, or only when "
        "the first request comes to a host."
    )


class GenericStreams(Entry):
    """Stream ids of a connection."""

    allocation: Annotated[
        str | None,
        choice("pooled", "sequential"),
        _own("Stream management strategy", "generic.stream_allocation", 134),
    ] = described("Any free id, or one after the other: then a stuck one blocks the wrap-around.")
    max: Annotated[
        int | None,
        whole(0, STREAMS_V3),
        _own("concurrent streams per connection", "generic.streams", 111),
    ] = described("Ids before the wrap-around; 0: as many as the protocol has.")


class GenericBackpressure(Entry):
    """What happens when the driver or the application has too much to do."""

    high_watermark: Annotated[
        float | None, SHARE, _own("High watermark", "generic.high_watermark", 158)
    ] = described(
        "Share of max_requests from which on requests are queued or rejected; 100 %: there is none."
    )
    low_watermark: Annotated[
        float | None, SHARE, _own("Low watermark", "generic.low_watermark", 159)
    ] = described("Share of max_requests that, sent, is low enough to go on.")
    policy: Annotated[
        str | None, choice("queue", "reject"), _own("queued or rejected", "generic.policy", 162)
    ] = described("What becomes of requests between the two watermarks.")
    queue_timeout: Annotated[int | None, DURATION, _own("", "pool_timeout_ns")] = described(
        "How long a request waits for a connection; 0s: for ever."
    )
    busy: Annotated[
        str | None, choice("throw", "next_host"), _own("Throw exception", "generic.busy", 322)
    ] = described("A rejected request ends with BusyConnection, or goes on to its next host.")
    responses: Annotated[
        str | None,
        choice("buffer", "pause", "drop"),
        _own("Response-side backpressure", "generic.responses", 330),
    ] = described(
        "When responses wait for a callback thread and the read buffer is full: it grows, reading "
        "pauses, or the connection is dropped."
    )


class GenericHeartbeat(Entry):
    """How dead connections are found out."""

    interval: Annotated[
        int | None, DURATION, _own("Heartbeat interval", "heartbeat_interval_ns", 358)
    ] = described("From one heartbeat of a connection to the next; 0s: none.")
    timeout: Annotated[
        int | None, POSITIVE_DURATION, _own("Timeout: if no response", "heartbeat_timeout_ns", 360)
    ] = described("Without an answer for so long the connection is closed.")
    mechanism: Annotated[
        str | None,
        choice("options", "ping"),
        _own("Mechanism", "generic.heartbeat_mechanism", 359),
    ] = described("An OPTIONS request takes a stream id, a protocol-level ping does not.")


class GenericExponential(Entry):
    """Exponential backoff; the first attempt is made at once."""

    base: Annotated[
        int | None, POSITIVE_DURATION, _own("Attempt 2: 1 second", "reconnection.base_ns", 383)
    ] = described("Delay before the second attempt; it doubles after each failure.")
    max: Annotated[int | None, POSITIVE_DURATION, _own("Max delay", "reconnection.max_ns", 387)] = (
        described("Longest delay between two attempts.")
    )
    jitter: Annotated[str | None, JITTER, _own("", "reconnection.jitter")] = described(
        JITTER_MEANING + " The document has none."
    )


class GenericConstant(Entry):
    """Always the same delay; the first attempt is made at once."""

    delay: Annotated[int, POSITIVE_DURATION, _own("", "reconnection.base_ns")] = Field(
        description="Delay before every attempt but the first."
    )
    jitter: Annotated[str | None, JITTER, _own("", "reconnection.jitter")] = described(
        JITTER_MEANING + " The document has none."
    )


class GenericReconnection(Entry):
    """One of the two."""

    exponential: GenericExponential | None = None
    constant: GenericConstant | None = None


class GenericBalancing(Entry):
    """Which hosts a request tries, in which order."""

    policy: Annotated[str | None, POLICY, _own("load_balancer.select", "balancing.policy", 240)] = (
        described("The policy, or the one behind token_aware.")
    )
    token_aware: Annotated[bool | None, FLAG, _own("", "balancing.token_aware")] = described(
        "Local replicas of the key come first."
    )
    shuffle_replicas: Annotated[bool | None, FLAG, _own("", "balancing.shuffle_replicas")] = (
        described("Random order of replicas instead of ring order.")
    )
    used_hosts_per_remote_dc: Annotated[
        int | None, _COUNT, _own("", "balancing.used_hosts_per_remote_dc")
    ] = described("Hosts of each other datacenter that are connected to and tried last.")


class GenericCoalescing(Entry):
    """Requests that are written together, with one system call."""

    delay: Annotated[
        int | None, DURATION, _own("Request coalescing", "generic.batch_delay_ns", 511)
    ] = described("A batch is flushed so long after its first request; 0s: no batches.")
    requests: Annotated[
        int | None,
        whole(0, 1_000_000),
        _own("Coalescing: Batch small writes", "generic.batch_requests", 408),
    ] = described("So many requests complete a batch before its delay; 0: no number does.")


class GenericBuffers(Entry):
    """Buffers of a connection."""

    read: Annotated[
        int | None, _SIZE, _own("Per-connection read buffer", "generic.read_buffer", 400)
    ] = described("Responses that may wait for a callback; see backpressure.responses.")
    write: Annotated[
        int | None, _SIZE, _own("Per-connection write buffer", "generic.write_buffer", 407)
    ] = described("A full one is flushed.")


class GenericFrames(Entry):
    """Sizes of frames, for buffers and bandwidth."""

    request: Annotated[int | None, _FRAME, _own("", "generic.request_size")] = described(
        "A request with its header."
    )
    response: Annotated[int | None, _FRAME, _own("", "generic.response_size")] = described(
        "A response with its header."
    )


class GenericNetwork(Entry):
    """The instance's side of the network; delays belong to the cluster's datacenters."""

    bandwidth: Annotated[
        int | None, BANDWIDTH, _own("Network bandwidth", "generic.bandwidth", 501)
    ] = described("Of an instance, each way: 1Gbit/s, or unlimited.")
    tcp_nodelay: Annotated[bool | None, FLAG, _own("TCP_NODELAY", "tcp_nodelay", 100)] = described(
        "false: Nagle's algorithm holds small writes back until earlier ones arrived."
    )
    keepalive: Annotated[bool | None, FLAG, _own("SO_KEEPALIVE", "keepalive", 101)] = described(
        "Whether the kernel probes connections that are idle; the kernel's times are the client's."
    )


class GenericComponents(Entry):
    """What a request costs the I/O thread of its connection."""

    stream_allocation: Annotated[
        int | None, DURATION, _own("Stream allocation", "generic.stream_allocation_ns", 483)
    ] = described("Of each request; the document has less than 1us.")
    encoding: Annotated[
        int | None, DURATION, _own("Frame encoding", "generic.encoding_ns", 484)
    ] = described("Of each request that is not prepared; 1 to 10us.")
    prepared_encoding: Annotated[
        int | None, DURATION, _own("Frame encoding", "generic.prepared_encoding_ns", 484)
    ] = described("Of each request that is prepared.")
    prepared_statements: Annotated[
        bool | None, FLAG, _own("Prepared statements", "generic.prepared_statements", 513)
    ] = described("Which of the two holds.")
    copy_: Annotated[int | None, DURATION, _own("Buffer copy", "generic.copy_ns", 485)] = Field(
        None, alias="copy", description="Of each request and of each response; 1 to 5us."
    )
    zero_copy: Annotated[bool | None, FLAG, _own("Zero-copy buffers", "generic.zero_copy", 512)] = (
        described("Copying costs nothing.")
    )
    syscall: Annotated[
        int | None, DURATION, _own("Syscall overhead", "generic.syscall_ns", 486)
    ] = described("Of each flush and of each read from a socket; 1 to 10us.")


class GenericThreading(Entry):
    """Which threads do what."""

    model: Annotated[
        str | None,
        choice("event_loop", "thread_pool", "hybrid"),
        _own("Threading models", "generic.threading", 441),
    ] = described(
        "One thread for everything; cpu.io_threads and callback threads; an I/O thread for each "
        "connections_per_io_thread, and callback threads."
    )
    connections_per_io_thread: Annotated[
        int | None,
        whole(1, 100_000),
        _own("I/O threads: 1 per N connections", "generic.connections_per_io_thread", 470),
    ] = described("N, of the hybrid model.")
    callback_threads: Annotated[
        int | None,
        whole(0, 1_000),
        _own("Callback threads: Configurable pool", "generic.callback_threads", 471),
    ] = described("Threads that run callbacks; 0: the I/O threads do.")
    callback: Annotated[
        int | None, DURATION, _own("Execute callbacks", "generic.callback_ns", 459)
    ] = described("What the application does with a response, on the thread that runs it.")
    context_switch: Annotated[
        int | None,
        DURATION,
        _own("Context switching overhead", "generic.context_switch_ns", 18),
    ] = described(
        "Of the I/O thread, for each flush and each read from a socket; the report adds up what a "
        "thread for each request would take. The document has no number."
    )


class GenericObjectPooling(Entry):
    """Objects that are used again; the others are allocated for each request (gc.after)."""

    frames: Annotated[bool | None, FLAG, _own("Frames", "generic.pools_frames", 418)] = described(
        "Of each request and of each response; 64B each without."
    )
    byte_buffers: Annotated[
        bool | None, FLAG, _own("Byte buffers", "generic.pools_byte_buffers", 419)
    ] = described("What frames are written to and read from; frames.request and frames.response.")
    futures: Annotated[
        bool | None, FLAG, _own("Futures/Promises", "generic.pools_futures", 420)
    ] = described("Of each request; 64B without.")
    row_objects: Annotated[
        bool | None, FLAG, _own("Row objects", "generic.pools_row_objects", 421)
    ] = described("Of each response; as much as frames.response without.")


class GenericGc(Entry):
    """Pauses in which all threads of an instance stand still."""

    every: Annotated[int | None, DURATION, _own("GC pauses", "generic.gc_every_ns", 503)] = (
        described("From one pause to the next; 0s: there are none at intervals.")
    )
    after: Annotated[
        int | None, _SIZE_OR_NONE, _own("Reduce GC pressure", "generic.gc_after", 419)
    ] = described(
        "A pause whenever so much was allocated, see object_pooling; 0B: there are none of these."
    )
    pause: Annotated[int | None, DURATION, _own("GC pauses", "generic.gc_pause_ns", 503)] = (
        described("How long each lasts.")
    )


class GenericMemory(Entry):
    """For the estimate of memory in the report."""

    connection: Annotated[
        int | None, _SIZE_OR_NONE, _own("connection_overhead", "generic.connection_overhead", 433)
    ] = described("Of each connection; 0B: buffers.read and buffers.write.")
    request: Annotated[
        int | None, _SIZE, _own("request_overhead", "generic.request_overhead", 434)
    ] = described("Of each request in flight.")
    result: Annotated[
        int | None, _SIZE_OR_NONE, _own("result_overhead", "generic.result_overhead", 430)
    ] = described("Of each result that waits for its callback; 0B: frames.response.")
    thread: Annotated[int | None, _SIZE, _own("stack per thread", "generic.thread_stack", 17)] = (
        described("What a thread for each request would take, for comparison.")
    )


class GenericOptionsEntry(Entry):
    """Options of the generic driver."""

    pooling: GenericPooling = Field(default_factory=GenericPooling)
    streams: GenericStreams = Field(default_factory=GenericStreams)
    backpressure: GenericBackpressure = Field(default_factory=GenericBackpressure)
    pipelining: Annotated[bool | None, FLAG, _own("Pipelining", "generic.pipelining", 281)] = (
        described("false: a connection sends nothing before the last response has come.")
    )
    heartbeat: GenericHeartbeat = Field(default_factory=GenericHeartbeat)
    reconnection: GenericReconnection = Field(default_factory=GenericReconnection)
    connect_timeout: Annotated[int | None, POSITIVE_DURATION, _own("", "connect_timeout_ns")] = (
        described("For the TCP connection; each later message of a handshake has read_timeout.")
    )
    read_timeout: Annotated[int | None, DURATION, _own("Read timeout", "read_timeout_ns", 368)] = (
        described("Of each attempt, from its admission; 0s: none.")
    )
    max_retries: Annotated[
        int | None,
        _COUNT,
        _own("Retry on different connection", "generic.max_retries", 368),
    ] = described("Of a request after a read timeout or a broken connection.")
    retry: Annotated[str | None, RETRY, _own("Retry on different connection", "retry", 368)] = (
        described("default: idempotent requests, which all are by default; fallthrough: none.")
    )
    load_balancing: GenericBalancing = Field(default_factory=GenericBalancing)
    coalescing: GenericCoalescing = Field(default_factory=GenericCoalescing)
    buffers: GenericBuffers = Field(default_factory=GenericBuffers)
    frames: GenericFrames = Field(default_factory=GenericFrames)
    network: GenericNetwork = Field(default_factory=GenericNetwork)
    components: GenericComponents = Field(
        default_factory=lambda: GenericComponents.model_validate({})
    )
    threading: GenericThreading = Field(default_factory=GenericThreading)
    object_pooling: GenericObjectPooling = Field(default_factory=GenericObjectPooling)
    gc: GenericGc = Field(default_factory=GenericGc)
    memory: GenericMemory = Field(default_factory=GenericMemory)
    keyspace: Annotated[bool | None, FLAG, _own("", "keyspace")] = described(
        "A keyspace costs each connection one more round trip (USE)."
    )
    authentication_round_trips: Annotated[
        int | None, ROUND_TRIPS, _own("", "authentication_round_trips")
    ] = described("Round trips that authentication adds to a handshake.")


def defaults(protocol: int) -> Options:
    """The document's values (scenario/generic.py for those that only this driver has).

    002:155-159, 197-201, 355-370, 380-388. Below v3 a connection has 128 streams. Timeouts of
    requests, heartbeats and connects, and the idle threshold are not in the document: 12, 12, 5 and
    120 s, as the Java driver has them.
    """
    most = min(1_024, STREAMS.get(protocol, STREAMS_V3))
    return Options(
        local=Pooling(1, 8, most),
        remote=Pooling(1, 2, most),
        idle_timeout_ns=120 * SECOND_NS,
        pool_timeout_ns=12 * SECOND_NS,
        max_queue_size=0,
        heartbeat_interval_ns=30 * SECOND_NS,
        heartbeat_timeout_ns=12 * SECOND_NS,
        connect_timeout_ns=5 * SECOND_NS,
        read_timeout_ns=12 * SECOND_NS,
        reconnection=Reconnection("exponential", 1 * SECOND_NS, 60 * SECOND_NS),
        balancing=Balancing("dc_aware_round_robin", True, True, 0),
        retry="default",
        executor_threads=2,
        status_events=False,
        connect_to_remote_hosts=True,
        keyspace=False,
        authentication_round_trips=0,
        keepalive=True,
        generic=GenericOptions(),
    )


def refusals(options: Options, protocol: int) -> list[Refusal]:
    """What contradicts itself."""
    own = options.generic
    assert own is not None
    found = []
    for distance in ("local", "remote"):
        pooling: Pooling = getattr(options, distance)
        if pooling.core > pooling.max:
            found.append(
                Refusal(
                    f"{distance}.core",
                    f"core {pooling.core} is above max {pooling.max}: a pool has no more than max",
                    (f"{distance}.max",),
                )
            )
        for field, message in (
            ("max", "max 0: a pool without connections takes no request"),
            ("max_requests", "max_requests 0: a connection takes no request"),
        ):
            if getattr(pooling, field) == 0:
                found.append(Refusal(f"{distance}.{field}", message))
    streams = STREAMS.get(protocol, STREAMS_V3)
    if own.streams > streams:
        message = f"{own.streams} is above {streams}, the streams of a connection on v{protocol}"
        found.append(Refusal("generic.streams", message))
    if own.high_watermark == 0:
        message = "0% is no watermark: every request would wait for an answer to none"
        found.append(Refusal("generic.high_watermark", message))
    elif own.low_watermark > own.high_watermark:
        message = "low_watermark is above high_watermark"
        found.append(Refusal("generic.low_watermark", message, ("generic.high_watermark",)))
    if 0 < own.gc_every_ns <= own.gc_pause_ns:
        message = "a pause as long as the time from one to the next: the client would never run"
        found.append(Refusal("generic.gc_pause_ns", message, ("generic.gc_every_ns",)))
    reconnection = options.reconnection
    if reconnection.kind == "exponential" and reconnection.max_ns < reconnection.base_ns:
        message = "max is below base"
        found.append(Refusal("reconnection.max_ns", message, ("reconnection.base_ns",)))
    return found


GENERIC = Driver(
    name="generic",
    title="A driver as the document on asynchronous connections describes it",
    pools="One pool per session and host: grows when all connections are at their maximum, closes "
    "idle ones, with watermarks and a queue for each connection.",
    entry=GenericOptionsEntry,
    defaults=defaults,
    refusals=refusals,
    io_threads=2,
    io_threads_fixed=False,
    idempotent=1.0,
)
