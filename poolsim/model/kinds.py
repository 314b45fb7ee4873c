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
RESPONSE_STEP = 8  # a response takes its next step within a client whose driver takes them itself
CONNECTION_LOST = 9  # the peer's close of a connection reaches the driver
ANSWER = 10  # the answer to a handshake or heartbeat message reaches the driver
ASK_AT_NODE = 11  # a handshake or heartbeat message reaches the node
ASK_TIMEOUT = 12  # a handshake or heartbeat message was not answered in time
STATUS_EVENT = 13  # the server's status event about a node reaches a session
STATUS_DUE = 14  # the driver acts on a status event
RECONNECTION = 15  # the next reconnection attempt to a host is due
CONTROL = 16  # the control connection of a session takes its next step
CLEANUP = 17  # the periodic cleanup of a session's pools
HEARTBEAT = 18  # a connection checks how long it was silent
HEARTBEAT_CYCLE = 19  # a session checks its connections for silence
EXECUTOR = 20  # an executor of a session starts its next task
FLUSH = 21  # a connection's write buffer may be flushed
NODE_ARRIVAL = 22  # an attempt reaches a node
PHASE = 23  # the level of a closed load changes
THINK = 24  # a user or a worker that paused returns
ISSUE = 25  # an instance's issuing thread is free for the next request
ARRIVAL = 26  # a request of an open load is due
ACKNOWLEDGED = 27  # a node's kernel acknowledges a write without a response to do it with
IDLE_CHECK = 28  # a middlebox looks whether a connection was idle; what is sent now still passes
MONITOR = 29  # a wrapper begins to look at the hosts of its session
# Timers of a wrapper that is a driver of its own (drivers/ports.py), handled after all others.
SESSION_DUE = 30
POOL_DUE = 31
CONNECTION_DUE = 32
ATTEMPT_DUE = 33  # an attempt that was put off
EVENT_KINDS = 34

EVENT_NAMES = (
    "node_done",
    "fault",
    "change",
    "queue_timeout",
    "attempt_timeout",
    "request_timeout",
    "response",
    "response_read",
    "response_step",
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
    "flush",
    "node_arrival",
    "phase",
    "think",
    "issue",
    "arrival",
    "acknowledged",
    "idle_check",
    "monitor",
    "session_due",
    "pool_due",
    "connection_due",
    "attempt_due",
)

# How a request ends ------------------------------------------------------------------------------

OK = 0
NO_HOST_AVAILABLE = 1  # every host of the query plan was tried or skipped
CLIENT_TIMEOUT = 2  # the driver's own request timeout, not retried
CONNECTION_ERROR = 3  # the connection broke under the request, not retried
BUSY = 4  # a busy connection rejected it, which the driver tells the application at once
SERVER_ERROR = 5  # a node answered with an error, not retried
OUTCOME_NAMES = (
    "ok",
    "no_host_available",
    "client_timeout",
    "connection_error",
    "busy",
    "server_error",
)

# What a host answered to one attempt (4 bits each in the request's `error_kinds`) ----------------

NO_ERROR = 0
BUSY_QUEUE_FULL = 1  # java3 BusyPoolException: queue full
BUSY_QUEUE_OFF = 2  # java3 BusyPoolException: no queue; nodejs BusyConnectionError
BUSY_TIMED_OUT = 3  # java3 BusyPoolException after pool_timeout; python: borrow timed out
POOL_CLOSED = 4  # java3 ConnectionException (closed, initialising); python: pool is shut down
NO_CONNECTION = 5  # python NoConnectionsAvailable, nodejs "No connection available"
NO_STREAM = 6  # BusyConnectionException: every stream id is taken
LOST = 7  # TransportException: the connection broke
TIMED_OUT = 8  # OperationTimedOutException
UNDECODABLE = 9  # the answer could not be decoded
BUSY_CONNECTION = 10  # generic BusyConnection: max_requests in flight, or above the high watermark
CIRCUIT_OPEN = 11  # cassandraorm: the host's circuit breaker lets nothing through
OVERLOADED = 12  # the node answered with the error Overloaded
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
    "answer cannot be decoded",
    "connection is busy",
    "circuit is open",
    "node is overloaded",
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
NODE_SILENCED = 27
NODE_ANSWERS = 28
NODE_REFUSES = 29
NODE_ACCEPTS = 30
WRITES_FAIL = 31
WRITES_WORK = 32
ANSWERS_GARBLED = 33
ANSWERS_CLEAR = 34
MIDDLEBOX_WATCHES = 35  # value: nanoseconds that a connection may be idle
MIDDLEBOX_GONE = 36
MIDDLEBOX_DROPPED = 37  # a connection, and nobody is told; value: nanoseconds that it was idle
NODE_ADDED = 38
NODE_REMOVED = 39  # value: nanoseconds that its drain may last
NODE_DRAINED = 40  # it is gone; value: connections that had to be broken off
HOST_ADDED = 41  # a session has learnt of a node
HOST_REMOVED = 42  # a session has learnt that a node has left
CHECK_OK = 43  # a wrapper's query to a host was answered; value: nanoseconds that it took
CHECK_FAILED = 44  # value: how it ended
CHECK_FOUND_DOWN = 45  # the session holds the host for down, so that nothing was sent
WARMED_UP = 46  # value: nanoseconds that the warm-up took
MONITORED = 47  # a round over all hosts is over; value: hosts that were down
HIGH_WATERMARK = 48  # backpressure begins on a connection; value: in flight, sent and queued
LOW_WATERMARK = 49  # and ends; value: sent
QUEUE_FULL = 50  # a connection rejects for want of room; value: in flight, sent and queued
READ_BUFFER_FULL = 51  # responses are read faster than they are taken; value: bytes in the buffer
READ_BUFFER_DRAINED = 52  # value: bytes in the buffer
# Of cassandraorm.
FAILED_OVER = 53  # a request left the host for another; value: that one's node
CIRCUIT_OPENED = 54  # value: failures in a row, or 0 where a trial request failed
CIRCUIT_HALF_OPEN = 55
CIRCUIT_CLOSED = 56  # value: trial requests that were answered
POOL_GREW = 57  # value: connections that the pool is to have
POOL_SHRANK = 58  # value: the same
HOST_UNHEALTHY = 59  # its health check failed
HOST_HEALTHY = 60  # it was answered again
DISCOVERED = 61  # the list of nodes was read; value: hosts that came or went
METERED_TOTAL = 62  # value: connections of a pool
METERED_ACTIVE = 63  # value: those with requests in flight
METERED_IN_FLIGHT = 64  # value: requests in flight
DETAIL_CREATED = 65  # of a connection at the end of the run; value: when its handshake was over
DETAIL_LAST_USED = 66  # value: when a request last used it
DETAIL_IN_FLIGHT = 67  # value: requests in flight
REQUEST_LOGGED = 68  # value: nanoseconds that it took
ERROR_LOGGED = 69  # value: how the request ended
NODE_OVERLOADED = 70
NODE_RELIEVED = 71
# What an application counts itself, at the end of a round of its monitor, from the beginning on.
COUNTED_SENT = 72  # value: requests that went to the driver
COUNTED_COMPLETED = 73  # value: requests that ended well
COUNTED_FAILED = 74  # value: requests that failed
GC_PAUSE = 75  # a collector's pause of an instance begins (generic); value: nanoseconds
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
    "node_silenced",
    "node_answers",
    "node_refuses",
    "node_accepts",
    "writes_fail",
    "writes_work",
    "answers_garbled",
    "answers_clear",
    "middlebox_watches",
    "middlebox_gone",
    "middlebox_dropped",
    "node_added",
    "node_removed",
    "node_drained",
    "host_added",
    "host_removed",
    "check_ok",
    "check_failed",
    "check_found_down",
    "warmed_up",
    "monitored",
    "high_watermark",
    "low_watermark",
    "queue_full",
    "read_buffer_full",
    "read_buffer_drained",
    "failed_over",
    "circuit_opened",
    "circuit_half_open",
    "circuit_closed",
    "pool_grew",
    "pool_shrank",
    "host_unhealthy",
    "host_healthy",
    "discovered",
    "metered_total",
    "metered_active",
    "metered_in_flight",
    "detail_created",
    "detail_last_used",
    "detail_in_flight",
    "request_logged",
    "error_logged",
    "node_overloaded",
    "node_relieved",
    "counted_sent",
    "counted_completed",
    "counted_failed",
    "gc_pause",
)
CONNECT_REFUSED = 1
CONNECT_TIMED_OUT = 2
