"""What only the generic driver has of options, with its defaults, in model units.

The document "Asynchronous Connections" is cited as 002:line; a default without a line is a choice
where the document gives none.
"""

from __future__ import annotations

from dataclasses import dataclass

BUFFER = 64_000
"""Bytes of a buffer: 002:400, 407"""
FRAME_OBJECT = 64
"""Bytes of the object that describes a frame, without its bytes; the document has no sizes."""
FUTURE_OBJECT = 64
"""Bytes of a future or promise."""


@dataclass(frozen=True, slots=True)
class GenericOptions:
    """Options of the generic driver; sizes in bytes, shares of 1.

    `streams` 0: as many as the protocol has; `shards` 0: as many as `pooling.local.max`;
    `batch_requests` 0: no number of requests completes a batch; `batch_delay_ns` 0: each request is
    flushed by itself; `bandwidth` in bits per second, 0: no limit; `gc_every_ns` 0: no pauses at
    intervals; `gc_after` 0: none after so many bytes; `connection_overhead` 0: both buffers;
    `result_overhead` 0: the response's frame.
    """

    selection: str = "least_loaded"
    """002:210"""
    shards: int = 0
    idle_check_ns: int = 1_000_000_000
    idle_jitter: float = 0.0
    stream_allocation: str = "pooled"
    streams: int = 0
    high_watermark: float = 0.8
    """002:158"""
    low_watermark: float = 0.5
    """002:159"""
    policy: str = "queue"
    """002:318"""
    busy: str = "throw"
    """002:322"""
    responses: str = "buffer"
    """002:334"""
    heartbeat_mechanism: str = "options"
    """002:359"""
    max_retries: int = 1
    pipelining: bool = True
    """002:281-298"""
    warming: str = "before_start"
    """002:510"""
    batch_requests: int = 0
    batch_delay_ns: int = 0
    read_buffer: int = BUFFER
    write_buffer: int = BUFFER
    request_size: int = 256
    response_size: int = 1_024
    bandwidth: int = 0
    stream_allocation_ns: int = 500
    """below 1 us: 002:483"""
    encoding_ns: int = 10_000
    """1-10 us, the upper end: 002:484"""
    prepared_encoding_ns: int = 1_000
    """1-10 us, the lower end: 002:484, 513"""
    prepared_statements: bool = True
    """002:513"""
    copy_ns: int = 2_000
    """1-5 us: 002:485"""
    zero_copy: bool = False
    """002:485, 512"""
    syscall_ns: int = 5_000
    """1-10 us: 002:486"""
    threading: str = "thread_pool"
    """002:453"""
    connections_per_io_thread: int = 8
    callback_threads: int = 4
    callback_ns: int = 0
    context_switch_ns: int = 0
    gc_every_ns: int = 0
    gc_after: int = 0
    gc_pause_ns: int = 0
    pools_frames: bool = True
    """002:412-421: drivers do"""
    pools_byte_buffers: bool = True
    pools_futures: bool = True
    pools_row_objects: bool = True
    connection_overhead: int = 0
    """128 kB by default: 002:400, 407, 433"""
    request_overhead: int = 2_000
    """002:434"""
    result_overhead: int = 0
    thread_stack: int = 1_000_000
    """002:17"""

    @property
    def connection_memory(self) -> int:
        """Bytes of a connection: its two buffers, unless something else is written."""
        return self.connection_overhead or self.read_buffer + self.write_buffer

    @property
    def result_memory(self) -> int:
        """Bytes of a response that waits: its frame, unless something else is written."""
        return self.result_overhead or self.response_size

    @property
    def request_allocation(self) -> int:
        """Bytes that sending a request allocates, of what is not pooled."""
        return (
            FRAME_OBJECT * (not self.pools_frames)
            + self.request_size * (not self.pools_byte_buffers)
            + FUTURE_OBJECT * (not self.pools_futures)
        )

    @property
    def response_allocation(self) -> int:
        """Bytes that reading a response allocates, of what is not pooled."""
        return (
            FRAME_OBJECT * (not self.pools_frames)
            + self.response_size * (not self.pools_byte_buffers)
            + self.response_size * (not self.pools_row_objects)
        )
