"""Where requests come from: open loads by their arrival times, closed loops by their own ends.

Open: the n-th request of a client is due at the n-th value of its arrivals, on an instance drawn
for it (Poisson) or in turn (the others). Closed: `window` workers, or users who think between
requests, dealt evenly over the instances; who met an error pauses before the next request, so a
rejection always advances time. A window that shrinks retires workers as their requests end.
"""

from __future__ import annotations

from poolsim.model.client.issuing import USERS, call_issuer, create_ready
from poolsim.model.kinds import ARRIVAL, OK, PHASE, THINK
from poolsim.model.primitives import World
from poolsim.model.rule import handles, rule


@rule
def start_load(w: World, k: int) -> None:
    """Put a client's first arrival or its first level on the agenda."""
    client = w.clients[k]
    if client.closed > 0:
        w.schedule(w.levels[client.level].at, PHASE, k, k)
    else:
        due = w.draw(client.arrivals, 0, 0)
        if due < w.run.end:
            w.schedule(due, ARRIVAL, k, k)


@handles(PHASE)
def change_level(w: World, k: int, now: int) -> None:
    """The window or the number of users of a closed load changes."""
    client = w.clients[k]
    total = w.levels[client.level].value
    client.level += 1
    if client.level < client.last_level:
        w.schedule(w.levels[client.level].at, PHASE, k, k)
    share = total // client.instances
    more = total % client.instances
    for i in range(client.instances):
        s = client.first_session + i
        session = w.sessions[s]
        session.window = share
        if i < more:
            session.window += 1
        if session.workers < session.window:
            session.launched_at = now
            call_issuer(w, s, now)


@rule
def after_request(w: World, k: int, s: int, number: int, outcome: int, now: int) -> None:
    """A closed load goes on when one of its requests has ended."""
    client = w.clients[k]
    session = w.sessions[s]
    if session.workers > session.window:
        session.workers -= 1
    elif client.closed == USERS:
        w.schedule(now + w.draw(client.think, number, 0), THINK, s, s)
    elif outcome == OK:
        create_ready(w, k, s, now, now)
    else:
        w.schedule(now + client.error_pause, THINK, s, s)


@handles(THINK)
def think_over(w: World, s: int, now: int) -> None:
    """A user has thought, or a worker has paused after an error."""
    session = w.sessions[s]
    if session.workers > session.window:
        session.workers -= 1
    else:
        create_ready(w, session.client, s, now, now)
