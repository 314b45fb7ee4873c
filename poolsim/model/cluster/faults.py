"""What happens to nodes: stop and restart, pause and resume, slow and back to speed.

stop: the process dies. Its connections break at once: the close reaches each client one network
delay later. What it was working on is lost. New connections are refused until it starts again.
pause: the process freezes (a long collection, SIGSTOP). Connections stay, nothing is answered; the
kernel still completes TCP handshakes. When it resumes it goes on where it stood.
slow: service times are multiplied; attempts under way are stretched from then on.

A node that starts or resumes is announced by the other nodes' status events a while later
(`status_after` of the table of faults); what a driver makes of them is its own rule.
"""

from __future__ import annotations

from poolsim.model.cluster.nodes import NOMINAL, change
from poolsim.model.kinds import (
    ANSWER,
    CONNECTION_LOST,
    FAULT,
    NODE_PAUSED,
    NODE_RECOVERED_SPEED,
    NODE_RESUMED,
    NODE_SLOWED,
    NODE_STARTED,
    NODE_STOPPED,
    STATUS_EVENT,
)
from poolsim.model.primitives import World
from poolsim.model.records import (
    ASK_NOTHING,
    CONNECTING,
    NODE_DOWN,
    NODE_RUNNING,
    OPEN,
    TRASHED_STATE,
)
from poolsim.model.records import NODE_PAUSED as PAUSED
from poolsim.model.rule import handles, rule

STOP = 0
START = 1
PAUSE = 2
RESUME = 3
SLOW = 4
NORMAL_SPEED = 5
FAULT_NAMES = ("stop", "start", "pause", "resume", "slow", "normal_speed")


@handles(FAULT)
def fault(w: World, i: int, now: int) -> None:
    """Apply entry `i` of the table of faults."""
    n = w.faults[i].node
    kind = w.faults[i].kind
    apply_fault(w, n, kind, w.faults[i].factor, now)
    if kind in (START, RESUME) and w.faults[i].status_after >= 0:
        announce(w, n, now + w.faults[i].status_after)


@rule
def apply_fault(w: World, n: int, kind: int, factor: int, now: int) -> None:
    """Do to node `n` what `kind` says; `factor` in thousandths where it slows. `announce` tells the
    sessions of a return."""
    node = w.nodes[n]
    if kind == STOP:
        w.note(now, NODE_STOPPED, -1, n, -1, 0)
        change(w, n, NODE_DOWN, node.factor, now)
        _break_connections(w, n, now)
    elif kind == START:
        w.note(now, NODE_STARTED, -1, n, -1, 0)
        node.accept_at = now
        change(w, n, NODE_RUNNING, NOMINAL, now)
    elif kind == PAUSE:
        w.note(now, NODE_PAUSED, -1, n, -1, 0)
        change(w, n, PAUSED, node.factor, now)
    elif kind == RESUME:
        w.note(now, NODE_RESUMED, -1, n, -1, 0)
        change(w, n, NODE_RUNNING, node.factor, now)
        _answer_waiting(w, n, now)
    elif kind == SLOW:
        w.note(now, NODE_SLOWED, -1, n, -1, factor)
        change(w, n, node.state, factor, now)
    else:
        w.note(now, NODE_RECOVERED_SPEED, -1, n, -1, NOMINAL)
        change(w, n, node.state, NOMINAL, now)


@rule
def _break_connections(w: World, n: int, now: int) -> None:
    """The close of each connection travels to its client."""
    for c in range(len(w.connections)):
        connection = w.connections[c]
        if connection.state == CONNECTING or (
            connection.state == OPEN or connection.state == TRASHED_STATE
        ):
            pool = w.pools[connection.pool]
            if pool.node == n and connection.lost_at < 0:
                connection.lost_at = now + pool.delay
                connection.holds += 1
                w.schedule(connection.lost_at, CONNECTION_LOST, connection.serial, c)


@rule
def _answer_waiting(w: World, n: int, now: int) -> None:
    """Answer the handshake and heartbeat messages that waited while the node was paused."""
    for c in range(len(w.connections)):
        connection = w.connections[c]
        if (
            connection.ask_waiting == 1
            and connection.asking != ASK_NOTHING
            and w.pools[connection.pool].node == n
        ):
            connection.ask_waiting = 0
            connection.answer_at = now + w.pools[connection.pool].delay
            connection.holds += 1
            w.schedule(connection.answer_at, ANSWER, connection.serial, c)


@rule
def announce(w: World, n: int, at: int) -> None:
    """Every session gets the status event; whether it listens is decided when it arrives."""
    for s in range(len(w.sessions)):
        p = s * w.run.nodes + n
        w.schedule(at, STATUS_EVENT, p, p)
