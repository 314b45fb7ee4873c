"""What an engine hands to the recording: three kinds of rows of int64, and nothing else.

Both engines produce the same rows in the same order for the same scenario and seed, so the digest
is a hash of them and everything people see is derived from them.
"""

from __future__ import annotations

REQUEST_COLUMNS = (
    "number",  # counts from 0 within its client entry
    "session",  # index over all instances of all client entries, in the file's order
    "node",  # the node of the last attempt, -1 where no host was tried
    "outcome",  # model.kinds.OUTCOME_NAMES
    "attempts",  # hosts tried, also where the pool refused
    "intended_ns",  # when the request should have been sent; latency counts from here
    "issued_ns",  # when it entered the driver: after the application's limit and issuing thread
    "wait_ns",  # waited for a stream, over all attempts
    "service_ns",  # last attempt: from the write to its response or failure (0: never written)
    "ended_ns",
    "error_kinds",  # 4 bits an attempt that failed, the first lowest (at most 6; ERROR_NAMES)
    "error_hosts",  # 10 bits an attempt that failed: node index + 1, the first lowest
)
"""One row per request that ended, in the order of their ends."""

NOTE_COLUMNS = (
    "time_ns",
    "kind",  # model.kinds.NOTE_NAMES
    "session",  # -1 for what happens to a node
    "node",
    "connection",  # serial number over the run, -1 where there is none
    "value",
)
"""One row per event of the event table, in the order of their happening."""

SAMPLE_COLUMNS = (
    "active",  # handshake done and in the pool
    "trashed",
    "connecting",
    "in_flight",  # as the driver counts
    "max_load",  # active x max_requests of today's options
    "pending",  # the acquisition queue as the driver counts it (java3: expired entries too)
    "orphaned",  # streams held by requests that timed out
    "rejected",  # attempts refused by the pool since the start (queue full, off or timed out)
    "sent",  # attempts written since the start
    "undersized",  # pools smaller than their load needs, or missing
    "down",  # sessions that hold the host for down
    "buffered",  # responses that were read and that the application has not taken (generic)
    "busy_ns",  # that I/O and callback threads have worked since the start (generic)
    "syscalls",  # since the start (generic)
)
"""One table per sample instant, shape (clients x nodes, len(SAMPLE_COLUMNS)), summed over the
instances of a client entry; the row of client c and node n is c * nodes + n."""
