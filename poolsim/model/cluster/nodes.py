"""A node: FIFO workers that take attempts in the order of their arrival.

Two ways to the same result, chosen once per node by `finish_is_known`. Where every sender has the
same constant delay to the node and reading a response costs no time, the finish of an attempt is
known when it is sent (the earliest free worker takes it: Kiefer and Wolfowitz), so it costs one
agenda entry, its response. Otherwise it enters the node when it arrives and leaves it when its
worker is done: two more entries.

`change` is the one door for whatever happens to a node. It settles how much work each attempt has
left and plans the rest anew under the new state. Work is counted in nominal nanoseconds; a slow
node stretches it by `factor` thousandths, rounded down, in both ways alike.

Attempts that reach a node in the same instant are served in the order in which they were sent.
"""

from __future__ import annotations

from poolsim.model.connection.wires import write_in_vain
from poolsim.model.kinds import (
    NODE_ARRIVAL,
    NODE_DONE,
    RESPONSE,
    RESPONSE_READ,
    RESPONSE_STEP,
)
from poolsim.model.primitives import NEVER, Record, World
from poolsim.model.records import NODE_DOWN, NODE_RUNNING, WIRE_CLOSING
from poolsim.model.rule import handles, rule
from poolsim.model.slots import drop_attempt
from poolsim.model.sorting import sort_by_rank

SEQUENCE_BITS = 42
"""How many attempts can be sent to a node: in ties the node comes first, then their order."""

NOMINAL = 1000
"""The factor of a node at its ordinary speed."""


@rule
def finish_is_known(smallest_delay: int, largest_delay: int, largest_read_cost: int) -> int:
    """1 where an attempt's finish can be computed when it is sent, from what is known of all
    senders to the node: their one-way delays and costs of reading a response, in ns."""
    if smallest_delay == largest_delay and largest_read_cost == 0:
        return 1
    return 0


@rule
def receive(w: World, n: int, a: int, sent_at: int) -> None:
    """An attempt was written at `sent_at` on an open connection and travels to the node."""
    node = w.nodes[n]
    attempt = w.attempts[a]
    delay = w.pools[attempt.pool].delay
    attempt.node = n
    attempt.arrives = sent_at + delay
    if node.state >= NODE_DOWN or w.connections[attempt.connection].wire >= WIRE_CLOSING:
        write_in_vain(w, attempt.connection, sent_at)
        return  # what is sent now arrives nowhere, though its client has yet to notice
    attempt.sequence = node.sent
    node.sent += 1
    if node.recursive == 0:
        attempt.version = node.version
        attempt.running = 0
        attempt.holds += 1
        order = (n << SEQUENCE_BITS) | attempt.sequence
        w.schedule(attempt.arrives, NODE_ARRIVAL, order, a)
        return
    attempt.at_node = 1
    attempt.holds += 1
    if node.state == NODE_RUNNING:
        _plan(w, n, node, attempt, a, delay)
    else:
        attempt.starts = NEVER
        attempt.finishes = NEVER


@rule
def leave(w: World, a: int) -> None:
    """The attempt has left its node."""
    attempt = w.attempts[a]
    attempt.at_node = 0
    attempt.holds -= 1
    node = w.nodes[attempt.node]
    if node.recursive == 1:
        return
    before = attempt.node_previous
    after = attempt.node_next
    if before < 0:
        node.first = after
    else:
        w.attempts[before].node_next = after
    if after < 0:
        node.last = before
    else:
        w.attempts[after].node_previous = before


@rule
def _append(w: World, n: int, a: int) -> None:
    node = w.nodes[n]
    attempt = w.attempts[a]
    attempt.at_node = 1
    attempt.holds += 1
    last = node.last
    attempt.node_previous = last
    attempt.node_next = -1
    if last < 0:
        node.first = a
    else:
        w.attempts[last].node_next = a
    node.last = a


@rule
def _plan(w: World, n: int, node: Record, attempt: Record, a: int, delay: int) -> None:
    """Give the attempt to the earliest free worker and schedule its response."""
    start = node.earliest
    if start < attempt.arrives:
        start = attempt.arrives
    finish = start + attempt.remaining
    if node.factor != NOMINAL:
        finish = start + attempt.remaining * node.factor // NOMINAL
    attempt.starts = start
    attempt.finishes = finish
    node.earliest = w.occupy(n, finish)
    due = finish + delay
    if due != attempt.due:
        attempt.due = due
        attempt.holds += 1
        w.schedule(due, RESPONSE, attempt.order, a)


@handles(NODE_ARRIVAL)
def arrive(w: World, a: int, now: int) -> None:
    """An attempt reaches its node; a worker takes it or it waits."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    node = w.nodes[attempt.node]
    if node.state >= NODE_DOWN or attempt.version != node.version:
        drop_attempt(w, a)
        return
    _append(w, attempt.node, a)
    if node.state == NODE_RUNNING and node.idle > 0:
        _begin(w, a, now)
    elif node.waiting < 0:
        node.waiting = a


@rule
def _begin(w: World, a: int, now: int) -> None:
    """A worker begins an attempt, or goes on with one that a change of the node interrupted."""
    attempt = w.attempts[a]
    node = w.nodes[attempt.node]
    if attempt.running == 0:
        attempt.running = 1
        attempt.starts = now
        node.idle -= 1
    finish = now + attempt.remaining * node.factor // NOMINAL
    attempt.finishes = finish
    attempt.holds += 1
    w.schedule(finish, NODE_DONE, attempt.order, a)


@handles(NODE_DONE)
def complete(w: World, a: int, now: int) -> None:
    """A worker finishes an attempt: the response leaves, the next one begins."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    if attempt.at_node == 0 or attempt.running == 0 or attempt.finishes != now:
        drop_attempt(w, a)
        return
    n = attempt.node
    node = w.nodes[n]
    attempt.running = 0
    leave(w, a)
    pool = w.pools[attempt.pool]
    attempt.due = now + pool.delay
    attempt.holds += 1
    client = w.clients[w.sessions[pool.session].client]
    if client.read_cost < 0:
        w.schedule(attempt.due, RESPONSE_STEP, attempt.order, a)
    elif client.read_cost + client.crosstalk > 0:
        w.schedule(attempt.due, RESPONSE_READ, attempt.order, a)
    else:
        w.schedule(attempt.due, RESPONSE, attempt.order, a)
    node.idle += 1
    _begin_waiting(w, n, now)


@rule
def _begin_waiting(w: World, n: int, now: int) -> None:
    node = w.nodes[n]
    while node.idle > 0 and node.waiting >= 0:
        a = node.waiting
        node.waiting = w.attempts[a].node_next
        _begin(w, a, now)


@rule
def change(w: World, n: int, state: int, factor: int, now: int) -> None:
    """The node becomes running, paused, down or silent, at `factor` thousandths of nominal service
    time.

    What is finished by now has left it. Going down or silent drops everything else and starts a
    new version: what is still on its way from before is dropped when it arrives.
    """
    if w.nodes[n].recursive == 1:
        _change_recursive(w, n, state, factor, now)
        return
    node = w.nodes[n]
    running = node.state == NODE_RUNNING
    a = node.first
    while a >= 0:
        attempt = w.attempts[a]
        after = attempt.node_next
        if running and attempt.running == 1:
            attempt.remaining = (attempt.finishes - now) * NOMINAL // node.factor
        attempt.finishes = NEVER
        if state >= NODE_DOWN:
            _drop(w, a)
        a = after
    node.state = state
    node.factor = factor
    if state >= NODE_DOWN:
        node.version += 1
        node.waiting = -1
        node.idle = node.workers
    elif state == NODE_RUNNING:
        a = node.first
        while a >= 0:
            if w.attempts[a].running == 1:
                _begin(w, a, now)
            a = w.attempts[a].node_next
        _begin_waiting(w, n, now)


@rule
def _change_recursive(w: World, n: int, state: int, factor: int, now: int) -> None:
    """Plan anew, in the order in which they were sent, the attempts that are not finished."""
    node = w.nodes[n]
    running = node.state == NODE_RUNNING
    first = -1
    for a in range(len(w.attempts)):
        attempt = w.attempts[a]
        if attempt.at_node == 1 and attempt.node == n and attempt.finishes > now:
            if running and attempt.starts <= now:
                attempt.remaining = (attempt.finishes - now) * NOMINAL // node.factor
            attempt.rank = attempt.sequence
            attempt.sort_next = first
            first = a
    node.state = state
    node.factor = factor
    if state >= NODE_DOWN:
        node.version += 1
    w.free_workers(n, now)
    node.earliest = now
    a = sort_by_rank(w, first)
    while a >= 0:
        attempt = w.attempts[a]
        after = attempt.sort_next
        if state == NODE_RUNNING:
            _plan(w, n, node, attempt, a, w.pools[attempt.pool].delay)
        else:
            attempt.starts = NEVER
            attempt.finishes = NEVER
            attempt.due = -1
            if state >= NODE_DOWN:
                _drop(w, a)
        a = after


@rule
def _drop(w: World, a: int) -> None:
    """The node dies or falls silent with this attempt in it: there will be no response."""
    attempt = w.attempts[a]
    attempt.running = 0
    attempt.due = -1
    leave(w, a)
    drop_attempt(w, a)
