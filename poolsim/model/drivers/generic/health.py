"""How the driver finds out that a connection is no good (002:351-370).

Heartbeat: every 30 s from the connection's start, whether it is idle or not; OPTIONS takes a stream
id, a ping does not. No answer within the heartbeat's timeout, or no stream id to be had: the
connection is unhealthy, which closes it (closing.py) and makes the pool reconnect. (No timeout is
named: 12 s, as for requests.)

Read timeout: each attempt has one, from the moment it was admitted. Its stream id stays taken until
the response comes, and it stays in flight. The request is tried on another connection: of the same
pool if there is one, else of the plan's next host (client/request.py), max_retries times.

Write failure, protocol error: the connection is closed at once (closing.lost).
"""

from __future__ import annotations

from poolsim.model.connection.messages import send_heartbeat
from poolsim.model.drivers.generic.admission import stream_freed
from poolsim.model.drivers.generic.closing import lost
from poolsim.model.drivers.generic.streams import allocate, forget_free_list, has_stream
from poolsim.model.kinds import HEARTBEAT, HEARTBEAT_FAILED
from poolsim.model.primitives import World
from poolsim.model.records import ASK_NOTHING, ORPHANED
from poolsim.model.rule import rule
from poolsim.model.slots import new_probe


@rule
def heartbeat(w: World, c: int, now: int) -> None:
    """Ask the node whether it is there, and again after the interval."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    client = w.clients[w.sessions[pool.session].client]
    connection.heartbeat_at = now + connection.heartbeat_interval
    if connection.asking == ASK_NOTHING:
        if client.pings == 0 and not has_stream(w, c):
            w.note(now, HEARTBEAT_FAILED, pool.session, pool.node, connection.serial, 0)
            lost(w, c, now)
            return
        a = new_probe(w, c)
        if client.pings == 0:
            w.attempts[a].stream = allocate(w, c, a)
        send_heartbeat(w, c, now)
    connection.holds += 1
    w.schedule(connection.heartbeat_at, HEARTBEAT, connection.serial, c)


@rule
def heartbeat_answered(w: World, c: int, now: int) -> None:
    """The node has answered; a stream id may be free again."""
    forget_free_list(w, c)
    stream_freed(w, c, now)


@rule
def timed_out(w: World, a: int, now: int) -> None:
    """An attempt's read timeout: its stream id is taken until the response comes."""
    attempt = w.attempts[a]
    attempt.state = ORPHANED
    w.connections[attempt.connection].orphans += 1
    w.pools[attempt.pool].orphans += 1
    w.run.stream_area += now
