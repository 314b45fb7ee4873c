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

from poolsim.model.kinds import NODE_ARRIVAL, NODE_DONE, RESPONSE, RESPONSE_READ
from poolsim.model.primitives import NEVER, World, schedule
from poolsim.model.records import NODE_DOWN, NODE_RUNNING
from poolsim.model.rule import handles, rule
from poolsim.model.slots import drop_attempt

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
    attempt.node = n
    arrives = sent_at + w.pools[attempt.pool].delay
    attempt.arrives = arrives
    attempt.remaining = attempt.service
    attempt.version = node.version
    attempt.running = 0
    if node.state == NODE_DOWN or w.connections[attempt.connection].lost_at >= 0:
        return  # the connection is broken already, its client has yet to notice
    if node.recursive == 0:
        attempt.holds += 1
        schedule(w, arrives, NODE_ARRIVAL, node.sent, a)
        node.sent += 1
        return
    _append(w, n, a)
    if node.state == NODE_RUNNING:
        _plan(w, n, a)
    else:
        attempt.starts = NEVER
        attempt.finishes = NEVER


@rule
def leave(w: World, a: int) -> None:
    """The attempt is no longer in its node's list."""
    attempt = w.attempts[a]
    if attempt.at_node == 0:
        return
    attempt.at_node = 0
    attempt.holds -= 1
    node = w.nodes[attempt.node]
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
def _plan(w: World, n: int, a: int) -> None:
    """Give the attempt to the earliest free worker and schedule its response."""
    node = w.nodes[n]
    attempt = w.attempts[a]
    workers = w.workers
    root = node.first_worker
    start = workers[root]
    if start < attempt.arrives:
        start = attempt.arrives
    work = attempt.remaining
    if node.factor != NOMINAL:
        work = work * node.factor // NOMINAL
    finish = start + work
    attempt.starts = start
    attempt.finishes = finish
    due = finish + w.pools[attempt.pool].delay
    if due != attempt.due:
        attempt.due = due
        attempt.holds += 1
        schedule(w, due, RESPONSE, attempt.order, a)
    # The root of the heap of free instants is replaced and sinks to its place.
    count = node.workers
    i = 0
    child = 1
    while child < count:
        right = child + 1
        if right < count and workers[root + right] < workers[root + child]:
            child = right
        if workers[root + child] >= finish:
            break
        workers[root + i] = workers[root + child]
        i = child
        child = 2 * i + 1
    workers[root + i] = finish


@handles(NODE_ARRIVAL)
def arrive(w: World, a: int, now: int) -> None:
    """An attempt reaches its node; a worker takes it or it waits."""
    attempt = w.attempts[a]
    attempt.holds -= 1
    node = w.nodes[attempt.node]
    if node.state == NODE_DOWN or attempt.version != node.version:
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
    schedule(w, finish, NODE_DONE, attempt.order, a)


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
    if w.clients[w.sessions[pool.session].client].read_cost > 0:
        schedule(w, attempt.due, RESPONSE_READ, attempt.order, a)
    else:
        schedule(w, attempt.due, RESPONSE, attempt.order, a)
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
    """The node becomes running, paused or down, at `factor` thousandths of nominal service time.

    What is finished by now has left it. Going down drops everything else and starts a new version:
    what is still on its way from before is dropped when it arrives.
    """
    node = w.nodes[n]
    _settle(w, n, now)
    node.state = state
    node.factor = factor
    if state == NODE_DOWN:
        node.version += 1
        _clear(w, n, now)
    if node.recursive == 1:
        for k in range(node.workers):
            w.workers[node.first_worker + k] = now
        a = node.first
        while a >= 0:
            attempt = w.attempts[a]
            if attempt.finishes > now:
                if state == NODE_RUNNING:
                    _plan(w, n, a)
                else:
                    attempt.starts = NEVER
                    attempt.finishes = NEVER
                    attempt.due = -1
            a = attempt.node_next
        return
    if state != NODE_RUNNING:
        return
    a = node.first
    while a >= 0:
        if w.attempts[a].running == 1:
            _begin(w, a, now)
        a = w.attempts[a].node_next
    _begin_waiting(w, n, now)


@rule
def _settle(w: World, n: int, now: int) -> None:
    """Bring `remaining` of every attempt that a worker has begun up to now."""
    node = w.nodes[n]
    if node.state != NODE_RUNNING:
        return
    a = node.first
    while a >= 0:
        attempt = w.attempts[a]
        begun = attempt.running == 1 or (node.recursive == 1 and attempt.starts <= now)
        if begun and attempt.finishes > now:
            attempt.remaining = (attempt.finishes - now) * NOMINAL // node.factor
            if node.recursive == 0:
                attempt.finishes = NEVER
        a = attempt.node_next


@rule
def _clear(w: World, n: int, now: int) -> None:
    """Drop every attempt that is not finished by now."""
    node = w.nodes[n]
    a = node.first
    while a >= 0:
        attempt = w.attempts[a]
        after = attempt.node_next
        if node.recursive == 0 or attempt.finishes > now:
            attempt.running = 0
            attempt.due = -1
            leave(w, a)
            drop_attempt(w, a)
        a = after
    node.waiting = -1
    node.idle = node.workers
