"""The model's vocabulary: what can happen, what is noted, how things end.

Plain integers, because rules run interpreted and compiled. Each group has a table of names for
people (`NOTE_NAMES` and so on); nothing outside spells a name by hand.

Event kinds are numbered in the order in which events of one instant are handled (the canonical
order of ties is time, kind, request, attempt): what ends before what begins, so that a node has
finished what it could before it fails, an expiry comes before the response that would have saved
it, and everything else comes before a new arrival.
"""

from __future__ import annotations

# What the agenda holds ---------------------------------------------------------------------------

NODE_DONE = 0  # a worker of a node finishes an attempt
FAULT = 1  # a node stops, pauses, slows or returns
CHANGE = 2  # an option is set at runtime
QUEUE_TIMEOUT = 3  # a waiter of an acquisition queue reached the pool timeout
ATTEMPT_TIMEOUT = 4  # the timer of a client's attempts comes to an expired one
REQUEST_TIMEOUT = 5  # the timer of a session's requests comes to an expired one
RESPONSE = 6  # a response is delivered to the driver
RESPONSE_READ = 7  # a response reaches the I/O thread of its connection
CONNECTION_LOST = 8  # the peer's close of a connection reaches the driver
ANSWER = 9  # the answer to a handshake or heartbeat message reaches the driver
ASK_AT_NODE = 10  # a handshake or heartbeat message reaches the node
ASK_TIMEOUT = 11  # a handshake or heartbeat message was not answered in time
STATUS_EVENT = 12  # the server's status event about a node reaches a session
STATUS_DUE = 13  # the driver acts on a status event
RECONNECTION = 14  # the next reconnection attempt to a host is due
CONTROL = 15  # the control connection of a session takes its next step
CLEANUP = 16  # the periodic cleanup of a session's pools
HEARTBEAT = 17  # a connection checks how long it was silent
HEARTBEAT_CYCLE = 18  # a session checks its connections for silence
EXECUTOR = 19  # an executor of a session starts its next task
NODE_ARRIVAL = 20  # an attempt reaches a node
PHASE = 21  # the level of a closed load changes
THINK = 22  # a user or a worker that paused returns
ISSUE = 23  # an instance's issuing thread is free for the next request
ARRIVAL = 24  # a request of an open load is due
ACKNOWLEDGED = 25  # a node's kernel acknowledges a write without a response to do it with
EVENT_KINDS = 26

EVENT_NAMES = (
    "node_done",
    "fault",
    "change",
    "queue_timeout",
    "attempt_timeout",
    "request_timeout",
    "response",
    "response_read",
    "connection_lost",
    "answer",
    "ask_at_node",
    "ask_timeout",
    "status_event",
    "status_due",
    "reconnection",
    "control",
    "cleanup",
    "heartbeat",
    "heartbeat_cycle",
    "executor",
    "node_arrival",
    "phase",
    "think",
    "issue",
    "arrival",
    "acknowledged",
)

# How a request ends ------------------------------------------------------------------------------

OK = 0
NO_HOST_AVAILABLE = 1  # every host of the query plan was tried or skipped
CLIENT_TIMEOUT = 2  # the driver's own request timeout, not retried
CONNECTION_ERROR = 3  # the connection broke under the request, not retried
OUTCOME_NAMES = ("ok", "no_host_available", "client_timeout", "connection_error")

# What a host answered to one attempt (4 bits each in the request's `error_kinds`) ----------------

NO_ERROR = 0
BUSY_QUEUE_FULL = 1  # java3 BusyPoolException: queue full
BUSY_QUEUE_OFF = 2  # java3 BusyPoolException: max_queue_size or pool_timeout is 0
BUSY_TIMED_OUT = 3  # java3 BusyPoolException after pool_timeout; python: borrow timed out
POOL_CLOSED = 4  # java3 ConnectionException (closed, initialising); python: pool is shut down
NO_CONNECTION = 5  # python NoConnectionsAvailable: no connection at the moment
NO_STREAM = 6  # BusyConnectionException: every stream id is taken
LOST = 7  # TransportException: the connection broke
TIMED_OUT = 8  # OperationTimedOutException
ERROR_NAMES = (
    "",
    "pool is busy: queue full",
    "pool is busy: no queue",
    "pool is busy: timed out in the queue",
    "pool is closed",
    "no connection",
    "no stream",
    "connection lost",
    "timed out",
)

# What is noted (the event table) -----------------------------------------------------------------

CONNECT_STARTED = 0  # value: 1 for a reconnection attempt, 2 for a control connection, else 0
OPENED = 1  # the connection joined its pool; value: active connections after it
CONNECT_FAILED = 2  # value: CONNECT_REFUSED or CONNECT_TIMED_OUT
GROWTH = 3  # the growth rule asked for a connection; value: requests in flight
TRASHED = 4  # value: active connections after it
RESURRECTED = 5  # value: active connections after it
CLOSED = 6  # an orderly close, also of a trashed connection after its idle timeout
CONNECTION_BROKE = 7  # value: requests that were in flight on it
REPLACED = 8  # starved of streams by orphans; value: orphans
HEARTBEAT_FAILED = 9
HOST_DOWN = 10
HOST_UP = 11
RECONNECTION_ATTEMPT = 12  # value: number of the attempt since the host went down, from 1
RECONNECTION_FAILED = 13  # value: nanoseconds until the next attempt
RECONNECTION_GAVE_UP = 14  # value: attempts made
NODE_STOPPED = 15
NODE_STARTED = 16
NODE_PAUSED = 17
NODE_RESUMED = 18
NODE_SLOWED = 19  # value: factor in thousandths
NODE_RECOVERED_SPEED = 20
OPTION_CHANGED = 21  # value: the new value
STATUS_UP = 22  # a server's status event was acted on
CONTROL_CONNECTED = 23
CONTROL_LOST = 24
POOL_READY = 25  # value: active connections
POOL_SHUT = 26  # the driver closed the pool; value: requests that waited in its queue
NOTE_NAMES = (
    "connect_started",
    "opened",
    "connect_failed",
    "growth",
    "trashed",
    "resurrected",
    "closed",
    "connection_broke",
    "replaced",
    "heartbeat_failed",
    "host_down",
    "host_up",
    "reconnection_attempt",
    "reconnection_failed",
    "reconnection_gave_up",
    "node_stopped",
    "node_started",
    "node_paused",
    "node_resumed",
    "node_slowed",
    "node_recovered_speed",
    "option_changed",
    "status_up",
    "control_connected",
    "control_lost",
    "pool_ready",
    "pool_shut",
)
CONNECT_REFUSED = 1
CONNECT_TIMED_OUT = 2
