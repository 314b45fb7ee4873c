"""Headers of CQL frames, protocol versions 1 to 4, and the request number in a custom payload.

A frame is a header of 8 bytes (v1, v2: one byte of stream id) or 9 bytes (v3, v4: two) and a body
whose length the header tells (native_protocol_v4.spec, section 2). Version 5 wraps frames in
segments, which the harness does not use.
"""

from __future__ import annotations

import struct

STARTUP = 0x01
QUERY = 0x07
EXECUTE = 0x0A
REGISTER = 0x0B
BATCH = 0x0D
"""Opcodes of requests."""
EVENT = 0x0C
"""What a node tells a control connection unasked."""

CUSTOM_PAYLOAD = 0x04
COMPRESSED = 0x01
"""Flags of a frame."""

LAST_VERSION = 4
LONGEST_BODY = 256 << 20
"""What the protocol allows; a longer one is no CQL."""

PAYLOAD_KEY = b"poolsim"
NO_NUMBER = -1

_WIDE = struct.Struct(">BBhBi")
_NARROW = struct.Struct(">BBbBi")
_SHORT = struct.Struct(">H")
_INT = struct.Struct(">i")
_LONG = struct.Struct(">q")
_ONE_KEY = _SHORT.pack(1) + _SHORT.pack(len(PAYLOAD_KEY)) + PAYLOAD_KEY
"""How a payload with nothing but the number begins."""


class NotCql(Exception):
    """The bytes are no frame of protocol version 1 to 4."""


Frame = tuple[int, int, int, int, int, int]
"""Flags, stream id, opcode, where it begins, where its body begins, where it ends."""


def split(data: bytes, most: int = 1 << 30) -> tuple[list[Frame], int]:
    """Find the whole frames at the beginning of `data`.

    Returns:
        The frames, and where the last of them ends: what follows is the beginning of another.

    Raises:
        NotCql: a frame has another version, or a length that no frame has.
    """
    frames: list[Frame] = []
    place, end = 0, len(data)
    while place < end and len(frames) < most:
        version = data[place] & 0x7F
        if version >= 3:
            if version > LAST_VERSION:
                raise NotCql(f"protocol version {version}")
            if end - place < 9:
                break
            _, flags, stream, opcode, length = _WIDE.unpack_from(data, place)
            body = place + 9
        else:
            if version == 0:
                raise NotCql("protocol version 0")
            if end - place < 8:
                break
            _, flags, stream, opcode, length = _NARROW.unpack_from(data, place)
            body = place + 8
        if not 0 <= length <= LONGEST_BODY:
            raise NotCql(f"a frame of {length} bytes")
        after = body + length
        if after > end:
            break
        frames.append((flags, stream, opcode, place, body, after))
        place = after
    return frames, place


def request_number(data: bytes, flags: int, body: int, end: int) -> tuple[int, int]:
    """Read the number and the attempt that a request's custom payload carries.

    Returns:
        (number, attempt); -1 for what is not there.
    """
    if not flags & CUSTOM_PAYLOAD or flags & COMPRESSED:
        return NO_NUMBER, NO_NUMBER
    value = body + len(_ONE_KEY) if data.startswith(_ONE_KEY, body) else _find(data, body, end)
    if value < 0 or value + 12 > end:
        return NO_NUMBER, NO_NUMBER
    (length,) = _INT.unpack_from(data, value)
    if length < 8:
        return NO_NUMBER, NO_NUMBER
    number: int = _LONG.unpack_from(data, value + 4)[0]
    if length < 12 or value + 16 > end:
        return number, NO_NUMBER
    attempt: int = _INT.unpack_from(data, value + 12)[0]
    return number, attempt


def _find(data: bytes, body: int, end: int) -> int:
    """Where the value of the harness's key begins in a map of several; -1 where it is not."""
    try:
        (keys,) = _SHORT.unpack_from(data, body)
        place = body + 2
        for _ in range(keys):
            value: int = place + 2 + _SHORT.unpack_from(data, place)[0]
            if data[place + 2 : value] == PAYLOAD_KEY:
                return value
            (length,) = _INT.unpack_from(data, value)
            place = value + 4 + max(length, 0)
            if place >= end:
                return -1
    except struct.error:
        return -1
    return -1


def status_change(data: bytes, body: int, end: int) -> tuple[str, str] | None:
    """What an EVENT says of a node's status (native_protocol_v4.spec, section 4.2.6).

    Returns:
        (UP or DOWN, the node's IPv4 address); None for another event.
    """
    try:
        kind, place = _string(data, body)
        if kind != "STATUS_CHANGE":
            return None
        change, place = _string(data, place)
        if data[place] != 4 or place + 5 > end:
            return None
        return change, ".".join(str(part) for part in data[place + 1 : place + 5])
    except (struct.error, IndexError, UnicodeDecodeError):
        return None


def _string(data: bytes, place: int) -> tuple[str, int]:
    """A [string] of the protocol, and where it ends."""
    end = place + 2 + _SHORT.unpack_from(data, place)[0]
    return data[place + 2 : end].decode(), end


def is_handshake_query(data: bytes, body: int, end: int) -> bool:
    """Whether a QUERY is one that drivers send while they set a connection up.

    Java 3.x asks for the cluster's name; all of them send USE for a session's keyspace.
    """
    if end - body < 4:
        return False
    (length,) = _INT.unpack_from(data, body)
    text = data[body + 4 : min(body + 4 + max(length, 0), end)][:64].lstrip().lower()
    return text.startswith((b"use ", b"select cluster_name from system.local"))
