"""What a driver does step by step itself between its connections and the application."""

from __future__ import annotations

from poolsim.model.drivers.ports import flush_due, response_step
from poolsim.model.kinds import FLUSH, RESPONSE_STEP
from poolsim.model.primitives import World
from poolsim.model.rule import handles
from poolsim.model.slots import drop_connection


@handles(RESPONSE_STEP)
def step(w: World, a: int, now: int) -> None:
    """A response has come to its next step within the client."""
    response_step(w, a, now)


@handles(FLUSH)
def flush(w: World, c: int, now: int) -> None:
    """A connection's write buffer may be flushed."""
    w.connections[c].holds -= 1
    flush_due(w, c, now)
    drop_connection(w, c)
