"""How long to wait before the next reconnection attempt.

exponential: `min(base * 2**i, max)` for i = 0, 1, … (java3: no jitter,
datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/policies/ExponentialReconnectionPolicy.java:95-100).
The Python driver multiplies by a whole percentage drawn from 85 to 115 and clamps the product to
[base, max] (apache/cassandra-python-driver@3.29.3:cassandra/policies.py:706-709).
The Node.js driver spreads a delay of base over 100 to 115 %, one of max over 85 to 100 %, others
over 85 to 115 %, in whole milliseconds, and can begin with no delay, after which base is one of the
others (datastax/nodejs-driver@v4.8.0:lib/policies/reconnection.js:99-142).
constant: always base.

Beside each driver's own jitter there are three that any policy may be given: none; 15%, by the
Python driver's rule; full, a delay that is uniform between 0 and what the policy says (Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015). 15% of an exponential policy is
clamped as the drivers do it, so half of the first delays are exactly base, and half of those at the
limit exactly max; a constant policy and full jitter have nothing to be clamped to.
"""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule

EXPONENTIAL = 0
CONSTANT = 1
RECONNECTION_NAMES = ("exponential", "constant")

FIFTEEN_PERCENT = (85, 115)
"""Of a delay, in whole percent, as the drivers that have such a jitter draw it."""
PERCENT = 100
FULL = (1, 1_000_000)
MILLIONTHS = 1_000_000
"""Full jitter spreads ten minutes over steps of 0.6 ms: a fleet must not meet on a coarse grid."""

SPREAD = 2
"""`Client.reconnection_clamped` where the delay decides what it is spread over (Node.js)."""
SPREAD_PARTS = (0, MILLIONTHS - 1)
"""Of what a delay is spread over, as drawn there."""
_LOWEST, _NARROW, _WIDE = 850_000, 150_000, 300_000
"""In millionths of a delay: the least of it, and how much more there can be."""
_MILLISECOND = 1_000_000


@rule
def reconnection_delay(kind: int, base: int, maximum: int, i: int) -> int:
    """Delay in ns before attempt `i` (from 0) without jitter."""
    if kind == CONSTANT:
        return base
    delay = base
    for _ in range(i):
        if delay >= maximum:
            break
        delay *= 2
    if delay > maximum:
        delay = maximum
    return delay


@rule
def next_delay(w: World, p: int, i: int) -> int:
    """Delay in ns before attempt `i` (from 0) to the host of pool `p`, with jitter if there is."""
    k = w.sessions[w.pools[p].session].client
    return drawn_delay(w, k, i, p, w.hosts[p].times_down * 64 + i)


@rule
def drawn_delay(w: World, k: int, i: int, number: int, attempt: int) -> int:
    """Delay in ns before attempt `i` (from 0) of a schedule of client `k`; its jitter, if there is
    any, is drawn at (`number`, `attempt`)."""
    client = w.clients[k]
    base = client.reconnection_base
    maximum = client.reconnection_max
    if client.reconnection_no_delay == 1:
        i -= 1
        if i < 0:
            return 0
    delay = reconnection_delay(client.reconnection, base, maximum, i)
    if client.reconnection_jitter >= 0:
        parts = w.draw(client.reconnection_jitter, number, attempt)
        if client.reconnection_clamped == SPREAD:
            return _spread(delay, parts, base, maximum, client.reconnection_no_delay)
        delay = delay * parts // client.reconnection_jitter_parts
        if client.reconnection_clamped == 1:
            if delay < base:
                delay = base
            if delay > maximum:
                delay = maximum
    return delay


@rule
def _spread(delay: int, parts: int, base: int, maximum: int, no_delay: int) -> int:
    """A delay with the Node.js driver's jitter; `parts` in millionths of what it is spread over."""
    least, width = spread_of(delay, base, maximum, no_delay)
    share = least + width * parts // MILLIONTHS
    return delay // _MILLISECOND * share // MILLIONTHS * _MILLISECOND


@rule
def spread_of(delay: int, base: int, maximum: int, no_delay: int) -> tuple[int, int]:
    """What the Node.js driver spreads a delay over: the least of it, and how much more there can
    be, in millionths."""
    if delay == base and no_delay == 0:
        return MILLIONTHS, _NARROW
    if delay == maximum:
        return _LOWEST, _NARROW
    return _LOWEST, _WIDE
