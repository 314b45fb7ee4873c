"""The generic driver: a pool as the document on asynchronous connections describes it.

Source: the document "Asynchronous Connections", cited as 002:line. It describes what asynchronous
drivers do in general. Where it leaves a rule open, this one does what its readers would expect, and
the header of the file with the rule says so. Statements without a line are such choices.

One idea a file, in the order of a request's way:

    borrowing     a request comes to a pool
    selection     which connection it is given                          002:206-212
    admission     sent, queued or rejected: watermarks, the queue       002:151-162, 302-328
    streams       sequential or pooled allocation of stream ids         002:107-149
    writing       encoding, coalescing, write buffer, Nagle, network    002:66-72, 94-103, 405-410
    reading       read buffer, callbacks, response-side backpressure    002:260-279, 330-344
    threads       event loop, thread pool, hybrid; collector's pauses   002:412-421, 441-473
    scaling       up when all are at their maximum, down when idle      002:214-228
    making        opening connections, warming                          002:195-204, 510
    handshakes    what comes of it
    reconnection  at once, then 1 s, 2 s, 4 s, … 60 s                   002:372-388
    hosts         up and down                                           002:374-378
    members       nodes that join the ring and leave it
    health        heartbeats, read timeouts                             002:351-370
    closing       what becomes of a closed connection's requests
    settings      a scenario's options as fields of the records

Retries (002:368): a request whose read timeout is over, or whose connection broke under it, is sent
again if it is idempotent (all requests are unless the scenario says otherwise, since the document
knows no others), on another connection of the same pool where there is one, else on the plan's next
hosts, max_retries times (once). BusyConnection ends a request, as the document says ("throw
exception", 002:322); with busy: next_host it goes on to the next host, as most drivers do.

Left out: what the document only names (epoll and its like); the cold caches of a new connection;
what costs the server its share of the network; delayed timers while a collector
pauses the client.
"""

from __future__ import annotations

from poolsim.model.drivers.generic.admission import queue_timeout
from poolsim.model.drivers.generic.borrowing import borrow
from poolsim.model.drivers.generic.closing import lost
from poolsim.model.drivers.generic.handshakes import connect_failed, connected, run_task
from poolsim.model.drivers.generic.health import heartbeat, heartbeat_answered, timed_out
from poolsim.model.drivers.generic.making import start_session
from poolsim.model.drivers.generic.members import topology_event
from poolsim.model.drivers.generic.reading import response_step
from poolsim.model.drivers.generic.reconnection import reconnection_due
from poolsim.model.drivers.generic.scaling import cleanup_session, needed, option_changed
from poolsim.model.drivers.generic.settings import furnish_client, furnish_sessions
from poolsim.model.drivers.generic.writing import flush_due
from poolsim.model.drivers.traits import Traits
from poolsim.model.policies.retry import GENERIC_DEFAULT

TRAITS = Traits(
    timer_tick_ns=100_000_000,
    timeout_covers_request=False,
    one_core=False,
    retry=GENERIC_DEFAULT,
    handshake_messages=3,
    own_steps=True,
)
"""The document has no timers and no handshake: a wheel of 100 ms as in most drivers; TCP, OPTIONS,
STARTUP."""

__all__ = [
    "TRAITS",
    "borrow",
    "cleanup_session",
    "connect_failed",
    "connected",
    "flush_due",
    "furnish_client",
    "furnish_sessions",
    "heartbeat",
    "heartbeat_answered",
    "lost",
    "needed",
    "option_changed",
    "queue_timeout",
    "reconnection_due",
    "response_step",
    "run_task",
    "start_session",
    "timed_out",
    "topology_event",
]
