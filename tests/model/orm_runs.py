"""Short runs of CassandraORM: options as a user writes them, requests at instants, one node or few
(tests/model/fault_runs.py has the times: 0.25 ms one way, a service of 1 ms)."""

from __future__ import annotations

from poolsim.scenario.scenario import Scenario
from tests.model.fault_runs import ran, told
from tests.model.python_pools import Ran

ORM = "cassandraorm"
TICK = 1_000_000
"""The driver's timers are of whole milliseconds, and fire within the one after."""
QUIET = "heartBeatInterval: 0s"
"""No heartbeats among the requests in flight."""


def orm(*faults: str, options: str = "", pooling: str = "", **more: object) -> Ran:
    """A run of one client with these options, and these below `pooling`."""
    return ran(ORM, *faults, options=written(options, pooling), **more)


def asked(*faults: str, options: str = "", pooling: str = "", **more: object) -> Scenario:
    """The scenario of `orm`."""
    return told(ORM, *faults, options=written(options, pooling), **more)  # type: ignore[arg-type]


def written(options: str, pooling: str) -> str:
    """The block of options."""
    parts = [options] if options else []
    parts += [f"pooling: {{{pooling}}}"] if pooling else []
    return "{" + ", ".join(parts) + "}"


def times(*seconds: float) -> tuple[str, ...]:
    """Instants as a trace has them."""
    return tuple(f"{round(second * 1e9)}ns" for second in seconds)
