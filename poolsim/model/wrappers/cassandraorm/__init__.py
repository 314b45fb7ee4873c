"""CassandraORM JS: what its pools add to those of the Node.js driver.

Source: the document "Connection Pool Management" of CassandraORM JS, which shows options and says
what for, hardly ever how. Where it leaves a rule open, what its users would expect is done; that is
said here with "chosen". All else is the driver's (drivers/nodejs): handshakes one at a time, the
borrow, heartbeats, timeouts of 12 s for each attempt, reconnection, control connection. The rules
are in this package, one idea a file.

ConnectionPool is the driver's pool with sizes per distance, to the largest of which it grows, a
limit and heartbeats, and what the driver itself has options for (policies, timeouts, sockets);
AdvancedConnectionPool has the rest, and settings of that are a mistake with the other one.

Start (`warming.py`). `initialize()` opens one connection to each local host; the others follow one
after another, and remote hosts' (chosen). `warmup()` lets the load wait until every pool is
complete; a host to which a connection fails is not waited for, and no host longer than
`warmupTimeout` (chosen). `preallocateConnections` sets the size that a pool begins with, between
its core and its largest; it is awaited, so that without a warm-up the load waits for those pools
alone, in the same way and as long at most (chosen).

Sizes (`sizing.py`). A pool begins with `coreConnectionsPerHost` and has `maxConnectionsPerHost` at
most. When a request finds every connection full or, with a core of 0, none
(`maxRequestsPerConnection` in flight) the pool is to have one more, and the request goes on to the
next host, as in the driver, which queues nothing (chosen); so do the pools of ConnectionPool, which
keep what they have then. A connection that no request used for `idleTimeout` is closed while the
pool has more than core, but never the control connection (chosen); the end of a request is use, a
heartbeat is none. The driver opens no connection to hosts
at distance '2'.

Adaptive pooling. Every `evaluationInterval` each pool whose size is complete is looked at: its
utilisation is its requests in flight of those that its connections could hold, which is no more
than the protocol's stream ids. Above
`scaleUpThreshold` it grows to as many connections as bring it to `targetUtilization`, by one at
least; below `scaleDownThreshold` it shrinks likewise; within `minConnections` and `maxConnections`,
which take the place of core and max. The youngest connections go, each when nothing is in flight on
it. Nothing else changes the size then: neither full pools nor idle connections (chosen).

Circuit breaker (`breaker.py`). One for each host (chosen: one for all would refuse healthy hosts).
An attempt fails where it times out or its connection breaks; being refused for lack of room is no
failure (chosen). `failureThreshold` failures in a row, with no answer between them, open it: plans
pass the host over, with an error. `recoveryTimeout` after that the next request finds it half open:
`halfOpenMaxCalls` trial requests are let through, no more. When all of them were answered it is
closed; a trial that fails opens it again. What was sent before it opened counts no more.

Retry and failover (`failing_over.py`). Both only for idempotent requests, as in the driver. After a
timeout a request goes on to the next host of its plan when `retryDelay` of `retry` is over, at most
`maxRetries` times. When its connection broke, the host has failed: with `failover` the request goes
on after that block's `retryDelay`, times `backoffMultiplier` for each failover before; without, it
is a retry (chosen). A request whose plan has no host left that takes it walks a new plan after the
same delays, whether or not it is idempotent, as nothing of it is under way; without `failover` it
ends with NoHostAvailable (chosen). Failovers are `maxRetries` of their own. FallthroughRetryPolicy
never retries. The plain pool has the driver's own policy. Hosts have no order but that of the plan:
the document's "primary" and "backup" are names of contact points (chosen).

Auto-discovery. Every `discoveryInterval` the list of nodes is read, whether or not the driver has
heard of a change; without any host that is up it cannot be (chosen).

Health checks (`health.py`). Every `interval` each host is asked by a query of its own, which is
over after `timeout`, however long the driver still waits for it. A host that does not answer, or is
down, is unhealthy: plans pass it over until a check is answered (chosen). Checks go by the circuit.

Recovery. A lost connection is made anew at once, then `backoffDelay` after each failure, up to
`maxAttempts` times; after that the driver's own schedule is waited for (chosen).

Batching (`batching.py`). Requests wait until `batchSize` have come or the first has waited for
`batchTimeout`; then all enter the driver in one instant, each with a host and a stream id of its
own, and what goes out on one connection costs the client one write (chosen: the document says
"batch operations" and nothing of CQL batches, which would make one request of them).

Nodes (drivers/nodejs/members.py). `addNode` and `removeNode` are what the driver does when it hears
of a node that joins the ring or leaves it (the faults `add` and `remove`). A pool cannot be told to
drop a host that stays in the ring: the driver has no such thing, and would find it again in the
list of nodes. With `drainConnections` a removed host's connections finish what they have,
`drainTimeout` at most; without, they are closed at once.

Regions. `maxConnections` of a host's datacenter takes the place of the largest size, and of core
where that is more; other datacenters are tried in the order of their `priority`, those without one
last (chosen).

Metrics (`metering.py`): the first instance's, every `metricsInterval`, and everything at the end of
the run, when `getStats` and the like are asked. `health`, `analysis`, events and log are made of
them (estimation/orm).
"""

from __future__ import annotations

from dataclasses import replace

from poolsim.model.drivers import nodejs
from poolsim.model.drivers.nodejs import (
    control,
    heartbeat,
    heartbeat_answered,
    late_response,
    lost,
    needed,
    reconnection_due,
    status_due,
    status_event,
    timed_out,
    topology_due,
    topology_event,
)
from poolsim.model.drivers.nodejs.borrowing import borrow as driver_borrow
from poolsim.model.drivers.nodejs.borrowing import give_back as driver_give_back
from poolsim.model.drivers.nodejs.connections import connect_failed as driver_connect_failed
from poolsim.model.drivers.nodejs.connections import connected as driver_connected
from poolsim.model.drivers.nodejs.hosts import EVERYTHING, connect
from poolsim.model.drivers.nodejs.members import refresh_hosts
from poolsim.model.kinds import (
    BUSY_QUEUE_OFF,
    CIRCUIT_OPEN,
    DISCOVERED,
    NO_CONNECTION,
    OVERLOADED,
    SESSION_DUE,
)
from poolsim.model.primitives import World
from poolsim.model.records import GRANTED, IGNORED, QUEUED, SKIPPED
from poolsim.model.rule import rule
from poolsim.model.wrappers.cassandraorm.batching import goes_along, join_batch, send_batch
from poolsim.model.wrappers.cassandraorm.breaker import (
    count_trial,
    failed,
    lets_through,
    succeeded,
)
from poolsim.model.wrappers.cassandraorm.failing_over import (
    forget,
    host_found,
    try_later,
    walk_plan_again,
)
from poolsim.model.wrappers.cassandraorm.health import check_all, check_ended, check_timed_out
from poolsim.model.wrappers.cassandraorm.metering import collect_metrics, list_connections
from poolsim.model.wrappers.cassandraorm.sizing import (
    adapt_all,
    grow_when_full,
    initial_size,
    look_for_idleness,
    watch_idleness,
)
from poolsim.model.wrappers.cassandraorm.warming import (
    begin_warm_up,
    end_warm_up,
    look_at_warm_up,
)
from poolsim.model.wrappers.looks import FIRST_CHECK

JITTER_SPREAD = nodejs.JITTER_SPREAD
TRAITS = replace(nodejs.TRAITS, replicas_from_random_start=False)

__all__ = [
    "JITTER_SPREAD",
    "TRAITS",
    "begins_anew",
    "borrow",
    "connect_failed",
    "connected",
    "connection_due",
    "control",
    "ends_look",
    "give_back",
    "heartbeat",
    "heartbeat_answered",
    "holds_back",
    "late_response",
    "lost",
    "needed",
    "pool_due",
    "puts_off",
    "reconnection_due",
    "request_ended",
    "session_due",
    "start_session",
    "status_due",
    "status_event",
    "timed_out",
    "topology_due",
    "topology_event",
    "writes_along",
]


# The start ----------------------------------------------------------------------------------------


@rule
def start_session(w: World, s: int, now: int) -> None:
    """`connect()` of the plain pool; `initialize()`, `warmup()` and the timers of the other one."""
    nodes = w.run.nodes
    session = w.sessions[s]
    client = w.clients[session.client]
    for p in range(s * nodes, (s + 1) * nodes):
        if w.hosts[p].distance != IGNORED:
            initial_size(w, p)
    if client.orm_advanced == 0:
        connect(w, s, EVERYTHING, now)
    else:
        connect(w, s, 1, now)
    if client.orm_warm_up == 1:
        begin_warm_up(w, s, now)
    if client.orm_adaptive_interval > 0:
        session.orm_adaptive_at = now + client.orm_adaptive_interval
        w.schedule(session.orm_adaptive_at, SESSION_DUE, s, s)
    if client.orm_check_interval > 0:
        session.orm_check_at = now + client.orm_check_interval
        w.schedule(session.orm_check_at, SESSION_DUE, s, s)
    if client.orm_discovery_interval > 0:
        session.orm_discovery_at = now + client.orm_discovery_interval
        w.schedule(session.orm_discovery_at, SESSION_DUE, s, s)
    if s == client.first_session:
        if client.orm_metrics_interval > 0:
            session.orm_metrics_at = now + client.orm_metrics_interval
            w.schedule(session.orm_metrics_at, SESSION_DUE, s, s)
        w.schedule(w.run.end - 1, SESSION_DUE, s, s)


@rule
def session_due(w: World, s: int, now: int) -> None:
    """One or more timers of the pool as a whole are over."""
    session = w.sessions[s]
    client = w.clients[session.client]
    if session.orm_warm_up_until == now:
        end_warm_up(w, s, now)
    if session.orm_batch_at == now:
        send_batch(w, s, now)
    if session.orm_adaptive_at == now:
        adapt_all(w, s, now)
        session.orm_adaptive_at = now + client.orm_adaptive_interval
        w.schedule(session.orm_adaptive_at, SESSION_DUE, s, s)
    if session.orm_check_at == now:
        check_all(w, s, now)
        session.orm_check_at = now + client.orm_check_interval
        w.schedule(session.orm_check_at, SESSION_DUE, s, s)
    if session.orm_discovery_at == now:
        _discover(w, s, now)
        session.orm_discovery_at = now + client.orm_discovery_interval
        w.schedule(session.orm_discovery_at, SESSION_DUE, s, s)
    if session.orm_metrics_at == now:
        collect_metrics(w, s, now)
        session.orm_metrics_at = now + client.orm_metrics_interval
        w.schedule(session.orm_metrics_at, SESSION_DUE, s, s)
    if now == w.run.end - 1 and s == client.first_session:
        collect_metrics(w, s, now)
        list_connections(w, s, now)


@rule
def _discover(w: World, s: int, now: int) -> None:
    """Read the list of nodes, where a host is up that can be asked."""
    nodes = w.run.nodes
    for p in range(s * nodes, (s + 1) * nodes):
        if w.hosts[p].up == 1 and w.pools[p].active > 0:
            w.note(now, DISCOVERED, s, -1, -1, refresh_hosts(w, s, now))
            return


@rule
def pool_due(w: World, p: int, now: int) -> None:
    """A timer of a host is over."""
    check_timed_out(w, p, now)


# Requests -----------------------------------------------------------------------------------------


@rule
def holds_back(w: World, r: int, a: int, now: int) -> int:
    """1 where a request waits in a batch."""
    if w.clients[w.requests[r].client].orm_batch_size == 0:
        return 0
    join_batch(w, r, a, now)
    return 1


@rule
def writes_along(w: World, a: int, now: int) -> int:
    """1 where a write goes along with others of its batch."""
    return goes_along(w, a, now)


@rule
def borrow(w: World, p: int, a: int, now: int) -> int:
    """As the driver, unless the host is unhealthy or its circuit lets nothing through; a health
    check goes through in any case."""
    r = w.attempts[a].request
    if w.requests[r].number >= FIRST_CHECK:
        w.attempts[a].orm_trial = 0
        check: int = driver_borrow(w, p, a, now)
        return check
    if w.pools[p].orm_unhealthy == 1 or w.hosts[p].up == 0:
        return SKIPPED
    if not lets_through(w, p, now):
        w.pools[p].rejected += 1
        return CIRCUIT_OPEN
    answer: int = driver_borrow(w, p, a, now)
    if answer in (GRANTED, QUEUED):
        w.connections[w.attempts[a].connection].orm_last_used = now
        count_trial(w, p, a)
        host_found(w, r, p, now)
    elif answer in (BUSY_QUEUE_OFF, NO_CONNECTION):
        grow_when_full(w, p, now)
    return answer


@rule
def give_back(w: World, a: int, unwritten: int, now: int) -> None:
    """The attempt's response was read; or it could not be written, which is a failure."""
    attempt = w.attempts[a]
    if attempt.request < 0 or w.requests[attempt.request].number < FIRST_CHECK:
        if unwritten == 0:
            w.connections[attempt.connection].orm_last_used = now
            if attempt.error != OVERLOADED:
                succeeded(w, attempt.pool, a, now)
        else:
            failed(w, attempt.pool, a, now)
    driver_give_back(w, a, unwritten, now)


@rule
def puts_off(w: World, a: int, r: int, p: int, error: int, now: int) -> int:
    """The host failed an attempt by a timeout, a break or an error: 1 where its request goes on
    later."""
    if w.requests[r].number >= FIRST_CHECK:
        return 0
    failed(w, p, a, now)
    if w.clients[w.requests[r].client].orm_advanced == 0:
        return 0
    return try_later(w, r, p, error, now)


@rule
def begins_anew(w: World, r: int, a: int, now: int) -> int:
    """No host of the plan is left: 1 where the request walks a new one later."""
    if w.requests[r].number >= FIRST_CHECK:
        return 0
    return walk_plan_again(w, r, a, now)


@rule
def request_ended(w: World, r: int, outcome: int, now: int) -> None:
    """A request of the load has ended."""
    forget(w, r, outcome, now)


@rule
def ends_look(w: World, r: int, outcome: int, now: int) -> int:
    """A health check's query has ended."""
    check_ended(w, r, outcome, now)
    return 1


# Connections --------------------------------------------------------------------------------------


@rule
def connected(w: World, c: int, now: int) -> None:
    """A handshake is complete."""
    connection = w.connections[c]
    connection.orm_created = now
    connection.orm_last_used = now
    connection.orm_written_at = -1
    s = w.pools[connection.pool].session
    watch_idleness(w, c, now)
    driver_connected(w, c, now)
    look_at_warm_up(w, s, now)


@rule
def connect_failed(w: World, c: int, now: int) -> None:
    """A handshake has failed; the warm-up waits for that host no longer."""
    p = w.connections[c].pool
    s = w.pools[p].session
    w.pools[p].orm_gave_up = 1
    driver_connect_failed(w, c, now)
    look_at_warm_up(w, s, now)


@rule
def connection_due(w: World, c: int, now: int) -> None:
    """It is time to see whether a connection was idle."""
    look_for_idleness(w, c, now)
