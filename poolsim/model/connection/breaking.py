"""What becomes of the attempts on a connection that breaks or is closed by force."""

from __future__ import annotations

from poolsim.model.connection.ready import make_ready
from poolsim.model.connection.streams import free_stream
from poolsim.model.primitives import World
from poolsim.model.records import FAILED, IN_FLIGHT, STEP_FAILED
from poolsim.model.rule import rule
from poolsim.model.slots import finish_attempt


@rule
def fail_attempts(w: World, c: int, error: int) -> int:
    """Take every attempt off a connection. Requests get `error`; orphans and heartbeats end.

    Returns how many attempts were in flight. What a node still works on, it works on in vain.
    """
    connection = w.connections[c]
    failed = 0
    for stream in range(connection.stream_high):
        a = w.streams[connection.stream_first + stream]
        if a >= 0:
            attempt = w.attempts[a]
            free_stream(w, c, stream)
            attempt.stream = -1
            if attempt.state == IN_FLIGHT:
                failed += 1
                attempt.state = FAILED
                attempt.error = error
                make_ready(w, a, STEP_FAILED)
            else:
                finish_attempt(w, a)
    connection.orphans = 0
    return failed
