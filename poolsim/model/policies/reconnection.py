"""How long to wait before the next reconnection attempt.

exponential: `min(base * 2**i, max)` for i = 0, 1, … (java3: no jitter,
datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/policies/ExponentialReconnectionPolicy.java:95-100).
The Python driver multiplies by a whole percentage drawn from 85 to 115 and clamps the product to
[base, max] (apache/cassandra-python-driver@3.29.3:cassandra/policies.py:706-709).
constant: always base.
"""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule

EXPONENTIAL = 0
CONSTANT = 1
RECONNECTION_NAMES = ("exponential", "constant")


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
    """Delay in ns before attempt `i` (from 0) to the host of pool `p`, with its driver's jitter."""
    client = w.clients[w.sessions[w.pools[p].session].client]
    base = client.reconnection_base
    maximum = client.reconnection_max
    delay = reconnection_delay(client.reconnection, base, maximum, i)
    if client.reconnection_jitter >= 0 and client.reconnection == EXPONENTIAL:
        down = w.hosts[p].times_down
        delay = delay * w.draw(client.reconnection_jitter, p, down * 64 + i) // 100
        if delay < base:
            delay = base
        if delay > maximum:
            delay = maximum
    return delay
