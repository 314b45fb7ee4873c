"""Nodes that join the ring and nodes that leave it.

A node that joins has its part of the ring and answers from that instant on. One that leaves gives
its part to the others at once (it was decommissioned: its data have moved) and drains: it accepts
no more connections, goes on with what it has and with what still comes on its open connections,
and closes each of them as soon as nothing that it has received waits for an answer there; after
the drain's timeout it closes all and is gone. It looks every `DRAIN_LOOK` (an assumption).

The other nodes tell of both by events that travel as those of a node's return do; what a session
makes of them is its driver's rule.
"""

from __future__ import annotations

from poolsim.model.cluster.nodes import NOMINAL, change
from poolsim.model.connection.wires import close_all_from_node, close_from_node, is_there
from poolsim.model.kinds import NODE_ADDED, NODE_DRAINED, NODE_REMOVED
from poolsim.model.primitives import World
from poolsim.model.records import IN_FLIGHT, NODE_DOWN, NODE_RUNNING, ORPHANED, WIRE_CLOSING
from poolsim.model.rule import rule

DRAIN_LOOK = 10_000_000
"""From one look of a draining node at its connections to the next, in ns."""


@rule
def join_ring(w: World, n: int, now: int) -> None:
    """The node is part of the ring and accepts connections."""
    node = w.nodes[n]
    node.member = 1
    node.refuses = 0
    node.drain_until = -1
    node.accept_at = now
    w.note(now, NODE_ADDED, -1, n, -1, 0)
    change(w, n, NODE_RUNNING, NOMINAL, now)
    deal_ring(w)


@rule
def leave_ring(w: World, n: int, drain_timeout: int, now: int) -> None:
    """The node is no part of the ring any more, and begins to drain."""
    node = w.nodes[n]
    node.member = 0
    node.refuses = 1
    node.drain_until = now + drain_timeout
    w.note(now, NODE_REMOVED, -1, n, -1, drain_timeout)
    deal_ring(w)


@rule
def drain(w: World, n: int, now: int) -> int:
    """A draining node looks at its connections. When it is to look again, -1 when it is gone."""
    node = w.nodes[n]
    left = 0
    for c in range(len(w.connections)):
        connection = w.connections[c]
        if is_there(connection) and w.pools[connection.pool].node == n:
            if not _owes_answers(w, n, c, now):
                close_from_node(w, c, now)
            elif connection.wire != WIRE_CLOSING:
                left += 1
    if left > 0 and now < node.drain_until:
        again = now + DRAIN_LOOK
        if again > node.drain_until:
            again = node.drain_until
        return again
    broken = close_all_from_node(w, n, now)
    w.note(now, NODE_DRAINED, -1, n, -1, broken)
    change(w, n, NODE_DOWN, node.factor, now)
    return -1


@rule
def _owes_answers(w: World, n: int, c: int, now: int) -> bool:
    """Whether a node has received something on a connection and not yet answered it."""
    connection = w.connections[c]
    # A node whose attempts' finish is known counts them from their sending on.
    on_arrival = w.nodes[n].recursive == 0
    for stream in range(connection.stream_high):
        a = w.streams[connection.stream_first + stream]
        if a >= 0:
            attempt = w.attempts[a]
            sent = attempt.state == IN_FLIGHT or attempt.state == ORPHANED
            has = attempt.at_node == 1 and attempt.node == n
            works = on_arrival or (attempt.arrives < now and attempt.finishes > now)
            if sent and has and works:
                return True
    return False


@rule
def deal_ring(w: World) -> None:
    """List the replicas of each ring position anew, for all clients.

    A position belongs to the first node of the ring from it on; replicas go around the ring and
    take a rack again only when every rack has one (Cassandra's NetworkTopologyStrategy without
    virtual nodes).
    """
    for k in range(len(w.clients)):
        client = w.clients[k]
        first = 0
        while w.nodes[first].datacenter != client.datacenter:
            first += 1
        size = 0
        members = 0
        for n in range(first, len(w.nodes)):
            if w.nodes[n].datacenter == client.datacenter:
                size += 1
                members += w.nodes[n].member
        client.replication = min(client.replication_factor, members)
        for position in range(size):
            _list_replicas(w, k, first, size, position)


@rule
def _list_replicas(w: World, k: int, first: int, size: int, position: int) -> None:
    """The replicas of one position: the first node of each rack, then those passed over."""
    w.run.ring_walks += 1
    walk = w.run.ring_walks
    client = w.clients[k]
    entry = client.replica_first + position * client.replication
    left = client.replication
    for step in range(size):
        n = first + (position + step) % size
        of_rack = w.nodes[first + w.nodes[n].rack]
        if left > 0 and w.nodes[n].member == 1 and of_rack.rack_walk != walk:
            of_rack.rack_walk = walk
            w.nodes[n].chosen_walk = walk
            w.replicas[entry] = n
            entry += 1
            left -= 1
    for step in range(size):
        n = first + (position + step) % size
        if left > 0 and w.nodes[n].member == 1 and w.nodes[n].chosen_walk != walk:
            w.replicas[entry] = n
            entry += 1
            left -= 1
