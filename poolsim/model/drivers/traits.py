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
    blocking_borrow: whether a borrow that waits blocks the thread that called it.
    retries_on_executor: whether a request goes on to the next host on a thread of the executor.
    connect_timeout_covers_handshake: whether the connect timeout covers the whole handshake or
        TCP alone, each message after it having the read timeout.
    rotates_remote_hosts: whether plans take turns among the hosts of a remote datacenter or
        always offer the first ones.
    timeout_includes_wait: whether the timeout of an attempt runs while it waits for a stream id.
    replicas_from_random_start: whether a token-aware plan takes the replicas in ring order from one
        that is drawn.
    undecodable_is_final: whether a request whose answer cannot be decoded ends with that error, and
        answers that nobody waits for are not decoded; or it fails as all others on its connection.
    own_steps: whether the driver writes requests and takes the steps of their responses within the
        client itself (ports response_step and flush_due).
    """

    timer_tick_ns: int
    timeout_covers_request: bool
    one_core: bool
    retry: int
    handshake_messages: int
    blocking_borrow: bool = False
    retries_on_executor: bool = False
    connect_timeout_covers_handshake: bool = False
    rotates_remote_hosts: bool = True
    timeout_includes_wait: bool = False
    replicas_from_random_start: bool = False
    undecodable_is_final: bool = False
    own_steps: bool = False
