"""What happens to nodes, and to what lies between them and their clients.

stop: the process dies. Its connections break at once: the close reaches each client one network
delay later. What it was working on is lost. New connections are refused until it starts again.
pause: the process freezes (a long collection, SIGSTOP). Connections stay, nothing is answered; the
kernel still completes TCP handshakes. When it resumes it goes on where it stood.
slow: service times are multiplied; attempts under way are stretched from then on.
silent: the node accepts connections and answers nothing, not even later: what it has or is on its
way to it when it falls silent, and what is sent until it speaks again, is lost. Nothing is closed.
refuse: no new connection is accepted; open ones go on.
write_failure: whatever a client writes to the node is refused by the client's own socket, which
breaks the connection. TCP connects still succeed.
protocol_error: what the node answers cannot be decoded, which breaks the connection at the first
answer that is read.
overloaded: the node answers every request with the error Overloaded, in its time; connections,
handshakes and heartbeats go on as ever.
middlebox: connections that are idle for too long are dropped, and nobody is told (middlebox.py).
add, remove: the node joins the ring, or leaves it and drains (membership.py).

A node that starts, resumes, joins or leaves is announced by the other nodes' events a while later
(`status_after` of the table of faults); what a driver makes of them is its own rule. Of the other
faults gossip knows nothing.
"""

from __future__ import annotations

from poolsim.model.cluster.membership import drain, join_ring, leave_ring
from poolsim.model.cluster.middlebox import set_up, take_away
from poolsim.model.cluster.nodes import NOMINAL, change
from poolsim.model.connection.wires import change_wires, close_all_from_node
from poolsim.model.kinds import (
    ANSWER,
    ANSWERS_CLEAR,
    ANSWERS_GARBLED,
    FAULT,
    MIDDLEBOX_GONE,
    MIDDLEBOX_WATCHES,
    NODE_ACCEPTS,
    NODE_ANSWERS,
    NODE_OVERLOADED,
    NODE_PAUSED,
    NODE_RECOVERED_SPEED,
    NODE_REFUSES,
    NODE_RELIEVED,
    NODE_RESUMED,
    NODE_SILENCED,
    NODE_SLOWED,
    NODE_STARTED,
    NODE_STOPPED,
    STATUS_EVENT,
    WRITES_FAIL,
    WRITES_WORK,
)
from poolsim.model.primitives import World
from poolsim.model.records import (
    ASK_NOTHING,
    NODE_DOWN,
    NODE_RUNNING,
    NODE_SILENT,
    WIRE_CUT,
    WIRE_FAILING,
    WIRE_FINE,
    WIRE_GARBLED,
    WIRE_OVERLOADED,
)
from poolsim.model.records import NODE_PAUSED as PAUSED
from poolsim.model.rule import handles, rule

STOP = 0
START = 1
PAUSE = 2
RESUME = 3
SLOW = 4
NORMAL_SPEED = 5
SILENCE = 6
ANSWER_AGAIN = 7
REFUSE = 8
ACCEPT = 9
FAIL_WRITES = 10
WRITE_AGAIN = 11
GARBLE = 12
SPEAK_CLEARLY = 13
MIDDLEBOX = 14
NO_MIDDLEBOX = 15
ADD = 16
REMOVE = 17
OVERLOAD = 18
RELIEVE = 19
FAULT_NAMES = (
    "stop",
    "start",
    "pause",
    "resume",
    "slow",
    "normal_speed",
    "silence",
    "answer_again",
    "refuse",
    "accept",
    "fail_writes",
    "write_again",
    "garble",
    "speak_clearly",
    "middlebox",
    "no_middlebox",
    "add",
    "remove",
    "overload",
    "relieve",
)
ANNOUNCED = (START, RESUME, ADD, REMOVE)
"""What the other nodes tell of."""


@handles(FAULT)
def fault(w: World, i: int, now: int) -> None:
    """Apply entry `i` of the table of faults, or go on with it."""
    n = w.faults[i].node
    kind = w.faults[i].kind
    if w.nodes[n].drain_until < 0 or kind != REMOVE:
        apply_fault(w, n, kind, w.faults[i].factor, now)
        if kind in ANNOUNCED and w.faults[i].status_after >= 0:
            announce(w, n, now + w.faults[i].status_after)
    if kind == REMOVE:
        again = drain(w, n, now)
        if again >= 0:
            w.schedule(again, FAULT, i, i)


@rule
def apply_fault(w: World, n: int, kind: int, factor: int, now: int) -> None:
    """Do to node `n` what `kind` says.

    `factor`: in thousandths where it slows; in ns, of a middlebox how long a connection may be
    idle, of a removal how long the node may drain. `announce` tells the sessions of it.
    """
    if kind < SILENCE:
        _change_node(w, n, kind, factor, now)
    elif kind == ADD:
        join_ring(w, n, now)
    elif kind == REMOVE:
        leave_ring(w, n, factor, now)
    elif kind == MIDDLEBOX:
        w.note(now, MIDDLEBOX_WATCHES, -1, n, -1, factor)
        set_up(w, n, factor, now)
    elif kind == NO_MIDDLEBOX:
        w.note(now, MIDDLEBOX_GONE, -1, n, -1, 0)
        take_away(w, n)
    else:
        _spoil_or_mend(w, n, kind, now)


@rule
def _change_node(w: World, n: int, kind: int, factor: int, now: int) -> None:
    """What happens to the process: it stops, freezes, is slow, and recovers."""
    node = w.nodes[n]
    if kind == STOP:
        w.note(now, NODE_STOPPED, -1, n, -1, 0)
        change(w, n, NODE_DOWN, node.factor, now)
        close_all_from_node(w, n, now)
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
def _spoil_or_mend(w: World, n: int, kind: int, now: int) -> None:
    """What happens to the exchange with clients while the process goes on."""
    if kind == SILENCE:
        w.note(now, NODE_SILENCED, -1, n, -1, 0)
        change(w, n, NODE_SILENT, w.nodes[n].factor, now)
    elif kind == ANSWER_AGAIN:
        w.note(now, NODE_ANSWERS, -1, n, -1, 0)
        change(w, n, NODE_RUNNING, w.nodes[n].factor, now)
    elif kind == REFUSE:
        w.note(now, NODE_REFUSES, -1, n, -1, 0)
        w.nodes[n].refuses = 1
    elif kind == ACCEPT:
        w.note(now, NODE_ACCEPTS, -1, n, -1, 0)
        w.nodes[n].refuses = 0
    elif kind == FAIL_WRITES:
        w.note(now, WRITES_FAIL, -1, n, -1, 0)
        change_wires(w, n, WIRE_FINE, WIRE_FAILING)
    elif kind == WRITE_AGAIN:
        w.note(now, WRITES_WORK, -1, n, -1, 0)
        change_wires(w, n, WIRE_FAILING, WIRE_FINE)
    elif kind == GARBLE:
        w.note(now, ANSWERS_GARBLED, -1, n, -1, 0)
        change_wires(w, n, WIRE_FINE, WIRE_GARBLED)
    elif kind == OVERLOAD:
        w.note(now, NODE_OVERLOADED, -1, n, -1, 0)
        change_wires(w, n, WIRE_FINE, WIRE_OVERLOADED)
    elif kind == RELIEVE:
        w.note(now, NODE_RELIEVED, -1, n, -1, 0)
        change_wires(w, n, WIRE_OVERLOADED, WIRE_FINE)
    else:
        w.note(now, ANSWERS_CLEAR, -1, n, -1, 0)
        change_wires(w, n, WIRE_GARBLED, WIRE_FINE)


@rule
def _answer_waiting(w: World, n: int, now: int) -> None:
    """Answer the handshake and heartbeat messages that waited while the node was paused."""
    for c in range(len(w.connections)):
        connection = w.connections[c]
        if (
            connection.ask_waiting == 1
            and connection.asking != ASK_NOTHING
            and connection.wire != WIRE_CUT
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
