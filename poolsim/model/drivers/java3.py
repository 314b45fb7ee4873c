"""The Java driver 3.x: what its pools do.

Sources: datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/, below
`J3/`. Pool, session and request code of 3.11.5 is the same, byte for byte. Where the manual (the
seed document on DSE Java driver pooling) and the source differ, the source stands: the manual's
128 is max_requests, and an acquisition is rejected at a full queue, not above it.

Borrow (J3/HostConnectionPool.java:237-315). A pool without connections asks for `core` of them and
queues the request. Otherwise the active connection with the fewest requests in flight is picked,
ties to the first in list order. If it is full (in flight at the lesser of max_requests and the
stream ids not held by orphans) the request is queued; no other connection is looked at. After a
successful direct borrow, and only then, growth is considered with n = open connections + creations
under way: below core one is asked for; below max one is asked for when the requests in flight
exceed (n - 1) * max_requests + new_connection_threshold. `open` counts a connection as soon as its
creation has begun, so one under way counts twice.

Queue (:317-344). A queue of length 0 or a timeout of 0 rejects at once; a full one rejects. A
waiter that times out keeps its place until a released connection comes to it.

Return and dequeue (:346-440). A returned stream of an open connection serves waiters, in order,
while that connection has room. This path raises neither the peak nor asks for growth, so a pool
whose queue is never empty does not grow. A trashed connection serves nobody. A waiter that is
served and cannot be written (every stream id is taken, or a dead connection was resurrected) gives
the connection back inside that loop and goes on to its next host, and so does the next waiter,
until the queue is empty (:397-412, RequestHandler.java:404-428; seen on v2: a timeout at a full
connection, whose own id is not free yet, fails all that wait). A connection with
fewer free ids than three quarters of max_requests is replaced (:444-450), and serves nobody either.

Creation (:476-579). One at a time per pool, on the two threads of the cluster's blocking executor;
a trashed connection that is not past its idle deadline is resurrected first, the most recently
trashed before others; otherwise a connection is made. A new connection serves waiters at once. A
failed creation tells no waiter.

Cleanup (:591-642; J3/Cluster.java:1719-1725). Every ten seconds after the end of the last run:
with the peak of requests in flight since then, needed = peak / max_requests + 1, one more if the
remainder exceeds the threshold, at least core; the oldest connections above that are trashed.
Trashed connections close when their idle timeout has passed and nothing is in flight on them.

Timeout (J3/Connection.java:1632-1640, RequestHandler.java:964-999). Per attempt, from the write,
on a wheel of 100 ms. The connection is returned first, with its room for orphans as it was, then
the stream becomes an orphan until its late response, which serves nobody.

Heartbeat (J3/Connection.java:1300-1437). A connection, trashed or not, on which nothing was read
for the interval sends OPTIONS; no answer within the read timeout, or no free stream id, kills it.

Conviction (J3/ConvictionPolicy.java:66-139). Counts connections per host from the start of their
creation. A connection that breaks while others remain is dropped without replacement, and the pool
makes none for the base delay of reconnection; when none remains the host is down.

What breaks a connection besides its peer's close (J3/Connection.java:797-838, 1314-1354): a write
that fails, and an answer that cannot be decoded; the request that it answers fails like all others
on the connection, orphans' answers are decoded as well. (An ERROR message with the code
PROTOCOL_ERROR is the request's final answer and breaks nothing, J3/RequestHandler.java:640-800.)
Keepalive is set on a socket only where SocketOptions says so (J3/Connection.java:1103-1104).

Nodes that join and leave (J3/Cluster.java:2310-2475, 2725-2770, 3060-3235). Either event waits for
the debouncers' second. A node that has joined is offered by the load balancer before its pool is
ready; until then a request that comes to it fails there and goes on to its next host. One that has
left is removed by force: what its pool holds and queues fails over; reconnection attempts to it,
where there are any, go on, and one that succeeds is closed. A control connection that is made anew
reads the list of nodes and acts on what has changed, at once (J3/ControlConnection.java:747-960).

Host down and up (J3/Cluster.java:2016-2262). The pool is removed: what it held and queued fails
over. Reconnection attempts follow the policy, each delay counted from the end of the attempt
before. One that succeeds, or a server's status event, brings the pool back, with core connections.

Left out: coalescing of writes, prepared statements, the metadata queries after a host returns (a
few round trips), races between threads that last microseconds. The keyspace is set during the
handshake of every connection (the driver sets it at first use on a pool's initial ones). Between
the break of a connection and the driver's reaction no time passes.
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
from poolsim.model.connection.messages import open_connection, send_heartbeat
from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.streams import take_stream
from poolsim.model.connection.waiting import append_waiting, take_waiting
from poolsim.model.drivers.traits import Traits
from poolsim.model.kinds import (
    BUSY_QUEUE_FULL,
    BUSY_QUEUE_OFF,
    BUSY_TIMED_OUT,
    CLEANUP,
    CLOSED,
    CONNECTION_BROKE,
    CONTROL,
    CONTROL_CONNECTED,
    CONTROL_LOST,
    GROWTH,
    HEARTBEAT,
    HOST_DOWN,
    HOST_UP,
    LOST,
    NO_STREAM,
    OPENED,
    POOL_READY,
    POOL_SHUT,
    QUEUE_TIMEOUT,
    RECONNECTION,
    RECONNECTION_ATTEMPT,
    RECONNECTION_FAILED,
    REPLACED,
    RESURRECTED,
    STATUS_DUE,
    STATUS_UP,
    TRASHED,
)
from poolsim.model.kinds import POOL_CLOSED as ERROR_POOL_CLOSED
from poolsim.model.policies.balancing import host_added, host_down, host_removed, host_up
from poolsim.model.policies.reconnection import next_delay
from poolsim.model.policies.retry import JAVA3_DEFAULT
from poolsim.model.primitives import NEVER, World
from poolsim.model.records import (
    ASK_HEARTBEAT,
    ASK_NOTHING,
    DONE,
    EXPIRED,
    FAILED,
    GONE,
    GRANTED,
    GRANTED_STATE,
    IGNORED,
    OPEN,
    ORPHANED,
    POOL_CLOSED,
    POOL_INITIALIZING,
    POOL_NONE,
    POOL_USABLE,
    PROBE,
    QUEUED,
    ROLE_CONTROL,
    ROLE_INITIAL,
    ROLE_POOL,
    ROLE_RECONNECTION,
    SKIPPED,
    STEP_FAILED,
    STEP_SEND,
    TRASHED_STATE,
    WAITING,
    Connection,
    Host,
    Pool,
    extends,
)
from poolsim.model.rule import rule
from poolsim.model.slots import drop_attempt, drop_connection, new_attempt

MILLISECOND = 1_000_000
CLEANUP_INTERVAL = 10_000_000_000
CLEANUP_RUN = MILLISECOND
"""How long a cleanup takes (an assumption): the next one starts an interval after its end, so the
clock of idle deadlines and the ticks drift apart and a connection trashed at a tick is past its
120 s idle timeout at the twelfth tick after it, as the real one is."""
DEBOUNCE = 1_000_000_000
"""Status events are collected for this long (J3/QueryOptions.java:41-47)."""
OLD_PROTOCOL_DELAY = 1_000_000_000
"""UP is delayed by this much more below protocol v4 (J3/Cluster.java:3127-3161)."""
NOT_RESURRECTABLE = -(1 << 62)
"""Idle deadline of a connection that was replaced."""

TRAITS = Traits(
    timer_tick_ns=100 * MILLISECOND,
    timeout_covers_request=False,
    one_core=False,
    retry=JAVA3_DEFAULT,
    handshake_messages=3,
)
"""The wheel is Netty's with its default tick; the handshake is TCP, STARTUP, cluster name
(J3/Connection.java:188-446)."""

TASK_ADD = 0
TASK_RECONNECT = 1


@extends(Pool)
class Java3Pool:
    """What a HostConnectionPool keeps besides."""

    open: int = 0  # active ones and those whose creation has begun
    scheduled: int = 0  # scheduledForCreation
    peak: int = 0  # maxTotalInFlight: most in flight since the last cleanup
    least_free: int = 0  # minAllowedStreams, fixed when the pool is made
    queue_live: int = -1  # first entry of the queue that may still wait
    queue_mixed: int = 0  # 1: deadlines do not rise along the queue (the timeout was changed)


@extends(Host)
class Java3Host:
    """What the driver keeps of a host besides."""

    adding: int = 0  # 1: the first pool of a host that has joined is being made


@extends(Connection)
class Java3Connection:
    """What a PooledConnection keeps besides."""

    idle_deadline: int = 0  # milliseconds, of a trashed connection


# Acquiring ---------------------------------------------------------------------------------------


@rule
def borrow(w: World, p: int, a: int, now: int) -> int:
    """Try to get a connection for an attempt: GRANTED, QUEUED, SKIPPED or an error."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE:
        if w.hosts[p].adding == 1:
            return ERROR_POOL_CLOSED
        return SKIPPED
    options = w.options[pool.options]
    connections = w.connections
    pick = -1
    fewest = NEVER
    c = pool.first
    while c >= 0:
        connection = connections[c]
        load = connection.in_flight
        if load < fewest:
            pick = c
            fewest = load
        c = connection.next
    if pick < 0:
        if can_reconnect_now(w, p, now):
            if options.core == 0:
                maybe_spawn(w, p, now)
            elif pool.scheduled == 0:
                pool.scheduled = options.core
                for _ in range(options.core):
                    submit(w, w.sessions[pool.session].executor, TASK_ADD, p, now)
        return _enqueue(w, p, a, now)
    connection = connections[pick]
    room = connection.stream_limit - connection.orphans
    if room > options.max_requests:
        room = options.max_requests
    if fewest >= room:
        return _enqueue(w, p, a, now)
    connection.in_flight = fewest + 1
    in_flight = pool.in_flight + 1
    pool.in_flight = in_flight
    if in_flight > pool.peak:
        pool.peak = in_flight
    attempt = w.attempts[a]
    attempt.connection = pick
    attempt.state = GRANTED_STATE
    attempt.granted_at = now
    run = w.run
    run.stream_area -= now
    n = pool.open + pool.scheduled
    if n < options.core:
        maybe_spawn(w, p, now)
    elif (
        n < options.max
        and in_flight > (n - 1) * options.max_requests + options.threshold
        and maybe_spawn(w, p, now)
    ):
        w.note(now, GROWTH, pool.session, pool.node, -1, in_flight)
    return GRANTED


@rule
def _enqueue(w: World, p: int, a: int, now: int) -> int:
    pool = w.pools[p]
    options = w.options[pool.options]
    if options.pool_timeout == 0 or options.max_queue_size == 0:
        pool.rejected += 1
        return BUSY_QUEUE_OFF
    if pool.pending >= options.max_queue_size:
        pool.rejected += 1
        return BUSY_QUEUE_FULL
    pool.pending += 1
    attempt = w.attempts[a]
    attempt.state = WAITING
    attempt.holds += 1
    attempt.connection = -1
    attempt.queued_at = now
    attempt.queue_deadline = now + options.pool_timeout
    if pool.queue_last < 0:
        pool.queue_mixed = 0
    elif w.attempts[pool.queue_last].queue_deadline > attempt.queue_deadline:
        pool.queue_mixed = 1
    append_waiting(w, p, a)
    if pool.queue_live < 0:
        pool.queue_live = a
    w.run.queue_area -= now
    if pool.queue_timer < 0 or attempt.queue_deadline < pool.queue_timer:
        pool.queue_timer = attempt.queue_deadline
        w.schedule(pool.queue_timer, QUEUE_TIMEOUT, p, p)
    return QUEUED


@rule
def queue_timeout(w: World, p: int, now: int) -> None:
    """Waiters that have waited for the pool timeout fail; their entries keep their places."""
    pool = w.pools[p]
    if pool.queue_timer != now:
        return
    pool.queue_timer = -1
    earliest = NEVER
    a = pool.queue_live
    while a >= 0:
        attempt = w.attempts[a]
        after = attempt.next
        if attempt.state == WAITING:
            if attempt.queue_deadline <= now:
                expire(w, p, a, now)
            elif attempt.queue_deadline < earliest:
                earliest = attempt.queue_deadline
        if pool.queue_mixed == 0:
            if earliest < NEVER:
                break
            pool.queue_live = after
        a = after
    if earliest < NEVER:
        pool.queue_timer = earliest
        w.schedule(earliest, QUEUE_TIMEOUT, p, p)


@rule
def expire(w: World, p: int, a: int, now: int) -> None:
    """A waiter gives up. Its entry stays in the queue and counts until a dequeue comes to it."""
    # The entry keeps the attempt's slot and its place; the request goes on with another attempt.
    replacement = new_attempt(w)
    attempt = w.attempts[a]
    w.pools[p].rejected += 1
    _leave_queue(w, a, EXPIRED, now)
    attempt.error = BUSY_TIMED_OUT
    other = w.attempts[replacement]
    other.request = attempt.request
    other.session = attempt.session
    other.pool = p
    other.queued_at = attempt.queued_at
    other.error = BUSY_TIMED_OUT
    other.state = FAILED
    make_ready(w, replacement, STEP_FAILED)


@rule
def _leave_queue(w: World, a: int, state: int, now: int) -> None:
    w.attempts[a].state = state
    w.run.queue_area += now


# Returning ---------------------------------------------------------------------------------------


@rule
def give_back(w: World, a: int, unwritten: int, now: int) -> None:
    """The attempt's connection is returned. `unwritten`: nothing could be written on it, for want
    of a stream id (then it serves no waiter) or because it is dead."""
    _return_connection(w, a, unwritten, 0, now)


@rule
def _return_connection(w: World, a: int, unwritten: int, unseen: int, now: int) -> None:
    """`unseen`: stream ids still taken that are neither in flight nor orphans yet."""
    c = w.attempts[a].connection
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    connection.in_flight -= 1
    run = w.run
    run.stream_area += now
    if connection.generation != pool.generation or pool.phase != POOL_USABLE:
        return  # force-closed with its pool, which took its requests off the count
    pool.in_flight -= 1
    if connection.defunct == 1 or connection.state == TRASHED_STATE:
        return
    if connection.stream_limit - connection.orphans < pool.least_free:
        _replace(w, p, c, now)
    elif unwritten == 0 and pool.queue_first >= 0:
        _dequeue(w, p, c, unseen, now)


@rule
def _dequeue(w: World, p: int, c: int, unseen: int, now: int) -> None:
    """Serve waiters with one connection as far as it has room. Those that cannot be written on it
    fail, and leave its room as it was for the next ones."""
    pool = w.pools[p]
    connection = w.connections[c]
    options = w.options[pool.options]
    if connection.asking == ASK_HEARTBEAT:
        unseen += 1
    while pool.queue_first >= 0:
        room = connection.stream_limit - connection.orphans
        if room > options.max_requests:
            room = options.max_requests
        if connection.in_flight >= room:
            return
        a = pool.queue_first
        attempt = w.attempts[a]
        if pool.queue_live == a:
            pool.queue_live = attempt.next
        take_waiting(w, p, -1, a)
        attempt.holds -= 1
        pool.pending -= 1
        if attempt.state != WAITING:
            attempt.state = DONE
            drop_attempt(w, a)
        elif connection.defunct == 1:
            _serve_in_vain(w, a, LOST, now)
        elif connection.in_flight + connection.orphans + unseen >= connection.stream_limit:
            _serve_in_vain(w, a, NO_STREAM, now)
        else:
            _leave_queue(w, a, GRANTED_STATE, now)
            connection.in_flight += 1
            pool.in_flight += 1
            attempt.connection = c
            attempt.granted_at = now
            w.run.stream_area -= now
            make_ready(w, a, STEP_SEND)


@rule
def _serve_in_vain(w: World, a: int, error: int, now: int) -> None:
    """A waiter was given a connection on which it cannot write, and gave it back."""
    _leave_queue(w, a, FAILED, now)
    w.attempts[a].error = error
    make_ready(w, a, STEP_FAILED)


@rule
def timed_out(w: World, a: int, now: int) -> None:
    """The read timeout of a written attempt: returned first, its stream an orphan after that."""
    attempt = w.attempts[a]
    c = attempt.connection
    attempt.state = ORPHANED
    _return_connection(w, a, 0, 1, now)
    w.connections[c].orphans += 1
    w.pools[w.connections[c].pool].orphans += 1


@rule
def late_response(w: World, a: int, now: int) -> None:
    """The response of an orphan: its stream id is free again (the caller freed it)."""
    connection = w.connections[w.attempts[a].connection]
    connection.orphans -= 1
    w.pools[connection.pool].orphans -= 1


# Growing -----------------------------------------------------------------------------------------


@rule
def can_reconnect_now(w: World, p: int, now: int) -> bool:
    """Whether the conviction policy lets connections be made to this host."""
    return w.hosts[p].backoff_until <= now


@rule
def maybe_spawn(w: World, p: int, now: int) -> bool:
    """Ask for one more connection, unless one is asked for already or the host is in backoff."""
    pool = w.pools[p]
    if pool.scheduled >= 1 or not can_reconnect_now(w, p, now):
        return False
    pool.scheduled += 1
    submit(w, w.sessions[pool.session].executor, TASK_ADD, p, now)
    return True


@rule
def run_task(w: World, kind: int, p: int, generation: int, now: int) -> bool:
    """An executor's thread takes a task; True when it is done at once, False when a connection
    is under way, whose outcome releases the thread."""
    pool = w.pools[p]
    if generation != pool.generation:
        return True
    if kind == TASK_RECONNECT:
        return _attempt_reconnection(w, p, now)
    done = _add_if_under_maximum(w, p, now)
    if done:
        pool.scheduled -= 1
    return done


@rule
def _add_if_under_maximum(w: World, p: int, now: int) -> bool:
    pool = w.pools[p]
    if pool.phase != POOL_USABLE or pool.open >= w.options[pool.options].max:
        return True
    c = _resurrect(w, p, now)
    if c >= 0:
        pool.open += 1
        append_active(w, p, c)
        w.note(now, RESURRECTED, pool.session, pool.node, w.connections[c].serial, pool.active)
        _dequeue(w, p, c, 0, now)
        return True
    if not can_reconnect_now(w, p, now):
        return True
    pool.open += 1
    _open(w, p, ROLE_POOL, now)
    return False


@rule
def _resurrect(w: World, p: int, now: int) -> int:
    """Take the most recently trashed connection that may come back, or -1."""
    pool = w.pools[p]
    milliseconds = now // MILLISECOND
    chosen = -1
    latest = milliseconds
    c = pool.trash_first
    while c >= 0:
        connection = w.connections[c]
        if (
            connection.idle_deadline > latest
            and connection.stream_limit - connection.orphans > pool.least_free
        ):
            chosen = c
            latest = connection.idle_deadline
        c = connection.next
    if chosen >= 0:
        remove_trash(w, p, chosen)
        w.connections[chosen].state = OPEN
    return chosen


@rule
def _open(w: World, p: int, role: int, now: int) -> int:
    """Start a connection; the conviction policy counts it and forgets its backoff at once."""
    host = w.hosts[p]
    host.conviction_open += 1
    host.backoff_until = 0
    host.backoff_attempt = 0
    c = open_connection(w, p, role, now)
    w.connections[c].idle_deadline = 0
    return c


@rule
def _ensure_core(w: World, p: int, now: int) -> None:
    """Ask for as many connections as core lacks."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE or not can_reconnect_now(w, p, now):
        return
    for _ in range(w.options[pool.options].core - pool.open):
        pool.scheduled += 1
        submit(w, w.sessions[pool.session].executor, TASK_ADD, p, now)


@rule
def _replace(w: World, p: int, c: int, now: int) -> None:
    """Put a connection that orphans starve of streams aside for good and ask for another."""
    pool = w.pools[p]
    connection = w.connections[c]
    pool.open -= 1
    remove_active(w, p, c)
    maybe_spawn(w, p, now)
    connection.state = TRASHED_STATE
    connection.idle_deadline = NOT_RESURRECTABLE
    append_trash(w, p, c)
    w.note(now, REPLACED, pool.session, pool.node, connection.serial, connection.orphans)


# Shrinking ---------------------------------------------------------------------------------------


@rule
def cleanup_session(w: World, s: int, now: int) -> None:
    """The periodic cleanup of all pools of a session, and the next one's appointment."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        cleanup(w, p, now)
    w.schedule(now + CLEANUP_RUN + CLEANUP_INTERVAL, CLEANUP, s, s)


@rule
def cleanup(w: World, p: int, now: int) -> None:
    """Trash what the last window's peak did not need; close what has been idle long enough."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE:
        return
    peak = pool.peak
    pool.peak = pool.in_flight
    if w.options[pool.options].max_requests == 0:
        return  # the driver divides by it: its cleanup ends here with an ArithmeticException
    surplus = pool.open - needed(w, p, peak)
    c = pool.first
    while c >= 0 and surplus > 0:
        after = w.connections[c].next
        _trash(w, p, c, now)
        surplus -= 1
        c = after
    _close_idle(w, p, now)


@rule
def needed(w: World, p: int, load: int) -> int:
    """Connections that `load` requests in flight need, at least core."""
    options = w.options[w.pools[p].options]
    if options.max_requests == 0:
        core: int = options.core  # no connection takes a request
        return core
    count: int = load // options.max_requests + 1
    if load % options.max_requests > options.threshold:
        count += 1
    if count < options.core:
        count = options.core
    return count


@rule
def _trash(w: World, p: int, c: int, now: int) -> None:
    pool = w.pools[p]
    options = w.options[pool.options]
    if pool.open <= options.core:
        return
    connection = w.connections[c]
    pool.open -= 1
    connection.idle_deadline = (now + options.idle_timeout) // MILLISECOND
    connection.state = TRASHED_STATE
    remove_active(w, p, c)
    append_trash(w, p, c)
    w.note(now, TRASHED, pool.session, pool.node, connection.serial, pool.active)


@rule
def _close_idle(w: World, p: int, now: int) -> None:
    milliseconds = now // MILLISECOND
    c = w.pools[p].trash_first
    while c >= 0:
        connection = w.connections[c]
        after = connection.next
        if connection.idle_deadline < milliseconds and connection.in_flight == 0:
            remove_trash(w, p, c)
            _close(w, c, now)
        c = after


@rule
def _close(w: World, c: int, now: int) -> None:
    """An orderly close. What its orphans and heartbeat held is gone with it."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    pool.orphans -= connection.orphans
    fail_attempts(w, c, LOST)
    if connection.defunct == 0:
        w.hosts[connection.pool].conviction_open -= 1
        w.run.connections_gone += 1
        w.note(now, CLOSED, pool.session, pool.node, connection.serial, pool.active)
    connection.state = GONE
    connection.asking = ASK_NOTHING
    drop_connection(w, c)


# Connections that come and go --------------------------------------------------------------------


@rule
def connected(w: World, c: int, now: int) -> None:
    """A handshake is complete."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    session = w.sessions[pool.session]
    connection.last_read = now
    if connection.heartbeat_interval > 0:
        connection.heartbeat_at = now + connection.heartbeat_interval
        connection.holds += 1
        w.schedule(connection.heartbeat_at, HEARTBEAT, connection.serial, c)
    if connection.role == ROLE_CONTROL:
        session.control = c
        session.control_attempts = 0
        w.note(now, CONTROL_CONNECTED, pool.session, pool.node, connection.serial, 0)
        _refresh_hosts(w, pool.session, now)
        return
    if connection.role == ROLE_RECONNECTION:
        release_thread(w, session.reconnector, now)
        if w.hosts[p].reconnecting == 0 or w.hosts[p].known == 0:
            w.hosts[p].reconnecting = 0
            _close(w, c, now)  # a status event brought the host back meanwhile, or it has left
            return
        on_up(w, p, c, now)
        return
    if connection.role == ROLE_POOL:
        release_thread(w, session.executor, now)
        if connection.generation == pool.generation:
            pool.scheduled -= 1
    if connection.generation != pool.generation or pool.phase == POOL_CLOSED:
        _close(w, c, now)
        return
    _join(w, p, c, now)
    if connection.role == ROLE_INITIAL:
        _initial_done(w, p, now)


@rule
def _join(w: World, p: int, c: int, now: int) -> None:
    pool = w.pools[p]
    append_active(w, p, c)
    w.note(now, OPENED, pool.session, pool.node, w.connections[c].serial, pool.active)
    _dequeue(w, p, c, 0, now)


@rule
def connect_failed(w: World, c: int, now: int) -> None:
    """A handshake was refused, timed out or broken off; the connection is gone already."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    session = w.sessions[pool.session]
    current = connection.generation == pool.generation
    role = connection.role
    if role == ROLE_POOL:
        release_thread(w, session.executor, now)
        if current:
            pool.open -= 1
            pool.scheduled -= 1
    none_left = _convict(w, p, now)
    if role == ROLE_RECONNECTION:
        release_thread(w, session.reconnector, now)
        if current and w.hosts[p].reconnecting == 2:
            w.hosts[p].reconnect_attempt += 1
            _schedule_reconnection(w, p, now)
        return
    if role == ROLE_CONTROL:
        w.schedule(now, CONTROL, pool.session, pool.session)
    if none_left:
        on_down(w, p, now)
    if role == ROLE_INITIAL and current and pool.phase == POOL_INITIALIZING:
        _initial_done(w, p, now)


@rule
def _convict(w: World, p: int, now: int) -> bool:
    """Tell the conviction policy of a connection's failure; True where none remains."""
    host = w.hosts[p]
    host.conviction_open -= 1
    if host.up == 1 and host.backoff_until <= now:
        host.backoff_until = now + next_delay(w, p, host.backoff_attempt)
        host.backoff_attempt += 1
    none_left: bool = host.conviction_open == 0
    return none_left


@rule
def lost(w: World, c: int, now: int) -> None:
    """An open connection broke, or its heartbeat failed: it is defunct."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    if connection.defunct == 1:
        return
    connection.defunct = 1
    connection.asking = ASK_NOTHING
    w.run.connections_gone += 1
    none_left = _convict(w, p, now)
    trashed = connection.state == TRASHED_STATE
    if connection.role == ROLE_CONTROL:
        session = w.sessions[pool.session]
        session.control = -1
        session.control_step = 0
        w.note(now, CONTROL_LOST, pool.session, pool.node, connection.serial, 0)
        w.schedule(now, CONTROL, pool.session, pool.session)
        connection.state = GONE
    elif not trashed:
        connection.state = GONE
        if pool.phase == POOL_USABLE:
            pool.open -= 1
        remove_active(w, p, c)
    failed = _take_requests(w, c, now)
    if connection.role != ROLE_CONTROL:
        w.note(now, CONNECTION_BROKE, pool.session, pool.node, connection.serial, failed)
    if none_left:
        on_down(w, p, now)
    drop_connection(w, c)


@rule
def _take_requests(w: World, c: int, now: int) -> int:
    """Fail over what a broken connection carried."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    pool.orphans -= connection.orphans
    failed = fail_attempts(w, c, LOST)
    connection.in_flight -= failed
    pool.in_flight -= failed
    w.run.stream_area += failed * now
    return failed


@rule
def heartbeat(w: World, c: int, now: int) -> None:
    """A connection looks how long it has read nothing, and asks when that is the interval."""
    connection = w.connections[c]
    due = connection.last_read + connection.heartbeat_interval
    if due > now:
        connection.heartbeat_at = due
    else:
        connection.heartbeat_at = now + connection.heartbeat_interval
        if connection.asking == ASK_NOTHING:
            a = new_attempt(w)
            w.attempts[a].state = PROBE
            w.attempts[a].request = -1
            stream = take_stream(w, c, a)
            if stream < 0:
                w.attempts[a].state = DONE
                drop_attempt(w, a)
                lost(w, c, now)
                return
            w.attempts[a].stream = stream
            connection.probe = a
            send_heartbeat(w, c, now)
    connection.holds += 1
    w.schedule(connection.heartbeat_at, HEARTBEAT, connection.serial, c)


# Hosts -------------------------------------------------------------------------------------------


@rule
def start_session(w: World, s: int, now: int) -> None:
    """Cluster.connect: the control connection, the pools of all hosts, the cleanup's clock."""
    run = w.run
    w.schedule(now + CLEANUP_INTERVAL, CLEANUP, s, s)
    control(w, s, now)
    for n in range(run.nodes):
        p = s * run.nodes + n
        if w.hosts[p].distance != IGNORED and w.hosts[p].known == 1:
            _start_pool(w, p, -1, now)


@rule
def _start_pool(w: World, p: int, c: int, now: int) -> None:
    """Make a pool with core connections; connection `c`, where there is one, is the first."""
    pool = w.pools[p]
    options = w.options[pool.options]
    pool.phase = POOL_INITIALIZING
    pool.generation += 1
    pool.open = 0
    pool.scheduled = 0
    pool.peak = 0
    pool.in_flight = 0
    pool.least_free = options.max_requests * 3 // 4
    pool.init_pending = options.core
    if c >= 0:
        if options.core > 0:
            w.connections[c].generation = pool.generation
            w.connections[c].role = ROLE_POOL
            pool.init_pending -= 1
            _join(w, p, c, now)
        else:
            _close(w, c, now)
    for _ in range(pool.init_pending):
        _open(w, p, ROLE_INITIAL, now)
    if pool.init_pending == 0:
        pool.init_pending = 1
        _initial_done(w, p, now)


@rule
def _initial_done(w: World, p: int, now: int) -> None:
    """One of the initial connections is made or has failed; after the last the pool is usable."""
    pool = w.pools[p]
    host = w.hosts[p]
    pool.init_pending -= 1
    if pool.init_pending > 0:
        return
    pool.open = pool.active
    pool.phase = POOL_USABLE
    host.adding = 0
    w.note(now, POOL_READY, pool.session, pool.node, -1, pool.active)
    if host.up == 0:
        host.up = 1
        w.note(now, HOST_UP, pool.session, pool.node, -1, 0)


@rule
def on_down(w: World, p: int, now: int) -> None:
    """The host is down: its pool goes, reconnection begins, unless an attempt is registered."""
    pool = w.pools[p]
    host = w.hosts[p]
    if host.reconnecting != 0 or host.known == 0:
        return
    w.note(now, HOST_DOWN, pool.session, pool.node, -1, 0)
    host.up = 0
    host.times_down += 1
    host_down(w, p)
    _shut_pool(w, p, now)
    host.reconnect_attempt = 0
    _schedule_reconnection(w, p, now)


@rule
def _shut_pool(w: World, p: int, now: int) -> None:
    """Remove a pool by force: what it carries and what waits in its queue fails over."""
    pool = w.pools[p]
    waited = 0
    a = pool.queue_first
    while a >= 0:
        attempt = w.attempts[a]
        after = attempt.next
        attempt.holds -= 1
        if attempt.state == WAITING:
            waited += 1
            _leave_queue(w, a, FAILED, now)
            attempt.error = ERROR_POOL_CLOSED
            make_ready(w, a, STEP_FAILED)
        else:
            attempt.state = DONE
            drop_attempt(w, a)
        a = after
    pool.queue_first = -1
    pool.queue_last = -1
    pool.queue_live = -1
    pool.queue_timer = -1
    pool.pending = 0
    while pool.first >= 0:
        c = pool.first
        remove_active(w, p, c)
        _take_requests(w, c, now)
        _close(w, c, now)
    while pool.trash_first >= 0:
        c = pool.trash_first
        remove_trash(w, p, c)
        _take_requests(w, c, now)
        _close(w, c, now)
    pool.phase = POOL_CLOSED
    w.hosts[p].adding = 0
    pool.generation += 1
    pool.open = 0
    pool.scheduled = 0
    w.note(now, POOL_SHUT, pool.session, pool.node, -1, waited)


@rule
def _schedule_reconnection(w: World, p: int, now: int) -> None:
    host = w.hosts[p]
    delay = next_delay(w, p, host.reconnect_attempt)
    host.reconnecting = 1
    host.reconnect_at = now + delay
    if host.reconnect_attempt > 0:
        pool = w.pools[p]
        w.note(now, RECONNECTION_FAILED, pool.session, pool.node, -1, delay)
    w.schedule(host.reconnect_at, RECONNECTION, p, p)


@rule
def reconnection_due(w: World, p: int, now: int) -> None:
    """The delay before the next attempt is over; a thread of the reconnection executor takes it."""
    host = w.hosts[p]
    if host.reconnecting == 1 and host.reconnect_at == now:
        host.reconnecting = 2
        submit(w, w.sessions[w.pools[p].session].reconnector, TASK_RECONNECT, p, now)


@rule
def _attempt_reconnection(w: World, p: int, now: int) -> bool:
    host = w.hosts[p]
    if host.reconnecting != 2:
        return True
    pool = w.pools[p]
    number = host.reconnect_attempt + 1
    w.note(now, RECONNECTION_ATTEMPT, pool.session, pool.node, -1, number)
    _open(w, p, ROLE_RECONNECTION, now)
    return False


@rule
def on_up(w: World, p: int, c: int, now: int) -> None:
    """The host is back: the load balancer offers it again, a new pool is made."""
    w.hosts[p].reconnecting = 0
    host_up(w, p)
    _start_pool(w, p, c, now)


@rule
def status_event(w: World, p: int, now: int) -> None:
    """The server says that the host is up; the driver collects such events for a while."""
    pool = w.pools[p]
    session = w.sessions[pool.session]
    client = w.clients[session.client]
    host = w.hosts[p]
    if session.control < 0 or client.status_events == 0 or host.distance == IGNORED:
        return
    delay = DEBOUNCE
    if client.protocol < 4:
        delay += OLD_PROTOCOL_DELAY
    host.status_due = now + delay
    w.schedule(host.status_due, STATUS_DUE, p, p)


@rule
def status_due(w: World, p: int, now: int) -> None:
    """Act on a status event: a host that is down comes up, its scheduled attempt is cancelled."""
    host = w.hosts[p]
    if host.status_due != now or host.up == 1 or host.reconnecting == 0:
        return
    pool = w.pools[p]
    w.note(now, STATUS_UP, pool.session, pool.node, -1, 0)
    on_up(w, p, -1, now)


@rule
def topology_event(w: World, p: int, now: int) -> None:
    """Another node says that the host has joined the ring or left it; the driver collects such
    events for a while."""
    session = w.sessions[w.pools[p].session]
    if session.control >= 0 and w.clients[session.client].status_events == 1:
        w.hosts[p].topology_due = now + DEBOUNCE
        w.schedule(now + DEBOUNCE, STATUS_DUE, p, p)


@rule
def topology_due(w: World, p: int, now: int) -> None:
    """Act on a topology event: what counts is who is in the ring now."""
    if w.hosts[p].known != w.nodes[w.pools[p].node].member:
        if w.hosts[p].known == 0:
            _on_add(w, p, now)
        else:
            _on_remove(w, p, now)


@rule
def _refresh_hosts(w: World, s: int, now: int) -> None:
    """A new control connection reads who is in the ring."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        topology_due(w, p, now)


@rule
def _on_add(w: World, p: int, now: int) -> None:
    """Cluster.onAdd: the load balancer offers the host, a pool is made."""
    host = w.hosts[p]
    host.reconnecting = 0
    host_added(w, p, now)
    if host.distance == IGNORED:
        host.up = 1
    else:
        host.adding = 1
        _start_pool(w, p, -1, now)


@rule
def _on_remove(w: World, p: int, now: int) -> None:
    """Cluster.onRemove: the load balancer forgets the host, its pool goes by force."""
    pool = w.pools[p]
    host = w.hosts[p]
    host.adding = 0
    host_removed(w, p, now)
    c = w.sessions[pool.session].control
    if c >= 0 and w.connections[c].pool == p:
        lost(w, c, now)
    if pool.phase != POOL_NONE and pool.phase != POOL_CLOSED:
        _shut_pool(w, p, now)


@rule
def control(w: World, s: int, now: int) -> None:
    """Connect the control connection to the next host that may be tried; after a round without
    success wait as the reconnection policy says (J3/ControlConnection.java:131-243)."""
    session = w.sessions[s]
    if session.control >= 0:
        return
    run = w.run
    client = w.clients[session.client]
    rotation = w.rotations[s * run.datacenters + client.rotation]
    while session.control_step < rotation.count:
        k = (session.control_turn + session.control_step) % rotation.count
        p = s * run.nodes + w.rotation_nodes[rotation.first + k]
        session.control_step += 1
        if can_reconnect_now(w, p, now):
            _open(w, p, ROLE_CONTROL, now)
            return
    session.control_step = 0
    p = s * run.nodes
    w.schedule(now + next_delay(w, p, session.control_attempts), CONTROL, s, s)
    session.control_attempts += 1


# Options that change at runtime ------------------------------------------------------------------


@rule
def option_changed(w: World, p: int, raised_core: int, now: int) -> None:
    """Options are read at every use; only a raised core size acts by itself, and only below v3
    (J3/Cluster.java:2506-2512)."""
    client = w.clients[w.sessions[w.pools[p].session].client]
    if raised_core == 1 and client.protocol < 3:
        _ensure_core(w, p, now)
