"""Which stream id a request takes (002:107-149).

pooled: the last id that was freed, else one never used: any free id will do. sequential: the
document's 1, 2, 3, … to the last one, then from the first again (which is 0 here, as in the
protocol); where the next id is still taken, by a request whose response never came, nothing is
allocated until it is free, though others are (002:136-141).
"""

from __future__ import annotations

from poolsim.model.connection.streams import free_stream, take_stream
from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def has_stream(w: World, c: int) -> bool:
    """Whether the connection can allocate a stream id now."""
    connection = w.connections[c]
    if connection.stream_high < connection.stream_limit:
        return True
    if connection.sequential == 0:
        pooled: bool = connection.stream_free >= 0
        return pooled
    in_sequence: bool = w.streams[connection.stream_first + connection.next_stream] < 0
    return in_sequence


@rule
def allocate(w: World, c: int, a: int) -> int:
    """Take the next stream id for attempt `a`; -1 where there is none to be had."""
    connection = w.connections[c]
    if connection.sequential == 0 or connection.stream_high < connection.stream_limit:
        return take_stream(w, c, a)
    stream: int = connection.next_stream
    entry = connection.stream_first + stream
    if w.streams[entry] >= 0:
        return -1
    w.streams[entry] = a
    connection.next_stream = stream + 1
    if connection.next_stream == connection.stream_limit:
        connection.next_stream = 0
    return stream


@rule
def release(w: World, c: int, stream: int) -> None:
    """Give a stream id back."""
    free_stream(w, c, stream)
    forget_free_list(w, c)


@rule
def forget_free_list(w: World, c: int) -> None:
    """Ids in sequence are free where they stand: a list of them would be in the way."""
    connection = w.connections[c]
    if connection.sequential == 1:
        connection.stream_free = -1
