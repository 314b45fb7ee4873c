"""What the pool tells of itself: metrics again and again, and its connections at the end."""

from __future__ import annotations

from poolsim.model.kinds import (
    DETAIL_CREATED,
    DETAIL_IN_FLIGHT,
    DETAIL_LAST_USED,
    METERED_ACTIVE,
    METERED_IN_FLIGHT,
    METERED_TOTAL,
)
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED
from poolsim.model.rule import rule


@rule
def collect_metrics(w: World, s: int, now: int) -> None:
    """Of each host: its connections, those with requests in flight, and these."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        if w.hosts[p].distance != IGNORED and w.hosts[p].known == 1:
            pool = w.pools[p]
            active = 0
            c = pool.first
            while c >= 0:
                if w.connections[c].in_flight > 0:
                    active += 1
                c = w.connections[c].next
            w.note(now, METERED_TOTAL, s, pool.node, -1, pool.active)
            w.note(now, METERED_ACTIVE, s, pool.node, -1, active)
            w.note(now, METERED_IN_FLIGHT, s, pool.node, -1, pool.in_flight)


@rule
def list_connections(w: World, s: int, now: int) -> None:
    """Of each connection in a pool: when it was made and last used, and what is in flight."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        n = w.pools[p].node
        c = w.pools[p].first
        while c >= 0:
            connection = w.connections[c]
            w.note(now, DETAIL_CREATED, s, n, connection.serial, connection.orm_created)
            w.note(now, DETAIL_LAST_USED, s, n, connection.serial, connection.orm_last_used)
            w.note(now, DETAIL_IN_FLIGHT, s, n, connection.serial, connection.in_flight)
            c = connection.next
