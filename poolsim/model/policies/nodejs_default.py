"""The Node.js driver's default policy: how it arranges the replicas of a key.

Source: datastax/nodejs-driver@v4.8.0:lib/, below `JS/`. DefaultLoadBalancingPolicy
(JS/policies/load-balancing.js:598-817) offers the local replicas that are up, then the other local
hosts by round robin; without a routing key only the latter. The replicas are shuffled. Three or
more of them are rearranged (:670-735):

- The one that came back last, within a minute, goes to the end three times out of four if the
  shuffle put it first or second.
- Otherwise, if some but fewer than n // 2 + 1 are unhealthy, they change places with the last ones.
  Unhealthy is a host with ten requests in flight, orphans included, that in the present 200 ms and
  the 200 ms before it answered no more than one (:760-762, JS/host.js:27, 268-271, 336-339). An
  answer is whatever ended an operation but for a break: a timeout, too (JS/connection.js:526-533).
- Then the second changes places with the first if it has fewer in flight.

What a plan needs to know of time it takes from the instant at which its request entered the driver.
With more than 15 replicas in a datacenter they are only shuffled (in no cluster that is known).
"""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.records import LOCAL, Host, extends
from poolsim.model.rule import rule

MILLISECOND = 1_000_000
NEWLY_UP = 60_000 * MILLISECOND
WINDOW = 200 * MILLISECOND
BUSY = 10
"""Requests in flight from which a host that answers nothing is unhealthy."""
FEWEST_ANSWERS = 1
"""An unhealthy host has no more answers than this."""

MOST_ARRANGED = 15
_BITS = 4
_MASK = (1 << _BITS) - 1


@extends(Host)
class JudgedHost:
    """What the policy knows of a host besides."""

    up_since: int = -1  # when it last came back
    window: int = 0  # the number of the present 200 ms
    answers: int = 0  # in it
    answers_before: int = 0  # in the one before


@rule
def note_answer(w: World, p: int, now: int) -> None:
    """An operation on the host of pool `p` ended, but not by a break."""
    host = w.hosts[p]
    if host.window != now // WINDOW:
        _turn_window(w, p, now)
    host.answers += 1


@rule
def _turn_window(w: World, p: int, now: int) -> None:
    """Begin the present window of a host's count."""
    host = w.hosts[p]
    window = now // WINDOW
    host.answers_before = 0
    if host.window + 1 == window:
        host.answers_before = host.answers
    host.answers = 0
    host.window = window


@rule
def _is_healthy(w: World, p: int, now: int) -> bool:
    if w.pools[p].in_flight < BUSY:
        return True
    host = w.hosts[p]
    if host.window != now // WINDOW:
        _turn_window(w, p, now)
    healthy: bool = host.answers + host.answers_before > FEWEST_ANSWERS
    return healthy


@rule
def _at(order: int, place: int) -> int:
    """What stands at a place of an order: the number of a replica."""
    return (order >> (_BITS * place)) & _MASK


@rule
def _exchange(order: int, one: int, other: int) -> int:
    """An order with two places exchanged."""
    difference = _at(order, one) ^ _at(order, other)
    return order ^ (difference << (_BITS * one)) ^ (difference << (_BITS * other))


@rule
def arrange_replicas(w: World, r: int) -> None:
    """Put the replicas of a request's key in order: `plan_used` of them, four bits each in
    `plan_code`, which held a number that was drawn."""
    request = w.requests[r]
    client = w.clients[request.client]
    if client.replication > MOST_ARRANGED:
        return
    now = request.issued
    first = client.replica_first + request.plan_key * client.replication
    hosts = request.session * w.run.nodes
    count = 0
    order = 0
    newest = -1
    newest_since = -1
    unhealthy = 0
    for k in range(client.replication):
        p = hosts + w.replicas[first + k]
        host = w.hosts[p]
        if host.up == 1 and host.distance == LOCAL:
            since = host.up_since
            if since >= 0 and now - since < NEWLY_UP and since > newest_since:
                newest = k
                newest_since = since
            if newest < 0 and not _is_healthy(w, p, now):
                unhealthy += 1
            order |= k << (_BITS * count)
            count += 1
    code = request.plan_code
    for i in range(count - 1, 0, -1):
        order = _exchange(order, i, code % (i + 1))
        code //= i + 1
    if count >= 3:
        order = _rearrange(w, r, order, count, newest, unhealthy, code)
    request.plan_code = order
    request.plan_used = count


@rule
def _rearrange(
    w: World, r: int, order: int, count: int, newest: int, unhealthy: int, code: int
) -> int:
    """Three or more replicas: the newest, the unhealthy ones, the lighter of the first two."""
    if newest >= 0:
        if code % 4 >= 1:
            for place in range(2):
                if _at(order, place) == newest:
                    return _lighter_first(w, r, _exchange(order, place, count - 1))
    elif 0 < unhealthy < count // 2 + 1:
        order = _unhealthy_last(w, r, order, count, unhealthy)
    return _lighter_first(w, r, order)


@rule
def _replica(w: World, r: int, k: int) -> int:
    """The pool of the k-th replica of a request's key."""
    request = w.requests[r]
    client = w.clients[request.client]
    first = client.replica_first + request.plan_key * client.replication
    p: int = request.session * w.run.nodes + w.replicas[first + k]
    return p


@rule
def _unhealthy_last(w: World, r: int, order: int, count: int, unhealthy: int) -> int:
    now = w.requests[r].issued
    moved = 0
    for i in range(count - 1, -1, -1):
        if moved < unhealthy and not _is_healthy(w, _replica(w, r, _at(order, i)), now):
            place = count - 1 - moved
            if place != i:
                order = _exchange(order, i, place)
            moved += 1
    return order


@rule
def _lighter_first(w: World, r: int, order: int) -> int:
    first = w.pools[_replica(w, r, _at(order, 0))]
    second = w.pools[_replica(w, r, _at(order, 1))]
    if second.in_flight < first.in_flight:
        order = _exchange(order, 0, 1)
    return order


@rule
def next_arranged(w: World, r: int) -> int:
    """The next replica of the order, whether it is up or not, or -1."""
    request = w.requests[r]
    while request.plan_step < request.plan_used:
        k = _at(request.plan_code, request.plan_step)
        request.plan_step += 1
        # A node has left since the order was made, and the key has fewer replicas. The others are
        # taken as they are listed now, so that one may come twice and one not at all: the driver's
        # plan holds the hosts themselves (not modelled: it takes a retry in that very moment).
        if k < w.clients[request.client].replication:
            return _replica(w, r, k)
    return -1
