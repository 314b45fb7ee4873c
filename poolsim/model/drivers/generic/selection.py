"""Which connection of a pool a request is given (002:206-212).

least_loaded: the fewest in flight, sent and queued together, of equals the oldest. round_robin:
each in turn. random: any. by_shard: the least loaded of those that belong to the shard of the
request's key; where that shard has none, of all. A connection that joins the pool belongs to the
shard with the fewest, of equals the first. (The document has the first three. The fourth is what
drivers for servers with a shard per core do: scylladb/scylla-rust-driver@v1.8.0:
scylla/src/network/connection_pool.rs:320-410.) The selection does not look whether the connection
takes the request. A retry leaves out the connection that it is to avoid.
"""

from __future__ import annotations

from poolsim.model.drivers.generic.fields import BY_SHARD, LEAST_LOADED, RANDOM
from poolsim.model.primitives import NEVER, World
from poolsim.model.rule import rule

ANY_SHARD = -1


@rule
def select(w: World, p: int, a: int) -> int:
    """The connection for an attempt, or -1 where the pool has none for it."""
    pool = w.pools[p]
    attempt = w.attempts[a]
    avoid = attempt.avoid
    client = w.clients[w.sessions[pool.session].client]
    if client.selection == LEAST_LOADED:
        return least_loaded(w, p, ANY_SHARD, avoid)
    if client.selection == BY_SHARD:
        shard = w.draw(client.shard_lane, w.requests[attempt.request].number, 0)
        c = least_loaded(w, p, shard, avoid)
        if c < 0:
            c = least_loaded(w, p, ANY_SHARD, avoid)
        return c
    count = pool.active
    if avoid >= 0 and _is_listed(w, p, avoid):
        count -= 1
    if count == 0:
        return -1
    if client.selection == RANDOM:
        request = w.requests[attempt.request]
        place = w.draw(client.selection_lane, request.number, request.attempts) % count
    else:
        place = pool.selected % count
        pool.selected += 1
    return _at_place(w, p, place, avoid)


@rule
def least_loaded(w: World, p: int, shard: int, avoid: int) -> int:
    """The connection with the fewest requests sent and queued, of a shard or of all; or -1."""
    chosen = -1
    fewest = NEVER
    c = w.pools[p].first
    while c >= 0:
        connection = w.connections[c]
        load = connection.in_flight + connection.queued
        if load < fewest and c != avoid and (shard == ANY_SHARD or connection.shard == shard):
            chosen = c
            fewest = load
        c = connection.next
    return chosen


@rule
def _is_listed(w: World, p: int, wanted: int) -> bool:
    c = w.pools[p].first
    while c >= 0 and c != wanted:
        c = w.connections[c].next
    listed: bool = c >= 0
    return listed


@rule
def _at_place(w: World, p: int, place: int, avoid: int) -> int:
    """The connection at a place of the pool's list, without the one to avoid."""
    c = w.pools[p].first
    while True:
        if c != avoid:
            if place == 0:
                return c
            place -= 1
        c = w.connections[c].next


@rule
def shard_for(w: World, p: int) -> int:
    """The shard that a connection about to join the pool belongs to."""
    shards = w.clients[w.sessions[w.pools[p].session].client].shards
    chosen = 0
    fewest = NEVER
    for shard in range(shards):
        count = 0
        c = w.pools[p].first
        while c >= 0:
            if w.connections[c].shard == shard:
                count += 1
            c = w.connections[c].next
        if count < fewest:
            chosen = shard
            fewest = count
    return chosen
