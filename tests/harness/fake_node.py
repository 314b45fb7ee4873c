"""A node that speaks just enough CQL: it answers every request at once with a row, "5.0.5"."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

HEADER = struct.Struct(">BBhBi")
PAYLOAD = 0x04
QUERY, STARTUP, REGISTER = 0x07, 0x01, 0x0B
READY, RESULT, EVENT = 0x02, 0x08, 0x0C


def request(stream: int, number: int | None = None, opcode: int = QUERY, text: str = "x") -> bytes:
    """A request frame of v4, with the harness's request number where one is given."""
    body = b""
    flags = 0
    if number is not None:
        flags = PAYLOAD
        key = b"poolsim"
        body = struct.pack(">HH", 1, len(key)) + key + struct.pack(">iq", 8, number)
    encoded = text.encode()
    body += struct.pack(">i", len(encoded)) + encoded + b"\x00\x01\x00"
    return HEADER.pack(4, flags, stream, opcode, len(body)) + body


def _version_rows(version: bytes = b"5.0.5") -> bytes:
    """A result of one row of one column without metadata."""
    return struct.pack(">iiiii", 2, 4, 1, 1, len(version)) + version


def response(stream: int, body: bytes = _version_rows(), opcode: int = RESULT) -> bytes:
    return HEADER.pack(0x84, 0, stream, opcode, len(body)) + body


def status_event(kind: str, change: str, address: bytes) -> bytes:
    """The body of an event about the node at an address of four bytes."""
    strings = b"".join(struct.pack(">H", len(text)) + text.encode() for text in (kind, change))
    return strings + bytes((len(address),)) + address + struct.pack(">i", 9042)


def read_frame(file: object) -> tuple[int, bytes]:
    """The stream id and body of the next frame."""
    head = file.read(9)  # type: ignore[attr-defined]
    if len(head) < 9:
        raise EOFError
    _, _, stream, _, length = HEADER.unpack(head)
    return stream, file.read(length)  # type: ignore[attr-defined]


class FakeNode:
    """Accepts connections at an address and answers, until it is killed."""

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0), delay_s: float = 0.0) -> None:
        self._server = socket.create_server(address, backlog=64)
        self.address: tuple[str, int] = self._server.getsockname()
        self.connections: list[socket.socket] = []
        self.frames = 0
        self.ended = 0
        """Connections that the other side has ended."""
        self.delay_s = delay_s
        self._gate = threading.Event()
        self._gate.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def name(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    def kill(self) -> None:
        """Close everything, as the end of the process does."""
        self._gate.set()
        for sock in (self._server, *self.connections):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def stall(self, value: bool) -> None:
        """Answer nothing for a while."""
        if value:
            self._gate.clear()
        else:
            self._gate.set()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        with suppress(OSError):
            while data := connection.recv(65536):
                buffer += data
                answers = []
                while len(buffer) >= 9:
                    _, _, stream, opcode, length = HEADER.unpack_from(buffer)
                    if len(buffer) < 9 + length:
                        break
                    buffer = buffer[9 + length :]
                    self.frames += 1
                    answers.append(response(stream, opcode=READY if opcode == STARTUP else RESULT))
                self._gate.wait()
                connection.sendall(b"".join(answers))
        self.ended += 1
