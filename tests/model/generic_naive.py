"""A second pool as the document "Asynchronous Connections" describes it, as simple as possible, to
hold poolsim's rules against.

Written from the document (002:line) and the choices that the headers of poolsim's generic driver
name, not from its rules: lists that are searched, sums that are done anew, exact fractions. Tasks
and handshakes follow the bench: what is due at an instant is done in the order queue timeouts,
reconnections, looks for idle connections, tasks; handshakes end after that, in order, unless they
are held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.model import generic_pools
from tests.model.generic_pools import Settings, State

BUSY = "connection is busy"
TIMED_OUT = "pool is busy: timed out in the queue"
LOST = "connection lost"
NONE = "no connection"


@dataclass(eq=False)
class Connection:
    number: int
    shard: int
    quiet_since_ms: float
    sent: dict[int, int] = field(default_factory=dict)
    """Stream id by request, orphans included."""
    orphans: set[int] = field(default_factory=set)
    pressed: bool = False
    next_id: int = 0


@dataclass(eq=False)
class Waiter:
    request: int
    connection: Connection | None
    until_ms: float


class NaivePool:
    """The operations of `BenchedPool`. `shard_of` and `choice_of` give what is drawn: the shard of
    a request's key, and a whole number for a random selection."""

    def __init__(
        self,
        settings: Settings,
        shard_of: Callable[[int], int],
        choice_of: Callable[[int, int], int],
    ) -> None:
        self.settings = settings
        self.shard_of, self.choice_of = shard_of, choice_of
        self.now_ms = 0.0
        self.made = 0
        self.connections: list[Connection] = []
        self.queue: list[Waiter] = []
        self.tasks: list[str] = []
        self.handshakes: list[tuple[str, int]] = []
        self.held = False
        self.up = True
        self.retry_at_ms: float | None = None
        self.attempt_under_way = False
        self.attempts_failed = 0
        self.growth_from_ms = 0.0
        self.turn = 0
        self.tried: dict[int, int] = {}
        self.rejected = 0
        self.next_look_ms = float(settings.idle_check)
        self.grants: list[tuple[int, int]] = []
        self.failures: list[tuple[int, str]] = []
        if settings.warming == "before_start":
            for _ in range(settings.core):
                self.join(self.number())
        elif settings.warming == "at_start":
            self.tasks += ["open"] * settings.core
        self.run()

    # What the tests ask ---------------------------------------------------------------------------

    @property
    def making(self) -> int:
        return len(self.tasks) + len(self.handshakes)

    @property
    def in_flight(self) -> list[int]:
        return [r for c in self.connections for r in c.sent if r not in c.orphans]

    @property
    def orphans(self) -> list[int]:
        return [r for c in self.connections for r in c.sent if r in c.orphans]

    @property
    def waiting(self) -> list[int]:
        return [waiter.request for waiter in self.queue]

    def queued(self, connection: Connection) -> int:
        return sum(waiter.connection is connection for waiter in self.queue)

    def load(self, connection: Connection) -> int:
        """002:314 and the issue: in flight is sent and queued."""
        return len(connection.sent) + self.queued(connection)

    @property
    def state(self) -> State:
        until = -1
        if self.attempt_under_way:
            until = 0
        elif self.retry_at_ms is not None:
            until = int(self.retry_at_ms - self.now_ms)
        return State(
            connections=tuple(
                generic_pools.Connection(
                    c.number,
                    len(c.sent) - len(c.orphans),
                    len(c.orphans),
                    self.queued(c),
                    c.pressed,
                    c.shard,
                )
                for c in self.connections
            ),
            queue=tuple(
                (waiter.request, waiter.connection.number if waiter.connection else -1)
                for waiter in self.queue
            ),
            making=self.making,
            up=self.up,
            reconnecting=until,
            attempts_failed=self.attempts_failed if until >= 0 else 0,
            rejected=self.rejected,
        )

    # Watermarks (002:151-162, 302-328) ------------------------------------------------------------

    def at_high(self, count: int) -> bool:
        """100 % is no watermark: the maximum rejects."""
        if self.settings.high == 100:
            return False
        return count >= Fraction(self.settings.high, 100) * self.settings.max_requests

    def at_low(self, count: int) -> bool:
        return count <= Fraction(self.settings.low, 100) * self.settings.max_requests

    def decide(self, connection: Connection) -> str:
        load = self.load(connection)
        if load >= self.settings.max_requests:
            return "reject"
        if self.at_high(load):
            connection.pressed = True
        if connection.pressed:
            return self.settings.policy
        if self.queued(connection) or not self.can_send(connection):
            return "queue"
        return "send"

    def reach(self, connection: Connection) -> None:
        """002:162: "when the high watermark is reached"."""
        if self.at_high(self.load(connection)):
            connection.pressed = True

    def can_send(self, connection: Connection) -> bool:
        """002:281-298 and 002:134-149."""
        if not self.settings.pipelining and connection.sent:
            return False
        return self.free_id(connection) is not None

    def free_id(self, connection: Connection) -> int | None:
        limit = self.settings.streams or 32_768
        taken = set(connection.sent.values())
        if self.settings.allocation == "sequential":
            return connection.next_id if connection.next_id not in taken else None
        return next((i for i in range(min(limit, len(taken) + 1)) if i not in taken), None)

    def send(self, connection: Connection, request: int) -> None:
        stream = self.free_id(connection)
        assert stream is not None
        connection.sent[request] = stream
        connection.next_id = (stream + 1) % (self.settings.streams or 32_768)
        self.grants.append((request, connection.number))

    def answered(self, connection: Connection) -> None:
        if connection.pressed and self.at_low(len(connection.sent)):
            connection.pressed = False
        for waiter in [one for one in self.queue if one.connection is connection]:
            if connection.pressed or not self.can_send(connection):
                break
            self.queue.remove(waiter)
            self.send(connection, waiter.request)
            if self.at_high(len(connection.sent)):
                connection.pressed = True
        self.note_quiet(connection)

    def note_quiet(self, connection: Connection) -> None:
        if self.load(connection) == 0:
            connection.quiet_since_ms = self.now_ms

    def takes_no_more(self, connection: Connection) -> bool:
        full = self.load(connection) >= self.settings.max_requests
        return full or (self.settings.policy == "reject" and connection.pressed)

    # Requests -------------------------------------------------------------------------------------

    def borrow(self, request: int, avoid: int = -1) -> str:
        self.begin()
        answer = self._borrow(request, avoid)
        self.tried[request] = self.tried.get(request, 0) + 1
        self.run()
        return answer

    def _borrow(self, request: int, avoid: int) -> str:
        if not self.up:
            return "skipped"
        settings = self.settings
        if not self.connections:
            if len(self.queue) >= settings.max_requests * max(settings.core, 1):
                self.rejected += 1
                return BUSY
            if not self.making:
                self.tasks += ["open"] * max(settings.core, 1)
            self.wait_for(request, None)
            return "queued"
        connection = self.select(request, avoid)
        if connection is None:
            return "skipped"
        decision = self.decide(connection)
        if decision == "send":
            self.send(connection, request)
        elif decision == "queue":
            self.wait_for(request, connection)
        else:
            self.rejected += 1
        if decision != "reject":
            self.reach(connection)
        if self.takes_no_more(connection):
            self.consider_growth()
        return {"send": "sent", "queue": "queued", "reject": BUSY}[decision]

    def wait_for(self, request: int, connection: Connection | None) -> None:
        timeout = self.settings.queue_timeout or float("inf")
        self.queue.append(Waiter(request, connection, self.now_ms + timeout))

    def select(self, request: int, avoid: int) -> Connection | None:
        """002:206-212."""
        listed = [c for c in self.connections if c.number != avoid]
        if not listed:
            return None
        match self.settings.selection:
            case "round_robin":
                self.turn += 1
                return listed[(self.turn - 1) % len(listed)]
            case "random":
                place = self.choice_of(request, self.tried.get(request, 0)) % len(listed)
                return listed[place]
            case "by_shard":
                own = [c for c in listed if c.shard == self.shard_of(request)]
                return min(own or listed, key=self.load)
        return min(listed, key=self.load)

    def respond(self, request: int) -> None:
        self.begin()
        connection = next(c for c in self.connections if request in c.sent)
        del connection.sent[request]
        connection.orphans.discard(request)
        self.answered(connection)
        self.run()

    def time_out(self, request: int) -> None:
        self.begin()
        next(c for c in self.connections if request in c.sent).orphans.add(request)
        self.run()

    # Connections ----------------------------------------------------------------------------------

    def consider_growth(self) -> None:
        """002:218-222."""
        size = len(self.connections) + self.making
        at_maximum = all(map(self.takes_no_more, self.connections)) and not self.making
        if at_maximum and size < self.settings.max and self.now_ms >= self.growth_from_ms:
            self.tasks.append("open")

    def look_for_idle(self) -> None:
        """002:224-228."""
        for connection in self.connections.copy():
            idle_ms = self.now_ms - connection.quiet_since_ms
            idle = self.load(connection) == 0 and idle_ms > self.settings.idle_timeout
            if idle and len(self.connections) > self.settings.core:
                self.connections.remove(connection)

    def number(self) -> int:
        self.made += 1
        return self.made - 1

    def join(self, number: int) -> None:
        shards = 1
        if self.settings.selection == "by_shard":
            shards = self.settings.shards or self.settings.max
        counts = [sum(c.shard == shard for c in self.connections) for shard in range(shards)]
        connection = Connection(number, counts.index(min(counts)), self.now_ms)
        self.connections.append(connection)
        self.up = True
        for waiter in [one for one in self.queue if one.connection is None]:
            decision = self.decide(connection)
            if decision == "send":
                self.queue.remove(waiter)
                self.send(connection, waiter.request)
            elif decision == "queue":
                waiter.connection = connection
            if decision != "reject":
                self.reach(connection)
            elif self.making:
                break
            else:
                self.fail(waiter, BUSY)

    def fail(self, waiter: Waiter, error: str) -> None:
        self.queue.remove(waiter)
        self.failures.append((waiter.request, error))
        if error in (BUSY, TIMED_OUT):
            self.rejected += 1

    def lose(self, number: int) -> None:
        """002:374-378."""
        self.begin()
        gone = next(c for c in self.connections if c.number == number)
        self.connections.remove(gone)
        self.failures += [(request, LOST) for request in gone.sent if request not in gone.orphans]
        for waiter in [one for one in self.queue if one.connection is gone]:
            if not self.connections:
                self.fail(waiter, NONE)
                continue
            other = min(self.connections, key=self.load)
            decision = self.decide(other)
            if decision == "send":
                self.queue.remove(waiter)
                self.send(other, waiter.request)
            elif decision == "queue":
                waiter.connection = other
            else:
                self.fail(waiter, BUSY)
            if decision != "reject":
                self.reach(other)
        if not self.connections:
            self.up = False
        self.reconnect_if_needed(0)
        self.run()

    # Reconnection (002:380-388) -------------------------------------------------------------------

    def lacks(self) -> bool:
        least = self.settings.core or (0 if self.up else 1)
        return len(self.connections) + self.making < least

    def reconnect_if_needed(self, failed: int) -> None:
        if self.retry_at_ms is None and not self.attempt_under_way and self.lacks():
            self.attempts_failed = failed
            self.schedule_attempt()

    def schedule_attempt(self) -> None:
        delay = 0
        if self.attempts_failed:
            delay = min(self.settings.base * 2 ** (self.attempts_failed - 1), self.settings.longest)
        self.retry_at_ms = self.now_ms + delay

    def opened(self, purpose: str, number: int) -> None:
        if purpose == "reconnect":
            self.attempt_under_way = False
        self.join(number)
        self.reconnect_if_needed(0)

    def refuse(self) -> None:
        self.begin()
        purpose, _ = self.handshakes.pop(0)
        if not self.connections and not self.making:
            self.up = False
            for waiter in self.queue.copy():
                self.fail(waiter, NONE)
        if purpose == "reconnect":
            self.attempt_under_way = False
            self.attempts_failed += 1
            self.schedule_attempt()
        else:
            self.growth_from_ms = self.now_ms + self.settings.base
            self.reconnect_if_needed(1)
        self.run()

    # Time -----------------------------------------------------------------------------------------

    def hold(self, held: bool) -> None:
        self.begin()
        self.held = held
        self.run()

    def wait(self, milliseconds: float) -> None:
        self.begin()
        until = self.now_ms + milliseconds
        while True:
            moments = [waiter.until_ms for waiter in self.queue]
            moments += [self.next_look_ms]
            moments += [self.retry_at_ms] if self.retry_at_ms is not None else []
            if min(moments) > until:
                break
            self.now_ms = min(moments)
            self.run()
        self.now_ms = until
        self.run()

    def begin(self) -> None:
        self.grants, self.failures = [], []

    def run(self) -> None:
        """Do what is due at this instant until nothing is."""
        while True:
            late = [waiter for waiter in self.queue if waiter.until_ms <= self.now_ms]
            if late:
                self.fail(late[0], TIMED_OUT)
                if late[0].connection is not None:
                    self.note_quiet(late[0].connection)
            elif self.retry_at_ms is not None and self.retry_at_ms <= self.now_ms:
                self.retry_at_ms = None
                if self.lacks():
                    self.attempt_under_way = True
                    self.tasks.append("reconnect")
            elif self.next_look_ms <= self.now_ms:
                self.next_look_ms = self.now_ms + self.settings.idle_check
                self.look_for_idle()
            elif self.tasks and len(self.handshakes) < self.settings.opens:
                self.handshakes.append((self.tasks.pop(0), self.number()))
            elif self.handshakes and not self.held:
                self.opened(*self.handshakes.pop(0))
            else:
                return
