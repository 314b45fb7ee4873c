"""A request comes to a pool (002:234-258).

It is given a connection (selection.py), which sends it, lets it wait or rejects it (admission.py);
then the pool considers growing (scaling.py). A pool that has no connection yet asks for its core
ones, and the request waits for the first (making.py). A host that is down is passed over.
"""

from __future__ import annotations

from poolsim.model.drivers.generic.admission import (
    REJECT,
    SEND,
    admit,
    admitted,
    takes_no_more,
    wait,
)
from poolsim.model.drivers.generic.making import TASK_OPEN, ask, ask_for_core
from poolsim.model.drivers.generic.scaling import consider_growth
from poolsim.model.drivers.generic.selection import select
from poolsim.model.drivers.generic.writing import send
from poolsim.model.kinds import BUSY_CONNECTION
from poolsim.model.primitives import World
from poolsim.model.records import POOL_USABLE, QUEUED, SENT, SKIPPED
from poolsim.model.rule import rule


@rule
def borrow(w: World, p: int, a: int, now: int) -> int:
    """Send an attempt on a connection of the pool: SENT, QUEUED, SKIPPED or an error."""
    pool = w.pools[p]
    if pool.phase != POOL_USABLE or w.hosts[p].up == 0:
        return SKIPPED
    if pool.active == 0:
        return _wait_for_the_first(w, p, a, now)
    c = select(w, p, a)
    if c < 0:
        return SKIPPED  # a retry, and there is only the connection that it is to avoid
    answer = admit(w, c, now)
    if answer == SEND:
        send(w, c, a, now)
    elif answer == REJECT:
        pool.rejected += 1
    else:
        wait(w, p, a, c, now)
    if answer != REJECT:
        admitted(w, c, now)
    if takes_no_more(w, c):
        consider_growth(w, p, now)
    if answer == SEND:
        return SENT
    if answer == REJECT:
        return BUSY_CONNECTION
    return QUEUED


@rule
def _wait_for_the_first(w: World, p: int, a: int, now: int) -> int:
    """The pool has no connection yet, or all were idle and were closed (core 0)."""
    pool = w.pools[p]
    options = w.options[pool.options]
    places = options.max_requests
    if options.core > 1:
        places *= options.core
    if pool.pending >= places:
        pool.rejected += 1
        return BUSY_CONNECTION
    if pool.making == 0 and options.core > 0:
        ask_for_core(w, p, now)
    elif pool.making == 0:
        ask(w, p, TASK_OPEN, now)
    wait(w, p, a, -1, now)
    return QUEUED
