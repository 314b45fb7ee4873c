"""What the Node.js driver keeps besides, in the words of its source."""

from __future__ import annotations

from poolsim.model.records import Client, Connection, Host, Pool, Session, extends

MILLISECOND = 1_000_000
SHORTEST_TIMER = MILLISECOND
"""A timer of 0 is one of 1 ms (Node.js: timers, "When delay is less than 1")."""
STATUS_DELAY = 1_000 * MILLISECOND
"""newNodeDelay (JS/control-connection.js:35, 582, 606)."""

CONTROL_OK = 0  # values of Session.control_state; without a connection nobody has noticed
CONTROL_CONNECTING = 1  # a contact point is asked
CONTROL_SCHEDULED = 2


@extends(Client)
class NodejsClient:
    """Options that no other driver has."""

    defunct_threshold: int = 64  # socketOptions.defunctReadTimeoutThreshold
    warmup: int = 1  # pooling.warmup
    drain_timeout: int = 0  # of a removed host's connections, 0: they are closed at once
    recovery_attempts: int = 0  # of a wrapper's own, before those of the host's schedule
    recovery_delay: int = 0  # between them


@extends(Session)
class NodejsSession:
    """What a Client and its ControlConnection keep."""

    connection_index: int = 0  # of all pools of the process: where the next borrow begins
    control_state: int = 0
    control_pool: int = -1  # the host whose going down moves the control connection
    control_at: int = -1  # when it tries again
    control_schedule: int = 0  # counts its schedules
    status_pool: int = -1  # the host of the last status event
    status_at: int = -1  # when that is acted on, -1: there is none
    topology_pool: int = -1  # the host of the last topology event that is not yet acted on


@extends(Host)
class NodejsHost:
    """What a Host keeps besides; `reconnect_attempt` is the place in its schedule."""

    schedule: int = 0  # counts its schedules
    tries: int = 0  # attempts of its schedule since it went down, or since the server's event
    recoveries: int = 0  # attempts of a wrapper's own since a connection was made


@extends(Pool)
class NodejsPool:
    """What a HostConnectionPool keeps besides, and what is left of abandoned ones of its host."""

    core: int = 0  # connections that it begins with
    size: int = 0  # and is to have now: the same, unless a wrapper decides otherwise
    opening: int = -1  # the connection whose handshake is under way
    timer_at: int = -1  # when an attempt is due, -1: none is scheduled
    told: int = 0  # 1: that attempt is due to the server's event
    unfilled: int = 0  # 1: made by the control connection, so that nothing fills it up
    left_core: int = 0  # connections that the abandoned pools keep: the trash
    left_opening: int = 0  # of them, how many are being made
    left_at: int = -1
    left_down: int = 0  # 1: they have none, and have known it
    left_attempt: int = 0
    left_schedule: int = 0
    draining: int = 0  # connections that close when what they have is done
    drain_until: int = -1  # by when they close anyway


@extends(Connection)
class NodejsConnection:
    """What a Connection keeps besides."""

    listed: int = 0  # 1: in its pool's list; an open one that is not will be closed
    left: int = 0  # 1: of an abandoned pool
    draining: int = 0  # 1: out of its pool, closed when nothing is in flight on it
    last_written: int = 0
    timed_out: int = 0  # timedOutOperations
