"""What a driver is besides its rules: constants that the build of a world asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """Constants of a driver.

    timer_tick_ns: granularity of the timers of requests and messages (0: exact).
    timeout_covers_request: whether the request timeout covers all attempts or each by itself.
    one_core: whether issuing and I/O share one thread (a process with a global lock).
    retry: the default policy, of policies/retry.py.
    handshake_messages: round trips of a handshake, TCP included, without authentication and
        keyspace.
    """

    timer_tick_ns: int
    timeout_covers_request: bool
    one_core: bool
    retry: int
    handshake_messages: int
