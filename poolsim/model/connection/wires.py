"""What becomes of what is sent on a connection: its wire.

fine: it arrives. garbled: the next answer cannot be decoded. overloaded: a request's answer is an
error. failing: the client's socket refuses
to write. closing: the peer has closed the connection and its client has yet to hear of it. cut: a
middlebox drops whatever is sent, either way, and nobody is told.

A connection of which nobody says that it is broken breaks in its client's kernel: what is written
and not acknowledged is sent again until the kernel gives up (Linux, `tcp_retries2`: 924.6 s by
default), or keepalive probes go unanswered. So a wire that is cut is noticed by the driver's own
means, or late.
"""

from __future__ import annotations

from poolsim.model.kinds import CONNECTION_LOST
from poolsim.model.primitives import Record, World
from poolsim.model.records import (
    CONNECTING,
    OPEN,
    TRASHED_STATE,
    WIRE_CLOSING,
    WIRE_CUT,
    WIRE_FAILING,
)
from poolsim.model.rule import rule


@rule
def is_there(connection: Record) -> bool:
    """Whether there is a connection in a slot, or one in the making."""
    return connection.state == CONNECTING or (
        connection.state == OPEN or connection.state == TRASHED_STATE
    )


@rule
def lose(w: World, c: int, at: int) -> None:
    """The client is to notice at an instant that the connection is broken, and not before."""
    connection = w.connections[c]
    connection.lost_at = at
    connection.holds += 1
    w.schedule(at, CONNECTION_LOST, connection.serial, c)


@rule
def close_from_node(w: World, c: int, now: int) -> int:
    """The node closes a connection: that travels to its client, unless a middlebox drops it.
    1 where it does."""
    connection = w.connections[c]
    if connection.wire == WIRE_CLOSING or connection.wire == WIRE_CUT:
        return 0
    connection.wire = WIRE_CLOSING
    lose(w, c, now + w.pools[connection.pool].delay)
    return 1


@rule
def close_all_from_node(w: World, n: int, now: int) -> int:
    """The node closes all its connections; how many there were."""
    closed = 0
    for c in range(len(w.connections)):
        connection = w.connections[c]
        if is_there(connection) and w.pools[connection.pool].node == n:
            closed += close_from_node(w, c, now)
    return closed


@rule
def change_wires(w: World, n: int, before: int, after: int) -> None:
    """All connections to node `n` whose wire is in one state get into another, and so do new
    ones."""
    w.nodes[n].wire = after
    for c in range(len(w.connections)):
        connection = w.connections[c]
        if (
            connection.wire == before
            and is_there(connection)
            and w.pools[connection.pool].node == n
        ):
            connection.wire = after


@rule
def write_in_vain(w: World, c: int, at: int) -> None:
    """Something is written at an instant on a wire from which nothing arrives any more."""
    connection = w.connections[c]
    if connection.wire == WIRE_FAILING:
        connection.wire = WIRE_CLOSING
        lose(w, c, at)
    elif connection.wire == WIRE_CUT and connection.undelivered == 0:
        # Data that is under way takes the place of keepalive's probes in the kernel.
        connection.undelivered = 1
        session = w.sessions[w.pools[connection.pool].session]
        lose(w, c, at + w.clients[session.client].retransmission_timeout)
