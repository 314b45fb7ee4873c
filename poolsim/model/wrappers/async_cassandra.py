"""async-cassandra: what a session for asyncio adds to the Python driver's.

Sources: "Connection Pooling in async-cassandra" (the document), its utilities as published in
axonops/async-python-cassandra-client@f217c5d:src/async_cassandra/monitoring.py (`MON/`), and the
Python driver's own (`PY/`, see drivers/python.py). Requests go to the driver's `execute_async` on
the event loop's thread, which is the instance's issuing thread here; pools, timeouts and retries
are the driver's. RateLimitedSession is a semaphore of 1,000 around that: `Client.limit`.

Warm-up (document, "Connection Warmup"; MON/181-208). One light query for each host of the cluster's
metadata, one after the other, before traffic is served; whatever a query ends with, the next host
follows, so a node that is down costs its error and holds up nothing. Until the last one has ended
requests wait for the issuing thread. Sessions are connected when a run begins, as
`connect(wait_for_all_pools=True)` leaves them (PY/cluster.py:1766-1767), at no cost and with or
without a warm-up: no first request waits for a connection. What a warm-up does here is to wait for
every host's answer.

Monitor (document, "Monitoring Utilities"). A round looks at each host in turn: one that is down is
counted, one that is up gets a query whose time is its latency, or whose error is noted. When it is
over, a warning says how many hosts are down, and the next round begins an interval (60 s) later.
The driver never holds a host that its policy ignores for up (PY/cluster.py:2030-2035), so hosts of
other datacenters count as down.

The document's health check is the same look at each host; a host is unhealthy whose query fails or
which is down.

Where the document's code does otherwise than it says, what it says is done. Its queries name their
host by `host=host.address`, which finds no pool, since pools are kept by Host (PY/cluster.py:4497-
4500, PY/pool.py:230-237), or by `routing_key=host.address`, which hashes to any replica; here they
go to that host and no other. Its counters of requests, which nothing ever counts there, count what
the application sends: a request from its entry to the driver, past its own limit, to its one end,
however often the driver tries it. They are copied at the end of a round (000:199).

What a look is, looks.py says; one that finds no free stream blocks nobody.
"""

from __future__ import annotations

from poolsim.model.client.issuing import ISSUER_BLOCKED, unblock_issuer
from poolsim.model.kinds import (
    CHECK_FAILED,
    CHECK_FOUND_DOWN,
    CHECK_OK,
    COUNTED_COMPLETED,
    COUNTED_FAILED,
    COUNTED_SENT,
    MONITOR,
    MONITORED,
    OK,
    WARMED_UP,
)
from poolsim.model.primitives import World
from poolsim.model.records import IGNORED
from poolsim.model.rule import handles, rule
from poolsim.model.wrappers.looks import (
    MONITOR_ROUND,
    NO_ROUND,
    WARM_UP_ROUND,
    end_look,
    look_at,
)


@rule
def start_wrapper(w: World, s: int, now: int) -> None:
    """Begin to warm up, or else to monitor, where the session does."""
    session = w.sessions[s]
    client = w.clients[session.client]
    if client.warms_up == 1:
        session.round = WARM_UP_ROUND
        session.issue_scheduled += ISSUER_BLOCKED
    if client.warms_up == 1 or client.monitor_interval > 0:
        w.schedule(now, MONITOR, s, s)


@handles(MONITOR)
def begin_round(w: World, s: int, now: int) -> None:
    """Begin to look at all hosts."""
    session = w.sessions[s]
    if session.round == NO_ROUND:
        session.round = MONITOR_ROUND
    session.round_at = now
    session.round_node = 0
    session.round_down = 0
    _look_at_next(w, s, now)


@rule
def _look_at_next(w: World, s: int, now: int) -> None:
    """Look at the next host, or end the round after the last one."""
    session = w.sessions[s]
    nodes = w.run.nodes
    while session.round_node < nodes:
        n = session.round_node
        session.round_node += 1
        host = w.hosts[s * nodes + n]
        is_up = host.up == 1 and host.distance != IGNORED
        if host.known == 1 and (is_up or session.round == WARM_UP_ROUND):
            look_at(w, s, n, now)
            return
        if host.known == 1:
            session.round_down += 1
            w.note(now, CHECK_FOUND_DOWN, s, n, -1, 0)
    _end_round(w, s, now)


@rule
def _end_round(w: World, s: int, now: int) -> None:
    session = w.sessions[s]
    interval = w.clients[session.client].monitor_interval
    if session.round == WARM_UP_ROUND:
        w.note(now, WARMED_UP, s, -1, -1, now - session.round_at)
        unblock_issuer(w, s, now)
        if interval > 0:
            w.schedule(now, MONITOR, s, s)
    else:
        w.note(now, COUNTED_SENT, s, -1, -1, session.counted_sent)
        w.note(now, COUNTED_COMPLETED, s, -1, -1, session.counted_completed)
        w.note(now, COUNTED_FAILED, s, -1, -1, session.counted_failed)
        w.note(now, MONITORED, s, -1, -1, session.round_down)
        w.schedule(now + interval, MONITOR, s, s)
    session.round = NO_ROUND


@rule
def check_ended(w: World, r: int, outcome: int, now: int) -> None:
    """A look has ended, well or not: the round goes on."""
    request = w.requests[r]
    s = request.session
    n = request.plan_step
    if outcome == OK:
        w.note(now, CHECK_OK, s, n, -1, now - request.intended)
    else:
        w.note(now, CHECK_FAILED, s, n, -1, outcome)
    end_look(w, r, now)
    _look_at_next(w, s, now)
