"""One question to one node in the native protocol, version 4: enough to see whether it is well.

Not a driver of the harness: those are measured, so the health check shall not depend on one.
Source: the native protocol specification, version 4 (frames 2, STARTUP 4.1.1, QUERY 4.1.4, Rows
4.2.5.2).
"""

from __future__ import annotations

import socket
import struct

_REQUEST_V4 = 0x04
_STARTUP = 0x01
_READY = 0x02
_QUERY = 0x07
_RESULT = 0x08
_ROWS = 2
_CONSISTENCY_ONE = 0x0001
_SKIP_METADATA = 0x02
_HEADER = struct.Struct(">BBhBI")


class ProtocolError(Exception):
    """The node answers, but not with what was asked for."""


def query(address: str, port: int, statement: str, within_s: float) -> list[list[bytes | None]]:
    """Rows of a SELECT, each value in the protocol's bytes, None for null.

    Args:
        address: The node's address.
        port: Its native port.
        statement: A SELECT without parameters, its result within one page.
        within_s: Limit for each exchange, in seconds.

    Raises:
        OSError: It cannot be reached, or does not answer in time.
        ProtocolError: It answers something else.
    """
    with socket.create_connection((address, port), timeout=within_s) as connection:
        _ask(connection, _STARTUP, _string_map({"CQL_VERSION": "3.0.0"}), expected=_READY)
        encoded = statement.encode()
        body = struct.pack(">I", len(encoded)) + encoded
        body += struct.pack(">HB", _CONSISTENCY_ONE, _SKIP_METADATA)
        return _rows(_ask(connection, _QUERY, body, expected=_RESULT))


def _ask(connection: socket.socket, opcode: int, body: bytes, *, expected: int) -> bytes:
    """Send a frame on stream 0 and give the body of the answer."""
    connection.sendall(_HEADER.pack(_REQUEST_V4, 0, 0, opcode, len(body)) + body)
    _, _, _, answered, length = _HEADER.unpack(_read(connection, _HEADER.size))
    answer = _read(connection, length)
    if answered != expected:
        raise ProtocolError(f"opcode {answered:#04x} instead of {expected:#04x}: {answer[:200]!r}")
    return answer


def _read(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise ConnectionResetError("the node closed the connection")
        parts += part
    return bytes(parts)


def _string_map(values: dict[str, str]) -> bytes:
    encoded = struct.pack(">H", len(values))
    for text in (text for pair in values.items() for text in pair):
        encoded += struct.pack(">H", len(text.encode())) + text.encode()
    return encoded


def _rows(body: bytes) -> list[list[bytes | None]]:
    """The values of a Rows result without metadata."""
    kind, flags, columns = struct.unpack_from(">iii", body)
    if kind != _ROWS or not flags & 0x0004:
        raise ProtocolError(f"result of kind {kind}, flags {flags:#x}, instead of bare rows")
    at = 12
    if flags & 0x0002:
        raise ProtocolError("the result has more than one page")
    (count,) = struct.unpack_from(">i", body, at)
    at += 4
    rows: list[list[bytes | None]] = []
    for _ in range(count):
        row: list[bytes | None] = []
        for _ in range(columns):
            (length,) = struct.unpack_from(">i", body, at)
            at += 4
            row.append(None if length < 0 else body[at : at + length])
            at += max(length, 0)
        rows.append(row)
    return rows
