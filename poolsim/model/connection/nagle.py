"""Nagle's algorithm: a small write waits while the one before it is not acknowledged.

A driver that does not set TCP_NODELAY leaves it on (RFC 1122, 4.2.3.4, as Linux does it:
net/ipv4/tcp_output.c, tcp_nagle_check). The first request goes out at once; those written after it
wait in the client's kernel and leave together when its acknowledgement is there. The node's kernel
sends that with the next response on the connection, or by itself after `DELAYED_ACKNOWLEDGEMENT`
(RFC 1122, 4.2.3.2). So an idle connection delays nothing, and a busy one delays a request until
another's response: up to the time that the node takes for it.

Seen in recordings of the Python driver 3.30.1 on paced nodes, which has no TCP_NODELAY unless its
`sockopts` say so: at 400 requests/s, 6.5 ms each, requests reached the node 0.7 ms late at the
median and 13.6 ms at the 99th percentile; this rule, applied to the recorded starts and responses,
gives 0.8 ms and 13.4 ms.

A client's messages for itself (handshake, heartbeat) are left out; so is that a full segment goes
out at once: requests are taken to be smaller than one together.
"""

from __future__ import annotations

from poolsim.model.cluster.nodes import receive
from poolsim.model.kinds import ACKNOWLEDGED
from poolsim.model.primitives import Record, World
from poolsim.model.records import DONE, GONE
from poolsim.model.rule import handles, rule
from poolsim.model.slots import drop_attempt, drop_connection

DELAYED_ACKNOWLEDGEMENT = 40_000_000
"""How long a Linux kernel waits at least for something to send an acknowledgement with, in ns
(include/net/tcp.h, TCP_DELACK_MIN)."""


@rule
def send_small(w: World, c: int, a: int, now: int) -> None:
    """Attempt `a` was written on connection `c`: it leaves, or waits for an acknowledgement."""
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    attempt = w.attempts[a]
    since = connection.unacknowledged
    by_itself = since + 2 * pool.delay + DELAYED_ACKNOWLEDGEMENT
    if connection.held_first < 0 and (since < 0 or now >= by_itself):
        connection.unacknowledged = attempt.sent_at
        receive(w, pool.node, a, attempt.sent_at)
        return
    attempt.holds += 1
    attempt.held_next = -1
    if connection.held_first >= 0:
        w.attempts[connection.held_last].held_next = a
    else:
        connection.held_first = a
        connection.acknowledged_at = by_itself
        connection.holds += 1
        w.schedule(by_itself, ACKNOWLEDGED, connection.serial, c)
    connection.held_last = a


@rule
def acknowledge(w: World, connection: Record, now: int) -> None:
    """Something from the node arrives: it acknowledges what had reached the node when it left."""
    round_trip = 2 * w.pools[connection.pool].delay
    if now >= connection.unacknowledged + round_trip:
        _send_held(w, connection, now)


@handles(ACKNOWLEDGED)
def acknowledge_by_itself(w: World, c: int, now: int) -> None:
    """The node's kernel acknowledges without a response to do it with."""
    connection = w.connections[c]
    connection.holds -= 1
    if connection.held_first >= 0 and connection.acknowledged_at == now:
        _send_held(w, connection, now)
    drop_connection(w, c)


@rule
def _send_held(w: World, connection: Record, now: int) -> None:
    """What was held leaves together."""
    a = connection.held_first
    connection.held_first = -1
    connection.unacknowledged = -1
    node = w.pools[connection.pool].node
    while a >= 0:
        attempt = w.attempts[a]
        after = attempt.held_next
        attempt.holds -= 1
        if attempt.state == DONE:
            drop_attempt(w, a)
        elif connection.state != GONE:
            written = now
            if attempt.sent_at > now:
                written = attempt.sent_at  # its I/O thread has yet to come to it
            connection.unacknowledged = written
            receive(w, node, a, written)
        a = after
