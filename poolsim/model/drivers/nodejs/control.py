"""The control connection: a connection of a pool, and how it finds another one."""

from __future__ import annotations

from poolsim.model.drivers.nodejs.borrowing import pick
from poolsim.model.drivers.nodejs.fields import (
    CONTROL_CONNECTING,
    CONTROL_OK,
    CONTROL_SCHEDULED,
    SHORTEST_TIMER,
)
from poolsim.model.drivers.nodejs.opening import OF_CONTROL, open_for, schedule_delay
from poolsim.model.kinds import CONTROL, CONTROL_CONNECTED, CONTROL_LOST, STATUS_DUE
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED, ROLE_CONTROL
from poolsim.model.rule import rule


@rule
def control_host_down(w: World, p: int, now: int) -> None:
    """A host went down: a control connection there moves, also one that nobody knows is closed."""
    s = w.pools[p].session
    session = w.sessions[s]
    if session.control_state == CONTROL_OK and session.control_pool == p:
        _move(w, s, now)


@rule
def control_closed(w: World, c: int, by_peer: bool, now: int) -> None:
    """A connection is closed. If it is the control connection, a close by the peer moves it; the
    driver's own close is no event that it hears of."""
    p = w.connections[c].pool
    pool = w.pools[p]
    session = w.sessions[pool.session]
    if session.control != c:
        return
    if by_peer:
        _move(w, pool.session, now)
    else:
        session.control = -1
        w.note(now, CONTROL_LOST, pool.session, pool.node, w.connections[c].serial, 0)


@rule
def _move(w: World, s: int, now: int) -> None:
    session = w.sessions[s]
    if session.control >= 0:
        serial = w.connections[session.control].serial
        node = w.pools[session.control_pool].node
        w.note(now, CONTROL_LOST, s, node, serial, 0)
    session.control = -1
    _refresh(w, s, now)


@rule
def _refresh(w: World, s: int, now: int) -> None:
    """Borrow from the first host of a plan that has a connection, or ask the contact points."""
    session = w.sessions[s]
    run = w.run
    rotation = w.rotations[s * run.datacenters + w.clients[session.client].rotation]
    start = session.turn
    session.turn += 1
    for step in range(rotation.count):
        p = s * run.nodes + w.rotation_nodes[rotation.first + (start + step) % rotation.count]
        c = _lend(w, p)
        if c >= 0:
            control_connected(w, c, now)
            return
    session.control_state = CONTROL_CONNECTING
    session.control_step = 0
    session.control_turn += 1
    ask_contact_point(w, s, now)


@rule
def _lend(w: World, p: int) -> int:
    """A connection of a host that is up, as for a request; -1 where there is none with room."""
    host = w.hosts[p]
    pool = w.pools[p]
    if host.up == 0 or host.distance == IGNORED or pool.active == 0:
        return -1
    most = w.options[pool.options].max_requests
    c = pick(w, p, most)
    if w.connections[c].in_flight >= most:
        return -1
    return c


@rule
def control_connected(w: World, c: int, now: int) -> None:
    """There is a control connection again."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    session = w.sessions[pool.session]
    session.control = c
    session.control_pool = connection.pool
    session.control_state = CONTROL_OK
    session.control_attempts = 0
    session.control_schedule += 1
    w.note(now, CONTROL_CONNECTED, pool.session, pool.node, connection.serial, 0)
    _read_nodes(w, pool.session, now)


@rule
def _read_nodes(w: World, s: int, now: int) -> None:
    """A new control connection reads the list of nodes; if it has changed, that is acted on."""
    session = w.sessions[s]
    if session.topology_pool >= 0:
        return
    for p in range(s * w.run.nodes, (s + 1) * w.run.nodes):
        host = w.hosts[p]
        if host.known != w.nodes[w.pools[p].node].member and session.topology_pool < 0:
            session.topology_pool = p
            host.topology_due = now + SHORTEST_TIMER
            w.schedule(host.topology_due, STATUS_DUE, p, p)


@rule
def ask_contact_point(w: World, s: int, now: int) -> None:
    """Open a connection to the next contact point; after the last one wait for the schedule."""
    session = w.sessions[s]
    run = w.run
    rotation = w.rotations[s * run.datacenters + w.clients[session.client].rotation]
    if session.control_step < rotation.count:
        k = (session.control_turn + session.control_step) % rotation.count
        session.control_step += 1
        open_for(w, s * run.nodes + w.rotation_nodes[rotation.first + k], ROLE_CONTROL, now)
        return
    i = session.control_attempts
    session.control_attempts += 1
    delay = schedule_delay(w, s * run.nodes, OF_CONTROL, session.control_schedule, i)
    session.control_state = CONTROL_SCHEDULED
    session.control_at = now + delay
    w.schedule(session.control_at, CONTROL, s, s)


@rule
def control(w: World, s: int, now: int) -> None:
    """The delay before the next attempt is over."""
    session = w.sessions[s]
    if session.control_state == CONTROL_SCHEDULED and session.control_at == now:
        _refresh(w, s, now)
