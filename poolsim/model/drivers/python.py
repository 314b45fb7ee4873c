"""The Cassandra Python driver 3.29: what its pools do.

Sources: apache/cassandra-python-driver@3.29.3:cassandra/, below `PY/`. Which of two kinds of pool a
host gets is decided by the protocol (PY/cluster.py:3323-3329).

HostConnection, v3 and newer (PY/pool.py:368-577). One connection; none to a remote host without
connect_to_remote_hosts. Borrow (:422-451) takes a stream while fewer than 32,767 are in flight,
orphans and heartbeats included; otherwise the calling thread blocks, for 2 s (PY/cluster.py:4603),
until a notification wakes it and its connection has room. No connection at all is an error at once.
On an exhausted connection that is dead it does not wait but looks again and again, taking a core
of the processor, until there is another one, which it needs no notification to see.
Return (:453-494) frees the stream and notifies one waiter. A connection with 24,576 orphans is
exhausted: the next borrow starts its replacement and goes on with it meanwhile; the new one takes
its place, the old one goes to the trash and closes when only orphans are left on it. A replacement
that fails is submitted again at once, without limit (:504-527).

HostConnectionPool, v1 and v2 (PY/pool.py:580-933). Core connections are made one after another.
Borrow (:621-675) takes the least busy connection, ties to the first, while it has fewer than 127 in
flight; otherwise the caller blocks as above, and who is woken takes the least busy one. After a
borrow, also one that waited, a connection with max_requests or more in flight makes the pool grow
by one, one creation at a time. A return (:772-809) to a pool above core leaves the connection out
of use if at most min_requests are in flight on it and ten seconds have passed since the last
trashing or creation: it is closed at once when empty (which does not start the ten seconds anew),
else when a return finds it empty. Only otherwise one waiter is notified. A late response notifies,
too, but closes nothing, so a trashed connection whose last stream was an orphan stays for good.
An empty pool asks for core connections (:626-643): with a core of 0 it never has any.

Orphans (PY/cluster.py:4480-4533, connection.py:1254-1271). The request timeout covers the whole
request and is final. It does not lower the requests in flight; the late response does.

A connection that breaks (PY/pool.py:459-494, 778-789) is noticed by the requests on it. If there
are none it stays where it is until a borrow or a heartbeat cycle meets it. Whoever notices convicts
the host, and the pool is shut. On v1 and v2 its trash is closed, and its waiters fail. On v3 and
newer the trash is forgotten and never closed (:541-549). A waiter there looks once more at the
connection it waited for: it is served by one in the trash that has room; on the broken one it takes
a stream, and fails. Requests that break leave their stream ids behind, so that soon there is none
left to take: then the borrow fails without giving back its place in in_flight (:439-440; the
assertion at connection.py:1058), and who finds no place any more waits on, for a connection that is
gone, up to its timeout. A connection whose pool was shut while it was made is never closed, either.
A handshake that times out convicts nobody (OperationTimedOut, PY/policies.py:594-605); on v1 and v2
it is still counted as open afterwards (PY/pool.py:699-733).

Heartbeats (PY/connection.py:1652-1763). Cycles for the whole session, the next one starting
max(interval - elapsed, 10 ms) after the end of one. A connection that read nothing since it was
last looked at is asked; the answers are awaited in order with one shared timeout, so one silent
host delays what the others' answers or breaks lead to. No answer, or no room for the question:
the host goes down; on v1 and v2 without an answer the connection is replaced instead.

Executor, scheduler (PY/cluster.py:1128, 4315-4339). Two threads for everything: pools, connections,
hosts going up and down, retries of requests. A handshake holds its thread, a blocked retry too. All
other borrows are made by the instance's one issuing thread, which issues nothing while it is
blocked; under the interpreter's lock it shares its core with reading and writing. What is scheduled
for later runs at the next of the scheduler's looks, 0.1 s apart and counted from the instant at
which something was first scheduled.

Down (PY/cluster.py:1973-2010) is ignored while the host's pool has an open connection: on v1 and v2
those being made, and those that timed out, count, so that a pool can be shut for good while its
host stays up. Otherwise the load balancer forgets the host and reconnection attempts begin, each
delay counted from the end of the attempt before; after the last one the driver gives up for good.
One that succeeds is closed again; the load balancer gets the host back and a new pool is made, and
when it is, the host is up (PY/cluster.py:1877-1945). If it cannot be made, attempts begin anew. A
server's UP event does the same after a random delay of up to 2 s, events within that time 10 ms
apart (:4013-4060).

What breaks a connection besides its peer's close: a write that fails (PY/io/libevreactor.py:
298-330), and an answer that cannot be decoded (PY/connection.py:1251-1290). The request that it
answers ends with that error and is not retried; all others on the connection fail over. Answers to
orphans are not decoded. (An ERROR message with the code PROTOCOL_ERROR closes the connection as
well.) Keepalive is set on a socket only by `sockopts` (:954-956).

Nodes that join and leave (PY/cluster.py:2012-2124, 3850-3960). Another node tells of one that has
joined twice, as new and as up; the driver lets a random time of up to 10 s and one of up to 2 s
pass, and reads the list of nodes after the shorter one. The load balancer offers a new host at
once; when its pool is made it is up. One that has left is removed at the scheduler's next look: its
pool is shut, reconnection attempts to it end. A control connection that is made anew reads the
list of nodes and acts on what has changed.

Control connection (PY/cluster.py:3562-3780, 4225-4257). That it broke is noticed when its host goes
down or by a heartbeat cycle. It is made anew on an executor's thread, host after host; after a
round without success attempts follow the reconnection policy. Its failures convict nobody.

Sockets have no TCP_NODELAY unless `sockopts` say so (PY/cluster.py:851): Nagle's algorithm delays
requests of a busy connection (connection/nagle.py).

Left out. Leaks of streams by ConnectionBusy. The 30 ms by which a request timeout is late while no
host ever gave it a connection (PY/cluster.py:4488-4495). A request that times out while it waits
for a connection ends at once, as in the driver, and its thread stays blocked; but when the thread
gets its connection the driver still sends the request, and here it does not. Prepared statements,
the queries of the control connection, its choice of remote hosts, the second reading of the list of
nodes after one has joined. The server's DOWN events, which
mean nothing while connections are open. Distances that change when remote hosts go down. The
keyspace is set within the connect timeout (the driver waits for it without any); a handshake that
is broken off fails at once (under libev it is noticed at the connect timeout only). A refused
replacement is tried again after 1 ms (an assumption: no time would pass in a network without
delay). Races between threads that last microseconds: of those, a trashed connection that becomes
empty is closed before the waiter whom the same return wakes can take it, and waiters of a pool that
is shut look when everything on its connection has failed.
"""

from __future__ import annotations

from poolsim.model.connection.breaking import fail_attempts
from poolsim.model.connection.executors import release_thread, submit
from poolsim.model.connection.lists import (
    append_active,
    append_trash,
    remove_active,
    remove_trash,
)
from poolsim.model.connection.messages import TCP, open_connection, send_heartbeat
from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.streams import take_stream
from poolsim.model.connection.waiting import append_waiting, take_waiting
from poolsim.model.drivers.traits import Traits
from poolsim.model.kinds import (
    BUSY_TIMED_OUT,
    CLOSED,
    CONNECTION_BROKE,
    CONTROL,
    CONTROL_CONNECTED,
    CONTROL_LOST,
    GROWTH,
    HEARTBEAT_CYCLE,
    HEARTBEAT_FAILED,
    HOST_DOWN,
    HOST_UP,
    LOST,
    NO_CONNECTION,
    OPENED,
    POOL_READY,
    POOL_SHUT,
    QUEUE_TIMEOUT,
    RECONNECTION,
    RECONNECTION_ATTEMPT,
    RECONNECTION_FAILED,
    RECONNECTION_GAVE_UP,
    REPLACED,
    STATUS_DUE,
    STATUS_UP,
    TRASHED,
)
from poolsim.model.kinds import POOL_CLOSED as ERROR_POOL_CLOSED
from poolsim.model.policies.balancing import host_added, host_down, host_removed, host_up
from poolsim.model.policies.reconnection import next_delay
from poolsim.model.policies.retry import PYTHON_DEFAULT
from poolsim.model.primitives import World
from poolsim.model.records import (
    ASK_HEARTBEAT,
    ASK_NOTHING,
    EXPIRED,
    FAILED,
    GONE,
    GRANTED,
    GRANTED_STATE,
    IGNORED,
    ORPHANED,
    POOL_CLOSED,
    POOL_INITIALIZING,
    POOL_NONE,
    POOL_USABLE,
    QUEUED,
    REMOTE,
    ROLE_CONTROL,
    ROLE_INITIAL,
    ROLE_POOL,
    ROLE_RECONNECTION,
    STEP_FAILED,
    STEP_SEND,
    TRASHED_STATE,
    WAITING,
    Attempt,
    Connection,
    Host,
    Pool,
    Session,
    extends,
)
from poolsim.model.rule import rule
from poolsim.model.slots import drop_connection, new_probe

MILLISECOND = 1_000_000
TRASH_INTERVAL = 10_000 * MILLISECOND
"""Between two trashings, and after a creation (PY/pool.py:581)."""
SHORTEST_CYCLE_PAUSE = 10 * MILLISECOND
"""Between the end of a heartbeat cycle and the next one (PY/connection.py:1763)."""
SCHEDULER_PERIOD = 100 * MILLISECOND
"""Between two looks of the scheduler (PY/cluster.py:4339)."""
EVENT_SPACING = 10 * MILLISECOND
"""Between status events that come within the delay of one (PY/cluster.py:4019)."""
REPLACEMENT_PAUSE = MILLISECOND
"""From a refused replacement to the next try (an assumption, see above)."""

JITTER_PERCENT = (85, 115)
"""Of an exponential reconnection delay (PY/policies.py:706-709)."""
STATUS_DELAY_NS = (0, 2_000 * MILLISECOND)
"""status_event_refresh_window (PY/cluster.py:953)."""
TOPOLOGY_DELAY_NS = (0, 10_000 * MILLISECOND)
"""topology_event_refresh_window (PY/cluster.py:941)."""

TRAITS = Traits(
    timer_tick_ns=0,
    timeout_covers_request=True,
    one_core=True,
    retry=PYTHON_DEFAULT,
    handshake_messages=3,
    blocking_borrow=True,
    retries_on_executor=True,
    connect_timeout_covers_handshake=True,
    rotates_remote_hosts=False,
    undecodable_is_final=True,
)
"""The handshake is TCP, OPTIONS, STARTUP (PY/connection.py:1330-1440)."""

TASK_NONE = 0  # no thread: a connection of the session's start
TASK_POOL = 1  # a pool for a host that is coming up
TASK_RENEW = 2  # a pool that is missing while its host is up
TASK_REPLACE = 3  # HostConnection._replace
TASK_CREATE = 4  # HostConnectionPool._create_new_connection
TASK_RETRY_REPLACE = 5  # HostConnectionPool._retrying_replace
TASK_DOWN = 6
TASK_EXPECTED_DOWN = 7  # a pool could not be made; the host counts as down already
TASK_UPDATE = 8  # Session.update_created_pools
TASK_UP = 9
TASK_RECONNECT = 10
TASK_CONTROL = 11
TASK_TOPOLOGY = 12  # the list of nodes is read, or a node that has left is removed

NOT_RECONNECTING = 0  # values of Host.reconnecting
ATTEMPT_SCHEDULED = 1
ATTEMPT_SUBMITTED = 2
ATTEMPT_UNDER_WAY = 3
GAVE_UP = 4

CONTROL_OK = 0  # values of Session.control_state; an old connection may be alive in each but 1
CONTROL_BROKEN = 1  # and nobody has noticed
CONTROL_CONNECTING = 2
CONTROL_SCHEDULED = 3
CONTROL_GAVE_UP = 4

NO_PROBE = 0  # values of Connection.probe_state
PROBE_WAITING = 1
PROBE_ANSWERED = 2
PROBE_LATE = 3
PROBE_IMPOSSIBLE = 4  # no room for it
PROBE_BROKEN = 5  # the connection broke meanwhile
PROBE_DROPPED = 6  # the driver closed the connection meanwhile


@extends(Attempt)
class PythonAttempt:
    """What a blocked borrow remembers besides."""

    grows: int = 0  # 1: the pool may grow when it is served
    spins: int = 0  # 1: it looks again and again instead of waiting for a notification
    stranded: int = -1  # generation of the pool that was shut while it waited, and left it waiting


@extends(Connection)
class PythonConnection:
    """What the driver keeps of a connection besides."""

    listed: int = 0  # 1: in a list of its pool, also when it is dead and nobody has noticed
    task: int = 0  # whose thread its handshake holds
    exhausted: int = 0  # orphaned_threshold_reached
    spare: int = 0  # stream ids that were free when it broke
    probe_state: int = 0
    probe_next: int = -1  # in the cycle's list of questions, or of failures
    idle_since: int = -1  # when a heartbeat cycle last reset msg_received


@extends(Pool)
class PythonPool:
    """What a HostConnection or a HostConnectionPool keeps besides."""

    legacy: int = 0  # 1: a HostConnectionPool
    present: int = 0  # 1: the session knows it, even if it is shut
    dead: int = 0  # broken connections in its list that nobody has noticed
    replacing: int = 0  # _is_replacing
    replace_at: int = -1  # when a refused replacement is tried again
    open: int = 0  # open_count of the pool that the session knows, which may be shut
    known: int = 0  # the generation of that pool
    scheduled: int = 0  # _scheduled_for_creation
    trash_allowed: int = 0  # _next_trash_allowed_at


@extends(Host)
class PythonHost:
    """What the driver keeps of a host besides."""

    rising: int = 0  # _currently_handling_node_up, or it is being added
    status_draws: int = 0
    topology_draws: int = 0


@extends(Session)
class PythonSession:
    """What a Cluster keeps besides."""

    scheduled: int = 0  # tasks in the scheduler
    scheduler_phase: int = 0  # one of the instants at which it looks
    status_next: int = -1  # when the last status event is due
    topology_next: int = -1  # and the last topology event
    control_state: int = 0
    control_at: int = -1  # next attempt of a schedule
    control_pool: int = -1  # host of the last control connection
    cycle_open: int = 0  # 1: a heartbeat cycle waits for answers
    cycle_start: int = 0  # since when
    cycle_due: int = -1  # start of the next one
    probe_first: int = -1  # connections that were asked, in order
    probe_last: int = -1
    failed_first: int = -1  # connections whose heartbeat failed, in order
    failed_last: int = -1


# Acquiring ---------------------------------------------------------------------------------------


@rule
def borrow(w: World, p: int, a: int, now: int) -> int:
    """Try to get a connection for an attempt: GRANTED, QUEUED (its thread blocks) or an error."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE:
        return ERROR_POOL_CLOSED
    if pool.legacy == 1:
        return _borrow_least_busy(w, p, a, now)
    c = pool.first
    if c < 0:
        pool.rejected += 1
        return NO_CONNECTION
    connection = w.connections[c]
    if connection.exhausted == 1 and pool.replacing == 0:
        pool.replacing = 1
        submit(w, w.sessions[pool.session].executor, TASK_REPLACE, p, now)
    if _has_room(w, c):
        _grant(w, a, c, now)
        return GRANTED
    return _wait(w, p, a, c, 0, now)


@rule
def _borrow_least_busy(w: World, p: int, a: int, now: int) -> int:
    c = _least_busy(w, p)
    if c < 0:
        _ask_for_core(w, p, now)
        return _wait(w, p, a, -1, 0, now)
    connection = w.connections[c]
    if connection.in_flight < connection.stream_limit - 1:
        _grant(w, a, c, now)
        _grow(w, p, c, now)
        return GRANTED
    return _wait(w, p, a, -1, 1, now)


@rule
def _has_room(w: World, c: int) -> bool:
    """Whether a borrow takes this connection: a dead one too, unless it is exhausted."""
    connection = w.connections[c]
    full: bool = connection.in_flight >= connection.stream_limit - 1
    return not full and not _is_void(w, c)


@rule
def _is_void(w: World, c: int) -> bool:
    """Whether a HostConnection's borrow asks its pool for another connection than this one."""
    connection = w.connections[c]
    return connection.defunct == 1 and connection.exhausted == 1


@rule
def _least_busy(w: World, p: int) -> int:
    """The connection with the fewest in flight, the first of several, or -1."""
    c = w.pools[p].first
    pick = c
    while c >= 0:
        if w.connections[c].in_flight < w.connections[pick].in_flight:
            pick = c
        c = w.connections[c].next
    return pick


@rule
def _grant(w: World, a: int, c: int, now: int) -> None:
    connection = w.connections[c]
    connection.in_flight += 1
    if connection.listed == 1:
        w.pools[connection.pool].in_flight += 1
    attempt = w.attempts[a]
    attempt.connection = c
    attempt.state = GRANTED_STATE
    attempt.granted_at = now
    w.run.stream_area -= now


@rule
def _wait(w: World, p: int, a: int, c: int, grows: int, now: int) -> int:
    """Block the caller: on v3 and newer it waits for room on connection `c`."""
    pool = w.pools[p]
    timeout = w.options[pool.options].pool_timeout
    if timeout == 0:
        pool.rejected += 1
        return BUSY_TIMED_OUT
    attempt = w.attempts[a]
    attempt.state = WAITING
    attempt.holds += 1
    attempt.connection = c
    attempt.grows = grows
    attempt.spins = 0
    attempt.stranded = -1
    if c >= 0 and _is_void(w, c):
        attempt.spins = 1
    attempt.queued_at = now
    attempt.queue_deadline = now + timeout
    append_waiting(w, p, a)
    pool.pending += 1
    w.run.queue_area -= now
    w.schedule(attempt.queue_deadline, QUEUE_TIMEOUT, p, p)
    return QUEUED


@rule
def _remove_waiter(w: World, p: int, a: int) -> None:
    """Take a waiter out of the queue, wherever it stands."""
    before = -1
    x = w.pools[p].queue_first
    while x != a:
        before = x
        x = w.attempts[x].next
    take_waiting(w, p, before, a)


@rule
def _leave_queue(w: World, p: int, a: int) -> None:
    """A borrow that blocked comes back to its caller; it is out of the list already."""
    w.pools[p].pending -= 1
    w.attempts[a].holds -= 1


@rule
def _serve(w: World, p: int, a: int, now: int) -> bool:
    """A waiter that is awake and in no list takes a stream if there is one for it."""
    pool = w.pools[p]
    attempt = w.attempts[a]
    if pool.legacy == 1:
        c = _least_busy(w, p)
    else:
        if attempt.connection < 0:
            attempt.connection = pool.first  # the one it waited for was closed
        c = attempt.connection
    if c < 0 or not _has_room(w, c):
        return False
    w.run.queue_area += now
    _leave_queue(w, p, a)
    _grant(w, a, c, now)
    make_ready(w, a, STEP_SEND)
    if attempt.grows == 1:
        _grow(w, p, c, now)
    return True


@rule
def _notify(w: World, p: int, now: int) -> None:
    """Wake the first waiter; where there is no room for it, it waits again behind the others."""
    a = w.pools[p].queue_first
    while a >= 0:
        after = w.attempts[a].next
        if w.attempts[a].spins == 0 and w.attempts[a].stranded < 0:
            _remove_waiter(w, p, a)
            if w.attempts[a].state != EXPIRED:
                if not _serve(w, p, a, now):
                    _wait_again(w, p, a)
                return
            _leave_queue(w, p, a)
            make_ready(w, a, STEP_FAILED)
        a = after


@rule
def _wait_again(w: World, p: int, a: int) -> None:
    """A waiter that looked in vain goes behind the others, or looks from now on."""
    attempt = w.attempts[a]
    attempt.spins = 0
    if attempt.connection >= 0 and _is_void(w, attempt.connection):
        attempt.spins = 1
    append_waiting(w, p, a)


@rule
def _look_again(w: World, p: int, now: int) -> None:
    """The pool has another connection: who looks again and again sees it."""
    last = w.pools[p].queue_last
    a = w.pools[p].queue_first
    while a >= 0:
        after = -1
        if a != last:
            after = w.attempts[a].next
        if w.attempts[a].spins == 1:
            _remove_waiter(w, p, a)
            if w.attempts[a].state == EXPIRED:
                _leave_queue(w, p, a)
                make_ready(w, a, STEP_FAILED)
            elif not _serve(w, p, a, now):
                _wait_again(w, p, a)
        a = after


@rule
def _notify_stranded(w: World, p: int, generation: int, now: int) -> None:
    """A connection that a pool left behind when it was shut has room: wake who waits there."""
    a = w.pools[p].queue_first
    while a >= 0:
        if w.attempts[a].stranded == generation:
            _remove_waiter(w, p, a)
            if w.attempts[a].state == EXPIRED:
                _leave_queue(w, p, a)
                make_ready(w, a, STEP_FAILED)
            elif w.attempts[a].connection < 0 or not _serve(w, p, a, now):
                append_waiting(w, p, a)
            return
        a = w.attempts[a].next


@rule
def queue_timeout(w: World, p: int, now: int) -> None:
    """Borrows that have blocked for the pool timeout come back."""
    a = w.pools[p].queue_first
    while a >= 0:
        after = w.attempts[a].next
        if w.attempts[a].queue_deadline <= now:
            expire(w, p, a, now)
        a = after


@rule
def expire(w: World, p: int, a: int, now: int) -> None:
    """A waiter's time is over. It looks a last time, and fails."""
    _remove_waiter(w, p, a)
    attempt = w.attempts[a]
    if attempt.state == EXPIRED:
        _leave_queue(w, p, a)
        make_ready(w, a, STEP_FAILED)
        return
    # A HostConnection's borrow looks at the connection it waited for, even if that was closed.
    closed = attempt.connection < 0 and w.pools[p].legacy == 0
    if closed or not _serve(w, p, a, now):
        _refuse(w, p, a, BUSY_TIMED_OUT, now)


@rule
def _refuse(w: World, p: int, a: int, error: int, now: int) -> None:
    """The host fails a waiter that is in no list any more."""
    attempt = w.attempts[a]
    if error == BUSY_TIMED_OUT:
        w.pools[p].rejected += 1
    _leave_queue(w, p, a)
    w.run.queue_area += now
    attempt.state = FAILED
    attempt.error = error
    make_ready(w, a, STEP_FAILED)


# Returning ---------------------------------------------------------------------------------------


@rule
def give_back(w: World, a: int, unwritten: int, now: int) -> None:
    """The attempt's response was read; or it could not be written, as its connection is dead."""
    c = w.attempts[a].connection
    connection = w.connections[c]
    connection.in_flight -= 1
    w.run.stream_area += now
    p = connection.pool
    if connection.listed == 0:
        _notify_stranded(w, p, connection.generation, now)
        return  # left behind by a pool that was shut
    pool = w.pools[p]
    pool.in_flight -= 1
    if unwritten == 1 and connection.defunct == 1:
        _convict(w, p, now)
    elif pool.legacy == 1 or connection.state == TRASHED_STATE:
        _returned(w, p, c, 0, now)
    elif pool.queue_first >= 0:
        _notify(w, p, now)


@rule
def timed_out(w: World, a: int, now: int) -> None:
    """The timeout of a request in flight: its stream stays taken and in flight."""
    attempt = w.attempts[a]
    c = attempt.connection
    connection = w.connections[c]
    attempt.state = ORPHANED
    connection.orphans += 1
    w.run.stream_area += now
    p = connection.pool
    pool = w.pools[p]
    pool.orphans += 1
    if connection.listed == 0:
        return
    if pool.legacy == 0 and connection.orphans >= 3 * connection.stream_limit // 4:
        connection.exhausted = 1
    _returned(w, p, c, 1, now)


@rule
def late_response(w: World, a: int, now: int) -> None:
    """The response of an orphan: its stream is free again (the caller freed it)."""
    connection = w.connections[w.attempts[a].connection]
    connection.in_flight -= 1
    connection.orphans -= 1
    p = connection.pool
    w.pools[p].orphans -= 1
    if connection.listed == 1:
        w.pools[p].in_flight -= 1
        _notify(w, p, now)
    else:
        _notify_stranded(w, p, connection.generation, now)


@rule
def _returned(w: World, p: int, c: int, orphaned: int, now: int) -> None:
    """What a return to a usable pool leads to, the stream counted off already."""
    pool = w.pools[p]
    connection = w.connections[c]
    if pool.legacy == 1:
        _returned_to_pool(w, p, c, now)
        return
    if connection.state == TRASHED_STATE and connection.in_flight == connection.orphans:
        _unlist(w, p, c)
        _close(w, c, now)
    if orphaned == 0 and pool.queue_first >= 0:
        _notify(w, p, now)


@rule
def _returned_to_pool(w: World, p: int, c: int, now: int) -> None:
    pool = w.pools[p]
    connection = w.connections[c]
    options = w.options[pool.options]
    if connection.state == TRASHED_STATE:
        if connection.in_flight == 0:
            _unlist(w, p, c)
            _close(w, c, now)
    elif (
        pool.active + pool.dead > options.core
        and connection.in_flight <= options.min_requests
        and now >= pool.trash_allowed
    ):
        _trash_surplus(w, p, c, now)
    else:
        _notify(w, p, now)


@rule
def _trash_surplus(w: World, p: int, c: int, now: int) -> None:
    """Put a quiet connection above core aside; close it if nothing is in flight on it."""
    pool = w.pools[p]
    connection = w.connections[c]
    if pool.open <= w.options[pool.options].core:
        return
    pool.open -= 1
    if connection.in_flight == 0:
        _unlist(w, p, c)
        _close(w, c, now)
        return
    remove_active(w, p, c)
    connection.state = TRASHED_STATE
    append_trash(w, p, c)
    pool.trash_allowed = now + TRASH_INTERVAL
    w.note(now, TRASHED, pool.session, pool.node, connection.serial, pool.active)


# Growing -----------------------------------------------------------------------------------------


@rule
def _ask_for_core(w: World, p: int, now: int) -> None:
    """Ask for the connections that core lacks."""
    pool = w.pools[p]
    missing = w.options[pool.options].core - (pool.active + pool.dead + pool.scheduled)
    for _ in range(missing):
        pool.scheduled += 1
        submit(w, w.sessions[pool.session].executor, TASK_CREATE, p, now)


@rule
def _grow(w: World, p: int, c: int, now: int) -> None:
    """A borrow got connection `c`: if that is busy, ask for one more, one at a time."""
    pool = w.pools[p]
    options = w.options[pool.options]
    if w.connections[c].in_flight < options.max_requests:
        return
    if pool.active + pool.dead >= options.max or pool.open >= options.max or pool.scheduled >= 1:
        return
    pool.scheduled += 1
    w.note(now, GROWTH, pool.session, pool.node, -1, pool.in_flight)
    submit(w, w.sessions[pool.session].executor, TASK_CREATE, p, now)


@rule
def needed(w: World, p: int, load: int) -> int:
    """Connections that `load` requests in flight need, evenly spread: so many that none is busy
    enough to ask for one more, between core and max."""
    pool = w.pools[p]
    options = w.options[pool.options]
    if pool.legacy == 0:
        return _wanted(w, p)
    count: int = load // options.max_requests + 1
    if count > options.max:
        count = options.max
    if count < options.core:
        count = options.core
    return count


@rule
def _wanted(w: World, p: int) -> int:
    """Connections of a new pool."""
    pool = w.pools[p]
    if pool.legacy == 1:
        core: int = w.options[pool.options].core
        return core
    client = w.clients[w.sessions[pool.session].client]
    if w.hosts[p].distance == REMOTE and client.connects_remote == 0:
        return 0
    return 1


@rule
def _open(w: World, p: int, role: int, task: int, now: int) -> None:
    """Start a connection; the thread of `task` waits for it."""
    c = open_connection(w, p, role, now)
    connection = w.connections[c]
    connection.listed = 0
    connection.task = task
    connection.exhausted = 0
    connection.probe_state = NO_PROBE
    connection.idle_since = -1
    if role == ROLE_RECONNECTION:
        connection.generation = w.hosts[p].times_down


@rule
def _add_if_under_maximum(w: World, p: int, task: int, now: int) -> bool:
    """Start one more connection; True where that is not to be."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE or pool.open >= w.options[pool.options].max:
        return True
    pool.open += 1
    _open(w, p, ROLE_POOL, task, now)
    return False


# Tasks -------------------------------------------------------------------------------------------


@rule
def run_task(w: World, kind: int, p: int, generation: int, now: int) -> bool:
    """An executor's thread takes a task; True when it is done at once, False when a connection
    is under way, whose outcome releases the thread."""
    pool = w.pools[p]
    if kind == TASK_DOWN:
        _on_down(w, p, 0, now)
        return True
    if kind == TASK_EXPECTED_DOWN:
        _on_down(w, p, 1, now)
        return True
    if kind == TASK_UPDATE:
        _update_pools(w, pool.session, now)
        return True
    if kind == TASK_UP:
        if w.hosts[p].up == 0 and w.hosts[p].rising == 0 and w.hosts[p].known == 1:
            w.note(now, STATUS_UP, pool.session, pool.node, -1, 0)
            _on_up(w, p, now)
        return True
    if kind == TASK_TOPOLOGY:
        _refresh_host(w, p, now)
        return True
    if kind == TASK_RENEW and (w.hosts[p].rising == 1 or pool.phase == POOL_USABLE):
        return True
    if kind <= TASK_RENEW and w.hosts[p].known == 0:
        w.hosts[p].rising = 0
        pool.phase = POOL_CLOSED
        return True
    if kind <= TASK_RENEW:
        return _make_pool(w, p, kind, now)
    if kind == TASK_RECONNECT:
        return _attempt_reconnection(w, p, now)
    if kind == TASK_CONTROL:
        return _connect_control(w, pool.session, now)
    if generation != pool.generation:
        return True
    if kind == TASK_REPLACE:
        if pool.phase == POOL_USABLE:
            _open(w, p, ROLE_POOL, TASK_REPLACE, now)
            return False
        return True
    done = _add_if_under_maximum(w, p, kind, now)
    if done and kind == TASK_CREATE:
        pool.scheduled -= 1
    return done


@rule
def _make_pool(w: World, p: int, task: int, now: int) -> bool:
    """Begin a new pool; True where it has no connections to wait for."""
    pool = w.pools[p]
    if pool.phase == POOL_USABLE:
        _shut_pool(w, p, now)
    pool.phase = POOL_INITIALIZING
    pool.generation += 1
    pool.scheduled = 0
    pool.replacing = 0
    pool.replace_at = -1
    wanted = _wanted(w, p)
    pool.init_pending = wanted
    if wanted == 0:
        _pool_ready(w, p, task, now)
        return True
    if task == TASK_NONE:
        for _ in range(wanted):
            _open(w, p, ROLE_INITIAL, task, now)
    else:
        _open(w, p, ROLE_INITIAL, task, now)
    return False


@rule
def _pool_ready(w: World, p: int, task: int, now: int) -> None:
    pool = w.pools[p]
    host = w.hosts[p]
    pool.phase = POOL_USABLE
    pool.present = 1
    pool.open = pool.active + pool.dead
    pool.known = pool.generation
    pool.trash_allowed = now
    w.note(now, POOL_READY, pool.session, pool.node, -1, pool.active)
    if host.known == 0:
        host.rising = 0  # it has left meanwhile
        pool.present = 0
        _shut_pool(w, p, now)
    elif task == TASK_POOL:
        host.rising = 0
        if host.up == 0:
            host.up = 1
            w.note(now, HOST_UP, pool.session, pool.node, -1, 0)
        _update_pools(w, pool.session, now)


@rule
def _pool_failed(w: World, p: int, task: int, convicts: bool, now: int) -> None:
    """A new pool's connection could not be made. Those it had already are never closed."""
    pool = w.pools[p]
    while pool.first >= 0:
        c = pool.first
        _unlist(w, p, c)
        drop_connection(w, c)
    pool.phase = POOL_CLOSED
    pool.generation += 1
    if w.hosts[p].known == 0:
        w.hosts[p].rising = 0
    elif task == TASK_POOL:
        w.hosts[p].rising = 0
        host_down(w, p)
        _control_host_down(w, p, now)
        _start_reconnecting(w, p, now)
    elif convicts:
        submit(w, w.sessions[pool.session].executor, TASK_EXPECTED_DOWN, p, now)


@rule
def _update_pools(w: World, s: int, now: int) -> None:
    """Make the pools that are missing or shut while their hosts are up."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        pool = w.pools[p]
        host = w.hosts[p]
        gone = pool.phase == POOL_NONE or pool.phase == POOL_CLOSED
        if gone and host.up == 1 and host.distance != IGNORED:
            pool.phase = POOL_INITIALIZING
            submit(w, w.sessions[s].executor, TASK_RENEW, p, now)


# Connections that come and go --------------------------------------------------------------------


@rule
def _release(w: World, c: int, now: int) -> None:
    """The handshake is over: its thread is free."""
    connection = w.connections[c]
    if connection.task != TASK_NONE:
        release_thread(w, w.sessions[w.pools[connection.pool].session].executor, now)


@rule
def connected(w: World, c: int, now: int) -> None:
    """A handshake is complete."""
    connection = w.connections[c]
    connection.last_read = now
    p = connection.pool
    if connection.role == ROLE_CONTROL:
        _control_connected(w, c, now)
    elif connection.role == ROLE_RECONNECTION:
        host = w.hosts[p]
        current = connection.generation == host.times_down
        if current and host.reconnecting == ATTEMPT_UNDER_WAY:
            host.reconnecting = NOT_RECONNECTING
            _on_up(w, p, now)
        _close(w, c, now)
        _release(w, c, now)
    elif connection.role == ROLE_INITIAL:
        _initial_connected(w, c, now)
    else:
        _release(w, c, now)
        _added(w, c, now)


@rule
def _initial_connected(w: World, c: int, now: int) -> None:
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    task = connection.task
    if connection.generation != pool.generation or pool.phase != POOL_INITIALIZING:
        _release(w, c, now)
        _close(w, c, now)
        return
    _join(w, p, c, now)
    pool.init_pending -= 1
    if pool.init_pending == 0:
        _release(w, c, now)
        _pool_ready(w, p, task, now)
    elif task != TASK_NONE:
        _open(w, p, ROLE_INITIAL, task, now)


@rule
def _added(w: World, c: int, now: int) -> None:
    """A connection for a pool that exists, unless it was shut meanwhile: then nobody knows it."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    if connection.generation != pool.generation:
        return
    if connection.task == TASK_CREATE:
        pool.scheduled -= 1
    if pool.phase != POOL_USABLE:
        return
    if pool.legacy == 1:
        pool.trash_allowed = now + TRASH_INTERVAL
        _join(w, p, c, now)
    else:
        _put_aside(w, p, now)
        _join(w, p, c, now)
        pool.replacing = 0
    _notify(w, p, now)
    if pool.legacy == 0:
        _look_again(w, p, now)


@rule
def _put_aside(w: World, p: int, now: int) -> None:
    """The exhausted connection makes room for its replacement."""
    pool = w.pools[p]
    c = pool.first
    connection = w.connections[c]
    w.note(now, REPLACED, pool.session, pool.node, connection.serial, connection.orphans)
    if connection.defunct == 1:
        _unlist(w, p, c)
        drop_connection(w, c)
    elif connection.in_flight == connection.orphans:
        _unlist(w, p, c)
        _close(w, c, now)
    else:
        remove_active(w, p, c)
        connection.state = TRASHED_STATE
        append_trash(w, p, c)


@rule
def _join(w: World, p: int, c: int, now: int) -> None:
    pool = w.pools[p]
    append_active(w, p, c)
    w.connections[c].listed = 1
    w.note(now, OPENED, pool.session, pool.node, w.connections[c].serial, pool.active)


@rule
def _unlist(w: World, p: int, c: int) -> None:
    """Take a connection, dead or alive, out of its pool, which no longer counts what it carries."""
    pool = w.pools[p]
    connection = w.connections[c]
    if connection.state == TRASHED_STATE:
        remove_trash(w, p, c)
    else:
        if connection.state == GONE:
            pool.active += 1
            pool.dead -= 1
            connection.holds -= 1
        remove_active(w, p, c)
    connection.listed = 0
    pool.in_flight -= connection.in_flight
    _forget(w, p, c)


@rule
def _forget(w: World, p: int, c: int) -> None:
    """Who waits for a connection that is gone waits for none."""
    a = w.pools[p].queue_first
    while a >= 0:
        if w.attempts[a].connection == c and w.attempts[a].stranded < 0:
            w.attempts[a].connection = -1
        a = w.attempts[a].next


@rule
def _close(w: World, c: int, now: int) -> None:
    """The driver closes a connection that is in no list. What it carried fails over."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    pool.orphans -= connection.orphans
    failed = fail_attempts(w, c, LOST)
    connection.in_flight -= failed
    w.run.stream_area += failed * now
    if connection.defunct == 0:
        w.run.connections_gone += 1
        w.note(now, CLOSED, pool.session, pool.node, connection.serial, pool.active)
    if connection.probe_state == PROBE_WAITING:
        connection.probe_state = PROBE_DROPPED
        w.schedule(now, HEARTBEAT_CYCLE, pool.session, pool.session)
    connection.state = GONE
    connection.asking = ASK_NOTHING
    drop_connection(w, c)


@rule
def connect_failed(w: World, c: int, now: int) -> None:
    """A handshake was refused, timed out or broken off; the connection is gone already."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    convicts = _is_convicting(w, c, now)
    if connection.role == ROLE_CONTROL:
        if not _try_control(w, pool.session, connection.task, now):
            _release(w, c, now)
        return
    _release(w, c, now)
    if connection.role == ROLE_RECONNECTION:
        host = w.hosts[p]
        current = connection.generation == host.times_down
        if current and host.reconnecting == ATTEMPT_UNDER_WAY:
            host.reconnect_attempt += 1
            _schedule_reconnection(w, p, now)
    elif connection.role == ROLE_INITIAL:
        if connection.generation == pool.generation and pool.phase == POOL_INITIALIZING:
            _pool_failed(w, p, connection.task, convicts, now)
    elif connection.task == TASK_REPLACE:
        if connection.generation == pool.generation:
            if convicts:
                pool.replace_at = now + REPLACEMENT_PAUSE
                w.schedule(pool.replace_at, RECONNECTION, p, p)
            else:
                submit(w, w.sessions[pool.session].executor, TASK_REPLACE, p, now)
    else:
        _addition_failed(w, c, convicts, now)


@rule
def _is_convicting(w: World, c: int, now: int) -> bool:
    """Whether the failure of a handshake convicts the host: all do but a timeout past TCP."""
    connection = w.connections[c]
    late = connection.ask_deadline == now and connection.lost_at != now
    return connection.ask_refused == 1 or connection.ask_step == TCP or not late


@rule
def _addition_failed(w: World, c: int, convicts: bool, now: int) -> None:
    """One more connection of a legacy pool could not be made."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    executor = w.sessions[pool.session].executor
    current = connection.generation == pool.generation
    if current and connection.task == TASK_CREATE:
        pool.scheduled -= 1
    if convicts:
        submit(w, executor, TASK_DOWN, p, now)
        if connection.generation == pool.known:
            pool.open -= 1
        if current:
            _shut_pool(w, p, now)
    if current and connection.task == TASK_RETRY_REPLACE:
        submit(w, executor, TASK_RETRY_REPLACE, p, now)


@rule
def lost(w: World, c: int, now: int) -> None:
    """A connection broke, or its heartbeat was not answered in time."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    if connection.defunct == 1:
        return
    question = connection.asking == ASK_HEARTBEAT
    if question and connection.ask_deadline == now and connection.lost_at != now:
        connection.asking = ASK_NOTHING
        connection.probe_state = PROBE_LATE
        w.schedule(now, HEARTBEAT_CYCLE, pool.session, pool.session)
        return
    if connection.probe_state == PROBE_WAITING:
        connection.probe_state = PROBE_BROKEN
        w.schedule(now, HEARTBEAT_CYCLE, pool.session, pool.session)
    failed = _make_defunct(w, c, now)
    if connection.role == ROLE_CONTROL:
        return
    if connection.listed == 0:
        if failed > 0:
            submit(w, w.sessions[pool.session].executor, TASK_DOWN, p, now)
        _strand(w, p, c)
        connection.state = GONE
    elif failed > 0:
        _convict(w, p, now)
    elif connection.state == TRASHED_STATE:
        _unlist(w, p, c)
        connection.state = GONE
    else:
        # Nobody has noticed: it keeps its place, but is no longer an open connection.
        connection.state = GONE
        connection.holds += 1
        pool.active -= 1
        pool.dead += 1
    drop_connection(w, c)


@rule
def _strand(w: World, p: int, c: int) -> None:
    """A connection that its pool left behind breaks: who waits there waits for nothing."""
    a = w.pools[p].queue_first
    while a >= 0:
        if w.attempts[a].connection == c:
            w.attempts[a].connection = -1
        a = w.attempts[a].next


@rule
def _make_defunct(w: World, c: int, now: int) -> int:
    """The connection is dead: what it carried fails over. Returns how many requests that were."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    connection.defunct = 1
    connection.spare = connection.stream_limit - connection.in_flight
    connection.asking = ASK_NOTHING
    w.run.connections_gone += 1
    if connection.role == ROLE_CONTROL:
        session = w.sessions[pool.session]
        fail_attempts(w, c, LOST)
        connection.state = GONE
        session.control = -1
        if session.control_state == CONTROL_OK:
            session.control_state = CONTROL_BROKEN
        w.note(now, CONTROL_LOST, pool.session, pool.node, connection.serial, 0)
        drop_connection(w, c)
        return 0
    pool.orphans -= connection.orphans
    failed = fail_attempts(w, c, LOST)
    connection.in_flight -= failed
    w.run.stream_area += failed * now
    if connection.listed == 1:
        pool.in_flight -= failed
    w.note(now, CONNECTION_BROKE, pool.session, pool.node, connection.serial, failed)
    return failed


@rule
def _convict(w: World, p: int, now: int) -> None:
    """A dead connection was noticed: the host is to go down, its pool is shut at once."""
    submit(w, w.sessions[w.pools[p].session].executor, TASK_DOWN, p, now)
    _shut_pool(w, p, now)


@rule
def _shut_pool(w: World, p: int, now: int) -> None:
    """Shut a pool: requests and, but for a few, waiters fail over. A HostConnection forgets its
    trash."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE:
        return
    pool.phase = POOL_CLOSED
    waited = _shut_out(w, p, now)
    w.note(now, POOL_SHUT, pool.session, pool.node, -1, waited)
    while pool.first >= 0:
        c = pool.first
        _unlist(w, p, c)
        _close(w, c, now)
        pool.open -= 1
    while pool.trash_first >= 0:
        c = pool.trash_first
        _unlist(w, p, c)
        if pool.legacy == 1 or w.connections[c].defunct == 1:
            _close(w, c, now)


@rule
def _shut_out(w: World, p: int, now: int) -> int:
    """What becomes of a pool's waiters when it is shut. Returns how many fail with it."""
    pool = w.pools[p]
    waited = 0
    c = pool.first
    places = 0
    spare = 0
    if pool.legacy == 0 and c >= 0 and w.connections[c].exhausted == 0:
        connection = w.connections[c]
        places = connection.stream_limit - 1 - connection.orphans
        spare = connection.stream_limit - connection.in_flight
        if connection.defunct == 1:
            places = connection.stream_limit - 1 - connection.in_flight
            spare = connection.spare
    last = pool.queue_last
    a = pool.queue_first
    while a >= 0:
        after = -1
        if a != last:
            after = w.attempts[a].next
        attempt = w.attempts[a]
        if attempt.state == EXPIRED:
            _remove_waiter(w, p, a)
            _leave_queue(w, p, a)
            make_ready(w, a, STEP_FAILED)
        elif attempt.stranded < 0:
            _remove_waiter(w, p, a)
            waits_for = attempt.connection
            if pool.legacy == 1 or waits_for < 0 or _is_void(w, waits_for):
                waited += 1
                _refuse(w, p, a, ERROR_POOL_CLOSED, now)
            elif waits_for != c:
                if not _serve(w, p, a, now):
                    attempt.stranded = pool.generation
                    append_waiting(w, p, a)
            elif w.connections[c].exhausted == 1 or places > 0:
                if spare > 0:
                    spare -= 1
                    _mark_stranded(w, p)
                else:
                    places -= 1
                waited += 1
                _refuse(w, p, a, ERROR_POOL_CLOSED, now)
            else:
                attempt.stranded = pool.generation
                attempt.connection = -1
                append_waiting(w, p, a)
        a = after
    _wake_marked(w, p, now)
    return waited


@rule
def _mark_stranded(w: World, p: int) -> None:
    """A borrow that fails on the broken connection returns it: the first of those who wait again
    is notified, and looks when all who were woken before have looked."""
    pool = w.pools[p]
    a = pool.queue_first
    while a >= 0:
        attempt = w.attempts[a]
        if attempt.stranded == pool.generation and attempt.spins == 0:
            attempt.spins = 1
            return
        a = attempt.next


@rule
def _wake_marked(w: World, p: int, now: int) -> None:
    """Those who were notified while they waited again look; nothing has changed for most."""
    pool = w.pools[p]
    last = pool.queue_last
    a = pool.queue_first
    while a >= 0:
        after = -1
        if a != last:
            after = w.attempts[a].next
        attempt = w.attempts[a]
        if attempt.stranded == pool.generation and attempt.spins == 1:
            attempt.spins = 0
            _remove_waiter(w, p, a)
            if attempt.connection < 0 or not _serve(w, p, a, now):
                append_waiting(w, p, a)
        a = after


# Heartbeats --------------------------------------------------------------------------------------


@rule
def heartbeat_cycle(w: World, s: int, now: int) -> None:
    """Begin a cycle that is due, or go on with one whose answers were waited for."""
    session = w.sessions[s]
    if session.cycle_open == 1:
        _go_on_waiting(w, s, now)
    elif session.cycle_due == now:
        _begin_cycle(w, s, now)


@rule
def _begin_cycle(w: World, s: int, now: int) -> None:
    """Look at every connection: ask those that were silent, notice those that are dead."""
    session = w.sessions[s]
    session.cycle_open = 1
    session.cycle_start = now
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        c = w.pools[p].first
        if w.pools[p].phase != POOL_USABLE:
            c = -1
        while c >= 0:
            after = w.connections[c].next
            if w.connections[c].defunct == 1:
                _convict(w, p, now)
                after = -1
            else:
                _look(w, s, c, now)
            c = after
    if session.control >= 0:
        _look(w, s, session.control, now)
    else:
        _reconnect_control(w, s, now)
    _go_on_waiting(w, s, now)


@rule
def _look(w: World, s: int, c: int, now: int) -> None:
    """Ask a connection that has read nothing since the last look."""
    connection = w.connections[c]
    if connection.last_read > connection.idle_since:
        connection.idle_since = now
        return
    session = w.sessions[s]
    pool = w.pools[connection.pool]
    connection.holds += 1
    connection.probe_next = -1
    if connection.in_flight >= connection.stream_limit - 1:
        connection.probe_state = PROBE_IMPOSSIBLE
        w.note(now, HEARTBEAT_FAILED, pool.session, pool.node, connection.serial, 0)
        _append_failed(w, s, c)
        return
    a = new_probe(w, c)
    w.attempts[a].stream = take_stream(w, c, a)
    connection.in_flight += 1
    if connection.listed == 1:
        pool.in_flight += 1
    connection.probe_state = PROBE_WAITING
    if session.probe_last < 0:
        session.probe_first = c
    else:
        w.connections[session.probe_last].probe_next = c
    session.probe_last = c
    send_heartbeat(w, c, now)


@rule
def heartbeat_answered(w: World, c: int, now: int) -> None:
    """The answer was read; the cycle's thread comes to it in its turn."""
    connection = w.connections[c]
    s = w.pools[connection.pool].session
    connection.probe_state = PROBE_ANSWERED
    w.schedule(now, HEARTBEAT_CYCLE, s, s)


@rule
def _append_failed(w: World, s: int, c: int) -> None:
    session = w.sessions[s]
    w.connections[c].probe_next = -1
    if session.failed_last < 0:
        session.failed_first = c
    else:
        w.connections[session.failed_last].probe_next = c
    session.failed_last = c


@rule
def _go_on_waiting(w: World, s: int, now: int) -> None:
    """Take the answers in the order of the questions; after the last one, see to the failures."""
    session = w.sessions[s]
    while session.probe_first >= 0:
        c = session.probe_first
        connection = w.connections[c]
        if connection.probe_state == PROBE_WAITING:
            return
        session.probe_first = connection.probe_next
        if session.probe_first < 0:
            session.probe_last = -1
        if connection.probe_state == PROBE_ANSWERED:
            connection.in_flight -= 1
            if connection.listed == 1:
                w.pools[connection.pool].in_flight -= 1
            connection.idle_since = now
        if connection.probe_state == PROBE_ANSWERED or connection.probe_state == PROBE_DROPPED:
            connection.probe_state = NO_PROBE
            connection.holds -= 1
            drop_connection(w, c)
        else:
            _append_failed(w, s, c)
    while session.failed_first >= 0:
        c = session.failed_first
        connection = w.connections[c]
        session.failed_first = connection.probe_next
        if session.failed_first < 0:
            session.failed_last = -1
        late = connection.probe_state == PROBE_LATE
        connection.probe_state = NO_PROBE
        connection.holds -= 1
        _heartbeat_failed(w, s, c, late, now)
    session.cycle_open = 0
    interval = w.options[2 * session.client].heartbeat_interval
    pause = interval - (now - session.cycle_start)
    if pause < SHORTEST_CYCLE_PAUSE:
        pause = SHORTEST_CYCLE_PAUSE
    session.cycle_due = now + pause
    w.schedule(session.cycle_due, HEARTBEAT_CYCLE, s, s)


@rule
def _heartbeat_failed(w: World, s: int, c: int, late: bool, now: int) -> None:
    """Close a connection whose heartbeat failed, and do what its owner then does."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    if connection.role == ROLE_CONTROL:
        if connection.defunct == 0 and connection.state != GONE:
            _make_defunct(w, c, now)
        if w.sessions[s].control < 0:
            _reconnect_control(w, s, now)
        drop_connection(w, c)
    elif connection.state == GONE and connection.listed == 0:
        drop_connection(w, c)
    else:
        if connection.defunct == 0:
            _make_defunct(w, c, now)
            connection.in_flight -= 1  # the cycle returns the connection, as for its own question
            if connection.listed == 1:
                pool.in_flight -= 1
        if connection.listed == 0:
            connection.state = GONE
            drop_connection(w, c)
        elif pool.legacy == 1 and late:
            if connection.state != TRASHED_STATE:
                pool.open -= 1
                submit(w, w.sessions[s].executor, TASK_RETRY_REPLACE, p, now)
            _unlist(w, p, c)
            connection.state = GONE
            drop_connection(w, c)
        else:
            _convict(w, p, now)


# Hosts -------------------------------------------------------------------------------------------


@rule
def start_session(w: World, s: int, now: int) -> None:
    """Cluster.connect: the control connection, the pools of all hosts, the heartbeats' clock."""
    run = w.run
    session = w.sessions[s]
    client = w.clients[session.client]
    interval = w.options[2 * session.client].heartbeat_interval
    if interval > 0:
        session.cycle_due = now + interval
        w.schedule(session.cycle_due, HEARTBEAT_CYCLE, s, s)
    session.control_state = CONTROL_CONNECTING
    _walk_plan(w, s)
    _try_control(w, s, TASK_NONE, now)
    for p in range(s * run.nodes, (s + 1) * run.nodes):
        if client.protocol < 3:
            w.pools[p].legacy = 1
        if w.hosts[p].distance != IGNORED and w.hosts[p].known == 1:
            _make_pool(w, p, TASK_NONE, now)


@rule
def _on_down(w: World, p: int, expected: int, now: int) -> None:
    """Cluster.on_down, unless the host's pool has open connections or it is handled already."""
    pool = w.pools[p]
    host = w.hosts[p]
    connections = pool.open
    if pool.legacy == 0:
        connections = pool.active
    if (pool.present == 1 and connections > 0) or host.known == 0:
        return
    was_up = host.up
    host.up = 0
    if was_up == 0 and expected == 0:
        return
    if host.reconnecting != NOT_RECONNECTING:
        return
    w.note(now, HOST_DOWN, pool.session, pool.node, -1, 0)
    host_down(w, p)
    _control_host_down(w, p, now)
    if pool.present == 1:
        _shut_pool(w, p, now)
        pool.present = 0
        submit(w, w.sessions[pool.session].executor, TASK_UPDATE, p, now)
    _start_reconnecting(w, p, now)


@rule
def _on_up(w: World, p: int, now: int) -> None:
    """Cluster.on_up: the load balancer offers the host again, a new pool is made."""
    pool = w.pools[p]
    host = w.hosts[p]
    if host.rising == 1 or host.up == 1:
        return
    host.rising = 1
    host.reconnecting = NOT_RECONNECTING
    _shut_pool(w, p, now)
    pool.present = 0
    host_up(w, p)
    submit(w, w.sessions[pool.session].executor, TASK_POOL, p, now)


@rule
def _polled(w: World, s: int, due: int, now: int) -> int:
    """When the scheduler runs what is due at an instant: at the first of its looks from then on."""
    session = w.sessions[s]
    if session.scheduled == 0:
        session.scheduler_phase = now  # it blocked on its empty queue
    session.scheduled += 1
    past = (due - session.scheduler_phase) % SCHEDULER_PERIOD
    if past > 0:
        due += SCHEDULER_PERIOD - past
    return due


@rule
def _start_reconnecting(w: World, p: int, now: int) -> None:
    """A new schedule of reconnection attempts."""
    host = w.hosts[p]
    host.times_down += 1
    host.reconnect_attempt = 0
    _schedule_reconnection(w, p, now)


@rule
def _schedule_reconnection(w: World, p: int, now: int) -> None:
    pool = w.pools[p]
    host = w.hosts[p]
    limit = w.clients[w.sessions[pool.session].client].reconnection_attempts
    if limit > 0 and host.reconnect_attempt >= limit:
        host.reconnecting = GAVE_UP
        w.note(now, RECONNECTION_GAVE_UP, pool.session, pool.node, -1, host.reconnect_attempt)
        return
    due = now + next_delay(w, p, host.reconnect_attempt)
    host.reconnecting = ATTEMPT_SCHEDULED
    host.reconnect_at = _polled(w, pool.session, due, now)
    if host.reconnect_attempt > 0:
        wait = host.reconnect_at - now
        w.note(now, RECONNECTION_FAILED, pool.session, pool.node, -1, wait)
    w.schedule(host.reconnect_at, RECONNECTION, p, p)


@rule
def reconnection_due(w: World, p: int, now: int) -> None:
    """The delay before the next attempt is over (or the pause before a refused replacement)."""
    host = w.hosts[p]
    pool = w.pools[p]
    session = w.sessions[pool.session]
    if pool.replace_at == now:
        pool.replace_at = -1
        submit(w, session.executor, TASK_REPLACE, p, now)
        return
    session.scheduled -= 1
    if host.reconnecting == ATTEMPT_SCHEDULED and host.reconnect_at == now:
        host.reconnecting = ATTEMPT_SUBMITTED
        submit(w, session.executor, TASK_RECONNECT, p, now)


@rule
def _attempt_reconnection(w: World, p: int, now: int) -> bool:
    host = w.hosts[p]
    if host.reconnecting != ATTEMPT_SUBMITTED:
        return True
    host.reconnecting = ATTEMPT_UNDER_WAY
    pool = w.pools[p]
    number = host.reconnect_attempt + 1
    w.note(now, RECONNECTION_ATTEMPT, pool.session, pool.node, -1, number)
    _open(w, p, ROLE_RECONNECTION, TASK_RECONNECT, now)
    return False


@rule
def status_event(w: World, p: int, now: int) -> None:
    """The server says that the host is up; the driver lets a random time pass."""
    pool = w.pools[p]
    host = w.hosts[p]
    session = w.sessions[pool.session]
    client = w.clients[session.client]
    if session.control < 0 or client.status_events == 0 or host.distance == IGNORED:
        return
    if now <= session.status_next:
        session.status_next += EVENT_SPACING
    else:
        session.status_next = now
        if client.status_delay >= 0:
            session.status_next += w.draw(client.status_delay, p, host.status_draws)
        host.status_draws += 1
    if host.status_due >= 0:
        return
    host.status_due = _polled(w, pool.session, session.status_next, now)
    w.schedule(host.status_due, STATUS_DUE, p, p)


@rule
def status_due(w: World, p: int, now: int) -> None:
    """Act on a status event."""
    session = w.sessions[w.pools[p].session]
    session.scheduled -= 1
    w.hosts[p].status_due = -1
    submit(w, session.executor, TASK_UP, p, now)


@rule
def topology_event(w: World, p: int, now: int) -> None:
    """Another node says that the host has joined the ring, or that it has left it."""
    pool = w.pools[p]
    host = w.hosts[p]
    session = w.sessions[pool.session]
    client = w.clients[session.client]
    if session.control < 0 or client.status_events == 0 or host.topology_due >= 0:
        return
    due = now
    if w.nodes[pool.node].member == 1:
        if now <= session.topology_next:
            session.topology_next += EVENT_SPACING
        else:
            session.topology_next = now + w.draw(client.topology_delay, p, host.topology_draws)
        if now <= session.status_next:
            session.status_next += EVENT_SPACING
        else:
            session.status_next = now + w.draw(client.status_delay, p, host.status_draws)
        host.topology_draws += 1
        host.status_draws += 1
        due = min(session.topology_next, session.status_next)
    host.topology_due = _polled(w, pool.session, due, now)
    w.schedule(host.topology_due, STATUS_DUE, p, p)


@rule
def topology_due(w: World, p: int, now: int) -> None:
    """Act on a topology event."""
    session = w.sessions[w.pools[p].session]
    session.scheduled -= 1
    submit(w, session.executor, TASK_TOPOLOGY, p, now)


@rule
def _refresh_host(w: World, p: int, now: int) -> None:
    """What counts is who is in the ring now; a node that joined is read from the control
    connection."""
    pool = w.pools[p]
    host = w.hosts[p]
    member = w.nodes[pool.node].member
    if host.known == 0 and member == 1 and w.sessions[pool.session].control >= 0:
        _on_add(w, p, now)
    elif host.known == 1 and member == 0:
        _on_remove(w, p, now)


@rule
def _refresh_hosts(w: World, s: int, now: int) -> None:
    """A new control connection reads who is in the ring."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        _refresh_host(w, p, now)


@rule
def _on_add(w: World, p: int, now: int) -> None:
    """Cluster.on_add: the load balancer offers the host, a pool is made."""
    pool = w.pools[p]
    host = w.hosts[p]
    host.reconnecting = NOT_RECONNECTING
    host_added(w, p, now)
    if host.distance == IGNORED:
        host.up = 1
    elif host.rising == 0:
        host.rising = 1
        submit(w, w.sessions[pool.session].executor, TASK_POOL, p, now)


@rule
def _on_remove(w: World, p: int, now: int) -> None:
    """Cluster.on_remove: the load balancer forgets the host, its pool is shut."""
    pool = w.pools[p]
    host = w.hosts[p]
    host.reconnecting = NOT_RECONNECTING
    host_removed(w, p, now)
    if pool.present == 1:
        _shut_pool(w, p, now)
        pool.present = 0
        submit(w, w.sessions[pool.session].executor, TASK_UPDATE, p, now)
    _control_host_down(w, p, now)


# The control connection --------------------------------------------------------------------------


@rule
def _control_host_down(w: World, p: int, now: int) -> None:
    """The load balancer forgets a host: a control connection to it moves, broken or not. If no
    other host takes it, it stays as it is while attempts are scheduled."""
    s = w.pools[p].session
    session = w.sessions[s]
    known = session.control_state == CONTROL_OK or session.control_state == CONTROL_BROKEN
    if known and session.control_pool == p:
        _reconnect_control(w, s, now)


@rule
def _reconnect_control(w: World, s: int, now: int) -> None:
    """ControlConnection.reconnect; the schedule under way, if any, is void."""
    session = w.sessions[s]
    if session.control_state == CONTROL_CONNECTING:
        return
    session.control_state = CONTROL_CONNECTING
    session.control_attempts = 0
    submit(w, session.executor, TASK_CONTROL, s * w.run.nodes, now)


@rule
def control(w: World, s: int, now: int) -> None:
    """The next attempt of the schedule is due."""
    session = w.sessions[s]
    session.scheduled -= 1
    if session.control_state == CONTROL_SCHEDULED and session.control_at == now:
        session.control_state = CONTROL_CONNECTING
        submit(w, session.executor, TASK_CONTROL, s * w.run.nodes, now)


@rule
def _walk_plan(w: World, s: int) -> None:
    """A round over the hosts begins where the load balancer's next plan would."""
    session = w.sessions[s]
    session.control_step = 0
    session.control_turn = session.turn
    session.turn += 1


@rule
def _connect_control(w: World, s: int, now: int) -> bool:
    """A round over the hosts, on an executor's thread; True where there is nobody to ask."""
    _walk_plan(w, s)
    return not _try_control(w, s, TASK_CONTROL, now)


@rule
def _try_control(w: World, s: int, task: int, now: int) -> bool:
    """Ask the round's next host; False after the last one, and the next round is scheduled."""
    session = w.sessions[s]
    run = w.run
    client = w.clients[session.client]
    rotation = w.rotations[s * run.datacenters + client.rotation]
    if session.control_step < rotation.count:
        k = (session.control_turn + session.control_step) % rotation.count
        session.control_step += 1
        p = s * run.nodes + w.rotation_nodes[rotation.first + k]
        _open(w, p, ROLE_CONTROL, task, now)
        return True
    limit = client.reconnection_attempts
    if limit > 0 and session.control_attempts >= limit:
        session.control_state = CONTROL_GAVE_UP
        return False
    due = now + next_delay(w, s * run.nodes, session.control_attempts)
    session.control_attempts += 1
    session.control_state = CONTROL_SCHEDULED
    session.control_at = _polled(w, s, due, now)
    w.schedule(session.control_at, CONTROL, s, s)
    return False


@rule
def _control_connected(w: World, c: int, now: int) -> None:
    """The new control connection takes the place of the old one, if that is still there."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    session = w.sessions[pool.session]
    old = session.control
    if old >= 0:
        _close(w, old, now)
    session.control = c
    session.control_pool = connection.pool
    session.control_state = CONTROL_OK
    w.note(now, CONTROL_CONNECTED, pool.session, pool.node, connection.serial, 0)
    _release(w, c, now)
    _refresh_hosts(w, pool.session, now)


# Options that change at runtime ------------------------------------------------------------------


@rule
def option_changed(w: World, p: int, raised_core: int, now: int) -> None:
    """Options are read at every use; a raised core size acts by itself (PY/cluster.py:1609-1631),
    and there are none on v3 and newer."""
    pool = w.pools[p]
    if pool.legacy == 1 and raised_core == 1 and pool.phase == POOL_USABLE:
        _ask_for_core(w, p, now)
