"""What stands for one node towards drivers: its listening socket, state and connections."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from heapq import heapify, heappush
from time import monotonic_ns
from typing import TYPE_CHECKING

from poolsim.harness.proxy.log import Numbered
from poolsim.harness.proxy.pacing import Fifo, Services
from poolsim.harness.proxy.pair import Pair

if TYPE_CHECKING:
    from poolsim.harness.proxy.core import Proxy

PROBE_NS = 50_000_000
"""How often a node that is gone is asked whether it is back."""
SUSPECT_NS = 400_000_000
"""How long after the end of a connection the node is suspected to be gone."""
SILENCE_NS = 200_000_000
"""A node that answers nothing for so long, though asked, has fallen silent."""
_BACKLOG = 1024

Address = tuple[str, int]


def parse_address(text: object) -> Address:
    """An address of the form 127.0.1.1:9042.

    Raises:
        ValueError: it is none, or not one of this machine's own.
    """
    host, _, port = str(text).rpartition(":")
    if not host.startswith("127.") or not port.isdigit():
        raise ValueError(f"{text!r} is no loopback address such as 127.0.1.1:9042")
    return host, int(port)


class Listener:
    """A node's address as drivers see it.

    It listens while the node behind accepts connections, and no longer: a client is refused by
    it as by the node itself.
    """

    def __init__(
        self,
        proxy: Proxy,
        address: Address,
        backend: Address,
        number: int,
        fifo: Fifo | None,
        services: Services | None,
    ) -> None:
        """Listen if the node accepts connections.

        Raises:
            OSError: the address is taken.
        """
        self.proxy = proxy
        self.address = address
        self.name = f"{address[0]}:{address[1]}"
        self.backend = backend
        self.number = number
        self.pairs: dict[int, Pair] = {}
        self.holds_connects = False
        self.keeps_responses = False
        self.is_silent = False
        self.late_backends = 0
        self.heard_ns = monotonic_ns()
        self._fifo = fifo
        self._services = services
        self._sock: socket.socket | None = None
        self._probe: socket.socket | None = None
        self._probe_at = 0
        self._suspect_until = 0
        self._fell_silent = False
        self._silent_since = 0
        self._frozen: list[tuple[int, int, Pair, Numbered, bytes]] = []
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        probe.settimeout(1.0)
        with probe:
            is_there = probe.connect_ex(backend) == 0
        if is_there:
            self._open()
        else:
            self.note("not_listening")

    @property
    def is_listening(self) -> bool:
        """Whether a client would be accepted."""
        return self._sock is not None

    def note(self, kind: str, port: int = -1, at_ns: int | None = None) -> None:
        """Add an event."""
        at = monotonic_ns() if at_ns is None else at_ns
        self.proxy.events.append((at, self.name, kind, port))

    def close(self) -> None:
        """Listen no longer, and end all connections."""
        self._stop_listening()
        self._end_probe()
        for pair in list(self.pairs.values()):
            pair.close("cut", reset=True)

    # Connections ----------------------------------------------------------------------------------

    def hold_connects(self, value: bool) -> None:
        """New connections stay in their handshake, or all go on."""
        if not self.is_silent:
            # What was there before the command came is not new.
            self._accept(0)
        self.holds_connects = value
        if not value:
            for pair in list(self.pairs.values()):
                pair.let_go()

    def held(self) -> list[Pair]:
        """Connections that are held in their handshake, the oldest first."""
        return [pair for pair in self.pairs.values() if pair.is_held and pair.has_spoken]

    def gone(self, pair: Pair, kind: str, at_ns: int) -> None:
        """A pair has closed, from `at_ns` on."""
        self.note(kind, pair.client_port, at_ns)
        if self.pairs.get(pair.client_port) is pair:
            del self.pairs[pair.client_port]
        for request in pair.forget_unanswered():
            if request.is_logged:
                self.proxy.add_row(request, self, pair, -1)

    def _open(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self.address)
            sock.setblocking(False)
            sock.listen(_BACKLOG)
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        self._suspect_until = 0
        self.note("listening")
        if not self.is_silent:
            self.proxy.loop.watch(sock.fileno(), select.EPOLLIN, self._accept)

    def _accept(self, _events: int) -> None:
        while self._sock is not None:
            try:
                sock, peer = self._sock.accept()
            except OSError:
                return
            self.note("accepted", peer[1])
            pair = self.pairs[peer[1]] = Pair(self, sock, peer[1], self.holds_connects)
            pair.begin()

    def _stop_listening(self) -> None:
        if self._sock is not None:
            self.proxy.loop.forget(self._sock.fileno())
            self._sock.close()
            self._sock = None

    # The node's life ------------------------------------------------------------------------------

    def backend_refused(self) -> None:
        """The node refused a connection: it is gone, and what it had taken in with it."""
        if self._sock is None:
            return
        at_ns = monotonic_ns()
        self._stop_listening()
        self.note("not_listening", at_ns=at_ns)
        if self._fifo is not None:
            self._fifo.reset()
        for pair in list(self.pairs.values()):
            if pair.is_held:
                pair.close("refused", reset=True)

    def suspect(self) -> None:
        """The node closed a connection: ask at once, and again soon, whether it still listens."""
        now = monotonic_ns()
        self._suspect_until = now + SUSPECT_NS
        if self._sock is not None and self._probe is None and not self.is_silent:
            self._begin_probe(now)

    def tick(self, now: int) -> None:
        """Look after a node that is gone or may be, and after one that does not answer."""
        if self.is_silent:
            return
        if self._sock is None or now < self._suspect_until:
            if self._probe is None and now >= self._probe_at:
                self._begin_probe(now)
            elif self._probe is not None and now >= self._probe_at + 20 * PROBE_NS:
                self._end_probe()
        self._note_silence(now)

    def _begin_probe(self, now: int) -> None:
        self._probe_at = now + (PROBE_NS if self._sock is None else 0)
        self._probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._probe.setblocking(False)
        self._probe.connect_ex(self.backend)
        self.proxy.loop.watch(self._probe.fileno(), select.EPOLLOUT, self._on_probe)

    def _on_probe(self, _events: int) -> None:
        assert self._probe is not None
        is_there = self._probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        self._end_probe()
        if not is_there:
            self.backend_refused()
        elif self._sock is None:
            # Whoever took the address meanwhile may leave it again: the next probe tries again.
            with suppress(OSError):
                self._open()

    def _end_probe(self) -> None:
        if self._probe is not None:
            self.proxy.loop.forget(self._probe.fileno())
            self._probe.close()
            self._probe = None

    def _note_silence(self, now: int) -> None:
        heard = self.heard_ns
        if self._fell_silent:
            if now - heard < SILENCE_NS:
                self._fell_silent = False
                self.note("answers_again", at_ns=heard)
            return
        if now - heard < SILENCE_NS:
            return
        for pair in self.pairs.values():
            for request in pair.paced.values():
                if now - max(request.arrived_ns, heard) >= SILENCE_NS:
                    self._fell_silent = True
                    self.note("answers_nothing", at_ns=heard)
                    return

    # Silence --------------------------------------------------------------------------------------

    def set_silent(self, value: bool) -> None:
        """Stand still as a paused process does: the kernel keeps what comes, nothing goes out.

        When it goes on, what it was working on takes as much longer as it stood still.
        """
        if value == self.is_silent:
            return
        self.is_silent = value
        loop = self.proxy.loop
        if value:
            self._silent_since = monotonic_ns()
            self.note("silent", at_ns=self._silent_since)
            if self._sock is not None:
                loop.forget(self._sock.fileno())
            for pair in self.pairs.values():
                pair.pause()
            self._frozen = [entry for entry in loop.due if entry[2].listener is self]
            loop.due[:] = [entry for entry in loop.due if entry[2].listener is not self]
            heapify(loop.due)
            return
        now = monotonic_ns()
        self.heard_ns = now
        self.note("resumed", at_ns=now)
        self._thaw(now)
        for pair in list(self.pairs.values()):
            pair.resume()
        if self._sock is not None:
            loop.watch(self._sock.fileno(), select.EPOLLIN, self._accept)

    def _thaw(self, now: int) -> None:
        since, stood_ns = self._silent_since, now - self._silent_since
        if self._fifo is not None:
            self._fifo.shift(since, stood_ns)
        for pair in self.pairs.values():
            for request in pair.paced.values():
                if request.due_ns > since:
                    request.due_ns += stood_ns
        frozen, self._frozen = self._frozen, []
        for _, order, pair, request, frame in frozen:
            request.due_ns += stood_ns
            heappush(self.proxy.loop.due, (request.due_ns, order, pair, request, frame))

    # Responses ------------------------------------------------------------------------------------

    def keep_responses(self, value: bool) -> None:
        """Keep responses to requests back, or let all go."""
        self.keeps_responses = value
        if not value:
            for pair in self.pairs.values():
                pair.release_all()

    def arrival(self, number: int, attempt: int, stream: int, now: int) -> Numbered | None:
        """A numbered request was read; None where it is neither paced nor logged."""
        proxy = self.proxy
        if self._fifo is None and proxy.log is None:
            return None
        before = proxy.sendings.get(number, 0)
        proxy.sendings[number] = before + 1
        request = Numbered(number, before if attempt < 0 else attempt, stream, now)
        request.is_logged = proxy.log is not None
        if self._fifo is not None and self._services is not None:
            request.service_ns = self._services.at(number, request.attempt)
            request.due_ns = self._fifo.finish(now, request.service_ns)
        return request

    def keep_until_due(self, pair: Pair, request: Numbered, frame: bytes) -> None:
        """A paced node's response is there before its time."""
        proxy = self.proxy
        proxy.order += 1
        heappush(proxy.loop.due, (request.due_ns, proxy.order, pair, request, frame))

    def sent(self, pair: Pair, requests: list[Numbered]) -> None:
        """The responses to these went out just now."""
        now = monotonic_ns()
        for request in requests:
            if request.is_logged:
                self.proxy.add_row(request, self, pair, now)
