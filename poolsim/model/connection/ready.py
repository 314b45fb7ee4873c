"""The ready list: attempts whose next step is due at this instant, in order.

A driver's rule that serves a waiter or fails an attempt does not go on with the request itself; it
puts the attempt here, and `client/request.py` takes it up when the rule has returned. So rules do
not call each other in circles, and a driver's rules can be driven alone.
"""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def make_ready(w: World, a: int, step: int) -> None:
    """Put an attempt at the end of the ready list with what is to be done with it."""
    run = w.run
    attempt = w.attempts[a]
    attempt.step = step
    attempt.next = -1
    if run.ready_last < 0:
        run.ready_first = a
    else:
        w.attempts[run.ready_last].next = a
    run.ready_last = a


def take_ready(w: World) -> int:
    """The first attempt of the ready list, or -1: for a bench that drives a driver's rules alone.
    No rule: engines have `client.request.settle` take them up."""
    run = w.run
    a = run.ready_first
    if a >= 0:
        run.ready_first = w.attempts[a].next
        if run.ready_first < 0:
            run.ready_last = -1
        w.attempts[a].next = -1
    return a
