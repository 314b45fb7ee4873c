"""One client connection and its connection to the node behind: what passes, what is kept back."""

from __future__ import annotations

import select
import socket
from time import monotonic_ns
from typing import TYPE_CHECKING

from poolsim.harness.proxy.frames import (
    BATCH,
    EVENT,
    EXECUTE,
    LAST_VERSION,
    QUERY,
    REGISTER,
    NotCql,
    is_handshake_query,
    request_number,
    split,
    status_change,
)
from poolsim.harness.proxy.log import Numbered
from poolsim.harness.proxy.loop import Channel

if TYPE_CHECKING:
    from poolsim.harness.proxy.listener import Listener

_REQUESTS = frozenset((QUERY, EXECUTE, BATCH))
_CONNECTING = (0, 115, 36)
"""connect_ex: done, or under way (EINPROGRESS of Linux, of other systems)."""


class Pair:
    """A client's connection through a listener.

    `is_held`: nothing is forwarded and the node knows nothing of it. `kept` holds responses by
    stream id while the listener keeps responses back.
    """

    __slots__ = (
        "_asked",
        "_client_rest",
        "_early",
        "_is_connected",
        "_is_opaque",
        "_node_rest",
        "client",
        "client_port",
        "is_closed",
        "is_exempt",
        "is_held",
        "kept",
        "listener",
        "node",
        "paced",
    )

    def __init__(self, listener: Listener, sock: socket.socket, port: int, held: bool) -> None:
        """Take a connection that was accepted; `begin` sets it going."""
        self.listener = listener
        self.client_port = port
        self.client = Channel(listener.proxy.loop, sock, self._from_client)
        self.node: Channel | None = None
        self.is_held = held
        self.is_closed = False
        self.is_exempt = False
        self.kept: dict[int, bytes] = {}
        self.paced: dict[int, Numbered] = {}
        self._asked: set[int] = set()
        self._early = b""
        self._client_rest = b""
        self._node_rest = b""
        self._is_connected = False
        self._is_opaque = False

    @property
    def has_spoken(self) -> bool:
        """Whether the first frame of a held handshake has come."""
        return bool(self._early)

    def begin(self) -> None:
        """Read from the client and, unless held, connect to the node."""
        self.client.resume()
        if not self.is_held:
            self._connect()

    def let_go(self) -> None:
        """The handshake may go on."""
        if self.is_held:
            self.is_held = False
            self._connect()

    def pause(self) -> None:
        """Read nothing more from either side."""
        self.client.pause()
        if self.node is not None:
            self.node.pause()

    def resume(self) -> None:
        """Read again from both sides."""
        self.client.resume()
        if self.node is not None and self._is_connected:
            self.node.resume()

    def release(self, stream: int) -> None:
        """Let a response that was kept back go."""
        self.client.write(self.kept.pop(stream))

    def release_all(self) -> None:
        """Let all responses that were kept back go, in the order in which they came."""
        if self.kept:
            data = b"".join(self.kept.values())
            self.kept.clear()
            self.client.write(data)

    def close(self, kind: str, *, reset: bool = False) -> None:
        """End both sides; `kind` is how the event is called."""
        if self.is_closed:
            return
        self.is_closed = True
        # Before the client can know: what it does about it must not seem to come first.
        at_ns = monotonic_ns()
        self.client.close(reset=reset)
        if self.node is not None:
            self.node.close(reset=reset)
        self.listener.gone(self, kind, at_ns)

    # The way to the node --------------------------------------------------------------------------

    def _connect(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        self.node = Channel(self.listener.proxy.loop, sock, self._from_node)
        if sock.connect_ex(self.listener.backend) not in _CONNECTING:
            self._refused()
            return
        loop = self.listener.proxy.loop
        loop.watch(self.node.fd, select.EPOLLOUT, self._on_connected)

    def _on_connected(self, _events: int) -> None:
        assert self.node is not None
        sock = self.node.sock
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            self._refused()
            return
        try:
            sock.getpeername()
        except OSError:
            return  # an event of another socket that had this descriptor before
        self.listener.proxy.loop.forget(self.node.fd)
        self._is_connected = True
        if not self.listener.is_silent:
            self.node.resume()
        early, self._early = self._early, b""
        if early:
            self._take(early, monotonic_ns())

    def _refused(self) -> None:
        self.close("refused", reset=True)
        self.listener.backend_refused()

    def _from_client(self) -> None:
        data = self.client.read()
        if data is None:
            return
        if not data:
            self.close("client_closed")
        elif self._is_connected:
            self._take(data, monotonic_ns())
        else:
            self._early += data

    def _take(self, data: bytes, now: int) -> None:
        """Pass on the whole frames of what the client sent."""
        assert self.node is not None
        if self._is_opaque:
            self.node.write(data)
            return
        if self._client_rest:
            data = self._client_rest + data
        try:
            frames, end = split(data)
        except NotCql:
            self._become_opaque(data)
            return
        for flags, stream, opcode, _, body, after in frames:
            if opcode in _REQUESTS:
                self._note_request(data, flags, stream, opcode, body, after, now)
            elif opcode == REGISTER:
                # A control connection: what it asks is no request of the application.
                self.is_exempt = True
        if end == len(data):
            self._client_rest = b""
            self.node.write(data)
        else:
            self._client_rest = data[end:]
            if end:
                self.node.write(data[:end])

    def _note_request(
        self, data: bytes, flags: int, stream: int, opcode: int, body: int, end: int, now: int
    ) -> None:
        number, attempt = request_number(data, flags, body, end)
        if number >= 0:
            request = self.listener.arrival(number, attempt, stream, now)
            if request is not None:
                self.paced[stream] = request
                return
        if opcode != BATCH and not (opcode == QUERY and is_handshake_query(data, body, end)):
            self._asked.add(stream)

    def _become_opaque(self, data: bytes) -> None:
        """Another protocol version: pass bytes as they come (a server refuses it by itself)."""
        assert self.node is not None
        first = data[0] & 0x7F
        if first <= LAST_VERSION:
            self.close("cut", reset=True)
            return
        self._is_opaque = True
        self._client_rest = b""
        self.node.write(data)

    # The way back ---------------------------------------------------------------------------------

    def _from_node(self) -> None:
        assert self.node is not None
        data = self.node.read()
        if data is None:
            return
        if not data:
            self.close("backend_closed")
            self.listener.suspect()
            return
        now = monotonic_ns()
        listener = self.listener
        listener.heard_ns = now
        if self._is_opaque:
            self.client.write(data)
            return
        if self._node_rest:
            data = self._node_rest + data
        try:
            frames, end = split(data)
        except NotCql:
            self.close("cut", reset=True)
            return
        self._node_rest = data[end:] if end < len(data) else b""
        keeps = listener.keeps_responses and not self.is_exempt
        passed: list[bytes] = []
        done: list[Numbered] = []
        for _, stream, opcode, begin, body, after in frames:
            frame = data[begin:after]
            if opcode == EVENT:
                self._note_status(data, body, after, now)
            request = self.paced.pop(stream, None) if self.paced else None
            if request is not None:
                request.backend_ns = now
                if request.due_ns > now:
                    listener.keep_until_due(self, request, frame)
                    continue
                listener.late_backends += request.due_ns >= 0
                done.append(request)
            elif stream in self._asked:
                self._asked.discard(stream)
                if keeps:
                    self.kept[stream] = frame
                    continue
            passed.append(frame)
        if passed:
            self.client.write(passed[0] if len(passed) == 1 else b"".join(passed))
            if done:
                listener.sent(self, done)

    def _note_status(self, data: bytes, body: int, end: int, now: int) -> None:
        """A status event is one of the node that it is about, whoever told it."""
        told = status_change(data, body, end)
        if told is None:
            return
        change, address = told
        for listener in self.listener.proxy.listeners.values():
            if address in (listener.backend[0], listener.address[0]):
                listener.note(f"status_{change.lower()}", self.client_port, now)

    def forget_unanswered(self) -> list[Numbered]:
        """The requests whose response did not come, which will not come any more."""
        unanswered = list(self.paced.values())
        self.paced.clear()
        return unanswered
