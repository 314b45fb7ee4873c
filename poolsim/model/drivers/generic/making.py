"""How a pool gets connections (002:195-204, 506-513).

An instance makes concurrent_opens connections at a time, in the order in which its pools asked for
them (an assumption: as many threads have the executors of the drivers that make connections on
one). A connection that was made joins the end of its pool's list and takes requests at once: first
those that wait for a connection of the pool at all, as any request is admitted; requests that wait
for another connection stay with it.

Warming (002:510): before_start, pools have their core connections when the run begins, as a service
that was warmed up; at_start, all are asked for when the run begins; on_demand, the first request
for a host asks for those of its pool. A request that finds none yet waits for the first one;
max_requests for each core connection may.
"""

from __future__ import annotations

from poolsim.model.connection.executors import submit
from poolsim.model.connection.lists import append_active
from poolsim.model.connection.messages import open_connection
from poolsim.model.drivers.generic.admission import (
    REJECT,
    SEND,
    admit,
    admitted,
    fail_from_queue,
    send_from_queue,
)
from poolsim.model.drivers.generic.fields import AT_START, BEFORE_START
from poolsim.model.drivers.generic.hosts import mark_up
from poolsim.model.drivers.generic.selection import shard_for
from poolsim.model.drivers.generic.threads import take_io_thread
from poolsim.model.kinds import BUSY_CONNECTION, CLEANUP, OPENED, POOL_READY
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED, POOL_USABLE, ROLE_INITIAL
from poolsim.model.rule import rule

TASK_OPEN = 0
TASK_RECONNECT = 1


@rule
def start_session(w: World, s: int, now: int) -> None:
    """The session begins: its pools, the clocks of its cleanup and of its collector."""
    session = w.sessions[s]
    client = w.clients[session.client]
    session.cleanup_at = now + client.idle_check
    w.schedule(session.cleanup_at, CLEANUP, s, s)
    if client.gc_every > 0:
        session.gc_at = session.gc_phase
        w.schedule(session.gc_at, CLEANUP, s, s)
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        if w.hosts[p].distance != IGNORED and w.hosts[p].known == 1:
            w.pools[p].phase = POOL_USABLE
            if client.warming == BEFORE_START:
                for _ in range(w.options[w.pools[p].options].core):
                    w.pools[p].making += 1
                    open_one(w, p, ROLE_INITIAL, now)
            elif client.warming == AT_START:
                ask_for_core(w, p, now)


@rule
def ask_for_core(w: World, p: int, now: int) -> None:
    """Ask for as many connections as core lacks."""
    pool = w.pools[p]
    for _ in range(w.options[pool.options].core - pool.active - pool.making):
        ask(w, p, TASK_OPEN, now)


@rule
def ask(w: World, p: int, task: int, now: int) -> None:
    """Ask for one more connection."""
    w.pools[p].making += 1
    submit(w, w.sessions[w.pools[p].session].executor, task, p, now)


@rule
def open_one(w: World, p: int, role: int, now: int) -> None:
    """Begin a connection's handshake."""
    c = open_connection(w, p, role, now)
    connection = w.connections[c]
    connection.queued = 0
    connection.pressed = 0
    connection.full = 0
    connection.sequential = w.clients[w.sessions[w.pools[p].session].client].sequential
    connection.next_stream = 0
    connection.write_first = -1
    connection.write_last = -1
    connection.write_count = 0
    connection.write_bytes = 0
    connection.flush_at = -1
    connection.read_begins = -1
    connection.unread_first = -1
    connection.unread_last = -1
    connection.unread_next = -1
    connection.paused = 0
    connection.read_bytes = 0
    connection.read_full = 0
    take_io_thread(w, c)


@rule
def join(w: World, c: int, now: int) -> None:
    """A connection that was made joins its pool."""
    connection = w.connections[c]
    p = connection.pool
    pool = w.pools[p]
    connection.shard = shard_for(w, p)
    connection.quiet_since = now
    append_active(w, p, c)
    w.note(now, OPENED, pool.session, pool.node, connection.serial, pool.active)
    if pool.was_ready == 0 and pool.active >= w.options[pool.options].core:
        pool.was_ready = 1
        w.note(now, POOL_READY, pool.session, pool.node, -1, pool.active)
    mark_up(w, p, now)
    _serve(w, c, now)


@rule
def _serve(w: World, c: int, now: int) -> None:
    """Admit to a new connection what waits for the pool's first one, until it takes no more; what
    is left then waits for the next, if there will be one."""
    p = w.connections[c].pool
    pool = w.pools[p]
    before = -1
    a = pool.queue_first
    while a >= 0:
        after = w.attempts[a].next
        if w.attempts[a].connection >= 0:
            before = a
        else:
            answer = admit(w, c, now)
            if answer == SEND:
                send_from_queue(w, c, before, a, now)
                admitted(w, c, now)
            elif answer != REJECT:
                move(w, a, c)
                admitted(w, c, now)
                before = a
            elif pool.making > 0:
                return
            else:
                fail_from_queue(w, p, before, a, BUSY_CONNECTION, now)
        a = after


@rule
def move(w: World, a: int, c: int) -> None:
    """An attempt in the queue waits for another connection than it did; its place is as before."""
    attempt = w.attempts[a]
    if attempt.connection >= 0:
        w.connections[attempt.connection].queued -= 1
    attempt.connection = c
    w.connections[c].queued += 1
