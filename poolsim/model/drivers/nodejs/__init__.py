"""The DataStax Node.js driver 4.8: what its pools do.

Sources: datastax/nodejs-driver@v4.8.0:lib/, below `JS/`. Everything runs on the event loop of one
process; times are whole milliseconds. The rules are in this package: `borrowing.py`, `control.py`,
`hosts.py`, `abandoned.py`, `connections.py`, and the fields that they add in `fields.py`; the
default load balancing is in `model/policies/nodejs_default.py`.

Size (JS/client-options.js:26-44, host.js:236-254). `coreConnectionsPerHost` connections to a host:
v1 and v2 local 2, remote 1; v3 and newer 1 and 1; none to an ignored host. No load adds one, no
idle time removes one. The policies that come with the driver know no remote hosts.

Borrow (JS/host-connection-pool.js:104-165). An empty pool is an error. One connection is taken as
it is. Of several, a counter that all pools of the process share says where to begin; the connection
there and the next one in the list are compared, the one with fewer in flight is taken, the first at
a tie, and only if that has `maxRequestsPerConnection` in flight the look goes one place on. If what
is found at last is full, it is a BusyConnectionError. Either error leads to the next host of the
plan; nothing waits (JS/request-handler.js:72-108). In flight are the stream ids in use: those of
requests that have timed out and of heartbeats, too (JS/connection.js:676-678).

Stream ids (JS/stream-id-stack.js). 128 on v1 and v2, 32,768 from v3 on, made in groups of 128 when
they are needed; the last one given back of the lowest group is taken first. Beyond four, groups
that are not in use are given up after 5 s, four at a time: memory, and no decision of the pool.
Nothing checks that `maxRequestsPerConnection` is not above the number of ids. If it is, no
connection is ever busy, and a request that finds no id waits at its connection, in order and
without a limit, until one comes back (JS/connection.js:535-551, 645-670); it times out like any
other.

Writing (JS/writers.js:175-286). What is sent in one turn of the loop is written together, up to 64
KiB; more waits for the next turn. Nothing is decided there: in flight and the timeout count from
the borrow. Here everything is written in the instant of the borrow, in the loop's own time.

Timeout (JS/connection.js:535-540, operation-state.js:93-134). `readTimeout` from the borrow, of
each attempt by itself. The id stays in use until the response comes. A connection with more than
`defunctReadTimeoutThreshold` operations that timed out and were not answered since is taken out of
the pool and closed (JS/host.js:347-362, request-execution.js:290-295): at once out, closed when the
timers and responses of that turn are through. An operation that timed out while it waited for an id
counts for ever, as no response takes it off.

Retry (JS/request-execution.js:326-362, policies/retry.js:112-116). After a break or a timeout an
idempotent request goes on to the next host, as often as there is one; another one ends.

Losing a connection (JS/host-connection-pool.js:307-323, host.js:373-395). It leaves the pool. Below
its size the pool has one attempt ahead or under way, never two: the next delay of the host's
schedule is waited for. An empty pool makes the host down: plans pass it over, and the control
connection, if it was there, looks for another one.

Connections that come (JS/host.js:401-418, host-connection-pool.js:241-283, 325-365). The first one
brings a host up that was down, with a new schedule; then the pool fills up, one handshake after
another, 1 ms apart (a timer of 0 is one of 1 ms). A failed one asks the schedule for the next
delay. The schedule begins anew only when the host comes up, or when the server says that it is:
losses that never empty the pool wait 1 s, 2 s, 4 s … 10 min. Warm-up opens a host's connections one
after another before the client is connected, other hosts' at the same time; with `warmup: false`,
and for remote hosts, they come afterwards, the first one 1 ms later (JS/client.js:1059-1082).

A handshake (JS/connection.js:170-312) is TCP, within `connectTimeout`, and STARTUP, within
`readTimeout`.

Heartbeat (JS/connection.js:579-617). A connection on which nothing was written for
`heartBeatInterval` sends OPTIONS, which takes a stream id like any request; without an answer
within `readTimeout` the connection leaves the pool.

Status events (JS/control-connection.js:589-615). DOWN is only logged. UP is acted on a second
later; there is one timer for all hosts, so that of two events within a second the first is lost. A
host that is down then gets a new schedule and an attempt at once; one that is up, nothing.

Nodes that join and leave (JS/control-connection.js:574-583, 780-870, host.js:119-140,
host-connection-pool.js:388-446). A topology event starts a timer of a second, one for all hosts and
anew with each event; then the list of nodes is read, as it is by a control connection that is made
anew. A new host is offered at once, but is down until its first connection, for which its schedule
is waited for. One that has left is offered no more, its connections finish what they have,
`readTimeout` and 100 ms at most. A control connection that is there moves as when its host goes
down (the driver waits until the node closes it).

Control connection (JS/control-connection.js:215-300, 424-551). One of the pools' connections. When
its host goes down or the peer closes it, it moves to the next host of a plan from which a
connection can be borrowed. When the driver closes it (after timeouts or a failed heartbeat) and its
host stays up, nobody notices: there are no status events until that host goes down. When no host
has one, the contact points are asked, one after another, by connections of its own; after the last
the schedule is waited for. One that connects this way does so for a new Host in place of the old
one, whose only connection it is: nothing fills that pool up to its size before a connection of it
is lost. The old Host is forgotten, but its pool goes on, reconnects and keeps its connections,
which nothing borrows any more. (Seen on the real driver: three connections for a pool of one, of
two, after the third restart of the only node.) They count as trashed here.

Left out. The speculative executions (none by default), prepared statements, the queries of the
control connection (it is connected as soon as it has a connection), its second listener after it
went by the contact points (the real one then looks for a connection twice at a time). The contact
points are the hosts of the plan, asked from one that changes where the driver shuffles them.
Several abandoned pools of a host share one schedule. The keyspace is set during the handshake (the
driver sets it before the first request). Errors that a write meets before the close is seen
(`requestNotWritten`): they are retried on another connection of the host. The child policy's index
moves when a plan goes past the replicas.
"""

from __future__ import annotations

from poolsim.model.drivers.nodejs.borrowing import (
    borrow,
    give_back,
    heartbeat_answered,
    late_response,
    needed,
)
from poolsim.model.drivers.nodejs.connections import (
    connect_failed,
    connected,
    heartbeat,
    lost,
    timed_out,
)
from poolsim.model.drivers.nodejs.control import control
from poolsim.model.drivers.nodejs.hosts import (
    reconnection_due,
    start_session,
    status_due,
    status_event,
)
from poolsim.model.drivers.nodejs.members import topology_due, topology_event
from poolsim.model.drivers.traits import Traits
from poolsim.model.policies.reconnection import SPREAD_PARTS
from poolsim.model.policies.retry import NODEJS_DEFAULT

JITTER_SPREAD = SPREAD_PARTS

TRAITS = Traits(
    timer_tick_ns=1_000_000,
    timeout_covers_request=False,
    one_core=True,
    retry=NODEJS_DEFAULT,
    handshake_messages=2,
    timeout_includes_wait=True,
    replicas_from_random_start=True,
)
"""The handshake is TCP, STARTUP (JS/connection.js:170-300)."""

__all__ = [
    "JITTER_SPREAD",
    "TRAITS",
    "borrow",
    "connect_failed",
    "connected",
    "control",
    "give_back",
    "heartbeat",
    "heartbeat_answered",
    "late_response",
    "lost",
    "needed",
    "reconnection_due",
    "start_session",
    "status_due",
    "status_event",
    "timed_out",
    "topology_due",
    "topology_event",
]
