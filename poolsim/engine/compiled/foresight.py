"""Brings into the processor's cache what the requests that are due soon will touch.

In a fleet of many thousand pools each request meets a pool, a connection and a stream that nobody
has touched for a while, one after the other, and would wait for memory three times. When requests
will be due is known beforehand, and mostly so is the pool that each will try first: the numbers
that decide are drawn by request. So, whenever a request is due, the pool of the third one behind it
is fetched, the connection of the second one's, and the stream of the next one's.

A guess that is wrong costs a little time and changes nothing: nothing here writes. What a driver
keeps otherwise than these rules expect may make a guess that is no row, so those are left alone.
"""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="call-arg, no-untyped-call, untyped-decorator"

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from poolsim.engine.compiled.layout import SLOTS_A_LANE
from poolsim.engine.compiled.world_type import prefetch, value_at
from poolsim.engine.draws import BLOCK_BITS, BLOCK_MASK
from poolsim.machine_code.linking import PART

MANY_POOLS = 2000
"""Pools that do not stay in the processor's cache by themselves."""


@register_jitable(**PART)
def _at_hand(w: Any, lane: Any, number: Any) -> Any:
    """A request's first draw if it is at hand, else -1."""
    block = number >> BLOCK_BITS
    slot = w.draw_slots[lane * SLOTS_A_LANE + (block & 1)]
    if slot.block != block or slot.attempt != 0:
        return -1
    return value_at(slot.address, number & BLOCK_MASK)


@register_jitable(**PART)
def _first_pool(w: Any, k: Any, number: Any) -> Any:
    """The pool that a request of client `k` will probably try first, or -1."""
    client = w.clients[k]
    s = client.first_session
    if client.instances > 1:
        instance = number % client.instances
        if client.instance_of >= 0:
            instance = _at_hand(w, client.instance_of, number)
            if instance < 0:
                return -1
        s += instance
    run = w.run
    if client.token_aware == 1:
        key = 0
        choice = 0
        if client.key >= 0:
            key = _at_hand(w, client.key, number)
        if client.shuffle == 1:
            choice = _at_hand(w, client.plan, number)
        if key < 0 or choice < 0:
            return -1
        place = client.replica_first + key * client.replication + choice % client.replication
        if place >= len(w.replicas):
            return -1
        return s * run.nodes + w.replicas[place]
    rotation = w.rotations[s * run.datacenters + client.rotation]
    place = rotation.first
    if rotation.count > 0:
        place += w.sessions[s].turn % rotation.count
    if place >= len(w.rotation_nodes):
        return -1
    return s * run.nodes + w.rotation_nodes[place]


@register_jitable(**PART)
def _first_connection(w: Any, p: Any) -> Any:
    """The first connection of a pool, or -1; so it is for what is no pool."""
    if p < 0 or p >= len(w.pools):
        return -1
    c = w.pools[p].first
    if c >= len(w.connections):
        return -1
    return c


@register_jitable(**PART)
def foresee(w: Any, k: Any) -> None:
    """A request of client `k` is due: fetch what the next ones will need."""
    number = w.clients[k].next_number + 1
    prefetch(w.pools, _first_pool(w, k, number + 2))
    c = _first_connection(w, _first_pool(w, k, number + 1))
    if c >= 0:
        prefetch(w.connections, c)
    c = _first_connection(w, _first_pool(w, k, number))
    if c >= 0:
        connection = w.connections[c]
        stream = connection.stream_free
        if stream < 0:
            stream = connection.stream_high
        prefetch(w.streams, connection.stream_first + stream)
