"""How many connections a pool has (002:166-228).

Scale up: a request that leaves every connection of its pool at its maximum makes the pool ask for
one more, below max. The pool counts those being made, and one of them is not at its maximum: so
there is one at a time. A connection is at its maximum with max_requests in flight and, where the
policy rejects, from the high watermark to the low one too, since it never has more then. (The
document has the condition only.) After one that could not be made, the pool asks for no other
before the first reconnection delay is over.

Scale down: every idle_check the pool closes connections on which nothing has been in flight for
longer than idle_timeout, the oldest first, down to core. (The document names no threshold: 120 s,
as the Java driver; nor how often is looked: every second.) So that pools do not close all that a
burst has left in the same moment, each connection's timeout may be longer by a part of idle_jitter
that is drawn for it.
"""

from __future__ import annotations

from poolsim.model.drivers.generic.admission import takes_no_more
from poolsim.model.drivers.generic.closing import close
from poolsim.model.drivers.generic.fields import MILLIONTHS
from poolsim.model.drivers.generic.making import TASK_OPEN, ask, ask_for_core
from poolsim.model.drivers.generic.threads import collect_garbage
from poolsim.model.kinds import CLEANUP, GROWTH
from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def consider_growth(w: World, p: int, now: int) -> None:
    """Ask for one more connection where all are at their maximum."""
    pool = w.pools[p]
    if (
        pool.making > 0
        or pool.active >= w.options[pool.options].max
        or w.hosts[p].backoff_until > now
    ):
        return
    c = pool.first
    while c >= 0:
        if not takes_no_more(w, c):
            return
        c = w.connections[c].next
    w.note(now, GROWTH, pool.session, pool.node, -1, pool.in_flight)
    ask(w, p, TASK_OPEN, now)


@rule
def cleanup_session(w: World, s: int, now: int) -> None:
    """What happens to a session at intervals: its pools shrink, its collector pauses it."""
    session = w.sessions[s]
    if session.gc_at == now:
        collect_garbage(w, s, now)
        w.schedule(session.gc_at, CLEANUP, s, s)
    if session.cleanup_at == now:
        nodes = w.run.nodes
        for p in range(s * nodes, (s + 1) * nodes):
            close_idle(w, p, now)
        session.cleanup_at = now + w.clients[session.client].idle_check
        w.schedule(session.cleanup_at, CLEANUP, s, s)


@rule
def close_idle(w: World, p: int, now: int) -> None:
    """Close what has been idle for longer than the timeout, down to core; all that is idle where
    the host has left."""
    pool = w.pools[p]
    core = w.options[pool.options].core
    if w.hosts[p].known == 0:
        core = 0
    c = pool.first
    while c >= 0 and pool.active > core:
        connection = w.connections[c]
        after = connection.next
        if (
            connection.in_flight + connection.queued == 0
            and now - connection.quiet_since > _idle_timeout(w, c)
        ):
            close(w, c, now)
        c = after


@rule
def _idle_timeout(w: World, c: int) -> int:
    connection = w.connections[c]
    pool = w.pools[connection.pool]
    if w.hosts[connection.pool].known == 0:
        return -1
    timeout: int = w.options[pool.options].idle_timeout
    client = w.clients[w.sessions[pool.session].client]
    if client.idle_jitter > 0:
        most = timeout // MILLIONTHS * client.idle_jitter // MILLIONTHS
        timeout += most * w.draw(client.idle_lane, connection.serial, 0)
    return timeout


@rule
def needed(w: World, p: int, load: int) -> int:
    """Connections that `load` requests in flight need, at least core."""
    options = w.options[w.pools[p].options]
    count: int = options.core
    if options.max_requests > 0:
        enough = (load + options.max_requests - 1) // options.max_requests
        if enough > count:
            count = enough
    return count


@rule
def option_changed(w: World, p: int, raised_core: int, now: int) -> None:
    """Options are read at every use; a raised core makes pools grow that were ready once."""
    if raised_core == 1 and w.pools[p].was_ready == 1 and w.hosts[p].up == 1:
        ask_for_core(w, p, now)
