"""Frames of CQL, whole and in pieces, and the number of a request in its custom payload."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolsim.harness.proxy.frames import (
    CUSTOM_PAYLOAD,
    NotCql,
    is_handshake_query,
    request_number,
    split,
)
from tests.harness.fake_node import HEADER, QUERY, request

Payload = dict[bytes, bytes | None]


def encoded(payload: Payload) -> bytes:
    parts = [struct.pack(">H", len(payload))]
    for key, value in payload.items():
        parts.append(struct.pack(">H", len(key)) + key)
        parts.append(struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)))
        parts.append(value or b"")
    return b"".join(parts)


def number_in(payload: Payload, after: bytes = b"rest") -> tuple[int, int]:
    data = b"before" + encoded(payload) + after
    return request_number(data, CUSTOM_PAYLOAD, 6, len(data))


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 60))
def test_whole_frames_are_found_wherever_the_data_ends(bodies: list[bytes], cut: int) -> None:
    frames = [HEADER.pack(4, 0, n, QUERY, len(body)) + body for n, body in enumerate(bodies)]
    data = b"".join(frames)[:cut]
    found, end = split(data)
    whole = 0
    while whole < len(frames) and sum(map(len, frames[: whole + 1])) <= len(data):
        whole += 1
    assert [stream for _, stream, *_ in found] == list(range(whole))
    assert end == sum(map(len, frames[:whole]))
    for n, (flags, _, opcode, begin, body, after) in enumerate(found):
        assert (flags, opcode) == (0, QUERY)
        assert data[begin:after] == frames[n]
        assert data[body:after] == bodies[n]


@pytest.mark.parametrize("version", [1, 2, 0x81])
def test_old_versions_have_one_byte_of_stream_id(version: int) -> None:
    data = struct.pack(">BBbBi", version, 0, -1, 0x0C, 3) + b"abc"
    assert split(data * 2) == ([(0, -1, 0x0C, 0, 8, 11), (0, -1, 0x0C, 11, 19, 22)], 22)


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(5, 0, 0, 1, 0),
        HEADER.pack(0, 0, 0, 1, 0),
        HEADER.pack(4, 0, 0, 1, -1),
        HEADER.pack(4, 0, 0, 1, 1 << 30),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(NotCql):
        split(data)


def test_a_number_is_found_alone_and_among_others() -> None:
    value = struct.pack(">q", 7_000_000_000)
    assert number_in({b"poolsim": value}) == (7_000_000_000, -1)
    assert number_in({b"poolsim": value + struct.pack(">i", 3)}) == (7_000_000_000, 3)
    assert number_in({b"a": b"x", b"n": None, b"poolsim": value}) == (7_000_000_000, -1)


def test_no_number_where_none_is() -> None:
    assert number_in({}) == (-1, -1)
    assert number_in({b"other": b"12345678"}) == (-1, -1)
    assert number_in({b"poolsim": b"short"}) == (-1, -1)
    assert number_in({b"poolsim": None}) == (-1, -1)
    data = request(1)
    assert request_number(data, 0, 9, len(data)) == (-1, -1)
    assert request_number(b"\x00\x05\x00", CUSTOM_PAYLOAD, 0, 3) == (-1, -1)


def test_queries_of_handshakes_are_told_from_others() -> None:
    for text, expected in [
        ("USE system", True),
        ('use "Ks"', True),
        ("select cluster_name from system.local where key = 'local'", True),
        ("SELECT key FROM system.local WHERE key='local'", False),
        ("user", False),
    ]:
        data = request(1, text=text)
        assert is_handshake_query(data, 9, len(data)) is expected, text
