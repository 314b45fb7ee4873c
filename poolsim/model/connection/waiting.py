"""The acquisition queue of a pool: attempts that wait, the one that has waited longest first."""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def append_waiting(w: World, p: int, a: int) -> None:
    """Put an attempt at the end of its pool's queue."""
    pool = w.pools[p]
    w.attempts[a].next = -1
    if pool.queue_last < 0:
        pool.queue_first = a
    else:
        w.attempts[pool.queue_last].next = a
    pool.queue_last = a


@rule
def take_waiting(w: World, p: int, before: int, a: int) -> None:
    """Take an attempt out of its pool's queue; `before` is the one before it, -1 for the first."""
    pool = w.pools[p]
    after = w.attempts[a].next
    if before < 0:
        pool.queue_first = after
    else:
        w.attempts[before].next = after
    if after < 0:
        pool.queue_last = before
    w.attempts[a].next = -1
