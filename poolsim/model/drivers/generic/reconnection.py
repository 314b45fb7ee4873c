"""How a pool gets back to its core connections (002:372-388).

A pool that lacks core connections makes an attempt at once; one that fails is followed by another
after 1 s, 2 s, 4 s, … 60 s at most. One that succeeds ends the row: if there are still too few, the
next begins with an attempt at once. There is one attempt at a time for each pool, whether the host
is down or has other connections. (The document has the delays. Connections above core are not made
anew; the load does that.)
"""

from __future__ import annotations

from poolsim.model.drivers.generic.making import TASK_RECONNECT, ask
from poolsim.model.kinds import RECONNECTION, RECONNECTION_FAILED
from poolsim.model.policies.reconnection import next_delay
from poolsim.model.primitives import World
from poolsim.model.rule import rule

NOT_RECONNECTING = 0  # values of Host.reconnecting
DUE = 1
UNDER_WAY = 2


@rule
def reconnect_missing(w: World, p: int, attempts: int, now: int) -> None:
    """Begin a row of attempts where the pool lacks connections and none is under way; `attempts`
    have failed already."""
    host = w.hosts[p]
    if host.reconnecting == NOT_RECONNECTING and _lacks_connections(w, p):
        host.reconnect_attempt = attempts
        schedule(w, p, now)


@rule
def _lacks_connections(w: World, p: int) -> bool:
    """Whether the pool has fewer than core, those being made included; a host that is down needs
    one even if core is none, one that has left none."""
    pool = w.pools[p]
    if w.hosts[p].known == 0:
        return False
    least = w.options[pool.options].core
    if least == 0 and w.hosts[p].up == 0:
        least = 1
    lacking: bool = pool.active + pool.making < least
    return lacking


@rule
def schedule(w: World, p: int, now: int) -> None:
    """Schedule the next attempt: the first at once."""
    host = w.hosts[p]
    delay = 0
    if host.reconnect_attempt > 0:
        delay = next_delay(w, p, host.reconnect_attempt - 1)
        pool = w.pools[p]
        w.note(now, RECONNECTION_FAILED, pool.session, pool.node, -1, delay)
    host.reconnecting = DUE
    host.reconnect_at = now + delay
    w.schedule(host.reconnect_at, RECONNECTION, p, p)


@rule
def reconnection_due(w: World, p: int, now: int) -> None:
    """The delay before an attempt is over."""
    host = w.hosts[p]
    if host.reconnecting == DUE and host.reconnect_at == now:
        host.reconnecting = NOT_RECONNECTING
        if _lacks_connections(w, p):
            host.reconnecting = UNDER_WAY
            ask(w, p, TASK_RECONNECT, now)
