"""Stream ids of a connection, and which attempt holds each.

A connection's ids live in one stretch of the table `streams`, which doubles as far as its limit
when it needs more. A taken id holds its attempt; free ids form a list through the same entries
(-2 - next, so that they are negative). Ids are unique because an id is either in the free list or
held. Which free id is taken makes no difference to any driver's decision; the last one freed is.
"""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule

FIRST_ROOM = 8


@rule
def take_stream(w: World, c: int, a: int) -> int:
    """Take a free stream id of connection `c` for attempt `a`; -1 where every id is taken."""
    connection = w.connections[c]
    stream = connection.stream_free
    if stream >= 0:
        entry = connection.stream_first + stream
        connection.stream_free = -2 - w.streams[entry]
        w.streams[entry] = a
        return stream
    stream = connection.stream_high
    if stream >= connection.stream_limit:
        return -1
    if stream >= connection.stream_room:
        _make_room(w, c)
    connection.stream_high = stream + 1
    w.streams[connection.stream_first + stream] = a
    return stream


@rule
def free_stream(w: World, c: int, stream: int) -> None:
    """Give a stream id back."""
    connection = w.connections[c]
    w.streams[connection.stream_first + stream] = -2 - connection.stream_free
    connection.stream_free = stream


@rule
def _make_room(w: World, c: int) -> None:
    connection = w.connections[c]
    room = connection.stream_room * 2
    if room < FIRST_ROOM:
        room = FIRST_ROOM
    first = w.add_streams(room)
    for stream in range(connection.stream_high):
        w.streams[first + stream] = w.streams[connection.stream_first + stream]
    connection.stream_first = first
    connection.stream_room = room
