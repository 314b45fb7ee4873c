"""What happens to a connection: made, silent, with too many timeouts, broken, closed."""

from __future__ import annotations

from poolsim.model.connection.breaking import fail_attempts
from poolsim.model.connection.lists import append_active
from poolsim.model.connection.messages import send_heartbeat
from poolsim.model.connection.streams import take_stream
from poolsim.model.connection.timers import fires_at
from poolsim.model.drivers.nodejs.abandoned import (
    abandon,
    abandoned_connected,
    abandoned_failed,
    abandoned_lost,
)
from poolsim.model.drivers.nodejs.borrowing import fail_waiting, wait_for_id
from poolsim.model.drivers.nodejs.closing import (
    close_soon,
    leave_list,
    retire,
    stop_draining,
)
from poolsim.model.drivers.nodejs.control import (
    ask_contact_point,
    control_closed,
    control_connected,
)
from poolsim.model.drivers.nodejs.hosts import check_pool, new_schedule, set_up
from poolsim.model.drivers.nodejs.opening import fill
from poolsim.model.kinds import (
    ASK_TIMEOUT,
    CLOSED,
    CONNECTION_BROKE,
    HEARTBEAT,
    HOST_UP,
    LOST,
    OPENED,
    POOL_READY,
    REPLACED,
)
from poolsim.model.policies.nodejs_default import note_answer
from poolsim.model.primitives import NEVER, World
from poolsim.model.records import (
    ASK_HEARTBEAT,
    ASK_NOTHING,
    GONE,
    IN_FLIGHT,
    ORPHANED,
    ROLE_CONTROL,
    ROLE_INITIAL,
)
from poolsim.model.rule import rule
from poolsim.model.slots import drop_connection, new_probe


@rule
def connected(w: World, c: int, now: int) -> None:
    """A handshake is complete."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    connection.last_read = now
    connection.last_written = now - 2 * pool.delay  # STARTUP, whose answer this is
    if connection.last_written < 0:
        connection.last_written = 0
    if connection.heartbeat_interval > 0:
        connection.heartbeat_at = connection.last_written + connection.heartbeat_interval
        if connection.heartbeat_at < now:
            connection.heartbeat_at = now
        connection.holds += 1
        w.schedule(connection.heartbeat_at, HEARTBEAT, connection.serial, c)
    if connection.left == 1:
        abandoned_connected(w, c, now)
    elif w.hosts[p].known == 0:
        _join(w, c, now)
        retire(w, c, now)
        if w.connections[c].role == ROLE_CONTROL:
            ask_contact_point(w, pool.session, now)
        else:
            pool.opening = -1
    elif connection.role == ROLE_CONTROL:
        _take_new_host(w, c, now)
    elif connection.role == ROLE_INITIAL:
        _join(w, c, now)
        if w.sessions[pool.session].control < 0 and w.sessions[pool.session].control_pool == p:
            control_connected(w, c, now)
        else:
            fill(w, p, now)  # while the warm-up goes on anyway; the timer then finds nothing to do
        if pool.active == pool.size:
            w.note(now, POOL_READY, pool.session, pool.node, -1, pool.active)
    else:
        pool.opening = -1
        w.hosts[p].recoveries = 0
        _join(w, c, now)
        if w.hosts[p].up == 0:
            set_up(w, p, now)
        fill(w, p, now)


@rule
def _join(w: World, c: int, now: int) -> None:
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    connection.listed = 1
    append_active(w, connection.pool, c)
    w.note(now, OPENED, pool.session, pool.node, connection.serial, pool.active)


@rule
def _take_new_host(w: World, c: int, now: int) -> None:
    """The control connection came by a contact point: a Host of its own takes the old one's
    place."""
    p = w.connections[c].pool
    pool = w.pools[p]
    host = w.hosts[p]
    abandon(w, p, now)
    _join(w, c, now)
    new_schedule(w, p)
    host.up_since = -1
    host.recoveries = 0
    if pool.active < pool.size:
        pool.unfilled = 1
    if host.up == 0:
        host.up = 1
        w.note(now, HOST_UP, pool.session, pool.node, -1, 0)
    control_connected(w, c, now)


@rule
def connect_failed(w: World, c: int, now: int) -> None:
    """A handshake was refused, timed out or broken off; the connection is gone already."""
    connection = w.connections[c]
    p = connection.pool
    if connection.left == 1:
        abandoned_failed(w, p, now)
    elif connection.role == ROLE_CONTROL:
        ask_contact_point(w, w.pools[p].session, now)
    else:
        if w.pools[p].opening == c:
            w.pools[p].opening = -1
        check_pool(w, p, now)


@rule
def _take_out(w: World, c: int, now: int) -> None:
    """A connection leaves its pool, which sees to its size."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    if connection.left == 1:
        connection.listed = 0
        pool.in_flight -= connection.in_flight
        pool.orphans -= connection.orphans
        abandoned_lost(w, c, now)
    else:
        leave_list(w, c)
        check_pool(w, p, now)


@rule
def lost(w: World, c: int, now: int) -> None:
    """The peer closed the connection, its heartbeat failed, or the driver closes what it has taken
    out of the pool."""
    connection = w.connections[c]
    if connection.defunct == 1:
        return
    pool = w.pools[connection.pool]
    was_listed = connection.listed == 1
    by_peer: bool = was_listed and connection.lost_at == now
    connection.defunct = 1
    connection.asking = ASK_NOTHING
    w.run.connections_gone += 1
    if was_listed:
        _take_out(w, c, now)
    elif connection.draining == 1:
        stop_draining(w, c)
    control_closed(w, c, by_peer, now)
    failed = fail_attempts(w, c, LOST)
    w.run.stream_area += failed * now
    fail_waiting(w, c, now)
    connection = w.connections[c]  # the control connection may have opened one
    connection.in_flight = 0
    kind = CLOSED
    if was_listed:
        kind = CONNECTION_BROKE
    w.note(now, kind, pool.session, pool.node, connection.serial, failed)
    connection.state = GONE
    drop_connection(w, c)


@rule
def timed_out(w: World, a: int, now: int) -> None:
    """The timeout of an attempt. Too many of them without an answer, and the connection leaves
    the pool; it is closed when this instant's other timers and responses are through."""
    attempt = w.attempts[a]
    c = attempt.connection
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    connection.timed_out += 1
    note_answer(w, connection.pool, now)
    if attempt.state == IN_FLIGHT:
        attempt.state = ORPHANED
        w.run.stream_area += now
        connection.orphans += 1
        if connection.listed == 1:
            pool.orphans += 1
    most = w.clients[w.sessions[pool.session].client].defunct_threshold
    if connection.timed_out > most and connection.listed == 1:
        w.note(now, REPLACED, pool.session, pool.node, connection.serial, connection.timed_out)
        _take_out(w, c, now)
        close_soon(w, c, now)


@rule
def heartbeat(w: World, c: int, now: int) -> None:
    """A connection looks how long it has written nothing, and asks when that is the interval."""
    connection = w.connections[c]
    due = connection.last_written + connection.heartbeat_interval
    if due > now:
        connection.heartbeat_at = due
    else:
        connection.last_written = now
        connection.heartbeat_at = now + connection.heartbeat_interval
        if connection.asking == ASK_NOTHING:
            _ask(w, c, now)
    connection.holds += 1
    w.schedule(connection.heartbeat_at, HEARTBEAT, connection.serial, c)


@rule
def _ask(w: World, c: int, now: int) -> None:
    """Send OPTIONS, with a stream id or when there is one again."""
    a = new_probe(w, c)
    attempt = w.attempts[a]
    connection = w.connections[c]
    if connection.in_flight < connection.stream_limit:
        attempt.stream = take_stream(w, c, a)
        connection.in_flight += 1
        if connection.listed == 1:
            w.pools[connection.pool].in_flight += 1
        send_heartbeat(w, c, now)
        return
    client = w.clients[w.sessions[w.pools[connection.pool].session].client]
    wait_for_id(w, connection.pool, a)
    connection.asking = ASK_HEARTBEAT
    connection.ask_deadline = NEVER
    if client.heartbeat_timeout > 0:
        connection.ask_deadline = fires_at(now + client.heartbeat_timeout, client.timer_tick)
        connection.holds += 1
        w.schedule(connection.ask_deadline, ASK_TIMEOUT, connection.serial, c)
