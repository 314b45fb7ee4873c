"""How long to wait before the next reconnection attempt.

exponential: `min(base * 2**i, max)` for i = 0, 1, … (java3: no jitter,
datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/policies/ExponentialReconnectionPolicy.java:95-100).
The Python driver multiplies by a whole percentage drawn from 85 to 115 and clamps the product to
[base, max] (apache/cassandra-python-driver@3.29.3:cassandra/policies.py:706-709).
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
    client = w.clients[w.sessions[w.pools[p].session].client]
    base = client.reconnection_base
    maximum = client.reconnection_max
    delay = reconnection_delay(client.reconnection, base, maximum, i)
    if client.reconnection_jitter >= 0:
        down = w.hosts[p].times_down
        parts = w.draw(client.reconnection_jitter, p, down * 64 + i)
        delay = delay * parts // client.reconnection_jitter_parts
        if client.reconnection_clamped == 1:
            if delay < base:
                delay = base
            if delay > maximum:
                delay = maximum
    return delay
