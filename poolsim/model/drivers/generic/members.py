"""Hosts that join and leave (the document knows neither).

What other nodes tell of a host is acted on as it comes. One that has joined is as one that was
there when the run began: it is offered, and its core connections are asked for, on demand by its
first request. One that has left is offered no more and reconnected to no more. Its connections on
which nothing is in flight are closed, the others when they are found so (scaling.py looks every
idle_check) or when the node closes them; what waits for them goes on waiting.
"""

from __future__ import annotations

from poolsim.model.drivers.generic.fields import ON_DEMAND
from poolsim.model.drivers.generic.making import ask_for_core
from poolsim.model.drivers.generic.reconnection import DUE, NOT_RECONNECTING
from poolsim.model.drivers.generic.scaling import close_idle
from poolsim.model.policies.balancing import host_added, host_removed
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED, POOL_USABLE
from poolsim.model.rule import rule


@rule
def topology_event(w: World, p: int, now: int) -> None:
    """Another node says that the host has joined the ring or left it."""
    if w.nodes[w.pools[p].node].member == 1:
        _add(w, p, now)
    else:
        _remove(w, p, now)


@rule
def _add(w: World, p: int, now: int) -> None:
    pool = w.pools[p]
    host = w.hosts[p]
    host.up = 1
    host.times_down = 0
    host.backoff_until = 0
    host_added(w, p, now)
    if host.distance == IGNORED:
        return
    pool.phase = POOL_USABLE
    pool.was_ready = 0
    if w.clients[w.sessions[pool.session].client].warming != ON_DEMAND:
        ask_for_core(w, p, now)


@rule
def _remove(w: World, p: int, now: int) -> None:
    host = w.hosts[p]
    if host.reconnecting == DUE:
        host.reconnecting = NOT_RECONNECTING
    host_removed(w, p, now)
    close_idle(w, p, now)
