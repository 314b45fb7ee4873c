"""A second pool of the Java driver 3, as simple as possible, to hold poolsim's rules against.

Written from the driver's source, not from poolsim's: lists that are searched, sums that are done
anew, nothing that is fast. J3/ is
datastax/java-driver@3.11.0:driver-core/src/main/java/com/datastax/driver/core/. Executor tasks and
handshakes follow the bench: a task starts as soon as one of the two threads is free, in order, and
before any handshake ends; handshakes end at once, in order, unless they are held.
"""

from __future__ import annotations

from tests.model.java3_pools import Active, Settings, State, Trashed

THREADS = 2
"""Of a cluster's blocking executor (J3/ThreadingOptions.java:92-168)."""
BACKOFF_MS = 1_000
"""The first delay of the reconnection policy; each further one is twice as long."""

FULL = "pool is busy: queue full"
OFF = "pool is busy: no queue"
TIMED_OUT = "pool is busy: timed out in the queue"
LOST = "connection lost"
NO_STREAM = "no stream"


class Connection:
    def __init__(self, number: int) -> None:
        self.number = number
        self.serving: list[int] = []
        self.orphans: list[int] = []
        self.dead = False
        self.deadline_ms: int | None = None


class Waiter:
    def __init__(self, request: int) -> None:
        self.request = request
        self.expired = False


class NaivePool:
    """The operations of `BenchedPool`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now_ms = 0.0
        self.made = 0
        self.connections: list[Connection] = []
        self.trash: list[Connection] = []
        self.queue: list[Waiter] = []
        self.tasks = 0
        self.creating = 0
        self.held = False
        self.open = settings.core
        self.asked = 0
        self.peak = 0
        self.backoff_until_ms: float | None = None
        self.failures_in_a_row = 0
        self.grants: list[tuple[int, int]] = []
        self.failures: list[tuple[int, str]] = []
        for _ in range(settings.core):
            self.connections.append(self._new_connection())

    # What the tests ask ---------------------------------------------------------------------------

    @property
    def everywhere(self) -> list[Connection]:
        return self.connections + self.trash

    @property
    def in_flight(self) -> int:
        return sum(len(connection.serving) for connection in self.everywhere)

    @property
    def requests_in_flight(self) -> list[int]:
        return [request for connection in self.everywhere for request in connection.serving]

    @property
    def orphans(self) -> list[int]:
        return [request for connection in self.everywhere for request in connection.orphans]

    @property
    def waiting(self) -> list[int]:
        return [waiter.request for waiter in self.queue if not waiter.expired]

    @property
    def alive(self) -> list[int]:
        return [connection.number for connection in self.everywhere if not connection.dead]

    @property
    def state(self) -> State:
        return State(
            open=self.open,
            creating=self.creating,
            asked=self.asked,
            in_flight=self.in_flight,
            peak=self.peak,
            pending=len(self.queue),
            connections=tuple(
                Active(c.number, len(c.serving), len(c.orphans)) for c in self.connections
            ),
            trash=tuple(
                Trashed(c.number, len(c.serving), len(c.orphans), c.deadline_ms) for c in self.trash
            ),
        )

    # Operations -----------------------------------------------------------------------------------

    def borrow(self, request: int) -> str:
        """J3/HostConnectionPool.java:237-344."""
        self._begin()
        answer = self._borrow(request)
        self._run()
        return answer

    def release(self, request: int) -> None:
        """J3/HostConnectionPool.java:346-368."""
        self._begin()
        self._give_back(self._serving(request), request)
        self._run()

    def time_out(self, request: int) -> None:
        """Given back first, marked after that (J3/Connection.java:1632-1640)."""
        self._begin()
        connection = self._serving(request)
        self._give_back(connection, request, still_taken=1)
        connection.orphans.append(request)
        self._run()

    def late_response(self, request: int) -> None:
        """Frees a stream id, and nobody is told (J3/Connection.java:1267-1287)."""
        self._begin()
        for connection in self.everywhere:
            if request in connection.orphans:
                connection.orphans.remove(request)
        self._run()

    def expire(self, request: int) -> None:
        """The entry stays (J3/HostConnectionPool.java:333-344,737-749)."""
        self._begin()
        for waiter in self.queue:
            if waiter.request == request:
                waiter.expired = True
        self.failures.append((request, TIMED_OUT))
        self._run()

    def cleanup(self) -> None:
        """J3/HostConnectionPool.java:591-642."""
        self._begin()
        settings = self.settings
        load, self.peak = self.peak, self.in_flight
        needed = load // settings.max_requests + 1
        if load % settings.max_requests > settings.threshold:
            needed += 1
        needed = max(needed, settings.core)
        for connection in self.connections[: max(0, self.open - needed)]:
            if self.open > settings.core:
                self.open -= 1
                self.connections.remove(connection)
                connection.deadline_ms = int(self.now_ms + settings.idle_timeout_ms)
                self.trash.append(connection)
        self.trash = [
            connection
            for connection in self.trash
            if connection.serving
            or (connection.deadline_ms is not None and connection.deadline_ms >= int(self.now_ms))
        ]
        self._run()

    def lose(self, number: int) -> None:
        """J3/Connection.java:596-625, J3/HostConnectionPool.java:582-589."""
        self._begin()
        (connection,) = (c for c in self.everywhere if c.number == number)
        connection.dead = True
        self._connection_failed()
        if connection in self.connections:
            self.connections.remove(connection)
            self.open -= 1
        self.failures += [(request, LOST) for request in connection.serving]
        connection.serving.clear()
        connection.orphans.clear()
        self._run()

    def hold(self, held: bool) -> None:
        self._begin()
        self.held = held
        self._run()

    def refuse(self) -> None:
        """A failed creation (J3/HostConnectionPool.java:517-546): no waiter hears of it."""
        self._begin()
        self.creating -= 1
        self.open -= 1
        self.asked -= 1
        self._connection_failed()
        self._run()

    # Rules ----------------------------------------------------------------------------------------

    def _borrow(self, request: int) -> str:
        settings = self.settings
        if not self.connections:
            if self._can_reconnect():
                if settings.core == 0:
                    self._maybe_spawn()
                elif self.asked == 0:
                    self.asked = settings.core
                    self.tasks += settings.core
            return self._enqueue(request)
        pick = min(self.connections, key=lambda connection: len(connection.serving))
        if len(pick.serving) >= self._room(pick):
            return self._enqueue(request)
        pick.serving.append(request)
        self.peak = max(self.peak, self.in_flight)
        n = self.open + self.asked
        threshold = (n - 1) * settings.max_requests + settings.threshold
        if n < settings.core or (n < settings.max and self.in_flight > threshold):
            self._maybe_spawn()
        if pick.dead:
            # It cannot be written and goes back at once (J3/RequestHandler.java:411-421).
            pick.serving.remove(request)
            self.failures.append((request, LOST))
        return f"granted {pick.number}"

    def _enqueue(self, request: int) -> str:
        if self.settings.queue == 0 or self.settings.pool_timeout_ms == 0:
            return OFF
        if len(self.queue) >= self.settings.queue:
            return FULL
        self.queue.append(Waiter(request))
        return "queued"

    def _give_back(self, connection: Connection, request: int, still_taken: int = 0) -> None:
        connection.serving.remove(request)
        if connection.dead or connection in self.trash:
            return
        if self._starved(connection):
            self.open -= 1
            self._maybe_spawn()
            connection.deadline_ms = None
            self.connections.remove(connection)
            self.trash.append(connection)
        else:
            self._dequeue(connection, still_taken)

    def _dequeue(self, connection: Connection, still_taken: int = 0) -> None:
        """A waiter that cannot be written gives its connection back inside this loop
        (J3/HostConnectionPool.java:372-440, J3/RequestHandler.java:404-428)."""
        while self.queue and len(connection.serving) < self._room(connection):
            waiter = self.queue.pop(0)
            taken = len(connection.serving) + len(connection.orphans) + still_taken
            if waiter.expired:
                continue
            if connection.dead:
                self.failures.append((waiter.request, LOST))
            elif taken >= self.settings.streams:
                self.failures.append((waiter.request, NO_STREAM))
            else:
                connection.serving.append(waiter.request)
                self.grants.append((waiter.request, connection.number))

    def _room(self, connection: Connection) -> int:
        return min(self.settings.streams - len(connection.orphans), self.settings.max_requests)

    def _starved(self, connection: Connection) -> bool:
        least = self.settings.max_requests * 3 // 4
        return self.settings.streams - len(connection.orphans) < least

    def _maybe_spawn(self) -> None:
        if self._can_reconnect() and self.asked == 0:
            self.asked = 1
            self.tasks += 1

    def _add_if_under_maximum(self) -> None:
        if self.open >= self.settings.max:
            self.asked -= 1
            return
        least = self.settings.max_requests * 3 // 4
        candidates = [
            connection
            for connection in self.trash
            if connection.deadline_ms is not None
            and connection.deadline_ms > int(self.now_ms)
            and self.settings.streams - len(connection.orphans) > least
        ]
        if candidates:
            chosen = max(candidates, key=lambda connection: connection.deadline_ms or 0)
            self.trash.remove(chosen)
            self._join(chosen)
            self.open += 1
            self.asked -= 1
        elif self._can_reconnect():
            self.open += 1
            self.creating += 1
            self.backoff_until_ms = None
            self.failures_in_a_row = 0
        else:
            self.asked -= 1

    def _join(self, connection: Connection) -> None:
        self.connections.append(connection)
        self._dequeue(connection)

    def _can_reconnect(self) -> bool:
        return self.backoff_until_ms is None or self.now_ms >= self.backoff_until_ms

    def _connection_failed(self) -> None:
        """J3/ConvictionPolicy.java:66-139; a connection elsewhere keeps the host up."""
        if self._can_reconnect():
            self.backoff_until_ms = self.now_ms + BACKOFF_MS * 2**self.failures_in_a_row
            self.failures_in_a_row += 1

    # The bench ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.grants = []
        self.failures = []

    def _run(self) -> None:
        while True:
            if self.tasks and self.creating < THREADS:
                self.tasks -= 1
                self._add_if_under_maximum()
            elif self.creating and not self.held:
                self.creating -= 1
                self.asked -= 1
                self._join(self._new_connection())
            else:
                return

    def _serving(self, request: int) -> Connection:
        (connection,) = (c for c in self.everywhere if request in c.serving)
        return connection

    def _new_connection(self) -> Connection:
        connection = Connection(self.made)
        self.made += 1
        return connection
