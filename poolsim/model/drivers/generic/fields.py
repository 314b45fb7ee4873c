"""What the generic driver keeps in the records besides, and the values of its switches."""

from __future__ import annotations

from poolsim.model.records import (
    Attempt,
    Client,
    Connection,
    Pool,
    Session,
    Thread,
    extends,
)

MILLIONTHS = 1_000_000
"""Of `max_requests`: what the watermarks are kept in."""

LEAST_LOADED = 0
ROUND_ROBIN = 1
RANDOM = 2
BY_SHARD = 3
SELECTION_NAMES = ("least_loaded", "round_robin", "random", "by_shard")

BUFFER_RESPONSES = 0
PAUSE_READING = 1
DROP_CONNECTION = 2
RESPONSE_NAMES = ("buffer", "pause", "drop")

BEFORE_START = 0
AT_START = 1
ON_DEMAND = 2
WARMING_NAMES = ("before_start", "at_start", "on_demand")


@extends(Client)
class GenericClient:
    """The driver's settings."""

    selection: int = 0  # SELECTION_NAMES
    selection_lane: int = -1  # of draws, for random selection
    shards: int = 1
    shard_lane: int = -1  # of draws: the shard that a request's key is in
    sequential: int = 0  # 1: stream ids are allocated in sequence
    high_watermark: int = MILLIONTHS
    low_watermark: int = MILLIONTHS
    rejects: int = 0  # 1: what comes above the high watermark is rejected, not queued
    responses: int = 0  # RESPONSE_NAMES
    pings: int = 0  # 1: a heartbeat takes no stream id
    pipelining: int = 1  # 0: one request at a time on a connection
    warming: int = 0  # WARMING_NAMES
    idle_check: int = 0  # from one look for idle connections to the next
    idle_jitter: int = 0  # most by which a connection's idle timeout is longer, in millionths of it
    idle_lane: int = -1  # of draws: the part of that which a connection has
    batch_requests: int = 0  # that make a batch, 0: no number does
    batch_delay: int = 0  # after which a batch is flushed, 0: there are no batches
    read_buffer: int = 0  # bytes
    write_buffer: int = 0
    request_size: int = 0
    response_size: int = 0
    bandwidth: int = 0  # bits per second each way, 0: no limit
    prepare_cost: int = 0  # of an I/O thread, from stream allocation to the write buffer
    syscall_cost: int = 0
    decode_cost: int = 0  # of an I/O thread, from the socket to the result
    callback_cost: int = 0
    callback_threads: int = 0  # 0: callbacks run on the connection's I/O thread
    connections_a_thread: int = 0  # 0: connections take turns among the I/O threads
    gc_every: int = 0  # from one collector's pause to the next, 0: none
    gc_after: int = 0  # bytes, allocated, that lead to a pause, 0: none does
    gc_pause: int = 0
    request_allocation: int = 0  # bytes
    response_allocation: int = 0


@extends(Session)
class GenericSession:
    """What an instance keeps."""

    first_callback_thread: int = 0
    gc_phase: int = 0  # when its first collector's pause begins
    gc_at: int = -1  # the next one
    gc_until: int = 0  # when the last pause ends that allocation led to
    allocated: int = 0  # bytes, since then
    cleanup_at: int = -1  # the next look for idle connections
    out_free_at: int = 0  # when its network interface has sent what it was given
    in_free_at: int = 0  # and has received what is on its way


@extends(Thread)
class GenericThread:
    """What the driver knows of one of its I/O threads."""

    connections: int = 0


@extends(Pool)
class GenericPool:
    """What a pool keeps."""

    making: int = 0  # connections asked for, from the asking to their outcome
    selected: int = 0  # selections so far, for round robin
    was_ready: int = 0  # 1: it has had its core connections once


@extends(Connection)
class GenericConnection:
    """What a connection keeps."""

    queued: int = 0  # requests that wait for it
    pressed: int = 0  # 1: from the high watermark on, until the low one is reached
    full: int = 0  # 1: it has rejected for want of room, and there was none since
    sequential: int = 0  # 1: its stream ids are allocated in sequence, not from a free list
    next_stream: int = 0  # in sequence, once all ids have been used
    shard: int = 0
    quiet_since: int = 0  # nothing sent or queued from here on
    write_first: int = -1  # attempts in its write buffer, in order
    write_last: int = -1
    write_count: int = 0
    write_bytes: int = 0
    flush_at: int = -1  # when its agenda entry is due
    read_begins: int = -1  # when the I/O thread begins the read that was last planned
    unread_first: int = -1  # attempts whose responses are in the socket, unread
    unread_last: int = -1
    unread_next: int = -1  # the one of those that is being read
    paused: int = 0  # 1: nothing is read from the socket
    read_bytes: int = 0  # of responses read that no callback has taken
    read_full: int = 0  # 1: the read buffer has been full, and not half empty since


@extends(Attempt)
class GenericAttempt:
    """What the driver remembers of an attempt."""

    avoid: int = -1  # the connection that a retry is not to go to
    progress: int = 0  # of its response within the client: reading.ON_THE_WAY, ...
    kept: int = 0  # 1: in a write buffer or unread in a socket: nothing on the agenda
    link: int = -1  # in either of those
    serial: int = -1  # of the connection on which its response was read
