"""What the rest of the model asks of a session's driver. Arguments: `registry.PORTS`.

borrow: try to get a connection of pool `p` for attempt `a`: GRANTED, QUEUED, SKIPPED, SENT or an
error.
give_back: the attempt's response was read; or (`unwritten`) it could not be written.
timed_out, late_response: the attempt's timeout; the response of an orphan.
queue_timeout: the timer of a pool's acquisition queue. needed: connections that a load needs.
run_task: an executor's thread takes a task; whether it is done at once.
connected, connect_failed, lost, heartbeat, heartbeat_answered: what happens to a connection.
start_session, cleanup_session, heartbeat_cycle, control: what happens to a session.
reconnection_due, status_event, status_due: what happens to a host.
topology_event, topology_due: a node that the session does not know has joined the ring, or one that
it knows has left it; and the driver acts on that.
option_changed: an option of the pool was set at runtime.
response_step: a response's next step within the client; flush_due: a connection's write buffer
may be flushed. Of drivers with the trait `own_steps` only.
session_due, pool_due, connection_due: a timer of the driver's own (of a wrapper, so far).
request_ended: a request of the load has ended.
holds_back: 1 where a request that enters waits for others. puts_off: 1 where one whose attempt
failed goes on later, by the driver's own rule. begins_anew: 1 where one without a host left does.
writes_along: 1 where a write costs nothing, as it goes along with another one. ends_look: 1 where
the driver takes the end of a query of its own.
"""

from __future__ import annotations

from poolsim.model.drivers.registry import make_port

borrow = make_port("borrow")
give_back = make_port("give_back")
timed_out = make_port("timed_out")
late_response = make_port("late_response")
queue_timeout = make_port("queue_timeout")
run_task = make_port("run_task")
cleanup_session = make_port("cleanup_session")
connected = make_port("connected")
connect_failed = make_port("connect_failed")
lost = make_port("lost")
heartbeat = make_port("heartbeat")
heartbeat_answered = make_port("heartbeat_answered")
heartbeat_cycle = make_port("heartbeat_cycle")
start_session = make_port("start_session")
reconnection_due = make_port("reconnection_due")
status_event = make_port("status_event")
status_due = make_port("status_due")
topology_event = make_port("topology_event")
topology_due = make_port("topology_due")
control = make_port("control")
option_changed = make_port("option_changed")
needed = make_port("needed")
response_step = make_port("response_step")
flush_due = make_port("flush_due")
session_due = make_port("session_due")
pool_due = make_port("pool_due")
connection_due = make_port("connection_due")
request_ended = make_port("request_ended")
holds_back = make_port("holds_back")
puts_off = make_port("puts_off")
begins_anew = make_port("begins_anew")
writes_along = make_port("writes_along")
ends_look = make_port("ends_look")
