"""A plain model of a Host of the Node.js driver and its pool, written from the driver's source.

It follows lib/host-connection-pool.js, host.js, connection.js and request-execution.js at v4.8.0
statement by statement, with lists and objects, and shares nothing with the rules. What the event
loop would do later is in lists: handshakes under way, and what `setImmediate` was given.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor

MILLISECOND = 1_000_000


class Schedule:
    """lib/policies/reconnection.js; times in ms."""

    def __init__(self, kind: str, base: int, longest: int, no_delay: bool, chance: float) -> None:
        self.kind, self.base, self.longest = kind, base, longest
        self.no_delay, self.chance = no_delay, chance
        self.index = -1 if no_delay else 0

    def new(self) -> Schedule:
        return Schedule(self.kind, self.base, self.longest, self.no_delay, self.chance)

    def next(self) -> int:
        if self.kind == "constant":
            return self.base
        delay = 0
        if self.index >= 64:
            delay = self.longest
        elif self.index != -1:
            delay = min(2**self.index * self.base, self.longest)
        self.index += 1
        return self.with_jitter(delay)

    def with_jitter(self, value: int) -> int:
        if value == 0:
            return value
        least, spread = 0.85, 0.30
        if not self.no_delay and value == self.base:
            least, spread = 1.0, 0.15
        elif value == self.longest:
            spread = 0.15
        return floor(value * (self.chance * spread + least))


class Operation:
    """What a connection knows of a request or a heartbeat."""

    def __init__(self, request: int | None, connection: Connection) -> None:
        self.request = request
        self.connection = connection
        self.timed_out = False
        self.written = False


class Connection:
    """lib/connection.js."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.in_use = 0
        self.operations: list[Operation] = []
        self.pending: list[Operation] = []
        self.timed_out_operations = 0
        self.heartbeat: Operation | None = None
        self.closed = False

    def send(self, request: int | None) -> Operation:
        operation = Operation(request, self)
        if self.in_use == self.host.streams:
            self.pending.append(operation)
        else:
            self.in_use += 1
            self.write(operation)
        return operation

    def write(self, operation: Operation) -> None:
        operation.written = True
        self.operations.append(operation)

    def receive(self, operation: Operation) -> None:
        """The response of an operation: handleResult, freeStreamId, _writeNext."""
        if operation.timed_out:
            self.timed_out_operations -= 1
        self.operations.remove(operation)
        self.in_use -= 1
        if not self.pending:
            return
        self.in_use += 1
        while self.pending:
            waiting = self.pending.pop(0)
            if not waiting.timed_out:
                self.write(waiting)
                if waiting.request is not None:
                    self.host.served.append((waiting.request, self))
                return
        self.in_use -= 1

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        operations, self.operations = self.operations, []
        pending, self.pending = self.pending, []
        for operation in operations + pending:
            if operation.timed_out or operation.request is None:
                continue
            self.host.failed.append(operation.request)
            self.host.remove_from_pool(self)


class Host:
    """lib/host.js and lib/host-connection-pool.js."""

    def __init__(
        self, core: int, most: int, streams: int, threshold: int, schedule: Schedule
    ) -> None:
        self.core, self.most, self.streams, self.threshold = core, most, streams, threshold
        self.schedule = schedule
        self.connections: list[Connection] = []
        self.up = True
        self.timer_ms: int | None = None
        self.opening = False
        self.index = 0
        self.now_ms = 0
        self.immediates: list[Callable[[], None]] = []
        self.served: list[tuple[int, Connection]] = []
        self.failed: list[int] = []
        self.status_ms: int | None = None

    # The pool

    def borrow(self) -> Connection | str:
        if not self.connections:
            return "empty"
        chosen = self.min_in_flight()
        return "busy" if chosen.in_use >= self.most else chosen

    def min_in_flight(self) -> Connection:
        connections = self.connections
        length = len(connections)
        if length == 1:
            return connections[0]
        self.index += 1
        if self.index >= 2**15:
            self.index = 0
        current = connections[0]
        for index in range(self.index, self.index + length):
            current = connections[index % length]
            following = connections[(index + 1) % length]
            if following.in_use < current.in_use:
                current = following
            if current.in_use < self.most:
                break
        return current

    def remove(self, connection: Connection) -> None:
        if connection not in self.connections:
            return
        self.connections = [other for other in self.connections if other is not connection]
        self.immediates.append(connection.close)
        self.check_state()

    def warm_up(self) -> None:
        while len(self.connections) < self.core:
            self.opening = True
            self.opened(True)

    def schedule_attempt(self, delay_ms: int) -> None:
        self.timer_ms = self.now_ms + max(delay_ms, 1)

    def has_scheduled(self) -> bool:
        return self.timer_ms is not None or self.opening

    def increase_size(self) -> None:
        if len(self.connections) < self.core and not self.has_scheduled():
            self.schedule_attempt(0)

    def timer(self) -> None:
        assert self.timer_ms is not None
        self.now_ms = max(self.now_ms, self.timer_ms)
        self.timer_ms = None
        if len(self.connections) < self.core and not self.opening:
            self.opening = True

    def opened(self, well: bool) -> None:
        self.opening = False
        if not well:
            self.check_state()
            return
        self.connections = [*self.connections, Connection(self)]
        if not self.up:
            self.up = True
            self.schedule = self.schedule.new()
        self.increase_size()

    # The host

    def check_state(self) -> None:
        if len(self.connections) < self.core and not self.has_scheduled():
            self.schedule_attempt(self.schedule.next())
        if self.core > 0 and not self.connections:
            self.set_down()

    def set_down(self) -> None:
        if self.up:
            self.up = False
            self.check_state()

    def remove_from_pool(self, connection: Connection) -> None:
        self.remove(connection)
        self.check_state()

    def check_health(self, connection: Connection) -> None:
        if connection.timed_out_operations > self.threshold:
            self.remove_from_pool(connection)

    def check_is_up(self) -> None:
        if not self.up:
            self.schedule = self.schedule.new()
            self.schedule_attempt(0)

    # What happens

    def time_out(self, operation: Operation) -> None:
        operation.timed_out = True
        operation.connection.timed_out_operations += 1
        self.check_health(operation.connection)

    def lose(self, connection: Connection) -> None:
        """The socket closes: its operations fail first, then the pool hears of it."""
        connection.close()
        self.remove(connection)

    def fail_heartbeat(self, connection: Connection) -> None:
        connection.timed_out_operations += 1
        self.remove(connection)

    def settle(self) -> None:
        while self.immediates:
            self.immediates.pop(0)()
