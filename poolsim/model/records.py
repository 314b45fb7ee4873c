"""The state of the model: records of integers that refer to each other by index.

A record class lists its fields with their meaning; a driver adds its own with `@extends`. The
SimPy engine uses slotted objects of these fields, a compiled engine structured arrays of the same
fields in the same order (every field is an int64). -1 means "none" in every field that is an
index; times are nanoseconds since the start of the run.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from heapq import heapreplace
from struct import Struct
from typing import Any

FIELDS: dict[str, dict[str, int]] = {}
"""Fields of each record with their initial values, extensions included, in order."""


def _own_fields(cls: type) -> dict[str, int]:
    return {name: getattr(cls, name) for name in cls.__annotations__}


def record(cls: type) -> type:
    """Register a record class: annotated integers with their initial values."""
    FIELDS[cls.__name__] = _own_fields(cls)
    return cls


def extends(base: type) -> Callable[[type], type]:
    """Register a driver's additional fields of a record."""

    def add(cls: type) -> type:
        for name, value in _own_fields(cls).items():
            known = FIELDS[base.__name__]
            assert known.get(name, value) == value, f"{base.__name__}.{name} starts differently"
            known[name] = value
        return cls

    return add


def slotted(name: str) -> Callable[[], Any]:
    """A constructor of slotted objects of a record, all fields at their initial values."""
    fields = FIELDS[name]
    body = "\n".join(f"        self.{field} = {value}" for field, value in fields.items())
    source = f"class {name}:\n    __slots__ = {tuple(fields)!r}\n    def __init__(self):\n{body}\n"
    scope: dict[str, Any] = {}
    exec(compile(source, f"<record {name}>", "exec"), scope)
    constructor: Callable[[], Any] = scope[name]
    return constructor


@record
class Run:
    """The one record of the whole run."""

    end: int = 0  # the run ends here
    nodes: int = 0  # of the cluster
    datacenters: int = 1
    starting: int = 0  # 1 while sessions are set up before the run: handshakes take no time
    free_request: int = -1
    free_attempt: int = -1
    free_connection: int = -1
    free_task: int = -1
    ready_first: int = -1  # attempts whose next step is due now, in order
    ready_last: int = -1
    connections_made: int = 0  # serial number of the next connection
    # Little's law. `area` is the sum of the instants of leaving less those of entering, so that
    # area + population * now is the integral of the population; `sum` adds up what each request
    # measured itself. The populations are counted from the tables where this is checked.
    system_area: int = 0
    system_sum: int = 0  # this one and the next: from the rows that the engine took
    requests_ended: int = 0
    queue_area: int = 0
    queue_sum: int = 0
    stream_area: int = 0
    stream_sum: int = 0
    requests_made: int = 0
    connects_started: int = 0
    connects_failed: int = 0
    connections_gone: int = 0  # lost or closed after they were open
    ring_walks: int = 0  # made to list replicas
    status_events: int = 0


@record
class Client:
    """One entry of `clients`."""

    driver: int = 0
    protocol: int = 4
    instances: int = 1
    first_session: int = 0
    closed: int = 0  # 1: a closed loop by window, 2: users with think time
    next_number: int = 0  # number of its next request
    launched: int = 0  # workers or users so far
    arrivals: int = -1  # lanes of draws, -1 where the client has none
    instance_of: int = -1
    service: int = -1
    key: int = -1
    plan: int = -1
    idempotence: int = -1
    think: int = -1
    start: int = -1  # a user's first think time
    error_pause: int = 0
    level: int = 0  # next entry of `levels`
    last_level: int = 0  # one past its last entry
    issue_cost: int = 0
    write_cost: int = 0  # on the connection's I/O thread
    read_cost: int = 0
    io_threads: int = 1
    one_core: int = 0  # 1: issuing and I/O share one thread (the Python driver's process)
    idempotent: int = 0  # where there is no lane
    limit: int = 0  # concurrent requests per instance, 0: no limit
    timeout: int = 0  # of a request or an attempt, 0: none
    timeout_covers: int = 0  # 0: each attempt from its write, 1: the whole request
    timeout_waits: int = 0  # 1: an attempt's timeout runs while it waits for a stream id, too
    timer_tick: int = 0  # granularity of the driver's timer wheel
    timer_at: int = -1  # when the attempts' timer is due, -1: never
    retry: int = 0
    policy: int = 0
    token_aware: int = 0
    shuffle: int = 0  # of replicas. 0: ring order, 1: random, 2: ring order from a random one
    replica_first: int = 0  # its datacenter's first entry in `replicas`
    replication: int = 1  # replicas of a key in it: fewer where it has fewer nodes
    replication_factor: int = 1
    remote_hosts: int = 0  # used_hosts_per_remote_dc
    datacenter: int = 0
    rotation: int = 0  # the datacenter whose rotation its policy walks first
    reconnection: int = 0  # 0: exponential, 1: constant
    reconnection_base: int = 0
    reconnection_max: int = 0
    reconnection_attempts: int = 0  # 0: no limit
    reconnection_jitter: int = -1  # lane of jitter, -1: none
    reconnection_jitter_parts: int = 100  # that make a whole: percent or millionths
    reconnection_clamped: int = 1  # 1: a delay with jitter is kept within base and max, 2: SPREAD
    reconnection_no_delay: int = 0  # 1: the first attempt of a schedule has no delay
    connect_timeout: int = 0
    handshake_timeout: int = 0  # of each message of a handshake
    heartbeat_timeout: int = 0
    round_trips: int = 3  # of a handshake
    status_events: int = 1
    keepalive: int = 0  # 1: the kernel probes connections that are idle
    keepalive_time: int = 0  # idle for so long before the first probe
    keepalive_interval: int = 0  # from an unanswered probe to the next
    keepalive_probes: int = 0  # unanswered ones after which the connection is lost
    retransmission_timeout: int = 0  # from a write without acknowledgement to the loss
    warms_up: int = 0  # 1: its wrapper sends a query to each host before the load begins
    monitor_interval: int = 0  # from one round of its wrapper's monitor to the next, 0: none
    checks: int = 0  # queries that its wrapper made
    crosstalk: int = 0  # what reading a response costs more for each other request in flight
    undecodable_is_final: int = 0  # 1: a request whose answer cannot be decoded ends with that
    stream_limit: int = 32768
    blocking: int = 0  # 1: a borrow that waits blocks its thread
    retry_on_executor: int = 0  # 1: a request goes on to the next host on an executor's thread
    connect_covers: int = 0  # 1: connect_timeout is for the whole handshake
    remote_rotates: int = 1  # 0: plans always offer a remote datacenter's first hosts
    connects_remote: int = 1  # 0: no connections to remote hosts
    offers_remote: int = 1  # 0: plans do not offer them
    region_order: int = -1  # entry of `rotation_nodes`: in which order plans take datacenters
    status_delay: int = -1  # lane of the delay of status events, -1: none
    topology_delay: int = -1  # of topology events
    busy_ends: int = 0  # 1: a rejection with BusyConnection ends the request
    most_retries: int = -1  # of a request, -1: no limit
    other_connection: int = 0  # 1: a retry goes to another connection of the same pool first
    nagle: int = 0  # 1: its sockets are without TCP_NODELAY


@record
class Options:
    """A client's pool options for one distance, as they are now (they can change at runtime)."""

    core: int = 1
    max: int = 1
    max_requests: int = 1024
    threshold: int = 0
    min_requests: int = 0
    idle_timeout: int = 0
    pool_timeout: int = 0
    max_queue_size: int = 0
    heartbeat_interval: int = 0


@record
class Session:
    """One instance of a client: its session, its issuing thread, its executors."""

    client: int = 0
    first_thread: int = 0  # issuing thread; I/O threads follow it unless the client has one core
    admitted: int = 0  # requests inside the application's limit
    limit_first: int = -1  # requests that wait for the limit
    limit_last: int = -1
    issue_first: int = -1  # requests that wait for the issuing thread
    issue_last: int = -1
    issue_scheduled: int = 0  # 1: on the agenda; ISSUER_BLOCKED more while a borrow blocks it
    workers: int = 0  # of a closed loop
    window: int = 0
    launched_at: int = 0  # when the window last grew
    turn: int = 0  # round robin index of the next plan
    next_io: int = 0  # I/O thread of the next connection
    timer_first: int = -1  # requests with a timeout, in order of their deadlines
    timer_last: int = -1
    timer_at: int = -1  # when the requests' timer is due, -1: never
    executor: int = 0  # makes connections
    reconnector: int = 0  # makes reconnection attempts
    control: int = -1  # control connection
    control_attempts: int = 0
    control_step: int = 0  # hosts tried in this round
    control_turn: int = 0
    round: int = 0  # of its wrapper over all hosts: none, to warm up, or to monitor
    round_at: int = 0  # when it began
    round_node: int = 0  # the next host
    round_down: int = 0  # hosts found down
    counted_sent: int = 0  # where a wrapper monitors: requests that went to the driver,
    counted_completed: int = 0  # those that ended well
    counted_failed: int = 0  # and those that failed


@record
class Thread:
    """A thread of an instance that can be busy."""

    free_at: int = 0


@record
class Executor:
    """A fixed number of threads before an unbounded FIFO of tasks."""

    session: int = 0
    threads: int = 2
    busy: int = 0
    first: int = -1
    last: int = -1


@record
class Task:
    """A task of an executor."""

    kind: int = 0
    pool: int = -1
    generation: int = 0
    attempt: int = -1  # of a request that goes on
    next: int = -1


@record
class Rotation:
    """Hosts that a session holds for up in one datacenter, in the load balancer's order."""

    first: int = 0  # entry of `rotation_nodes`
    count: int = 0


@record
class Host:
    """What one session knows of one node. Same index as its pool: session * nodes + node."""

    up: int = 1
    distance: int = 0  # LOCAL, REMOTE, IGNORED
    conviction_open: int = 0  # connections the conviction policy counts
    backoff_until: int = 0  # no connection before
    backoff_attempt: int = 0  # of the conviction's own schedule
    reconnecting: int = 0  # 0 no, 1 an attempt is due, 2 an attempt is under way
    reconnect_attempt: int = 0
    reconnect_at: int = -1
    status_due: int = -1  # when the driver acts on the last status event
    times_down: int = 0
    known: int = 1  # 0: the session does not know of the host: not yet in the ring, or left it
    topology_due: int = -1  # when the driver acts on the last topology event


@record
class Pool:
    """One pool: one session's connections to one host."""

    session: int = 0
    node: int = 0
    driver: int = 0
    options: int = 0
    delay: int = 0  # one way, to the node
    phase: int = 0  # POOL_NONE, POOL_INITIALIZING, POOL_READY, POOL_CLOSED
    generation: int = 0  # counts the pools that this host had
    first: int = -1  # active connections, in the driver's order
    last: int = -1
    active: int = 0
    trash_first: int = -1
    trash_last: int = -1
    trashed: int = 0
    connecting: int = 0  # handshakes under way, without the control connection's
    in_flight: int = 0  # as the driver counts
    orphans: int = 0
    queue_first: int = -1  # acquisition queue
    queue_last: int = -1
    pending: int = 0  # its length as the driver counts it
    queue_timer: int = -1  # when its agenda entry is due
    init_pending: int = 0  # core connections not yet made
    rejected: int = 0
    sent: int = 0
    buffered: int = 0  # responses that were read and that the application has not taken
    busy: int = 0  # ns that I/O and callback threads have worked for it
    syscalls: int = 0


@record
class Connection:
    """One connection, from the start of its handshake to its close."""

    serial: int = -1
    pool: int = -1
    generation: int = 0
    role: int = 0  # ROLE_POOL, ROLE_INITIAL, ROLE_RECONNECTION, ROLE_CONTROL
    state: int = 0  # FREE, CONNECTING, OPEN, TRASHED, GONE
    holds: int = 0  # agenda entries; the slot is reused when there is none and it is GONE
    next: int = -1
    previous: int = -1
    thread: int = 0
    in_flight: int = 0
    orphans: int = 0
    defunct: int = 0  # broken, and the driver knows
    stream_limit: int = 32768
    stream_first: int = -1  # entry of `streams`
    stream_room: int = 0
    stream_high: int = 0  # ids from here on were never used
    stream_free: int = -1
    asking: int = 0  # ASK_NOTHING, ASK_HANDSHAKE, ASK_HEARTBEAT
    ask_step: int = 0
    ask_deadline: int = 0
    ask_waiting: int = 0  # 1: the node has the message and does not answer (paused)
    ask_refused: int = 0
    answer_at: int = -1
    probe: int = -1  # the heartbeat's attempt
    heartbeat_interval: int = 0
    heartbeat_at: int = -1
    last_read: int = 0
    lost_at: int = -1  # when its client is to notice that it is broken
    wire: int = 0  # WIRE_FINE, ...: what becomes of what is sent on it
    asked_at: int = 0  # when its last message of its own was sent
    idle_check_at: int = -1  # when a middlebox looks at it
    undelivered: int = 0  # 1: something was written that a middlebox dropped
    unacknowledged: int = -1  # when what is not acknowledged was written (Nagle), -1: nothing is
    held_first: int = -1  # attempts that wait for the acknowledgement
    held_last: int = -1
    acknowledged_at: int = -1  # when it comes by itself


@record
class Request:
    """One request, from its intended start to its end."""

    number: int = 0  # within its client
    serial: int = 0  # within the run
    session: int = 0
    client: int = 0
    intended: int = 0
    issued: int = 0
    wait: int = 0
    attempts: int = 0  # hosts tried
    sends: int = 0  # times written
    idempotent: int = 0
    node: int = -1
    next: int = -1  # in the limit's or the issuing thread's FIFO, or among free slots
    error_count: int = 0
    error_kinds: int = 0
    error_hosts: int = 0
    attempt: int = -1  # the one under way
    deadline: int = 0
    timer_next: int = -1
    timer_previous: int = -1
    in_timer: int = 0
    plan_stage: int = 0
    plan_step: int = 0
    plan_code: int = 0
    plan_key: int = 0  # ring position of its key
    plan_used: int = 0  # bit mask: replicas taken
    plan_used_high: int = 0  # hosts offered, from the 62nd on
    plan_start: int = 0
    plan_first: int = 0  # entry of `rotation_nodes`: the list of hosts that it walks
    plan_count: int = 0
    plan_taken: int = 0  # hosts offered (bit mask), or how many of a remote datacenter


@record
class Attempt:
    """One try of a request on one host."""

    request: int = -1
    order: int = 0  # request number and attempt number, for ties
    number: int = 0
    session: int = 0
    pool: int = -1
    connection: int = -1
    stream: int = -1
    state: int = 0  # see below
    step: int = 0  # what the ready list is to do
    error: int = 0
    holds: int = 0  # agenda entries, a place in a queue, a place in a node
    caller: int = 0  # the thread that its borrow blocks: CALLER_NONE, _ISSUER, _EXECUTOR
    next: int = -1  # in an acquisition queue, the ready list, or among free slots
    queued_at: int = 0
    queue_deadline: int = 0
    granted_at: int = 0
    sent_at: int = 0
    deadline: int = 0  # of its timeout
    node: int = -1
    at_node: int = 0  # 1: the node has it or will get it (recursive), or has it in its list
    sequence: int = 0  # place among all that were sent to the node
    rank: int = 0  # what a list is sorted by
    sort_next: int = -1
    node_next: int = -1
    node_previous: int = -1
    arrives: int = 0  # at the node
    remaining: int = 0  # nominal work: all of its service, or what was left at a change
    starts: int = 0
    finishes: int = 0
    running: int = 0
    version: int = 0  # of the node when it was sent
    held_next: int = -1  # in a connection's list of what waits for an acknowledgement
    due: int = -1  # when its response is to be delivered; an agenda entry of another time is stale


@record
class Node:
    """One node: FIFO workers."""

    datacenter: int = 0
    workers: int = 1
    first_worker: int = 0  # entry of `workers`: the instants at which they get free
    earliest: int = 0  # the earliest of them (recursive)
    recursive: int = 1  # the finish is known when an attempt is sent
    state: int = 0  # NODE_RUNNING, NODE_PAUSED, NODE_STOPPED
    factor: int = 1000  # service times in thousandths of nominal
    version: int = 0  # counts its stops
    idle: int = 1
    first: int = -1  # attempts at it in their order (recursive: only while it changes)
    last: int = -1
    waiting: int = -1  # first one that no worker has taken
    sent: int = 0
    accept_interval: int = 0
    accept_at: int = 0  # when it can accept the next connection
    wire: int = 0  # what connections to it suffer: WIRE_FINE, _GARBLED, _OVERLOADED or _FAILING
    refuses: int = 0  # 1: no new connection is accepted
    idle_limit: int = 0  # of the middlebox in front of it, 0: there is none
    watched_since: int = 0  # since when that has watched
    member: int = 1  # 0: not in the ring
    rack: int = 0
    rack_walk: int = 0  # last walk around the ring that met the rack of this number
    chosen_walk: int = 0  # last walk that chose this node for its rack
    drain_until: int = -1  # it has left the ring and closes its connections, by then all of them


@record
class Fault:
    """A change of a node at an instant."""

    at: int = 0
    node: int = 0
    kind: int = 0
    factor: int = 1000  # in thousandths; ns that a connection may be idle, or a drain may last
    status_after: int = -1  # from the node's return to its status event; -1: none comes


@record
class Change:
    """An option set at runtime."""

    at: int = 0
    client: int = 0
    distance: int = -1  # -1: both
    field: int = 0
    value: int = 0


@record
class Level:
    """The window of a closed loop from an instant on."""

    at: int = 0
    value: int = 0


# Values of the fields above ----------------------------------------------------------------------

LOCAL = 0
REMOTE = 1
IGNORED = 2

POOL_NONE = 0
POOL_INITIALIZING = 1
POOL_USABLE = 2
POOL_CLOSED = 3

ROLE_POOL = 0
ROLE_INITIAL = 1
ROLE_RECONNECTION = 2
ROLE_CONTROL = 3

FREE = 0
CONNECTING = 1
OPEN = 2
TRASHED_STATE = 3
GONE = 4

ASK_NOTHING = 0
ASK_HANDSHAKE = 1
ASK_HEARTBEAT = 2

IDLE = 0  # an attempt that has no host yet, or whose slot is free
WAITING = 1  # in an acquisition queue
EXPIRED = 2  # still in the queue, but its waiter has gone
GRANTED_STATE = 3  # has a connection, not yet written
IN_FLIGHT = 4
ORPHANED = 5  # timed out; its stream is still taken
FAILED = 6  # on the ready list with its error
PROBE = 7  # a heartbeat
DONE = 8  # for the client; a node may still work on it
READ = 9  # its response was read; its callback is still to begin

STEP_START = 0  # enter the driver
STEP_SEND = 1  # write on the granted connection
STEP_FAILED = 2  # the host failed it: `error`
STEP_RETRY = 3  # go on to the next host, on an executor's thread
STEP_DELIVER = 4  # its callback begins

CALLER_NONE = 0
CALLER_ISSUER = 1
CALLER_EXECUTOR = 2

NODE_RUNNING = 0
NODE_PAUSED = 1
NODE_DOWN = 2  # from here on what is sent to it is lost
NODE_SILENT = 3

WIRE_FINE = 0
WIRE_GARBLED = 1  # the next answer cannot be decoded
WIRE_OVERLOADED = 2  # a request's answer is an error
WIRE_CLOSING = 3  # from here on nothing sent arrives; here the peer's close is on its way
WIRE_CUT = 4  # a middlebox drops what is sent, either way, and nobody is told
WIRE_FAILING = 5  # the client's socket refuses to write

# What `borrow` answers; positive values are the errors of kinds.py
GRANTED = -1
QUEUED = -2
SKIPPED = -3  # no pool: the host is passed over in silence
SENT = -4  # granted, and the driver has written it itself

OWN_STEPS = -1
"""`Client.read_cost` of a driver that takes a response's steps within the client itself."""

TABLES = {
    "clients": "Client",
    "options": "Options",
    "sessions": "Session",
    "threads": "Thread",
    "executors": "Executor",
    "tasks": "Task",
    "rotations": "Rotation",
    "hosts": "Host",
    "pools": "Pool",
    "connections": "Connection",
    "requests": "Request",
    "attempts": "Attempt",
    "nodes": "Node",
    "faults": "Fault",
    "changes": "Change",
    "levels": "Level",
}
"""Tables of a world and the record each holds. Besides there are tables of plain integers:
`workers`, `streams`, `rotation_nodes`, `replicas` and `samples`, which a sample fills."""


_pack_row = Struct("=12q").pack
"""A row of int64; much faster than `array.extend`, which asks more of each number."""


class World:
    """All tables of one run as lists of slotted records, and what rules ask of an engine."""

    clients: list[Any]
    options: list[Any]
    sessions: list[Any]
    threads: list[Any]
    executors: list[Any]
    tasks: list[Any]
    rotations: list[Any]
    hosts: list[Any]
    pools: list[Any]
    connections: list[Any]
    requests: list[Any]
    attempts: list[Any]
    nodes: list[Any]
    faults: list[Any]
    changes: list[Any]
    levels: list[Any]
    run: Any
    heaps: list[list[int]]
    streams: list[int]
    rotation_nodes: list[int]
    replicas: list[int]
    samples: list[int]
    notes: array[int]
    ends: bytearray

    __slots__ = (
        *TABLES,
        "_new_attempt",
        "_new_connection",
        "_new_request",
        "_new_task",
        "ends",
        "heaps",
        "notes",
        "replicas",
        "rotation_nodes",
        "run",
        "samples",
        "streams",
    )

    def __init__(self) -> None:
        for table in TABLES:
            setattr(self, table, [])
        self.run = slotted("Run")()
        self.heaps = []
        self.streams = []
        self.rotation_nodes = []
        self.replicas = []
        self.samples = []
        self.notes = array("q")
        self.ends = bytearray()
        self._new_request = slotted("Request")
        self._new_attempt = slotted("Attempt")
        self._new_connection = slotted("Connection")
        self._new_task = slotted("Task")

    def schedule(self, time: int, kind: int, order: int, target: int) -> None:
        """Put an event on the agenda, which the engine supplies."""
        raise NotImplementedError("this world has no engine")

    def draw(self, lane: int, number: int, attempt: int) -> int:
        """Read a draw, which the engine supplies."""
        raise NotImplementedError("this world has no engine")

    def note(
        self, time: int, kind: int, session: int, node: int, connection: int, value: int
    ) -> None:
        """Add a row to the event table."""
        self.notes.extend((time, kind, session, node, connection, value))

    def record_request(self, row: tuple[int, ...]) -> None:
        """Add a row for a request that ended."""
        self.ends += _pack_row(*row)

    def occupy(self, n: int, finish: int) -> int:
        """Let the earliest free worker of node `n` be busy until `finish`; the next free one."""
        heap = self.heaps[n]
        heapreplace(heap, finish)
        return heap[0]

    def free_workers(self, n: int, now: int) -> None:
        """Let all workers of node `n` be free from now on."""
        heap = self.heaps[n]
        heap[:] = [now] * len(heap)

    @property
    def workers(self) -> list[int]:
        """When each worker gets free, for all nodes in one row."""
        return [at for heap in self.heaps for at in heap]

    def add_request(self) -> int:
        """Make a slot for a request."""
        self.requests.append(self._new_request())
        return len(self.requests) - 1

    def add_attempt(self) -> int:
        """Make a slot for an attempt."""
        self.attempts.append(self._new_attempt())
        return len(self.attempts) - 1

    def add_connection(self) -> int:
        """Make a slot for a connection."""
        self.connections.append(self._new_connection())
        return len(self.connections) - 1

    def add_task(self) -> int:
        """Make a slot for an executor's task."""
        self.tasks.append(self._new_task())
        return len(self.tasks) - 1

    def add_rotation_nodes(self, count: int) -> int:
        """Make entries for a list of hosts; the first one's index."""
        first = len(self.rotation_nodes)
        self.rotation_nodes.extend([-1] * count)
        return first

    def add_streams(self, count: int) -> int:
        """Make entries for stream ids; the first one's index."""
        first = len(self.streams)
        self.streams.extend([-1] * count)
        return first
