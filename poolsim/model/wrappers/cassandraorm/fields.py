"""What CassandraORM keeps besides the driver below it."""

from __future__ import annotations

from poolsim.model.records import (
    Attempt,
    Client,
    Connection,
    Pool,
    Request,
    Session,
    extends,
)

CIRCUIT_IS_CLOSED = 0  # values of Pool.orm_circuit
CIRCUIT_IS_OPEN = 1
CIRCUIT_IS_HALF_OPEN = 2

WHOLE = 1_000
"""Shares and the multiplier of delays are in thousandths."""


@extends(Client)
class OrmClient:
    """Options; 0 means that there is no such thing."""

    orm_advanced: int = 0  # 0: the plain pool
    orm_warm_up: int = 0  # 1: the load waits for pools, those that are `orm_awaited`
    orm_warm_up_timeout: int = 0
    orm_metrics_interval: int = 0
    orm_batch_size: int = 0
    orm_batch_timeout: int = 0
    orm_adaptive_interval: int = 0
    orm_adaptive_min: int = 0
    orm_adaptive_max: int = 0
    orm_target: int = 0
    orm_scale_up: int = 0
    orm_scale_down: int = 0
    orm_retries: int = 0
    orm_retry_delay: int = 0
    orm_fails_over: int = 0
    orm_failovers: int = 0
    orm_failover_delay: int = 0
    orm_failover_multiplier: int = 0
    orm_discovery_interval: int = 0
    orm_check_interval: int = 0
    orm_check_timeout: int = 0
    orm_threshold: int = 0  # of the circuit breaker
    orm_recovery_timeout: int = 0
    orm_trials: int = 0
    orm_log_requests: int = 0
    orm_log_errors: int = 0


@extends(Session)
class OrmSession:
    """Timers of the pool as a whole, -1 where none runs, and a batch that fills."""

    orm_warm_up_until: int = -1
    orm_metrics_at: int = -1
    orm_adaptive_at: int = -1
    orm_check_at: int = -1
    orm_discovery_at: int = -1
    orm_batch_at: int = -1
    orm_batch_first: int = -1
    orm_batch_last: int = -1
    orm_batched: int = 0
    orm_flushed_at: int = -1  # when a batch was last sent


@extends(Pool)
class OrmPool:
    """What is known of one host."""

    orm_most: int = 0  # connections that it may have
    orm_floor: int = 0  # idle ones are closed down to here
    orm_initial: int = 0  # connections that it begins with
    orm_awaited: int = 0  # 1: the load waits for it at the start
    orm_gave_up: int = 0  # 1: a connection could not be made during the warm-up
    orm_circuit: int = 0
    orm_failures: int = 0  # in a row
    orm_opened_at: int = 0
    orm_openings: int = 0
    orm_tried: int = 0  # trial requests since it is half open
    orm_answered: int = 0  # of them
    orm_unhealthy: int = 0
    orm_check: int = -1  # number of the check that is under way
    orm_check_until: int = -1


@extends(Connection)
class OrmConnection:
    """Of a single connection."""

    orm_created: int = 0
    orm_last_used: int = 0  # when a request was last written on it or answered
    orm_idle_at: int = -1  # when it is looked at for idleness
    orm_written_at: int = -1  # when something of a batch was last written on it


@extends(Request)
class OrmRequest:
    """How far a request's own rules have come."""

    orm_retries: int = 0
    orm_failovers: int = 0
    orm_left: int = 0  # 1 + node of the host that it fails over from, 0: it does not


@extends(Attempt)
class OrmAttempt:
    """Of a single attempt."""

    orm_trial: int = 0  # of which opening of the host's circuit it is a trial, 0: of none
