"""What the load balancer hears of a host (002:374-378, 243).

A host is down when the last connection of its pool is gone, or when the first ones cannot be made,
and up as soon as there is one. The load balancer offers hosts that are up. (No control connection
and no status events: the document knows neither. Hosts that join and leave: members.py.)
"""

from __future__ import annotations

from poolsim.model.kinds import HOST_DOWN, HOST_UP
from poolsim.model.policies.balancing import host_down, host_up
from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def mark_up(w: World, p: int, now: int) -> None:
    """The pool has a connection: its host is up, unless it has left the ring."""
    host = w.hosts[p]
    if host.up == 0 and host.known == 1:
        host.up = 1
        host_up(w, p)
        w.note(now, HOST_UP, w.pools[p].session, w.pools[p].node, -1, 0)


@rule
def mark_down(w: World, p: int, now: int) -> None:
    """The pool has no connection any more: its host is down."""
    host = w.hosts[p]
    if host.up == 1:
        host.up = 0
        host.times_down += 1
        host_down(w, p)
        w.note(now, HOST_DOWN, w.pools[p].session, w.pools[p].node, -1, 0)
