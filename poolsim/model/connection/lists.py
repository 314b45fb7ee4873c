"""The two lists of a pool: active connections in the driver's order, and trashed ones."""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def append_active(w: World, p: int, c: int) -> None:
    """Put a connection at the end of its pool's active ones."""
    pool = w.pools[p]
    connection = w.connections[c]
    connection.previous = pool.last
    connection.next = -1
    if pool.last < 0:
        pool.first = c
    else:
        w.connections[pool.last].next = c
    pool.last = c
    pool.active += 1


@rule
def remove_active(w: World, p: int, c: int) -> None:
    """Take a connection out of its pool's active ones."""
    pool = w.pools[p]
    connection = w.connections[c]
    if connection.previous < 0:
        pool.first = connection.next
    else:
        w.connections[connection.previous].next = connection.next
    if connection.next < 0:
        pool.last = connection.previous
    else:
        w.connections[connection.next].previous = connection.previous
    connection.next = -1
    connection.previous = -1
    pool.active -= 1


@rule
def append_trash(w: World, p: int, c: int) -> None:
    """Put a connection at the end of its pool's trash."""
    pool = w.pools[p]
    connection = w.connections[c]
    connection.previous = pool.trash_last
    connection.next = -1
    if pool.trash_last < 0:
        pool.trash_first = c
    else:
        w.connections[pool.trash_last].next = c
    pool.trash_last = c
    pool.trashed += 1


@rule
def remove_trash(w: World, p: int, c: int) -> None:
    """Take a connection out of its pool's trash."""
    pool = w.pools[p]
    connection = w.connections[c]
    if connection.previous < 0:
        pool.trash_first = connection.next
    else:
        w.connections[connection.previous].next = connection.next
    if connection.next < 0:
        pool.trash_last = connection.previous
    else:
        w.connections[connection.next].previous = connection.previous
    connection.next = -1
    connection.previous = -1
    pool.trashed -= 1
