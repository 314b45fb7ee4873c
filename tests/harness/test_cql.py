"""The health check's client against a server of the test's own, and what it makes of answers."""

import socket
import struct
import threading

import pytest

from poolsim.harness.cluster import cql, health

VERSION = bytes(range(16))
OTHER_VERSION = bytes(16)


def frame(opcode: int, body: bytes) -> bytes:
    return struct.pack(">BBhBI", 0x84, 0, 0, opcode, len(body)) + body


def rows(*values: tuple[bytes | None, ...], flags: int = 0x0004) -> bytes:
    columns = len(values[0]) if values else 1
    body = struct.pack(">iiii", 2, flags, columns, len(values))
    for row in values:
        for value in row:
            body += struct.pack(">i", -1 if value is None else len(value)) + (value or b"")
    return frame(0x08, body)


class Server:
    """Answers each connection's first frame by READY, its second by what `answer` gives."""

    def __init__(self, answer):
        self.answer = answer
        self.asked: list[tuple[int, bytes]] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                for number in range(2):
                    header = stream.read(9)
                    if len(header) < 9:
                        break
                    _, _, _, opcode, length = struct.unpack(">BBhBI", header)
                    body = stream.read(length)
                    self.asked.append((opcode, body))
                    reply = frame(0x02, b"") if number == 0 else self.answer(body)
                    # In pieces, as a network may deliver it.
                    for part in (reply[:5], reply[5:]):
                        connection.sendall(part)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_a_query_is_asked_and_its_rows_are_read(serve):
    server = serve(lambda body: rows((b"one", None), (b"", b"two")))
    assert cql.query("127.0.0.1", server.port, "SELECT x", 5) == [[b"one", None], [b"", b"two"]]
    startup, query = server.asked
    assert startup == (0x01, b"\0\1\0\x0bCQL_VERSION\0\x053.0.0")
    assert query == (0x07, b"\0\0\0\x08SELECT x\0\x01\x02")


def test_no_rows_are_no_rows(serve):
    server = serve(lambda body: rows())
    assert cql.query("127.0.0.1", server.port, "SELECT x", 5) == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (frame(0x00, b"\0\0\x20\0\0\x03bad"), "0x00"),
        (frame(0x08, struct.pack(">iii", 1, 0, 0)), "kind 1"),
        (rows((b"x",), flags=0x0006), "page"),
    ],
)
def test_another_answer_is_an_error_that_tells_it(serve, reply, said):
    server = serve(lambda body: reply)
    with pytest.raises(cql.ProtocolError, match=said):
        cql.query("127.0.0.1", server.port, "SELECT x", 5)


def test_a_closed_connection_and_a_silent_node_are_errors_of_the_system(serve):
    server = serve(lambda body: b"")
    with pytest.raises(OSError, match="closed"):
        cql.query("127.0.0.1", server.port, "SELECT x", 5)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        cql.query("127.0.0.1", silent.getsockname()[1], "SELECT x", 0.1)


def peer(last: int, version: bytes | None = VERSION) -> tuple[bytes | None, ...]:
    address = bytes([127, 0, 0, last])
    return (address, version, b"host", address, b"tokens")


@pytest.mark.parametrize(
    ("peers", "whole"),
    [
        ([peer(2), peer(3)], True),
        ([peer(2)], False),
        ([peer(2), peer(3), peer(4)], False),
        ([peer(2), peer(3, OTHER_VERSION)], False),
        ([peer(2), peer(3, None)], False),
    ],
)
def test_a_ring_is_whole_when_all_know_all_and_agree(monkeypatch, peers, whole):
    def query(address, port, statement, within_s):
        if "local" in statement:
            return [[VERSION]]
        if address == "127.0.0.1":
            return [list(row) for row in peers]
        return [list(peer(k)) for k in (1, 2, 3) if not address.endswith(str(k))]

    monkeypatch.setattr(cql, "query", query)
    assert health.is_whole(["127.0.0.1", "127.0.0.2", "127.0.0.3"]) is whole


def test_a_node_that_refuses_does_not_answer(monkeypatch):
    def refuse(address, port, statement, within_s):
        raise ConnectionRefusedError

    monkeypatch.setattr(cql, "query", refuse)
    assert not health.answers("127.0.0.1")
    assert not health.is_whole(["127.0.0.1"])
