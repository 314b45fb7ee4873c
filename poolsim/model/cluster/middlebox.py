"""A middlebox between clients and a node, which forgets connections that are idle for too long.

A firewall, router or load balancer keeps an entry for each connection and renews it with every
packet, either way: requests, answers, heartbeats, keepalive probes. An entry that was not renewed
for `idle_limit` is dropped. From then on the packets of that connection are dropped too, and
neither end is told: what is written is never answered (connection/wires.py says when the client's
kernel gives up).

A kernel that has been asked to keep connections alive probes one that was idle for
`tcp_keepalive_time`. Within the middlebox's limit that renews the entry again and again; beyond
it, the probes are dropped as well, and after `tcp_keepalive_probes` of them, `tcp_keepalive_intvl`
apart, the kernel declares the connection dead (Linux, Documentation/networking/ip-sysctl.rst:
7,200 s, 9 and 75 s by default, so 2 h 11 min 15 s).

Left out: middleboxes that answer with a reset, and probes of the node's own kernel.
"""

from __future__ import annotations

from poolsim.model.connection.wires import lose
from poolsim.model.kinds import IDLE_CHECK, MIDDLEBOX_DROPPED
from poolsim.model.primitives import World
from poolsim.model.records import (
    IN_FLIGHT,
    OPEN,
    ORPHANED,
    TRASHED_STATE,
    WIRE_CLOSING,
    WIRE_CUT,
)
from poolsim.model.rule import handles, rule
from poolsim.model.slots import drop_connection


@rule
def set_up(w: World, n: int, idle_limit: int, now: int) -> None:
    """Put a middlebox in front of a node; it knows the connections that are open already."""
    w.nodes[n].idle_limit = idle_limit
    w.nodes[n].watched_since = now
    for c in range(len(w.connections)):
        connection = w.connections[c]
        is_open = connection.state == OPEN or connection.state == TRASHED_STATE
        if is_open and w.pools[connection.pool].node == n:
            watch(w, c, now)


@rule
def take_away(w: World, n: int) -> None:
    """The middlebox drops no more connections; those that it dropped stay dead."""
    w.nodes[n].idle_limit = 0


@rule
def watch(w: World, c: int, since: int) -> None:
    """An open connection was last used at an instant: when the middlebox, if there is one, is to
    look at it."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    limit = w.nodes[pool.node].idle_limit
    client = w.clients[w.sessions[pool.session].client]
    if limit == 0 or (client.keepalive == 1 and client.keepalive_time <= limit):
        return
    connection.idle_check_at = since + limit
    connection.holds += 1
    w.schedule(connection.idle_check_at, IDLE_CHECK, connection.serial, c)


@handles(IDLE_CHECK)
def check_idle(w: World, c: int, now: int) -> None:
    """The middlebox looks when a connection was last used, and forgets it if that is long ago."""
    connection = w.connections[c]
    connection.holds -= 1
    live = connection.state == OPEN or connection.state == TRASHED_STATE
    if not live or connection.idle_check_at != now or connection.wire >= WIRE_CLOSING:
        drop_connection(w, c)
        return
    node = w.nodes[w.pools[connection.pool].node]
    if node.idle_limit == 0:
        return
    used = min(last_packet(w, c), now)  # what an I/O thread has yet to write is sent later
    next_probe = used
    client = w.clients[w.sessions[w.pools[connection.pool].session].client]
    if client.keepalive == 1:
        # Probes before the middlebox was there, or within its limit, were answered.
        used += (now - used) // client.keepalive_time * client.keepalive_time
        next_probe = used + client.keepalive_time
    if used < node.watched_since:
        used = node.watched_since
    if used + node.idle_limit > now:
        watch(w, c, used)
        return
    connection.wire = WIRE_CUT
    pool = w.pools[connection.pool]
    idle = now - used
    w.note(now, MIDDLEBOX_DROPPED, pool.session, pool.node, connection.serial, idle)
    if client.keepalive == 1:
        lose(w, c, next_probe + client.keepalive_probes * client.keepalive_interval)


@rule
def last_packet(w: World, c: int) -> int:
    """When something was last sent or read on a connection."""
    connection = w.connections[c]
    latest: int = connection.last_read
    if connection.asked_at > latest:
        latest = connection.asked_at
    for stream in range(connection.stream_high):
        # What was answered was read later than it was sent.
        a = w.streams[connection.stream_first + stream]
        if a >= 0:
            attempt = w.attempts[a]
            sent = attempt.state == IN_FLIGHT or attempt.state == ORPHANED
            if sent and attempt.sent_at > latest:
                latest = attempt.sent_at
    return latest
