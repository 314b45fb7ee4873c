"""Where requests come from: open loads by their arrival times, closed loops by their own ends.

Open: the n-th request of a client is due at the n-th value of its arrivals, on an instance drawn
for it (Poisson) or in turn (the others). Closed: `window` workers, or users who think between
requests, dealt evenly over the instances; who met an error pauses before the next request, so a
rejection always advances time. A window that shrinks retires workers as their requests end.
"""

from __future__ import annotations

from poolsim.model.client.issuing import USERS, call_issuer, create
from poolsim.model.kinds import ARRIVAL, OK, PHASE, THINK
from poolsim.model.primitives import World, draw, schedule
from poolsim.model.rule import handles, rule


@rule
def start_load(w: World, k: int) -> None:
    """Put a client's first arrival or its first level on the agenda."""
    client = w.clients[k]
    if client.closed > 0:
        schedule(w, w.levels[client.level].at, PHASE, k, k)
    else:
        _schedule_arrival(w, k)


@rule
def _schedule_arrival(w: World, k: int) -> None:
    client = w.clients[k]
    due = draw(w, client.arrivals, client.next_number, 0)
    if due < w.run.end:
        schedule(w, due, ARRIVAL, k, k)


@handles(ARRIVAL)
def arrive(w: World, k: int, now: int) -> None:
    """A request of an open load is due."""
    client = w.clients[k]
    s = client.first_session
    if client.instances > 1:
        if client.instance_of >= 0:
            s += draw(w, client.instance_of, client.next_number, 0)
        else:
            s += client.next_number % client.instances
    create(w, k, s, now, now)
    _schedule_arrival(w, k)


@handles(PHASE)
def change_level(w: World, k: int, now: int) -> None:
    """The window or the number of users of a closed load changes."""
    client = w.clients[k]
    total = w.levels[client.level].value
    client.level += 1
    if client.level < client.last_level:
        schedule(w, w.levels[client.level].at, PHASE, k, k)
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
    if client.closed == 0:
        return
    session = w.sessions[s]
    if session.workers > session.window:
        session.workers -= 1
    elif client.closed == USERS:
        schedule(w, now + draw(w, client.think, number, 0), THINK, s, s)
    elif outcome == OK:
        create(w, k, s, now, now)
    else:
        schedule(w, now + client.error_pause, THINK, s, s)


@handles(THINK)
def think_over(w: World, s: int, now: int) -> None:
    """A user has thought, or a worker has paused after an error."""
    session = w.sessions[s]
    if session.workers > session.window:
        session.workers -= 1
    else:
        create(w, session.client, s, now, now)
